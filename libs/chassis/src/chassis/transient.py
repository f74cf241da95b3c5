"""Which failures pass by themselves: something this service needs is away, and waiting is the answer."""

import asyncio

import grpc
import nats.errors
import pymongo.errors

from chassis.errors import Unavailable

_AWAY = (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED)


def is_transient(failure: BaseException) -> bool:
    """True for a dependency that is away; False for a mistake, which waiting does not mend."""
    if isinstance(failure, grpc.aio.AioRpcError):
        return failure.code() in _AWAY
    return isinstance(
        failure,
        Unavailable | ConnectionError | asyncio.TimeoutError
        | pymongo.errors.ConnectionFailure | pymongo.errors.WriteConcernError
        | nats.errors.ConnectionClosedError | nats.errors.TimeoutError | nats.errors.NoRespondersError | nats.errors.ConnectionReconnectingError,
    )
