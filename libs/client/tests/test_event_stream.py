import itertools
import json

import pytest
from client import Mingjian, MingjianProblem
from client.event_stream import EventParser


def sse(n, text="话", name="InteractionScored"):
    return f"id: p{n}\nevent: {name}\ndata: {json.dumps({'n': n, 'text': text}, ensure_ascii=False)}\n\n".encode()


@pytest.fixture
def mingjian(platform):
    with Mingjian(platform.url, platform.key) as made:
        yield made


@pytest.mark.parametrize("size", [1, 2, 3, 7, 64, 10_000])
def test_events_are_the_same_however_the_bytes_are_cut(size):
    whole = b": hello\nretry: 50\nid: p0\n\n" + sse(1, "一\u2028二\x85三") + sse(2).replace(b"\n", b"\r\n") + b": still here\nid: p9\n\n"
    parser = EventParser()
    found = [e for begin in range(0, len(whole), size) for e in parser.feed(whole[begin:begin + size])]
    assert [(e.id, e.type, e.data["n"]) for e in found] == [("p1", "InteractionScored", 1), ("p2", "InteractionScored", 2)]
    assert found[0].data["text"] == "一\u2028二\x85三"
    assert (parser.last_event_id, parser.retry_s) == ("p9", 0.05)


def test_half_an_event_does_not_move_the_place_to_go_on_from():
    parser = EventParser("p0")
    assert list(parser.feed(sse(1)[:-1])) == []
    assert parser.last_event_id == "p0"
    parser.reconnected()
    assert [e.id for e in parser.feed(sse(1))] == ["p1"]


def test_a_line_without_end_is_refused():
    parser = EventParser()
    with pytest.raises(ValueError, match="too long"):
        for _ in range(20):
            list(parser.feed(bytes(2**20)))


def test_a_broken_stream_goes_on_where_it_broke(platform, mingjian):
    platform.event_script = [
        [b"retry: 1\nid: p0\n\n", sse(1), sse(2)[:20]],                                      # breaks in the middle
        platform.problem(503, "UNAVAILABLE", "away"),
        [b"retry: 1\n\n", sse(2), b": still here\nid: p7\n\n", b'event: StreamEnded\ndata: {"reason": "stopping"}\n\n'],
        [sse(8)],
    ]
    found = [e.data["n"] for e in itertools.islice(mingjian.events(["InteractionScored", "AlertRaised"]), 3)]
    assert found == [1, 2, 8]
    assert [since for since, _ in platform.event_connections] == ["", "p1", "p1", "p7"]
    assert {types for _, types in platform.event_connections} == {"InteractionScored,AlertRaised"}


def test_a_stream_begins_where_the_caller_left_off(platform, mingjian):
    platform.event_script = [[sse(5)]]
    assert next(mingjian.events(last_event_id="p4")).id == "p5"
    assert platform.event_connections[0] == ("p4", "")


def test_a_refused_stream_is_a_problem_at_once(platform, mingjian):
    platform.event_script = [platform.problem(400, "INVALID_ARGUMENT", "there is no such event", "types")]
    with pytest.raises(MingjianProblem) as caught:
        next(mingjian.events(["Nothing"]))
    assert caught.value.field == "types"


def test_a_revoked_key_ends_the_stream(platform, mingjian):
    platform.event_script = [[sse(1), b'event: StreamEnded\ndata: {"reason": "revoked"}\n\n']]
    assert [e.id for e in mingjian.events()] == ["p1"]
