from nlp.domain.simulation import MAX_EXAMPLES, MAX_GROUPS, OTHERS, Gate, Tally, Verdict, missed, most_changed, overall


def verdict(score=100.0, fatal=False, **outcomes):
    return Verdict(score, fatal, outcomes)


def added(*contacts):
    tally = Tally()
    for number, (before, after, reviewed) in enumerate(contacts):
        tally.add(f"i{number}", f"A{number % 2}", "T1", before, after, reviewed)
    return tally


def test_changes_are_counted_by_item_agent_and_team():
    tally = added(
        (verdict(100, a="pass", b="na"), verdict(50, a="fail", b="na"), {}),
        (verdict(0, True, a="fail", b="pass"), verdict(80, a="pass", b="na"), {}),
        (verdict(90, a="pass"), verdict(90, a="pass", c="abstain"), {}),
        (verdict(90, a="pass"), verdict(0, True, a="pass"), {}),
    )
    assert [(name, i.pass_to_fail, i.fail_to_pass, i.other_changes, i.examples) for name, i in tally.most_changed_items()] == [
        ("a", 1, 1, 0, ["i0", "i1"]), ("b", 0, 0, 1, ["i1"]), ("c", 0, 0, 1, ["i2"]),
    ]
    assert (tally.became_fatal, tally.ceased_fatal) == (1, 1)
    assert (tally.mean_before, tally.mean_after) == (70.0, 55.0)
    assert [(name, group.interactions, group.change) for name, group in most_changed(tally.agents)] == [("A0", 2, -25.0), ("A1", 2, -5.0)]
    assert tally.teams["T1"].interactions == 4


def test_failures_are_measured_against_reviewers():
    tally = added(
        (verdict(a="pass"), verdict(a="fail"), {"a": "fail"}),
        (verdict(a="fail"), verdict(a="fail"), {"a": "pass"}),
        (verdict(a="pass"), verdict(a="fail"), {"a": "na"}),
        (verdict(a="fail"), verdict(a="abstain"), {"a": "fail"}),
        (verdict(a="pass"), verdict(a="pass"), {"a": "fail"}),
        (verdict(a="pass"), verdict(a="pass"), {}),
    )
    item = tally.items["a"]
    assert (item.reviewed, item.precision, item.recall) == (5, 1 / 3, 1 / 3)
    assert overall(tally.items.values()) == (1 / 3, 1 / 3)
    assert missed(Gate(min_precision=0.3, min_recall=0.3), tally) == []
    assert missed(Gate(min_precision=0.5), tally) == ["准确率 33.3% 低于门槛 50.0%"]
    assert missed(Gate(min_recall=0.5), tally) == ["召回率 33.3% 低于门槛 50.0%"]


def test_a_gate_that_cannot_be_measured_is_not_passed():
    unreviewed = added((verdict(a="pass"), verdict(a="pass"), {}))
    assert missed(Gate(min_precision=0.1, min_recall=0.1), unreviewed) == ["没有相应的人工复核结果，无法计算准确率", "没有相应的人工复核结果，无法计算召回率"]
    assert missed(Gate(max_fatal_flips=0), Tally()) == ["没有可回放的会话，无法判断是否达标"]
    assert missed(Gate(), Tally()) == []


def test_flips_and_the_change_of_the_mean_are_limited_either_way():
    tally = added((verdict(50, True), verdict(60), {}), (verdict(90), verdict(60, True), {}))
    assert missed(Gate(max_fatal_flips=2, max_mean_change=10), tally) == []
    assert missed(Gate(max_fatal_flips=1, max_mean_change=9.5), tally) == ["致命项翻转 2 通，超过门槛 1 通", "平均分变化 10.00 分，超过门槛 9.50 分"]


def test_what_is_kept_does_not_grow_with_contacts():
    tally = Tally()
    for number in range(MAX_GROUPS + 50):
        tally.add(f"i{number}", f"A{number}", "T1", verdict(a="pass"), verdict(a="fail"), {})
    assert len(tally.agents) == MAX_GROUPS + 1
    assert tally.agents[OTHERS].interactions == 50
    assert len(tally.items["a"].examples) == MAX_EXAMPLES
    assert tally.items["a"].pass_to_fail == MAX_GROUPS + 50
