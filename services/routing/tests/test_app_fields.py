import asyncio
from dataclasses import replace
from functools import partial

import pytest
from chassis.errors import InvalidInput, NotAllowedNow, NotFound, Stale, Unavailable
from chassis.ids import new_id
from mingjian.routing.v1.events_pb2 import TicketChanged
from routing.adapters.mongo_fields import MongoToLookAt, due_query
from routing.adapters.protobuf_tickets import to_wire
from routing.app import Who
from routing.app_fields import Filling
from routing.domain.consistency import Conversation, with_missing
from routing.domain.fields import Turn, field_table_in
from routing.domain.opening import Contact, Scored, Wanted
from routing.domain.tickets import Kind, Urgency
from routing.domain.updating import Changes
from routing.settings import RULES

CHIEF = Who("t1", "chief")


class Told:
    """Contacts by id; what is not there has no transcript."""

    def __init__(self):
        self.of, self.away, self.asked = {}, False, 0

    async def get(self, tenant, interaction_id):
        self.asked += 1
        if self.away:
            raise Unavailable("nlp is away")
        if interaction_id not in self.of:
            raise NotFound(interaction_id)
        return self.of[interaction_id]


def talk(*lines, type_="", urgency=Urgency.NORMAL):
    return Conversation(tuple(Turn(f"t{n + 1}", n % 2 == 0, text) for n, text in enumerate(lines)), type_, urgency)


@pytest.fixture
def told():
    return Told()


@pytest.fixture
async def filling(routing, db, told):
    to_look_at = MongoToLookAt(db)
    await to_look_at.prepare()
    return Filling(routing, told, to_look_at, field_table_in((RULES / "fields.yaml").read_text("utf-8")))


async def scored(intake, routing, summary="乱扣费", type_="投诉"):
    contact = Contact("t1", new_id(), industry="telecom")
    await intake.on_scored(Scored(contact, type_, Urgency.NORMAL, "neutral", summary))
    return contact.interaction_id, routing.derived_id("ticket", "t1", contact.interaction_id, "service")


async def by_hand(routing, type_, title, interaction_id="", urgency=Urgency.NORMAL, description=""):
    wanted = Wanted(Contact("t1", interaction_id, industry="telecom"), Kind.SERVICE, type_, urgency, (), title, description)
    return await routing.open_by_hand(CHIEF, wanted, "")


async def test_an_opened_ticket_is_filled_from_its_contact_with_evidence_and_what_is_missing(filling, intake, routing, told):
    interaction_id, ticket_id = await scored(intake, routing)
    told.of[interaction_id] = talk("上个月扣了我二十块钱", "您好，请稍等")
    assert await filling.look() == 1
    ticket = await routing.get(CHIEF, ticket_id)
    wire = to_wire(ticket)
    assert [(f.field_id, f.value, f.turn_id, f.text, f.by) for f in wire.fields] == [
        ("amount", "20.00", "t1", "上个月扣了我二十块钱", "system"), ("period", "上个月", "t1", "上个月扣了我二十块钱", "system"),
    ]
    assert list(wire.missing_fields) == ["demand"] and ticket.history[-1].action.value == "filled" and not wire.findings
    assert await filling.look() == 0 and ticket.version == 2


async def test_while_nlp_is_away_tickets_open_and_are_filled_once_it_is_back(filling, intake, routing, told):
    told.away = True
    interaction_id, ticket_id = await scored(intake, routing)
    with pytest.raises(Unavailable):
        await filling.look()
    assert (await routing.get(CHIEF, ticket_id)).version == 1
    told.away, told.of[interaction_id] = False, talk("扣了我二十块钱")
    assert await filling.look() == 1
    assert (await routing.get(CHIEF, ticket_id)).particulars.fields[0].value == "20.00"


async def test_a_contact_without_transcript_is_looked_at_again_later_and_not_for_ever(filling, intake, routing, told, clock):
    _, ticket_id = await scored(intake, routing)
    looked = 0
    for _ in range(30):
        looked += await filling.look()
        due = (await routing.get(CHIEF, ticket_id)).particulars.look_at
        if due is None:
            break
        clock.at = due
    ticket = await routing.get(CHIEF, ticket_id)
    assert looked == told.asked == 12 and ticket.particulars.missing == ("amount", "period", "demand")


async def test_a_complaint_booked_as_an_inquiry_and_made_less_urgent_is_found_and_told(filling, routing, told, events):
    interaction_id = new_id()
    told.of[interaction_id] = talk("上个月多扣了我二十块钱，要求退给我", type_="投诉", urgency=Urgency.HIGH)
    ticket = await by_hand(routing, "咨询", "客户咨询话费", interaction_id)
    checked = await filling.check(CHIEF, ticket.ticket_id, ticket.version)
    found = {(f.kind, f.field_id): f for f in checked.particulars.findings}
    assert found["type_lowered", "type"].ticket_says == "咨询" and found["type_lowered", "type"].contact_says == "投诉"
    assert ("urgency_lowered", "urgency") in found
    assert (found["fact_missing", "amount"].contact_says, found["fact_missing", "amount"].turn_id) == ("20.00", "t1")
    assert checked.particulars.checked_at is not None and "类型偏轻" in checked.history[-1].note
    stream = await events.js.pull_subscribe("mingjian.routing.v1.TicketChanged.t1", "test")
    actions = [TicketChanged.FromString(m.data).action for m in await stream.fetch(10, timeout=2)]
    assert actions[-1] == "checked"


async def test_an_amount_and_a_day_that_were_not_said_contradict(filling, routing, told):
    interaction_id = new_id()
    told.of[interaction_id] = talk("11月1号扣了我二十块钱，退给我", type_="投诉")
    ticket = await by_hand(routing, "投诉", "11月5日扣费200元，要求退给我", interaction_id)
    findings = (await filling.check(CHIEF, ticket.ticket_id, 0)).particulars.findings
    against = {f.field_id: (f.ticket_says, f.contact_says) for f in findings if f.kind == "fact_contradicts"}
    assert against == {"amount": ("200.00", "20.00"), "date": ("2026-11-05", "2026-11-01")}


async def test_a_ticket_that_says_what_was_said_has_no_findings(filling, routing, told):
    interaction_id = new_id()
    told.of[interaction_id] = talk("上个月多扣了我二十块钱，要求退给我", "好的，为您核实二十元扣费", type_="投诉")
    ticket = await by_hand(routing, "投诉", "客户反映上个月被多扣20元，希望退给我", interaction_id)
    checked = await filling.check(CHIEF, ticket.ticket_id, 0)
    assert checked.particulars.findings == () and checked.history[-1].note.endswith("核对会话：一致")


async def test_what_an_agent_writes_is_checked_without_being_asked(filling, routing, told):
    interaction_id = new_id()
    told.of[interaction_id] = talk("我要投诉，扣了我二十块钱", type_="投诉")
    ticket = await by_hand(routing, "咨询", "问话费", interaction_id)
    await filling.look()
    assert "type_lowered" in {f.kind for f in (await routing.get(CHIEF, ticket.ticket_id)).particulars.findings}
    await filling.update(CHIEF, ticket.ticket_id, 0, Changes(type="投诉", fields={"amount": "20元"}))
    await filling.look()
    ticket = await routing.get(CHIEF, ticket.ticket_id)
    assert "type_lowered" not in {f.kind for f in ticket.particulars.findings} and ticket.particulars.checked_at is not None
    assert ticket.particulars.fields[0].by == "chief"


async def test_a_change_moves_the_ticket_to_the_department_and_the_terms_that_belong_to_it(filling, routing):
    ticket = await by_hand(routing, "咨询", "信号问题")
    after = await filling.update(CHIEF, ticket.ticket_id, 1, Changes(type="故障", urgency=Urgency.HIGH, product="宽带", fields={"symptom": "断网"}))
    assert (after.type, after.department, after.policy_id, after.version) == ("故障", "网维部", "high", 2)
    assert after.history[-1].action.value == "updated" and "类型：咨询 → 故障" in after.history[-1].note
    assert after.particulars.missing == ("place", "scope")
    again = await routing.get(CHIEF, ticket.ticket_id)
    assert again == after
    emptied = await filling.update(CHIEF, ticket.ticket_id, 2, Changes(fields={"symptom": ""}))
    assert emptied.particulars.missing == ("place", "symptom", "scope")
    with pytest.raises(Stale):
        await filling.update(CHIEF, ticket.ticket_id, 2, Changes(product="x"))


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        (Changes(type="抱怨"), "type"), (Changes(product="x" * 201), "product"), (Changes(fields={"amount": "many"}), "fields.amount"),
        (Changes(), "fields"), (Changes(note="x" * 2001, product="y"), "note"),
    ],
)
async def test_a_change_that_makes_no_sense_is_refused_by_the_fields_name(filling, routing, changes, field):
    ticket = await by_hand(routing, "投诉", "扣费")
    with pytest.raises(InvalidInput) as raised:
        await filling.update(CHIEF, ticket.ticket_id, 0, changes)
    assert raised.value.field == field


async def test_there_is_nothing_to_check_without_a_contact_or_before_its_transcript(filling, routing, told):
    alone = await by_hand(routing, "投诉", "扣费")
    waiting = await by_hand(routing, "投诉", "扣费", new_id())
    for ticket in (alone, waiting):
        with pytest.raises(NotAllowedNow):
            await filling.check(CHIEF, ticket.ticket_id, 0)
    told.away = True
    with pytest.raises(Unavailable):
        await filling.check(CHIEF, waiting.ticket_id, 0)


async def test_two_replicas_fill_once(filling, intake, routing, told):
    interaction_id, ticket_id = await scored(intake, routing)
    told.of[interaction_id] = talk("扣了我二十块钱")
    await asyncio.gather(filling.look(), filling.look(), filling.look())
    ticket = await routing.get(CHIEF, ticket_id)
    assert [e.action.value for e in ticket.history] == ["opened", "filled"]


async def test_what_waits_is_found_by_an_index(filling, intake, routing, db, clock):
    await scored(intake, routing)
    plan = await db["tickets"].find(due_query(clock.at)).sort("look_at", 1).limit(10).explain()
    assert "look_at" in str(plan["queryPlanner"]["winningPlan"]) and "COLLSCAN" not in str(plan)


async def test_a_ticket_opened_by_hand_says_at_once_what_it_lacks(filling, routing):
    whole = replace(routing, complete=partial(with_missing, table=filling.table))
    assert (await by_hand(whole, "故障", "断网")).particulars.missing == ("place", "symptom", "scope")
    assert (await by_hand(whole, "投诉", "态度差")).particulars.missing == ("period", "demand")
    assert await filling.look() == 0
