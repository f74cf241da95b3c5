"""The public gRPC edge: an API key in the metadata `authorization`, and every public RPC passed on as the bytes it came in."""

import secrets
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import grpc
from chassis.errors import Problem, TooMuch
from chassis.grpc_server import guard
from chassis.identity import METADATA_KEY, encode
from chassis.rpc_status import to_trailers
from chassis.telemetry import RPC_SECONDS
from chassis.transient import is_transient

from gateway.adapters.http_door import Admission
from gateway.adapters.proto_methods import PublicMethod
from gateway.adapters.public_calls import PublicCalls


@dataclass(slots=True)
class _Details:
    method: str
    invocation_metadata: Any


class KeyGuard(grpc.aio.ServerInterceptor):
    """Turns away who has no key; all others the platform's own guard takes over, as in every service.

    It is given their identity signed with a secret of this process alone, so that no client can send one itself.
    """

    def __init__(self, admission: Admission, calls: PublicCalls) -> None:
        self._admission = admission
        self._known = frozenset(method.path for method in calls.by_name.values())
        self._signature = secrets.token_hex(32)
        self._guard = guard(self._signature)

    async def intercept_service(
        self, continuation: Callable[[grpc.HandlerCallDetails], Awaitable[Any]], details: grpc.HandlerCallDetails
    ) -> Any:
        if details.method not in self._known:
            return await continuation(details)  # health and reflection are open, anything else is nothing
        metadata = [(k, v) for k, v in details.invocation_metadata or () if k != METADATA_KEY]
        try:
            key = await self._admission.key_of(str(dict(metadata).get("authorization", "")))
        except Problem as e:
            return _refusing(details.method, grpc.StatusCode[e.code], e.message, to_trailers(e))
        except Exception as e:
            if not is_transient(e):
                raise
            return _refusing(details.method, grpc.StatusCode.UNAVAILABLE, "something this needs is away; try again", ())
        known = _Details(details.method, [*metadata, (METADATA_KEY, encode(key.identity(), self._signature))])
        # gRPC takes only its own details further down, so the handler is looked up with those.
        return await self._guard.intercept_service(lambda _: continuation(details), known)


def _refusing(method: str, code: grpc.StatusCode, message: str, trailers: Any) -> Any:
    async def refuse(requests: Any, context: Any) -> None:
        RPC_SECONDS.labels(method, code.name).observe(0)
        await context.abort(code, message, trailers)

    return grpc.stream_stream_rpc_method_handler(refuse)


class PassThrough(grpc.GenericRpcHandler):
    """Public RPCs by their full name; all others are not known here, the platform's own among them."""

    def __init__(self, calls: PublicCalls, *, upload_max_bytes: int) -> None:
        self._handlers = {method.path: self._handler(method, calls, upload_max_bytes) for method in calls.by_name.values()}

    def service(self, handler_call_details: Any) -> Any:
        return self._handlers.get(handler_call_details.method)

    @staticmethod
    def _handler(method: PublicMethod, calls: PublicCalls, upload_max_bytes: int) -> Any:
        async def unary(request: bytes, context: Any) -> bytes:
            return await calls.unary_bytes(method, request, within_s=context.time_remaining())

        async def send(requests: AsyncIterator[bytes], context: Any) -> Any:
            return await calls.send(method, _limited(requests, upload_max_bytes), raw=True, within_s=context.time_remaining())

        async def receive(request: bytes, context: Any) -> AsyncIterator[bytes]:
            async for part in calls.receive_bytes(method, request, within_s=context.time_remaining()):
                yield part

        if method.client_streaming and method.server_streaming:
            raise ValueError(f"{method.name}: streams in both directions are not passed on yet")
        if method.client_streaming:
            return grpc.stream_unary_rpc_method_handler(send)
        return grpc.unary_stream_rpc_method_handler(receive) if method.server_streaming else grpc.unary_unary_rpc_method_handler(unary)


async def _limited(requests: AsyncIterator[bytes], most: int) -> AsyncIterator[bytes]:
    size = 0
    async for request in requests:
        size += len(request)
        if size > most:
            raise TooMuch(f"the stream has more than {most} bytes")
        yield request
