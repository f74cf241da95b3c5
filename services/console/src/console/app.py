"""Who is signed in, and the Protocols the pages need: no page knows how the gateway is reached."""

import hashlib
import hmac
import secrets
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from client.shapes import Caller

from console.domain.live import Event

Listener = Callable[[Event], None]
Query = Mapping[str, str | int | bool | None]


class Asking(Protocol):
    """The gateway in one caller's name. Every method raises chassis.errors.Problem as the gateway says, Unavailable where it is away."""

    async def get(self, path: str, query: Query | None = None) -> Any:
        """The JSON answer; a query's empty values are not sent."""
        ...

    async def post(self, path: str, body: Mapping[str, Any] | None = None) -> Any:
        """The JSON answer."""
        ...

    async def upload(self, metadata: Mapping[str, Any], name: str, media_type: str, size: int, chunks: AsyncIterator[bytes]) -> str:
        """Send a recording; its interaction_id."""
        ...


class Following(Protocol):
    """The gateway's events, one connection for all pages of one key."""

    def listen(self, listener: Listener) -> Callable[[], None]:
        """Tell `listener` every event from now on; call the result to end it."""
        ...

    @property
    def connected(self) -> bool:
        """Events are coming in now."""
        ...


@dataclass(frozen=True, slots=True)
class Session:
    """One signed-in visitor: who the key says it is, and the two ways to the gateway in its name."""

    caller: Caller
    gateway: Asking
    events: Following

    def may(self, permission: str) -> bool:
        """Whether pages show what needs this permission. The gateway decides again on every call."""
        permissions = self.caller.get("permissions", [])
        return permission in permissions or "*" in permissions

    @property
    def is_admin(self) -> bool:
        return self.caller.get("role") == "admin"


class Sessions:
    """Signed-in visitors, kept in this process: the browser holds a signed random name, never the key.

    The pages' connections live in one process as well, so a load balancer has to keep a visitor on one replica anyway.
    """

    def __init__(self, secret: str, *, idle_s: float, most: int, clock: Callable[[], float]) -> None:
        self._secret = (secret or secrets.token_hex(32)).encode()
        self._idle_s, self._most, self._clock = idle_s, most, clock
        self._kept: OrderedDict[str, tuple[float, Session]] = OrderedDict()

    def begin(self, session: Session) -> str:
        """Keep a session; the cookie value that finds it again."""
        name = secrets.token_urlsafe(32)
        self._kept[name] = (self._clock(), session)
        while len(self._kept) > self._most:
            self._kept.popitem(last=False)
        return f"{name}.{self._signature(name)}"

    def find(self, cookie: str | None) -> Session | None:
        """The session, which is in use from now on; None where there is none, it was idle too long, or the cookie is forged."""
        name = self._name(cookie)
        seen, session = self._kept.get(name, (0.0, None))
        if session is None:
            return None
        if self._clock() - seen > self._idle_s:
            del self._kept[name]
            return None
        self._kept[name] = (self._clock(), session)
        self._kept.move_to_end(name)
        return session

    def end(self, cookie: str | None) -> None:
        """Forget a session."""
        self._kept.pop(self._name(cookie), None)

    def _name(self, cookie: str | None) -> str:
        name, _, signature = (cookie or "").rpartition(".")
        return name if name and hmac.compare_digest(signature.encode(), self._signature(name).encode()) else ""

    def _signature(self, name: str) -> str:
        return hmac.new(self._secret, name.encode(), hashlib.sha256).hexdigest()
