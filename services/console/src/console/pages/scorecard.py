"""One scorecard: its items with the text of their rules, and its versions: who, when, why, what differs, and which one judges."""

from typing import Any

from chassis.errors import NotFound
from client.quality_shapes import Scorecard, ScorecardItem, ScorecardVersion
from fastapi import Request
from nicegui import ui

from console.adapters.httpx_gateway import path
from console.app import Session
from console.domain.differences import Line, differences
from console.domain.quality_words import grouped, who
from console.domain.words import INDUSTRY, NONE, points, when, word
from console.pages.controls import choice, column, dialog, line, plain_button, quiet_button, strong_button, table
from console.pages.frame import Section, act, chip, empty
from console.pages.markup import Html, joined, tag
from console.pages.paging import Paging

_SIZE = 50
COLUMNS = (
    column("version", "版本"), column("at", "发布时间"), column("by", "发布人"), column("note", "说明"), column("items", "评分项", "right"),
    column("sha", "指纹", roomy=True), column("act", ""),
)
_CELLS = {
    "version": '<b>{{props.row.version}}</b> <span v-if="props.row.active" class="mj-chip good">正在使用</span>',
    "note": '<span class="mj-wide" :title="props.row.note">{{props.row.note}}</span>',
    "sha": '<span class="mj-code">{{props.row.sha}}</span>',
    "act": '<q-btn flat dense no-caps color="primary" label="查看" @click="$parent.$emit(\'look\', props.row)" />'
    '<q-btn v-if="props.row.activates" flat dense no-caps color="primary" label="启用" @click="$parent.$emit(\'activate\', props.row)" />',
}
_SIGN = {"out": "−", "in": "+", "same": " ", "gap": "⋯"}


def differences_html(lines: list[Line]) -> Html:
    """Lines with their numbers on both sides."""
    return joined(*(
        tag(
            "div", f"mj-line {x.kind}", tag("i", "", str(x.before or "")), tag("i", "", str(x.after or "")), tag("b", "", _SIGN[x.kind]),
            tag("span", "", x.text),
        ) for x in lines
    ))


class ScorecardPage:
    """One scorecard."""

    def __init__(self, session: Session, scorecard_id: str) -> None:
        self.session, self.id = session, scorecard_id
        self.paging = Paging(self.load_versions)
        self.versions: Section[Any] | None = None
        self.section: Section[Scorecard] | None = None

    async def fetch(self) -> Scorecard:
        cards: list[Scorecard] = (await self.session.gateway.get("/v1/scorecards")).get("scorecards", [])
        found = next((c for c in cards if c.get("ref", {"id": ""}).get("id") == self.id), None)
        if found is None:
            raise NotFound("没有正在使用的这份评分表")
        return found

    def show(self, c: Scorecard) -> None:
        ref, items = c.get("ref", {"id": "", "version": ""}), c.get("items", [])
        with ui.element("section").classes("mj-card"), line():
            ui.label(c.get("title") or self.id).classes("mj-h1").props("role=heading aria-level=1")
            chip(f"{ref['id']} {ref['version']}", "info")
            for industry in c.get("industries", []):
                chip(word(INDUSTRY, industry), "calm")
            ui.space()
            plain_button("试运行与模拟" if not self.session.may("scorecards:write") else "编辑", self.edit, icon="edit_note").mark("edit")
        with ui.element("section").classes("mj-card"):
            with ui.tabs().props("dense no-caps align=left indicator-color=primary active-color=primary") as tabs:
                ui.tab("items", f"评分项 {len(items)}")
                ui.tab("versions", "版本")
            with ui.tab_panels(tabs, value="items").classes("mj-panels"):
                with ui.tab_panel("items"):
                    for name, places in grouped(items):
                        inside = [items[n] for n in places]
                        total = points(sum(i.get("max_points", 0.0) for i in inside if not i.get("bonus")))
                        ui.html(tag("div", "mj-dim-head", tag("b", "", name), tag("span", "", f"{len(inside)} 项 · {total} 分")), sanitize=False)
                        for item in inside:
                            _item(item)
                with ui.tab_panel("versions"):
                    self.versions = Section(self.fetch_versions, self.show_versions, lines=4)

    def edit(self) -> None:
        ui.navigate.to(f"/scorecards/{self.id}/edit")

    # ---- versions

    async def load_versions(self) -> None:
        if self.versions:
            await self.versions.load(quiet=True)

    async def fetch_versions(self) -> Any:
        return await self.session.gateway.get(path("scorecards", self.id, "versions"), {"page_size": _SIZE, "page_token": self.paging.token})

    def show_versions(self, page: Any) -> None:
        found: list[ScorecardVersion] = page.get("versions", [])
        if not found:
            empty("没有版本", icon="history")
            return
        own, may = self.session.caller.get("principal", ""), self.session.may("scorecards:write")
        rows = [
            {
                "version": v.get("ref", {"version": ""}).get("version", ""), "active": v.get("active", False), "at": when(v.get("published_at")),
                "by": who(v.get("published_by"), own), "note": v.get("note") or NONE, "items": v.get("items", 0), "sha": v.get("sha256", "")[:12],
                "activates": may and not v.get("active"),
            }
            for v in found
        ]
        made = table(COLUMNS, rows, key="version", cells=_CELLS, dense=True).mark("versions")
        made.on("look", lambda e: self.look(e.args["version"]))
        made.on("activate", lambda e: self.activate(e.args["version"]))
        self.paging.foot(page, len(found))
        names = [str(r["version"]) for r in rows]
        if len(names) > 1:
            with line("mj-filters mj-foot"):
                ui.label("对比").classes("mj-muted")
                before = choice(names, value=names[1]).props("aria-label=旧版本").classes("mj-filter")
                ui.label("→").classes("mj-muted")
                after = choice(names, value=names[0]).props("aria-label=新版本").classes("mj-filter")
                plain_button("查看差异", lambda: self.compare(str(before.value), str(after.value)), icon="difference").mark("compare")

    async def _source(self, version: str) -> str | None:
        found = await act(self.session.gateway.get(path("scorecards", self.id, "versions", version)))
        return None if found is None else str(found.get("source", ""))

    async def look(self, version: str) -> None:
        source = await self._source(version)
        if source is not None and self.section:
            with self.section.box.client.content, dialog(f"{self.id} {version}", persistent=False, wide=True) as box:
                ui.code(source, language="yaml").classes("mj-source")
                with line("mj-actions"):
                    plain_button("以此为基础编辑", lambda: ui.navigate.to(f"/scorecards/{self.id}/edit?version={version}"))
                    strong_button("关闭", box.close)

    async def compare(self, before: str, after: str) -> None:
        old, new = await self._source(before), await self._source(after)
        if old is None or new is None or self.section is None:
            return
        found = differences(old, new)
        with self.section.box.client.content, dialog(f"{before} → {after}", persistent=False, wide=True) as box:
            if found:
                out, into = sum(1 for x in found if x.kind == "out"), sum(1 for x in found if x.kind == "in")
                ui.label(f"删去 {out} 行，新增 {into} 行").classes("mj-muted small")
                ui.html(differences_html(found), sanitize=False).classes("mj-diff").mark("diff")
            else:
                ui.label("两个版本内容相同。").classes("mj-muted")
            with line("mj-actions"):
                strong_button("关闭", box.close)

    def activate(self, version: str) -> None:
        async def send() -> None:
            if not (note.value or "").strip():
                note.error = "请填写原因"
                return
            body = {"version": version, "note": note.value.strip()}
            if await act(self.session.gateway.post(f"{path('scorecards', self.id)}:activate", body), f"已启用 {version}"):
                box.close()
                if self.section:
                    await self.section.load(quiet=True)

        if self.section is None:
            return
        with self.section.box.client.content, dialog(f"启用版本 {version}？") as box:
            ui.label("之后的会话按此版本评分，已有的结果不变。").classes("mj-muted")
            note = ui.textarea("原因").props("outlined dense maxlength=2000 autogrow autofocus").classes("mj-full").mark("activate-note")
            with line("mj-actions"):
                quiet_button("取消", box.close)
                strong_button("启用", send).mark("activate-version")


def _item(item: ScorecardItem) -> None:
    with ui.element("div").classes("mj-answer"):
        with line():
            ui.label(item.get("title") or item.get("item_id", "")).classes("mj-strong")
            if item.get("fatal"):
                ui.label("致命项").classes("mj-fatal soft")
            if item.get("bonus"):
                chip("加分", "gold")
            chip(item.get("dimension") or NONE, "calm")
            ui.space()
            ui.label(f"{points(item.get('max_points', 0.0))} 分").classes("mj-muted")
        if item.get("description"):
            ui.label(item["description"]).classes("small")
        facts = [("适用", item.get("applies_when", "")), ("判定依据", item.get("rule_text", ""))]
        facts.append(("分档", "、".join(f"{o.get('title')} {points(o.get('points', 0.0))} 分" for o in item.get("options", []))))
        ui.html(joined(*(tag("div", "mj-rule flat", tag("i", "", name), text) for name, text in facts if text)), sanitize=False)


async def build(session: Session, request: Request) -> None:
    """Build the page."""
    page = ScorecardPage(session, request.path_params["scorecard_id"])
    ui.link("← 返回评分表", "/scorecards").classes("mj-back")
    page.section = Section(page.fetch, page.show, lines=10)
