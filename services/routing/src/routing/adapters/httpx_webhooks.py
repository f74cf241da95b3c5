"""Deliveries over HTTP: to the address that was checked and no other, briefly, and without following anybody anywhere."""

import asyncio
import ipaddress
import socket
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from urllib.parse import urlsplit

import httpx
from chassis.errors import InvalidInput

from routing.domain.webhooks import Answer, Delivery, Webhook, headers, is_public

_READ_BYTES = 4_096
Resolve = Callable[[str, int], Awaitable[Sequence[str]]]


async def resolved(host: str, port: int) -> Sequence[str]:
    """Addresses of a host. Raises OSError."""
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(one[4][0]) for one in found))


class HttpxSender:
    """Satisfies app_webhooks.Sender. `inside_allowed` lets it call private addresses; `within_s` bounds an attempt as a whole."""

    def __init__(
        self, client: httpx.AsyncClient, *, inside_allowed: bool = False, within_s: float = 10.0, resolve: Resolve = resolved,
    ) -> None:
        self._client, self._inside_allowed, self._within_s, self._resolve = client, inside_allowed, within_s, resolve

    async def check(self, url: str) -> None:
        try:
            async with asyncio.timeout(self._within_s):
                await self._address(url)
        except (OSError, TimeoutError, UnicodeError):
            raise InvalidInput("url", "its host cannot be found") from None
        except _Inside as e:
            raise InvalidInput("url", f"its host is at {e}, which is not an address on the internet") from None

    async def send(self, webhook: Webhook, delivery: Delivery, now: datetime) -> Answer:
        try:
            async with asyncio.timeout(self._within_s):
                return await self._post(webhook, delivery, now)
        except TimeoutError:
            return Answer(0, f"no answer within {self._within_s:g} s")
        except _Inside as e:
            return Answer(0, f"the host is at {e}, which is not an address on the internet")
        except (httpx.HTTPError, httpx.InvalidURL, OSError, UnicodeError) as e:
            return Answer(0, f"{type(e).__name__}: {e}")

    async def _post(self, webhook: Webhook, delivery: Delivery, now: datetime) -> Answer:
        parts = urlsplit(webhook.url)
        host = parts.hostname or ""
        # The address that was looked at is the one that is called: a name that answers otherwise the second time gains nothing.
        address = await self._address(webhook.url)
        url = httpx.URL(webhook.url).copy_with(host=address)
        extensions = {"sni_hostname": host} if parts.scheme == "https" and not _is_address(host) else {}
        named = parts.netloc.rpartition("@")[2]
        request = self._client.build_request(
            "POST", url, content=delivery.body, headers=headers(webhook, delivery, now) | {"host": named}, extensions=extensions
        )
        response = await self._client.send(request, stream=True, follow_redirects=False)
        try:
            said = b""
            async for chunk in response.aiter_raw():
                said += chunk
                if len(said) >= _READ_BYTES:
                    break
        finally:
            await response.aclose()
        status = response.status_code
        return Answer(status, "" if 200 <= status < 300 else f"HTTP {status}: {said[:200].decode('utf-8', 'replace')}")

    async def _address(self, url: str) -> str:
        """Raises OSError, _Inside."""
        parts = urlsplit(url)
        found = await self._resolve(parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80))
        if not found:
            raise OSError("no address")
        for address in found:
            if not self._inside_allowed and not is_public(address):
                raise _Inside(address)
        return found[0]


class _Inside(Exception):
    """The host leads inside."""


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
