"""What is known of a customer's other contacts: counted by an index, stored with what was judged, and judged with again."""

import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from chassis.ids import derived_id
from mingjian.ingestion.v1 import ingestion_service_pb2 as ingestion
from nlp.adapters.mongo_contacts import MongoContacts, began_between
from nlp.adapters.mongo_pages import order_of
from nlp.adapters.protobuf_evaluations import contact_from_wire
from nlp.app import EAST_8, Contact, SameEngine, interaction_of, utc_now
from nlp.app_live import LiveCalls, LiveLimits
from nlp.domain.dialogue import Role, Turn
from nlp_platform import interaction, transcript
from review_platform import room_on
from test_app_live import News, Outcomes, Transcripts

NOW = datetime(2026, 11, 21, 1, 0, tzinfo=UTC)


def announced(interaction_id: str, at: datetime, **metadata: str) -> Contact:
    received = interaction(interaction_id, **({"customer_id": "C1"} | metadata))
    received.metadata.started_at.FromDatetime(at)
    return contact_from_wire(received, "t1", 30_000)


async def judged(platform, interaction_id, at, **metadata):
    platform.asr.transcripts[interaction_id] = transcript(interaction_id)
    await platform.scoring.score(announced(interaction_id, at, **metadata))


@pytest.fixture
def contacts(platform):
    return MongoContacts(platform.db)


async def test_earlier_contacts_of_the_customer_are_counted(platform, contacts):
    for number, days in enumerate((1, 6, 8, 29, 31)):
        await judged(platform, f"i{number}", NOW - timedelta(days=days))
    await judged(platform, "later", NOW + timedelta(hours=1))
    await judged(platform, "another", NOW - timedelta(days=1), customer_id="C2")
    known = await contacts.of(announced("new", NOW))
    assert known == {"previous_contacts_7d": "2", "previous_contacts_30d": "4"}


async def test_of_a_customer_nobody_named_nothing_is_known(platform, contacts):
    await judged(platform, "i1", NOW - timedelta(days=1), customer_id="")
    assert await contacts.of(announced("new", NOW, customer_id="")) == {}


async def test_counting_reads_the_index_of_the_customer(platform, contacts):
    await judged(platform, "i1", NOW - timedelta(days=1))
    asked = began_between("t1", "C1", order_of(NOW - timedelta(days=7)), order_of(NOW))
    plan = (await platform.db.evaluations.find(asked).explain())["queryPlanner"]["winningPlan"]
    while plan["stage"] != "IXSCAN":
        plan = plan["inputStage"]
    assert plan["indexName"] == "tenant_customer_id_began"


async def test_what_was_looked_up_is_stored_and_judged_with_again(platform):
    await judged(platform, "i1", NOW - timedelta(days=1))
    await judged(platform, "i2", NOW)
    found = await platform.db.evaluations.find_one({"interaction_id": "i2"})
    assert found["provenance"]["looked_up"] == {"previous_contacts_7d": "1", "previous_contacts_30d": "1"}
    await judged(platform, "i3", NOW - timedelta(days=2))  # an older one that is judged later: counted now, it would be two
    room = await room_on(platform)
    while await room.chain.append_waiting():
        pass
    verified = await room.judgement.verification.verify("t1", 1, 100, recompute=True)
    assert (verified.recomputed, verified.not_recomputable, verified.difference) == (3, 0, None)


async def test_other_looked_up_figures_than_those_chained_are_noticed(platform):
    await judged(platform, "i1", NOW)
    room = await room_on(platform)
    while await room.chain.append_waiting():
        pass
    await platform.db.evaluations.update_one({"interaction_id": "i1"}, {"$set": {"provenance.looked_up.previous_contacts_7d": "9"}})
    verified = await room.judgement.verification.verify("t1", 1, 100, recompute=False)
    assert verified.difference is not None
    assert verified.difference.path == "provenance.looked_up.previous_contacts_7d"


def test_what_a_contact_carries_is_what_rules_read():
    received = interaction("i1", queue="投诉组", hang_up="agent")
    received.metadata.started_at.FromDatetime(datetime(2026, 11, 20, 18, 30, tzinfo=UTC))
    contact = replace(contact_from_wire(received, "t1", 95_500), looked_up={"previous_contacts_7d": "2"})
    known = interaction_of(contact, EAST_8).attributes
    assert known["started_at"] == "2026-11-21T02:30:00+08:00"
    assert (known["queue"], known["hang_up"], known["call_length_s"], known["previous_contacts_7d"]) == ("投诉组", "agent", "95.5", "2")


def test_what_a_contact_does_not_carry_is_not_made_up():
    bare = contact_from_wire(ingestion.Interaction(interaction_id="i1"), "t1")
    assert not {"started_at", "queue", "hang_up", "call_length_s", "previous_contacts_7d"} & interaction_of(bare, EAST_8).attributes.keys()


async def test_a_running_call_is_judged_with_what_is_looked_up_too(engine):
    class Known:
        async def of(self, contact):
            return {"previous_contacts_7d": "3"}

    calls = LiveCalls(
        SameEngine(engine), Transcripts(), News(), Outcomes(), derive_id=derived_id, now=utc_now, clock=time.monotonic, limits=LiveLimits(),
        is_transient=lambda failure: False, histories=Known(),
    )
    await calls.turn(announced("i1", NOW), Turn("t1", Role.AGENT, "您好，很高兴为您服务。", 0, 2000), 1, NOW)
    live = calls._calls["t1", "i1"].live
    assert live is not None
    known = live.dialogue.interaction.attributes
    assert (known["previous_contacts_7d"], known["started_at"]) == ("3", "2026-11-21T09:00:00+08:00")
