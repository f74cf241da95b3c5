"""A real gRPC server for one servicer, and channels to it as a caller of choice."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import grpc
from chassis.grpc_client import channel
from chassis.grpc_server import Register, serving
from chassis.identity import Identity, service_identity


@asynccontextmanager
async def served(register: Register, *services: str, identity: Identity | Callable[[], Identity] | None = None) -> AsyncIterator[grpc.aio.Channel]:
    """Serve on a free port and yield a channel to it, as `identity` (another of the platform's services, tenant "t1", where not given)."""
    who = identity or service_identity("test", "t1")
    async with (
        serving("127.0.0.1:0", services, register, grace_s=0) as port,
        channel(f"127.0.0.1:{port}", identity=who if callable(who) else lambda: who) as made,
    ):
        yield made
