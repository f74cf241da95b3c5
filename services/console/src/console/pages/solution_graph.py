"""知识图谱: product -> issue -> solution as a tree; a solution leads to its article."""

from typing import Any
from urllib.parse import urlencode

from client.shapes import Graph
from fastapi import Request
from nicegui import events, ui

from console.app import Session
from console.domain import charts
from console.domain.words import INDUSTRY
from console.pages.controls import choice, words
from console.pages.frame import Section, empty, title


async def build(session: Session, request: Request) -> None:
    """Build the page."""
    chosen = {"industry": request.query_params.get("industry", ""), "product": request.query_params.get("product", "")[:128]}
    if chosen["industry"] not in INDUSTRY:
        chosen["industry"] = "telecom"

    async def fetch() -> Graph:
        graph: Graph = await session.gateway.get("/v1/solution-graph", chosen)
        return graph

    def show(graph: Graph) -> None:
        if not graph.get("nodes"):
            empty("这里还没有图谱", "换一个行业或产品；发布知识条目后图谱会自动生长。", icon="account_tree")
            return
        with ui.element("div").classes("mj-legend"):
            for tone, name in (("info", "产品"), ("warn", "问题"), ("good", "方案（点击查看条目）")):
                ui.label(name).classes(f"mj-chip {tone}")
        tree = charts.solution_tree(graph, root=INDUSTRY[chosen["industry"]])
        ui.echart(tree, on_point_click=open_node).style(f"height:{max(320, charts.rows(tree) * 30)}px;width:100%")

    def open_node(e: events.EChartPointClickEventArguments) -> None:
        data: Any = e.data
        if data.get("article_id"):
            ui.navigate.to(f"/articles/{data['article_id']}")
        elif data.get("kind") == "product":
            ui.navigate.to(f"/knowledge?{urlencode({'q': data.get('name', ''), 'industry': chosen['industry']})}")

    async def choose(name: str, value: str | None) -> None:
        chosen[name] = (value or "").strip()
        await section.load()

    ui.link("← 返回知识库", "/knowledge").classes("mj-back")
    with ui.element("div").classes("mj-topline"):
        title("知识图谱", "产品 → 问题 → 方案")
        ui.space()
        with ui.element("div").classes("mj-filters bare"):
            choice(INDUSTRY, value=chosen["industry"], label="行业", on_change=lambda e: choose("industry", e.value)).classes("mj-filter")
            words("产品", value=chosen["product"], on_change=lambda e: choose("product", e.value)).classes("mj-filter")
    with ui.element("section").classes("mj-card"):
        section = Section(fetch, show, lines=10)
