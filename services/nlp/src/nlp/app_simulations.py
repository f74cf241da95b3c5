"""Replays contacts already judged under the version in force and a candidate: in the background, behind live work, going on where it was cut off."""

import asyncio
import logging
import math
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta, tzinfo
from enum import StrEnum
from typing import Protocol

from chassis.errors import AlreadyExists, InvalidInput, NotAllowedNow, NotFound, TooMuch

from nlp.app import EAST_8, Contact, Transcripts, dialogue_of
from nlp.app_scorecards import Scorecards, VersionKey
from nlp.domain.engine import COMMON, QualityEngine, attributes_of
from nlp.domain.judging import judge
from nlp.domain.linting import told
from nlp.domain.scorecard_files import FileRefused
from nlp.domain.scorecards import Scorecard
from nlp.domain.simulation import Gate, Tally, Verdict, missed, verdict_of

log = logging.getLogger(__name__)

MOST = 100_000
MAX_RUNNING = 5
MAX_KEY = 200
BATCH = 50
LEASE = timedelta(seconds=30)
LONGEST_YIELD_S = 1.0
_YIELD_S = 0.02
_IDLE_S = 2.0


class State(StrEnum):
    """How far a simulation is."""

    RUNNING = "running"
    DONE = "done"
    CANCELLED = "cancelled"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Simulation:
    """A replay of at most `at_most` contacts, newest first; `cursor` is where it goes on, the tally what it has found up to there."""

    simulation_id: str
    tenant: str
    candidate: VersionKey
    baseline: VersionKey
    source_sha256: str
    gate: Gate
    since: datetime | None
    until: datetime | None
    at_most: int
    total: int
    started_by: str
    started_at: datetime
    source: str = field(default="", repr=False)
    state: State = State.RUNNING
    done: int = 0
    skipped: int = 0
    cursor: str = ""
    tally: Tally = field(default_factory=Tally, repr=False)
    ended_at: datetime | None = None
    reason: str = ""
    gate_reasons: tuple[str, ...] = ()
    titles: tuple[tuple[str, str], ...] = field(default=(), repr=False)

    @property
    def gate_passed(self) -> bool | None:
        """None while it is not done."""
        return None if self.state is not State.DONE else not self.gate_reasons


@dataclass(frozen=True, slots=True)
class SimulationPage:
    """Without tallies' items, agents and teams; `next_token` is empty on the last page."""

    simulations: Sequence[Simulation]
    next_token: str = ""


@dataclass(frozen=True, slots=True)
class Replayable:
    """A contact as it was judged: by which version, with which rules, what the machine said and what people answered since."""

    contact: Contact
    version: str
    rules_sha256: str
    verdict: Verdict
    reviewed: dict[str, str]
    order: str


class Judged(Protocol):
    """Contacts already judged."""

    async def count(self, tenant: str, scorecard_id: str, since: datetime | None, until: datetime | None, most: int) -> int:
        """How many there are, at most `most`; where counting takes long, how many were counted."""

    async def batch(
        self, tenant: str, scorecard_id: str, since: datetime | None, until: datetime | None, *, before: str, size: int,
    ) -> Sequence[Replayable]:
        """The next, newest first, older than the `order` of `before` where it is given."""


class SimulationStore(Protocol):
    """Simulations where they are kept."""

    async def add(self, simulation: Simulation) -> Simulation:
        """Keep it, or return the one that is there under its id."""

    async def find(self, tenant: str, simulation_id: str) -> Simulation | None:
        """With everything."""

    async def page(self, tenant: str, *, size: int, token: str) -> SimulationPage:
        """Newest first. Raises InvalidInput on "page_size" and "page_token"."""

    async def running(self, tenant: str) -> int:
        """How many of the tenant run."""

    async def claim(self, holder: str, lease: timedelta) -> Simulation | None:
        """One that runs and that nobody holds, held from now on."""

    async def keep(self, simulation: Simulation, holder: str, lease: timedelta) -> bool:
        """Write how far it is, in one atomic write; False where it is no longer held, or was cancelled."""

    async def cancel(self, tenant: str, simulation_id: str, at: datetime) -> Simulation | None:
        """Stop it where it runs, and return what it is then."""


class Simulations:
    """Starts, shows and stops simulations, and says whether a candidate may be published."""

    def __init__(
        self, scorecards: Scorecards, store: SimulationStore, judged: Judged, *, new_id: Callable[[], str], derive_id: Callable[..., str],
        now: Callable[[], datetime],
    ) -> None:
        self._scorecards, self._store, self._judged = scorecards, store, judged
        self._new_id, self._derive_id, self._now = new_id, derive_id, now

    async def start(
        self, tenant: str, source: str, *, since: datetime | None, until: datetime | None, at_most: int, gate: Gate, key: str, by: str,
    ) -> Simulation:
        """Start one; the same key again gives the same one.

        A scorecard whose id is not in force yet is compared with the one it extends, or with the common one. Raises InvalidInput,
        TooMuch where MAX_RUNNING of the tenant run, AlreadyExists where the key was used for something else.
        """
        _check(since, until, at_most, gate, key)
        try:
            file, _ = await self._scorecards.read(tenant, source)
            await asyncio.to_thread(self._scorecards.engine_with, file.card)
        except FileRefused as refused:
            raise InvalidInput("source", told(refused)) from refused
        except ValueError as error:
            raise InvalidInput("source", str(error)) from error
        keys = await self._scorecards.keys_in_force(tenant)
        baseline = keys.get(file.card.scorecard_id) or keys.get(file.extends) or keys[COMMON]
        simulation_id = self._derive_id("simulation", tenant, key) if key else self._new_id()
        known = await self._store.find(tenant, simulation_id)
        if known is None:
            if await self._store.running(tenant) >= MAX_RUNNING:
                raise TooMuch(f"{MAX_RUNNING} simulations run already")
            most = at_most or MOST
            wanted = Simulation(
                simulation_id, tenant, VersionKey(tenant, file.card.scorecard_id, file.card.version), baseline, file.sha256, gate, since, until, most,
                await self._judged.count(tenant, baseline.scorecard_id, since, until, most), by, self._now(), file.source,
                titles=tuple((item.item_id, item.title) for item in file.card.items),
            )
            known = await self._store.add(wanted)
        if (known.source_sha256, known.since, known.until, known.at_most, known.gate) != (file.sha256, since, until, at_most or MOST, gate):
            raise AlreadyExists("the key was used for another simulation", field="idempotency_key")
        return known

    async def get(self, tenant: str, simulation_id: str) -> Simulation:
        """Raises NotFound."""
        found = await self._store.find(tenant, simulation_id)
        if found is None:
            raise NotFound("there is no such simulation", field="simulation_id")
        return found

    async def page(self, tenant: str, *, size: int, token: str) -> SimulationPage:
        """Newest first. Raises InvalidInput."""
        return await self._store.page(tenant, size=size, token=token)

    async def cancel(self, tenant: str, simulation_id: str) -> Simulation:
        """Stop one that runs; one that does not stays as it is. Raises NotFound."""
        found = await self._store.cancel(tenant, simulation_id, self._now())
        if found is None:
            raise NotFound("there is no such simulation", field="simulation_id")
        return found

    async def check(self, tenant: str, simulation_id: str, source_sha256: str) -> None:
        """Satisfies app_publishing.Gates."""
        found = await self.get(tenant, simulation_id)
        if found.source_sha256 != source_sha256:
            raise NotAllowedNow("模拟的不是这份评分表", field="simulation_id")
        if found.state is not State.DONE:
            raise NotAllowedNow("模拟还没有完成", field="simulation_id")
        if not found.gate.asks:
            raise NotAllowedNow("模拟没有设置门槛", field="simulation_id")
        if found.gate_reasons:
            raise NotAllowedNow(f"模拟未达到门槛：{'；'.join(found.gate_reasons)}", field="simulation_id")


class Simulator:
    """Runs what was started, one simulation at a time for each replica."""

    def __init__(
        self, scorecards: Scorecards, store: SimulationStore, judged: Judged, transcripts: Transcripts, *, holder: str, now: Callable[[], datetime],
        is_transient: Callable[[BaseException], bool], busy: Callable[[], bool] = lambda: False, at_once: int = 4, batch: int = BATCH, lease: timedelta = LEASE,
        zone: tzinfo = EAST_8,
    ) -> None:
        self._scorecards, self._store, self._judged, self._transcripts = scorecards, store, judged, transcripts
        self._holder, self._now, self._is_transient, self._busy = holder, now, is_transient, busy
        self._at_once, self._batch, self._lease = asyncio.Semaphore(at_once), batch, lease
        self._zone = zone
        self._thread = ThreadPoolExecutor(1, "simulation")  # of its own: those that score are never taken

    async def run_forever(self) -> None:
        """Runs as long as the process; give it to Life.spawn."""
        while True:
            try:
                while await self.run_one():
                    pass
            except Exception as e:
                if not self._is_transient(e):
                    raise
                log.warning("simulator waits: %s", type(e).__name__)
            await asyncio.sleep(_IDLE_S)

    async def run_one(self) -> bool:
        """Take one that runs and that nobody holds, and carry it to its end; False where there is none."""
        simulation = await self._store.claim(self._holder, self._lease)
        if simulation is None:
            return False
        try:
            await self._run(simulation)
        except Exception as e:
            if self._is_transient(e):
                raise  # the lease runs out, and some replica goes on from the last batch
            log.exception("simulation failed", extra={"simulation": simulation.simulation_id})
            failed = replace(simulation, state=State.FAILED, ended_at=self._now(), reason=f"模拟中断（{type(e).__name__}），详情见服务日志。")
            found = await self._store.find(simulation.tenant, simulation.simulation_id)
            await self._store.keep(replace(found or simulation, state=failed.state, ended_at=failed.ended_at, reason=failed.reason), self._holder, self._lease)
        return True

    async def _run(self, simulation: Simulation) -> None:
        tenant = simulation.tenant
        file, _ = await self._scorecards.read(tenant, simulation.source)
        candidate = await asyncio.to_thread(self._scorecards.engine_with, file.card)
        baseline = await self._scorecards.engine_for(tenant, simulation.baseline.scorecard_id, simulation.baseline.version)
        while simulation.done < simulation.at_most:
            found = await self._judged.batch(
                tenant, simulation.baseline.scorecard_id, simulation.since, simulation.until,
                before=simulation.cursor, size=min(self._batch, simulation.at_most - simulation.done),
            )
            if not found:
                break
            replayed = await asyncio.gather(*(self._replay(one, simulation, baseline, candidate, file.card) for one in found))
            for one, verdicts in zip(found, replayed, strict=True):
                if verdicts is not None:
                    contact = one.contact
                    simulation.tally.add(contact.interaction_id, contact.agent_id, contact.team_id, *verdicts, one.reviewed)
            left_out = sum(verdicts is None for verdicts in replayed)
            simulation = replace(simulation, cursor=found[-1].order, done=simulation.done + len(found), skipped=simulation.skipped + left_out)
            simulation = replace(simulation, total=max(simulation.total, simulation.done))
            if not await self._store.keep(simulation, self._holder, self._lease):
                return
        ended = replace(
            simulation, state=State.DONE, total=simulation.done, ended_at=self._now(), gate_reasons=tuple(missed(simulation.gate, simulation.tally)),
        )
        await self._store.keep(ended, self._holder, self._lease)

    async def _replay(
        self, one: Replayable, simulation: Simulation, baseline: QualityEngine, candidate: QualityEngine, card: Scorecard,
    ) -> tuple[Verdict, Verdict] | None:
        async with self._at_once:
            await self._give_way()
            try:
                transcript = await self._transcripts.get(simulation.tenant, one.contact.interaction_id)
            except NotFound:
                return None
            old = baseline.scorecards[simulation.baseline.scorecard_id]
            # What was stored stands for the baseline where the same rules made it.
            stored = one.version == old.version and one.rules_sha256 == baseline.rules_sha256(old)

            def work() -> tuple[Verdict, Verdict] | None:
                dialogue = dialogue_of(one.contact, transcript.turns, self._zone)
                if not card.judges(attributes_of(dialogue.interaction)):
                    return None
                before = one.verdict if stored else verdict_of(judge(old, baseline.read(old, dialogue, one.contact.asked).evaluator))
                return before, verdict_of(judge(card, candidate.read(card, dialogue, one.contact.asked).evaluator))

            return await asyncio.get_running_loop().run_in_executor(self._thread, work)

    async def _give_way(self) -> None:
        """Live work goes first, for at most LONGEST_YIELD_S: under load that never ends a simulation is slow, not stuck."""
        waited = 0.0
        while self._busy() and waited < LONGEST_YIELD_S:
            await asyncio.sleep(_YIELD_S)
            waited += _YIELD_S


def _check(since: datetime | None, until: datetime | None, at_most: int, gate: Gate, key: str) -> None:
    if since is not None and until is not None and since >= until:
        raise InvalidInput("to", "is not after from")
    if not 0 <= at_most <= MOST:
        raise InvalidInput("at_most", f"must be 0 to {MOST}")
    if len(key) > MAX_KEY:
        raise InvalidInput("idempotency_key", f"is longer than {MAX_KEY} characters")
    for name in ("min_precision", "min_recall"):
        share = getattr(gate, name)
        if share is not None and not 0 <= share <= 1:
            raise InvalidInput(f"gate.{name}", "must be 0 to 1")
    if gate.max_fatal_flips is not None and gate.max_fatal_flips < 0:
        raise InvalidInput("gate.max_fatal_flips", "must be 0 or more")
    if gate.max_mean_change is not None and not (math.isfinite(gate.max_mean_change) and gate.max_mean_change >= 0):
        raise InvalidInput("gate.max_mean_change", "must be 0 or more")
