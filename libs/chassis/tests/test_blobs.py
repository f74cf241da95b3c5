import pytest
from chassis import blobs
from chassis.errors import NotFound


async def chunks(*parts):
    for part in parts:
        yield part


async def read(store, path):
    return b"".join([c async for c in blobs.read(store, path)])


@pytest.fixture
def store(tmp_path):
    return blobs.open_store((tmp_path / "made").as_uri())


async def test_what_was_written_is_read(store):
    large = bytes(range(256)) * 40_000  # more than one part
    assert await blobs.write(store, "t1/a", chunks(large, b"end")) == len(large) + 3
    assert await read(store, "t1/a") == large + b"end"


async def test_a_missing_file_is_not_found(store):
    with pytest.raises(NotFound):
        await read(store, "t1/none")


async def test_a_write_that_breaks_off_leaves_nothing(store):
    async def broken():
        yield b"begin"
        raise ConnectionResetError

    with pytest.raises(ConnectionResetError):
        await blobs.write(store, "t1/b", broken())
    with pytest.raises(NotFound):
        await read(store, "t1/b")


async def test_deleting_twice_is_no_error(store):
    await blobs.write(store, "t1/c", chunks(b"x"))
    await blobs.delete(store, "t1/c")
    await blobs.delete(store, "t1/c")
    with pytest.raises(NotFound):
        await read(store, "t1/c")
