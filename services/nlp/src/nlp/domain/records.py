"""Records: the machine's evaluation with all it was made with, as it is chained and can be made again."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from nlp.domain.canonical import Unlike, first_difference, plain, written
from nlp.domain.courses import Answer, Asked, Question
from nlp.domain.dialogue import Dialogue
from nlp.domain.engine import QualityEngine
from nlp.domain.evaluations import DeriveId, Evaluation, evaluation_of
from nlp.domain.provenance import NOTHING, AsrModel, Provenance, provenance_of
from nlp.domain.scorecards import Scorecard

FORMAT = 1
# What people and the chain add later, and how a live evaluation went: not the machine's, or not to be had from the transcript.
_LATER = ("chain", "reviewed_at")
_NOT_MADE_AGAIN = ("live",)

Record = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Subject:
    """Whose evaluation it is, and the contact as it was received (its bytes on the wire)."""

    tenant: str
    agent_id: str
    team_id: str
    duration_ms: int
    received: bytes


def judged(
    engine: QualityEngine, card: Scorecard, dialogue: Dialogue, *,
    tenant: str, started_at: datetime, scored_at: datetime, derive_id: DeriveId, asr: AsrModel, looked_up: Mapping[str, str] = NOTHING,
    asked: Sequence[Asked] = (),
) -> Evaluation:
    """Judge a contact by a scorecard of the engine and say with what; the same arguments give the same evaluation, always."""
    assessment = engine.conclude(card, engine.read(card, dialogue, asked))
    evaluation = evaluation_of(assessment, dialogue, tenant=tenant, started_at=started_at, scored_at=scored_at, derive_id=derive_id)
    return replace(evaluation, provenance=provenance_of(engine, card, dialogue.turns, asr, looked_up, asked))


def record_of(evaluation: Evaluation, subject: Subject) -> Record:
    """The record of an evaluation as the machine made it; its canonical JSON is what is chained."""
    made: Record = plain(evaluation)
    for name in _LATER:
        del made[name]
    for item in made["items"]:
        del item["reviewed"]
    return made | {
        "format": FORMAT, "tenant": subject.tenant, "agent_id": subject.agent_id, "team_id": subject.team_id, "duration_ms": subject.duration_ms,
        "received_sha256": hashlib.sha256(subject.received).hexdigest(),
    }


def digest(record: bytes) -> str:
    """SHA-256 of a record's canonical JSON, lower-case hex."""
    return hashlib.sha256(record).hexdigest()


def read_record(record: bytes) -> Record | None:
    """A record from its canonical JSON; None where it is none."""
    try:
        made = json.loads(record)
    except ValueError:
        return None
    return made if isinstance(made, dict) else None


def read_provenance(record: Record) -> Provenance:
    """What a record was made with. Raises KeyError, TypeError where it does not say."""
    said = record["provenance"]
    return Provenance(
        said["engine"], said["rules_sha256"], said["models"], AsrModel(**said["asr"]), said["turns_sha256"], said.get("looked_up", {}),
        tuple(_read_asked(one) for one in said.get("asked", ())),
    )


def _read_asked(said: Record) -> Asked:
    asked, answered = said["question"], said["answer"]
    question = Question(asked["question"], tuple(asked["examples"]), tuple(asked["turn_ids"]))
    answer = Answer(answered["holds"], answered["confidence"], tuple(answered["turn_ids"]), answered["failure"])
    return Asked(question, answer, said["model"], said["prompt"], said["reply"])


def departure(stored: Any, expected: Record) -> Unlike | None:
    """Where `stored` says otherwise than `expected`; what later versions added to evaluations is in no record and does not count."""
    return first_difference(_cut_to(stored, expected), expected)


def made_again(record: Record, again: Record) -> Unlike | None:
    """Where judging again gave something else than the record, both made with the same; None where it gives the same bytes."""
    again = dict(_cut_to(again, record)) | {name: record[name] for name in _NOT_MADE_AGAIN if name in record}
    again["provenance"] = again["provenance"] | {"engine": record["provenance"]["engine"]}
    return None if written(again) == written(record) else first_difference(record, again)


def same_means(left: Mapping[str, Any], right: Mapping[str, Any]) -> bool:
    """Whether two provenances name the same engine to the last line, the same rules and the same models."""
    return all(left[name] == right[name] for name in ("engine", "rules_sha256", "models"))


def _cut_to(value: Any, pattern: Any) -> Any:
    if isinstance(value, dict) and isinstance(pattern, dict):
        return {key: _cut_to(inner, pattern[key]) for key, inner in value.items() if key in pattern}
    if isinstance(value, list) and isinstance(pattern, list):
        return [_cut_to(inner, pattern[index]) if index < len(pattern) else inner for index, inner in enumerate(value)]
    return value
