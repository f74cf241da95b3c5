import pytest
from chassis.ids import new_id
from mingjian.routing.v1 import routing_service_pb2 as routing


async def test_an_export_is_a_table_to_be_saved_narrowed_by_the_query_and_written_down(world):
    answer = await world.http.get("/v1/tickets:export?state=open&customer_id=C1&query=宽带&zone=Asia/Shanghai")
    assert answer.status_code == 200 and answer.content.decode() == "\ufeff编号\r\n1\r\n"
    assert answer.headers["content-type"] == "text/csv; charset=utf-8" and "tickets.csv" in answer.headers["content-disposition"]
    asked = world.routing.asked[-1]
    assert (asked.criteria.state, asked.criteria.customer_id, asked.criteria.query) == (routing.TICKET_STATE_OPEN, "C1", "宽带")
    entries = (await world.http.get("/v1/audit")).json()["entries"]
    assert any(entry["action"].endswith("ExportTickets") for entry in entries)


@pytest.mark.parametrize(("query", "field"), [("zone=Mars", "zone"), ("colour=red", "colour"), ("state=weird", "state")])
async def test_what_cannot_be_exported_is_refused_before_anything_is_sent(world, query, field):
    answer = await world.http.get(f"/v1/tickets:export?{query}")
    assert (answer.status_code, answer.json()["field"]) == (400, field)


async def test_a_table_is_taken_in_and_what_is_wrong_is_named(world):
    answer = await world.http.post("/v1/tickets:import?dry_run=true", content=b"external_id,type,title\n", headers={"Content-Type": "text/csv"})
    assert answer.status_code == 200 and answer.json()["problems"][0] == {"row": 3, "external_id": "", "column": "type", "reason": "must be one of"}
    assert world.routing.asked[-1].dry_run


@pytest.mark.parametrize(
    ("content_type", "size", "query", "status"),
    [("application/json", 2, "", 415), ("text/csv", 10 * 2**20 + 1, "", 413), ("text/csv", 2, "?dry_run=perhaps", 400)],
)
async def test_what_is_no_table_is_not_taken(world, content_type, size, query, status):
    answer = await world.http.post(f"/v1/tickets:import{query}", content=b"x" * size, headers={"Content-Type": content_type})
    assert answer.status_code == status


async def test_an_attachment_is_saved_and_never_shown(world):
    answer = await world.http.get(f"/v1/tickets/{new_id()}/attachments/a1")
    assert (answer.status_code, answer.content, answer.headers["content-type"]) == (200, b"abcdef", "image/png")
    assert answer.headers["content-disposition"].startswith("attachment; filename*=UTF-8''%E6%88%AA") and answer.headers["x-content-type-options"] == "nosniff"
    assert (await world.http.get(f"/v1/tickets/{new_id()}/attachments/other")).status_code == 404


async def test_who_may_not_take_tables_out_does_not(world):
    assert (await world.http.get("/v1/tickets:export", headers=await world.key("viewer"))).status_code == 403
    assert (await world.http.get("/v1/tickets:export", headers=await world.key("agent", agent_id="a1"))).status_code == 403


async def test_an_agent_lists_what_it_watches_and_nobody_elses(world):
    agent = await world.key("agent", agent_id="a1")
    assert (await world.http.get("/v1/tickets?watcher=a1", headers=agent)).status_code == 200
    assert world.routing.asked[-1].watcher == "a1" and world.routing.asked[-1].assignee == ""
    assert (await world.http.get("/v1/tickets?watcher=a2", headers=agent)).status_code == 403
