"""The console as a process: who gets in, what the browser is told, the recording, the CSV, and how it ends."""

import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import pytest
from console.adapters.fastapi_routes import local_target


@contextmanager
def signed_in(url: str, key: str = "mj_admin") -> Iterator[httpx.Client]:
    with httpx.Client(base_url=url, timeout=20) as client:
        assert client.post("/sign-in", data={"api_key": key, "next": "/tickets"}).headers["location"] == "/tickets"
        yield client


def a_call(gateway: Any) -> dict[str, Any]:
    return dict(next(c for c in gateway.state["calls"] if c["status"] == "scored" and c["medium"] == "call"))


# ---- signing in


def test_without_a_session_every_page_leads_to_the_sign_in_page_and_back(guarded_console: str, gateway: Any) -> None:
    away = httpx.get(f"{guarded_console}/tickets?overdue=true", timeout=20)
    assert (away.status_code, away.headers["location"]) == (303, "/sign-in?next=%2Ftickets%3Foverdue%3Dtrue")
    page = httpx.get(f"{guarded_console}{away.headers['location']}", timeout=20)
    assert 'name="next" value="/tickets?overdue=true"' in page.text


def test_a_key_opens_a_session_and_appears_neither_in_the_address_nor_in_the_cookie(guarded_console: str, gateway: Any) -> None:
    with signed_in(guarded_console) as client:
        cookie = client.cookies["mingjian_console"]
        page = client.get("/interactions")
        assert page.status_code == 200
        assert "mj_admin" not in cookie + page.text + str(page.url)
        answer = httpx.post(f"{guarded_console}/sign-in", data={"api_key": "mj_admin"}, timeout=20)
        assert {"HttpOnly", "SameSite=lax"} <= set(answer.headers["set-cookie"].split("; "))


@pytest.mark.parametrize("key", ["wrong", "", " ", "键", "x" * 600, "mj\nadmin"])
def test_a_wrong_key_is_refused_with_words(guarded_console: str, gateway: Any, key: str) -> None:
    answer = httpx.post(f"{guarded_console}/sign-in", data={"api_key": key}, timeout=20)
    assert answer.status_code == 401
    assert "密钥不正确" in answer.text
    assert "set-cookie" not in answer.headers


def test_signing_out_ends_the_session(guarded_console: str, gateway: Any) -> None:
    with signed_in(guarded_console) as client:
        cookie = client.cookies["mingjian_console"]
        client.post("/sign-out")
        assert httpx.get(f"{guarded_console}/interactions", cookies={"mingjian_console": cookie}, timeout=20).status_code == 303


def test_a_cookie_with_another_signature_is_nobody(guarded_console: str, gateway: Any) -> None:
    with signed_in(guarded_console) as client:
        name = client.cookies["mingjian_console"].partition(".")[0]
    assert httpx.get(f"{guarded_console}/interactions", cookies={"mingjian_console": f"{name}.{'0' * 64}"}, timeout=20).status_code == 303


def test_a_gateway_that_is_away_at_sign_in_is_named(guarded_console: str, gateway: Any) -> None:
    gateway.control("break", **{"/v1/caller": [503, 0]})
    answer = httpx.post(f"{guarded_console}/sign-in", data={"api_key": "mj_admin"}, timeout=20)
    assert (answer.status_code, "暂时无法登录" in answer.text) == (503, True)


@pytest.mark.parametrize("target", ["https://evil.example/", "//evil.example", "/\\evil.example", "javascript:alert(1)", "/sign-out", "", "/a\nb"])
def test_signing_in_leads_nowhere_else(target: str) -> None:
    assert local_target(target) == "/"


def test_signing_in_leads_back_to_where_one_wanted_to_go() -> None:
    assert local_target("/interactions?status=failed") == "/interactions?status=failed"


# ---- what the browser is told


def test_every_page_forbids_the_browser_to_load_from_elsewhere(console: str, gateway: Any) -> None:
    for path in ("/interactions", "/healthz", "/assets/console.js", "/sign-in"):
        policy = httpx.get(console + path, timeout=20).headers["content-security-policy"]
        assert policy.startswith("default-src 'self';")
        assert "http:" not in policy
        assert "https:" not in policy


def test_pages_name_no_outside_host(console: str, gateway: Any) -> None:
    for path in ("/interactions", "/dashboard", "/knowledge/graph"):
        text = httpx.get(console + path, timeout=20).text
        assert not re.findall(r"""(?:src|href|from|url\()\s*=?\s*["']?(https?:)?//[a-z]""", text)


def test_a_body_over_the_limit_is_refused(console: str, gateway: Any) -> None:
    answer = httpx.post(
        f"{console}/sign-in", content=b"api_key=" + b"x" * 2_000_000, headers={"content-type": "application/x-www-form-urlencoded"}, timeout=20
    )
    assert answer.status_code == 413


def test_a_body_that_hides_its_length_is_counted(console: str, gateway: Any) -> None:
    def endless() -> Any:
        for _ in range(40):
            yield b"x" * 65_536

    assert httpx.post(f"{console}/sign-in", content=endless(), timeout=20).status_code == 413


# ---- health


def test_health_readiness_and_figures_are_served(console: str, gateway: Any) -> None:
    assert httpx.get(f"{console}/healthz", timeout=20).text == "ok\n"
    assert httpx.get(f"{console}/readyz", timeout=20).status_code == 200
    assert "mingjian_console_event_connections" in httpx.get(f"{console}/metrics", timeout=20).text


# ---- the recording


def test_the_recording_comes_through_in_ranges(console: str, gateway: Any) -> None:
    call = a_call(gateway)
    part = httpx.get(f"{console}/audio/{call['interaction_id']}", headers={"Range": "bytes=100-199"}, timeout=30)
    whole = httpx.get(f"{console}/audio/{call['interaction_id']}", timeout=30)
    assert (part.status_code, part.headers["content-range"], part.headers["content-type"]) == (
        206,
        f"bytes 100-199/{len(whole.content)}",
        "audio/wav",
    )
    assert part.content == whole.content[100:200]
    assert whole.content.startswith(b"RIFF")
    assert whole.headers["cache-control"] == "private, no-store"


def test_a_range_beyond_the_end_is_told_so(console: str, gateway: Any) -> None:
    assert httpx.get(f"{console}/audio/{a_call(gateway)['interaction_id']}", headers={"Range": "bytes=999999999-"}, timeout=30).status_code == 416


def test_the_recording_needs_a_session_and_the_right(guarded_console: str, gateway: Any) -> None:
    path = f"/audio/{a_call(gateway)['interaction_id']}"
    assert httpx.get(guarded_console + path, timeout=20).status_code == 401
    with signed_in(guarded_console, "mj_viewer") as viewer:
        assert viewer.get(path).status_code == 403


@pytest.mark.parametrize("name", ["no-such-call", "..%2F..%2Fv1%2Fapi-keys", "%3Fx=1"])
def test_a_recording_that_is_not_there_is_not_found_whatever_its_name(console: str, gateway: Any, name: str) -> None:
    assert httpx.get(f"{console}/audio/{name}", timeout=20).status_code == 404
    assert "/v1/api-keys" not in [a["path"] for a in gateway.state["asked"]]


# ---- the list as CSV


def test_the_list_is_exported_with_its_filters_over_all_pages(console: str, gateway: Any) -> None:
    answer = httpx.get(f"{console}/export/interactions.csv?status=scored", timeout=30)
    assert answer.content.startswith("\ufeff会话编号,外部编号".encode())
    lines = answer.text.splitlines()
    assert len(lines) == 1 + len([c for c in gateway.state["calls"] if c["status"] == "scored"])
    assert ",投诉,紧急,愤怒,3" in answer.text


def test_the_export_needs_a_session(guarded_console: str, gateway: Any) -> None:
    assert httpx.get(f"{guarded_console}/export/interactions.csv", timeout=20).status_code == 401


# ---- beginning and ending


def test_it_stops_in_good_order_while_pages_and_events_are_open(gateway: Any, console_with: Any) -> None:
    with console_with(GATEWAY_URL=gateway.url, GATEWAY_API_KEY="mj_admin") as (url, child, log):
        assert httpx.get(f"{url}/interactions", timeout=30).status_code == 200
        child.send_signal(signal.SIGTERM)
        assert child.wait(20) == 0
        assert "Traceback" not in log.read_text()


def test_its_log_carries_no_key_and_no_question(gateway: Any, console_with: Any) -> None:
    with console_with(GATEWAY_URL=gateway.url) as (url, _, log):
        with signed_in(url) as client:
            client.get("/knowledge?q=王小明的电话")
        assert "mj_admin" not in log.read_text()
        assert "王小明" not in log.read_text()


def test_it_runs_without_a_gateway_and_says_so_on_the_page(console_with: Any) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        away = f"http://127.0.0.1:{taken.getsockname()[1]}"
    with console_with(GATEWAY_URL=away, GATEWAY_API_KEY="mj_admin") as (url, _, _):
        assert "服务暂时不可用" in httpx.get(f"{url}/interactions", timeout=30).text


def test_a_wrong_setting_is_named() -> None:
    ended = subprocess.run(
        [sys.executable, "-m", "console"], env={"PATH": "/usr/bin", "SESSION_IDLE_S": "soon"}, capture_output=True, text=True, timeout=60, check=False
    )
    assert (ended.returncode, "SESSION_IDLE_S" in ended.stderr) == (2, True)
