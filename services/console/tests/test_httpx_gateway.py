"""Asking the gateway: what its problem documents become, and what is sent."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from chassis.errors import AlreadyExists, Denied, InvalidInput, NotAllowedNow, NotFound, Problem, Stale, TooMuch, Unauthenticated, Unavailable
from console.adapters.httpx_gateway import HttpxGateway, path, problem


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [
        (409, "ABORTED", Stale),
        (409, "FAILED_PRECONDITION", NotAllowedNow),
        (409, "ALREADY_EXISTS", AlreadyExists),
        (400, "INVALID_ARGUMENT", InvalidInput),
        (401, "UNAUTHENTICATED", Unauthenticated),
        (403, "PERMISSION_DENIED", Denied),
        (404, "NOT_FOUND", NotFound),
        (413, "RESOURCE_EXHAUSTED", TooMuch),
        (503, "UNAVAILABLE", Unavailable),
        (504, "DEADLINE_EXCEEDED", Unavailable),
        (500, "INTERNAL", Problem),
        (409, "", Stale),
        (502, "", Unavailable),
        (418, "", Problem),
    ],
)
def test_a_problem_is_what_its_grpc_status_says(status: int, code: str, kind: type[Problem]) -> None:
    made = problem(status, json.dumps({"detail": "why", "grpc_status": code, "field": "where"}).encode())
    assert (type(made), made.message, made.field) == (kind, "why", "where")


@pytest.mark.parametrize("content", [b"", b"<html>", b"[1]", b'"text"', b'{"detail": null}'])
def test_an_answer_that_is_no_problem_document_still_is_a_problem(content: bytes) -> None:
    assert problem(502, content).message == "HTTP 502"


def test_parts_of_a_path_cannot_leave_their_place() -> None:
    assert path("tickets", "../api-keys?x=1") == "/v1/tickets/..%2Fapi-keys%3Fx%3D1"


@pytest.fixture
async def asking(gateway: Any) -> AsyncIterator[HttpxGateway]:
    async with httpx.AsyncClient(base_url=gateway.url, trust_env=False) as http:
        yield HttpxGateway(http, "mj_admin", timeout_s=0.5, upload_timeout_s=5)


async def test_empty_parts_of_a_query_are_not_sent(asking: HttpxGateway, gateway: Any) -> None:
    await asking.get("/v1/tickets", {"state": "", "overdue": False, "kind": None, "page_size": 20})
    await asking.get("/v1/tickets", {"overdue": True})
    assert [a["query"] for a in gateway.asked("/v1/tickets")] == [{"page_size": "20"}, {"overdue": "true"}]


async def test_a_gateway_that_does_not_answer_in_time_is_away(asking: HttpxGateway, gateway: Any) -> None:
    gateway.control("break", **{"/v1/tickets": [0, 3]})
    with pytest.raises(Unavailable):
        await asking.get("/v1/tickets")


async def test_no_gateway_at_all_is_away() -> None:
    async with httpx.AsyncClient(base_url="http://127.0.0.1:1", trust_env=False) as http:
        with pytest.raises(Unavailable):
            await HttpxGateway(http, "k", timeout_s=2, upload_timeout_s=2).get("/v1/caller")


async def test_an_upload_streams_metadata_before_audio_and_carries_its_length(asking: HttpxGateway, gateway: Any) -> None:
    async def chunks() -> AsyncIterator[bytes]:
        yield b"RIFF"
        for _ in range(64):
            await asyncio.sleep(0)
            yield b"\0" * 65_536

    identifier = await asking.upload({"product": "宽带"}, '录"音\r\n.wav', "audio/wav", 4 + 64 * 65_536, chunks())
    sent = gateway.asked("/v1/interactions")[0]
    assert (sent["bytes"], sent["metadata"]) == (4 + 64 * 65_536, {"product": "宽带"})
    assert identifier == gateway.interaction("received")["interaction_id"]
