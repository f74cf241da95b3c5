"""What happens first and what then when a transcript is there, and when somebody asks what was found."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from typing import Protocol

from chassis.errors import Denied, InvalidInput, NotFound

from nlp.domain.courses import Asked
from nlp.domain.dialogue import Dialogue, Interaction, Turn, in_order
from nlp.domain.engine import QualityEngine
from nlp.domain.evaluations import DeriveId, Evaluation, RaisedAlert
from nlp.domain.live_outcomes import LiveComparison
from nlp.domain.pii.masking import redact
from nlp.domain.provenance import AsrModel
from nlp.domain.records import judged
from nlp.domain.scorecards import Scorecard

Clock = Callable[[], datetime]
EAST_8 = timezone(timedelta(hours=8))
STARTED_AT, CALL_LENGTH = "started_at", "call_length_s"
MAX_TURNS = 20_000
MAX_TRIED_TURNS = 5_000
MAX_TRIED_CHARS = 1_000_000


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks: a tenant, the one agent whose contacts it may see (every agent's where empty), and whether unmasked text is allowed."""

    tenant: str
    agent_id: str = ""
    may_read_pii: bool = False


@dataclass(frozen=True, slots=True)
class Contact:
    """A contact as ingestion announced it; `received` is its form on the wire, handed on and never looked into here.

    `looked_up` are attributes that nobody announced and that may be otherwise later, `asked` what a language model was asked: both are
    stored with what is judged.
    """

    tenant: str
    interaction_id: str
    industry: str
    channel: str
    direction: str
    agent_id: str
    team_id: str
    attributes: Mapping[str, str]
    spoken: bool
    started_at: datetime | None
    duration_ms: int = 0
    received: bytes = field(default=b"", repr=False)
    customer_id: str = ""
    looked_up: Mapping[str, str] = field(default_factory=dict)
    asked: Sequence[Asked] = field(default=(), repr=False)


@dataclass(frozen=True, slots=True)
class Transcript:
    """Turns as asr keeps them, unmasked; `received` is their form on the wire."""

    turns: tuple[Turn, ...] = field(repr=False)
    received: bytes = field(default=b"", repr=False)
    asr: AsrModel = field(default_factory=AsrModel)


@dataclass(frozen=True, slots=True)
class MaskedTranscript:
    """A transcript on its way out: `texts` by turn, masked unless the caller may read what was said."""

    texts: Mapping[str, str] = field(repr=False)
    received: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class EvaluationFilters:
    """Only those that match; empty, None and False match all."""

    agent_id: str = ""
    team_id: str = ""
    since: datetime | None = None
    until: datetime | None = None
    fatal: bool = False
    failed_item_id: str = ""
    interaction_id: str = ""
    abstained_item_id: str = ""


@dataclass(frozen=True, slots=True)
class AlertFilters:
    """Only those that match; empty matches all."""

    interaction_id: str = ""
    kind: str = ""
    agent_id: str = ""


@dataclass(frozen=True, slots=True)
class StoredAlert:
    """An alert with where and when it was raised."""

    alert: RaisedAlert
    interaction_id: str
    agent_id: str
    raised_at: datetime


@dataclass(frozen=True, slots=True)
class EvaluationPage:
    """`next_token` is empty on the last page."""

    evaluations: Sequence[Evaluation]
    next_token: str = ""


@dataclass(frozen=True, slots=True)
class AlertPage:
    """`next_token` is empty on the last page."""

    alerts: Sequence[StoredAlert]
    next_token: str = ""


class Transcripts(Protocol):
    """Transcripts where they are kept."""

    async def get(self, tenant: str, interaction_id: str) -> Transcript:
        """Raises NotFound; what passes by itself (asr is away) is raised as it comes."""


class Evaluations(Protocol):
    """Evaluations as they are kept: one for each contact."""

    async def settle(self, tenant: str, interaction_id: str) -> bool:
        """Whether there is one already; what it still has to tell is told."""

    async def add(self, contact: Contact, evaluation: Evaluation, beside: Sequence[Evaluation] = ()) -> None:
        """Keep it with its alerts, and what additional scorecards say `beside` it; no second one is kept.

        See that InteractionScored, AlertRaised and PromiseMade are published, once, of the one that counts.
        """

    async def find(self, tenant: str, interaction_id: str, scorecard_id: str = "") -> tuple[Evaluation, str] | None:
        """The evaluation by a scorecard, the one that counts where none is named, and the id of the agent it is about."""

    async def page(self, tenant: str, filters: EvaluationFilters, *, size: int, token: str) -> EvaluationPage:
        """Newest first, without evidence and emotion course. Raises InvalidInput on "page_size" and "page_token"."""

    async def alerts(self, tenant: str, filters: AlertFilters, *, size: int, token: str) -> AlertPage:
        """Newest first. Raises InvalidInput on "page_size" and "page_token"."""


class Histories(Protocol):
    """What else is known of a contact's customer."""

    async def of(self, contact: Contact) -> Mapping[str, str]:
        """The attributes previous_contacts_7d and previous_contacts_30d; nothing where the customer is not known."""


class Asking(Protocol):
    """A language model that answers what rules ask."""

    async def about(self, engine: QualityEngine, card: Scorecard, dialogue: Dialogue) -> Sequence[Asked]:
        """Everything a scorecard asks about a contact, answered; raises nothing that comes of the model."""


class NoHistories:
    """Satisfies Histories where nobody looks."""

    async def of(self, contact: Contact) -> Mapping[str, str]:
        """Nothing."""
        return {}


class Announcements(Protocol):
    """What is told without being kept."""

    async def scoring_failed(self, contact: Contact, reason: str) -> None:
        """Publish ScoringFailed, once for each contact. Raises Unavailable."""


class Agreement(Protocol):
    """How judging a call live agrees with judging its recording."""

    async def of(self, contact: Contact, evaluation: Evaluation) -> LiveComparison | None:
        """None where the contact was not live."""


class Engines(Protocol):
    """What judges a tenant's contacts."""

    async def engine(self, tenant: str) -> QualityEngine:
        """The one in force now."""


@dataclass(frozen=True, slots=True)
class SameEngine:
    """Satisfies Engines where every tenant is judged by the same."""

    same: QualityEngine

    async def engine(self, tenant: str) -> QualityEngine:
        """The same for every tenant."""
        return self.same


class Scoring:
    """Judges contacts; `under_way` says how many just now."""

    def __init__(
        self, engines: Engines, transcripts: Transcripts, evaluations: Evaluations, announcements: Announcements,
        *, derive_id: DeriveId, now: Clock, utc_offset: timedelta, live: Agreement | None = None, histories: Histories | None = None,
        asking: Asking | None = None,
    ) -> None:
        self._engines, self._transcripts, self._evaluations, self._announcements = engines, transcripts, evaluations, announcements
        self.under_way = 0
        self._live = live
        self._bench, self._now = Bench(derive_id=derive_id, utc_offset=utc_offset), now
        self._histories, self._asking = histories or NoHistories(), asking

    async def score(self, contact: Contact) -> None:
        """Judge a contact once, however often it is asked. Raises NotFound, and what passes by itself as it comes."""
        self.under_way += 1
        try:
            await self._score(contact)
        finally:
            self.under_way -= 1

    async def _score(self, contact: Contact) -> None:
        if await self._evaluations.settle(contact.tenant, contact.interaction_id):
            return
        transcript = await self._transcripts.get(contact.tenant, contact.interaction_id)
        if not any(turn.text.strip() for turn in transcript.turns):
            await self._announcements.scoring_failed(contact, "转写内容为空，无法质检。")
            return
        if len(transcript.turns) > MAX_TURNS:
            await self._announcements.scoring_failed(contact, f"话轮超过{MAX_TURNS}条，无法质检。")
            return
        contact = replace(contact, looked_up=await self._histories.of(contact))
        dialogue = self._bench.dialogue(contact, transcript.turns)
        engine = await self._engines.engine(contact.tenant)
        evaluation = await self._judged(engine, contact, dialogue, transcript.asr)
        if self._live is not None:
            evaluation = replace(evaluation, live=await self._live.of(contact, evaluation))
        beside = [
            await self._by(engine, card, contact, dialogue, evaluation.scored_at, transcript.asr) for card in engine.additional_for(dialogue.interaction)
        ]
        await self._evaluations.add(contact, evaluation, beside)

    async def give_up(self, contact: Contact) -> None:
        """Say that no evaluation will come. Raises Unavailable."""
        await self._announcements.scoring_failed(contact, "多次尝试后仍无法质检，已转入待查。")

    async def judge(self, contact: Contact, turns: Sequence[Turn]) -> Evaluation:
        """Judge turns and keep nothing. Raises InvalidInput on "turns"."""
        if not 1 <= len(turns) <= MAX_TRIED_TURNS:
            raise InvalidInput("turns", f"must be 1 to {MAX_TRIED_TURNS}")
        if sum(len(turn.text) for turn in turns) > MAX_TRIED_CHARS:
            raise InvalidInput("turns", f"hold more than {MAX_TRIED_CHARS} characters")
        if not any(turn.text.strip() for turn in turns):
            raise InvalidInput("turns", "hold no text")
        contact = replace(contact, looked_up=await self._histories.of(contact), started_at=contact.started_at or self._now())
        dialogue = self._bench.dialogue(contact, turns)
        return await self._judged(await self._engines.engine(contact.tenant), contact, dialogue, AsrModel())

    async def _judged(self, engine: QualityEngine, contact: Contact, dialogue: Dialogue, asr: AsrModel) -> Evaluation:
        return await self._by(engine, engine.scorecard_for(dialogue.interaction), contact, dialogue, self._now(), asr)

    async def _by(self, engine: QualityEngine, card: Scorecard, contact: Contact, dialogue: Dialogue, at: datetime, asr: AsrModel) -> Evaluation:
        if self._asking is not None:
            contact = replace(contact, asked=await self._asking.about(engine, card, dialogue))
        return await self._bench.judged(engine, card, contact, dialogue, at=at, asr=asr)


class Bench:
    """Where contacts are judged: asked again of the same, with the same and for the same time, it says the same."""

    def __init__(self, *, derive_id: DeriveId, utc_offset: timedelta) -> None:
        self._derive_id, self._zone = derive_id, timezone(utc_offset)

    def dialogue(self, contact: Contact, turns: Sequence[Turn]) -> Dialogue:
        """A contact with its turns, as it is judged."""
        return dialogue_of(contact, turns, self._zone)

    async def judged(
        self, engine: QualityEngine, card: Scorecard, contact: Contact, dialogue: Dialogue, *, at: datetime, asr: AsrModel
    ) -> Evaluation:
        """What is said of a contact by one scorecard of the engine at a time."""
        started_at = (contact.started_at or at).astimezone(self._zone)

        def work() -> Evaluation:
            return judged(
                engine, card, dialogue, tenant=contact.tenant, started_at=started_at, scored_at=at, derive_id=self._derive_id, asr=asr,
                looked_up=contact.looked_up, asked=contact.asked,
            )

        return await asyncio.to_thread(work)  # a long chat takes a second: others are answered meanwhile


def dialogue_of(contact: Contact, turns: Sequence[Turn], zone: tzinfo = EAST_8) -> Dialogue:
    """A contact with its turns, as it is judged."""
    return Dialogue(interaction_of(contact, zone), in_order(turns))


def interaction_of(contact: Contact, zone: tzinfo) -> Interaction:
    """What is known of a contact besides its words: as announced, as looked up, and when it began in the company's time zone."""
    known = {**contact.attributes, **contact.looked_up}
    if contact.started_at is not None:
        known[STARTED_AT] = contact.started_at.astimezone(zone).isoformat()
    if contact.duration_ms > 0:
        known[CALL_LENGTH] = f"{contact.duration_ms / 1000:g}"
    return Interaction(contact.interaction_id, contact.industry, contact.channel, contact.direction, known, contact.spoken)


class Findings:
    """Shows what was found, to those who may see it."""

    def __init__(self, engines: Engines, transcripts: Transcripts, evaluations: Evaluations) -> None:
        self._engines, self._transcripts, self._evaluations = engines, transcripts, evaluations

    async def evaluation(self, interaction_id: str, caller: Caller, scorecard_id: str = "") -> Evaluation:
        """By a scorecard, the one that counts where none is named. Raises NotFound, also for another agent's contact."""
        found = await self._evaluations.find(caller.tenant, interaction_id, scorecard_id)
        if found is None or caller.agent_id not in ("", found[1]):
            raise NotFound("there is no evaluation of this interaction", field="interaction_id")
        return found[0]

    async def transcript(self, interaction_id: str, caller: Caller) -> MaskedTranscript:
        """Masked unless the caller may read what was said. Raises NotFound.

        An agent sees its own contacts once they are evaluated: before that nothing here says whose a contact is.
        """
        if caller.agent_id:
            await self.evaluation(interaction_id, caller)
        transcript = await self._transcripts.get(caller.tenant, interaction_id)
        if caller.may_read_pii:
            return MaskedTranscript({turn.turn_id: turn.text for turn in transcript.turns}, transcript.received)
        dialogue = Dialogue(Interaction(interaction_id), in_order(transcript.turns))
        redaction = await asyncio.to_thread(redact, dialogue)
        return MaskedTranscript(redaction.masked, transcript.received)

    async def page(self, filters: EvaluationFilters, caller: Caller, *, size: int, token: str) -> EvaluationPage:
        """Newest first. Raises InvalidInput, Denied."""
        if filters.since and filters.until and filters.since > filters.until:
            raise InvalidInput("to", "is before from")
        filters = replace(filters, agent_id=_own(filters.agent_id, caller))
        return await self._evaluations.page(caller.tenant, filters, size=size, token=token)

    async def alerts(self, filters: AlertFilters, caller: Caller, *, size: int, token: str) -> AlertPage:
        """Newest first. Raises InvalidInput."""
        filters = replace(filters, agent_id=_own(filters.agent_id, caller))
        return await self._evaluations.alerts(caller.tenant, filters, size=size, token=token)

    async def scorecards(self, industry: str, caller: Caller) -> list[Scorecard]:
        """Those in force, in order of id; with an industry, the one that judges it."""
        engine = await self._engines.engine(caller.tenant)
        if industry:
            return [engine.scorecard_for(Interaction("", industry))]
        return [engine.scorecards[name] for name in sorted(engine.scorecards)]


def _own(agent_id: str, caller: Caller) -> str:
    if caller.agent_id and agent_id not in ("", caller.agent_id):
        raise Denied("the key is for one agent's own contacts", field="agent_id")
    return agent_id or caller.agent_id


def utc_now() -> datetime:
    """Now, to the millisecond: finer is lost in MongoDB, and what was stored must equal what is read."""
    at = datetime.now(UTC)
    return at.replace(microsecond=at.microsecond // 1000 * 1000)
