import pytest
from chassis.errors import InvalidInput
from hypothesis import given
from hypothesis import strategies as st
from reporting.domain.figures import Compliance, ItemJudged, Judged, name, of_evaluation, of_feedback, plain

COMPLIANCE = Compliance({"greeting": "script", "courtesy_car": "process"}, {"流程规范": "process", "客户体验": "script"})


def judged(**changes):
    return Judged(**({
        "score": 87.5, "fatal": False, "ticket_type": "咨询", "customer_emotion": "neutral", "course": (), "items": (), "dimensions": {},
        "chat": False, "duration_ms": 0,
    } | changes))


@given(st.text(min_size=1, max_size=60))
def test_any_item_id_becomes_one_part_of_a_name_and_comes_back(item_id):
    _, part, outcome = name("i", item_id, "passed").split(".")
    assert (plain(part), outcome) == (item_id, "passed")
    assert not set("$\0") & set(part)


def test_an_item_counts_by_its_id_before_its_dimension():
    assert COMPLIANCE.side("greeting", "流程规范") == "script"
    assert COMPLIANCE.side("courtesy_car", "客户体验") == "process"
    assert COMPLIANCE.side("own_item", "流程规范") == "process"
    assert COMPLIANCE.side("own_item", "自定义") == ""


def test_what_does_not_apply_or_is_left_to_a_person_is_out_of_compliance():
    items = tuple(ItemJudged(f"x{n}", "", "流程规范", r) for n, r in enumerate(["passed", "passed", "failed", "na", "abstained"]))
    made = of_evaluation(judged(items=items), COMPLIANCE)
    assert (made["f.process_passed"], made["f.process_applicable"]) == (2, 3)
    assert made["i.x4.abstained"] == 1
    assert not any(k.startswith("i.x3") for k in made)


def test_scores_are_kept_in_whole_hundredths():
    assert of_evaluation(judged(score=87.55, dimensions={"客户体验": 33.333}), COMPLIANCE)["f.score_centi"] == 8755
    assert of_evaluation(judged(dimensions={"客户体验": 33.333}), COMPLIANCE)["d.客户体验.centi"] == 3333


@pytest.mark.parametrize(("course", "overall", "negative", "improved", "escalated"), [
    (("angry", "neutral"), "neutral", 1, 1, 0),
    (("neutral", "angry"), "angry", 1, 0, 1),
    (("anxious", "satisfied"), "satisfied", 1, 1, 0),
    (("neutral", "satisfied"), "satisfied", 0, 0, 0),
    (("anxious", "angry", "neutral"), "neutral", 1, 1, 1),
])
def test_a_mood_improves_where_the_customer_was_brought_back(course, overall, negative, improved, escalated):
    made = of_evaluation(judged(course=course, customer_emotion=overall), COMPLIANCE)
    assert (made["f.mood_negative"], made["f.mood_improved"], made["f.mood_escalated"], made["f.mood_known"]) == (negative, improved, escalated, 1)


def test_handling_time_of_calls_is_sketched_and_that_of_chats_kept_apart():
    call = of_evaluation(judged(duration_ms=60_000), COMPLIANCE)
    assert call["f.call_ms"] == 60_000 and sum(n for k, n in call.items() if k.startswith("h.")) == 1
    chat = of_evaluation(judged(duration_ms=60_000, chat=True), COMPLIANCE)
    assert chat["f.chat_ms"] == 60_000 and not any(k.startswith(("h.", "f.call")) for k in chat)


@pytest.mark.parametrize(("answer", "field"), [((0, None, None), "feedback.csat"), ((6, None, None), "feedback.csat"), ((None, 11, None), "feedback.nps")])
def test_an_impossible_answer_is_refused(answer, field):
    with pytest.raises(InvalidInput) as caught:
        of_feedback(*answer)
    assert caught.value.field == field


def test_an_impossible_score_is_refused():
    with pytest.raises(InvalidInput):
        of_evaluation(judged(score=100.01), COMPLIANCE)
    with pytest.raises(InvalidInput):
        of_evaluation(judged(score=float("nan")), COMPLIANCE)


def test_answers_are_counted_as_surveys_count_them():
    assert of_feedback(4, 9, True) == {
        "f.csat_answers": 1, "f.csat_sum": 4, "f.csat_satisfied": 1, "f.nps_answers": 1, "f.nps_promoters": 1, "f.nps_detractors": 0,
        "f.solved_answers": 1, "f.solved_yes": 1,
    }
    assert of_feedback(None, 6, None)["f.nps_detractors"] == 1
    assert of_feedback(None, 7, None)["f.nps_detractors"] == 0
