from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from nlp.domain.judged import ItemResult, Outcome
from nlp.domain.scorecards import DIMENSIONS, FatalPolicy, Scorecard
from nlp.domain.scoring import rounded, tally

CARD = Scorecard("card", "1", "卡", FatalPolicy.ZERO_SCORE, ())


def result(outcome, most=10.0, points=None, **more):
    points = most if points is None and outcome is Outcome.PASS else points or 0.0
    fields = {"item_id": "x", "title": "x", "dimension": DIMENSIONS[0], "fatal": False, "confidence": 1.0, "evidence": (), "section": "一"}
    return ItemResult(outcome=outcome, points=points, max_points=most, **fields | more)


PASS, FAIL, NA, ABSTAIN = Outcome.PASS, Outcome.FAIL, Outcome.NA, Outcome.ABSTAIN


@pytest.mark.parametrize(("items", "score", "low", "high"), [
    ([], 100, 100, 100),
    ([result(PASS), result(FAIL, 5)], 66.7, 66.7, 66.7),
    ([result(PASS), result(FAIL), result(NA, 80)], 50, 50, 50),
    ([result(PASS), result(ABSTAIN)], 100, 50, 100),
    ([result(FAIL), result(ABSTAIN, 30)], 0, 0, 75),
    ([result(PASS, points=4)], 40, 40, 40),
    ([result(PASS), result(FAIL, fatal=True)], 0, 0, 0),
    ([result(PASS), result(ABSTAIN, fatal=True)], 100, 0, 100),
    ([result(PASS), result(FAIL), result(PASS, section="二"), result(FAIL, 10, section="二", fatal_to_section=True)], 25, 25, 25),
    ([result(PASS), result(ABSTAIN, section="二", fatal_to_section=True), result(PASS, section="二")], 100, 33.3, 100),
    ([result(PASS), result(FAIL), result(PASS, 5, bonus=True)], 55, 55, 55),
    ([result(PASS), result(PASS, 5, bonus=True)], 100, 100, 100),
    ([result(PASS), result(FAIL), result(ABSTAIN, 5, bonus=True)], 50, 50, 55),
    ([result(PASS), result(FAIL), result(NA, 5, bonus=True)], 50, 50, 50),
])
def test_a_score_follows_from_its_items(items, score, low, high):
    made = tally(CARD, items)
    assert (made.score, made.low, made.high) == (score, low, high)


def test_a_card_that_only_flags_keeps_the_score():
    made = tally(replace(CARD, fatal_policy=FatalPolicy.FLAG_ONLY), [result(PASS), result(FAIL, fatal=True)])
    assert (made.fatal, made.score) == (True, 50)


def test_a_card_may_let_bonus_points_lift_the_score_past_the_full_one():
    assert tally(replace(CARD, most=110.0), [result(PASS), result(PASS, 20, bonus=True)]).score == 110


def test_sections_count_by_their_weight_and_not_by_how_many_points_they_hold():
    card = replace(CARD, weights={"一": 3.0, "二": 1.0})
    assert tally(card, [result(PASS, 2), result(FAIL, 50, section="二")]).score == 75
    assert tally(card, [result(PASS, 2), result(NA, 50, section="二")]).score == 100
    assert tally(replace(CARD, weights={"一": 0.0}), [result(FAIL)]).score == 100


def test_dimensions_are_reckoned_without_bonus_points():
    made = tally(CARD, [result(PASS), result(FAIL), result(PASS, 9, bonus=True), result(PASS, dimension=DIMENSIONS[4])])
    assert [d.score for d in made.dimensions] == [50, None, None, None, 100]


@pytest.mark.parametrize(("exact", "told"), [(84.25, 84.3), (84.24999, 84.2), (0.05, 0.1), (100 * 0.57 / 2, 28.5), (100.0, 100.0), (1.005 * 5, 5.0)])
def test_a_score_is_rounded_a_half_upwards(exact, told):
    assert rounded(exact) == told


marked = st.builds(
    result, st.sampled_from(list(Outcome)), st.sampled_from([1.0, 2.5, 10.0]), section=st.sampled_from(["一", "二"]),
    fatal=st.booleans(), fatal_to_section=st.booleans(), bonus=st.just(False),
) | st.builds(result, st.sampled_from([PASS, NA, ABSTAIN]), st.sampled_from([1.0, 5.0]), bonus=st.just(True))


@given(st.lists(marked, max_size=12), st.sampled_from([{}, {"一": 2.0, "二": 1.0}, {"一": 0.0, "二": 1.0}]), st.sampled_from([100.0, 120.0]))
def test_the_score_lies_between_what_it_may_become(items, weights, most):
    made = tally(replace(CARD, weights=weights, most=most), items)
    assert 0 <= made.low <= made.score <= made.high <= most
    if all(item.outcome is not ABSTAIN for item in items):
        assert made.low == made.high


@given(st.lists(marked, max_size=8), st.data())
def test_whatever_a_person_answers_the_score_comes_out_between_its_ends(items, data):
    """Answered pass or fail, as the interval promises; an item that a person finds not to apply is another matter."""
    before, settled = tally(CARD, items), []
    for item in items:
        if item.outcome is ABSTAIN:
            outcome = data.draw(st.sampled_from([PASS, NA if item.bonus else FAIL]))
            item = replace(item, outcome=outcome, points=item.max_points if outcome is PASS else 0.0)
        settled.append(item)
    assert before.low <= tally(CARD, settled).score <= before.high
