import time
from functools import partial

import pytest
from nlp.adapters.yaml_packs import load_packs, read_scorecard
from nlp.domain.engine import QualityEngine
from nlp.domain.linting import ERROR, WARNING, finding_of, lint, rules_named
from nlp.domain.scorecard_files import FileRefused

HEAD = "id: shop\nversion: '1'\ntitle: 小店\nextends: common\n"
TESTED = "tests:\n  thanks: {pass: ['坐席：谢谢光临'], fail: ['坐席：慢走']}\n"


@pytest.fixture(scope="module")
def packs():
    return load_packs()


def compiled(packs, file):
    return QualityEngine([packs.cards["common"], file.card], packs.signals)


def linted(packs, text):
    """Findings of a file, or why it cannot be read."""
    try:
        file = read_scorecard(text, packs.cards)
    except FileRefused as refused:
        return [finding_of(refused)]
    return lint(file, partial(compiled, packs), shared_rules=packs.signals.rules)


def card(rules, item="thanked", applies="", tests=TESTED):
    item = f"sections:\n- dimension: 流程规范\n  items:\n  - id: thanks\n    title: 致谢\n    points: 5\n    rule: {item}\n"
    return f"{HEAD}rules:\n{rules}{item}{f'    applies_when: {applies}' if applies else ''}\n{tests}"


THANKED = "  thanked: {words: [谢谢光临], role: agent}\n"


def test_a_sound_card_has_no_findings(packs):
    assert linted(packs, card(THANKED)) == []


@pytest.mark.parametrize(("rules", "kind", "where", "says", "suggests"), [
    ("  thanked: {word: [谢谢光临]}\n", "unknown_operator", (6, 13), "不认识的键“word”", "“words”"),
    ("  thanked: {words: [谢谢光临], range: {first_turn: 2}}\n", "unknown_operator", (6, 36), "不认识的键“first_turn”", "“first_turns”"),
    ("  thanked: {words: [谢谢光临], role: boss}\n", "syntax", (6, 28), "角色", ""),
    ("  thanked: {words: [谢谢光临]\n", "syntax", (7, 1), "逗号或右花括号", ""),
    ("  thanked:\n    words: [谢谢光临]\n\trole: agent\n", "syntax", (8, 1), "制表符", ""),
    ("  thanked: {words: [谢谢光临]}\n  thanked: {words: [再见]}\n", "syntax", (7, 3), "重复", ""),
    ("  thanked: {all: [thankd, {words: [再见]}]}\n  thanks_: {words: [谢谢]}\n", "missing_rule", (6, 19), "“thankd”不存在", "“thanked”"),
    ("  thanked: {any: [{words: [谢谢]}, two]}\n  two: {not: three}\n  three: thanked\n", "circular", (6, 3), "thanked → two → three → thanked", ""),
    ("  thanked: {regex: '(a+)+(?=b)'}\n", "unsafe_regex", (6, 13), "拖垮", ""),
    ("  thanked: {regex: '((谢谢){1,500}){1,500}'}\n", "unsafe_regex", (6, 13), "拖垮", ""),
    ("  thanked: {words: [谢谢, '。。！']}\n", "syntax", (6, 25), "只有标点的词永远找不到", ""),
    ("  thanked: {words: [谢谢], at_least: 2}\n", "syntax", (6, 26), "只有 1 个", ""),
])
def test_what_cannot_be_read_is_named_with_line_column_and_a_suggestion(packs, rules, kind, where, says, suggests):
    found = linted(packs, card(rules))
    assert [(f.severity, f.kind) for f in found[:1]] == [(ERROR, kind)]
    assert (found[0].line, found[0].column) == where
    assert says in found[0].message
    assert suggests in found[0].suggestion
    assert all(f.severity == ERROR for f in found)


@pytest.mark.parametrize(("rules", "kind", "where", "says", "example"), [
    ("  thanked: {words: [谢谢光临], range: {first_turns: 0}}\n", "unsatisfiable", (6, 36), "first_turns 为 0", "坐席：谢谢光临"),
    ("  thanked: {words: [谢谢光临], range: {after: [您好], within_turns: 0}}\n", "unsatisfiable", (6, 49), "within_turns 为 0", "坐席：您好 / 坐席：谢谢光临"),
    ("  thanked: {words: [谢谢光临], unless: [谢谢]}\n", "unsatisfiable", (6, 28), "unless", "坐席：谢谢光临"),
    ("  thanked: {regex: 退１００元}\n", "unsatisfiable", (6, 13), "“１”", "坐席：退１００元"),
    ("  thanked: {words: [谢谢光临], range: {after: never}}\n  never: {words: [您好], range: {last_turns: 0}}\n",
     "unsatisfiable", (6, 36), "after", "坐席：您好 / 坐席：谢谢光临"),
    ("  thanked: {all: [polite, never]}\n  polite: [谢谢]\n  never: {words: [您好], range: {last_s: 0}}\n",
     "unsatisfiable", (6, 27), "last_s", "坐席：谢谢 / 坐席：您好"),
    ("  thanked: {count: {of: [谢谢], at_least: 20001}}\n", "unsatisfiable", (6, 31), "最多计数", " / ".join(["坐席：谢谢 / 客户：嗯"] * 5)),
    ("  thanked: {speech_rate: {above: 40}}\n", "unsatisfiable", (6, 27), "40", ""),
    ("  thanked: {attribute: {ticket_type: [投訴]}}\n", "unsatisfiable", (6, 25), "ticket_type", ""),
    ("  thanked: {all: [polite, {not: polite}]}\n  polite: [谢谢]\n", "contradictory", (6, 13), "not x", "坐席：谢谢"),
    ("  thanked: {all: [{words: [非常感谢]}, {not: {words: [感谢]}}], same_turn: true}\n", "contradictory", (6, 13), "not x", "坐席：非常感谢"),
])
def test_what_can_never_hold_is_an_error_with_an_utterance_that_shows_it(packs, rules, kind, where, says, example):
    found = next(f for f in linted(packs, card(rules)) if f.kind == kind)
    assert found.severity == ERROR
    assert (found.line, found.column) == where
    assert says in found.message
    assert found.example == example


@pytest.mark.parametrize(("rules", "item", "applies", "kind", "severity", "says", "example"), [
    (THANKED, "{not: thanked}", "thanked", "contradictory", ERROR, "一适用就不通过", "坐席：谢谢光临"),
    (THANKED, "{words: [光临], role: agent}", "thanked", "contradictory", WARNING, "一定通过", "坐席：谢谢光临"),
    ("  never: {words: [谢谢], range: {first_turns: 0}}\n", "{not: never}", "", "unsatisfiable", WARNING, "永远通过", ""),
    (THANKED + "  unused: {words: [欢迎光临], role: agent}\n", "thanked", "", "dead", WARNING, "“unused”没有被", "坐席：欢迎光临"),
    (THANKED + "  more: [光临]\n", "{any: [thanked, more]}", "", "overlapping", WARNING, "“thanked”命中时“more”必然命中", "坐席：谢谢光临"),
    (THANKED + "  same: {words: [谢谢光临], role: agent}\n", "{all: [thanked, same]}", "", "overlapping", WARNING, "词表相同", "坐席：谢谢光临"),
    ("  thanked: {words: [欢迎光临, 欢迎光临啊], role: agent}\n", "thanked", "", "overlapping", WARNING, "“欢迎光临啊”（已有“欢迎光临”）", ""),
    ("  thanked: {words: [请讲, 是您的问题, 谢谢光临], role: agent}\n", "thanked", "", "contradictory", WARNING, "却让", "坐席：是您的问题"),
])
def test_what_is_probably_not_meant_is_told(packs, rules, item, applies, kind, severity, says, example):
    found = next(f for f in linted(packs, card(rules, item, applies)) if f.kind == kind and says in f.message)
    assert found.severity == severity
    assert found.line > 0
    if example:
        assert found.example == example


@pytest.mark.parametrize("rule", ["{regex: WiFi}", "{regex: '您的[Ｗw]ifi'}", "{words: [WiFi, ＡＰＰ]}"])
def test_what_normalisation_keeps_is_no_finding(packs, rule):
    assert [f for f in linted(packs, card(f"  thanked: {rule}\n")) if f.severity == ERROR] == []


def test_an_item_without_test_utterances_is_told(packs):
    (found,) = linted(packs, card(THANKED, tests="tests:\n  thanks: {pass: ['坐席：谢谢光临']}\n"))
    assert (found.kind, found.line, found.message) == ("untested", 10, "检查项“致谢”没有不通过的测试语句")


def test_the_shipped_packs_have_no_errors(packs):
    for name, file in packs.files.items():
        found = lint(file, partial(compiled, packs), shared_rules=packs.signals.rules, used_elsewhere=rules_named(packs.cards.values()))
        assert [f for f in found if f.severity == ERROR] == [], name


def test_five_thousand_rules_take_seconds(packs):
    rules = "".join(f"  r{n}: {{words: [谢谢第{n}位, 第{n}号您好, 欢迎{n}], role: agent}}\n" for n in range(5000))
    text = card(rules + "  r5000: {words: [谢谢第77位客人]}\n", "{any: [" + ", ".join(f"r{n}" for n in range(0, 5001, 2)) + "]}", tests="")
    began = time.perf_counter()
    found = linted(packs, text)
    taken = time.perf_counter() - began
    assert sum(f.kind == "dead" for f in found) > 900
    assert taken < 60, taken


@pytest.mark.parametrize(("listed", "needless"), [
    ("[录音, 通话会录音]", []),                       # two syllables alone are hardly heard in speech
    ("[不合适, 尺码不合适]", []),
    ("[感谢来电, 非常感谢来电]", ["非常感谢来电"]),
    ("[录音=, 通话会录音=]", ["通话会录音"]),         # never by sound
])
def test_a_longer_phrase_is_needless_only_where_the_shorter_is_heard_as_readily(packs, listed, needless):
    findings = [found.message for found in linted(packs, card(f"  thanked: {{words: {listed}, role: agent}}\n")) if "多余" in found.message]
    assert [text for text in needless if not any(f"“{text}”" in message for message in findings)] == []
    assert bool(findings) == bool(needless)
