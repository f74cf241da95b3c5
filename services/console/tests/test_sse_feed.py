"""The gateway's events: read, shared, kept up, given up."""

import json
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from console.adapters import sse_feed
from console.adapters.sse_feed import Feeds, read_event
from console.domain.live import RESUMED, Event
from testkit.waiting import eventually


def test_an_event_is_a_cloud_event_in_json() -> None:
    data = json.dumps({"type": "mingjian.nlp.v1.AlertRaised", "time": "2026-11-21T06:00:00Z", "data": {"alert": {}}})
    assert read_event({"event": "AlertRaised", "data": data}) == Event("AlertRaised", {"alert": {}}, "2026-11-21T06:00:00Z")


@pytest.mark.parametrize(
    "fields", [{}, {"id": "nlp=3"}, {"data": "no json"}, {"data": "[]"}, {"data": '{"type": "x"}'}, {"event": "StreamEnded", "data": '{"data": {}}'}]
)
def test_anything_else_is_no_event(fields: dict[str, str]) -> None:
    assert read_event(fields) is None


@pytest.fixture
async def feeds() -> AsyncIterator[Any]:
    made: list[Feeds] = []

    def of(gateway: Any, key: str = "mj_admin") -> Any:
        if not made:
            made.append(Feeds(httpx.AsyncClient(base_url=gateway.url, trust_env=False), most=3))
        return made[0].of(key)

    yield of
    for feed in made:
        await feed.close()
        await feed._http.aclose()


async def streams(gateway: Any) -> int:
    return int(gateway.state["listeners"])


async def test_pages_of_one_key_share_one_connection(feeds: Any, gateway: Any) -> None:
    heard: list[list[Event]] = [[], [], []]
    before = await streams(gateway)
    for box in heard:
        feeds(gateway).listen(box.append)

    async def up() -> bool:
        return bool(feeds(gateway).connected)

    await eventually(up)
    assert await streams(gateway) == before + 1
    gateway.emit("AlertRaised", alert={"alert_id": "a"}, interaction={})

    async def all_heard() -> bool:
        return all([e.name for e in box] == ["AlertRaised"] for box in heard)

    await eventually(all_heard)


async def test_a_page_that_cannot_take_an_event_silences_no_other(feeds: Any, gateway: Any) -> None:
    heard: list[Event] = []

    def broken(_: Event) -> None:
        raise RuntimeError("page")

    feeds(gateway).listen(broken)
    feeds(gateway).listen(heard.append)

    async def up() -> bool:
        return bool(feeds(gateway).connected)

    await eventually(up)
    gateway.emit("AlertRaised", alert={})

    async def arrived() -> bool:
        return len(heard) == 1

    await eventually(arrived)


async def test_a_connection_that_was_cut_comes_back_and_pages_are_told(feeds: Any, gateway: Any) -> None:
    heard: list[Event] = []
    feeds(gateway).listen(heard.append)

    async def up() -> bool:
        return bool(feeds(gateway).connected)

    await eventually(up)
    gateway.control("cut")

    async def told() -> bool:
        return RESUMED in heard

    await eventually(told)
    gateway.emit("AlertRaised", alert={})

    async def arrived() -> bool:
        return heard[-1].name == "AlertRaised"

    await eventually(arrived)


async def test_a_key_that_nobody_uses_any_more_keeps_no_connection(feeds: Any, gateway: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sse_feed, "_LINGER_S", 0.1)
    leave = feeds(gateway, "mj_viewer").listen(lambda _: None)

    async def up() -> bool:
        return bool(feeds(gateway, "mj_viewer").connected)

    await eventually(up)
    leave()

    async def down() -> bool:
        return not feeds(gateway, "mj_viewer").connected

    await eventually(down)


async def test_feeds_of_keys_nobody_uses_give_way_to_new_ones(feeds: Any, gateway: Any) -> None:
    used = feeds(gateway, "mj_admin")
    used.listen(lambda _: None)
    for n in range(20):
        feeds(gateway, f"key-{n}")
    assert feeds(gateway, "mj_admin") is used
