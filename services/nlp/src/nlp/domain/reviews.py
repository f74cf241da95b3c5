"""What people say about evaluations: who has to look at what, what an answer changes, and how right the machine was."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from nlp.domain.evaluations import Evaluation

FATAL, ABSTAINED, LOW_SCORE, SAMPLE = "fatal", "abstained", "low_score", "sample"
REASONS = (FATAL, ABSTAINED, LOW_SCORE, SAMPLE)
_OF = 2.0**32


@dataclass(frozen=True, slots=True)
class ReviewPolicy:
    """Which evaluations a person should look at: below `low_score` (0-100), and a `sample_share` (0-1) of all the others."""

    low_score: float = 60.0
    sample_share: float = 0.05


def reasons_for(evaluation: Evaluation, policy: ReviewPolicy) -> tuple[str, ...]:
    """Why a person should look at it, most pressing first; empty where nobody need."""
    holds = {
        FATAL: evaluation.fatal, ABSTAINED: bool(evaluation.abstained_items), LOW_SCORE: evaluation.score < policy.low_score,
        SAMPLE: in_sample(evaluation.evaluation_id, policy.sample_share),
    }
    return tuple(reason for reason in REASONS if holds[reason])


def in_sample(evaluation_id: str, share: float) -> bool:
    """Whether an evaluation is in the sample: by its id alone, so that nobody chooses and everybody can check."""
    drawn = int.from_bytes(hashlib.sha256(b"review sample\n" + evaluation_id.encode()).digest()[:4])
    return drawn < share * _OF
