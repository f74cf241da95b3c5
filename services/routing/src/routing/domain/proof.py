"""Proof that a fault was mended: later calls judged one by one until enough was seen, with error rates that are stated and kept."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum
from functools import lru_cache
from math import log

from chassis.errors import InvalidInput


class Verdict(Enum):
    """What the calls seen so far prove."""

    NOT_YET = "not_yet"
    PASSED = "passed"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Standard:
    """What counts as mended, and how often the test may be wrong.

    `mended_rate` is a share of failing calls that is good enough, `unmended_rate` one that is not. `false_pass` bounds the chance that
    an agent who fails `unmended_rate` of calls passes, `false_fail` the chance that one who fails `mended_rate` does not. Without a
    decision after `at_most` calls the proof has failed.
    """

    mended_rate: float = 0.05
    unmended_rate: float = 0.30
    false_pass: float = 0.05
    false_fail: float = 0.10
    at_most: int = 60

    def __post_init__(self) -> None:
        if not 0 < self.mended_rate < self.unmended_rate < 1:
            raise InvalidInput("mended_rate", "must lie between 0 and unmended_rate, and that below 1")
        for name in ("false_pass", "false_fail"):
            if not 0 < getattr(self, name) < 0.5:
                raise InvalidInput(name, "must lie between 0 and 0.5")
        if not 1 <= self.at_most <= 1_000:
            raise InvalidInput("at_most", "must be 1 to 1,000 calls")
        rates = error_rates(self)
        if rates.false_pass > self.false_pass or rates.false_fail > self.false_fail:
            raise InvalidInput("at_most", f"{self.at_most} calls are too few for these error rates")


@dataclass(frozen=True, slots=True)
class ErrorRates:
    """What a standard's test really does: chances of both errors and the calls it takes on average, computed and not estimated."""

    false_pass: float
    false_fail: float
    calls_if_mended: float
    calls_if_unmended: float


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a proof is: calls judged, how many failed, and how many more without a failure would pass it (0 once decided)."""

    verdict: Verdict
    judged: int
    failed: int
    still_needed: int


def progress(standard: Standard, failures: Iterable[bool]) -> Progress:
    """Judge calls in the order in which they were made; what comes after the decision no longer counts.

    Wald's sequential probability ratio test (Annals of Mathematical Statistics 16, 1945), cut off at `at_most` calls.
    """
    judged = failed = 0
    verdict = Verdict.NOT_YET
    for failure in failures:
        judged += 1
        failed += failure
        verdict = _verdict(standard, judged, failed)
        if verdict is not Verdict.NOT_YET:
            return Progress(verdict, judged, failed, 0)
    needed = 0
    while _verdict(standard, judged + needed, failed) is Verdict.NOT_YET:
        needed += 1
    if _verdict(standard, judged + needed, failed) is not Verdict.PASSED:
        needed = max(1, standard.at_most - judged)
    return Progress(verdict, judged, failed, needed)


def _verdict(standard: Standard, judged: int, failed: int) -> Verdict:
    if not judged:
        return Verdict.NOT_YET
    pass_at, fail_at = _bounds(standard.mended_rate, standard.unmended_rate, standard.false_pass, standard.false_fail)
    by_failure = log(standard.mended_rate / standard.unmended_rate)
    by_success = log((1 - standard.mended_rate) / (1 - standard.unmended_rate))
    weight = failed * by_failure + (judged - failed) * by_success
    if weight >= pass_at:
        return Verdict.PASSED
    return Verdict.FAILED if weight <= fail_at or judged >= standard.at_most else Verdict.NOT_YET


@lru_cache(maxsize=256)
def _bounds(mended: float, unmended: float, false_pass: float, false_fail: float) -> tuple[float, float]:
    """Wald's bounds on the log likelihood ratio. They keep the sum of both errors, not each: the check in Standard is exact."""
    return log((1 - false_fail) / false_pass), log(false_fail / (1 - false_pass))


@lru_cache(maxsize=1_024)
def error_rates(standard: Standard) -> ErrorRates:
    """Follow every number of failures through every call, once for each of the two rates."""
    passed_unmended, calls_unmended = _followed(standard, standard.unmended_rate)
    passed_mended, calls_mended = _followed(standard, standard.mended_rate)
    return ErrorRates(passed_unmended, 1 - passed_mended, calls_mended, calls_unmended)


def _followed(standard: Standard, rate: float) -> tuple[float, float]:
    """(chance of passing, mean number of calls) of an agent who fails `rate` of calls."""
    reached, passed, calls = {0: 1.0}, 0.0, 0.0
    for judged in range(1, standard.at_most + 1):
        following: dict[int, float] = {}
        for failed, chance in reached.items():
            for more, share in ((0, 1 - rate), (1, rate)):
                following[failed + more] = following.get(failed + more, 0.0) + chance * share
        calls += sum(reached.values())
        reached = {}
        for failed, chance in following.items():
            verdict = _verdict(standard, judged, failed)
            if verdict is Verdict.PASSED:
                passed += chance
            elif verdict is Verdict.NOT_YET:
                reached[failed] = chance
    return passed, calls
