"""知识条目: one article, as the agent reads and says it."""

from client.shapes import Article
from fastapi import Request
from nicegui import ui

from console.adapters.httpx_gateway import path
from console.app import Session
from console.domain.words import ARTICLE_STATE, INDUSTRY, when, word
from console.pages.frame import Section, act, card, chip


async def build(session: Session, request: Request) -> None:
    """Build the page."""
    article_id = request.path_params["article_id"]
    ui.link("← 返回知识库", "/knowledge").classes("mj-back")

    async def fetch() -> Article:
        article: Article = await session.gateway.get(path("articles", article_id))
        return article

    async def publish() -> None:
        if await act(session.gateway.post(f"{path('articles', article_id)}:publish"), "已发布，可被搜索到"):
            await section.load()

    def show(a: Article) -> None:
        with ui.element("section").classes("mj-card"):
            with ui.element("div").classes("mj-hero-line"):
                ui.label(a.get("title", "")).classes("mj-h1").props("role=heading aria-level=1")
                chip(word(ARTICLE_STATE, a.get("state")), "good" if a.get("state") == "published" else "warn")
                chip(f"第 {a.get('version', 0)} 版", "calm")
                ui.space()
                if a.get("state") == "submitted" and session.may("knowledge:review"):
                    ui.button("审核通过并发布", icon="check", on_click=publish).props("unelevated no-caps").classes("mj-btn")
            with ui.element("div").classes("mj-hero-line"):
                ui.label(f"{word(INDUSTRY, a.get('industry'))} › {a.get('product') or '通用'} › {a.get('issue', '')}").classes("mj-muted")
                for tag in a.get("tags", []):
                    chip(tag, "info")
        with ui.element("div").classes("mj-split even"):
            with ui.element("div").classes("mj-left"):
                with card("答案"):
                    ui.label(a.get("answer", "")).classes("mj-text lead")
                if a.get("script"):
                    with card("可以这样说"):
                        ui.label(a["script"]).classes("mj-script")
            with ui.element("div").classes("mj-right"):
                if a.get("questions"):
                    with card("客户常这样问"):
                        for question in a["questions"]:
                            ui.label(f"“{question}”").classes("mj-said")
                ui.label(f"条目编号 {a.get('article_id', '')} · 更新于 {when(a.get('updated_at'))}").classes("mj-muted small")

    section = Section(fetch, show, lines=8)
