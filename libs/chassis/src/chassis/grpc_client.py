"""Channels to other services: the caller's identity and trace go along, and every call has a deadline."""

import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import grpc
from grpc.aio import ClientCallDetails, Metadata
from opentelemetry.trace import SpanKind

from chassis.grpc_server import MAX_MESSAGE_BYTES
from chassis.identity import METADATA_KEY, Identity, caller, encode
from chassis.telemetry import TRACES, tracer

_TIMEOUT_S = 10.0
_STREAM_TIMEOUT_S = 600.0
# Only reading calls are repeated: what writes carries its own key and is repeated by whoever holds it.
_RETRIES = json.dumps({"methodConfig": [{"name": [{}], "retryPolicy": {
    "maxAttempts": 4, "initialBackoff": "0.1s", "maxBackoff": "1s", "backoffMultiplier": 2, "retryableStatusCodes": ["UNAVAILABLE"],
}}]})


@asynccontextmanager
async def channel(address: str, *, identity_key: str = "", retry: bool = True, identity: Callable[[], Identity] = caller) -> AsyncIterator[grpc.aio.Channel]:
    """A channel whose calls are made in the name of `identity()`, by default of whoever asked for what is being done.

    Unary calls without a timeout get 10 s, streams 600 s. `retry=True` repeats calls while the peer is UNAVAILABLE: for reading.
    """
    options: list[tuple[str, Any]] = [
        ("grpc.max_receive_message_length", MAX_MESSAGE_BYTES),
        ("grpc.max_send_message_length", MAX_MESSAGE_BYTES),
        ("grpc.initial_reconnect_backoff_ms", 200),
        ("grpc.max_reconnect_backoff_ms", 3000),
        ("grpc.enable_retries", int(retry)),
        # The name of a peer leads to all of its replicas: calls are spread over them, and one that is gone is passed over.
        ("grpc.lb_policy_name", "round_robin"),
    ]
    if retry:
        options.append(("grpc.service_config", _RETRIES))
    sign = _Signer(identity_key, identity)
    interceptors: list[grpc.aio.ClientInterceptor] = [_Unary(sign), _UnaryStream(sign), _StreamUnary(sign), _StreamStream(sign)]
    async with grpc.aio.insecure_channel(address, options=options, interceptors=interceptors) as made:
        yield made


class _Signer:
    def __init__(self, key: str, identity: Callable[[], Identity]) -> None:
        self._key, self._identity = key, identity

    def details(self, given: ClientCallDetails, timeout_s: float) -> ClientCallDetails:
        carried: dict[str, str] = {}
        TRACES.inject(carried)
        metadata = Metadata(*(given.metadata or ()))
        for key, value in carried.items():
            metadata.add(key, value)
        metadata.add(METADATA_KEY, encode(self._identity(), self._key))
        return ClientCallDetails(given.method, given.timeout if given.timeout is not None else timeout_s, metadata, given.credentials, given.wait_for_ready)


def _name(details: ClientCallDetails) -> str:
    return (details.method.decode() if isinstance(details.method, bytes) else details.method).lstrip("/")


class _Interceptor:
    def __init__(self, sign: _Signer) -> None:
        self._sign = sign


class _Unary(_Interceptor, grpc.aio.UnaryUnaryClientInterceptor):
    async def intercept_unary_unary(self, continuation: Any, client_call_details: ClientCallDetails, request: Any) -> Any:
        with tracer.start_as_current_span(_name(client_call_details), kind=SpanKind.CLIENT):
            call = await continuation(self._sign.details(client_call_details, _TIMEOUT_S), request)
            await call.code()  # the span ends with the call, not with its sending
            return call


class _UnaryStream(_Interceptor, grpc.aio.UnaryStreamClientInterceptor):
    async def intercept_unary_stream(self, continuation: Any, client_call_details: ClientCallDetails, request: Any) -> Any:
        return await continuation(self._sign.details(client_call_details, _STREAM_TIMEOUT_S), request)


class _StreamUnary(_Interceptor, grpc.aio.StreamUnaryClientInterceptor):
    async def intercept_stream_unary(self, continuation: Any, client_call_details: ClientCallDetails, request_iterator: Any) -> Any:
        return await continuation(self._sign.details(client_call_details, _STREAM_TIMEOUT_S), request_iterator)


class _StreamStream(_Interceptor, grpc.aio.StreamStreamClientInterceptor):
    async def intercept_stream_stream(self, continuation: Any, client_call_details: ClientCallDetails, request_iterator: Any) -> Any:
        return await continuation(self._sign.details(client_call_details, _STREAM_TIMEOUT_S), request_iterator)
