"""How sure a hit is, and how sure the lack of one, where the words were recognised and not written.

A recogniser says of every turn how sure it is. What that is worth was measured on 26 spoken calls (telephone speech at 8 kHz, five
voices, whisper-base). Of what is found nearly all was said, 99 % of exact matches and 48 of 50 by sound, hardly fewer in badly heard
turns. Of what is said much is not found, the more the worse the turn was heard: of phrases of three syllables or more, which are
readily found by sound, 62 % at a confidence of 0.6-0.65, 80 % at 0.65-0.7 and 97 % above that; of those that must be written
exactly 13 %, 59 % and 76 %. Both are logistic curves, and they count for little in a hit and for all in its absence.
"""

from __future__ import annotations

from functools import lru_cache
from math import exp

ACCEPTED = 0.45
"""Hits of less confidence are none."""
SURE = 0.7
"""Hits of less confidence are doubtful: what hangs on them is left to a person."""
POSSIBLE = 0.2
"""Hits of less confidence are not even thought of."""

_STEEPNESS = 11.0
_HALF_BY_SOUND = 0.55
_HALF_EXACT = 0.68
_LEAST_OF_A_HIT = 0.85


@lru_cache(maxsize=16_384)
def recognised(turn_confidence: float, by_sound: float = 1.0) -> float:
    """Which share of what is said in a turn of this confidence is found in it (0-1), where a share `by_sound` of it may be found by sound."""
    return by_sound * _logistic(turn_confidence - _HALF_BY_SOUND) + (1.0 - by_sound) * _logistic(turn_confidence - _HALF_EXACT)


def _logistic(distance: float) -> float:
    return 1.0 / (1.0 + exp(-_STEEPNESS * distance))


@lru_cache(maxsize=16_384)
def hit_confidence(strictness: float, turn_confidence: float, similarity: float = 1.0) -> float:
    """strictness x similarity x (0.85 + 0.15 x recognised): how the match was made, how alike the sentences are, how the turn was heard."""
    return round(strictness * similarity * (_LEAST_OF_A_HIT + (1.0 - _LEAST_OF_A_HIT) * recognised(turn_confidence)), 4)


def absence(found: float, prior: float) -> float:
    """How sure it is that what was not found was not said, by Bayes.

    `found` is the share that is found of what is said where it was looked for, `prior` how often it is said at all.
    """
    missed = prior * (1.0 - found)
    return (1.0 - prior) / (1.0 - prior + missed)


# How often what an item expects, forbids or is triggered by is said in a contact in which it was not found and might have been.
EXPECTED, FORBIDDEN, TRIGGER = 0.4, 0.05, 0.3
DECIDED = 0.84
"""Failures for want of something are left to a person below this: three in a hundred that are not are wrong."""
