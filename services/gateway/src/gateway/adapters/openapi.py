"""The OpenAPI 3.1 page: every derived route from its descriptor and comments, and the few hand-written ones beside them."""

from collections.abc import Iterable, Mapping
from typing import Any

from chassis.json_writer import enum_words
from google.protobuf.descriptor import Descriptor, EnumDescriptor, FieldDescriptor

from gateway.adapters.openapi_extra import HAND_WRITTEN, PROBLEM
from gateway.adapters.proto_methods import HttpRule, PublicMethod, descriptor_of, field_at

Json = dict[str, Any]
_TIMESTAMP = "google.protobuf.Timestamp"
_SCALARS: dict[int, Json] = {
    FieldDescriptor.CPPTYPE_INT32: {"type": "integer", "format": "int32"}, FieldDescriptor.CPPTYPE_INT64: {"type": "integer", "format": "int64"},
    FieldDescriptor.CPPTYPE_UINT32: {"type": "integer", "minimum": 0}, FieldDescriptor.CPPTYPE_UINT64: {"type": "integer", "minimum": 0},
    FieldDescriptor.CPPTYPE_DOUBLE: {"type": ["number", "null"], "format": "double"},
    FieldDescriptor.CPPTYPE_FLOAT: {"type": ["number", "null"], "format": "float"},
    FieldDescriptor.CPPTYPE_BOOL: {"type": "boolean"}, FieldDescriptor.CPPTYPE_STRING: {"type": "string"},
}


def openapi(methods: Iterable[PublicMethod], comments: Mapping[str, str]) -> Json:
    """The whole document, as JSON."""
    schemas = _Schemas(comments)
    paths: dict[str, Json] = {}
    for method in methods:
        for rule in method.rules:
            paths.setdefault(rule.path, {})[rule.verb] = _operation(method, rule, schemas, comments)
    for path, verbs in HAND_WRITTEN(schemas.ref_to).items():
        paths[path] = verbs | paths.get(path, {})
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Mingjian", "version": "1",
            "description": "Every contact between a company and its customers, transcribed, scored with evidence, ticketed and reported. "
            "Fields that are not set and have no default are left out. Every error is a problem document (RFC 9457).",
        },
        "security": [{"api_key": []}],
        "paths": dict(sorted(paths.items())),
        "components": {
            "securitySchemes": {"api_key": {"type": "http", "scheme": "bearer", "description": "An API key: Authorization: Bearer <key>."}},
            "schemas": dict(sorted(schemas.made.items())) | {"Problem": PROBLEM},
        },
    }


class _Schemas:
    """Makes the schema of each message and enum once, named as "nlp.Evaluation"."""

    def __init__(self, comments: Mapping[str, str]) -> None:
        self._comments = comments
        self.made: dict[str, Json] = {}

    def ref_to(self, kind: Descriptor | EnumDescriptor) -> Json:
        name = kind.full_name.removeprefix("mingjian.").replace(".v1.", ".")
        if name not in self.made:
            self.made[name] = {}
            self.made[name] = self._message(kind) if isinstance(kind, Descriptor) else self._enum(kind)
        return {"$ref": f"#/components/schemas/{name}"}

    def _enum(self, enum: EnumDescriptor) -> Json:
        words = enum_words(enum)
        about = [f"{words[v.number]}: {said}" for v in enum.values if (said := self._comments.get(f"{enum.full_name}.{v.name}"))]
        return {"type": "string", "enum": list(words.values()), "description": "\n".join([self._comments.get(enum.full_name, ""), *about])}

    def _message(self, message: Descriptor) -> Json:
        made: Json = {"type": "object", "properties": {f.name: self.field(f) for f in message.fields}}
        if said := self._comments.get(message.full_name):
            made["description"] = said
        return made

    def field(self, field: FieldDescriptor) -> Json:
        """The schema of one field with its comment."""
        said = self._comments.get(field.full_name)
        described: Json = {"description": said} if said else {}
        if field.message_type is not None and field.message_type.GetOptions().map_entry:
            return {"type": "object", "additionalProperties": self._one(field.message_type.fields_by_name["value"])} | described
        return ({"type": "array", "items": self._one(field)} if field.is_repeated else self._one(field)) | described

    def _one(self, field: FieldDescriptor) -> Json:
        if field.message_type is not None:
            if field.message_type.full_name == _TIMESTAMP:
                return {"type": "string", "format": "date-time"}
            return {"type": "object"} if field.message_type.file.package == "google.protobuf" else self.ref_to(field.message_type)
        if field.enum_type is not None:
            return self.ref_to(field.enum_type)
        if field.type == FieldDescriptor.TYPE_BYTES:
            return {"type": "string", "contentEncoding": "base64"}
        return dict(_SCALARS[field.cpp_type])


def _operation(method: PublicMethod, rule: HttpRule, schemas: _Schemas, comments: Mapping[str, str]) -> Json:
    request, response = descriptor_of(method.request), descriptor_of(method.response)
    answer = schemas.field(field_at(response, rule.response_body)) if rule.response_body else schemas.ref_to(response)
    answer.pop("description", None)
    made: Json = {
        "operationId": method.name.rpartition("/")[2],
        "tags": [method.service],
        "description": f"{comments.get(method.descriptor.full_name, '')}\n\nNeeds the permission {method.permission}.".strip(),
        "parameters": [_parameter(name, "path", field_at(request, name), schemas) for name in rule.variables],
        "responses": {
            "200": {"description": "Done.", "content": {"application/json": {"schema": answer}}},
            "default": {"description": "It failed.", "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}},
        },
    }
    if not rule.body:
        made["parameters"] += [_parameter(name, "query", field, schemas) for name, field in _query(request, rule)]
        return made
    body = schemas.ref_to(request) if rule.body == "*" else schemas.field(field_at(request, rule.body))
    made["requestBody"] = {"content": {"application/json": {"schema": body}}}
    return made


def _query(request: Descriptor, rule: HttpRule, before: str = "") -> list[tuple[str, FieldDescriptor]]:
    found: list[tuple[str, FieldDescriptor]] = []
    for field in request.fields:
        name = f"{before}{field.name}"
        if name in rule.variables:
            continue
        if field.message_type is None or field.message_type.full_name == _TIMESTAMP:
            found.append((name, field))
        elif not field.is_repeated and not before:
            found.extend(_query(field.message_type, rule, f"{name}."))
    return found


def _parameter(name: str, place: str, field: FieldDescriptor, schemas: _Schemas) -> Json:
    schema = schemas.field(field)
    made: Json = {"name": name, "in": place, "required": place == "path", "schema": schema}
    if said := schema.pop("description", None):
        made["description"] = said
    return made
