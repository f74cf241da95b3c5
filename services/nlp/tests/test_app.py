from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from chassis.errors import Denied, InvalidInput, NotFound
from nlp.app import (
    AlertFilters,
    AlertPage,
    Caller,
    Contact,
    EvaluationFilters,
    EvaluationPage,
    Findings,
    SameEngine,
    Scoring,
    Transcript,
)
from nlp.domain.dialogue import Role, Turn

NOW = datetime(2026, 11, 21, 2, 0, tzinfo=UTC)


class Transcripts:
    def __init__(self, turns):
        self.turns = turns

    async def get(self, tenant, interaction_id):
        if self.turns is None:
            raise NotFound("none")
        return Transcript(tuple(self.turns), b"wire")


class Evaluations:
    def __init__(self):
        self.kept = {}

    async def settle(self, tenant, interaction_id):
        return (tenant, interaction_id) in self.kept

    async def add(self, contact, evaluation, beside=()):
        self.kept[contact.tenant, contact.interaction_id] = (evaluation, contact.agent_id)

    async def find(self, tenant, interaction_id, scorecard_id=""):
        return self.kept.get((tenant, interaction_id))

    async def page(self, tenant, filters, *, size, token):
        self.asked = filters
        return EvaluationPage([])

    async def alerts(self, tenant, filters, *, size, token):
        self.asked = filters
        return AlertPage([])


class Announcements:
    def __init__(self):
        self.failed = []

    async def scoring_failed(self, contact, reason):
        self.failed.append((contact.interaction_id, reason))


def contact(**changes):
    made = Contact(
        tenant="t1", interaction_id="i1", industry="telecom", channel="hotline", direction="inbound", agent_id="A1", team_id="T1", attributes={},
        spoken=True, started_at=NOW,
    )
    return replace(made, **changes)


def rooms(engine, turns):
    evaluations, announcements = Evaluations(), Announcements()
    scoring = Scoring(
        SameEngine(engine), Transcripts(turns), evaluations, announcements, derive_id=lambda *parts: "-".join(parts), now=lambda: NOW,
        utc_offset=timedelta(hours=8),
    )
    return scoring, Findings(SameEngine(engine), Transcripts(turns), evaluations), evaluations, announcements


TURNS = [
    Turn("t1", Role.AGENT, "您好，很高兴为您服务，请问有什么可以帮您？", 0, 3000), Turn("t2", Role.CUSTOMER, "我叫张伟，空调漏水了。", 3500, 6000),
    Turn("t3", Role.AGENT, "非常抱歉，明天上午十点前师傅会给您打电话。", 6500, 10000),
]


async def test_a_contact_is_scored_once_and_masked(engine):
    scoring, findings, evaluations, _ = rooms(engine, TURNS)
    await scoring.score(contact())
    first = await findings.evaluation("i1", Caller("t1"))
    await scoring.score(contact())
    assert await findings.evaluation("i1", Caller("t1")) is first
    assert "张伟" not in str(first)
    assert len(evaluations.kept) == 1


async def test_a_deadline_is_resolved_in_the_companys_time_zone(engine):
    scoring, findings, _, _ = rooms(engine, TURNS)
    await scoring.score(contact())
    promise = (await findings.evaluation("i1", Caller("t1"))).promises[0]
    assert promise.deadline is not None
    assert promise.deadline.astimezone(UTC) == datetime(2026, 11, 22, 2, 0, tzinfo=UTC)
    assert promise.owner == "师傅"


@pytest.mark.parametrize("turns", [[], [Turn("t1", Role.AGENT, "  ")]])
async def test_no_words_are_no_evaluation_but_a_failure_told(engine, turns):
    scoring, _, evaluations, announcements = rooms(engine, turns)
    await scoring.score(contact())
    assert not evaluations.kept
    assert [i for i, _ in announcements.failed] == ["i1"]


async def test_a_missing_transcript_is_raised_for_another_delivery(engine):
    scoring, _, _, announcements = rooms(engine, None)
    with pytest.raises(NotFound):
        await scoring.score(contact())
    assert not announcements.failed


async def test_only_who_may_read_what_was_said_sees_it(engine):
    scoring, findings, _, _ = rooms(engine, TURNS)
    await scoring.score(contact())
    assert "张伟" not in str((await findings.transcript("i1", Caller("t1"))).texts)
    assert "张伟" in str((await findings.transcript("i1", Caller("t1", may_read_pii=True))).texts)
    with pytest.raises(NotFound):
        await findings.transcript("i1", Caller("t1", agent_id="A2", may_read_pii=True))


async def test_an_agent_lists_only_its_own(engine):
    _, findings, evaluations, _ = rooms(engine, TURNS)
    await findings.page(EvaluationFilters(), Caller("t1", agent_id="A1"), size=0, token="")
    assert evaluations.asked.agent_id == "A1"
    await findings.alerts(AlertFilters(), Caller("t1", agent_id="A1"), size=0, token="")
    assert evaluations.asked.agent_id == "A1"
    with pytest.raises(Denied):
        await findings.page(EvaluationFilters(agent_id="A2"), Caller("t1", agent_id="A1"), size=0, token="")


async def test_a_span_of_time_that_ends_before_it_begins_is_refused(engine):
    _, findings, _, _ = rooms(engine, TURNS)
    with pytest.raises(InvalidInput) as refused:
        await findings.page(EvaluationFilters(since=NOW, until=NOW - timedelta(days=1)), Caller("t1"), size=0, token="")
    assert refused.value.field == "to"


async def test_too_many_turns_to_try_are_refused(engine):
    scoring, _, _, _ = rooms(engine, TURNS)
    with pytest.raises(InvalidInput):
        await scoring.judge(contact(), [TURNS[0]] * 5001)
