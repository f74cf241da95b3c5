from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

import pytest
from chassis.errors import AlreadyExists, Denied, InvalidInput, NotFound
from hypothesis import given
from hypothesis import strategies as st
from ingestion.domain.audio import CUT_OFF, ONE_CHANNEL, Probe, check_probe, notices
from ingestion.domain.chat import MAX_MS, ChatTurn, check_turns, turns_sha256
from ingestion.domain.feedback import Feedback, check_feedback
from ingestion.domain.interaction import Filters, Interaction, Medium, Outcome, Report, Status, check_same, check_seen_by, narrowed
from ingestion.domain.metadata import Caller, Direction, Metadata, Role, accepted, fingerprint

NOW = datetime(2026, 11, 21, 8, 0, tzinfo=UTC)
ANYONE, AGENT = Caller("t1"), Caller("t1", "a1")


def field_of(error, check, *args, **kwargs):
    with pytest.raises(error) as caught:
        check(*args, **kwargs)
    return caught.value.field


def test_what_was_not_said_is_filled_in():
    kept = accepted(Metadata(), ANYONE, NOW)
    assert kept == Metadata("t1", "hotline", Direction.INBOUND, started_at=NOW, left=Role.AGENT, right=Role.CUSTOMER)


@pytest.mark.parametrize(
    ("said", "field"),
    [
        ({"channel": "fax"}, "metadata.channel"), ({"industry": "farming"}, "metadata.industry"), ({"audio_format": "opus"}, "metadata.audio_format"),
        ({"agent_kind": "robot"}, "metadata.agent_kind"), ({"queue": "a" * 201}, "metadata.queue"), ({"hang_up": "nobody"}, "metadata.hang_up"),
        ({"agent_id": "a" * 201}, "metadata.agent_id"), ({"team_id": "a" * 201}, "metadata.team_id"), ({"customer_id": "a" * 201}, "metadata.customer_id"),
        ({"customer_tier": "a" * 201}, "metadata.customer_tier"), ({"product": "宽" * 201}, "metadata.product"),
        ({"external_id": "a" * 201}, "metadata.external_id"), ({"external_id": "a\nb"}, "metadata.external_id"), ({"product": "a\0"}, "metadata.product"),
        ({"started_at": NOW + timedelta(days=2)}, "metadata.started_at"), ({"started_at": datetime(1970, 1, 1, tzinfo=UTC)}, "metadata.started_at"),
        ({"left": Role.AGENT, "right": Role.AGENT}, "metadata.channels.right"),
    ],
)
def test_wrong_metadata_is_refused_by_field(said, field):
    assert field_of(InvalidInput, accepted, Metadata(**said), ANYONE, NOW) == field


@pytest.mark.parametrize("said", [{"agent_id": "a" * 200}, {"product": "宽　带"}, {"started_at": NOW + timedelta(hours=23)}, {"industry": "bank"},
                                  {"agent_kind": "bot", "queue": "投诉组", "hang_up": "system"}])
def test_metadata_at_its_limits_is_accepted(said):
    assert replace(accepted(Metadata(**said), ANYONE, NOW)).tenant == "t1"


@pytest.mark.parametrize(
    ("left", "right", "kept"),
    [
        (None, None, (Role.AGENT, Role.CUSTOMER)), (Role.CUSTOMER, None, (Role.CUSTOMER, Role.AGENT)), (None, Role.AGENT, (Role.CUSTOMER, Role.AGENT)),
        (None, Role.CUSTOMER, (Role.AGENT, Role.CUSTOMER)), (Role.AGENT, Role.CUSTOMER, (Role.AGENT, Role.CUSTOMER)),
    ],
)
def test_who_is_on_which_channel_is_completed(left, right, kept):
    made = accepted(Metadata(left=left, right=right), ANYONE, NOW)
    assert (made.left, made.right) == kept


def test_nobody_sends_for_another_company_or_agent():
    assert field_of(Denied, accepted, Metadata(tenant="t2"), ANYONE, NOW) == "metadata.tenant"
    assert field_of(Denied, accepted, Metadata(agent_id="a2"), AGENT, NOW) == "metadata.agent_id"
    assert accepted(Metadata(), AGENT, NOW).agent_id == "a1"


words = st.text(max_size=5)
said = st.builds(
    Metadata, channel=words, agent_id=words, team_id=words, product=words, external_id=words,
    started_at=st.none() | st.datetimes(datetime(2000, 1, 1), datetime(2030, 1, 1), timezones=st.sampled_from([UTC, timezone(timedelta(hours=8))])),
    left=st.none() | st.sampled_from(Role), direction=st.none() | st.sampled_from(Direction),
)


@given(said, said)
def test_a_fingerprint_is_the_same_exactly_where_the_same_was_said(one, other):
    assert (fingerprint(one) == fingerprint(other)) == (one == other)
    assert fingerprint(replace(one, tenant="t1")) == fingerprint(one)


def test_one_moment_in_two_time_zones_is_the_same():
    assert fingerprint(Metadata(started_at=NOW)) == fingerprint(Metadata(started_at=NOW.astimezone(timezone(timedelta(hours=8)))))


GOOD = Probe("wav", "pcm_s16le", 8000, 2, read_ms=60_000, decoded_ms=500, promised_ms=60_000)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"channels": 0}, "0 channels"), ({"channels": 6}, "6 channels"), ({"sample_rate_hz": 7999}, "7999 Hz"), ({"sample_rate_hz": 48_001}, "48001 Hz"),
        ({"decoded_ms": 0}, "decoded"), ({"decoded_ms": 99}, "100 ms"), ({"read_ms": 14_400_001}, "4 hours"),
    ],
)
def test_audio_nobody_can_work_with_is_refused(change, words):
    with pytest.raises(InvalidInput, match=words) as caught:
        check_probe(replace(GOOD, **change), max_ms=14_400_000)
    assert caught.value.field == "audio"


@pytest.mark.parametrize(
    ("change", "announced_two", "said"),
    [
        ({}, True, ()), ({"channels": 1}, False, ()), ({"channels": 1}, True, (ONE_CHANNEL,)), ({"damaged": True}, False, (CUT_OFF,)),
        ({"promised_ms": 60_250}, False, ()), ({"promised_ms": 60_251}, False, (CUT_OFF,)), ({"promised_ms": 0}, False, ()),
        ({"promised_ms": 90_000, "channels": 1}, True, (CUT_OFF, ONE_CHANNEL)),
    ],
)
def test_what_a_reader_should_know_about_a_recording_is_said(change, announced_two, said):
    check_probe(replace(GOOD, **change), max_ms=14_400_000)
    assert notices(replace(GOOD, **change), announced_two=announced_two) == said


def turn(text="您好", role=Role.AGENT, start=None, end=None):
    return ChatTurn(role, text, start, end)


@pytest.mark.parametrize(
    ("turns", "field"),
    [
        ([], "turns"), ([turn()] * 5001, "turns"), ([turn(), turn(role=None)], "turns[1].role"), ([turn("  \n")], "turns[0].text"),
        ([turn("字" * 5001)], "turns[0].text"), ([turn(start=-1)], "turns[0].start_ms"), ([turn(end=MAX_MS + 1)], "turns[0].end_ms"),
        ([turn(start=5, end=4)], "turns[0].end_ms"), ([turn(start=9), turn(), turn(start=8)], "turns[2].start_ms"),
        ([turn(start=9), turn(end=8)], "turns[1].end_ms"), ([turn("字" * 5000)] * 401, "turns"),
    ],
)
def test_a_wrong_chat_is_refused_by_turn(turns, field):
    assert field_of(InvalidInput, check_turns, turns) == field


def test_a_chat_at_its_limits_is_accepted():
    check_turns([turn()] * 5000)
    check_turns([turn("字" * 5000, start=7, end=7), turn(start=7, end=MAX_MS), turn(start=7)])  # people write at the same time


def test_turns_are_told_apart_by_everything_in_them():
    variants = [turn(), turn("你好"), turn(role=Role.CUSTOMER), turn(start=0), turn(end=0)]
    assert len({turns_sha256([t]) for t in variants}) == len(variants)
    assert turns_sha256([turn("a"), turn("b")]) != turns_sha256([turn("ab")])


INTERACTION = Interaction("i1", Metadata("t1", agent_id="a1"), Medium.CHAT, NOW, NOW, "content")


def test_a_used_external_id_is_for_the_same_content_alone():
    check_same(INTERACTION, "content")
    assert field_of(AlreadyExists, check_same, INTERACTION, "other") == "metadata.external_id"


@pytest.mark.parametrize("caller", [Caller("t2"), Caller("t1", "a2"), Caller("t2", "a1")])
def test_what_is_not_ones_own_is_not_there(caller):
    check_seen_by(ANYONE, INTERACTION)
    check_seen_by(AGENT, INTERACTION)
    assert field_of(NotFound, check_seen_by, caller, INTERACTION) == "interaction_id"


def test_a_list_is_narrowed_to_an_agents_own():
    assert narrowed(Filters(), AGENT) == narrowed(Filters(agent_id="a1"), AGENT) == "a1"
    assert narrowed(Filters(agent_id="a2"), ANYONE) == "a2"
    assert field_of(Denied, narrowed, Filters(agent_id="a2"), AGENT) == "agent_id"
    assert field_of(InvalidInput, narrowed, Filters(since=NOW, until=NOW - timedelta(days=1)), ANYONE) == "to"
    assert field_of(InvalidInput, narrowed, Filters(team_id="x" * 201), ANYONE) == "team_id"


def test_reports_stand_in_the_order_of_the_work():
    def scored(minutes):
        return Report(Status.SCORED, NOW, outcome=Outcome(1, False, "咨询", "normal", "neutral", 0, NOW + timedelta(minutes=minutes)))

    reports = [*(Report(s, NOW) for s in (Status.RECEIVED, Status.TRANSCRIBING, Status.SCORING, Status.FAILED)), scored(0), scored(1)]
    progress = [r.progress for r in reports]
    assert progress == sorted(set(progress))


ANSWER = Feedback("f1", customer_id="c1", csat=5)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"feedback_id": ""}, "feedback_id"), ({"feedback_id": "f" * 201}, "feedback_id"), ({"customer_id": ""}, "interaction_id"), ({"csat": 0}, "csat"),
        ({"csat": 6}, "csat"), ({"nps": 11}, "nps"), ({"nps": -1}, "nps"), ({"csat": None}, "csat"), ({"comment": "字" * 5001}, "comment"),
        ({"given_at": NOW + timedelta(days=3)}, "given_at"),
    ],
)
def test_a_wrong_answer_is_refused_by_place_and_field(change, field):
    assert field_of(InvalidInput, check_feedback, [ANSWER, replace(ANSWER, **change)], NOW) == f"feedback[1].{field}"


@pytest.mark.parametrize("answers", [[], [ANSWER] * 1001])
def test_feedback_comes_in_limited_numbers(answers):
    assert field_of(InvalidInput, check_feedback, answers, NOW) == "feedback"


@pytest.mark.parametrize("change", [{"csat": 1}, {"csat": None, "nps": 0}, {"csat": None, "solved": False}, {"csat": None, "comment": "太慢"}])
def test_any_one_answer_is_enough(change):
    check_feedback([replace(ANSWER, **change)], NOW)
