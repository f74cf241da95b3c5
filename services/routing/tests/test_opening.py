from datetime import UTC, datetime, timedelta, timezone

import pytest
from chassis.errors import InvalidInput
from routing.domain.clocks import Target
from routing.domain.opening import (
    Contact,
    Scored,
    Wanted,
    absorbed,
    by_hand,
    opened,
    wanted_for,
    wanted_for_promise,
)
from routing.domain.tickets import Kind, Promise, Urgency

AT = datetime(2026, 11, 2, 9, 0, tzinfo=UTC)
CONTACT = Contact("t1", "i1", agent_id="A1", customer_id="C1", product="宽带", industry="telecom")
DATED = Promise("p1", "安装人员上门", AT + timedelta(hours=48))
VAGUE = Promise("p2", "尽快处理", None)


def scored(type_="咨询", emotion="neutral", **more):
    return Scored(CONTACT, type_, more.pop("urgency", Urgency.NORMAL), emotion, "客户说的话", **more)


def kinds_and_causes(finding):
    return [(w.kind, w.causes) for w in wanted_for(finding)]


@pytest.mark.parametrize(
    ("finding", "expected"),
    [
        (scored("咨询"), []),
        (scored("咨询", "satisfied", promises=(VAGUE,)), []),
        (scored("业务办理"), []),
        (scored("投诉"), [(Kind.SERVICE, ("complaint",))]),
        (scored("故障"), [(Kind.SERVICE, ("fault",))]),
        (scored("故障", promises=(DATED,)), [(Kind.SERVICE, ("fault", "promise"))]),
        (scored("业务办理", promises=(DATED,)), [(Kind.SERVICE, ("promise",))]),
        (scored("业务办理", promises=(VAGUE,)), [(Kind.SERVICE, ("promise",))]),
        (scored("咨询", promises=(DATED,)), [(Kind.SERVICE, ("promise",))]),
        (scored("咨询", "angry"), [(Kind.CALLBACK, ("dissatisfied",))]),
        (
            scored("投诉", "angry"),
            [
                (Kind.CALLBACK, ("dissatisfied",)),
                (Kind.SERVICE, ("complaint",)),
            ],
        ),
    ],
)
def test_an_evaluation_calls_for_these_tickets_and_no_others(finding, expected):
    assert kinds_and_causes(finding) == expected


def test_a_promise_alone_is_followed_only_where_it_can_be_missed():
    assert wanted_for_promise(CONTACT, VAGUE) is None
    wanted = wanted_for_promise(CONTACT, DATED)
    assert wanted is not None and wanted.causes == ("promise",) and wanted.promises == (DATED,)


def test_the_ticket_says_what_it_is_about(departments, levels):
    (wanted,) = wanted_for(scored("故障", urgency=Urgency.HIGH, promises=(DATED,)))
    ticket = opened(wanted, "id", departments, levels, AT)
    assert ticket.title == "【故障】宽带：客户说的话"
    assert "安装人员上门" in ticket.description and ticket.department == "网维部" and ticket.version == 1
    assert (ticket.agent_id, ticket.customer_id, ticket.product) == ("A1", "C1", "宽带")


@pytest.mark.parametrize(
    ("deadline", "words"),
    [
        (datetime(2026, 11, 22, 21, 4, 59, tzinfo=UTC), "11月23日 05:04 前"),
        (datetime(2026, 11, 21, 15, 59, tzinfo=UTC), "11月21日 23:59 前"),
        (datetime(2026, 12, 31, 16, 0, tzinfo=UTC), "1月1日 00:00 前"),
        (datetime(2026, 7, 3, 9, 5, tzinfo=timezone(timedelta(hours=8))), "7月3日 09:05 前"),
    ],
)
def test_the_description_gives_a_promises_deadline_as_the_clock_in_shanghai_shows_it(deadline, words):
    (wanted,) = wanted_for(scored("投诉", promises=(Promise("p1", "回电", deadline, "班长"), VAGUE)))
    assert wanted.description.splitlines()[1:] == [f"坐席承诺：回电（{words}，跟进人：班长）", "坐席承诺：尽快处理（未说明期限）"]


def test_a_promise_that_ran_out_before_opening_is_pointed_out(departments, levels):
    late = Promise("p3", "昨天回电", AT - timedelta(days=1))
    (wanted,) = wanted_for(scored("投诉", promises=(late,)))
    assert "昨天回电" in opened(wanted, "id", departments, levels, AT).history[0].note


def test_the_same_finding_again_changes_nothing(departments, levels):
    (wanted,) = wanted_for(scored("故障", promises=(DATED,)))
    ticket = opened(wanted, "id", departments, levels, AT)
    assert absorbed(ticket, wanted, departments, levels, AT) is ticket


def test_a_graver_finding_about_the_same_contact_is_taken_in(departments, levels):
    promise = wanted_for_promise(CONTACT, DATED)
    (complaint,) = wanted_for(scored("投诉", urgency=Urgency.HIGH, promises=(DATED, VAGUE)))
    ticket = opened(promise, "id", departments, levels, AT)
    after = absorbed(ticket, complaint, departments, levels, AT + timedelta(minutes=1))
    assert after.type == "投诉" and after.urgency is Urgency.HIGH
    assert after.causes == ("promise", "complaint") and [p.promise_id for p in after.promises] == ["p1", "p2"]
    assert after.due[Target.FIRST_RESPONSE] == AT + timedelta(minutes=15)
    assert after.version == 2 and [entry.action.value for entry in after.history[1:]] == ["commented", "terms_changed"]
    assert absorbed(after, promise, departments, levels, AT) is after  # nothing is ever taken back


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"type": "闲聊"}, "type"),
        ({"title": " "}, "title"),
        ({"title": "长" * 201}, "title"),
        ({"description": "长" * 4001}, "description"),
        ({"contact": Contact("t1", "i" * 101)}, "interaction_id"),
    ],
)
def test_a_ticket_asked_for_by_hand_is_checked_field_by_field(changes, field):
    given = {"contact": CONTACT, "kind": Kind.SERVICE, "type": "投诉", "urgency": Urgency.NORMAL, "causes": (), "title": "退费", "description": ""}
    with pytest.raises(InvalidInput) as raised:
        by_hand(Wanted(**given | changes))
    assert raised.value.field == field
