import asyncio
import time


async def test_a_head_without_end_is_cut_off(world):
    reader, writer = await asyncio.open_connection("127.0.0.1", world.edge.http_port)
    writer.write(b"GET /v1/caller HTTP/1.1\r\nHost: x\r\n")
    async with asyncio.timeout(10):
        try:
            for n in range(2000):
                writer.write(b"X-%d: " % n + b"y" * 1000 + b"\r\n")
                await writer.drain()
                await asyncio.sleep(0)
            said = await reader.read()
        except ConnectionError:
            said = b"HTTP/1.1 400"
    assert said.startswith(b"HTTP/1.1 400")
    writer.close()
    assert (await world.http.get("/healthz")).status_code == 200


async def test_a_connection_that_says_nothing_is_closed(make_world):
    async with make_world(read_timeout_s=0.3) as world:
        for begun in (b"", b"GET /healthz HT"):
            reader, writer = await asyncio.open_connection("127.0.0.1", world.edge.http_port)
            writer.write(begun)
            async with asyncio.timeout(5):
                assert await reader.read() == b""
            writer.close()


async def test_a_connection_is_used_again(make_world):
    async with make_world(read_timeout_s=0.5) as world:
        for _ in range(3):
            assert (await world.http.get("/healthz")).status_code == 200
            await asyncio.sleep(0.3)


async def test_a_small_answer_does_not_wait_for_an_acknowledgement(world):
    """Head and body go out in two writes; with Nagle's delay each answer after the first would take 40 ms."""
    reader, writer = await asyncio.open_connection("127.0.0.1", world.edge.http_port)
    took = []
    for _ in range(20):
        began = time.perf_counter()
        writer.write(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
        await reader.readuntil(b'{"status":"ok"}')
        took.append(time.perf_counter() - began)
    writer.close()
    assert min(took[1:]) < 0.03
