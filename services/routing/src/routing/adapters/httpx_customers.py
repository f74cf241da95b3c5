"""The company's own system (CRM) asked over REST: briefly, seldom, and not at all while it is down."""

import logging
import time
from collections import OrderedDict
from collections.abc import Callable
from datetime import datetime
from urllib.parse import quote

import httpx
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

from routing.app_screen import CrmCustomer, CrmOrder

log = logging.getLogger(__name__)

_KEPT = 10_000
_LARGEST = 256 * 1024
_FAILURES = 5
_REST_S = 15.0


class _Order(BaseModel):
    model_config = ConfigDict(extra="ignore")

    order_id: str = Field(max_length=200)
    product: str = Field("", max_length=200)
    status: str = Field("", max_length=100)
    amount: str = Field("", max_length=30)
    ordered_at: AwareDatetime | None = None


class _Customer(BaseModel):
    model_config = ConfigDict(extra="ignore")

    customer_id: str = Field(min_length=1, max_length=200)
    name: str = Field("", max_length=200)
    tier: str = Field("", max_length=50)
    since: AwareDatetime | None = None
    tags: list[str] = Field(default_factory=list, max_length=50)
    orders: list[_Order] = Field(default_factory=list, max_length=100)


class HttpxCustomers:
    """Satisfies app_screen.Customers. `monotonic` is in seconds; answers are kept for `keep_s`, also that a customer is unknown.

    After five failures in a row it is not asked for 15 seconds; then one call tries it.
    """

    def __init__(self, client: httpx.AsyncClient, *, keep_s: float = 60.0, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._client, self._keep_s, self._monotonic = client, keep_s, monotonic
        self._known: OrderedDict[tuple[str, str], tuple[float, CrmCustomer]] = OrderedDict()
        self._failures, self._rests_until = 0, 0.0

    async def by_id(self, tenant: str, customer_id: str) -> CrmCustomer:
        return await self._asked(tenant, f"/customers/{quote(customer_id, safe='')}")

    async def by_phone(self, tenant: str, phone_hash: str) -> CrmCustomer:
        return await self._asked(tenant, f"/customers?phone_hash={phone_hash}")

    async def _asked(self, tenant: str, path: str) -> CrmCustomer:
        now = self._monotonic()
        known = self._known.get((tenant, path))
        if known is not None and now - known[0] < self._keep_s:
            return known[1]
        if now < self._rests_until:
            return CrmCustomer("away")
        if self._failures >= _FAILURES:
            self._rests_until = now + _REST_S  # this call tries; the others wait for what it finds
        try:
            answer = await self._fetch(tenant, path)
        except (httpx.HTTPError, httpx.InvalidURL, ValidationError, ValueError) as failure:
            self._failures += 1
            if self._failures >= _FAILURES:
                self._rests_until = self._monotonic() + _REST_S
            log.warning("the CRM did not answer as it should: %s", type(failure).__name__)
            return CrmCustomer("away")
        self._failures, self._rests_until = 0, 0.0
        self._known[tenant, path] = (now, answer)
        if len(self._known) > _KEPT:
            self._known.popitem(last=False)
        return answer

    async def _fetch(self, tenant: str, path: str) -> CrmCustomer:
        async with self._client.stream("GET", path.lstrip("/"), headers={"Mingjian-Tenant": tenant, "Accept": "application/json"}) as response:
            if response.status_code == httpx.codes.NOT_FOUND:
                return CrmCustomer("unknown")
            response.raise_for_status()
            body = bytearray()
            async for chunk in response.aiter_bytes():
                body += chunk
                if len(body) > _LARGEST:
                    raise ValueError("the answer is too large")
        said = _Customer.model_validate_json(bytes(body))
        orders = sorted(said.orders, key=_when, reverse=True)
        made = tuple(CrmOrder(o.order_id, o.product, o.status, o.amount, o.ordered_at) for o in orders)
        return CrmCustomer("ok", said.customer_id, said.name, said.tier, said.since, tuple(said.tags), made)


def _when(order: _Order) -> datetime:
    return order.ordered_at or datetime.fromisoformat("0001-01-01T00:00:00+00:00")
