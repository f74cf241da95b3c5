"""Canonical JSON: the same value gives the same bytes, whoever writes it and whenever."""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, fields, is_dataclass
from datetime import UTC, datetime, timedelta
from enum import Enum
from functools import cache
from typing import Any

_SAFE_INTEGER = 2**53 - 1
KIND = "kind"


def canonical(value: object) -> bytes:
    """A value as canonical JSON. Raises ValueError for NaN, an infinity, an integer past 2^53 or a lone surrogate.

    RFC 8785 (JSON Canonicalization Scheme): UTF-8, no white space, keys sorted, strings escaped only where they must be, numbers in the
    fewest digits that read back the same. Two things differ, neither of which a record contains: keys outside Unicode's first plane are
    sorted by code point, and numbers below 0.0001 are written as Python does (1e-05).
    """
    return written(plain(value))


def written(value: object) -> bytes:
    """As `canonical`, of a value that is `plain` already."""
    return json.dumps(value, sort_keys=True, ensure_ascii=False, separators=(",", ":"), allow_nan=False, check_circular=False).encode()


def sha256_of(value: object) -> str:
    """SHA-256 of a value's canonical JSON, lower-case hex."""
    return hashlib.sha256(canonical(value)).hexdigest()


def plain(value: object, *, named: bool = False) -> Any:
    """Dataclasses, times and collections as what JSON knows; a whole float is an integer, as RFC 8785 writes it.

    Times are UTC to the millisecond ("2026-11-22T08:00:00.000Z"). With `named`, objects carry the name of their class as "kind", so that
    two classes with the same fields differ, and leave out what is as it is by default, so that a field added later changes nothing.
    Raises ValueError for what canonical JSON cannot say, TypeError for what JSON cannot.
    """
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, str):
        return value
    if isinstance(value, int):
        return _integer(value)
    if isinstance(value, float):
        if not math.isfinite(value):
            raise ValueError("a number is not finite")
        return _integer(int(value)) if value.is_integer() else value
    if is_dataclass(value) and not isinstance(value, type):
        if named:
            return {KIND: type(value).__name__} | {
                name: plain(inner, named=True) for name, default in _fields(type(value)) if (inner := getattr(value, name)) != default
            }
        return {name: plain(getattr(value, name)) for name, _ in _fields(type(value))}
    if isinstance(value, Mapping):
        return {str(key): plain(inner, named=named) for key, inner in value.items()}
    if isinstance(value, AbstractSet):
        return sorted((plain(inner, named=named) for inner in value), key=lambda inner: json.dumps(inner, sort_keys=True))
    if isinstance(value, Sequence) and not isinstance(value, bytes):
        return [plain(inner, named=named) for inner in value]
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    if isinstance(value, timedelta):
        return plain(value.total_seconds())
    if isinstance(value, re.Pattern):
        return {"pattern": value.pattern, "flags": value.flags}
    raise TypeError(f"canonical JSON has no {type(value).__name__}")


def _integer(value: int) -> int:
    if not -_SAFE_INTEGER <= value <= _SAFE_INTEGER:
        raise ValueError("an integer is past 2^53")
    return value


@cache
def _fields(kind: type) -> tuple[tuple[str, object], ...]:
    return tuple((field.name, field.default) for field in fields(kind))


@dataclass(frozen=True, slots=True)
class Unlike:
    """The first place where two values differ; each side as JSON, empty where it has nothing there."""

    path: str
    stored: str
    expected: str


def first_difference(stored: Any, expected: Any, path: str = "") -> Unlike | None:
    """The first place, in the order of canonical JSON, where two plain values differ; None where none does."""
    if isinstance(stored, dict) and isinstance(expected, dict):
        for key in sorted({*stored, *expected}):
            inner = f"{path}.{key}" if path else key
            if key not in stored or key not in expected:
                return Unlike(inner, _shown(stored, key), _shown(expected, key))
            if found := first_difference(stored[key], expected[key], inner):
                return found
        return None
    if isinstance(stored, list) and isinstance(expected, list):
        for index, (left, right) in enumerate(zip(stored, expected, strict=False)):
            if found := first_difference(left, right, f"{path}[{index}]"):
                return found
        if len(stored) == len(expected):
            return None
        end = min(len(stored), len(expected))
        return Unlike(f"{path}[{end}]", _shown(stored, end), _shown(expected, end))
    if stored == expected and isinstance(stored, bool) == isinstance(expected, bool):
        return None
    return Unlike(path, _json(stored), _json(expected))


def _shown(value: Any, key: Any) -> str:
    try:
        return _json(value[key])
    except (KeyError, IndexError):
        return ""


def _json(value: Any) -> str:
    return json.dumps(value, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
