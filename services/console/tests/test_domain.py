"""The words, marks, changes and charts that pages are made of."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from client.shapes import ItemResult
from console.domain import charts
from console.domain.live import Event, alert_of, changed, fits, received, ticket_of
from console.domain.transcript_marks import MarkedTurn, marked, reasons_by_turn, tone
from console.domain.words import cause, clock, day_begins, day_ends, difference, due, figure, goal, points, score_tone, span, when, word
from console.pages.dashboard import Days, days_of
from console.pages.ranking import ranked
from hypothesis import given
from hypothesis import strategies as st

NOW = datetime(2026, 11, 21, 6, 0, tzinfo=UTC)


# ---- words


@pytest.mark.parametrize(("ms", "text"), [(0, "00:00"), (None, "00:00"), (65_999, "01:05"), (3_600_000, "1:00:00"), (7_384_000, "2:03:04")])
def test_a_place_in_a_recording_reads_like_a_clock(ms: int | None, text: str) -> None:
    assert clock(ms) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (5, "不到 1 分钟"),
        (59 * 60, "59 分钟"),
        (3600, "1 小时"),
        (5400, "1 小时 30 分"),
        (90_000, "1 天 1 小时"),
        (172_800, "2 天"),
        (-120, "2 分钟"),
    ],
)
def test_a_span_names_its_two_largest_units(seconds: float, text: str) -> None:
    assert span(seconds) == text


@pytest.mark.parametrize(
    ("deadline", "done", "expected"),
    [
        ("2026-11-21T08:30:00Z", None, ("剩余 2 小时 30 分", "calm")),
        ("2026-11-21T06:40:00Z", None, ("剩余 40 分钟", "warn")),
        ("2026-11-21T05:00:00Z", None, ("已超时 1 小时", "bad")),
        ("2026-11-21T05:00:00Z", "2026-11-21T04:00:00Z", ("按时完成", "good")),
        ("2026-11-21T05:00:00Z", "2026-11-21T05:45:00Z", ("超时 45 分钟 完成", "bad")),
        (None, None, ("—", "calm")),
        ("", "2026-11-21T05:45:00Z", ("—", "calm")),
    ],
)
def test_a_deadline_says_what_it_means_now(deadline: str | None, done: str | None, expected: tuple[str, str]) -> None:
    assert due(deadline, done, NOW) == expected


def test_times_are_shown_as_in_shanghai_and_days_begin_there() -> None:
    assert when("2026-11-21T20:03:54.120Z") == "2026-11-22 04:03"
    assert (day_begins("2026-11-21"), day_ends("2026-11-21")) == ("2026-11-20T16:00:00Z", "2026-11-21T16:00:00Z")
    assert day_ends("2026-12-31") == "2026-12-31T16:00:00Z"


@pytest.mark.parametrize(
    ("score", "fatal", "expected"),
    [(85, False, "good"), (84.9, False, "warn"), (60, False, "warn"), (59.9, False, "bad"), (100, True, "bad"), (None, False, "calm")],
)
def test_a_fatal_item_makes_any_score_bad(score: float | None, fatal: bool, expected: str) -> None:
    assert score_tone(score, fatal=fatal) == expected


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (0.9643, "ratio", "96.4%"),
        (0.0081, "ratio", "0.81%"),
        (0, "ratio", "0.0%"),
        (4.56, "points", "4.56"),
        (84.0, "points", "84"),
        (34.4, "nps", "34"),
        (1820, "count", "1,820"),
        (4.71, "minutes", "4.7 分钟"),
        (None, "ratio", "—"),
    ],
)
def test_a_figure_is_written_in_its_unit(value: float | None, unit: str, text: str) -> None:
    assert figure(value, unit) == text


def test_targets_and_changes_carry_their_side_and_sign() -> None:
    assert goal({"target": 0.05, "sense": "at_most", "unit": "ratio"}) == "≤ 5.0%"
    assert goal({"unit": "ratio"}) == ""
    assert (difference(0.021, "ratio"), difference(-1.5, "points"), difference(None, "points")) == ("+2.1 个百分点", "−1.5", "—")
    assert (points(86.80), points(100.0), points(0.0), points(None)) == ("86.8", "100", "0", "—")


def test_an_enum_that_was_not_set_is_a_dash_and_an_unknown_word_stays_itself() -> None:
    assert (word({"a": "甲"}, "a"), word({"a": "甲"}, "b"), word({}, "unspecified"), word({}, None)) == ("甲", "b", "—", "—")
    assert (cause("fatal_item:no_shirking"), cause("complaint")) == ("致命项 no_shirking", "客户投诉")


# ---- marks


def item(item_id: str, result: str, **evidence: Any) -> ItemResult:
    return {"item_id": item_id, "title": item_id, "result": result, "evidence": [{"turn_id": "t1", **evidence}]}


def marks(text: str, *items: ItemResult) -> MarkedTurn:
    return marked(text, reasons_by_turn(items).get("t1", []))


def written(turn: MarkedTurn) -> list[tuple[str, list[str]]]:
    return [(p.text, [r.item_id for r in p.reasons]) for p in turn.pieces]


def test_marks_that_overlap_share_a_piece() -> None:
    turn = marks("跟我们没关系的", item("a", "fail", char_from=0, char_to=5), item("b", "pass", char_from=3, char_to=6))
    assert written(turn) == [("跟我们", ["a"]), ("没关", ["a", "b"]), ("系", ["b"]), ("的", [])]
    assert tone(turn.pieces[1].reasons) == "fail"


def test_evidence_without_characters_means_the_whole_turn() -> None:
    turn = marks("好的", item("a", "fail", char_from=0, char_to=0))
    assert (written(turn), [r.item_id for r in turn.whole]) == ([("好的", [])], ["a"])


def test_words_are_looked_up_where_an_unmasked_text_moved_them() -> None:
    turn = marks("我叫王小明，没有办法", item("a", "fail", char_from=4, char_to=8, text="没有办法"))
    assert written(turn) == [("我叫王小明，", []), ("没有办法", ["a"])]


def test_words_that_are_not_there_mean_the_whole_turn() -> None:
    turn = marks("电话13812345678", item("a", "fail", char_from=2, char_to=13, text="138****5678"))
    assert [r.item_id for r in turn.whole] == ["a"]


@given(st.text(max_size=40), st.lists(st.tuples(st.integers(-2, 50), st.integers(-2, 50)), max_size=6))
def test_marking_never_changes_the_words(text: str, ranges: list[tuple[int, int]]) -> None:
    turn = marks(text, *(item(str(n), "pass", char_from=max(0, a), char_to=b) for n, (a, b) in enumerate(ranges)))
    assert "".join(p.text for p in turn.pieces) == text


# ---- live


def test_a_status_never_goes_back() -> None:
    scored = changed({"interaction_id": "i", "status": "scoring"}, Event("InteractionScored", {"evaluation": {"score": 90.0, "alerts": [{}, {}]}}))
    assert (scored["status"], scored["outcome"]["score"], scored["outcome"]["alerts"]) == ("scored", 90.0, 2)
    assert changed(scored, Event("TranscriptionStarted", {})) is scored
    assert changed(scored, Event("SolutionSuggested", {})) is scored


def test_an_outcome_names_an_urgency_only_where_the_evaluation_does() -> None:
    known, unknown = (
        changed({"interaction_id": "i", "status": "scoring"}, Event("InteractionScored", {"evaluation": e}))["outcome"] for e in ({"urgency": "high"}, {})
    )
    assert known["urgency"] == "high" and "urgency" not in unknown


def test_a_failure_carries_its_reason() -> None:
    assert changed({"status": "transcribing"}, Event("TranscriptionFailed", {"reason": "静音"})) == {"status": "failed", "reason": "静音"}


def test_events_name_their_interaction_wherever_it_stands() -> None:
    assert Event("TranscriptionStarted", {"interaction_id": "i"}).interaction_id == "i"
    assert Event("InteractionScored", {"interaction": {"interaction_id": "i"}}).interaction_id == "i"
    assert Event("TicketOpened", {"ticket": {"interaction_id": "i"}}).interaction_id == "i"
    assert Event("ArticlePublished", {}).interaction_id == ""


def test_events_of_other_kinds_are_no_ticket_alert_or_interaction() -> None:
    event = Event("ArticlePublished", {"article": {}})
    assert (received(event), ticket_of(event), alert_of(event)) == (None, None, None)


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({}, True),
        ({"status": "received"}, True),
        ({"status": "scored"}, False),
        ({"industry": "bank"}, False),
        ({"agent_id": "A1"}, True),
        ({"from": "2026-11-21T06:00:00Z"}, True),
        ({"from": "2026-11-21T06:00:01Z"}, False),
        ({"to": "2026-11-21T06:00:00Z"}, False),
        ({"to": "2026-11-21T06:00:01Z"}, True),
    ],
)
def test_a_list_takes_what_its_query_would_have_found(query: dict[str, str], expected: bool) -> None:
    assert (
        fits({"status": "received", "received_at": "2026-11-21T06:00:00.500Z", "metadata": {"industry": "telecom", "agent_id": "A1"}}, query)
        is expected
    )


# ---- charts and pages


def test_a_dimension_without_items_is_named_so() -> None:
    drawn = charts.dimensions([{"dimension": "流程规范", "score": 92.0}, {"dimension": "合规安全"}])
    by_name = dict(zip(drawn["yAxis"]["data"], drawn["series"][0]["data"], strict=True))
    assert by_name["流程规范"]["value"] == 92.0
    assert by_name["合规安全"]["label"]["formatter"] == "不适用"


def test_a_trend_of_ratios_is_drawn_in_percent_with_its_target() -> None:
    drawn = charts.trend(["2026-11-20", "2026-11-21"], [("本期", [0.95, None])], unit="ratio", target=0.98)
    assert drawn["series"][0]["data"] == [95.0, None]
    assert drawn["series"][0]["markLine"]["data"] == [{"yAxis": 98.0}]


def test_a_solution_shared_by_two_issues_takes_two_rows() -> None:
    nodes: list[Any] = [{"node_id": n, "kind": k, "name": n} for n, k in (("p", "product"), ("i", "issue"), ("j", "issue"), ("s", "solution"))]
    edges = [{"from_node_id": a, "to_node_id": b} for a, b in (("p", "i"), ("p", "j"), ("i", "s"), ("j", "s"))]
    assert charts.rows(charts.solution_tree({"nodes": nodes, "edges": edges}, root="r")) == 2
    assert charts.rows(charts.solution_tree({"nodes": nodes[:1], "edges": []}, root="r")) == 1


def test_a_graph_with_a_ring_still_ends() -> None:
    nodes: list[Any] = [{"node_id": "p", "kind": "product", "name": "p"}, {"node_id": "i", "kind": "issue", "name": "i"}]
    edges = [{"from_node_id": "p", "to_node_id": "i"}, {"from_node_id": "i", "to_node_id": "p"}, {"from_node_id": "i", "to_node_id": "gone"}]
    assert charts.solution_tree({"nodes": nodes, "edges": edges}, root="r")["series"][0]["data"][0]["children"][0]["children"] == []


def test_a_span_of_days_is_set_against_the_one_just_before() -> None:
    week = Days(date(2026, 11, 15), date(2026, 11, 21))
    assert week.before == Days(date(2026, 11, 8), date(2026, 11, 14))
    assert len(week.each) == 7


@pytest.mark.parametrize("query", [{}, {"from": "x", "to": "2026-11-21"}, {"from": "2026-11-21"}])
def test_an_address_without_a_span_means_thirty_days(query: dict[str, str]) -> None:
    assert days_of(query, date(2026, 11, 21)) == Days(date(2026, 10, 23), date(2026, 11, 21))


def test_a_span_ends_today_and_is_a_year_at_most() -> None:
    days = days_of({"from": "2000-01-01", "to": "2030-01-01"}, date(2026, 11, 21))
    assert (days.last, days.last - days.first) == (date(2026, 11, 21), timedelta(days=365))


def test_ranking_puts_the_best_first_on_either_side_of_a_target() -> None:
    def group(key: str, value: float | None, sense: str) -> Any:
        return {"key": key, "kpis": [{"kpi": "k", "sense": sense} | ({} if value is None else {"value": value})]}

    assert [
        g["key"] for g in ranked([group("a", 1, "at_least"), group("b", 2, "at_least"), group("c", None, "at_least"), group("", 9, "at_least")], "k")
    ] == ["b", "a", "c"]
    assert [g["key"] for g in ranked([group("a", 1, "at_most"), group("b", 2, "at_most"), group("c", 0, "at_most")], "k")] == ["c", "a", "b"]
