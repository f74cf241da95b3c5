import pytest
from chassis import blobs
from chassis.errors import InvalidInput, NotFound, Unavailable
from ingestion.adapters.obstore_recordings import ObstoreRecordings


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "blobs of 明鉴"


@pytest.fixture
def recordings(folder):
    return ObstoreRecordings(blobs.open_store(folder.as_uri()), folder.as_uri())


async def pieces(content, size=1_000_000, failure=None):
    for begin in range(0, len(content), size):
        yield content[begin:begin + size]
    if failure:
        raise failure


def files(folder):
    return [p for p in folder.rglob("*") if p.is_file()]


@pytest.mark.parametrize("size", [5, 12_000_000])
async def test_what_was_kept_is_read_byte_by_byte_until_it_is_dropped(recordings, folder, size):
    content = bytes(range(250)) * (size // 250) or b"small"
    await recordings.keep("t1/x", pieces(content))
    assert b"".join([c async for c in recordings.read("t1/x")]) == content
    await recordings.drop("t1/x")
    await recordings.drop("t1/x")
    with pytest.raises(NotFound):
        [c async for c in recordings.read("t1/x")]
    assert files(folder) == []


@pytest.mark.parametrize("size", [5, 12_000_000])
async def test_a_file_that_breaks_off_is_not_kept(recordings, folder, size):
    with pytest.raises(InvalidInput):
        await recordings.keep("t1/x", pieces(bytes(size), failure=InvalidInput("audio", "broke off")))
    assert files(folder) == []


async def test_a_recording_is_probed_where_it_lies(recordings, recorded):
    await recordings.keep("t1/x", pieces(recorded(seconds=20)))
    found = await recordings.probe("t1/x", "", max_ms=60_000)
    assert (found.container, found.channels, found.read_ms) == ("wav", 2, 20_000)


async def test_dropping_removes_the_parts_a_killed_writer_left(recordings, folder):
    (folder / "t1").mkdir()
    for name in ("x#1", "x#2", "xy#1"):
        (folder / "t1" / name).write_bytes(b"part")
    await recordings.drop("t1/x")
    assert [p.name for p in files(folder)] == ["xy#1"]


async def test_a_store_that_takes_nothing_is_unavailable(recordings, folder):
    (folder / "t1").write_bytes(b"in the way")  # where a folder should be made
    with pytest.raises(Unavailable):
        await recordings.keep("t1/x", pieces(b"sound"))
    with pytest.raises(Unavailable):
        await recordings.probe("t1/x", "", max_ms=60_000)
