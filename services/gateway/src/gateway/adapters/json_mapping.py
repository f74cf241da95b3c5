"""Messages as JSON and back, by a converter compiled once per message type.

snake_case names; enum values in lower case without their prefix; 64-bit integers as numbers; times as RFC 3339; fields without
presence always there, others where set. A number that JSON cannot write (NaN, infinity) becomes null, and none is read.
Types of google.protobuf other than Timestamp, and maps, follow protobuf's own JSON mapping.
"""

import base64
from collections.abc import Callable
from keyword import iskeyword
from typing import Any

import orjson
from chassis.errors import InvalidInput
from google.protobuf import json_format
from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import Message

from gateway.adapters.json_words import enum_words, from_query, read_time, reader_of, shortest, time_word
from gateway.adapters.proto_methods import descriptor_of

Write = Callable[[Any], Any]
Fill = Callable[[Message, Any], None]

_TIMESTAMP = "google.protobuf.Timestamp"
_writers: dict[str, Write] = {}
_fillers: dict[str, dict[str, tuple[Fill, str]]] = {}


def to_json(message: Message) -> Any:
    """The message as dicts, lists, texts and numbers."""
    return writer_of(descriptor_of(message))(message)


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


# ---- writing


def writer_of(descriptor: Descriptor) -> Write:
    """The compiled converter of a message type: a function of plain attribute reads, made from its descriptor."""
    made = _writers.get(descriptor.full_name)
    if made is None:
        made = _compile(descriptor)
    return made


def _compile(descriptor: Descriptor) -> Write:
    if descriptor.full_name == _TIMESTAMP:
        made: Write = time_word
    elif descriptor.file.package == "google.protobuf":
        made = lambda m: json_format.MessageToDict(m, preserving_proto_field_name=True)  # noqa: E731 (a converter like the others)
    else:
        # Reading attributes in one straight function is four times as fast as walking over field descriptors per message.
        names: dict[str, Any] = {}
        lines = ["def write(m):", " d = {}"]
        for field in descriptor.fields:
            # Some names, such as `from`, are words of Python.
            value = _expression(field, f"getattr(m, {field.name!r})" if iskeyword(field.name) else f"m.{field.name}", names)
            guard = f" if m.HasField({field.name!r}): " if field.has_presence else " "
            lines.append(f"{guard}d[{field.name!r}] = {value}")
        lines.append(" return d")
        exec("\n".join(lines), names)
        made = names["write"]
    _writers[descriptor.full_name] = made
    return made


def _expression(field: FieldDescriptor, read: str, names: dict[str, Any]) -> str:
    """Python that turns a field's value into JSON's."""
    if field.message_type is not None and field.message_type.GetOptions().map_entry:
        value = field.message_type.fields_by_name["value"]
        return f"{{str(k): {_expression(value, 'v', names)} for k, v in {read}.items()}}"
    if field.is_repeated:
        inner = _scalar(field, "v", names)
        return f"list({read})" if inner == "v" else f"[{inner} for v in {read}]"
    return _scalar(field, read, names)


def _scalar(field: FieldDescriptor, read: str, names: dict[str, Any]) -> str:
    name = f"c{field.number}"
    if field.message_type is not None:
        names[name] = _later(field.message_type)
        return f"{name}({read})"
    if field.enum_type is not None:
        names[name] = _Words(enum_words(field.enum_type))
        return f"{name}[{read}]"
    if field.cpp_type == FieldDescriptor.CPPTYPE_FLOAT:
        names["shortest"] = shortest
        return f"shortest({read})"
    if field.type == FieldDescriptor.TYPE_BYTES:
        names["b64"] = lambda v: base64.b64encode(v).decode()
        return f"b64({read})"
    return read


class _Words(dict[int, str]):
    """A number that no word is known for, from a newer service, stays a number."""

    def __missing__(self, number: int) -> int:
        return number


def _later(descriptor: Descriptor) -> Write:
    """The type's converter; looked up at the first use where the type is being compiled right now."""
    if descriptor.full_name in _writers:
        return _writers[descriptor.full_name]
    _writers[descriptor.full_name] = lambda m: _writers[descriptor.full_name](m)
    return _compile(descriptor)


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
