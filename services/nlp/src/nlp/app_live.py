"""What happens while a call runs: its turns judged as they come, news told at once, and at its end what it came to kept for comparison."""

import asyncio
import logging
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, tzinfo
from typing import Protocol

from chassis.errors import NotFound, TooMuch

from nlp.app import EAST_8, Contact, Engines, Histories, NoHistories, interaction_of
from nlp.domain.dialogue import Interaction, Role, Turn
from nlp.domain.engine import QualityEngine
from nlp.domain.evaluations import DeriveId, Evaluation, RaisedAlert, raised_alert
from nlp.domain.live import Hint, LiveContact, News
from nlp.domain.live_outcomes import LiveComparison, LiveOutcome, compared
from nlp.domain.pii.masking import redact

log = logging.getLogger(__name__)

MAX_LIVE_TURNS = 5_000
LISTEN_EVERY_S = 1.0
MANY_TURNS = 50  # more at once are taken in by a thread, so that other calls are heard meanwhile


@dataclass(frozen=True, slots=True)
class SuggestedHint:
    """A hint with its id."""

    hint_id: str
    hint: Hint


@dataclass(frozen=True, slots=True)
class Told:
    """What was told of a call: kinds of alert, and hints."""

    alerts: tuple[str, ...] = ()
    hints: tuple[Hint, ...] = ()


@dataclass(frozen=True, slots=True)
class LiveLimits:
    """`calls` kept at once; one without a turn for `idle_s` is let go and, if it goes on, read again from asr.

    `longest_turn_s` is how long somebody may speak before a turn of it is finished: silence is only certain that much later.
    """

    calls: int = 2_000
    idle_s: float = 1_800.0
    ended_s: float = 120.0
    longest_turn_s: float = 30.0


class LiveTranscripts(Protocol):
    """Turns of calls that still run."""

    async def so_far(self, tenant: str, interaction_id: str) -> tuple[Turn, ...]:
        """Raises NotFound where the call does not run (any more); what passes by itself is raised as it comes."""


class LiveNews(Protocol):
    """Alerts and hints of running calls as they are told."""

    async def tell(self, contact: Contact, alerts: Sequence[RaisedAlert], hints: Sequence[SuggestedHint], at: datetime) -> None:
        """Publish at once and keep; telling the same again is no second telling. Raises Unavailable."""

    async def told(self, tenant: str, interaction_id: str) -> Told:
        """What was told of a call, by any replica."""


class LiveOutcomes(Protocol):
    """What live evaluations came to, kept until the recording was judged."""

    async def keep(self, contact: Contact, outcome: LiveOutcome, at: datetime) -> None:
        """The last one counts."""

    async def find(self, tenant: str, interaction_id: str) -> LiveOutcome | None:
        """None where the call was not live, or long ago."""

    def count(self, comparison: LiveComparison) -> None:
        """Add it to the figures on how well live and afterwards agree."""


@dataclass
class _Call:
    """One call here: the turns of one call are taken in one after the other, in the order in which they came."""

    contact: Contact
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    live: LiveContact | None = None
    expected: int = 1
    incomplete: bool = False
    raised: set[str] = field(default_factory=set)
    untold: list[News] = field(default_factory=list)
    last_end_ms: int = 0
    last_at: datetime | None = None
    seen_s: float = 0.0
    ended: bool = False


class LiveCalls:
    """Every call that runs, as far as this replica hears of it."""

    def __init__(
        self, engines: Engines, transcripts: LiveTranscripts, news: LiveNews, outcomes: LiveOutcomes, *,
        derive_id: DeriveId, now: Callable[[], datetime], clock: Callable[[], float], limits: LiveLimits,
        is_transient: Callable[[BaseException], bool], histories: Histories | None = None, zone: tzinfo = EAST_8,
    ) -> None:
        self._histories, self._zone = histories or NoHistories(), zone
        self._engines, self._transcripts, self._news, self._outcomes = engines, transcripts, news, outcomes
        self._derive_id, self._now, self._clock, self._limits, self._is_transient = derive_id, now, clock, limits, is_transient
        self._calls: OrderedDict[tuple[str, str], _Call] = OrderedDict()

    def __len__(self) -> int:
        return len(self._calls)

    async def turn(self, contact: Contact, turn: Turn, sequence: int, at: datetime, *, again: bool = False) -> None:
        """Take a turn in, once, and tell what is new; `at` is when it was announced, `again` that it was delivered before.

        Where turns before it are missing, because another replica had them or this one was restarted, they are fetched from asr; while
        asr is away the turn is judged without them, and the next one asks again. Raises what keeps the news from being told.
        """
        async with self._held(contact) as (call, live):
            if turn.turn_id not in live:
                if len(live) >= MAX_LIVE_TURNS:
                    raise TooMuch(f"a live call has at most {MAX_LIVE_TURNS} turns")
                if again or call.incomplete or sequence != call.expected:
                    call.incomplete = not await self._caught_up(call, live, until_ms=turn.end_ms)
                live.put(turn)  # unless it was among what was missing
                call.untold.append(live.news(turn))
                call.expected = max(call.expected, sequence + 1)
                if (turn.end_ms or 0) >= call.last_end_ms:
                    call.last_end_ms, call.last_at = turn.end_ms or 0, at
            await self._tell(call, live)

    async def ended(self, contact: Contact, turns: int) -> None:
        """The call is over after so many turns: keep what judging it live came to. Raises what passes by itself as it comes."""
        async with self._held(contact) as (call, live):
            if len(live) < turns:
                await self._fetch(call, live, until_ms=None)
                last = live.dialogue.turns[-1:]
                call.untold.extend(live.news(turn) for turn in last)
            await self._tell(call, live)
            call.ended = True
            if len(live):
                assessment = await asyncio.to_thread(live.close)
                items = {item.item_id: item.outcome.value for item in assessment.judgement.items}
                card = assessment.scorecard
                outcome = LiveOutcome(card.scorecard_id, card.version, assessment.judgement.score, items, tuple(sorted(call.raised)), len(live))
                await self._outcomes.keep(contact, outcome, self._now())

    async def listen_forever(self) -> None:
        """Listen for silences, as long as the process runs; where news cannot be told now, the next round tells it."""
        while True:
            try:
                await self.listen_for_silence()
            except Exception as failure:
                if not self._is_transient(failure):
                    raise
                log.warning("a silence is told later: %s", type(failure).__name__)
            await asyncio.sleep(LISTEN_EVERY_S)

    async def listen_for_silence(self) -> None:
        """Tell of silences that still last, and let go of calls that have been quiet for long."""
        for key, call in list(self._calls.items()):
            if call.lock.locked():
                continue
            if self._clock() - call.seen_s > (self._limits.ended_s if call.ended else self._limits.idle_s):
                self._calls.pop(key, None)
                continue
            due = call.live.silence_told_from if call.live is not None and not call.ended else None
            if due is None or call.last_at is None:
                continue
            # Who is speaking now has begun at most `longest_turn_s` ago: before that, nobody spoke.
            quiet_until = call.last_end_ms + int(((self._now() - call.last_at).total_seconds() - self._limits.longest_turn_s) * 1000)
            if quiet_until >= due:
                async with call.lock:
                    assert call.live is not None  # it was there, and never goes
                    call.untold.append(call.live.quiet_until(quiet_until))
                    await self._tell(call, call.live)

    @asynccontextmanager
    async def _held(self, contact: Contact) -> AsyncIterator[tuple[_Call, LiveContact]]:
        key = (contact.tenant, contact.interaction_id)
        call = self._calls.get(key)
        if call is None:
            call = self._calls[key] = _Call(contact)
            self._make_room()
        call.seen_s = self._clock()
        self._calls.move_to_end(key)
        async with call.lock:
            if call.live is None:
                engine = await self._engines.engine(contact.tenant)
                known = replace(contact, looked_up=await self._histories.of(contact))
                call.live = LiveContact(engine, interaction_of(known, self._zone))
            yield call, call.live

    def _make_room(self) -> None:
        for key, call in list(self._calls.items()):
            if len(self._calls) <= self._limits.calls:
                return
            if not call.lock.locked() and call.live is not None:
                del self._calls[key]

    async def _caught_up(self, call: _Call, live: LiveContact, until_ms: int | None) -> bool:
        """Fetch what is missing; where asr is away, the call goes on without it."""
        try:
            await self._fetch(call, live, until_ms)
            return True
        except Exception as failure:
            if not self._is_transient(failure):
                raise
            log.warning("judging a call without its earlier turns: %s", type(failure).__name__)
            return False

    async def _fetch(self, call: _Call, live: LiveContact, until_ms: int | None) -> None:
        contact = call.contact
        told = await self._news.told(contact.tenant, contact.interaction_id)
        live.told(told.alerts, told.hints)
        call.raised.update(told.alerts)
        try:
            turns = await self._transcripts.so_far(contact.tenant, contact.interaction_id)
        except NotFound:
            return
        missing = [turn for turn in turns if turn.turn_id not in live and (until_ms is None or (turn.end_ms or 0) <= until_ms)]
        missing.sort(key=lambda turn: turn.end_ms or 0)
        missing = missing[: MAX_LIVE_TURNS - len(live)]
        if len(missing) > MANY_TURNS:
            await asyncio.to_thread(_take_in, live, missing)
        else:
            _take_in(live, missing)

    async def _tell(self, call: _Call, live: LiveContact) -> None:
        call.untold = [news for news in call.untold if news]
        if not call.untold:
            return
        contact = call.contact
        alerts: list[RaisedAlert] = []
        if any(news.alerts for news in call.untold):
            redaction = redact(live.dialogue)
            alerts = [
                raised_alert(alert, live.dialogue, redaction, news.worst, self._derive_id("alert", contact.tenant, contact.interaction_id, alert.kind))
                for news in call.untold for alert in news.alerts
            ]
        hints = [
            SuggestedHint(self._derive_id("hint", contact.tenant, contact.interaction_id, hint.kind, hint.turn_id), hint)
            for news in call.untold for hint in news.hints
        ]
        await self._news.tell(contact, alerts, hints, self._now())
        call.raised.update(alert.kind for alert in alerts)
        call.untold = []


def warm_up(engine: QualityEngine) -> None:
    """Judge a made-up call by every scorecard: weights, word lists and expressions are read at first use, for which no call should wait."""
    said = (
        (Role.AGENT, "您好，请问有什么可以帮您？"), (Role.CUSTOMER, "我叫张三，电话13800000000，宽带坏了三天，我要投诉。"),
        (Role.AGENT, "非常抱歉，明天上午给您处理。"),
    )
    for card in engine.scorecards.values():
        live = LiveContact(engine, Interaction("warm-up", next(iter(card.industries), "")))
        for number, (role, text) in enumerate(said):
            live.add(Turn(f"t{number}", role, text, number * 10_000, number * 10_000 + 5_000))
        live.close()


def _take_in(live: LiveContact, turns: Iterable[Turn]) -> None:
    for turn in turns:
        live.put(turn)


class LiveAgreement:
    """Satisfies app.Agreement."""

    def __init__(self, outcomes: LiveOutcomes) -> None:
        self._outcomes = outcomes

    async def of(self, contact: Contact, evaluation: Evaluation) -> LiveComparison | None:
        """None where the contact was not live, or was judged by another scorecard then."""
        live = await self._outcomes.find(contact.tenant, contact.interaction_id)
        if live is None or live.scorecard_id != evaluation.scorecard_id:
            return None
        comparison = compared(live, {item.item_id: item.result for item in evaluation.items}, [alert.kind for alert in evaluation.alerts])
        self._outcomes.count(comparison)
        return comparison
