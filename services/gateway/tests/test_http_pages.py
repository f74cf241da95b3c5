import re

from fastapi.openapi.models import OpenAPI
from gateway.adapters.proto_methods import public_methods
from opentelemetry.trace import SpanKind


async def test_health_figures_and_pages_need_no_key(world):
    del world.http.headers["authorization"]
    for path in ("/healthz", "/readyz", "/metrics", "/openapi.json", "/docs"):
        assert (await world.http.get(path)).status_code == 200, path


async def test_ready_says_what_is_away(make_world):
    async with make_world(nlp_address="127.0.0.1:1") as world:
        answer = await world.http.get("/readyz")
        assert answer.status_code == 503
        checks = answer.json()["checks"]
        assert checks.pop("nlp") == "UNAVAILABLE"
        assert set(checks.values()) == {"ok"} and {"nats", "mongo", "ingestion", "routing"} <= set(checks)


def references(value):
    if isinstance(value, dict):
        for key, inside in value.items():
            if key == "$ref":
                yield inside
            else:
                yield from references(inside)
    elif isinstance(value, list):
        for inside in value:
            yield from references(inside)


async def test_the_openapi_page_is_whole(world):
    document = (await world.http.get("/openapi.json")).json()
    OpenAPI.model_validate(document)
    assert document["openapi"].startswith("3.1")
    for reference in references(document):
        assert reference.removeprefix("#/components/schemas/") in document["components"]["schemas"], reference
    for method in public_methods():
        for rule in method.rules:
            assert document["paths"][rule.path][rule.verb]["operationId"] == method.name.rpartition("/")[2]
    for path, verb in (("/v1/interactions", "post"), ("/v1/interactions", "get"), ("/v1/events", "get"), ("/v1/interactions/{interaction_id}/audio", "get")):
        assert verb in document["paths"][path]
    operations = [o["operationId"] for verbs in document["paths"].values() for o in verbs.values()]
    assert len(operations) == len(set(operations))


async def test_every_field_is_described_in_the_words_of_the_contract(world):
    document = (await world.http.get("/openapi.json")).json()
    schemas = document["components"]["schemas"]
    for name, schema in schemas.items():
        assert schema["description"], name
        for field, kind in schema.get("properties", {}).items():
            assert kind.get("description"), f"{name}.{field}"
    assert schemas["nlp.ItemOutcome"]["enum"] == ["unspecified", "pass", "fail", "na", "abstain"]
    assert "Does not apply" in schemas["nlp.ItemOutcome"]["description"]
    assert schemas["nlp.Evaluation"]["properties"]["scored_at"] == {"type": "string", "format": "date-time", "description": "When it was judged."}
    query = document["paths"]["/v1/interactions"]["get"]["parameters"]
    assert {"name": "from", "in": "query", "required": False, "schema": {"type": "string", "format": "date-time"}}.items() <= next(
        p for p in query if p["name"] == "from"
    ).items()


async def test_the_docs_page_needs_nothing_from_elsewhere(world):
    page = (await world.http.get("/docs")).text
    assert not re.findall(r"(?:src|href)=[\"']?(?:https?:)?//", page) and "<script" not in page
    assert "/v1/tickets/{ticket_id}:assign" in page and "nlp.Evaluation" in page


async def test_figures_name_routes_by_their_template(world):
    await world.http.get("/v1/tickets/some-id")
    await world.http.get("/nowhere/at/all")
    figures = (await world.http.get("/metrics")).text
    assert 'mingjian_http_seconds_count{method="GET",route="/v1/tickets/{ticket_id}",status="404"}' in figures
    assert 'route="none",status="404"' in figures
    assert "some-id" not in figures and "nowhere" not in figures


async def test_a_request_continues_the_clients_trace_into_the_services(spans, world):
    trace_id = "4bf92f3577b34da6a3ce929d0e0e4736"
    await world.http.get("/v1/tickets/some-id", headers={"traceparent": f"00-{trace_id}-00f067aa0ba902b7-01"})
    mine = {s.name: s for s in spans.get_finished_spans() if f"{s.context.trace_id:032x}" == trace_id}
    edge = mine["GET /v1/tickets/{ticket_id}"]
    assert edge.kind is SpanKind.SERVER and edge.attributes["http.response.status_code"] == 404
    assert f"{edge.parent.span_id:016x}" == "00f067aa0ba902b7"
    assert "mingjian.routing.v1.RoutingService/GetTicket" in mine
    assert [s.name for s in mine.values() if "some-id" in str(s.attributes)] == []
