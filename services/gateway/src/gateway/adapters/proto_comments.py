"""What the contracts say about themselves: the comments of every message, field, RPC and enum value."""

import importlib.resources
from collections.abc import Iterator
from typing import Any

from google.protobuf import descriptor_pb2


def comments() -> dict[str, str]:
    """Comment by full name, for example of "mingjian.nlp.v1.Evaluation.score"; from the descriptors that `make proto` writes."""
    content = importlib.resources.files("mingjian").joinpath("descriptors.binpb").read_bytes()
    found: dict[str, str] = {}
    for file in descriptor_pb2.FileDescriptorSet.FromString(content).file:
        for location in file.source_code_info.location:
            text = " ".join(location.leading_comments.split())
            if text and (name := _name(file, list(location.path))):
                found[name] = text
    return found


_LISTS = {
    descriptor_pb2.FileDescriptorProto: {4: "message_type", 5: "enum_type", 6: "service"},
    descriptor_pb2.DescriptorProto: {2: "field", 3: "nested_type", 4: "enum_type", 8: "oneof_decl"},
    descriptor_pb2.EnumDescriptorProto: {2: "value"},
    descriptor_pb2.ServiceDescriptorProto: {2: "method"},
}


def _name(file: descriptor_pb2.FileDescriptorProto, path: list[int]) -> str:
    """The full name a path of source code info leads to; "" where it leads to something without one."""
    at: Any = file
    parts = [file.package]
    for number, index in _pairs(path):
        list_name = _LISTS.get(type(at), {}).get(number)
        if list_name is None:
            return ""
        at = getattr(at, list_name)[index]
        parts.append(at.name)
    return ".".join(parts) if len(parts) > 1 and len(path) % 2 == 0 else ""


def _pairs(path: list[int]) -> Iterator[tuple[int, int]]:
    return zip(path[::2], path[1::2], strict=False)
