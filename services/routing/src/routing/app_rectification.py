"""Rectification: opened for what failed, proven by the calls that follow, taken up again on a relapse."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Protocol
from weakref import WeakValueDictionary

from chassis.errors import InvalidInput, NotAllowedNow, NotFound, Stale

from routing.app import Routing, TicketFilter, Who
from routing.domain import tickets as steps
from routing.domain.opening import FAULT, INQUIRY, Contact, Wanted
from routing.domain.proof import Verdict
from routing.domain.rectification import (
    KEPT_EVIDENCE,
    AgentRecord,
    JudgedItem,
    ProductRecord,
    Rectification,
    Result,
    RootCause,
    Target,
    TeamRecord,
    drill_for,
    is_repeated,
    proof_begun,
    relapsed,
    standard_for,
    suggested_cause,
    with_result,
)
from routing.domain.tickets import SYSTEM, Action, Kind, State, Terms, Ticket, Urgency, noted

_TRIES = 8
MAX_ACTION = 2_000
MAX_SUMMED, MAX_SUMS = 5_000, 200
SUMMED_BACK = timedelta(days=90)


@dataclass(frozen=True, slots=True)
class JudgedCall:
    """What an evaluation says about an agent's call."""

    contact: Contact
    team_id: str
    at: datetime
    items: tuple[JudgedItem, ...]
    type: str = INQUIRY


@dataclass(frozen=True, slots=True)
class Summed:
    """What became of the rectifications of one cause and item."""

    cause: RootCause
    item_id: str
    item_title: str
    target: Target
    opened: int = 0
    running: int = 0
    passed: int = 0
    failed: int = 0
    relapsed: int = 0
    failed_before: int = 0
    judged_before: int = 0
    failed_after: int = 0
    judged_after: int = 0
    actions: tuple[str, ...] = ()

    def with_ticket(self, ticket: Ticket, matter: Rectification) -> "Summed":
        """One more, given newest first."""
        passed, running = matter.verdict is Verdict.PASSED, ticket.state is not State.CLOSED
        known = matter.action and matter.action not in self.actions and len(self.actions) < 5
        return replace(
            self, opened=self.opened + 1, running=self.running + running, passed=self.passed + passed,
            failed=self.failed + (matter.verdict is Verdict.FAILED), relapsed=self.relapsed + (matter.relapses > 0),
            failed_before=self.failed_before + matter.before[0], judged_before=self.judged_before + matter.before[1],
            failed_after=self.failed_after + sum(r.failed for r in matter.results), judged_after=self.judged_after + len(matter.results),
            actions=(*self.actions, matter.action) if known else self.actions,
        )


class Records(Protocol):
    """What is remembered of agents, teams and products."""

    async def agent(self, tenant: str, agent_id: str) -> AgentRecord:
        """An empty one where nothing is known."""
        ...

    async def team(self, tenant: str, team_id: str) -> TeamRecord:
        """An empty one where nothing is known."""
        ...

    async def product(self, tenant: str, product: str) -> ProductRecord:
        """An empty one where nothing is known."""
        ...

    async def keep(self, record: AgentRecord | TeamRecord | ProductRecord) -> None:
        """Store it in the place of the version before. Raises Stale where that is not the stored one any more."""
        ...


class Rectifying:
    """Opens and follows rectification tickets."""

    def __init__(self, routing: Routing, records: Records) -> None:
        self._routing, self._records = routing, records
        # One after the other within a process: a team's calls end at the same moment, and each would see the record the other has just changed.
        self._turns: WeakValueDictionary[tuple[str, ...], asyncio.Lock] = WeakValueDictionary()

    async def on_judged(self, call: JudgedCall) -> None:
        """Take in an agent's call: open what it calls for, count it in the proofs that run. Doing it again changes nothing."""
        if not call.contact.agent_id or not call.items:
            return
        tenant = call.contact.tenant
        team = None
        if call.team_id:
            async with self._turn("team", tenant, call.team_id):
                team = await self._team_call(call)
        async with self._turn("agent", tenant, call.contact.agent_id):
            await self._agent_call(call, team)

    def _turn(self, *whose: str) -> asyncio.Lock:
        return self._turns.setdefault(whose, asyncio.Lock())

    async def _agent_call(self, call: JudgedCall, team: TeamRecord | None) -> None:
        for _ in range(_TRIES):
            record = await self._records.agent(call.contact.tenant, call.contact.agent_id)
            if record.knows(call.contact.interaction_id):
                return
            after = replace(record.taking(call.contact.interaction_id, call.at, call.items), team_id=call.team_id)
            for item in call.items:
                after = await self._agent_item(call, item, after, team)
            try:
                await self._records.keep(after)
                return
            except Stale:
                continue
        raise Stale(f"the record of agent {call.contact.agent_id} changes too fast")

    async def on_issue(self, contact: Contact, issue: str, at: datetime) -> None:
        """Take in what a contact about a product was about; an issue that makes up much of them is the product owner's."""
        if not contact.product or not issue:
            return
        for _ in range(_TRIES):
            record = await self._records.product(contact.tenant, contact.product)
            if any(known[1] == contact.interaction_id for known in record.contacts):
                return
            after = record.taking(contact.interaction_id, at, issue)
            for known, ticket_id in record.tickets.items():
                item = JudgedItem(known, known, known == issue, False)
                await self._follow(contact.tenant, ticket_id, item, Result(contact.interaction_id, at, known == issue), ())
            if after.calls_for(issue) and not await self._runs(contact.tenant, after.tickets.get(issue, "")):
                share = after.share(issue)
                item = JudgedItem(issue, issue, True, False, f"近 7 天 {len(after.contacts)} 通会话中 {share:.0%} 为“{issue}”")
                matter = _matter(Target.PRODUCT, contact.product, item, (sum(c[2] == issue for c in after.contacts), len(after.contacts)), None)
                ticket = await self._open(replace(contact, agent_id=""), FAULT, matter, after.rounds.get(issue, 0), item.explanation)
                after = after.about(issue, ticket.ticket_id)
            try:
                await self._records.keep(after)
                return
            except Stale:
                continue
        raise Stale(f"the record of product {contact.product} changes too fast")

    async def plan(self, who: Who, ticket_id: str, version: int, cause: RootCause, action: str) -> Ticket:
        """Record why it went wrong and what is done about it; the proof begins. Raises InvalidInput, NotAllowedNow, NotFound, Stale."""
        action = action.strip()
        if not action or len(action) > MAX_ACTION:
            raise InvalidInput("action", f"is needed, at most {MAX_ACTION} characters")

        def planned(ticket: Ticket, terms: Terms, at: datetime) -> Ticket:
            matter = _matter_of(ticket)
            if ticket.state in (State.RESOLVED, State.CLOSED):
                raise NotAllowedNow(f"a ticket that is {ticket.state.value} takes no plan; reopen it first")
            note = f"根因：{_CAUSES[cause]}；措施：{action}"
            begun = proof_begun(replace(matter, root_cause=cause, action=action), at)
            return replace(noted(ticket, Action.COMMENTED, who.principal, at, note[:2_000]), rectification=begun)

        return await self._routing.change(who, ticket_id, version, Action.COMMENTED, planned)

    async def summed(
        self, who: Who, since: datetime | None, until: datetime | None, team_id: str, agent_id: str
    ) -> tuple[list[Summed], int]:
        """What became of rectifications by cause and item, most opened first, and how many tickets were looked at."""
        since = since or self._routing.now() - SUMMED_BACK
        sums: dict[tuple[RootCause, str, Target], Summed] = {}
        seen, token = 0, ""
        while seen < MAX_SUMMED:
            page = await self._routing.page(who, TicketFilter(kind=Kind.RECTIFICATION), 200, token)
            for ticket in page.tickets:
                matter = ticket.rectification
                if ticket.opened_at < since:
                    return _most_opened(sums), seen
                beyond = until is not None and ticket.opened_at >= until
                if matter is None or beyond or (team_id and ticket.team_id != team_id) or (agent_id and ticket.agent_id != agent_id):
                    continue
                seen += 1
                cause = matter.root_cause or matter.suggested_cause
                key = (cause, matter.item_id, matter.target)
                sums[key] = sums.get(key, Summed(cause, matter.item_id, matter.item_title, matter.target)).with_ticket(ticket, matter)
            token = page.next_token
            if not token:
                break
        return _most_opened(sums), seen

    async def withdraw(self, contact: Contact, item_ids: tuple[str, ...]) -> int:
        """A person says the agent did not fail these items: tickets that rest on this call alone are withdrawn. Returns how many."""
        record = await self._records.agent(contact.tenant, contact.agent_id)
        total = 0
        for item_id in item_ids:
            ticket_id = record.tickets.get(item_id, "")
            if not ticket_id:
                continue
            ticket = await self._routing.tickets.get(contact.tenant, ticket_id)
            matter = ticket.rectification
            if matter is None or ticket.state is State.CLOSED or {c.interaction_id for c in matter.evidence} - {contact.interaction_id}:
                continue
            await self._routing.system_change(contact.tenant, ticket_id, _withdrawn)
            total += 1
        return total

    async def _team_call(self, call: JudgedCall) -> TeamRecord:
        tenant = call.contact.tenant
        failed = tuple(item.item_id for item in call.items if item.failed)
        for _ in range(_TRIES):
            record = await self._records.team(tenant, call.team_id)
            for item in call.items:
                if ticket_id := record.tickets.get(item.item_id, ""):
                    await self._follow(tenant, ticket_id, item, Result(call.contact.interaction_id, call.at, item.failed), ())
            after = record.taking(call.contact.agent_id, call.contact.interaction_id, call.at, failed)
            if not failed and call.contact.agent_id in record.agents:
                return record
            for item in call.items:
                if item.failed and after.calls_for(item.item_id) and not await self._runs(tenant, after.tickets.get(item.item_id, "")):
                    agents = after.failures[item.item_id]
                    matter = _matter(Target.TEAM, call.team_id, item, (len(agents), len(after.agents)), after)
                    said = f"近 7 天班组 {len(after.agents)} 名坐席中 {len(agents)} 名未通过“{item.title}”"
                    ticket = await self._open(replace(call.contact, agent_id=""), call.type, matter, after.rounds.get(item.item_id, 0), said)
                    after = after.about(item.item_id, ticket.ticket_id)
            try:
                await self._records.keep(after)
                return after
            except Stale:
                continue
        raise Stale(f"the record of team {call.team_id} changes too fast")

    async def _agent_item(self, call: JudgedCall, item: JudgedItem, record: AgentRecord, team: TeamRecord | None) -> AgentRecord:
        recent = record.recent.get(item.item_id, ())
        result = Result(call.contact.interaction_id, call.at, item.failed)
        ticket_id = record.tickets.get(item.item_id, "")
        if ticket_id and await self._follow(call.contact.tenant, ticket_id, item, result, recent):
            return record
        if not item.failed or not (item.fatal or is_repeated(recent, call.at)):
            return record
        matter = _matter(Target.AGENT, call.contact.agent_id, item, (sum(r.failed for r in recent), len(recent)), team)
        ticket = await self._open(call.contact, call.type, matter, record.rounds.get(item.item_id, 0), item.explanation)
        return record.about(item.item_id, ticket.ticket_id)

    async def _follow(self, tenant: str, ticket_id: str, item: JudgedItem, result: Result, recent: tuple[Result, ...]) -> bool:
        """Count the call in the item's ticket; False where that is over and what fails now is a new matter."""
        try:
            ticket = await self._routing.tickets.get(tenant, ticket_id)
        except NotFound:
            return False
        matter = ticket.rectification
        if matter is None:
            return False
        if ticket.state is State.CLOSED and not relapsed(matter, recent, result):
            return matter.relapse_until is not None and result.at <= matter.relapse_until
        await self._routing.system_change(tenant, ticket_id, lambda current, terms, at: _counted(current, terms, item, result, recent, at))
        return True

    async def _open(self, contact: Contact, type_: str, matter: Rectification, round_: int, said: str) -> Ticket:
        who = {Target.AGENT: "坐席", Target.TEAM: "班组", Target.PRODUCT: "产品"}[matter.target]
        cause = f"{'fatal_item' if matter.fatal else 'product_issue' if matter.target is Target.PRODUCT else 'repeated_item'}:{matter.item_id}"
        wanted = Wanted(
            contact, Kind.RECTIFICATION, type_, Urgency.NORMAL, (cause,),
            f"【整改】{who} {matter.target_id}：{matter.item_title}"[:200], (said or matter.item_title)[:4_000],
        )
        return await self._routing.open_rectification(wanted, matter, round_)

    async def _runs(self, tenant: str, ticket_id: str) -> bool:
        if not ticket_id:
            return False
        try:
            return (await self._routing.tickets.get(tenant, ticket_id)).state is not State.CLOSED
        except NotFound:
            return False


def _most_opened(sums: Mapping[tuple[RootCause, str, Target], Summed]) -> list[Summed]:
    return sorted(sums.values(), key=lambda one: (-one.opened, one.item_id))[:MAX_SUMS]


def _counted(ticket: Ticket, terms: Terms, item: JudgedItem, result: Result, recent: tuple[Result, ...], at: datetime) -> Ticket:
    """The ticket with one more call; the very same where the call changes nothing."""
    matter = ticket.rectification
    if matter is None:
        return ticket
    if ticket.state is State.CLOSED:
        return _taken_up_again(ticket, terms, matter, item, at) if relapsed(matter, recent, result) else ticket
    after = with_result(matter, result)
    if item.failed and len(after.evidence) < KEPT_EVIDENCE:
        known = {(c.interaction_id, c.turn_id) for c in after.evidence}
        added = tuple(c for c in item.clips if (c.interaction_id, c.turn_id) not in known)
        after = replace(after, evidence=(*after.evidence, *added)[:KEPT_EVIDENCE])
    if after == matter:
        return ticket
    changed = replace(ticket, rectification=after)
    if after.verdict is not matter.verdict:
        return _decided(changed, terms, after, at)
    done = after.progress
    note = f"复核第 {done.judged} 通：{'未通过' if result.failed else '通过'}" if after.results != matter.results else f"又一通未通过：{item.title}"
    return noted(changed, Action.COMMENTED, SYSTEM, at, note)


def _matter(target: Target, target_id: str, item: JudgedItem, before: tuple[int, int], team: TeamRecord | None) -> Rectification:
    return Rectification(
        target, target_id, item.item_id, item.title, item.script, drill_for(item), item.clips[:KEPT_EVIDENCE], before, item.fatal,
        standard_for(target, item.fatal, before[0] / before[1] if before[1] else 0.0), suggested_cause(target, item, team),
    )


_CAUSES: Mapping[RootCause, str] = {
    RootCause.TRAINING: "培训", RootCause.PROCESS: "流程", RootCause.SYSTEM: "系统", RootCause.PRODUCT: "产品",
}


def _matter_of(ticket: Ticket) -> Rectification:
    if ticket.rectification is None:
        raise InvalidInput("ticket_id", "is no rectification ticket")
    return ticket.rectification


def _decided(ticket: Ticket, terms: Terms, matter: Rectification, at: datetime) -> Ticket:
    """Passed: it is closed on that proof. Failed: it goes to the second line, and the proof begins anew with the next plan."""
    done = matter.progress
    if matter.verdict is Verdict.PASSED:
        note = f"复核通过：其后 {done.judged} 通中 {done.failed} 通未通过，达到标准，自动关闭"
        return steps.proven(ticket, terms, note, at)
    note = f"复核未通过：其后 {done.judged} 通中 {done.failed} 通未通过，转二线重新制定措施"
    return replace(steps.unproven(ticket, terms, note, at), rectification=replace(matter, proof_since=None))


def _taken_up_again(ticket: Ticket, terms: Terms, matter: Rectification, item: JudgedItem, at: datetime) -> Ticket:
    again = replace(
        matter, proof_since=None, verdict=Verdict.NOT_YET, results=(), relapse_until=None, relapses=matter.relapses + 1,
        evidence=(*matter.evidence, *item.clips)[-KEPT_EVIDENCE:],
    )
    return replace(steps.relapse(ticket, terms, f"整改后 30 天内复发：{item.title}", at), rectification=again)


def _withdrawn(ticket: Ticket, terms: Terms, at: datetime) -> Ticket:
    return steps.withdraw(ticket, terms, "复核或申诉认定该项通过，整改撤销", at)

