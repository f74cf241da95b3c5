"""What all pages share: header, side navigation, and the states of a part that is fetched (loading, empty, failed)."""

import asyncio
import inspect
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Generic, TypeVar

from chassis.errors import (
    AlreadyExists,
    Denied,
    InvalidInput,
    NotAllowedNow,
    NotFound,
    Problem,
    Stale,
    TooMuch,
    Unauthenticated,
    Unavailable,
)
from nicegui import Client, ui

from console.app import Session
from console.domain.words import ROLE_OF_KEY, word

T = TypeVar("T")

# Path, Chinese name, icon, and the permissions of which one is needed.
NAVIGATION = (
    ("/dashboard", "看板", "insights", ("kpis:read",)),
    ("/interactions", "会话", "forum", ("interactions:read",)),
    ("/alerts", "预警", "notifications_active", ("evaluations:read",)),
    ("/reviews", "复核", "rate_review", ("reviews:read",)),
    ("/appeals", "申诉", "gavel", ("reviews:write", "appeals:write")),
    ("/calibrations", "校准", "balance", ("reviews:read",)),
    ("/scorecards", "评分表", "fact_check", ("scorecards:read",)),
    ("/tickets", "工单", "assignment", ("tickets:read",)),
    ("/rectifications", "整改", "published_with_changes", ("tickets:read",)),
    ("/service-levels", "日历与时限", "calendar_month", ("tickets:read",)),
    ("/knowledge", "知识库", "menu_book", ("knowledge:read",)),
    ("/administration", "管理", "admin_panel_settings", ("keys:admin", "audit:read", "kpis:write")),
)


def visible(session: Session) -> list[tuple[str, str, str]]:
    """Path, name and icon of the pages this visitor may open; administration is for the role admin alone."""
    return [
        (path, name, icon) for path, name, icon, needed in NAVIGATION
        if any(session.may(p) for p in needed) and (path != "/administration" or session.is_admin)
        # A key that sees one agent's work alone may list the alerts of one interaction only; they stand on that page.
        and not (path == "/alerts" and session.caller.get("role") == "agent")
    ]


@contextmanager
def frame(session: Session, active: str, *, signs_out: bool) -> Iterator[None]:
    """Header and side navigation around the content."""
    head()
    with ui.header().classes("mj-header"):
        toggle = ui.button(icon="menu").props("flat round dense color=grey-8 aria-label=导航").classes("mj-menu")
        with ui.link(target="/").classes("mj-brand"):
            ui.image("/assets/mark.svg").classes("mj-mark").props("no-spinner no-transition")
            ui.label("明鉴").classes("mj-brand-name")
            ui.label("服务质量控制台").classes("mj-brand-sub")
        ui.space()
        live = ui.label().classes("mj-live").mark("live")
        _follow_connection(session, live)
        with ui.element("div").classes("mj-who"):
            ui.label(word(ROLE_OF_KEY, session.caller.get("role"))).classes("mj-who-name").tooltip(session.caller.get("principal", ""))
            ui.label(f"租户 {session.caller.get('tenant', '')}").classes("mj-who-role")
        if signs_out:
            with ui.element("form").props('method=post action=/sign-out'):
                ui.button(icon="logout").props("flat round dense color=grey-8 type=submit aria-label=退出登录").tooltip("退出登录")
    with ui.left_drawer(value=None).props("width=200 breakpoint=1100 show-if-above").classes("mj-drawer") as drawer:
        toggle.on_click(drawer.toggle)
        for path, name, icon in visible(session):
            with ui.link(target=path).classes("mj-nav" + (" active" if path == active else "")):
                ui.icon(icon).classes("mj-nav-icon")
                ui.label(name)
    with ui.element("div").classes("mj-page"):
        yield


def head() -> None:
    """Our own style and script; nothing comes from elsewhere."""
    styles = "".join(f'<link rel="stylesheet" href="/assets/{name}.css">' for name in ("console", "quality"))
    ui.add_head_html(f'{styles}<script src="/assets/console.js" defer></script>')
    ui.colors(primary="#2456a6", positive="#1a7f4b", negative="#c0352b", warning="#b25e09", info="#3b6fb5")


def _follow_connection(session: Session, label: ui.label) -> None:
    def show() -> None:
        up = session.events.connected
        label.set_text("实时" if up else "连接中…")
        label.classes(replace="mj-live up" if up else "mj-live")

    if session.may("events:read"):
        # The listener itself has nothing to do: it keeps the connection up that the label tells about.
        ui.context.client.on_delete(session.events.listen(lambda _: None))
        show()
        ui.timer(2.0, show)


def title(text: str, note: str = "") -> None:
    """The page's heading."""
    with ui.element("div").classes("mj-title"):
        ui.label(text).props("role=heading aria-level=1").classes("mj-h1")
        if note:
            ui.label(note).classes("mj-muted")


@contextmanager
def card(heading: str = "", *, classes: str = "") -> Iterator[ui.element]:
    """A white box with a heading."""
    with ui.element("section").classes(f"mj-card {classes}") as box:
        if heading:
            ui.label(heading).classes("mj-h2").props("role=heading aria-level=2")
        yield box


def chip(text: str, tone: str = "calm") -> ui.label:
    """A small word with a colour: good, warn, bad, info or calm."""
    return ui.label(text).classes(f"mj-chip {tone}")


def empty(text: str, next_step: str = "", *, icon: str = "inbox", action: str = "", on_action: Callable[[], object] | None = None) -> None:
    """Nothing there, and what to do about it."""
    with ui.element("div").classes("mj-empty"):
        ui.icon(icon).classes("mj-empty-icon")
        ui.label(text).classes("mj-empty-text")
        if next_step:
            ui.label(next_step).classes("mj-muted")
        if action and on_action:
            ui.button(action, on_click=on_action).props("outline no-caps dense").classes("mj-btn")


_SAID: dict[type[Problem], str] = {
    Denied: "您的密钥没有此项权限。", Unauthenticated: "登录已失效，请重新登录。", NotFound: "没有找到，可能已被删除，或不属于本企业。",
    NotAllowedNow: "当前状态不允许此操作，请刷新后再试。", TooMuch: "请求过多或内容过大，请稍后再试。", Unavailable: "服务暂时不可用，请稍后重试。",
    InvalidInput: "填写有误。", AlreadyExists: "已存在同一编号的不同内容。", Stale: "内容刚被他人修改，请刷新后再试。",
}


def said(problem: Problem) -> str:
    """A problem in Chinese words; the gateway's own words follow where they are Chinese or name what to correct."""
    words = _SAID.get(type(problem), "出了点问题，请稍后重试。")
    if isinstance(problem, InvalidInput):
        return f"{words}{problem.field}：{problem.message}" if problem.field else f"{words}{problem.message}"
    chinese = any("\u4e00" <= c <= "\u9fff" for c in problem.message)
    return f"{words}（{problem.message}）" if chinese and problem.message not in words else words


def failed(problem: Problem, retry: Callable[[], object] | None) -> None:
    """What went wrong, with a retry where that can help."""
    with ui.element("div").classes("mj-empty").props("role=alert"):
        ui.icon("lock" if isinstance(problem, Denied) else "error_outline").classes("mj-empty-icon bad")
        ui.label(said(problem)).classes("mj-empty-text")
        if isinstance(problem, Unauthenticated):
            ui.link("去登录", "/sign-in").classes("mj-link")
        elif retry and not isinstance(problem, Denied | NotFound):
            ui.button("重试", icon="refresh", on_click=retry).props("outline no-caps dense").classes("mj-btn").mark("retry")


class Section(Generic[T]):
    """A part of a page that is fetched once the browser is there: a skeleton first, then `show`, or the error with a retry."""

    def __init__(self, fetch: Callable[[], Awaitable[T]], show: Callable[[T], Awaitable[None] | None], *, lines: int = 4, classes: str = "") -> None:
        self._fetch, self._show, self._lines = fetch, show, lines
        self._asked = 0
        self.box = ui.element("div").classes(f"mj-section {classes}")
        self._skeleton()
        # Beside the box and not in it: clearing the box would end the load that clears it.
        ui.timer(0, self.load, once=True)

    async def load(self, *, quiet: bool = False) -> None:
        """Fetch and show again; `quiet` leaves what is there until the answer has come."""
        self._asked += 1
        asked = self._asked
        if not quiet and asked > 1:
            self._skeleton()
        try:
            result = await self._fetch()
        except Problem as e:
            if self._current(asked):
                self.box.clear()
                with self.box:
                    failed(e, self.load)
            return
        if self._current(asked):
            self.box.clear()
            with self.box:
                shown = self._show(result)
                if inspect.isawaitable(shown):
                    await shown

    def _current(self, asked: int) -> bool:
        return asked == self._asked and not self.box.is_deleted and self.box.client.id in Client.instances

    def _skeleton(self) -> None:
        self.box.clear()
        with self.box, ui.element("div").classes("mj-skeleton").props("aria-busy=true aria-label=加载中"):
            for n in range(self._lines):
                ui.skeleton("text").style(f"width:{96 - 9 * (n % 4)}%")


async def act(work: Awaitable[T], done: str = "") -> T | None:
    """Do what a button asked for; a notice says how it ended. None where it failed."""
    try:
        result = await work
    except Problem as e:
        ui.notify(said(e), type="negative", position="top", timeout=6000, close_button="知道了")
        return None
    if done:
        ui.notify(done, type="positive", position="top")
    return result


async def together(*work: Awaitable[object]) -> list[object | Problem]:
    """Several questions at once; an answer that failed is its Problem. Other errors are raised."""
    answers = await asyncio.gather(*work, return_exceptions=True)
    for answer in answers:
        if isinstance(answer, BaseException) and not isinstance(answer, Problem):
            raise answer
    return [a for a in answers if not isinstance(a, BaseException) or isinstance(a, Problem)]
