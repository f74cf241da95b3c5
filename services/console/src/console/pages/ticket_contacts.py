"""The contacts a ticket is about, with the moments that matter and what was promised in them."""

from typing import Any

from chassis.errors import Problem
from client.shapes import Evaluation, Interaction, Ticket
from nicegui import ui

from console.adapters.httpx_gateway import path
from console.app import Session
from console.domain.words import CHANNEL, NONE, clock, points, when, word
from console.pages.controls import line
from console.pages.frame import Section, card, chip, together

# A ticket can have a hundred; the first and the latest tell what happened.
_MOST = 6
_MOMENTS = 4


class Contacts:
    """Fetched once for each set of contacts, beside the ticket, which is there before them."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._known: dict[str, tuple[Interaction, Evaluation]] = {}

    def show(self, ticket: Ticket) -> None:
        """A card for them; nothing where there are none."""
        first = [ticket["interaction_id"]] if ticket.get("interaction_id") else []
        every = ticket.get("interaction_ids") or first
        if not every:
            return
        shown = every if len(every) <= _MOST else [every[0], *every[-_MOST + 1:]]
        with card(f"关联会话（{len(every)}）"):
            Section(lambda: self._fetch(shown), lambda _: self._draw(shown), lines=2 * len(shown))

    async def _fetch(self, ids: list[str]) -> None:
        for one in ids:
            if one not in self._known:
                get, sees = self._session.gateway.get, self._session.may("evaluations:read")
                asked = [get(path("interactions", one)), *([get(path("interactions", one, "evaluation"))] if sees else [])]
                answers: list[Any] = [{} if isinstance(a, Problem) else a for a in await together(*asked)]
                self._known[one] = (answers[0], answers[1] if sees else {})

    def _draw(self, ids: list[str]) -> None:
        for n, one in enumerate(ids):
            self._contact(n, one, *self._known[one])

    def _contact(self, n: int, interaction_id: str, interaction: Interaction, evaluation: Evaluation) -> None:
        metadata = interaction.get("metadata", {})
        with ui.element("div").classes("mj-contact").mark("contact"):
            with line():
                ui.icon("forum" if interaction.get("medium") == "chat" else "call").classes("mj-muted")
                at = when(metadata.get("started_at") or interaction.get("received_at"))
                ui.link(f"{'首次' if n == 0 else f'第 {n + 1} 次'} · {at}", f"/interactions/{interaction_id}").classes("mj-cell-link")
                about = (metadata.get("agent_id"), metadata.get("product"), word(CHANNEL, metadata.get("channel")))
                ui.label(" · ".join(x for x in about if x and x != NONE)).classes("mj-muted small")
                ui.space()
                if evaluation.get("score") is not None:
                    chip(f"{points(evaluation['score'])} 分", "bad" if evaluation.get("fatal") else "calm")
            failed = [i for i in evaluation.get("items", []) if i.get("result") == "fail" and i.get("evidence")]
            for item in failed[:_MOMENTS]:
                evidence = item["evidence"][0]
                self._moment(interaction_id, evidence.get("turn_id", ""), evidence.get("start_ms", 0), item.get("title", ""), evidence.get("text", ""))
            for promise in evaluation.get("promises", []):
                limit = f"期限 {when(promise['deadline'])}" if promise.get("deadline") else promise.get("deadline_text") or "没有期限"
                said = f"承诺：{promise.get('what') or promise.get('text', '')}（{limit}）"
                self._moment(interaction_id, promise.get("turn_id", ""), promise.get("at_ms", 0), said, promise.get("text", ""), icon="handshake")

    def _moment(self, interaction_id: str, turn_id: str, at_ms: int, about: str, said: str, icon: str = "flag") -> None:
        with ui.link(target=f"/interactions/{interaction_id}#turn={turn_id}").classes("mj-moment"):
            ui.icon(icon).classes("mj-muted")
            if at_ms:
                ui.label(clock(at_ms)).classes("mj-moment-at")
            ui.label(about).classes("mj-strong small")
            ui.label(f"“{said}”" if said else "").classes("mj-muted small mj-ellipsis")
