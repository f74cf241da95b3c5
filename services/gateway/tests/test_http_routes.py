import asyncio

import orjson
import pytest
from chassis.ids import new_id
from mingjian.ingestion.v1 import ingestion_service_pb2 as ingestion
from mingjian.routing.v1 import routing_service_pb2 as routing

ADMIN_KEY = "admin-key-of-this-test-0123456789"


def interaction(tenant="t1", agent_id="a1"):
    return ingestion.Interaction(
        interaction_id=new_id(), tenant=tenant, metadata=ingestion.InteractionMetadata(agent_id=agent_id, industry="telecom"),
        medium=ingestion.MEDIUM_CALL, status=ingestion.INTERACTION_STATUS_SCORED,
    )


async def test_a_get_takes_its_path_and_answers_with_the_inner_message(world):
    made = world.ingestion.put(interaction())
    answer = await world.http.get(f"/v1/interactions/{made.interaction_id}")
    assert answer.status_code == 200
    said = answer.json()
    assert said["interaction_id"] == made.interaction_id
    assert said["status"] == "scored"
    assert said["medium"] == "call"
    assert said["metadata"]["direction"] == "unspecified"
    assert "outcome" not in said and "received_at" not in said


async def test_query_parameters_become_fields(world):
    answer = await world.http.get("/v1/interactions?status=scored&agent_id=a1&from=2026-11-21T08:00:00%2B08:00&page_size=7")
    assert answer.status_code == 200, answer.text
    asked = world.ingestion.asked[-1]
    assert asked.status == ingestion.INTERACTION_STATUS_SCORED
    assert (asked.agent_id, asked.page_size) == ("a1", 7)
    assert getattr(asked, "from").ToJsonString() == "2026-11-21T00:00:00Z"


async def test_a_literal_path_comes_before_a_parameter(world):
    assert (await world.http.get("/v1/articles:search", params={"q": "退费"})).json()["results"][0]["article"]["title"] == "退费"
    assert (await world.http.get("/v1/articles/telecom-refund")).json()["article_id"] == "telecom-refund"


async def test_fields_named_like_words_of_python_work(world):
    assert (await world.http.get("/v1/kpis?from=2026-11-01&to=2026-11-21")).json() == {"from": "2026-11-01", "to": "2026-11-21", "groups": []}


async def test_a_custom_verb_takes_path_and_body(world):
    opened = (await world.http.post("/v1/tickets", json={"title": "宽带断了", "kind": "service"})).json()
    assigned = await world.http.post(f"/v1/tickets/{opened['ticket_id']}:assign", json={"assignee": "王工", "version": 1})
    assert assigned.status_code == 200, assigned.text
    assert (assigned.json()["state"], assigned.json()["assignee"], assigned.json()["version"]) == ("assigned", "王工", 2)


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "field"),
    [
        ("GET", "/v1/interactions?status=weird", None, 400, "status"),
        ("GET", "/v1/interactions?unheard=1", None, 400, "unheard"),
        ("GET", "/v1/interactions?page_size=many", None, 400, "page_size"),
        ("GET", "/v1/interactions?page_size=1&page_size=2", None, 400, "page_size"),
        ("GET", "/v1/interactions?from=gestern", None, 400, "from"),
        ("POST", "/v1/tickets", b'{"title": "a", "bogus": 1}', 400, "bogus"),
        ("POST", "/v1/tickets", b'{"kind": "magic"}', 400, "kind"),
        ("POST", "/v1/tickets", b'{"title": 5}', 400, "title"),
        ("POST", "/v1/tickets", b'{"title": ', 400, "body"),
        ("POST", "/v1/tickets", b'[1]', 400, "body"),
        ("POST", "/v1/tickets/x:assign", b'{"ticket_id": "y"}', 400, "ticket_id"),
        ("POST", "/v1/tickets/x:assign?note=a", b"{}", 400, "note"),
        ("POST", "/v1/interactions", b'{"metadata": {"channels": {"left": "robot"}}, "turns": []}', 400, "metadata.channels.left"),
        ("POST", "/v1/interactions", b'{"turns": [{"role": "agent", "text": "a"}, {"role": "customer", "start_ms": "soon"}]}', 400, "turns[1].start_ms"),
        ("POST", "/v1/interactions", b'{"turns": []}', 400, "turns"),
    ],
)
async def test_wrong_input_is_a_problem_that_names_the_field(world, method, path, body, status, field):
    answer = await world.http.request(method, path, content=body, headers={"Content-Type": "application/json"} if body else {})
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    said = answer.json()
    assert said["field"] == field
    assert said["errors"][0]["field"] == field
    assert said["grpc_status"] == "INVALID_ARGUMENT"
    assert said["status"] == status and said["instance"] == path.partition("?")[0] and said["detail"] and said["type"].startswith("urn:")


async def test_broken_json_names_the_place(world):
    answer = await world.http.post("/v1/tickets", content='{"title":\n "宽带" oops}'.encode(), headers={"Content-Type": "application/json"})
    assert "line 2, column 7 (byte 20)" in answer.json()["detail"]


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/v1/nothing", 404), ("GET", "/v1/tickets/x:assign", 405), ("POST", "/v1/tickets/x:fly", 404), ("DELETE", "/v1/interactions", 405),
        ("GET", "/", 404),
    ],
)
async def test_paths_there_are_not_are_problems_too(world, method, path, status):
    answer = await world.http.request(method, path)
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"


async def test_405_names_every_method_of_the_path(world):
    assert (await world.http.delete("/v1/interactions")).headers["allow"] == "GET, HEAD, POST"


async def test_a_version_that_is_not_current_is_a_conflict(world):
    opened = (await world.http.post("/v1/tickets", json={"title": "x"})).json()
    answer = await world.http.post(f"/v1/tickets/{opened['ticket_id']}:assign", json={"assignee": "w", "version": 9})
    assert (answer.status_code, answer.json()["grpc_status"]) == (409, "ABORTED")


async def test_what_fails_inside_is_told_to_nobody(world):
    world.routing.failing = RuntimeError("password of the database is hunter2")
    answer = await world.http.get("/v1/tickets/x")
    assert answer.status_code == 500
    assert "hunter2" not in answer.text and "on our side" in answer.json()["detail"]


async def test_a_service_that_is_away_is_503_with_a_time_to_come_back(make_world):
    async with make_world(routing_address="127.0.0.1:1") as world:
        answer = await world.http.post("/v1/tickets", json={"title": "x"})
        assert answer.status_code == 503
        assert answer.headers["retry-after"] == "1"
        assert "127.0.0.1" not in answer.text


async def test_100_mb_of_json_are_refused_before_they_are_read(world):
    sent = 0

    async def body():
        nonlocal sent
        for _ in range(100):
            sent += 1024 * 1024
            yield b" " * (1024 * 1024)

    answer = await world.http.post("/v1/interactions", content=body(), headers={"Content-Type": "application/json", "Content-Length": str(100 * 1024 * 1024)})
    assert answer.status_code == 413, answer.text
    assert answer.json()["grpc_status"] == "RESOURCE_EXHAUSTED"


async def test_a_body_without_a_length_is_refused_once_it_is_too_long(make_world):
    async with make_world(json_max_bytes=4096) as world:
        async def body():
            for _ in range(8):
                yield b" " * 1024

        answer = await world.http.post("/v1/tickets", content=body(), headers={"Content-Type": "application/json"})
        assert answer.status_code == 413
        assert (await world.http.get("/v1/caller")).status_code == 200


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", ""])
async def test_other_kinds_of_bodies_are_415(world, kind):
    answer = await world.http.post("/v1/interactions", content=b"a=1", headers={"Content-Type": kind} if kind else {})
    assert answer.status_code == 415
    assert (await world.http.post("/v1/tickets", content=b"{}", headers={"Content-Type": "application/json", "Content-Encoding": "gzip"})).status_code == 415


async def test_a_silent_client_is_408(make_world):
    async with make_world(read_timeout_s=0.2) as world:
        reader, writer = await asyncio.open_connection("127.0.0.1", world.edge.http_port)
        head = f"POST /v1/tickets HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {ADMIN_KEY}\r\nContent-Type: application/json\r\nContent-Length: 9\r\n\r\n{{"
        writer.write(head.encode())
        async with asyncio.timeout(5):
            said = await reader.read()
        assert said.startswith(b"HTTP/1.1 408 ") and b"silent" in said
        writer.close()


async def test_a_post_without_a_body_is_an_empty_message(world):
    opened = (await world.http.post("/v1/tickets")).json()
    assert opened["state"] == "open" and opened["title"] == ""


async def test_an_id_of_another_tenant_is_not_found(world):
    foreign = world.ingestion.put(interaction(tenant="t2"))
    answer = await world.http.get(f"/v1/interactions/{foreign.interaction_id}")
    assert (answer.status_code, answer.json()["grpc_status"]) == (404, "NOT_FOUND")


async def test_large_answers_are_whole(world):
    for _ in range(2000):
        ticket = routing.Ticket(ticket_id=new_id(), tenant="t1", title="宽带" * 20)
        world.routing.tickets[ticket.ticket_id] = ticket
    assert len(orjson.loads((await world.http.get("/v1/tickets")).content)["tickets"]) == 2000
