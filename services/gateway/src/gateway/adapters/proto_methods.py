"""The public RPCs as their descriptors say them: path, body, permission, messages. REST and the gRPC edge are both derived from it."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib import import_module
from itertools import chain
from typing import Any, cast

from google.api import annotations_pb2
from google.protobuf import descriptor_pool, message_factory
from google.protobuf.descriptor import Descriptor, FieldDescriptor, MethodDescriptor
from google.protobuf.message import Message
from mingjian.options.v1 import options_pb2

# Folder -> its gRPC services; XyService stands in xy_service.proto.
SERVICES: dict[str, tuple[str, ...]] = {
    "ingestion": ("mingjian.ingestion.v1.IngestionService",),
    "nlp": ("mingjian.nlp.v1.NlpService", "mingjian.nlp.v1.ScorecardService", "mingjian.nlp.v1.ReviewService"),
    "routing": (
        "mingjian.routing.v1.RoutingService", "mingjian.routing.v1.LevelService", "mingjian.routing.v1.RectificationService",
        "mingjian.routing.v1.RuleService", "mingjian.routing.v1.StaffService", "mingjian.routing.v1.FieldService",
        "mingjian.routing.v1.DeskService", "mingjian.routing.v1.WebhookService",
    ),
    "knowledge": ("mingjian.knowledge.v1.KnowledgeService",),
    "reporting": ("mingjian.reporting.v1.ReportingService",),
    "gateway": ("mingjian.gateway.v1.GatewayService",),
}
PUBLISHERS = ("ingestion", "asr", "nlp", "routing", "knowledge", "reporting")
_VERBS = ("get", "post", "put", "patch", "delete")
_VARIABLE = re.compile(r"\{([a-z0-9_.]+)(?:=\*)?\}")


@dataclass(frozen=True, slots=True)
class HttpRule:
    """One google.api.http binding. `path` has its variables as {field.path}; `body` is "", "*" or a field's name."""

    verb: str
    path: str
    body: str
    response_body: str

    @property
    def variables(self) -> tuple[str, ...]:
        return tuple(_VARIABLE.findall(self.path))


@dataclass(frozen=True, slots=True)
class PublicMethod:
    """An RPC that carries a permission. `name` is "package.Service/Method", `service` its folder's name, such as "nlp"."""

    name: str
    service: str
    permission: str
    request: type[Message]
    response: type[Message]
    client_streaming: bool
    server_streaming: bool
    rules: tuple[HttpRule, ...]
    descriptor: MethodDescriptor

    @property
    def path(self) -> str:
        """As gRPC writes it."""
        return f"/{self.name}"

    @property
    def only_reads(self) -> bool:
        """Safe to repeat."""
        return bool(self.rules) and all(rule.verb == "get" for rule in self.rules)


def load_contracts() -> None:
    """Put every contract into protobuf's pool."""
    for full_name in chain.from_iterable(SERVICES.values()):
        package, _, name = full_name.rpartition(".")
        import_module(f"{package}.{name.removesuffix('Service').lower()}_service_pb2")
    for publisher in PUBLISHERS:
        import_module(f"mingjian.{publisher}.v1.events_pb2")


def public_methods() -> tuple[PublicMethod, ...]:
    """Every RPC with a permission, in the order of SERVICES and of the files. Raises ValueError for a binding that cannot be served."""
    load_contracts()
    pool = descriptor_pool.Default()  # type: ignore[no-untyped-call]
    made = []
    for service, full_name in ((service, name) for service, names in SERVICES.items() for name in names):
        for method in pool.FindServiceByName(full_name).methods:
            options = method.GetOptions()
            if options.HasExtension(options_pb2.permission):
                made.append(PublicMethod(
                    f"{full_name}/{method.name}", service, str(options.Extensions[options_pb2.permission]), class_of(method.input_type),
                    class_of(method.output_type), method.client_streaming, method.server_streaming, tuple(_rules(method)), method,
                ))
    return tuple(made)


def descriptor_of(message: Message | type[Message]) -> Descriptor:
    """The stubs know two classes of descriptor; at run time there is one."""
    return cast("Descriptor", message.DESCRIPTOR)


def class_of(descriptor: Descriptor) -> type[Message]:
    found: type[Message] = message_factory.GetMessageClass(descriptor)
    return found


def event_classes() -> dict[str, type[Message]]:
    """Every event by its full name: the messages of each publisher's events.proto."""
    load_contracts()
    pool = descriptor_pool.Default()  # type: ignore[no-untyped-call]
    files = (pool.FindFileByName(f"mingjian/{publisher}/v1/events.proto") for publisher in PUBLISHERS)
    return {d.full_name: class_of(d) for file in files for d in file.message_types_by_name.values()}


def _rules(method: MethodDescriptor) -> Iterator[HttpRule]:
    options = method.GetOptions()
    if not options.HasExtension(annotations_pb2.http):
        return
    first = options.Extensions[annotations_pb2.http]
    for rule in (first, *first.additional_bindings):
        verb = rule.WhichOneof("pattern")
        if verb not in _VERBS:
            raise ValueError(f"{method.full_name}: {verb} is no verb that REST is derived for")
        made = HttpRule(verb, getattr(rule, verb), rule.body, rule.response_body)
        _check(method, made)
        yield made


def _check(method: MethodDescriptor, rule: HttpRule) -> None:
    leftover = _VARIABLE.sub("", rule.path)
    if "{" in leftover or "*" in leftover:
        raise ValueError(f"{method.full_name}: {rule.path} has a wildcard that is not one segment")
    for variable in rule.variables:
        field_at(method.input_type, variable)
    if rule.body not in ("", "*"):
        field_at(method.input_type, rule.body)
    if rule.response_body:
        field_at(method.output_type, rule.response_body)


def field_at(message: Descriptor, path: str) -> FieldDescriptor:
    """The field a dotted path leads to. Raises ValueError."""
    *parents, last = path.split(".")
    for parent in parents:
        found: Any = message.fields_by_name.get(parent)
        if found is None or found.message_type is None or found.is_repeated:
            raise ValueError(f"{message.full_name} has no message field {parent}")
        message = found.message_type
    field: FieldDescriptor | None = message.fields_by_name.get(last)
    if field is None:
        raise ValueError(f"{message.full_name} has no field {last}")
    return field


def in_order_of_precedence(rules: Sequence[tuple[PublicMethod, HttpRule]]) -> list[tuple[PublicMethod, HttpRule]]:
    """Segments written out before variables, so that /v1/articles:search is not taken for an article's id."""
    return sorted(rules, key=lambda pair: [("{" in segment, segment) for segment in pair[1].path.split("/")])


def template_parts(path: str) -> list[str]:
    """["/v1/tickets/", "ticket_id", ":assign"]: every second part is a variable."""
    return _VARIABLE.split(path)
