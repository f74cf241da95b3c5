import asyncio

import pytest
from chassis.identity import METADATA_KEY, encode, service_identity
from chassis.ids import new_id
from mingjian.ingestion.v1 import ingestion_service_pb2 as ingestion
from mingjian.routing.v1 import routing_service_pb2 as routing

ADMIN_KEY = "admin-key-of-this-test-0123456789"


@pytest.mark.parametrize("authorization", [None, "", "Bearer", "Bearer unknown", "Basic YTpi", ADMIN_KEY])
async def test_who_has_no_key_is_turned_away(world, authorization):
    del world.http.headers["authorization"]
    answer = await world.http.get("/v1/tickets", headers={} if authorization is None else {"Authorization": authorization})
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == "Bearer"
    assert answer.json()["grpc_status"] == "UNAUTHENTICATED"


async def test_nobody_sends_an_identity_of_their_own(world):
    del world.http.headers["authorization"]
    forged = encode(service_identity("nlp", "t1"), "")
    assert (await world.http.get("/v1/tickets", headers={METADATA_KEY: forged})).status_code == 401


async def test_a_key_is_shown_once_listed_without_its_secret_and_revoked_at_once(world):
    made = (await world.http.post("/v1/api-keys", json={"name": "电话平台", "role": "integrator"})).json()
    assert made["secret"].startswith("mj_") and made["key"]["role"] == "integrator"
    mine = {"Authorization": f"Bearer {made['secret']}"}
    said = (await world.http.get("/v1/caller", headers=mine)).json()
    assert (said["tenant"], said["role"], said["principal"]) == ("t1", "integrator", f"key:{made['key']['key_id']}")
    assert "interactions:write" in said["permissions"] and "keys:admin" not in said["permissions"]
    listed = (await world.http.get("/v1/api-keys")).text
    assert made["key"]["key_id"] in listed and made["secret"] not in listed
    revoked = (await world.http.post(f"/v1/api-keys/{made['key']['key_id']}:revoke")).json()["key"]
    assert revoked["revoked_at"]
    answer = await world.http.get("/v1/caller", headers=mine)
    assert (answer.status_code, answer.json()["detail"]) == (401, "this API key was revoked")


async def test_a_key_revoked_by_another_replica_ends_within_5_s(world):
    viewer = await world.key("viewer")
    assert (await world.http.get("/v1/caller", headers=viewer)).status_code == 200
    await world.db["api_keys"].update_one({"role": "viewer"}, {"$currentDate": {"revoked_at": True}})
    async with asyncio.timeout(5):
        while (await world.http.get("/v1/caller", headers=viewer)).status_code == 200:
            await asyncio.sleep(0.05)


@pytest.mark.parametrize(
    ("asked", "status", "field"),
    [
        ({"name": "x", "role": "king"}, 400, "role"),
        ({"name": "", "role": "viewer"}, 400, "name"),
        ({"name": "x" * 101, "role": "viewer"}, 400, "name"),
        ({"name": "x", "role": "agent"}, 400, "agent_id"),
        ({"name": "x", "role": "integrator", "team_id": "north"}, 400, "team_id"),
        ({"name": "x", "role": "viewer", "extra_permissions": ["*"]}, 400, "extra_permissions"),
    ],
)
async def test_a_key_that_makes_no_sense_is_refused(world, asked, status, field):
    answer = await world.http.post("/v1/api-keys", json=asked)
    assert (answer.status_code, answer.json()["field"]) == (status, field)


async def test_roles_hold(world):
    viewer, integrator = await world.key("viewer"), await world.key("integrator")
    for key, method, path, status in (
        (viewer, "GET", "/v1/tickets", 200), (viewer, "POST", "/v1/tickets", 403), (viewer, "GET", "/v1/api-keys", 403), (viewer, "GET", "/v1/audit", 403),
        (integrator, "POST", "/v1/tickets", 200), (integrator, "GET", "/v1/kpis", 403), (integrator, "POST", "/v1/kpi-targets/fcr_rate", 403),
    ):
        answer = await world.http.request(method, path, headers=key)
        assert answer.status_code == status, (method, path, answer.text)


async def test_pii_read_is_given_by_administrators_by_name(world):
    key = await world.key("viewer", ["pii:read"])
    assert "pii:read" in (await world.http.get("/v1/caller", headers=key)).json()["permissions"]
    assert "pii:read" not in (await world.http.get("/v1/caller")).json()["permissions"]


async def test_an_agent_sees_its_own_work_alone(world):
    def put(agent_id, tenant="t1"):
        about = ingestion.InteractionMetadata(agent_id=agent_id)
        return world.ingestion.put(ingestion.Interaction(interaction_id=new_id(), tenant=tenant, metadata=about)).interaction_id

    own, other, foreign = put("a1"), put("a2"), put("a1", "t2")
    for ticket_id, agent_id, assignee in (("k1", "a1", ""), ("k2", "a2", ""), ("k3", "a2", "a1")):
        world.routing.tickets[ticket_id] = routing.Ticket(ticket_id=ticket_id, tenant="t1", agent_id=agent_id, assignee=assignee)
    agent = await world.key("agent", agent_id="a1")
    for path, status in (
        (f"/v1/interactions/{own}", 200), (f"/v1/interactions/{other}", 404), (f"/v1/interactions/{foreign}", 404),
        (f"/v1/interactions/{own}/evaluation", 200), (f"/v1/interactions/{other}/evaluation", 404), (f"/v1/interactions/{foreign}/evaluation", 404),
        (f"/v1/interactions/{own}/transcript", 200), (f"/v1/interactions/{other}/transcript", 404),
        ("/v1/evaluations", 200), ("/v1/evaluations?agent_id=a1", 200), ("/v1/evaluations?agent_id=a2", 403),
        ("/v1/alerts", 403), (f"/v1/alerts?interaction_id={own}", 200), (f"/v1/alerts?interaction_id={other}", 404),
        ("/v1/tickets", 200), ("/v1/tickets?assignee=a2", 403), (f"/v1/tickets?interaction_id={other}", 404), (f"/v1/tickets?interaction_id={own}", 200),
        ("/v1/tickets/k1", 200), ("/v1/tickets/k2", 404), ("/v1/tickets/k3", 200),
        ("/v1/articles:search?q=x", 200), ("/v1/caller", 200), ("/v1/kpis", 403),
    ):
        answer = await world.http.get(path, headers=agent)
        assert answer.status_code == status, (path, answer.text)
    assert [asked.agent_id for asked in world.nlp.asked] == ["a1", "a1"]
    assert world.routing.asked[0].assignee == "a1"


async def test_a_supervisors_key_may_be_held_to_one_teams_work(world):
    def put(team_id):
        about = ingestion.InteractionMetadata(agent_id="a1", team_id=team_id)
        return world.ingestion.put(ingestion.Interaction(interaction_id=new_id(), tenant="t1", metadata=about)).interaction_id

    own, other = put("north"), put("south")
    for ticket_id, team_id in (("k1", "north"), ("k2", "south")):
        world.routing.tickets[ticket_id] = routing.Ticket(ticket_id=ticket_id, tenant="t1", team_id=team_id, agent_id="a1")
    chief = await world.key("supervisor", team_id="north")
    for path, status in (
        (f"/v1/interactions/{own}", 200), (f"/v1/interactions/{other}", 404), (f"/v1/interactions/{other}/evaluation", 404),
        ("/v1/evaluations", 200), ("/v1/evaluations?team_id=north", 200), ("/v1/evaluations?team_id=south", 403),
        ("/v1/tickets", 200), ("/v1/tickets?team_id=south", 403), ("/v1/tickets/k1", 200), ("/v1/tickets/k2", 404),
        ("/v1/kpis", 200), ("/v1/kpis?team_id=south", 403), ("/v1/articles:search?q=x", 200),
    ):
        answer = await world.http.get(path, headers=chief)
        assert answer.status_code == status, (path, answer.text)
    assert {asked.team_id for asked in (*world.nlp.asked, *world.routing.asked)} == {"north"}
    assert (await world.http.post("/v1/tickets/k2:assign", json={"assignee": "w"}, headers=chief)).status_code == 404
    assert (await world.http.post("/v1/tickets/k1:assign", json={"assignee": "w"}, headers=chief)).status_code == 200
    assert (await world.http.post("/v1/tickets", json={"title": "x"}, headers=chief)).status_code == 403


async def test_what_cannot_be_narrowed_is_denied_even_with_the_right_to_it(world):
    agent = await world.key("agent", ["tickets:write", "interactions:write"], "a1")
    assert (await world.http.post("/v1/tickets", json={"title": "x"}, headers=agent)).status_code == 403
    assert (await world.http.post("/v1/interactions", json={"turns": []}, headers=agent)).status_code == 403
    audio = {"metadata": (None, "{}"), "audio": ("a.wav", b"x")}
    assert (await world.http.post("/v1/interactions", files=audio, headers=agent)).status_code == 403


async def test_changes_and_unmasked_reads_are_in_the_audit_log(world):
    opened = (await world.http.post("/v1/tickets", json={"title": "x"})).json()["ticket_id"]
    await world.http.post(f"/v1/tickets/{opened}:assign", json={"assignee": "w", "version": 1})
    await world.http.post(f"/v1/tickets/{opened}:assign", json={"assignee": "w", "version": 1})  # stale by now
    await world.http.post("/v1/kpi-targets/fcr_rate", json={"target": 0.9})
    pii = await world.key("viewer", ["pii:read"])
    await world.http.get("/v1/interactions/i1/transcript", headers=pii)
    await world.http.get("/v1/interactions/i1/transcript")
    await world.http.get("/v1/tickets")
    answer = (await world.http.get("/v1/audit", params={"page_size": 3})).json()
    entries = answer["entries"]
    while answer["next_page_token"]:
        answer = (await world.http.get("/v1/audit", params={"page_size": 3, "page_token": answer["next_page_token"]})).json()
        entries += answer["entries"]
    key_id = next(iter(world.keys.values()))
    assert [(e["action"].rpartition("/")[2], e["object_id"], e["status"]) for e in reversed(entries)] == [
        ("OpenTicket", opened, "OK"), ("AssignTicket", opened, "OK"), ("AssignTicket", opened, "ABORTED"), ("SetTarget", "fcr_rate", "OK"),
        ("CreateApiKey", key_id, "OK"), ("GetTranscript", "i1", "OK"),
    ]
    assert entries[0]["principal"] == f"key:{key_id}"
    assert [e["sequence"] for e in entries] == [6, 5, 4, 3, 2, 1]
    assert (await world.edge.audit.verify("t1")).broken_at == 0


async def test_a_wrong_page_token_is_refused(world):
    assert (await world.http.get("/v1/audit?page_token=x")).json()["field"] == "page_token"


async def test_a_key_has_a_rate(make_world):
    async with make_world(rate_per_s=0.5, rate_burst=3) as world:
        answers = [await world.http.get("/v1/caller") for _ in range(4)]
        assert [a.status_code for a in answers] == [200, 200, 200, 429]
        assert 1 <= int(answers[3].headers["retry-after"]) <= 2
        assert answers[3].json()["grpc_status"] == "RESOURCE_EXHAUSTED"
