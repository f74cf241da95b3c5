"""Sessions: who is signed in, for how long."""

from typing import Any

from console.adapters.sse_feed import Silence
from console.app import Session, Sessions


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def session(principal: str = "a", **caller: Any) -> Session:
    return Session({"principal": principal, **caller}, None, Silence())  # type: ignore[typeddict-item, arg-type]


def kept(clock: Clock, secret: str = "s", most: int = 10) -> Sessions:
    return Sessions(secret, idle_s=60, most=most, clock=clock)


def test_a_session_is_found_by_its_cookie_alone() -> None:
    sessions = kept(Clock())
    cookie = sessions.begin(session())
    assert sessions.find(cookie) is not None
    assert cookie != "a"
    assert [sessions.find(c) for c in (None, "", ".", cookie[:-1], cookie + "0", cookie.partition(".")[0], "ü.ü")] == [None] * 7


def test_a_cookie_signed_with_another_secret_is_nobody() -> None:
    one, other = kept(Clock(), "one"), kept(Clock(), "other")
    assert other.find(one.begin(session())) is None


def test_a_session_in_use_stays_and_an_idle_one_ends() -> None:
    clock = Clock()
    sessions = kept(clock)
    cookie = sessions.begin(session())
    for clock.now in (50.0, 100.0, 150.0):
        assert sessions.find(cookie) is not None
    clock.now = 211.0
    assert sessions.find(cookie) is None


def test_the_session_idle_longest_gives_way() -> None:
    sessions = kept(Clock(), most=2)
    first, second = sessions.begin(session("1")), sessions.begin(session("2"))
    sessions.find(first)
    sessions.begin(session("3"))
    assert sessions.find(first) is not None
    assert sessions.find(second) is None


def test_an_ended_session_is_gone() -> None:
    sessions = kept(Clock())
    cookie = sessions.begin(session())
    sessions.end(cookie)
    sessions.end("nobody.")
    assert sessions.find(cookie) is None


def test_pages_ask_what_a_caller_may() -> None:
    assert session(permissions=["tickets:read"]).may("tickets:read")
    assert not session(permissions=["tickets:read"]).may("tickets:write")
    assert session(permissions=["*"]).may("tickets:write")
    assert not session().may("tickets:read")
