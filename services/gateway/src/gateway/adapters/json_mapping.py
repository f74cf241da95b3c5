"""JSON read into messages, as `chassis.json_writer` writes them; a number that JSON cannot write (NaN, infinity) is not read."""

from collections.abc import Callable
from typing import Any

import orjson
from chassis.errors import InvalidInput
from chassis.json_writer import to_json
from google.protobuf import json_format
from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import Message

from gateway.adapters.json_words import from_query, read_time, reader_of
from gateway.adapters.proto_methods import descriptor_of

Fill = Callable[[Message, Any], None]

_TIMESTAMP = "google.protobuf.Timestamp"
_fillers: dict[str, dict[str, tuple[Fill, str]]] = {}


def dumps(message: Message) -> bytes:
    """The message as JSON text."""
    return orjson.dumps(to_json(message))


def fill(message: Message, value: Any, path: str = "") -> None:
    """Read JSON into the message. Raises InvalidInput naming the path of what is wrong or unknown."""
    try:
        _fill(message, value, filler_of(descriptor_of(message)))
    except InvalidInput as e:
        raise InvalidInput(_under(path, e.field) or "body", e.message) from None


def fill_field(message: Message, field: str, value: Any) -> None:
    """Read JSON into one field of the message. Raises InvalidInput."""
    try:
        filler_of(descriptor_of(message))[field][0](message, value)
    except InvalidInput as e:
        raise InvalidInput(_under(field, e.field), e.message) from None


def _under(outer: str, inner: str) -> str:
    """"items", "[1].text" -> "items[1].text"; "items[1]", "text" -> "items[1].text". Paths are put together only where something is wrong."""
    return f"{outer}{inner}" if not outer or not inner or inner.startswith("[") else f"{outer}.{inner}"


def loads(content: bytes | bytearray, path: str = "body") -> Any:
    """JSON text as values. Raises InvalidInput with the place where it stops being JSON."""
    try:
        return orjson.loads(content)
    except orjson.JSONDecodeError as e:
        raise InvalidInput(path, f"is not JSON: {e.msg} at line {e.lineno}, column {e.colno} (byte {_byte(e)})") from None


def _byte(error: orjson.JSONDecodeError) -> int:
    return len(error.doc[: error.pos].encode())


# ---- reading


def filler_of(descriptor: Descriptor) -> dict[str, tuple[Fill, str]]:
    """What fills each field of the type, and the oneof it belongs to or "", by the field's name."""
    made = _fillers.get(descriptor.full_name)
    if made is None:
        made = _fillers[descriptor.full_name] = {}
        for field in descriptor.fields:
            oneof = field.containing_oneof
            made[field.name] = (_filler(field), oneof.name if oneof is not None and len(oneof.fields) > 1 else "")
    return made


def _fill(message: Message, value: Any, fields: dict[str, tuple[Fill, str]]) -> None:
    if type(value) is not dict:
        raise InvalidInput("", "must be an object")
    for name, inside in value.items():
        try:
            put, oneof = fields[name]
        except KeyError:
            raise InvalidInput(name[:100], "is not a field that is known here") from None
        if inside is None:
            continue
        if oneof and (other := message.WhichOneof(oneof)):
            raise InvalidInput(name, f"cannot be given together with {other}")
        try:
            put(message, inside)
        except InvalidInput as e:
            raise InvalidInput(_under(name, e.field), e.message) from None


def _filler(field: FieldDescriptor) -> Fill:
    name, kind = field.name, field.message_type
    if kind is not None and (kind.GetOptions().map_entry or (kind.file.package == "google.protobuf" and kind.full_name != _TIMESTAMP)):
        return _by_protobuf(name)
    if kind is None or kind.full_name == _TIMESTAMP:
        read = read_time if kind is not None else reader_of(field)
        if field.is_repeated:
            return lambda message, value: getattr(message, name).extend(_each(value, lambda inside: read(inside, "")))
        if kind is not None:
            return lambda message, value: getattr(message, name).CopyFrom(read(value, ""))
        if field.cpp_type == FieldDescriptor.CPPTYPE_STRING and field.type != FieldDescriptor.TYPE_BYTES:
            return _one_text(name)
        return lambda message, value: setattr(message, name, read(value, ""))
    fields = filler_of(kind)
    return _messages(name, fields) if field.is_repeated else _one_message(name, fields)


def _by_protobuf(name: str) -> Fill:
    def put(message: Message, value: Any) -> None:
        try:
            json_format.ParseDict({name: value}, message)
        except json_format.ParseError as e:
            raise InvalidInput("", str(e)) from None

    return put


def _one_text(name: str) -> Fill:
    def put(message: Message, value: Any) -> None:
        if type(value) is not str:
            raise InvalidInput("", "must be a text")
        setattr(message, name, value)

    return put


def _one_message(name: str, fields: dict[str, tuple[Fill, str]]) -> Fill:
    def put(message: Message, value: Any) -> None:
        inner = getattr(message, name)
        inner.SetInParent()
        _fill(inner, value, fields)

    return put


def _messages(name: str, fields: dict[str, tuple[Fill, str]]) -> Fill:
    def put(message: Message, value: Any) -> None:
        add = getattr(message, name).add
        _each(value, lambda inside: _fill(add(), inside, fields))

    return put


def _each(value: Any, read: Callable[[Any], Any]) -> list[Any]:
    if type(value) is not list:
        raise InvalidInput("", "must be a list")
    made: list[Any] = []
    try:
        for inside in value:
            made.append(read(inside))  # noqa: PERF401 (its length says which one is wrong)
    except InvalidInput as e:
        raise InvalidInput(_under(f"[{len(made)}]", e.field), e.message) from None
    return made


# ---- query parameters and path variables


def set_from_text(message: Message, path: str, texts: list[str]) -> None:
    """Set the field a dotted path leads to from query parameters. Raises InvalidInput: unknown, given twice, or wrong."""
    *parents, last = path.split(".")
    target: Any = message
    for parent in parents:
        field = target.DESCRIPTOR.fields_by_name.get(parent)
        if field is None or field.message_type is None or field.is_repeated or field.message_type.full_name == _TIMESTAMP:
            raise InvalidInput(path, "is not a parameter that is known here")
        target = getattr(target, parent)
    field = target.DESCRIPTOR.fields_by_name.get(last)
    if field is None or (field.message_type is not None and field.message_type.full_name != _TIMESTAMP):
        raise InvalidInput(path, "is not a parameter that is known here")
    read = from_query(field)
    if field.is_repeated:
        getattr(target, last).extend([read(text, path) for text in texts])
    elif len(texts) > 1:
        raise InvalidInput(path, "is given more than once")
    elif field.message_type is not None:
        getattr(target, last).CopyFrom(read(texts[0], path))
    else:
        setattr(target, last, read(texts[0], path))
