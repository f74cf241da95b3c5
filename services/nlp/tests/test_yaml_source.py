import pytest
from nlp.adapters.yaml_source import Position, SourceError, read_yaml


@pytest.mark.parametrize(("text", "where", "says"), [
    ("a: [1, 2\nb: 3", (2, 2), "逗号或右方括号"),
    ("a:\n\t- b", (2, 1), "制表符"),
    ("a: 'x", (1, 6), "引号没有闭合"),
    ("a: 1\nb: 2\na: 3", (3, 1), "“a”重复"),
    ("a: b: c", (1, 5), "冒号"),
    ("x: *foo", (1, 4), "锚点"),
    ("a: \x07", (1, 4), "控制字符"),
    ("? [a]\n: b", (1, 3), "键必须是文字"),
    ("--- a\n--- b", (2, 1), "语法错误"),
    ("a: 2026-13-45", (1, 1), "month"),
    ("[" * 200_000, (1, 101), "嵌套超过100层"),
    ("- " * 200_000, (1, 201), "嵌套超过100层"),
    ("a: &a [*a]", (1, 4), "嵌套过深"),
    ("a0: &a0 [x]\n" + "".join(f"a{n}: &a{n} [{','.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, 9)), None, "过大"),
    ("# " + "长" * 2_000_000, (1, 1), "超过2 MB"),
    ("\ud800", (1, 1), "YAML"),
])
def test_what_is_no_yaml_or_would_hurt_is_refused_with_line_and_column(text, where, says):
    with pytest.raises(SourceError, match=says) as refused:
        read_yaml(text)
    if where:
        assert refused.value.position == Position(*where)


SOURCE = """\
id: shop
rules:
  thanked: {words: [谢谢, 感谢], range: {first_turns: 2}}
sections:
- items:
  - id: thanks
    rule:
      all: [thanked, {not: thanked}]
guidance:
  thanks: {say: 谢谢}
"""


@pytest.mark.parametrize(("place", "where"), [
    ("rules.thanked.words[1]", (3, 25)),
    ("shop.rules.thanked.range.first_turns", (3, 38)),
    ("rules.thanked.words.range", (3, 30)),
    ("rules.thanked.at_least", (3, 3)),
    ("thanks.rule.all[1].not", (8, 23)),
    ("thanks.title", (6, 5)),
    ("guidance.thanks.say", (10, 12)),
    ("scorecard.guidance", (9, 1)),
    ("nowhere", (1, 1)),
])
def test_a_place_has_a_line_and_a_column(place, where):
    assert read_yaml(SOURCE).position(place) == Position(*where)
