"""Service levels as people change them: tried, published, and brought to the tickets that are not finished."""

from collections.abc import Callable
from datetime import datetime

from routing.app import Routing
from routing.app_versions import VersionBook, VersionStore
from routing.domain.clocks import Alarm, Clocks, alarms
from routing.domain.service_levels import ServiceLevels, service_levels_in
from routing.domain.tickets import Kind, Terms, Urgency

LevelBook = VersionBook[ServiceLevels]


def level_book(store: VersionStore, shipped: str, monotonic: Callable[[], float], *, keep_s: float = 2.0) -> LevelBook:
    """The service levels of every tenant: its own, or those shipped; unfinished tickets follow what is published."""
    return VersionBook(store, shipped, service_levels_in, monotonic, what="service levels", follows=True, keep_s=keep_s)


async def follow(store: VersionStore, routing: Routing) -> int:
    """Bring unfinished tickets under what was published since, the time they have used kept. Returns how many were moved."""
    total = 0
    for published in await store.to_move(10):
        while count := await routing.move_to_current(published.tenant, published.before):
            total += count
        await store.moved(published)
    return total


def preview(
    levels: ServiceLevels, *, kind: Kind, type_: str, urgency: Urgency, tier: str, industry: str, at: datetime
) -> tuple[Terms, tuple[Alarm, ...]]:
    """The terms such a ticket would have, and what would go off if nobody did anything."""
    terms = levels.terms(kind=kind, type_=type_, urgency=urgency, tier=tier, industry=industry)
    return terms, alarms(Clocks().opened(at), terms.policy, terms.calendar)
