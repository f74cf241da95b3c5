from dataclasses import replace
from datetime import timedelta

import pytest
from chassis.errors import InvalidInput
from routing.domain.staff import Person, Presence, checked, choose, holder, is_queued, obstacles
from routing.domain.tickets import Kind, State, Urgency
from routing_start import START

LATER = START + timedelta(hours=1)


def person(agent_id="a", **changes):
    return Person(
        "t1", agent_id, **{"name": agent_id, "departments": ("研发部",), "capacity": 4, "said": Presence.ONLINE, "until": LATER} | changes
    )


@pytest.fixture
def ticket(open_ticket):
    return open_ticket(product="智能音箱")


@pytest.mark.parametrize(
    ("changes", "asked", "obstacle"),
    [
        ({}, {}, ""),
        ({"retired": True}, {}, "retired"),
        ({"departments": ("市场部",)}, {}, "department"),
        ({}, {"line": 2}, "level"),
        ({"level": 2}, {"line": 2}, ""),
        ({}, {"skill": "蓝牙"}, "skill"),
        ({"skills": ("蓝牙",)}, {"skill": "蓝牙"}, ""),
        ({"languages": ("en",)}, {"skill": "en"}, ""),
        ({"products": ("手机",)}, {}, "product"),
        ({"products": ("音箱",)}, {}, ""),
        ({"industries": ("bank",)}, {"industry": "telecom"}, "industry"),
        ({"industries": ("telecom",)}, {"industry": "telecom"}, ""),
        ({"said": Presence.BUSY}, {}, "absent"),
        ({"until": START}, {}, "absent"),
        ({"load": 4}, {}, "full"),
    ],
)
def test_who_lacks_what_a_ticket_needs_is_not_given_it_and_the_reason_has_a_name(ticket, changes, asked, obstacle):
    assert person(**changes).obstacle(replace(ticket, department="研发部", **asked), START) == obstacle


def test_the_least_loaded_for_their_capacity_takes_it_and_of_these_the_longest_without_one(ticket):
    ticket = replace(ticket, department="研发部")
    half, quarter = person("half", load=2), person("quarter", load=2, capacity=8)
    just, never = person("just", load=2, capacity=8, last_assigned_at=START), person("never", load=2, capacity=8)
    assert choose([half, quarter], ticket, START).person is quarter
    assert choose([just, never], ticket, START).person is never


@pytest.mark.parametrize("precious", [{"urgency": Urgency.HIGH}, {"customer_tier": "vip"}])
def test_urgent_matters_and_high_value_customers_go_to_seniors_though_they_have_more_to_do(ticket, precious):
    ticket = replace(ticket, department="研发部")
    senior, junior = person("senior", senior=True, load=3), person("junior", load=0)
    assert choose([senior, junior], replace(ticket, **precious), START).person is senior
    assert choose([senior, junior], ticket, START).person is junior
    full = choose([replace(senior, load=4), junior], replace(ticket, **precious), START)
    assert full.person is junior and any("没有资深坐席" in why for why in full.because)


def test_seniors_and_the_second_line_are_spared_where_the_load_is_the_same(ticket):
    ticket = replace(ticket, department="研发部")
    assert choose([person("a", senior=True), person("b", level=2), person("c")], ticket, START).person.agent_id == "c"
    assert choose([person("a", level=2, load=1), person("b")], replace(ticket, line=2), START).person.agent_id == "a"


def test_where_nobody_fits_it_is_said_how_many_lack_what(ticket):
    people = [person("a", load=4), person("b", load=4), person("c", said=Presence.AWAY)]
    assert choose(people, replace(ticket, department="研发部"), START) is None
    assert obstacles(people, replace(ticket, department="研发部"), START) == {"full": 2, "absent": 1}


def test_only_unfinished_work_counts_as_load_and_only_open_tickets_wait(ticket):
    assert [holder(replace(ticket, assignee="a", state=state)) for state in State] == ["", "a", "a", "a", "", ""]
    assert is_queued(ticket) and not is_queued(replace(ticket, state=State.ASSIGNED))
    assert not is_queued(replace(ticket, kind=Kind.RECTIFICATION))


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"agent_id": " "}, "staff.agent_id"), ({"departments": ()}, "staff.departments"), ({"departments": ("",)}, "staff.departments"),
        ({"skills": tuple(str(n) for n in range(51))}, "staff.skills"), ({"level": 3}, "staff.level"), ({"capacity": 0}, "staff.capacity"),
        ({"capacity": 201}, "staff.capacity"), ({"name": "x" * 201}, "staff.name"),
    ],
)
def test_a_person_who_makes_no_sense_is_refused_by_the_fields_name(changes, field):
    with pytest.raises(InvalidInput) as raised:
        checked(person(**changes))
    assert raised.value.field == field
