"""Names what is wrong with a scorecard before it judges anybody: what cannot be read, is never used, never holds, or contradicts itself."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from difflib import get_close_matches

from nlp.domain import conditions as c
from nlp.domain.engine import QualityEngine
from nlp.domain.linting_examples import Examples
from nlp.domain.linting_logic import Logic, Reason, everything_in
from nlp.domain.linting_words import PhraseLists, redundant
from nlp.domain.scorecard_files import FileRefused, ScorecardFile
from nlp.domain.scorecard_tests import untested
from nlp.domain.scorecards import Scorecard

ERROR, WARNING = "error", "warning"
MAX_FINDINGS = 1000
MAX_SHOWN = 3
_OUTCOMES = {"pass": "通过", "fail": "不通过"}
_UNSAFE = ("linear time", "look-around", "regular expression", "the expression is longer", "references to groups")
# What the parsers say, for people: (what it begins with or holds, in Chinese). What is not here is shown as it is said.
_IN_CHINESE: tuple[tuple[str, str], ...] = (
    (r"unknown key", "不认识的键“{last}”"),
    (r"unknown (?:attribute|value)", "不认识的取值"),
    (r"is missing$", "缺少必填项“{last}”"),
    (r"needs exactly one of .*found none", "这里需要一个条件（例如 words、regex、all、any、not）"),
    (r"needs exactly one of .*found (.+)", "一个条件只能有一个运算符，这里有 {0}"),
    (r"must be a whole number of 0 or more, found (.+)", "必须是不小于 0 的整数，现在是 {0}"),
    (r"must be a number of 0 or more, found (.+)", "必须是不小于 0 的数，现在是 {0}"),
    (r"must be a number above 0, found (.+)", "必须是大于 0 的数，现在是 {0}"),
    (r"must be a number between (\S+) and (\S+), found (.+)", "必须在 {0} 到 {1} 之间，现在是 {2}"),
    (r"must be true or false", "只能是 true 或 false"),
    (r"must be agent, customer or any, found (.+)", "角色只能是 agent、customer 或 any，现在是 {0}"),
    (r"must be one of (.+)", "只能是 {0} 之一"),
    (r"expected a list of texts", "这里应是文字的列表"),
    (r"expected a list of conditions", "这里应是条件的列表"),
    (r"expected a list of utterances", "这里应是测试语句的列表"),
    (r"expected a list", "这里应是列表"),
    (r"expected a mapping", "这里应是“键: 值”的写法"),
    (r"expected a rule name", "这里应是规则名、词表或一个条件"),
    (r"expected a text", "这里应是文字，请加引号"),
    (r"expected a line that begins with", "测试语句应以“坐席：”或“客户：”开头，或是（静音35秒）、（抢话2秒）、（语速8字/秒）"),
    (r"asks for (\d+) of (\d+)", "要求至少 {0} 个，而这里只有 {1} 个"),
    (r"conditions nest deeper than (\d+)", "条件嵌套超过 {0} 层"),
    (r"more than (\d+) conditions in one", "一条规则里的条件超过 {0} 个，请拆成有名字的规则"),
    (r"holds at most (\d+) texts", "一个词表最多 {0} 个词"),
    (r"is longer than (\d+) characters", "超过 {0} 个字"),
    (r"has letters on both sides of a wildcard", "通配符 * 两边都要有字，只有标点的词永远找不到"),
    (r"a wildcard reaches at most (\d+)", "通配符最多跨 {0} 个字"),
    (r"no scorecard '?([^']*)'?", "没有可继承的评分表“{0}”"),
    (r"the item is listed twice", "检查项“{last}”列了两次"),
    (r"no such item in this scorecard", "评分表里没有检查项“{last}”"),
    (r"no such rule in this scorecard", "评分表里没有规则“{last}”"),
    (r"names the rule '?([^']*)'?, which does not exist", "引用的规则“{0}”不存在"),
    (r"refers to itself by way of (.+)", "规则引用了自己：{0}"),
    (r"nothing is (.+)", "没有满足条件的值：{0}"),
    (r"is derived from the words and cannot be set", "“{last}”由会话内容推出，测试里不能指定"),
    (r"not a regular expression: (.+)", "正则写法有误：{0}"),
    (r"not an expression that can be run in linear time: (.+)", "这个正则可能拖垮服务，不能使用：{0}"),
    (r"look-around", "这个正则可能拖垮服务：前后查找里不能再有嵌套的重复"),
    (r"the expression is longer than (\d+)", "正则超过 {0} 个字符"),
    (r"references to groups", "正则里不能引用分组"),
)


@dataclass(frozen=True, slots=True)
class LintFinding:
    """One thing found; line and column from 1, 0 where unknown; `example` is an utterance that shows it, tried with the engine."""

    severity: str
    kind: str
    path: str
    line: int
    column: int
    message: str
    suggestion: str = ""
    example: str = ""


def finding_of(refused: FileRefused) -> LintFinding:
    """Why a file cannot be read, as a finding."""
    reason = refused.reason
    kind = "syntax"
    if "unknown key" in reason:
        kind = "unknown_operator"
    elif "which does not exist" in reason:
        kind = "missing_rule"
    elif "refers to itself" in reason:
        kind = "circular"
    elif any(sign in reason for sign in _UNSAFE):
        kind = "unsafe_regex"
    meant = refused.suggestion or _meant(refused.place, reason)
    return LintFinding(ERROR, kind, refused.place, refused.line, refused.column, _in_chinese(refused.place, reason), f"是不是“{meant}”？" if meant else "")


def told(refused: FileRefused) -> str:
    """Why a file cannot be read, in one line with its place."""
    finding = finding_of(refused)
    return f"{finding.line}:{finding.column} {finding.message}{f'，{finding.suggestion}' if finding.suggestion else ''}"


def lint(
    file: ScorecardFile, engine_with: Callable[[ScorecardFile], QualityEngine], *, shared_rules: Mapping[str, c.Condition],
    used_elsewhere: Collection[str] = (),
) -> list[LintFinding]:
    """Everything found, errors first, then in order of lines; at most MAX_FINDINGS.

    `engine_with` compiles the file's scorecard; it is asked only once names are known to be sound. `shared_rules` are those every
    scorecard may name besides its own, `used_elsewhere` names of rules that others use.
    """
    linter = _Linter(file, shared_rules)
    found = [*linter.references()]
    if not found:
        examples = Examples(engine_with(file), file.card)
        found = [*linter.impossible(examples), *linter.items(examples), *linter.dead(examples, used_elsewhere), *linter.overlapping(examples),
                 *linter.contradicting_items(examples), *linter.untested()]
    found.sort(key=lambda finding: (finding.severity != ERROR, finding.line, finding.column, finding.kind))
    return list(dict.fromkeys(found))[:MAX_FINDINGS]


def rules_named(cards: Iterable[Scorecard]) -> set[str]:
    """The names of rules that the conditions of scorecards use."""
    return {
        part.name
        for card in cards
        for root in (*(condition for item in card.items for condition in item.conditions()), *card.rules.values(),
                     *(condition for conditions in card.alerts.values() for condition in conditions))
        for part in everything_in(root) if isinstance(part, c.Named)
    }


class _Linter:
    def __init__(self, file: ScorecardFile, shared_rules: Mapping[str, c.Condition]) -> None:
        self._file, self._card = file, file.card
        self._rules = {**file.card.rules, **shared_rules}
        self._logic = Logic(self._rules)
        given = file.given if isinstance(file.given, Mapping) else {}
        self._own_rules: Mapping[str, object] = _mapping(given.get("rules"))
        items = [_mapping(item) for section in _list(given.get("sections")) for item in _list(_mapping(section).get("items"))]
        self._own_items: dict[str, object] = {str(item["id"]): item for item in items if "id" in item}
        self._own_alerts = _mapping(given.get("alerts"))
        self._roots = list(self._sites())

    def _sites(self) -> Iterator[tuple[str, c.Condition, object]]:
        """Every condition of this file with its place and what was written there."""
        for name, node in self._own_rules.items():
            yield f"rules.{name}", self._card.rules[name], node
        for item in self._card.items:
            if item.item_id in self._own_items:
                node = self._own_items[item.item_id]
                yield f"{item.item_id}.rule", item.rule, _mapping(node).get("rule", _mapping(node).get("options"))
                if item.applies_when is not None:
                    yield f"{item.item_id}.applies_when", item.applies_when, _mapping(node).get("applies_when")
        for kind, node in self._own_alerts.items():
            for condition in self._card.alerts.get(kind, ())[-1:]:
                yield f"alerts.{kind}", condition, node

    def references(self) -> Iterator[LintFinding]:
        """Names of rules that do not exist, and rules that refer to themselves."""
        named: dict[str, set[str]] = {}
        for place, root, node in self._roots:
            names = {part.name for part in everything_in(root) if isinstance(part, c.Named)}
            if place.startswith("rules."):
                named[place.removeprefix("rules.")] = names
            for name in sorted(names - self._rules.keys()):
                close = get_close_matches(name, self._rules, n=1)
                suggestion = f"是不是“{close[0]}”？" if close else "先在 rules 里定义它，或检查名字"
                yield self._finding(ERROR, "missing_rule", place, node, f"引用的规则“{name}”不存在", value=name, suggestion=suggestion)
        for name in named:
            if (circle := _circle(name, named)) is not None:
                text = f"规则引用了自己：{' → '.join(circle)}"
                yield self._finding(ERROR, "circular", f"rules.{name}", None, text, suggestion="把共同的部分单独写成一条规则")

    def impossible(self, examples: Examples) -> Iterator[LintFinding]:
        """Conditions that can never hold."""
        for place, root, node in self._roots:
            for condition in everything_in(root):
                reason = self._logic.impossible(condition)
                if reason is not None and (reason.key or reason.by or condition is root) and not _inherited(condition, reason):
                    yield self._finding(
                        ERROR, reason.kind, place, node, f"永远不会成立：{reason.text}", key=reason.key, value=reason.value,
                        example=examples.showing(reason.by or condition, holds={False: (condition,)}),
                    )
                    break

    def items(self, examples: Examples) -> Iterator[LintFinding]:
        """Items that always pass or never do, whatever is said."""
        for item in self._card.items:
            if item.item_id not in self._own_items:
                continue
            node, rule = self._own_items[item.item_id], self._logic.effective(item.rule)
            applies = self._logic.effective(item.applies_when) if item.applies_when is not None else None
            if self._logic.always(item.rule):
                yield self._finding(WARNING, "unsatisfiable", item.item_id, node, f"检查项“{item.title}”永远通过", key="rule")
            if applies is None or item.applies_when is None:
                continue
            if self._logic.opposed((applies, rule), None) is not None and self._logic.impossible(item.rule) is None:
                example = examples.showing(item.applies_when, holds={True: (item.applies_when,), False: (item.rule,)})
                yield self._finding(
                    ERROR, "contradictory", item.item_id, node, f"检查项“{item.title}”一适用就不通过：适用条件和它要求的正好相反", key="rule", example=example,
                )
            elif self._logic.implies(applies, rule):
                example = examples.showing(item.applies_when, holds={True: (item.applies_when, item.rule)})
                yield self._finding(WARNING, "contradictory", item.item_id, node, f"检查项“{item.title}”只要适用就一定通过", key="rule", example=example)

    def dead(self, examples: Examples, used_elsewhere: Collection[str]) -> Iterator[LintFinding]:
        """Rules of this file that nothing uses."""
        used: set[str] = set(used_elsewhere)
        waiting = [condition for item in self._card.items for condition in item.conditions()]
        waiting.extend(condition for conditions in self._card.alerts.values() for condition in conditions)
        waiting.extend(self._rules[name] for name in used_elsewhere if name in self._rules)
        while waiting:
            for part in everything_in(waiting.pop()):
                if isinstance(part, c.Named) and part.name not in used:
                    used.add(part.name)
                    waiting.append(self._rules[part.name])
        for name in self._own_rules:
            if name not in used:
                yield self._finding(
                    WARNING, "dead", f"rules.{name}", None, f"规则“{name}”没有被任何检查项、预警或规则用到", suggestion="删除它，或在检查项里引用它",
                    example=examples.hitting(self._card.rules[name]),
                )

    def overlapping(self, examples: Examples) -> Iterator[LintFinding]:
        """Phrases that add nothing to their list, and lists within others."""
        named: dict[int, tuple[str, c.Words, object]] = {}
        for place, root, node in self._roots:
            for words in everything_in(root):
                if isinstance(words, c.Words) and (found := redundant(words)):
                    shown = "、".join(f"“{one.phrase.text}”（已有“{one.because_of.text}”）" for one in found[:MAX_SHOWN])
                    yield self._finding(
                        WARNING, "overlapping", place, node, f"{len(found)} 个词多余：{shown}", value=found[0].phrase.text, suggestion="删去多余的词",
                        example=examples.hitting(replace(words, role=words.role or root.role)),
                    )
            effective = self._logic.effective(root)
            if place.startswith("rules.") and isinstance(effective, c.Words) and not effective.unless:
                named[id(effective)] = (place, effective, node)
        lists = PhraseLists(words for _, words, _ in named.values())
        for place, words, node in named.values():
            for other in lists.holding(words):
                name, whole = named[id(other)][0].removeprefix("rules."), place.removeprefix("rules.")
                same = {phrase.parts for phrase in words.phrases} == {phrase.parts for phrase in other.phrases}
                if same and name > whole:
                    continue  # said once, of the later one
                text = f"规则“{whole}”和“{name}”的词表相同" if same else f"规则“{whole}”命中时“{name}”必然命中"
                example = examples.showing(words, holds={True: (words, other)})
                yield self._finding(WARNING, "overlapping", place, node, text, suggestion=f"直接引用“{name}”" if same else "", example=example)

    def contradicting_items(self, examples: Examples) -> Iterator[LintFinding]:
        """Words that one item asks for and another forbids."""
        asked: list[tuple[str, c.Words]] = []
        forbidden: dict[int, tuple[str, str, c.Words]] = {}
        titles = {item.item_id: item.title for item in self._card.items}
        for item in self._card.items:
            for positive, words in _polar(self._logic.effective(item.rule), True):
                if positive:
                    asked.append((item.item_id, words))
                elif words.range is None and words.at_least == 1:
                    forbidden[id(words)] = (item.item_id, item.title, words)
        lists = PhraseLists(words for _, _, words in forbidden.values())
        told: defaultdict[tuple[str, str], int] = defaultdict(int)
        for item_id, words in asked:
            for phrase in words.phrases:
                for number in sorted(lists.said_in(phrase)):
                    other_id, title, barred = forbidden[number]
                    pair = (item_id, other_id)
                    if barred.role not in (None, words.role) or told[pair] or not ({item_id, other_id} & self._own_items.keys()):
                        continue
                    if example := examples.showing(c.Words(role=words.role, phrases=(phrase,)), holds={True: (words, barred)}):
                        told[pair] += 1
                        yield self._finding(
                            WARNING, "contradictory", item_id if item_id in self._own_items else other_id, None,
                            f"“{phrase.text}”让“{titles[item_id]}”通过，却让“{title}”不通过", example=example,
                        )

    def untested(self) -> Iterator[LintFinding]:
        """Items of this file whose passing or failing no test utterance shows."""
        for item_id, lacking in untested(self._card, self._file.cases).items():
            if item_id in self._own_items:
                wanted = "和".join(_OUTCOMES[outcome] for outcome in lacking)
                title = next(item.title for item in self._card.items if item.item_id == item_id)
                suggestion = f"在 tests.{item_id} 下写 {'、'.join(lacking)} 的例句"
                yield self._finding(WARNING, "untested", item_id, None, f"检查项“{title}”没有{wanted}的测试语句", suggestion=suggestion)

    def _finding(
        self, severity: str, kind: str, place: str, node: object, message: str, *, key: str = "", value: object = None, suggestion: str = "", example: str = "",
    ) -> LintFinding:
        path = place + _path_to(node, key, value)
        line, column = self._file.locate(path)
        return LintFinding(severity, kind, path, line, column, message, suggestion, example)


def _inherited(condition: c.Condition, reason: Reason) -> bool:
    """Whether the reason is that of a rule it names, which has a finding of its own."""
    return isinstance(condition, c.Named) and not reason.key and reason.value == condition.name


def _polar(condition: c.Condition, positive: bool) -> Iterator[tuple[bool, c.Words]]:
    """Phrase lists whose hit makes a condition true (True) or false (False) by itself, names resolved."""
    match condition:
        case c.Words():
            yield positive, condition
        case c.AnyOf():
            for part in condition.parts:
                yield from _polar(part, positive)
        case c.AllOf() if positive and condition.within_turns is None:
            for part in condition.parts:
                if isinstance(part, c.Not):
                    yield from _polar(part, True)
        case c.Not() if condition.range is None:
            yield from ((not positive, words) for held, words in _polar(condition.part, True) if held)


def _circle(name: str, named: Mapping[str, set[str]]) -> list[str] | None:
    """The shortest way from a rule back to itself."""
    ways = [[name]]
    seen = {name}
    while ways:
        way = ways.pop(0)
        for following in sorted(named.get(way[-1], ())):
            if following == name:
                return [*way, name]
            if following not in seen:
                seen.add(following)
                ways.append([*way, following])
    return None


def _path_to(node: object, key: str, value: object) -> str:
    """Where, within what was written, a key or a value stands; empty for the whole."""
    stack: list[tuple[str, object]] = [("", node)] if key or value is not None else []
    while stack:
        path, inner = stack.pop(0)
        if isinstance(inner, Mapping):
            for name, part in inner.items():
                if key and name == key and (value is None or part == value):
                    return f"{path}.{name}"
                stack.append((f"{path}.{name}", part))
        elif isinstance(inner, list):
            stack.extend((f"{path}[{number}]", part) for number, part in enumerate(inner))
        elif not key and str(inner) == str(value):
            return path
    return ""


def _in_chinese(place: str, reason: str) -> str:
    last = place.rpartition(".")[2]
    for pattern, chinese in _IN_CHINESE:
        if (match := re.search(pattern, reason)) is not None:
            return chinese.format(*match.groups(), last=last)
    return reason if re.search("[一-鿿]", reason) else f"写法有误：{reason}"


def _meant(place: str, reason: str) -> str:
    known = re.search(r"known are (.+)$", reason)
    close = get_close_matches(place.rpartition(".")[2], known[1].split(", "), n=1) if known else []
    return close[0] if close else ""


def _mapping(node: object) -> Mapping[str, object]:
    return {str(key): value for key, value in node.items()} if isinstance(node, Mapping) else {}


def _list(node: object) -> list[object]:
    return node if isinstance(node, list) else []
