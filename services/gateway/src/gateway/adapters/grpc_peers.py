"""Channels to the services behind the edge, one that repeats reading calls and one that never repeats a change."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import grpc
from chassis.grpc_client import channel
from chassis.identity import Identity, service_identity
from google.protobuf.message import Message
from grpc_health.v1 import health_pb2, health_pb2_grpc

from gateway.adapters.proto_methods import PublicMethod

_HEALTH_TIMEOUT_S = 2.0

_LONG = frozenset({"mingjian.routing.v1.DeskService/ImportTickets"})  # the work of a whole table in one call


class Peers:
    """Calls are made in the name of `chassis.identity.caller()` and end after the timeouts given in seconds."""

    def __init__(
        self, reading: Mapping[str, grpc.aio.Channel], changing: Mapping[str, grpc.aio.Channel], asking: Mapping[str, grpc.aio.Channel],
        *, unary_s: float, stream_s: float,
    ) -> None:
        self._reading, self._changing, self._asking = reading, changing, asking
        self._unary_s, self._stream_s = unary_s, stream_s
        self._stubs: dict[tuple[str, bool], Any] = {}

    def _stub(self, method: PublicMethod, raw: bool) -> Any:
        """The call of a method: of messages, or of their bytes as they are."""
        stub = self._stubs.get((method.name, raw))
        if stub is None:
            to = (self._reading if method.only_reads else self._changing)[method.service]
            coders: dict[str, Any] = {} if raw else {
                "request_serializer": method.request.SerializeToString, "response_deserializer": method.response.FromString,
            }
            kind = {(False, False): to.unary_unary, (True, False): to.stream_unary, (False, True): to.unary_stream, (True, True): to.stream_stream}
            stub = kind[method.client_streaming, method.server_streaming](method.path, **coders)
            self._stubs[method.name, raw] = stub
        return stub

    async def unary(self, method: PublicMethod, request: Any, *, raw: bool = False, within_s: float | None = None) -> Any:
        """One answer to one request. Raises grpc.aio.AioRpcError."""
        most_s = self._stream_s if method.name in _LONG else self._unary_s
        return await self._stub(method, raw)(request, timeout=min(most_s, within_s or most_s))

    async def send(self, method: PublicMethod, parts: AsyncIterator[Any], *, raw: bool = False, within_s: float | None = None) -> Any:
        """One answer to many parts. Raises grpc.aio.AioRpcError, or whatever `parts` raised: then the peer has got nothing whole."""
        failure: Exception | None = None

        async def watched() -> AsyncIterator[Any]:
            nonlocal failure
            try:
                async for part in parts:
                    yield part
            except Exception as e:
                # gRPC cancels the call and keeps the reason to itself.
                failure = e
                raise

        try:
            return await self._stub(method, raw)(watched(), timeout=min(self._stream_s, within_s or self._stream_s))
        except (grpc.aio.AioRpcError, asyncio.CancelledError):
            if failure is not None:
                raise failure from None
            raise

    async def receive(self, method: PublicMethod, request: Any, *, raw: bool = False, within_s: float | None = None) -> AsyncIterator[Any]:
        """Many parts for one request; leaving early ends the call. Raises grpc.aio.AioRpcError."""
        call = self._stub(method, raw)(request, timeout=min(self._stream_s, within_s or self._stream_s))
        try:
            async for part in call:
                yield part
        finally:
            call.cancel()

    async def health(self, service: str) -> str:
        """"SERVING", or the name of what is wrong."""
        stub: Any = health_pb2_grpc.HealthStub(self._asking[service])
        try:
            answer: Any = await stub.Check(health_pb2.HealthCheckRequest(), timeout=_HEALTH_TIMEOUT_S)
        except grpc.aio.AioRpcError as e:
            return e.code().name
        return str(health_pb2.HealthCheckResponse.ServingStatus.Name(answer.status))

    @property
    def names(self) -> list[str]:
        return list(self._asking)


@asynccontextmanager
async def peers(addresses: Mapping[str, str], *, identity_key: str, unary_s: float, stream_s: float) -> AsyncIterator[Peers]:
    """Channels to each service while the block runs; none is waited for."""
    async with AsyncExitStack() as up:
        reading, changing, asking = {}, {}, {}
        for name, address in addresses.items():
            reading[name] = await up.enter_async_context(channel(address, identity_key=identity_key))
            changing[name] = await up.enter_async_context(channel(address, identity_key=identity_key, retry=False))
            # Health is asked by the edge itself, in nobody's name, and at once: a peer that is away is the answer.
            asking[name] = await up.enter_async_context(channel(address, identity_key=identity_key, retry=False, identity=_myself))
        yield Peers(reading, changing, asking, unary_s=unary_s, stream_s=stream_s)


def _myself() -> Identity:
    return service_identity("gateway", "platform")


def find(message: Message, *names: str) -> str:
    """The first of the named text fields that is there and not empty; "" where none is."""
    for name in names:
        if name in message.DESCRIPTOR.fields_by_name and (value := getattr(message, name)):
            return str(value)
    return ""
