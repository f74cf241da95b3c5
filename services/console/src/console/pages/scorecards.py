"""评分表: what contacts are judged by; those in force."""

from typing import Any

from client.quality_shapes import Scorecard
from fastapi import Request
from nicegui import ui

from console.app import Session
from console.domain.words import INDUSTRY, points, word
from console.pages.controls import choice, line
from console.pages.frame import Section, chip, empty, title


class Scorecards:
    """The page's state."""

    def __init__(self, session: Session, industry: str) -> None:
        self.session, self.industry = session, industry if industry in INDUSTRY else ""
        self.section: Section[Any] | None = None

    async def fetch(self) -> list[Scorecard]:
        found: list[Scorecard] = (await self.session.gateway.get("/v1/scorecards", {"industry": self.industry})).get("scorecards", [])
        return found

    def show(self, cards: list[Scorecard]) -> None:
        if not cards:
            empty("没有适用的评分表", "换个行业看看。", icon="fact_check")
        with ui.element("div").classes("mj-articles"):
            for card in cards:
                ref, items = card.get("ref", {"id": "", "version": ""}), card.get("items", [])
                with ui.link(target=f"/scorecards/{ref['id']}").classes("mj-card mj-article"):
                    with line():
                        ui.label(card.get("title") or ref["id"]).classes("mj-strong")
                        chip(f"{ref['id']} {ref['version']}", "info")
                    with line():
                        for industry in card.get("industries", []):
                            chip(word(INDUSTRY, industry), "calm")
                        if not card.get("industries"):
                            chip("所有行业", "calm")
                    total = sum(i.get("max_points", 0.0) for i in items if not i.get("bonus"))
                    fatal, bonus = sum(1 for i in items if i.get("fatal")), sum(1 for i in items if i.get("bonus"))
                    ui.label(f"{len(items)} 项，满分 {points(total)} · 致命项 {fatal} · 加分项 {bonus}").classes("mj-muted small")

    async def filter(self, e: Any) -> None:
        self.industry = e.value or ""
        ui.navigate.history.replace("/scorecards" + (f"?industry={self.industry}" if self.industry else ""))
        if self.section:
            await self.section.load()


async def build(session: Session, request: Request) -> None:
    """Build the page."""
    state = Scorecards(session, request.query_params.get("industry", ""))
    title("评分表", "现在用来评分的版本；发布过的版本永不改变")
    with ui.element("div").classes("mj-filters"):
        choice({"": "全部行业"} | INDUSTRY, label="行业", value=state.industry, on_change=state.filter).classes("mj-filter")
        ui.space()
        ui.link("模拟记录", "/simulations").classes("mj-link")
    state.section = Section(state.fetch, state.show, lines=8)
