"""Events for the tests, and an oracle: the rollups computed from all events at once, in plain Python, the obvious way."""

import itertools
from collections import Counter, defaultdict
from datetime import UTC, date, datetime, timedelta
from types import SimpleNamespace

import pytest
from chassis.messaging import Delivery, wrap
from google.protobuf.timestamp_pb2 import Timestamp
from mingjian.ingestion.v1 import ingestion_service_pb2 as ingestion
from mingjian.ingestion.v1.events_pb2 import FeedbackReceived
from mingjian.knowledge.v1.events_pb2 import SolutionSuggested
from mingjian.nlp.v1 import nlp_service_pb2 as nlp
from mingjian.nlp.v1.events_pb2 import AlertRaised, InteractionScored, PromiseMade
from mingjian.reporting.v1.events_pb2 import KpiBreached  # noqa: F401  (its type must be known to whoever consumes it)
from mingjian.routing.v1.events_pb2 import TicketOpened, TicketOverdue, TicketReopened, TicketResolved
from mingjian.routing.v1.routing_service_pb2 import Ticket
from reporting.adapters.yaml_catalogue import load_compliance
from reporting.domain.sketch import bin_of

START = datetime(2026, 3, 1, tzinfo=UTC)
_TICKET_EVENTS = {"opened": TicketOpened, "resolved": TicketResolved, "reopened": TicketReopened, "overdue": TicketOverdue}
_OUTCOMES = {"passed": nlp.ITEM_OUTCOME_PASS, "failed": nlp.ITEM_OUTCOME_FAIL, "na": nlp.ITEM_OUTCOME_NA, "abstained": nlp.ITEM_OUTCOME_ABSTAIN}
_numbers = itertools.count()


def _at(hours):
    made = Timestamp()
    made.FromDatetime(START + timedelta(hours=hours))
    return made


def _day(hours):
    return (START + timedelta(hours=hours) + timedelta(hours=8)).date().isoformat()


class Happening(SimpleNamespace):
    """An event with the id it is sent under, and what the oracle reads of it."""

    def delivery(self, tenant):
        return Delivery(self.event, tenant, self.envelope(tenant).id, START, 1)

    def envelope(self, tenant):
        return wrap(self.event, tenant=tenant, key=self.key, at=START)


def interaction(i, *, agent="A1", team="T1", customer="C1", product="宽带", hours=0.0, chat=False, outbound=False):
    return ingestion.Interaction(
        interaction_id=i, medium=ingestion.MEDIUM_CHAT if chat else ingestion.MEDIUM_CALL, received_at=_at(hours + 1),
        metadata=ingestion.InteractionMetadata(
            agent_id=agent, team_id=team, customer_id=customer, product=product, started_at=_at(hours),
            direction=ingestion.DIRECTION_OUTBOUND if outbound else ingestion.DIRECTION_INBOUND,
        ),
    )


def scored(who, *, version=1, score=80.0, fatal=False, type="咨询", emotion="neutral", course=("neutral",), items=(), duration_ms=120_000, dimensions=None):
    evaluation = nlp.Evaluation(
        evaluation_id=f"{who.interaction_id}-v{version}", interaction_id=who.interaction_id, score=score, fatal=fatal, ticket_type=type,
        customer_emotion=emotion, emotion_course=[nlp.TurnEmotion(emotion=e) for e in course], scored_at=_at(1000 + version),
        items=[nlp.ItemResult(item_id=i, title=f"题 {i}", dimension=d, result=_OUTCOMES[r]) for i, d, r in items],
        dimensions=[nlp.DimensionScore(dimension=d, score=s) for d, s in (dimensions or {}).items()],
    )
    event = InteractionScored(interaction=who, evaluation=evaluation, duration_ms=duration_ms)
    return Happening(kind="scored", who=who, key=evaluation.evaluation_id, event=event)


def alert(who, n, kind="negative_emotion"):
    return Happening(kind="alert", who=who, key=f"{who.interaction_id}-a{n}", event=AlertRaised(interaction=who, alert=nlp.Alert(kind=kind)))


def promise(who, n, dated=True):
    made = nlp.Promise(what="回电", deadline=_at(99) if dated else None)
    return Happening(kind="promise", who=who, key=f"{who.interaction_id}-p{n}", event=PromiseMade(interaction=who, promise=made))


def solution(who):
    return Happening(kind="solution", who=who, key=who.interaction_id, event=SolutionSuggested(interaction=who))


def ticket(ticket_id, change, version, *, interaction_id="", agent="A1", hours=0.0):
    made = Ticket(ticket_id=ticket_id, interaction_id=interaction_id, agent_id=agent, version=version, opened_at=_at(hours))
    return Happening(kind="ticket", change=change, key=f"{ticket_id}-{version}-{change}", event=_TICKET_EVENTS[change](ticket=made))


def feedback(n, *, who=None, csat=None, nps=None, solved=None, hours=0.0):
    given = ingestion.Feedback(feedback_id=f"f{n}", csat=csat, nps=nps, solved=solved, given_at=_at(hours))
    return Happening(kind="feedback", key=f"f{n}", event=FeedbackReceived(feedback=given, interaction=who))


def _hours(who):
    return (who.metadata.started_at.ToDatetime(tzinfo=UTC) - START) / timedelta(hours=1)


def expected(happenings):
    """{(scope, day, agent, team): {figure: n}} of one tenant, whatever the order and however often each event is there."""
    once = {(h.kind, h.key): h for h in happenings}.values()
    cells = defaultdict(Counter)
    contacts = {}
    for h in (h for h in once if h.kind == "scored"):
        i = h.who.interaction_id
        if i not in contacts or h.event.evaluation.scored_at.seconds > contacts[i].event.evaluation.scored_at.seconds:
            contacts[i] = h

    def cell_of(who):
        return (_day(_hours(who)), who.metadata.agent_id, who.metadata.team_id)

    found = {h.who.interaction_id for h in once if h.kind == "solution"}
    for i, h in contacts.items():
        cell = cells[cell_of(h.who)]
        cell.update(_of_one(h))
        cell["f.suggested"] += i in found
        meta = h.who.metadata
        if meta.customer_id and meta.direction == ingestion.DIRECTION_INBOUND:
            same = [
                o for j, o in contacts.items()
                if j != i and o.who.metadata.direction == ingestion.DIRECTION_INBOUND and o.who.metadata.customer_id == meta.customer_id
                and o.who.metadata.product == meta.product and o.event.evaluation.ticket_type == h.event.evaluation.ticket_type
            ]
            mine = (_hours(h.who), i)
            repeat = any((_hours(o.who), o.who.interaction_id) < mine and mine[0] - _hours(o.who) <= 168 for o in same)
            followed = any((_hours(o.who), o.who.interaction_id) > mine and _hours(o.who) - mine[0] <= 168 for o in same)
            cell.update({"f.identified": 1, "f.repeats": int(repeat), "f.issues": int(not repeat), "f.issues_resolved": int(not repeat and not followed)})
    by_ticket = defaultdict(list)
    for h in once:
        if h.kind == "ticket":
            by_ticket[h.event.ticket.ticket_id].append(h)
    for history in by_ticket.values():
        t = history[0].event.ticket
        contact = contacts.get(t.interaction_id)
        day = _day((t.opened_at.ToDatetime(tzinfo=UTC) - START) / timedelta(hours=1))
        key = (day, *cell_of(contact.who)[1:]) if contact else (day, t.agent_id, "")
        turns = sorted((h.event.ticket.version, h.change) for h in history if h.change in ("resolved", "reopened"))
        cells[key].update({
            "f.tickets": 1, "f.tickets_resolved": int(bool(turns) and turns[-1][1] == "resolved"),
            "f.tickets_reopened": int(any(c == "reopened" for _, c in turns)), "f.tickets_overdue": int(any(h.change == "overdue" for h in history)),
        })
    for h in once:
        if h.kind == "alert":
            cells[cell_of(h.who)].update({"f.alerts": 1, f"a.{h.event.alert.kind}": 1})
        elif h.kind == "promise":
            cells[cell_of(h.who)].update({"f.promises": 1, "f.promises_dated": int(h.event.promise.HasField("deadline"))})
        elif h.kind == "feedback":
            given, meta = h.event.feedback, h.event.interaction.metadata
            cell = cells[(_day((given.given_at.ToDatetime(tzinfo=UTC) - START) / timedelta(hours=1)), meta.agent_id, meta.team_id)]
            if given.HasField("csat"):
                cell.update({"f.csat_answers": 1, "f.csat_sum": given.csat, "f.csat_satisfied": int(given.csat > 3)})
            if given.HasField("nps"):
                cell.update({"f.nps_answers": 1, "f.nps_promoters": int(given.nps > 8), "f.nps_detractors": int(given.nps < 7)})
            if given.HasField("solved"):
                cell.update({"f.solved_answers": 1, "f.solved_yes": int(given.solved)})
    rollups = defaultdict(Counter)
    for (day, agent, team), figures in cells.items():
        block = date.fromordinal(date.fromisoformat(day).toordinal() // 8 * 8).isoformat()
        for key in (("all", day, "", ""), ("team", day, "", team), ("agent", day, agent, team), ("team8", block, "", team), ("agent8", block, agent, team)):
            rollups[key].update(figures)
    return {k: kept for k, v in rollups.items() if (kept := {n: c for n, c in v.items() if c})}


def _of_one(h):
    e, chat, ms = h.event.evaluation, h.who.medium == ingestion.MEDIUM_CHAT, h.event.duration_ms
    kind = "chat" if chat else "call"
    made = Counter({"f.contacts": 1, f"f.{kind}s": 1, "f.score_centi": round(e.score * 100), "f.fatal": int(e.fatal)})
    made["f.complaints"] = int(e.ticket_type == "投诉")
    made[f"e.{e.customer_emotion}"] += 1
    if ms:
        made.update({f"f.{kind}_ms": ms, f"f.{kind}s_timed": 1})
        if not chat:
            made[f"h.{bin_of(ms)}"] += 1
    course = [t.emotion for t in e.emotion_course]
    if course:
        bad = "angry" in course or "anxious" in course
        made.update({
            "f.mood_known": 1, "f.mood_negative": int(bad), "f.mood_improved": int(bad and e.customer_emotion in ("neutral", "satisfied")),
            "f.mood_escalated": int(course[0] != "angry" and "angry" in course),
        })
    for item in e.items:
        outcome = {v: k for k, v in _OUTCOMES.items()}[item.result]
        if outcome != "na":
            made[f"i.{item.item_id}.{outcome}"] += 1
            side = {"greeting": "script", "first_responder": "process", "apology": "script"}[item.item_id]
            if outcome != "abstained":
                made.update({f"f.{side}_applicable": 1, f"f.{side}_passed": int(outcome == "passed")})
    for d in e.dimensions:
        made.update({f"d.{d.dimension}.centi": round(d.score * 100), f"d.{d.dimension}.contacts": 1})
    return made


@pytest.fixture
def say():
    """What can happen."""
    return SimpleNamespace(interaction=interaction, scored=scored, alert=alert, promise=promise, solution=solution, ticket=ticket, feedback=feedback)


@pytest.fixture
def oracle():
    return expected


@pytest.fixture
def tenant():
    return f"t{next(_numbers)}"


@pytest.fixture
def compliance():
    return load_compliance()


@pytest.fixture
def kept(db):
    """{(scope, day, agent, team): {figure: n}} that MongoDB holds of a tenant."""
    async def read(tenant, database=None):
        from reporting.adapters.mongo_books import _figures

        return {
            (d["scope"], d["day"], d["agent_id"], d["team_id"]): figures
            async for d in (db if database is None else database).rollups.find({"tenant": tenant}) if (figures := {k: n for k, n in _figures(d).items() if n})
        }

    return read
