from datetime import UTC, datetime, timedelta

import grpc
import pytest
from chassis.identity import Identity
from chassis.rpc_status import violated_field
from mingjian.nlp.v1 import nlp_service_pb2 as nlp
from mingjian.routing.v1 import level_service_pb2 as pb
from mingjian.routing.v1 import routing_service_pb2 as routing
from mingjian.routing.v1.level_service_pb2_grpc import LevelServiceStub, add_LevelServiceServicer_to_server
from routing.adapters.grpc_levels import NAME, LevelServicer
from routing.adapters.mongo_versions import MongoVersions
from routing.app_levels import level_book
from routing.settings import RULES
from testkit.grpc_server import served

SHIPPED = (RULES / "service_levels.yaml").read_text("utf-8")
ADMIN = Identity("t1", "admin", frozenset({"tickets:read", "levels:write"}))


@pytest.fixture
async def stub(db, clock):
    store = MongoVersions(db, "service_levels")
    await store.prepare()
    servicer = LevelServicer(level_book(store, SHIPPED, lambda: clock.at.timestamp(), keep_s=0.0), clock)
    async with served(lambda server: add_LevelServiceServicer_to_server(servicer, server), NAME, identity=lambda: ADMIN) as channel:
        yield LevelServiceStub(channel)


async def test_the_service_levels_are_shown_as_a_table_and_as_they_were_written(stub):
    levels = (await stub.GetServiceLevels(pb.GetServiceLevelsRequest())).levels
    assert (levels.version, levels.active, levels.published_by, levels.source) == ("2026-11-22", True, "shipped", SHIPPED)
    office = next(calendar for calendar in levels.calendars if calendar.calendar_id == "office")
    assert list(office.weekly) == ["09:00-12:00 13:30-18:00"] * 5 + ["", ""]
    assert {"2026-10-01"} <= {day.date for day in office.days if not day.periods}
    high = next(policy for policy in levels.policies if policy.policy_id == "high")
    assert {allowed.target: allowed.seconds for allowed in high.allowed}["first_response"] == 900
    assert list(high.escalate_after_s) == [7200, 43200]


async def test_a_table_can_be_tried_before_it_is_published(stub):
    source = SHIPPED.replace('version: "2026-11-22"', 'version: "try"').replace("resolution: 48h", "resolution: 4h")
    at = datetime(2026, 11, 2, 9, 0, tzinfo=UTC)
    asked = pb.PreviewDeadlinesRequest(source=source, type="咨询", kind=routing.TICKET_KIND_SERVICE, urgency=nlp.URGENCY_NORMAL)
    asked.opened_at.FromDatetime(at)
    preview = await stub.PreviewDeadlines(asked)
    assert (preview.policy_id, preview.calendar_id) == ("normal", "always")
    breach = next(alarm for alarm in preview.alarms if (alarm.target, alarm.level) == ("resolution", 1))
    assert breach.at.ToDatetime(tzinfo=UTC) == at + timedelta(hours=4)
    assert [alarm.at.ToDatetime() for alarm in preview.alarms] == sorted(alarm.at.ToDatetime() for alarm in preview.alarms)
    assert (await stub.GetServiceLevels(pb.GetServiceLevelsRequest())).levels.version == "2026-11-22"


async def test_a_new_version_counts_as_soon_as_it_is_published_and_the_old_one_can_be_read(stub):
    source = SHIPPED.replace('version: "2026-11-22"', 'version: "2027"')
    published = (await stub.PublishServiceLevels(pb.PublishServiceLevelsRequest(source=source, note="新年度"))).levels
    assert (published.version, published.active, published.published_by) == ("2027", True, "admin")
    versions = (await stub.ListServiceLevels(pb.ListServiceLevelsRequest())).versions
    assert [(v.version, v.active) for v in versions] == [("2027", True), ("2026-11-22", False)]
    assert not (await stub.GetServiceLevels(pb.GetServiceLevelsRequest(version="2026-11-22"))).levels.active


@pytest.mark.parametrize(
    ("request_", "code", "field"),
    [
        (pb.PublishServiceLevelsRequest(source=SHIPPED, note="x"), grpc.StatusCode.ALREADY_EXISTS, "version"),
        (pb.PublishServiceLevelsRequest(source="policies: []", note="x"), grpc.StatusCode.INVALID_ARGUMENT, "calendars"),
        (pb.PublishServiceLevelsRequest(source="x: 1", note=""), grpc.StatusCode.INVALID_ARGUMENT, "note"),
        (pb.PublishServiceLevelsRequest(source="#" * 200_001, note="x"), grpc.StatusCode.INVALID_ARGUMENT, "source"),
    ],
)
async def test_what_cannot_be_published_is_refused_by_the_fields_name(stub, request_, code, field):
    with pytest.raises(grpc.aio.AioRpcError) as raised:
        await stub.PublishServiceLevels(request_)
    assert (raised.value.code(), violated_field(raised.value)) == (code, field)
