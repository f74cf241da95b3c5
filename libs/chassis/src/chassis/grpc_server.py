"""One gRPC server per service: health, reflection, who is calling and may they, problems as statuses, a span and a figure per call."""

import asyncio
import contextlib
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any

import grpc
from google.protobuf import descriptor_pool
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection
from mingjian.options.v1 import options_pb2
from opentelemetry.trace import Span, SpanKind, StatusCode

from chassis.errors import Denied, Problem, Unauthenticated
from chassis.identity import METADATA_KEY, Identity, acting_as, decode
from chassis.rpc_status import DETAILS_KEY, to_trailers
from chassis.telemetry import RPC_SECONDS, TRACES, tracer
from chassis.transient import is_transient

log = logging.getLogger(__name__)

MAX_MESSAGE_BYTES = 16 * 1024 * 1024
_DEFAULT_TIMEOUT_S = 30.0
_DRAIN_S = 5.0
_OPEN = ("/grpc.health.", "/grpc.reflection.")
_OPTIONS = (
    ("grpc.max_receive_message_length", MAX_MESSAGE_BYTES),
    ("grpc.max_send_message_length", MAX_MESSAGE_BYTES),
    ("grpc.so_reuseport", 0),
)

Register = Callable[[grpc.aio.Server], None]


@asynccontextmanager
async def serving(
    address: str, services: Sequence[str], register: Register, *, identity_key: str = "", grace_s: float = 5.0,
    generic: Sequence[grpc.GenericRpcHandler] = (), interceptors: Sequence[grpc.aio.ServerInterceptor] | None = None,
) -> AsyncIterator[int]:
    """Serve while the block runs and yield the port. `services` are full proto names, for health and reflection.

    Every call but health and reflection needs an identity that may do what the RPC's `permission` option says; an RPC without
    one is for the platform's own services. `interceptors` replaces that rule, for an edge that knows its callers otherwise.
    """
    chain = [_Guard(identity_key)] if interceptors is None else list(interceptors)
    server = grpc.aio.server(interceptors=chain, options=_OPTIONS, maximum_concurrent_rpcs=4096)
    checks = health.aio.HealthServicer()
    health_pb2_grpc.add_HealthServicer_to_server(checks, server)
    reflection.enable_server_reflection([*services, health.SERVICE_NAME, reflection.SERVICE_NAME], server)
    register(server)
    if generic:
        server.add_generic_rpc_handlers(tuple(generic))
    port = server.add_insecure_port(address)
    await server.start()
    for name in ("", *services):
        await checks.set(name, health_pb2.HealthCheckResponse.SERVING)
    try:
        yield port
    finally:
        await checks.enter_graceful_shutdown()
        await server.stop(grace_s)


def guard(identity_key: str) -> grpc.aio.ServerInterceptor:
    """The rule every service serves under, for a chain of `interceptors` in which an edge first says who its caller is."""
    return _Guard(identity_key)


def permission_of(method: str) -> str | None:
    """The permission of "/package.Service/Method"; None where it is for the platform's own services only. Raises KeyError."""
    service, _, name = method.lstrip("/").partition("/")
    pool = descriptor_pool.Default()  # type: ignore[no-untyped-call]
    options = pool.FindServiceByName(service).methods_by_name[name].GetOptions()
    return str(options.Extensions[options_pb2.permission]) if options.HasExtension(options_pb2.permission) else None


def check_permission(identity: Identity, method: str) -> None:
    """Raises Denied: what is not expressly allowed is not."""
    needed = permission_of(method)
    if not identity.is_service and (needed is None or not identity.may(needed)):
        raise Denied(f"this needs the permission {needed}" if needed else "this is for the platform's own services")


class _Guard(grpc.aio.ServerInterceptor):
    """Wraps each handler: trace, identity, permission, deadline, problems, figures."""

    def __init__(self, identity_key: str) -> None:
        self._key = identity_key

    async def intercept_service(
        self, continuation: Callable[[grpc.HandlerCallDetails], Awaitable[Any]], details: grpc.HandlerCallDetails
    ) -> Any:
        handler = await continuation(details)
        method = details.method
        if handler is None or method.startswith(_OPEN):
            return handler
        metadata = {k: v for k, v in details.invocation_metadata or () if isinstance(v, str)}
        if handler.response_streaming:
            inner_stream = handler.unary_stream or handler.stream_stream

            async def stream(request: Any, context: Any) -> AsyncIterator[Any]:
                with tracer.start_as_current_span(method.lstrip("/"), context=TRACES.extract(metadata), kind=SpanKind.SERVER) as span:
                    began = time.perf_counter()
                    try:
                        with acting_as(self._caller(method, metadata)):
                            async for response in inner_stream(request, context):
                                yield response
                    except Exception as e:
                        await _refuse(e, context, span, method, began)
                    RPC_SECONDS.labels(method, "OK").observe(time.perf_counter() - began)

            make = grpc.stream_stream_rpc_method_handler if handler.request_streaming else grpc.unary_stream_rpc_method_handler
            return make(stream, handler.request_deserializer, handler.response_serializer)

        inner = handler.unary_unary or handler.stream_unary

        async def single(request: Any, context: Any) -> Any:
            with tracer.start_as_current_span(method.lstrip("/"), context=TRACES.extract(metadata), kind=SpanKind.SERVER) as span:
                began = time.perf_counter()
                try:
                    with acting_as(self._caller(method, metadata)):
                        if context.time_remaining() is None and not handler.request_streaming:
                            async with asyncio.timeout(_DEFAULT_TIMEOUT_S):
                                response = await inner(request, context)
                        else:
                            response = await inner(request, context)
                except Exception as e:
                    if handler.request_streaming:
                        await _drain(request)
                    await _refuse(e, context, span, method, began)
                RPC_SECONDS.labels(method, "OK").observe(time.perf_counter() - began)
                return response

        make_single = grpc.stream_unary_rpc_method_handler if handler.request_streaming else grpc.unary_unary_rpc_method_handler
        return make_single(single, handler.request_deserializer, handler.response_serializer)

    def _caller(self, method: str, metadata: dict[str, str]) -> Identity:
        if METADATA_KEY not in metadata:
            raise Unauthenticated("this call carries no identity")
        identity = decode(metadata[METADATA_KEY], self._key)
        check_permission(identity, method)
        return identity


async def _drain(requests: AsyncIterator[Any]) -> None:
    """Read what the client still sends before it is refused: one whose write meets a closed stream may lose the status it was refused with."""
    with contextlib.suppress(Exception):
        async with asyncio.timeout(_DRAIN_S):
            async for _ in requests:
                pass


def _details_of(failure: grpc.aio.AioRpcError) -> tuple[tuple[str, bytes], ...]:
    return tuple((k, v) for k, v in failure.trailing_metadata() or () if k == DETAILS_KEY and isinstance(v, bytes))


async def _refuse(failure: Exception, context: Any, span: Span, method: str, began: float) -> None:
    """End the call with the status the failure stands for; never returns."""
    if isinstance(failure, grpc.aio.AbortError):
        raise failure
    if isinstance(failure, Problem):
        code, message, trailers = grpc.StatusCode[failure.code], failure.message, to_trailers(failure)
    elif isinstance(failure, grpc.aio.AioRpcError):
        code, message, trailers = failure.code(), failure.details() or "", _details_of(failure)
    elif isinstance(failure, TimeoutError):
        code, message, trailers = grpc.StatusCode.DEADLINE_EXCEEDED, "this took too long", ()
    elif is_transient(failure):
        code, message, trailers = grpc.StatusCode.UNAVAILABLE, "something this needs is away; try again", ()
        log.warning("dependency away: %s", type(failure).__name__, extra={"method": method})
    else:
        code, message, trailers = grpc.StatusCode.INTERNAL, "this failed on our side and was logged", ()
        log.exception("call failed", extra={"method": method})
    span.set_attribute("rpc.grpc.status_code", code.value[0])
    if code in (grpc.StatusCode.INTERNAL, grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED):
        span.set_status(StatusCode.ERROR)
    RPC_SECONDS.labels(method, code.name).observe(time.perf_counter() - began)
    await context.abort(code, message, trailers)
