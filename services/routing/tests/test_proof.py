from itertools import repeat
from random import Random

import pytest
from chassis.errors import InvalidInput
from routing.domain.proof import Progress, Standard, Verdict, error_rates, progress

STANDARD = Standard()


def judged(standard: Standard, rate: float, random: Random) -> Progress:
    """A simulated agent who fails `rate` of calls, watched until the test has decided."""
    seen = []
    while True:
        seen.append(random.random() < rate)
        found = progress(standard, seen)
        if found.verdict is not Verdict.NOT_YET:
            return found


@pytest.mark.parametrize("standard", [STANDARD, Standard(0.02, 0.2, 0.05, 0.10, 120), Standard(0.1, 0.4, 0.02, 0.05, 150)])
def test_simulated_agents_are_misjudged_no_more_often_than_is_stated(standard):
    random, agents = Random(20261101), 4_000
    wrong_pass = sum(judged(standard, standard.unmended_rate, random).verdict is Verdict.PASSED for _ in range(agents)) / agents
    wrong_fail = sum(judged(standard, standard.mended_rate, random).verdict is Verdict.FAILED for _ in range(agents)) / agents
    exact = error_rates(standard)
    three_sigma = 3 * (0.1 * 0.9 / agents) ** 0.5
    assert wrong_pass <= standard.false_pass + three_sigma
    assert wrong_fail <= standard.false_fail + three_sigma
    assert wrong_pass == pytest.approx(exact.false_pass, abs=three_sigma)
    assert wrong_fail == pytest.approx(exact.false_fail, abs=three_sigma)


def test_an_agent_who_never_fails_again_passes_after_as_many_calls_as_were_promised():
    needed = progress(STANDARD, []).still_needed
    assert needed == 10
    assert progress(STANDARD, repeat(False, needed - 1)) == Progress(Verdict.NOT_YET, needed - 1, 0, 1)
    assert progress(STANDARD, repeat(False, 100)) == Progress(Verdict.PASSED, needed, 0, 0)


def test_one_failure_asks_for_more_calls_and_the_second_in_a_row_fails():
    one = progress(STANDARD, [False, True])
    assert one.verdict is Verdict.NOT_YET
    assert one.still_needed > 10
    assert progress(STANDARD, [True, True]).verdict is Verdict.FAILED


def test_without_a_decision_the_proof_fails_in_the_end():
    tight = Standard(0.05, 0.30, 0.05, 0.10, 60)
    undecided = ([False] * 6 + [True]) * 20
    found = progress(tight, undecided)
    assert found.verdict is Verdict.FAILED
    assert found.judged <= 60


@pytest.mark.parametrize(
    ("made", "field"),
    [
        ({"mended_rate": 0.4}, "mended_rate"),
        ({"false_pass": 0.0}, "false_pass"),
        ({"false_fail": 0.6}, "false_fail"),
        ({"at_most": 0}, "at_most"),
        ({"at_most": 5}, "at_most"),
    ],
)
def test_a_standard_that_cannot_be_kept_is_refused_by_the_fields_name(made, field):
    with pytest.raises(InvalidInput) as refused:
        Standard(**made)
    assert refused.value.field == field
