"""One YAML file read with the place of every node, so that whatever is wrong in it has a line and a column."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import yaml

MAX_BYTES = 2_000_000
MAX_NODES = 400_000
MAX_DEPTH = 100
_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_STEP = re.compile(r"\[(\d+)\]|([^.\[\]]+)")
_SEEN_AS = (
    ("cannot start any token", "这里有不能直接使用的字符（例如制表符或 @），请用空格缩进，或给文字加引号"),
    ("could not find expected ':'", "缺少冒号“:”"),
    ("did not find expected key", "缩进不对，或少了一个键"),
    ("did not find expected '-' indicator", "列表的缩进不对"),
    ("did not find expected ',' or ']'", "列表缺少逗号或右方括号"),
    ("did not find expected ',' or '}'", "缺少逗号或右花括号"),
    ("did not find expected node content", "这里缺少内容，或括号没有闭合"),
    ("mapping values are not allowed", "这里不能再出现冒号，含冒号的文字请加引号"),
    ("found unexpected end of stream", "引号没有闭合"),
    ("found undefined alias", "引用了没有定义的锚点"),
    ("control characters", "含有不能使用的控制字符"),
)


@dataclass(frozen=True, slots=True)
class Position:
    """Line and column, both from 1."""

    line: int
    column: int


class SourceError(ValueError):
    """A file that is not YAML, or not such as may be used here; `reason` is in Chinese."""

    def __init__(self, position: Position, reason: str) -> None:
        super().__init__(f"{position.line}:{position.column}: {reason}")
        self.position = position
        self.reason = reason


@dataclass(frozen=True)
class YamlSource:
    """A file as plain values (`node`), and where each of them stands."""

    node: object
    _root: yaml.Node | None = field(repr=False)
    _items: dict[str, yaml.Node] = field(repr=False)

    def position(self, place: str) -> Position:
        """Where a place such as `rules.thanks.range.first_turns` or `greeting.rule.all[0]` stands; the nearest around it where it is missing.

        A place may begin with the scorecard's id, or with the id of an item.
        """
        if self._root is None:
            return Position(1, 1)
        shown = node = around = self._root
        for depth, (number, name) in enumerate(_STEP.findall(place)):
            found = self._step(node, int(number) if number else name)
            if found is None and depth == 0:
                continue  # the name of the whole, for example "scorecard"
            if found is None and (found := _child(around, name)) is None:  # a key beside the operator, named behind it
                break
            around, (shown, node) = node, found
        return _position(shown.start_mark)

    def _step(self, node: yaml.Node, step: int | str) -> tuple[yaml.Node, yaml.Node] | None:
        """What to show of the next node, its key in a mapping, and the node; the operator between is passed over where a place leaves it out."""
        if (direct := _child(node, step)) is not None:
            return direct
        if node is self._root and (named := self._items.get(str(step))) is not None:
            return named, named
        return next((inner for _, value in _pairs(node) if (inner := _child(value, step)) is not None), None)


def read_yaml(text: str) -> YamlSource:
    """Read a file; raises SourceError where it is no YAML, is too large, repeats a key or nests without end."""
    if len(text) > MAX_BYTES or len(text.encode("utf-8", "replace")) > MAX_BYTES:
        raise SourceError(Position(1, 1), f"文件超过{MAX_BYTES // 1_000_000} MB")
    try:
        _refuse_depth(text)
        loader = _LOADER(text)
        try:
            root = loader.get_single_node()
            items = _checked(root) if root is not None else {}
            node = loader.construct_document(root) if root is not None else None
        finally:
            loader.dispose()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise SourceError(_position(mark) if mark else Position(1, 1), _said(str(error.problem or error.context or error))) from error
    except yaml.reader.ReaderError as error:
        raise SourceError(_of_offset(text, error.position), _said("control characters")) from error
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        if isinstance(error, SourceError):
            raise
        raise SourceError(Position(1, 1), f"不是有效的 YAML：{error}") from error
    return YamlSource(node, root, items)


def _refuse_depth(text: str) -> None:
    """Before a tree is made of it: the composer calls itself for every level, and a deep file would end the process."""
    depth = 0
    for event in yaml.parse(text, Loader=_LOADER):
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
            if depth > MAX_DEPTH:
                raise SourceError(_position(event.start_mark), f"嵌套超过{MAX_DEPTH}层")
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1


def _checked(root: yaml.Node) -> dict[str, yaml.Node]:
    """Refuse repeated keys and what anchors blow up; the items of sections, by id."""
    items: dict[str, yaml.Node] = {}
    stack: list[tuple[yaml.Node, int]] = [(root, 0)]
    count = 0
    while stack:
        node, depth = stack.pop()
        count += 1
        if count > MAX_NODES or depth > MAX_DEPTH:
            raise SourceError(_position(node.start_mark), "嵌套过深，或锚点展开后过大")
        seen: set[str] = set()
        for key, value in _pairs(node):
            if not isinstance(key, yaml.ScalarNode):
                raise SourceError(_position(key.start_mark), "键必须是文字")
            if key.value in seen:
                raise SourceError(_position(key.start_mark), f"键“{key.value}”重复了，后一个会盖掉前一个")
            seen.add(key.value)
            stack.append((value, depth + 1))
            if key.value == "id" and isinstance(value, yaml.ScalarNode):
                items.setdefault(str(value.value), node)
        if isinstance(node, yaml.SequenceNode):
            stack.extend((value, depth + 1) for value in node.value)
    return items


def _pairs(node: yaml.Node) -> Iterator[tuple[yaml.Node, yaml.Node]]:
    if isinstance(node, yaml.MappingNode):
        yield from node.value


def _child(node: yaml.Node, step: int | str) -> tuple[yaml.Node, yaml.Node] | None:
    """What to show of a child, and the child: (key, value) of a mapping, the entry of a list."""
    if isinstance(step, int):
        if isinstance(node, yaml.SequenceNode) and step < len(node.value):
            return node.value[step], node.value[step]
        return None
    return next(((key, value) for key, value in _pairs(node) if isinstance(key, yaml.ScalarNode) and key.value == step), None)


def _position(mark: Any) -> Position:
    return Position(mark.line + 1, mark.column + 1)


def _of_offset(text: str, offset: int) -> Position:
    before = text[:offset]
    return Position(before.count("\n") + 1, offset - (before.rfind("\n") + 1) + 1)


def _said(problem: str) -> str:
    return next((chinese for english, chinese in _SEEN_AS if english in problem), f"YAML 语法错误：{problem}")
