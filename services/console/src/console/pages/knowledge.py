"""知识库: find the reviewed answer by words and meaning, or leaf through what there is."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from client.shapes import Article, Found
from fastapi import Request
from nicegui import ui

from console.app import Session
from console.domain.words import ARTICLE_STATE, INDUSTRY, word
from console.pages.controls import choice, pager, plain_button, strong_button, words
from console.pages.frame import Section, chip, empty, title

_SIZE = 30


class Search:
    """The page's state: the question, the industry, and where the list has come to."""

    def __init__(self, session: Session, query: Mapping[str, str]) -> None:
        self.session = session
        self.q = query.get("q", "").strip()[:500]
        self.industry = query.get("industry", "") if query.get("industry", "") in INDUSTRY else ""
        self.tokens, self.next_token = [""], ""
        self.section: Section[Any] | None = None

    async def fetch(self) -> Any:
        if self.q:
            return await self.session.gateway.get("/v1/articles:search", {"q": self.q, "industry": self.industry, "limit": 20})
        query: dict[str, str | int] = {"industry": self.industry, "state": "published", "page_size": _SIZE, "page_token": self.tokens[-1]}
        return await self.session.gateway.get("/v1/articles", query)

    def show(self, page: Any) -> None:
        found: list[Found] = page.get("results", []) if self.q else [{"article": a} for a in page.get("articles", [])]
        self.next_token = page.get("next_page_token", "")
        if not found:
            if self.q:
                empty(f"没有找到与“{self.q}”相关的条目", "换个说法试试，或选择“全部行业”。", icon="search_off")
            else:
                empty("知识库还是空的", "提交并审核条目后会出现在这里。", icon="menu_book")
            return
        ui.label(f"找到 {len(found)} 条，按匹配程度排序" if self.q else f"第 {len(self.tokens)} 页").classes("mj-muted small")
        with ui.element("div").classes("mj-articles"):
            for f in found:
                entry(f.get("article", {}), f.get("relevance") if self.q else None)
        if not self.q and (self.next_token or len(self.tokens) > 1):
            pager("", self.back if len(self.tokens) > 1 else None, self.forward if self.next_token else None)

    async def ask(self, q: str, industry: str) -> None:
        self.q, self.industry, self.tokens = q.strip()[:500], industry, [""]
        given = {k: v for k, v in (("q", self.q), ("industry", self.industry)) if v}
        ui.navigate.history.replace("/knowledge" + (f"?{urlencode(given)}" if given else ""))
        await self._load()

    async def back(self) -> None:
        self.tokens.pop()
        await self._load()

    async def forward(self) -> None:
        self.tokens.append(self.next_token)
        await self._load()

    async def _load(self) -> None:
        if self.section:
            await self.section.load()


def entry(article: Article, relevance: float | None) -> None:
    """One article in a list."""
    with ui.link(target=f"/articles/{article.get('article_id')}").classes("mj-card mj-article"):
        with ui.element("div").classes("mj-hero-line"):
            ui.label(article.get("title", "")).classes("mj-strong")
            if relevance is not None:
                chip(f"匹配 {relevance * 100:.0f}%", "good" if relevance >= 0.7 else "info" if relevance >= 0.4 else "calm")
            if article.get("state") not in (None, "", "published"):
                chip(word(ARTICLE_STATE, article.get("state")), "warn")
        ui.label(article.get("answer", "")).classes("mj-clamp")
        about = (word(INDUSTRY, article.get("industry")), article.get("product", ""), article.get("issue", ""))
        ui.label(" · ".join(x for x in about if x)).classes("mj-muted small")


async def build(session: Session, request: Request) -> None:
    """Build the page."""
    state = Search(session, request.query_params)
    with ui.element("div").classes("mj-topline"):
        title("知识库", "按意思查找已审核的答案")
        ui.space()
        plain_button("产品—问题—方案 图谱", lambda: ui.navigate.to(f"/knowledge/graph?{urlencode({'industry': state.industry})}"), icon="account_tree")

    async def ask() -> None:
        await state.ask(question.value or "", str(industry.value or ""))

    with ui.element("div").classes("mj-filters"):
        question = words(value=state.q, hint="客户怎么说，就怎么搜，例如：流量不够怎么办", most=500)
        question.props("clearable autofocus aria-label=搜索").classes("mj-search").on("keydown.enter", ask).on("clear", ask)
        industry: ui.select = choice({"": "全部行业"} | INDUSTRY, value=state.industry, on_change=ask).props("aria-label=行业").classes("mj-filter")
        strong_button("搜索", ask, icon="search")
    state.section = Section(state.fetch, state.show, lines=8)
