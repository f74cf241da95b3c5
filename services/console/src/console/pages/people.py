"""What people said about an evaluation, and saying it: reviews, appeals and their decisions, on the page of an interaction and in lists."""

import secrets
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from typing import Any

from client.quality_shapes import Appeal, Review, ReviewedItem
from client.shapes import Evaluation, ItemResult
from nicegui import ui

from console.adapters.httpx_gateway import path
from console.app import Session
from console.domain.quality_words import ANSWER, APPEAL, APPEAL_TONE, contestable, who
from console.domain.words import RESULT, due, points, when, word
from console.pages.answering import Answers
from console.pages.controls import dialog, line, plain_button, quiet_button, strong_button
from console.pages.frame import act, chip

Done = Callable[[], Awaitable[None] | None]


def review_form(session: Session, evaluation: Evaluation, *, done: Callable[[float, float], Awaitable[None]], leave: Callable[[], Any]) -> None:
    """Answer items beside the conversation: first what the machine left open, then what it failed, the rest folded."""
    items = evaluation.get("items", [])
    key, before = secrets.token_hex(16), evaluation.get("score", 0.0)
    answers = Answers(items)

    async def send() -> None:
        if not answers.given:
            ui.notify("请至少回答一项。", type="warning", position="top")
            return
        button.props("loading")
        body = {"items": answers.given, "note": (note.value or "").strip(), "idempotency_key": key}
        answered = await act(session.gateway.post(path("interactions", evaluation.get("interaction_id", ""), "reviews"), body))
        button.props(remove="loading")
        if answered is not None:
            await done(before, answered.get("evaluation", {}).get("score", before))

    parts = (
        ("机器待定，请您判定", "abstain", True), ("机器判为未通过", "fail", True), ("机器判为通过", "pass", False), ("机器判为不适用", "na", False),
    )
    ui.label("只需回答您要判定的项；未回答的项保持不变。点击引用可定位到对话。").classes("mj-muted small")
    for name, result, opened in parts:
        if inside := [i for i in items if i.get("result") == result]:
            with ui.expansion(f"{name}（{len(inside)}）", value=opened).props("dense").classes("mj-expansion mj-answers mj-full"):
                answers.draw(inside)
    with ui.element("div").classes("mj-sticky"):
        note = ui.input(placeholder="总体说明（可不填）").props("outlined dense maxlength=2000").classes("mj-full").mark("review-note")
        with line():
            count = ui.label("已答 0 项").classes("mj-muted small")
            plain_button("其余同意机器", answers.agree).props("dense").tooltip("未回答的项按机器的结果确认")
            ui.space()
            quiet_button("取消", leave)
            button = strong_button("提交复核", send).mark("send-review")
    answers.on_change = lambda: count.set_text(f"已答 {len(answers.given)} 项")


def ask_appeal(session: Session, evaluation: Evaluation, done: Done) -> None:
    """An agent objects to items."""
    wanted: dict[str, bool] = {}

    async def send() -> None:
        chosen = [name for name, on in wanted.items() if on]
        if not chosen:
            ui.notify("请选择不同意的评分项。", type="warning", position="top")
            return
        if not (reason.value or "").strip():
            reason.error = "请填写申诉理由"
            return
        body = {"item_ids": chosen, "reason": reason.value.strip()}
        if await act(session.gateway.post(path("interactions", evaluation.get("interaction_id", ""), "appeals"), body), "申诉已提交"):
            box.close()
            outcome = done()
            if outcome is not None:
                await outcome

    with dialog("提出申诉", wide=True) as box:
        ui.label("选择您不同意的评分项并说明理由，由班组长或质检员逐项裁定。").classes("mj-muted")
        with ui.element("div").classes("mj-scroll"):
            for item in evaluation.get("items", []):
                if contestable(item):
                    name = item.get("item_id", "")
                    with line("mj-check"):
                        ui.checkbox(item.get("title") or name, on_change=lambda e, n=name: wanted.__setitem__(n, e.value)).props("dense").mark(f"appeal-{name}")
                        ui.space()
                        ui.label(f"{points(item.get('points', 0.0))} / {points(item.get('max_points', 0.0))} 分").classes("mj-muted small")
                    if item.get("explanation"):
                        ui.label(item["explanation"]).classes("mj-muted small mj-check-why")
        reason = ui.textarea("申诉理由").props("outlined dense maxlength=2000 counter autogrow").classes("mj-full").mark("appeal-reason")
        with line("mj-actions"):
            quiet_button("取消", box.close)
            strong_button("提交申诉", send).mark("send-appeal")


def decision_form(session: Session, appeal: Appeal, items: Sequence[ItemResult], done: Done, leave: Callable[[], Any] | None = None) -> None:
    """Decide item by item; the result that stands is chosen at first, which rejects the objection there."""
    disputed = [i for i in items if i.get("item_id") in appeal.get("item_ids", [])]
    standing = {i.get("item_id", ""): i.get("result", "") for i in disputed if i.get("result") in ANSWER}
    answers = Answers(disputed, given=standing)

    async def send() -> None:
        if answers.missing:
            ui.notify(f"还没有裁定：{'、'.join(answers.missing)}", type="warning", position="top")
            return
        if not (note.value or "").strip():
            note.error = "请填写裁定说明"
            return
        button.props("loading")
        body = {"items": answers.given, "note": note.value.strip()}
        decided = await act(session.gateway.post(f"{path('appeals', appeal.get('appeal_id', ''))}:decide", body), "申诉已裁定")
        button.props(remove="loading")
        if decided:
            if leave:
                leave()
            outcome = done()
            if outcome is not None:
                await outcome

    ui.label(f"申诉理由：{appeal.get('reason', '')}").classes("mj-said")
    answers.draw()
    note = ui.textarea("裁定说明").props("outlined dense maxlength=2000 autogrow").classes("mj-full").mark("decision-note")
    with line("mj-actions"):
        ui.label("改判的项采纳申诉，维持的项驳回申诉。").classes("mj-muted small")
        ui.space()
        if leave:
            quiet_button("取消", leave)
        button = strong_button("提交裁定", send).mark("send-decision")


def may_decide(session: Session, appeal: Appeal) -> bool:
    """Someone else than who opened it; the gateway decides again."""
    return appeal.get("state") == "open" and session.may("reviews:write") and appeal.get("opened_by") != session.caller.get("principal")


def history(session: Session, evaluation: Evaluation, reviews: Sequence[Review], appeals: Sequence[Appeal], done: Done) -> None:
    """Reviews and appeals of one evaluation, newest first; an open appeal can be decided here."""
    titles = {i.get("item_id", ""): i.get("title", "") for i in evaluation.get("items", [])}
    own, now = session.caller.get("principal", ""), datetime.now(UTC)
    for appeal in appeals:
        with ui.element("div").classes("mj-saying"):
            with line():
                ui.label("申诉").classes("mj-strong")
                chip(word(APPEAL, appeal.get("state")), APPEAL_TONE.get(appeal.get("state", ""), "calm"))
                ui.label(f"{who(appeal.get('opened_by'), own)} · {when(appeal.get('opened_at'))}").classes("mj-muted small")
                if appeal.get("state") == "open":
                    words, tone = due(appeal.get("due_at"), None, now)
                    chip(words, tone)
            if may_decide(session, appeal):
                decision_form(session, appeal, evaluation.get("items", []), done)
            else:
                ui.label("、".join(titles.get(i, i) for i in appeal.get("item_ids", []))).classes("mj-text")
                ui.label(appeal.get("reason", "")).classes("mj-said")
                _changes(appeal.get("decisions", []), titles)
                if appeal.get("decided_at"):
                    by = f"{who(appeal.get('decided_by'), own)} 裁定 · {when(appeal.get('decided_at'))}"
                    ui.label(f"{by}：{appeal.get('note', '')}").classes("mj-muted small")
    for review in reviews:
        with ui.element("div").classes("mj-saying"):
            with line():
                ui.label("申诉裁定" if review.get("appeal_id") else "复核").classes("mj-strong")
                ui.label(f"{who(review.get('reviewer'), own)} · {when(review.get('at'))}").classes("mj-muted small")
            if review.get("note"):
                ui.label(review["note"]).classes("mj-text")
            _changes(review.get("items", []), titles)


def _changes(items: Sequence[ReviewedItem], titles: dict[str, str]) -> None:
    same = [i for i in items if i.get("result") == i.get("before")]
    for item in items:
        if item not in same:
            with line():
                ui.label(titles.get(item.get("item_id", ""), item.get("item_id", ""))).classes("small")
                ui.label(f"{word(RESULT, item.get('before'))} → {word(RESULT, item.get('result'))}").classes("mj-chip info")
                if item.get("note"):
                    ui.label(item["note"]).classes("mj-muted small")
    if same:
        ui.label(f"确认机器结果 {len(same)} 项：{'、'.join(titles.get(i.get('item_id', ''), i.get('item_id', '')) for i in same[:12])}"
                 f"{'…' if len(same) > 12 else ''}").classes("mj-muted small")
