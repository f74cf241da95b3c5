"""What happens first and what then when several inspectors judge the same contacts, blind."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from chassis.errors import AlreadyExists, Denied, InvalidInput, NotAllowedNow, NotFound

from nlp.app import Clock
from nlp.app_reviews import LONGEST_KEY, NewId, Person
from nlp.domain.calibration import Agreement, Calibration, Judged, agreement, check_new, is_blind
from nlp.domain.evaluations import DeriveId, Evaluation
from nlp.domain.reviews import Answer, answered


@dataclass(frozen=True, slots=True)
class Shown:
    """A calibration with what its reader may see; `done` counts the answers given of `calibration.total`."""

    calibration: Calibration
    done: int
    answers: Sequence[Judged] = ()
    agreement: Sequence[Agreement] = ()


@dataclass(frozen=True, slots=True)
class CalibrationPage:
    """`next_token` is empty on the last page."""

    calibrations: Sequence[Shown]
    next_token: str = ""


class CalibrationStore(Protocol):
    """Calibrations, and the machine's evaluations of their contacts."""

    async def machine(self, tenant: str, interaction_ids: Sequence[str]) -> dict[str, Evaluation]:
        """What the machine said, by interaction; without evidence."""

    async def add(self, tenant: str, calibration: Calibration) -> Calibration:
        """Keep it, or return the one kept under its id."""

    async def find(self, tenant: str, calibration_id: str) -> Calibration | None:
        """One calibration."""

    async def answer(self, calibration_id: str, judged: Judged) -> None:
        """Keep an inspector's answers to a contact in place of those before."""

    async def answers(self, calibration_id: str) -> list[Judged]:
        """All of them, in order of contacts and inspectors' names."""

    async def page(self, tenant: str, *, size: int, token: str) -> CalibrationPage:
        """Newest first, without answers. Raises InvalidInput on "page_size" and "page_token"."""


class Calibrations:
    """The same contacts judged by several people."""

    def __init__(self, store: CalibrationStore, *, derive_id: DeriveId, new_id: NewId, now: Clock) -> None:
        self._store, self._derive_id, self._new_id, self._now = store, derive_id, new_id, now

    async def create(self, title: str, interaction_ids: Sequence[str], inspectors: Sequence[str], key: str, person: Person) -> Shown:
        """Raises Denied, InvalidInput also for contacts without an evaluation, AlreadyExists where the key was used for something else."""
        _no_agents(person)
        check_new(title, interaction_ids, inspectors)
        if len(key) > LONGEST_KEY:
            raise InvalidInput("idempotency_key", f"must have at most {LONGEST_KEY} characters")
        machine = await self._store.machine(person.tenant, interaction_ids)
        for number, interaction_id in enumerate(interaction_ids):
            if interaction_id not in machine:
                raise InvalidInput(f"interaction_ids[{number}]", "has no evaluation")
        calibration_id = self._derive_id("calibration", person.tenant, person.principal, key) if key else self._new_id()
        made = Calibration(calibration_id, title, tuple(interaction_ids), tuple(inspectors), person.principal, self._now())
        kept = await self._store.add(person.tenant, made)
        if (kept.title, kept.interaction_ids, kept.inspectors) != (made.title, made.interaction_ids, made.inspectors):
            raise AlreadyExists("this key was used for another calibration", field="idempotency_key")
        return await self._shown(kept, person)

    async def answer(self, calibration_id: str, interaction_id: str, answers: Sequence[Answer], person: Person) -> Shown:
        """Judge one contact. Raises NotFound, Denied to others than the inspectors, InvalidInput, NotAllowedNow once everybody has answered."""
        calibration = await self._found(calibration_id, person)
        if person.principal not in calibration.inspectors:
            raise Denied("only the inspectors of a calibration answer it", field="calibration_id")
        if interaction_id not in calibration.interaction_ids:
            raise InvalidInput("interaction_id", "is not part of this calibration")
        machine = await self._store.machine(person.tenant, [interaction_id])
        given = answered(machine[interaction_id], answers)
        if len(await self._store.answers(calibration_id)) == calibration.total:
            raise NotAllowedNow("everybody has answered: the answers stand", field="calibration_id")
        await self._store.answer(calibration_id, Judged(person.principal, interaction_id, given))
        return await self._shown(calibration, person)

    async def get(self, calibration_id: str, person: Person) -> Shown:
        """With what the caller may see. Raises NotFound, Denied."""
        return await self._shown(await self._found(calibration_id, person), person)

    async def page(self, person: Person, *, size: int, token: str) -> CalibrationPage:
        """Newest first, without answers. Raises InvalidInput, Denied."""
        _no_agents(person)
        return await self._store.page(person.tenant, size=size, token=token)

    async def _found(self, calibration_id: str, person: Person) -> Calibration:
        _no_agents(person)
        found = await self._store.find(person.tenant, calibration_id)
        if found is None:
            raise NotFound("there is no such calibration", field="calibration_id")
        return found

    async def _shown(self, calibration: Calibration, person: Person) -> Shown:
        """Who has not judged every contact sees its own answers alone: figures too would tell of the others', and of the machine's."""
        judged = await self._store.answers(calibration.calibration_id)
        if is_blind(calibration, judged, person.principal):
            own = [_blind(one) for one in judged if one.inspector == person.principal]
            return Shown(calibration, len(judged), own)
        machine = await self._store.machine(person.tenant, calibration.interaction_ids)
        said = {(interaction_id, item.item_id): item.result for interaction_id, evaluation in machine.items() for item in evaluation.items}
        return Shown(calibration, len(judged), judged, agreement(judged, said))


def _blind(judged: Judged) -> Judged:
    return Judged(judged.inspector, judged.interaction_id, tuple(Answer(answer.item_id, answer.result, answer.note) for answer in judged.items))


def _no_agents(person: Person) -> None:
    if person.agent_id:
        raise Denied("an agent takes no part in calibrations", field="calibration_id")
