"""Single values read from JSON words: enums without their prefix, times as RFC 3339."""

import base64
import binascii
import math
import re
import struct
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from chassis.errors import InvalidInput
from chassis.json_writer import enum_words
from google.protobuf.descriptor import EnumDescriptor, FieldDescriptor
from google.protobuf.timestamp_pb2 import Timestamp

_FLOAT = struct.Struct("<f")
_TIME = re.compile(r"(\d{4})-(\d\d)-(\d\d)[Tt](\d\d):(\d\d):(\d\d)(?:\.(\d{1,9}))?(?:([Zz])|([+-])(\d\d):(\d\d))")
_BITS = {
    FieldDescriptor.CPPTYPE_INT32: (-(2**31), 2**31 - 1), FieldDescriptor.CPPTYPE_UINT32: (0, 2**32 - 1),
    FieldDescriptor.CPPTYPE_INT64: (-(2**63), 2**63 - 1), FieldDescriptor.CPPTYPE_UINT64: (0, 2**64 - 1),
}

Read = Callable[[Any, str], Any]


def _pack(value: float) -> bytes:
    try:
        return _FLOAT.pack(value)
    except OverflowError:
        return _FLOAT.pack(math.inf)


def read_time(value: Any, path: str) -> Timestamp:
    """Raises InvalidInput."""
    match = _TIME.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        raise InvalidInput(path, 'must be a time such as "2026-11-21T08:00:00Z" (RFC 3339)')
    *clock, fraction, _, sign, hours, minutes = match.groups()
    try:
        at = datetime(*map(int, clock), tzinfo=UTC)  # type: ignore[misc,arg-type]
        if sign:
            if int(hours) > 23 or int(minutes) > 59:
                raise ValueError("offset")
            offset = timedelta(hours=int(hours), minutes=int(minutes))
            at = at - offset if sign == "+" else at + offset
    except (ValueError, OverflowError):
        raise InvalidInput(path, "is not a time there is") from None
    since = at - datetime(1970, 1, 1, tzinfo=UTC)
    return Timestamp(seconds=since.days * 86400 + since.seconds, nanos=int((fraction or "").ljust(9, "0")))


def reader_of(field: FieldDescriptor) -> Read:
    """What reads one JSON value of a field that is no message; raises InvalidInput naming the path."""
    kind = field.cpp_type
    if kind == FieldDescriptor.CPPTYPE_ENUM:
        return _enum_reader(field.enum_type)
    if kind == FieldDescriptor.CPPTYPE_BOOL:
        return _read_bool
    if kind in _BITS:
        return _integer_reader(*_BITS[kind])
    if kind == FieldDescriptor.CPPTYPE_DOUBLE:
        return _read_double
    if kind == FieldDescriptor.CPPTYPE_FLOAT:
        return _read_float
    return _read_bytes if field.type == FieldDescriptor.TYPE_BYTES else _read_string


def _enum_reader(enum: EnumDescriptor) -> Read:
    numbers = {word: number for number, word in enum_words(enum).items()}
    known = ", ".join(word for word, number in numbers.items() if number)

    def read(value: Any, path: str) -> int:
        try:
            return numbers[value]
        except (KeyError, TypeError):
            raise InvalidInput(path, f"must be one of {known}") from None

    return read


def _integer_reader(least: int, most: int) -> Read:
    def read(value: Any, path: str) -> int:
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        if type(value) is not int:
            raise InvalidInput(path, "must be a whole number")
        if not least <= value <= most:
            raise InvalidInput(path, f"must be between {least} and {most}")
        return value

    return read


def _read_bool(value: Any, path: str) -> bool:
    if value is True or value is False:
        return bool(value)
    raise InvalidInput(path, "must be true or false")


def _read_double(value: Any, path: str) -> float:
    if isinstance(value, int | float) and not isinstance(value, bool):
        return float(value)
    raise InvalidInput(path, "must be a number")


def _read_float(value: Any, path: str) -> float:
    number = _read_double(value, path)
    if math.isinf(_FLOAT.unpack(_pack(number))[0]):
        raise InvalidInput(path, "is too large")
    return number


def _read_string(value: Any, path: str) -> str:
    if isinstance(value, str):
        return value
    raise InvalidInput(path, "must be a text")


def _read_bytes(value: Any, path: str) -> bytes:
    try:
        return base64.b64decode(value, validate=True)
    except (TypeError, ValueError, binascii.Error):
        raise InvalidInput(path, "must be base64") from None


def from_query(field: FieldDescriptor) -> Read:
    """What reads one value of a query parameter or a path: the same values, written as plain text."""
    read = read_time if field.message_type is not None else reader_of(field)
    kind = field.cpp_type
    if field.message_type is not None:
        # A plus sign that a client forgot to escape arrives as a blank.
        return lambda text, path: read(text.replace(" ", "+"), path)
    if kind == FieldDescriptor.CPPTYPE_BOOL:
        return lambda text, path: read({"true": True, "false": False}.get(text.lower()), path)
    if kind in _BITS:
        return lambda text, path: read(int(text) if re.fullmatch(r"-?\d{1,20}", text) else None, path)
    if kind in (FieldDescriptor.CPPTYPE_DOUBLE, FieldDescriptor.CPPTYPE_FLOAT):
        return lambda text, path: read(_number(text), path)
    return read


def _number(text: str) -> float | None:
    try:
        number = float(text)
    except ValueError:
        return None
    return number if math.isfinite(number) else None
