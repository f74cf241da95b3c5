"""Lists compared with a plain filter over random documents."""

import random
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest
from nlp.adapters.mongo_evaluations import marks_of, order_of
from nlp.adapters.protobuf_evaluations import contact_from_wire
from nlp.app import AlertFilters, EvaluationFilters
from nlp_platform import interaction, transcript

ITEMS = ("apology", "greeting", "no_shirking")
AGENTS, TEAMS, KINDS = ("A1", "A2", "A3"), ("T1", "T2"), ("forbidden_phrase", "complaint_keyword")
DOCUMENTS, LISTS = 400, 40


@dataclass(frozen=True)
class Kept:
    identity: str
    tenant: str
    agent_id: str
    team_id: str
    fatal: bool
    failed: tuple[str, ...]
    abstained: tuple[str, ...]
    at: datetime
    kind: str
    interaction_id: str


def random_kept(dice: random.Random, now: datetime) -> list[Kept]:
    """From a second to four years ago, some at the same instant, some of another tenant."""
    instants = [now - timedelta(seconds=10 ** dice.uniform(0, 8.1)) for _ in range(DOCUMENTS * 3 // 4)]
    return [
        Kept(
            f"k{n:04d}", dice.choice(("t1", "t1", "t1", "t2")), dice.choice(AGENTS), dice.choice(TEAMS), dice.random() < 0.3,
            *outcomes(dice), dice.choice(instants), dice.choice(KINDS), f"i{dice.randrange(40)}",
        )
        for n in range(DOCUMENTS)
    ]


def outcomes(dice: random.Random) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Items that failed and items left to a person; none is both."""
    chosen, failed = dice.sample(ITEMS, dice.randrange(4)), dice.randrange(3)
    return tuple(sorted(chosen[:failed])), tuple(sorted(chosen[failed:]))


def newest(kept: list[Kept]) -> list[str]:
    return [k.identity for k in sorted(kept, key=lambda k: order_of(k.at, k.identity), reverse=True)]


@pytest.fixture
async def kept(platform):
    dice, now = random.Random(20261121), datetime.now(UTC).replace(microsecond=0)
    platform.asr.transcripts["i0"] = transcript("i0")
    await platform.scoring.score(contact_from_wire(interaction("i0"), "pattern", 30_000))
    evaluation, alert = await platform.db.evaluations.find_one({}), await platform.db.alerts.find_one({})
    made = random_kept(dice, now)
    evaluations = [
        evaluation | {
            "_id": k.identity, "interaction_id": f"x{k.identity}", "tenant": k.tenant, "agent_id": k.agent_id, "team_id": k.team_id, "fatal": k.fatal,
            "marks": marks_of(k.fatal, k.failed, k.abstained), "order": order_of(k.at, k.identity), "items": [], "emotion_course": [],
        }
        for k in made
    ]
    alerts = [
        alert | {
            "_id": k.identity, "tenant": k.tenant, "order": order_of(k.at, k.identity), "kind": k.kind, "interaction_id": k.interaction_id,
            "agent_id": k.agent_id, "alert": alert["alert"] | {"alert_id": k.identity},
        }
        for k in made
    ]
    await platform.db.evaluations.insert_many(evaluations)
    await platform.db.alerts.insert_many(alerts)
    return made


async def test_lists_of_evaluations_are_those_of_a_plain_filter(platform, kept):
    dice, now = random.Random(7), datetime.now(UTC)
    for _ in range(LISTS):
        since, until = (now - timedelta(seconds=10 ** dice.uniform(0, 8)) if dice.random() < 0.4 else None for _ in range(2))
        asked = EvaluationFilters(
            agent_id=dice.choice(("", "", *AGENTS)), team_id=dice.choice(("", "", *TEAMS)), since=since, until=until,
            fatal=dice.random() < 0.3, failed_item_id=dice.choice(("", "", *ITEMS)), abstained_item_id=dice.choice(("", "", *ITEMS)),
            interaction_id=dice.choice(("",) * 9 + tuple(f"x{k.identity}" for k in kept[:3])),
        )
        expected = newest([
            k for k in kept
            if k.tenant == "t1" and asked.agent_id in ("", k.agent_id) and asked.team_id in ("", k.team_id) and (k.fatal or not asked.fatal)
            and (not asked.failed_item_id or asked.failed_item_id in k.failed) and asked.interaction_id in ("", f"x{k.identity}")
            and (not asked.abstained_item_id or asked.abstained_item_id in k.abstained)
            and (since is None or order_of(k.at, k.identity) >= order_of(since)) and (until is None or order_of(k.at, k.identity) < order_of(until))
        ])
        size, found, token = dice.randrange(1, 120), [], ""
        while True:
            page = await platform.evaluations.page("t1", asked, size=size, token=token)
            assert len(page.evaluations) == size or not page.next_token
            found += [e.evaluation_id for e in page.evaluations]
            token = page.next_token
            if not token:
                break
        assert found == expected, asked


async def test_lists_of_alerts_are_those_of_a_plain_filter(platform, kept):
    dice = random.Random(8)
    for _ in range(LISTS):
        asked = AlertFilters(
            interaction_id=dice.choice(("", "", *(k.interaction_id for k in kept[:9]))), kind=dice.choice(("", *KINDS)), agent_id=dice.choice(("", *AGENTS)),
        )
        expected = newest([
            k for k in kept
            if k.tenant == "t1" and asked.interaction_id in ("", k.interaction_id) and asked.kind in ("", k.kind) and asked.agent_id in ("", k.agent_id)
        ])
        size, found, token = dice.randrange(1, 120), [], ""
        while True:
            page = await platform.evaluations.alerts("t1", asked, size=size, token=token)
            found += [stored.alert.alert_id for stored in page.alerts]
            token = page.next_token
            if not token:
                break
        assert found == expected, asked
