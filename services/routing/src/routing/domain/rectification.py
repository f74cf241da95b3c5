"""When a fault has to be put right, by whom, and how later calls prove that it was."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import Enum

from routing.domain.proof import Progress, Standard, Verdict, progress

# What is kept of an agent's calls for each item, and of a team's or product's window.
KEPT_RESULTS = 60
KEPT_EVIDENCE = 10
MAX_ITEMS = 300
WINDOW = timedelta(days=7)
REPEATED_FAILURES, REPEATED_WITHIN = 3, 20
TEAM_AGENTS, TEAM_SHARE = 3, 0.3
PRODUCT_CONTACTS, PRODUCT_SHARE, PRODUCT_KEPT = 20, 0.2, 500
RELAPSE = timedelta(days=30)

# A product's issue is mended when it makes up at most a quarter of the share it had.
PRODUCT_MENDED = 0.25
# One failure of a fatal item is too many: it ends the proof, and within the time of relapse it takes the ticket up again.
FATAL_STANDARD = Standard(mended_rate=0.01, unmended_rate=0.20, false_pass=0.05, false_fail=0.15, at_most=60)
STANDARD = Standard()


class Target(Enum):
    """Who or what has to get better."""

    AGENT = "agent"
    TEAM = "team"
    PRODUCT = "product"


class RootCause(Enum):
    """Why it went wrong, as managers sort it: training, process, system or product."""

    TRAINING = "training"
    PROCESS = "process"
    SYSTEM = "system"
    PRODUCT = "product"


@dataclass(frozen=True, slots=True)
class Clip:
    """A place in a recording that shows it; `text` is masked."""

    interaction_id: str
    turn_id: str
    start_ms: int
    end_ms: int
    text: str


@dataclass(frozen=True, slots=True)
class JudgedItem:
    """One item of one evaluation that was decided: not N/A, not abstained."""

    item_id: str
    title: str
    failed: bool
    fatal: bool
    explanation: str = ""
    script: str = ""
    clips: tuple[Clip, ...] = ()


@dataclass(frozen=True, slots=True)
class Result:
    """How one call went on an item."""

    interaction_id: str
    at: datetime
    failed: bool


@dataclass(frozen=True, slots=True)
class Rectification:
    """What a rectification ticket is about and how far its proof is.

    `results` are the eligible calls since `proof_since`, in the order in which they were judged; `before` counts (failed, judged) before
    it was opened. `relapse_until` is set once it has passed.
    """

    target: Target
    target_id: str
    item_id: str
    item_title: str
    script: str
    drill: tuple[tuple[str, str], ...]
    evidence: tuple[Clip, ...]
    before: tuple[int, int]
    fatal: bool
    standard: Standard
    suggested_cause: RootCause
    root_cause: RootCause | None = None
    action: str = ""
    proof_since: datetime | None = None
    results: tuple[Result, ...] = ()
    verdict: Verdict = Verdict.NOT_YET
    relapse_until: datetime | None = None
    relapses: int = 0

    @property
    def progress(self) -> Progress:
        """How far the proof is."""
        return progress(self.standard, (result.failed for result in self.results))


def proof_begun(matter: Rectification, at: datetime) -> Rectification:
    """From now on calls count: those before, and those of a proof that failed, do not."""
    return replace(matter, proof_since=at, results=(), verdict=Verdict.NOT_YET, relapse_until=None)


def with_result(matter: Rectification, result: Result) -> Rectification:
    """One more call judged on the item; the very same where it does not count (made before, heard of already, or already decided)."""
    if matter.proof_since is None or result.at < matter.proof_since or matter.verdict is not Verdict.NOT_YET:
        return matter
    if any(known.interaction_id == result.interaction_id for known in matter.results):
        return matter
    after = replace(matter, results=(*matter.results, result))
    verdict = after.progress.verdict
    return replace(after, verdict=verdict, relapse_until=result.at + RELAPSE if verdict is Verdict.PASSED else None)


def relapsed(matter: Rectification, recent: tuple[Result, ...], result: Result) -> bool:
    """Does this failure take up again what had passed? One of a fatal item does; of others, as many as would open a ticket."""
    if not result.failed or matter.relapse_until is None or result.at > matter.relapse_until:
        return False
    passed_at = matter.results[-1].at
    return matter.fatal or is_repeated(tuple(r for r in recent if r.at > passed_at), result.at)


def is_repeated(recent: tuple[Result, ...], at: datetime) -> bool:
    """Has the item failed again and again: three of the last twenty calls within a week?"""
    last = [r for r in recent if r.at > at - WINDOW][-REPEATED_WITHIN:]
    return sum(r.failed for r in last) >= REPEATED_FAILURES


@dataclass(frozen=True, slots=True)
class AgentRecord:
    """An agent's last calls item by item, and the ticket that is or was about each item; `version` guards against two writers."""

    tenant: str
    agent_id: str
    team_id: str = ""
    recent: Mapping[str, tuple[Result, ...]] = field(default_factory=dict)
    tickets: Mapping[str, str] = field(default_factory=dict)
    rounds: Mapping[str, int] = field(default_factory=dict)
    version: int = 0

    def knows(self, interaction_id: str) -> bool:
        """Was this call taken in before?"""
        return any(r.interaction_id == interaction_id for results in self.recent.values() for r in results)

    def taking(self, interaction_id: str, at: datetime, items: tuple[JudgedItem, ...]) -> "AgentRecord":
        """The record with one more call."""
        recent = dict(self.recent)
        for item in items:
            if item.item_id in recent or len(recent) < MAX_ITEMS:
                recent[item.item_id] = (*recent.get(item.item_id, ()), Result(interaction_id, at, item.failed))[-KEPT_RESULTS:]
        return replace(self, recent=recent, version=self.version + 1)

    def about(self, item_id: str, ticket_id: str) -> "AgentRecord":
        """The record with the item's ticket."""
        rounds = {**self.rounds, item_id: self.rounds.get(item_id, 0) + 1}
        return replace(self, tickets={**self.tickets, item_id: ticket_id}, rounds=rounds)


@dataclass(frozen=True, slots=True)
class TeamRecord:
    """Which agents of a team failed an item lately: {item: {agent: (failed at, interaction)}}."""

    tenant: str
    team_id: str
    failures: Mapping[str, Mapping[str, tuple[datetime, str]]] = field(default_factory=dict)
    agents: Mapping[str, datetime] = field(default_factory=dict)
    tickets: Mapping[str, str] = field(default_factory=dict)
    rounds: Mapping[str, int] = field(default_factory=dict)
    version: int = 0

    def taking(self, agent_id: str, interaction_id: str, at: datetime, failed: tuple[str, ...]) -> "TeamRecord":
        """The record with one agent's call; what is older than a week is forgotten."""
        begin = at - WINDOW
        agents = {a: when for a, when in {**self.agents, agent_id: at}.items() if when > begin}
        failures: dict[str, Mapping[str, tuple[datetime, str]]] = {}
        for item in {*self.failures, *failed}:
            known = {a: f for a, f in self.failures.get(item, {}).items() if f[0] > begin}
            if item in failed:
                known[agent_id] = (at, interaction_id)
            if known:
                failures[item] = known
        return replace(self, agents=agents, failures=failures, version=self.version + 1)

    def calls_for(self, item_id: str) -> bool:
        """Do at least three agents, and three in ten of those at work, fail it?"""
        failing = len(self.failures.get(item_id, {}))
        return failing >= TEAM_AGENTS and failing >= TEAM_SHARE * len(self.agents)

    def about(self, item_id: str, ticket_id: str) -> "TeamRecord":
        """The record with the item's ticket."""
        return replace(self, tickets={**self.tickets, item_id: ticket_id}, rounds={**self.rounds, item_id: self.rounds.get(item_id, 0) + 1})


@dataclass(frozen=True, slots=True)
class ProductRecord:
    """The last contacts about a product with their issue, oldest first."""

    tenant: str
    product: str
    contacts: tuple[tuple[datetime, str, str], ...] = ()
    tickets: Mapping[str, str] = field(default_factory=dict)
    rounds: Mapping[str, int] = field(default_factory=dict)
    version: int = 0

    def taking(self, interaction_id: str, at: datetime, issue: str) -> "ProductRecord":
        """The record with one more contact; what is older than a week is forgotten."""
        kept = [c for c in self.contacts if c[0] > at - WINDOW]
        return replace(self, contacts=(*kept, (at, interaction_id, issue))[-PRODUCT_KEPT:], version=self.version + 1)

    def share(self, issue: str) -> float:
        """Share of the window's contacts that are about an issue."""
        return sum(c[2] == issue for c in self.contacts) / len(self.contacts) if self.contacts else 0.0

    def calls_for(self, issue: str) -> bool:
        """Is at least a fifth of at least twenty contacts in a week about one issue?"""
        return bool(issue) and len(self.contacts) >= PRODUCT_CONTACTS and self.share(issue) >= PRODUCT_SHARE

    def about(self, issue: str, ticket_id: str) -> "ProductRecord":
        """The record with the issue's ticket."""
        return replace(self, tickets={**self.tickets, issue: ticket_id}, rounds={**self.rounds, issue: self.rounds.get(issue, 0) + 1})


def standard_for(target: Target, fatal: bool, share: float) -> Standard:
    """By what it is proven: an issue against the share it had, a fatal item by calls without one failure, others by a low rate."""
    if target is Target.PRODUCT:
        unmended = round(min(0.9, max(0.1, share)), 2)
        return Standard(PRODUCT_MENDED * unmended, unmended, at_most=300)
    return FATAL_STANDARD if fatal else STANDARD


def suggested_cause(target: Target, item: JudgedItem, team: TeamRecord | None) -> RootCause:
    """Where to look first: one agent alone needs training, many agents the process; a product's issue is the product's."""
    if target is Target.PRODUCT:
        return RootCause.PRODUCT
    if any(word in item.explanation for word in ("系统", "查不到", "登录不了", "页面")):
        return RootCause.SYSTEM
    if target is Target.TEAM or (team is not None and len(team.failures.get(item.item_id, {})) >= TEAM_AGENTS):
        return RootCause.PROCESS
    return RootCause.TRAINING


def drill_for(item: JudgedItem) -> tuple[tuple[str, str], ...]:
    """A short dialogue to practise: the situation as it was, then what should be said; (role, words) in order."""
    situation = tuple(("scene", clip.text) for clip in item.clips[:1] if clip.text)
    return (*situation, ("agent", item.script)) if item.script else situation
