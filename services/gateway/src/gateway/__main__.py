"""python -m gateway: the one place where the edge meets the outside."""

import asyncio
import logging
import sys
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from itertools import chain

from chassis.grpc_server import serving
from chassis.ids import derived_id, new_id
from chassis.lifecycle import cancelled
from chassis.mongo import database
from chassis.service import Running, running, start

from gateway.adapters.gateway_service import GatewayService
from gateway.adapters.grpc_edge import KeyGuard, PassThrough
from gateway.adapters.grpc_peers import Peers, peers
from gateway.adapters.http_app import http_app
from gateway.adapters.http_door import Admission
from gateway.adapters.http_pages import Check, Health
from gateway.adapters.mongo_audit import MongoAudit
from gateway.adapters.mongo_keys import MongoKeys
from gateway.adapters.nats_events import EventHub
from gateway.adapters.proto_methods import SERVICES, event_classes, public_methods
from gateway.adapters.public_calls import PublicCalls
from gateway.adapters.uvicorn_server import serving_http
from gateway.app import Audit, Keys
from gateway.domain.keys import hash_secret, new_secret
from gateway.domain.limits import Buckets
from gateway.settings import Settings

log = logging.getLogger("gateway")


@dataclass(frozen=True, slots=True)
class Edge:
    """Where it listens, and what it is made of."""

    http_port: int
    grpc_port: int
    hub: EventHub
    audit: Audit


async def edge(r: Running, settings: Settings) -> Edge:
    """Bring everything up within `r.up`."""
    store, entries = MongoKeys(r.db), MongoAudit(r.db)
    await store.prepare()
    await entries.prepare()
    keys = Keys(store, settings.api_key_pepper, lambda: datetime.now(UTC), new_id, settings.key_cache_s)
    audit = Audit(entries, lambda: datetime.now(UTC))
    await _bootstrap(keys, settings)
    behind = await r.up.enter_async_context(peers(
        {name: getattr(settings, f"{name}_address") for name in SERVICES if name != "gateway"},
        identity_key=settings.identity_key, unary_s=settings.request_timeout_s, stream_s=settings.stream_timeout_s,
    ))
    calls = PublicCalls(public_methods(), behind, GatewayService(keys, audit).methods(), audit)
    admission = Admission(keys, Buckets(settings.rate_per_s, settings.rate_burst))
    hub = EventHub(r.events, event_classes(), buffer=settings.event_buffer, most=settings.event_clients)
    await hub.prepare()
    for stream in hub.streams:
        r.up.push_async_callback(cancelled, r.life.spawn(hub.follow(stream), f"events-{stream}"))
    health = Health(_checks(r, behind))
    grpc_port = await r.up.enter_async_context(serving(
        settings.grpc_address, list(chain.from_iterable(SERVICES.values())), lambda server: None, grace_s=settings.stop_grace_s,
        generic=[PassThrough(calls, upload_max_bytes=settings.audio_max_bytes)], interceptors=[KeyGuard(admission, calls)],
    ))

    def stopping() -> None:
        health.stopping = True
        hub.stop()

    http_port = await r.up.enter_async_context(serving_http(
        http_app(calls, admission, hub, health, settings), settings.http_address, grace_s=settings.stop_grace_s, head_s=settings.read_timeout_s,
        before_stop=stopping, failed=r.life.fail,
    ))
    return Edge(http_port, grpc_port, hub, audit)


async def serve(settings: Settings) -> None:
    """Run until SIGTERM."""
    async with running("gateway", settings) as r:
        made = await edge(r, settings)
        log.info("serving", extra={"http_port": made.http_port, "grpc_port": made.grpc_port})
        await r.life.until_stopped()


async def _bootstrap(keys: Keys, settings: Settings) -> None:
    if not settings.api_key_pepper:
        log.warning("API_KEY_PEPPER is empty: hashes of API keys are as good as their secrets alone")
    if settings.bootstrap_api_key:
        extra = frozenset(p.strip() for p in settings.bootstrap_permissions.split(",") if p.strip())
        key_id = derived_id("bootstrap", settings.bootstrap_tenant, hash_secret(settings.bootstrap_api_key, settings.api_key_pepper))
        await keys.bootstrap(settings.bootstrap_tenant, settings.bootstrap_api_key, key_id, extra)


def _checks(r: Running, behind: Peers) -> dict[str, Check]:
    async def nats() -> str:
        return "ok" if r.events.nc.is_connected else "not connected"

    async def mongo() -> str:
        async with asyncio.timeout(1.0):
            await r.db.command("ping")
        return "ok"

    def peer(name: str) -> Check:
        async def check() -> str:
            said = await behind.health(name)
            return "ok" if said == "SERVING" else said

        return check

    return {"nats": nats, "mongo": mongo} | {name: peer(name) for name in behind.names}


async def verify_audit(tenant: str, settings: Settings) -> None:
    """Walk a tenant's audit log and say whether it is whole; ends with status 1 where it is not."""
    async with database(settings.mongo_uri, "gateway") as db:
        chain = await Audit(MongoAudit(db), lambda: datetime.now(UTC)).verify(tenant)
    print(f"{tenant}: {chain.length} entries hold, the last with hash {chain.previous}")
    if chain.broken_at:
        raise SystemExit(f"{tenant}: entry {chain.broken_at} was changed or is missing")


async def add_tenant(tenant: str, settings: Settings) -> None:
    """Make an administrator's key for a company, new or known, and print its secret, this once."""
    async with database(settings.mongo_uri, "gateway") as db:
        store = MongoKeys(db)
        await store.prepare()
        secret = new_secret()
        await Keys(store, settings.api_key_pepper, lambda: datetime.now(UTC), new_id, settings.key_cache_s).bootstrap(tenant, secret, new_id(), frozenset())
    print(secret)


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["add-tenant", tenant]:
            start(Settings, partial(add_tenant, tenant))
        case ["verify-audit", tenant]:
            start(Settings, partial(verify_audit, tenant))
        case _:
            start(Settings, serve)
