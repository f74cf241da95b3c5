"""复核: what a person should look at, most pressing first, one click from its conversation."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

from chassis.errors import Problem
from client.quality_shapes import ReviewCandidate
from fastapi import Request
from nicegui import background_tasks, ui

from console.app import Session
from console.domain.live import RESUMED, Event
from console.domain.quality_words import REASON, REASON_TONE, abstained, interval
from console.domain.words import NONE, moment, points, score_tone, today, when, word
from console.pages.controls import column, leads_on, switch_of, table, words
from console.pages.frame import Section, empty, title
from console.pages.paging import Paging

_SIZE = 20
_MOST_COUNTED = 200
COLUMNS = (
    column("at", "评分时间"), column("why", "为什么要看"), column("score", "得分", "right"), column("open", "待判定的评分项"), column("agent", "坐席 / 班组"),
    column("card", "评分表", roomy=True), column("go", ""),
)
_CELLS = {
    "at": '<a class="mj-cell-link" :href="props.row.href">{{props.row.at}}</a>',
    "why": '<span v-for="r in props.row.reasons" :class="\'mj-chip \'+r.tone" style="margin-right:4px">{{r.name}}</span>',
    "score": '<div class="mj-two"><b :class="\'mj-score \'+props.row.tone">{{props.row.score}}</b><small>{{props.row.interval}}</small></div>',
    "open": '<span class="mj-wide" :title="props.row.open">{{props.row.open}}</span>',
    "agent": '<div class="mj-two"><span>{{props.row.agent}}</span><small>{{props.row.team}}</small></div>',
    "go": '<a class="mj-link" :href="props.row.href">去复核 →</a>',
}


def row(candidate: ReviewCandidate) -> dict[str, Any]:
    """What the queue shows of one evaluation."""
    evaluation = candidate.get("evaluation", {})
    waiting = abstained(evaluation.get("items", []))
    ref = evaluation.get("scorecard", {"id": "", "version": ""})
    return {
        "id": evaluation.get("evaluation_id", ""), "href": f"/interactions/{evaluation.get('interaction_id', '')}?review=1",
        "at": when(evaluation.get("scored_at")),
        "reasons": [{"name": word(REASON, r), "tone": REASON_TONE.get(r, "calm")} for r in candidate.get("reasons", [])],
        "score": points(evaluation.get("score")), "tone": score_tone(evaluation.get("score"), fatal=evaluation.get("fatal", False)),
        "interval": interval(evaluation), "open": f"{len(waiting)} 项：{'、'.join(waiting)}" if waiting else NONE, "agent": candidate.get("agent_id") or NONE,
        "team": candidate.get("team_id", ""), "card": f"{ref.get('id')} {ref.get('version')}",
    }


class Queue:
    """The page's state: the filters, and the page shown."""

    def __init__(self, session: Session, query: Mapping[str, str]) -> None:
        self.session = session
        self.reason = query.get("reason", "") if query.get("reason", "") in REASON else ""
        self.team = query.get("team_id", "")
        self.paging = Paging(self.load)
        self.section: Section[Any] | None = None
        self.done: ui.label | None = None

    async def load(self) -> None:
        if self.section:
            await self.section.load()

    async def fetch(self) -> Any:
        query: dict[str, str | int | bool | None] = {"reason": self.reason, "team_id": self.team, "page_size": _SIZE, "page_token": self.paging.token}
        return await self.session.gateway.get("/v1/reviews:queue", query)

    def show(self, page: Any) -> None:
        candidates: list[ReviewCandidate] = page.get("candidates", [])
        if not candidates:
            filtered = self.reason or self.team
            empty("没有需要复核的会话", "换个筛选条件试试。" if filtered else "致命项、机器待定、低分和抽检的会话会出现在这里。", icon="task_alt")
        else:
            leads_on(table(COLUMNS, [row(c) for c in candidates], key="id", cells=_CELLS))
        self.paging.foot(page, len(candidates))

    async def count(self) -> None:
        """How many this visitor has done."""
        try:
            asked: dict[str, str | int | bool | None] = {"reviewer": self.session.caller.get("principal", ""), "page_size": _MOST_COUNTED}
            page = await self.session.gateway.get("/v1/reviews", asked)
        except Problem:
            return
        mine, day = page.get("reviews", []), today(datetime.now(UTC))
        now = sum(1 for r in mine if (at := moment(r.get("at"))) and today(at) == day)
        if self.done is not None:
            self.done.set_text(f"我今天复核 {now} 条，累计 {len(mine)}{'+' if page.get('next_page_token') else ''} 条")

    async def filter(self, name: str, value: str) -> None:
        setattr(self, name, value)
        self.paging.again()
        given = {k: v for k, v in (("reason", self.reason), ("team_id", self.team)) if v}
        ui.navigate.history.replace("/reviews" + (f"?{urlencode(given)}" if given else ""))
        await self.load()

    def take(self, event: Event) -> None:
        """Somebody has reviewed: the queue is shorter."""
        if (event.name == "EvaluationReviewed" or event is RESUMED) and self.section:
            background_tasks.create(self.section.load(quiet=True), name="queue after a review")


async def build(session: Session, request: Request) -> None:
    """Build the page."""
    state = Queue(session, request.query_params)
    with ui.element("div").classes("mj-topline"):
        title("复核", "机器拿不准、判致命、低分和抽检的会话，最要紧的在前")
        ui.space()
        state.done = ui.label().classes("mj-muted").mark("done")
    with ui.element("div").classes("mj-filters"):
        switch_of({"": "全部"} | REASON, state.reason, lambda e: state.filter("reason", e.value or ""))
        words("班组", value=state.team, on_change=lambda e: state.filter("team", (e.value or "").strip())).classes("mj-filter")
    with ui.element("section").classes("mj-card flush"):
        state.section = Section(state.fetch, state.show, lines=8)
    ui.timer(0, state.count, once=True)
    ui.context.client.on_delete(session.events.listen(state.take))
