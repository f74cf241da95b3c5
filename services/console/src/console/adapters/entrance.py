"""Who comes in: API keys become sessions, cookies find them again, and on a laptop one key signs everybody in."""

import asyncio
import time

import httpx
from chassis.errors import Unauthenticated

from console.adapters.httpx_gateway import HttpxGateway
from console.adapters.sse_feed import Feeds, Silence
from console.app import Session, Sessions
from console.settings import Settings

COOKIE = "mingjian_console"
MAX_KEY_CHARACTERS = 512


class Entrance:
    """Makes sessions; the only place that sees an API key."""

    def __init__(self, settings: Settings, http: httpx.AsyncClient) -> None:
        self.settings, self._http = settings, http
        self.sessions = Sessions(settings.storage_secret, idle_s=settings.session_idle_s, most=settings.max_sessions, clock=time.monotonic)
        self.feeds = Feeds(http, most=settings.max_sessions)
        self._own: Session | None = None
        self._own_lock = asyncio.Lock()

    @property
    def asks_for_key(self) -> bool:
        return not self.settings.gateway_api_key

    async def session(self, cookie: str | None) -> Session | None:
        """The visitor's session; None where a key is needed first. Raises Problem where the laptop's own key does not work."""
        if self.asks_for_key:
            return self.sessions.find(cookie)
        async with self._own_lock:
            if self._own is None:
                self._own = await self._session(self.settings.gateway_api_key)
            return self._own

    async def sign_in(self, api_key: str) -> str:
        """The cookie of a new session. Raises Unauthenticated, or Unavailable where the gateway is away."""
        key = api_key.strip()
        if not key or len(key) > MAX_KEY_CHARACTERS or not key.isascii() or not key.isprintable():
            raise Unauthenticated("密钥不正确")
        return self.sessions.begin(await self._session(key))

    async def _session(self, api_key: str) -> Session:
        gateway = HttpxGateway(self._http, api_key, timeout_s=self.settings.gateway_timeout_s, upload_timeout_s=self.settings.upload_timeout_s)
        caller = await gateway.get("/v1/caller")
        may_listen = "events:read" in caller.get("permissions", [])
        return Session(caller, gateway, self.feeds.of(api_key) if may_listen else Silence())
