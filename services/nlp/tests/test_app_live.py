from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest
from chassis.errors import NotFound, Unavailable
from chassis.ids import derived_id
from nlp.app import Contact, SameEngine
from nlp.app_live import LiveAgreement, LiveCalls, LiveLimits, Told
from nlp.domain.dialogue import Role, Turn
from nlp.domain.evaluations import evaluation_of
from nlp_contacts import said

START = datetime(2026, 11, 22, 9, tzinfo=UTC)
LINES = ("a: 您好，请问有什么可以帮您？", "c: 我家宽带坏了，我要去工信部投诉你们。", "a: 这是您的个人问题，跟我们没关系。", "c: 你们都是骗子，什么态度！")


def contact(interaction_id="i1"):
    return Contact("t1", interaction_id, "telecom", "hotline", "inbound", "A1", "T1", {}, True, START)


@dataclass
class Transcripts:
    turns: dict[str, tuple[Turn, ...]] = field(default_factory=dict)
    away: bool = False
    asked: int = 0

    async def so_far(self, tenant, interaction_id):
        self.asked += 1
        if self.away:
            raise Unavailable("asr is away")
        if interaction_id not in self.turns:
            raise NotFound("no such call")
        return self.turns[interaction_id]


@dataclass
class News:
    alerts: list = field(default_factory=list)
    hints: list = field(default_factory=list)
    away: bool = False

    async def tell(self, contact, alerts, hints, at):
        if self.away:
            raise Unavailable("NATS is away")
        self.alerts.extend(alerts)
        self.hints.extend(hints)

    async def told(self, tenant, interaction_id):
        return Told(tuple(alert.kind for alert in self.alerts), tuple(made.hint for made in self.hints))

    @property
    def kinds(self):
        return [alert.kind for alert in self.alerts]


@dataclass
class Outcomes:
    kept: dict = field(default_factory=dict)
    counted: list = field(default_factory=list)

    async def keep(self, contact, outcome, at):
        self.kept[contact.interaction_id] = outcome

    async def find(self, tenant, interaction_id):
        return self.kept.get(interaction_id)

    def count(self, comparison):
        self.counted.append(comparison)


@dataclass
class Stage:
    """Calls heard on a clock of one's own."""

    engine: object
    limits: LiveLimits = field(default_factory=LiveLimits)
    transcripts: Transcripts = field(default_factory=Transcripts)
    news: News = field(default_factory=News)
    outcomes: Outcomes = field(default_factory=Outcomes)
    now: datetime = START

    def __post_init__(self):
        self.restarted()

    def restarted(self):
        self.calls = LiveCalls(
            SameEngine(self.engine), self.transcripts, self.news, self.outcomes, derive_id=derived_id, now=lambda: self.now,
            clock=lambda: self.now.timestamp(), limits=self.limits, is_transient=lambda e: isinstance(e, Unavailable),
        )

    async def hear(self, turns, *numbers, interaction_id="i1"):
        for number in numbers or range(1, len(turns) + 1):
            await self.calls.turn(contact(interaction_id), turns[number - 1], number, self.now)


@pytest.fixture
def stage(engine):
    return Stage(engine)


@pytest.fixture
def turns():
    return said(*LINES, industry="telecom").turns


async def test_what_is_new_is_told_turn_by_turn_and_once(stage, turns):
    told = []
    for number in range(1, 5):
        await stage.hear(turns, number)
        told.append(list(stage.news.kinds))
    angry = ["complaint_keyword", "negative_emotion"]
    assert told == [[], angry, [*angry, "forbidden_phrase"], [*angry, "forbidden_phrase"]]
    assert stage.transcripts.asked == 0
    assert [made.hint.kind for made in stage.news.hints][:2] == ["calm_down", "missing_apology"]


async def test_ids_are_those_of_the_final_evaluation(stage, engine, turns):
    await stage.hear(turns)
    dialogue = said(*LINES, industry="telecom")
    final = evaluation_of(engine.assess(dialogue), dialogue, tenant="t1", started_at=START, scored_at=START, derive_id=derived_id)
    assert {alert.alert_id for alert in stage.news.alerts} == {alert.alert_id for alert in final.alerts}


async def test_a_turn_delivered_again_changes_and_tells_nothing(stage, turns):
    await stage.hear(turns, 1, 2, 2, 3, 1, 3, 2)
    assert sorted(stage.news.kinds) == ["complaint_keyword", "forbidden_phrase", "negative_emotion"]
    assert stage.transcripts.asked == 0


async def test_missing_turns_are_fetched_and_what_was_told_is_not_told_again(stage, turns):
    await stage.hear(turns, 1, 2)
    stage.transcripts.turns["i1"] = turns[:3]
    stage.restarted()
    await stage.hear(turns, 3)
    assert stage.news.kinds == ["complaint_keyword", "negative_emotion", "forbidden_phrase"]
    await stage.hear(turns, 4)
    assert stage.transcripts.asked == 1


async def test_turns_that_only_another_replica_heard_raise_their_alerts_here(stage, turns):
    stage.transcripts.turns["i1"] = turns
    await stage.hear(turns, 4)
    assert sorted(stage.news.kinds) == ["complaint_keyword", "forbidden_phrase", "negative_emotion"]


async def test_while_asr_is_away_a_turn_is_judged_alone_and_the_next_one_asks_again(stage, turns):
    stage.transcripts.turns["i1"], stage.transcripts.away = turns, True
    await stage.hear(turns, 3)
    assert stage.news.kinds == ["forbidden_phrase"]
    stage.transcripts.away = False
    await stage.hear(turns, 4)
    assert sorted(stage.news.kinds) == ["complaint_keyword", "forbidden_phrase", "negative_emotion"]


async def test_news_that_could_not_be_told_is_told_when_the_turn_comes_again(stage, turns):
    stage.news.away = True
    with pytest.raises(Unavailable):
        await stage.hear(turns, 1, 2)
    stage.news.away = False
    await stage.hear(turns, 2)
    assert stage.news.kinds == ["complaint_keyword", "negative_emotion"]


async def test_personal_information_is_masked_in_what_is_told(stage):
    await stage.hear(said("c: 我叫张伟，电话13812345678，我要投诉你们。", industry="telecom").turns)
    assert "投诉" in stage.news.alerts[0].text
    assert "张伟" not in repr(stage.news.alerts)
    assert "13812345678" not in repr(stage.news.alerts)


async def test_the_end_of_a_call_keeps_exactly_what_judging_it_comes_to(stage, engine, turns):
    await stage.hear(turns)
    await stage.calls.ended(contact(), 4)
    kept, final = stage.outcomes.kept["i1"], engine.assess(said(*LINES, industry="telecom"))
    assert kept.items == {item.item_id: item.outcome.value for item in final.judgement.items}
    assert (kept.score, kept.turns, kept.alerts) == (final.judgement.score, 4, tuple(sorted(alert.kind for alert in final.alerts)))


async def test_turns_still_missing_at_the_end_are_fetched_and_told(stage, turns):
    await stage.hear(turns, 1)
    stage.transcripts.turns["i1"] = turns
    await stage.calls.ended(contact(), 4)
    assert stage.outcomes.kept["i1"].turns == 4
    assert sorted(stage.news.kinds) == ["complaint_keyword", "forbidden_phrase", "negative_emotion"]
    await stage.hear(turns, 2, 3, 4)
    assert len(stage.news.kinds) == 3


async def test_a_call_nobody_heard_of_leaves_nothing(stage):
    await stage.calls.ended(contact(), 0)
    assert stage.outcomes.kept == {}


async def test_the_comparison_names_what_differs_and_is_counted(stage, engine, turns):
    await stage.hear(turns)
    await stage.calls.ended(contact(), 4)
    dialogue = said(*LINES[:2], "a: 非常抱歉给您带来不便。", "c: 好吧。", industry="telecom")
    final = evaluation_of(engine.assess(dialogue), dialogue, tenant="t1", started_at=START, scored_at=START, derive_id=derived_id)
    found = await LiveAgreement(stage.outcomes).of(contact(), final)
    assert found.alerts_live_only == ("forbidden_phrase",)
    assert {"no_shirking", "apology"} <= set(found.items_differing)
    assert stage.outcomes.counted == [found]
    assert await LiveAgreement(stage.outcomes).of(contact("i2"), final) is None


async def test_a_silence_that_lasts_is_told_once_nobody_can_have_begun_to_speak(stage, turns):
    await stage.hear(turns, 1, 2)
    stage.now += timedelta(seconds=39)
    await stage.calls.listen_for_silence()
    assert "long_silence" not in stage.news.kinds
    stage.now += timedelta(seconds=3)
    await stage.calls.listen_for_silence()
    await stage.calls.listen_for_silence()
    assert stage.news.kinds.count("long_silence") == 1


async def test_no_more_calls_are_kept_than_allowed_and_one_let_go_is_read_again(engine, turns):
    stage = Stage(engine, LiveLimits(calls=3))
    for number in range(10):
        await stage.hear(turns, 1, interaction_id=f"i{number}")
    assert len(stage.calls) == 3
    stage.transcripts.turns["i0"] = turns[:2]
    await stage.hear(turns, 2, interaction_id="i0")
    assert (stage.news.kinds, stage.transcripts.asked) == (["complaint_keyword", "negative_emotion"], 1)


async def test_a_call_that_is_quiet_for_long_is_let_go(stage, turns):
    await stage.hear(turns, 1)
    stage.now += timedelta(hours=1)
    await stage.calls.listen_for_silence()
    assert len(stage.calls) == 0


async def test_an_untimed_turn_raises_its_alert(stage):
    await stage.calls.turn(contact(), Turn("t1", Role.CUSTOMER, "我要去工信部投诉你们"), 1, START)
    assert "complaint_keyword" in stage.news.kinds
