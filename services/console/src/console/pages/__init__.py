"""The pages, and who may open them."""

from collections.abc import Awaitable, Callable
from urllib.parse import urlencode

from chassis.errors import Problem
from fastapi import Request
from fastapi.responses import RedirectResponse, Response
from nicegui import ui

from console.adapters.entrance import COOKIE, Entrance
from console.app import Session
from console.pages import (
    administration,
    alerts,
    appeals,
    article,
    calibration,
    calibrations,
    dashboard,
    interaction,
    interactions,
    knowledge,
    rectification,
    rectifications,
    reviews,
    scorecard,
    scorecard_editor,
    scorecards,
    service_levels,
    simulations,
    solution_graph,
    ticket,
    tickets,
)
from console.pages.frame import empty, failed, frame, head, visible

Build = Callable[[Session, Request], Awaitable[None]]

# Path, entry in the navigation, browser title, builder.
PAGES: tuple[tuple[str, str, str, Build], ...] = (
    ("/interactions", "/interactions", "会话", interactions.build),
    ("/interactions/{interaction_id}", "/interactions", "会话详情", interaction.build),
    ("/tickets", "/tickets", "工单", tickets.build),
    ("/tickets/{ticket_id}", "/tickets", "工单详情", ticket.build),
    ("/service-levels", "/service-levels", "日历与时限", service_levels.build),
    ("/rectifications", "/rectifications", "整改", rectifications.build),
    ("/rectifications/{ticket_id}", "/rectifications", "整改详情", rectification.build),
    ("/dashboard", "/dashboard", "看板", dashboard.build),
    ("/knowledge", "/knowledge", "知识库", knowledge.build),
    ("/knowledge/graph", "/knowledge", "知识图谱", solution_graph.build),
    ("/articles/{article_id}", "/knowledge", "知识条目", article.build),
    ("/alerts", "/alerts", "预警", alerts.build),
    ("/reviews", "/reviews", "复核", reviews.build),
    ("/appeals", "/appeals", "申诉", appeals.build),
    ("/calibrations", "/calibrations", "校准", calibrations.build),
    ("/calibrations/{calibration_id}", "/calibrations", "校准详情", calibration.build),
    ("/scorecards", "/scorecards", "评分表", scorecards.build),
    ("/scorecards/{scorecard_id}", "/scorecards", "评分表详情", scorecard.build),
    ("/scorecards/{scorecard_id}/edit", "/scorecards", "编辑评分表", scorecard_editor.build),
    ("/simulations", "/scorecards", "模拟记录", simulations.build),
    ("/simulations/{simulation_id}", "/scorecards", "模拟", simulations.build_one),
    ("/administration", "/administration", "管理", administration.build),
)


def register(entrance: Entrance) -> None:
    """Give every page its route."""
    for path, entry, name, build in PAGES:
        ui.page(path, title=f"{name} · 明鉴", language="zh-CN", favicon=None)(_page(entrance, entry, build))
    ui.page("/", title="明鉴", language="zh-CN")(_start(entrance))


def _page(entrance: Entrance, entry: str, build: Build) -> Callable[[Request], Awaitable[Response | None]]:
    async def page(request: Request) -> Response | None:
        entered = await _entered(entrance, request)
        if not isinstance(entered, Session):
            return entered
        with frame(entered, entry, signs_out=entrance.asks_for_key):
            if entry in [path for path, _, _ in visible(entered)]:
                await build(entered, request)
            else:
                empty("您的密钥没有打开此页面的权限", "请联系管理员，或从左侧选择其他页面。", icon="lock")
        return None

    return page


def _start(entrance: Entrance) -> Callable[[Request], Awaitable[Response | None]]:
    async def start(request: Request) -> Response | None:
        entered = await _entered(entrance, request)
        if not isinstance(entered, Session):
            return entered
        pages = [path for path, _, _ in visible(entered)]
        if pages:
            return RedirectResponse("/interactions" if "/interactions" in pages else pages[0], 303)
        with frame(entered, "", signs_out=entrance.asks_for_key):
            empty("您的密钥没有任何页面的权限", "请联系管理员。", icon="lock")
        return None

    return start


async def _entered(entrance: Entrance, request: Request) -> Session | Response | None:
    """The session; where to sign in; or None after showing why the laptop's own key does not work."""
    try:
        session = await entrance.session(request.cookies.get(COOKIE))
    except Problem as e:
        head()
        with ui.element("div").classes("mj-page"):
            failed(e, ui.navigate.reload)
        return None
    if session is None:
        wanted = request.url.path + (f"?{request.url.query}" if request.url.query else "")
        return RedirectResponse(f"/sign-in?{urlencode({'next': wanted})}", 303)
    return session
