from datetime import datetime, timedelta, timezone

import pytest
from chassis.errors import InvalidInput
from hypothesis import given
from hypothesis import strategies as st
from nlp.domain.evaluations import KeptPromise
from nlp.domain.promise_keeping import JudgedContact, PromiseStatus, StoredPromise, breaks_at, done, heard_of, in_touch, run_out, said

CHINA = timezone(timedelta(hours=8))
MADE = datetime(2026, 11, 23, 10, 0, tzinfo=CHINA)  # a Monday
DEADLINE = MADE + timedelta(hours=24)
HOUR = timedelta(hours=1)


def promise(text: str = "二十四小时之内会联系您", deadline: datetime | None = DEADLINE) -> StoredPromise:
    made = KeptPromise("p1", text, text, "二十四小时", deadline, "t1", 0, "")
    return StoredPromise(made, "t1", "i1", "A1", "T1", "C1", MADE, breaks_at(deadline, MADE, 2 * HOUR))


def contact(at: datetime, *, outbound: bool = False, unkept: bool = False, interaction_id: str = "i2") -> JudgedContact:
    return JudgedContact(interaction_id, "C1", outbound, at, unkept)


def test_what_is_done_by_the_deadline_is_kept_and_after_it_late():
    assert done(promise(), DEADLINE, "ticket:k1").status is PromiseStatus.KEPT
    assert done(promise(), DEADLINE + timedelta(seconds=1), "ticket:k1").status is PromiseStatus.LATE
    assert done(promise(deadline=None), DEADLINE + 900 * HOUR, "ticket:k1").status is PromiseStatus.KEPT


def test_what_was_done_before_the_words_settles_nothing():
    assert done(promise(), MADE - HOUR, "ticket:k1") is None


def test_the_clock_waits_for_the_grace_in_working_time():
    friday = datetime(2026, 11, 27, 17, 0, tzinfo=CHINA)
    assert breaks_at(friday, MADE, 2 * HOUR) == datetime(2026, 11, 30, 10, 0, tzinfo=CHINA)
    assert breaks_at(None, MADE, 2 * HOUR) is None


def test_a_recording_sent_days_later_has_the_grace_from_then():
    known = datetime(2026, 12, 2, 10, 0, tzinfo=CHINA)
    assert breaks_at(DEADLINE, known, 2 * HOUR) == known + 2 * HOUR


def test_the_clock_breaks_a_promise_once():
    stored = promise()
    assert run_out(stored, stored.breaks_at - timedelta(seconds=1)) is None
    broken = run_out(stored, stored.breaks_at)
    assert (broken.status, broken.settled_by, broken.settled_at) == (PromiseStatus.BROKEN, "deadline", stored.breaks_at)
    assert run_out(broken, stored.breaks_at + 100 * HOUR) is None


def test_what_the_clock_broke_is_settled_again_by_what_shows_that_it_was_done():
    broken = run_out(promise(), DEADLINE + 100 * HOUR)
    assert done(broken, DEADLINE - HOUR, "ticket:k1").status is PromiseStatus.KEPT
    late = done(broken, DEADLINE + HOUR, "ticket:k1")
    assert late.status is PromiseStatus.LATE
    assert done(late, DEADLINE + HOUR, "ticket:k1") is None
    assert done(late, DEADLINE - HOUR, "ticket:k2").status is PromiseStatus.KEPT


def test_a_call_to_the_customer_keeps_a_promise_to_be_in_touch_alone():
    call = contact(MADE + HOUR, outbound=True)
    assert heard_of(promise(), call).settled_by == "interaction:i2"
    assert heard_of(promise("明天师傅上门检修"), call) is None


@pytest.mark.parametrize("words", [
    "明天给您回电话", "我会联系您", "到了我们马上通知您", "给您一个答复", "主管会跟您联系", "稍后给您打过去", "之后给您反馈", "三天内回访",
])
def test_who_promises_to_be_in_touch_is_understood(words):
    assert in_touch(KeptPromise("p", words, words, "", None, "t1", 0, ""))


@pytest.mark.parametrize("words", ["有问题您随时联系我们", "明天送到", "三个工作日退回", "工程师上门检修", "您可以拨打热线"])
def test_what_else_is_promised_is_kept_by_no_call(words):
    assert not in_touch(KeptPromise("p", words, words, "", None, "t1", 0, ""))


def test_a_customer_who_waited_in_vain_breaks_what_is_due_and_no_more():
    assert heard_of(promise(), contact(DEADLINE + timedelta(minutes=1), unkept=True)).status is PromiseStatus.BROKEN
    assert heard_of(promise(), contact(DEADLINE - HOUR, unkept=True)) is None
    assert heard_of(promise(deadline=None), contact(MADE + HOUR, unkept=True)).status is PromiseStatus.BROKEN
    assert heard_of(promise(), contact(DEADLINE + HOUR)) is None


def test_no_contact_settles_what_is_promised_later_or_in_itself():
    assert heard_of(promise(deadline=None), contact(MADE, unkept=True)) is None
    assert heard_of(promise(deadline=None), contact(MADE + HOUR, unkept=True, interaction_id="i1")) is None


def test_a_complaint_takes_back_nothing_that_was_kept():
    kept = done(promise(), MADE + HOUR, "ticket:k1")
    assert heard_of(kept, contact(DEADLINE + HOUR, unkept=True)) is None


def test_a_persons_word_overrules_and_stands():
    kept = said(run_out(promise(), DEADLINE + 100 * HOUR), PromiseStatus.KEPT, "当天已回访", "user:u1", DEADLINE + 101 * HOUR)
    assert (kept.status, kept.settled_by, kept.note) == (PromiseStatus.KEPT, "person:user:u1", "当天已回访")
    assert said(kept, PromiseStatus.KEPT, "当天已回访", "user:u1", DEADLINE + 102 * HOUR) is None
    assert done(said(kept, PromiseStatus.BROKEN, "录音有误", "user:u2", MADE), MADE + HOUR, "ticket:k1") is None


@pytest.mark.parametrize(("status", "note", "field"), [
    (PromiseStatus.OPEN, "理由", "status"), (PromiseStatus.KEPT, " ", "note"), (PromiseStatus.KEPT, "长" * 5000, "note"),
])
def test_a_person_says_what_and_why(status, note, field):
    with pytest.raises(InvalidInput) as refused:
        said(promise(), status, note, "user:u1", MADE)
    assert refused.value.field == field


HEARD = st.lists(st.tuples(st.sampled_from(["ticket", "call", "complaint", "clock"]), st.integers(-5, 60)), max_size=8)


def hear(stored: StoredPromise, kind: str, hours: int) -> StoredPromise:
    at = MADE + hours * HOUR
    match kind:
        case "ticket":
            return done(stored, at, "ticket:k1") or stored
        case "call":
            return heard_of(stored, contact(at, outbound=True)) or stored
        case "complaint":
            return heard_of(stored, contact(at, unkept=True)) or stored
        case _:
            return run_out(stored, at) or stored


@given(HEARD)
def test_hearing_it_all_again_changes_nothing(heard):
    stored = promise()
    for one in heard:
        stored = hear(stored, *one)
        assert hear(stored, *one) == stored


@given(HEARD)
def test_what_was_done_in_time_is_never_broken_by_the_clock(heard):
    stored = promise()
    for one in heard:
        stored = hear(stored, *one)
    if any(kind in ("ticket", "call") and 0 < hours <= 24 for kind, hours in heard) and not any(kind == "complaint" for kind, _ in heard):
        assert stored.status is PromiseStatus.KEPT
