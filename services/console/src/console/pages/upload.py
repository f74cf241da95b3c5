"""上传录音: a recording and what is known about it, sent to the gateway, then followed until it is scored."""

import asyncio
from datetime import UTC, datetime
from typing import Any

from chassis.errors import Problem
from client.shapes import Interaction
from nicegui import events, ui

from console.app import Session
from console.domain.live import Event, changed
from console.domain.words import CHANNEL, DIRECTION, INDUSTRY, ROLE, SHANGHAI, local_time, points
from console.pages.controls import choice, dialog, quiet_button, strong_button, words
from console.pages.frame import said

MAX_MIB = 200
_ACCEPTED = ".wav,.mp3,.opus,.ogg,.flac,.m4a,.amr,.al,.ul,audio/*"
_STEPS = (("received", "已接收"), ("transcribing", "转写"), ("scoring", "评分"), ("scored", "完成"))


def metadata_of(form: dict[str, Any]) -> dict[str, Any]:
    """The form as the gateway's metadata; empty fields are left out. Raises ValueError where the time is none."""
    given: dict[str, Any] = {k: v.strip() if isinstance(v, str) else v for k, v in form.items() if v and k not in ("left", "right", "started_at")}
    if form.get("started_at"):
        given["started_at"] = local_time(form["started_at"])
    given["channels"] = {"left": form.get("left", "agent"), "right": form.get("right", "customer")}
    return given


class Upload:
    """One upload: the form, the file, and the way to the score."""

    def __init__(self, session: Session, box: ui.dialog, body: ui.element) -> None:
        self.session, self.box, self.body = session, box, body
        started = datetime.now(UTC).astimezone(SHANGHAI).strftime("%Y-%m-%dT%H:%M")
        self.form: dict[str, Any] = {"channel": "hotline", "direction": "inbound", "started_at": started, "left": "agent", "right": "customer"}
        self.form |= dict.fromkeys(("industry", "agent_id", "team_id", "customer_id", "customer_tier", "product", "external_id"), "")
        self.file: events.UploadEventArguments | None = None
        self.interaction: Interaction | None = None
        self.stop_listening = session.events.listen(self.take)
        # A score can be there before the answer to the upload is.
        self.early: list[Event] = []

    def ask(self) -> None:
        self.body.clear()
        with self.body:
            ui.upload(
                label=f"拖入或选择录音（wav / mp3 / opus / g711，不超过 {MAX_MIB} MB）", auto_upload=True, max_files=1, max_file_size=MAX_MIB * 1024 * 1024,
                on_upload=self.got, on_rejected=lambda: ui.notify(f"只接受一个不超过 {MAX_MIB} MB 的音频文件", type="warning"),
            ).props(f'accept="{_ACCEPTED}" flat bordered').classes("mj-upload")
            with ui.element("div").classes("mj-form"):
                self._select("industry", "行业", {"": "通用（仅通用评分表）"} | INDUSTRY)
                self._select("channel", "渠道", CHANNEL)
                self._select("direction", "方向", DIRECTION)
                self._input("product", "产品", "如：宽带")
                self._input("agent_id", "坐席编号")
                self._input("team_id", "班组")
                self._input("customer_id", "客户编号")
                self._select("customer_tier", "客户等级", {"": "普通", "vip": "VIP"})
                ui.input("通话开始时间").bind_value(self.form, "started_at").props("outlined dense type=datetime-local stack-label")
                self._input("external_id", "外部编号", "同一编号重复上传不会重复处理")
                self._select("left", "左声道", ROLE)
                self._select("right", "右声道", ROLE)
            self.problem = ui.label().classes("mj-problem").props("role=alert")
            self.problem.set_visibility(False)
            with ui.element("div").classes("mj-actions"):
                quiet_button("取消", self.close)
                self.send_button = strong_button("提交质检", self.send, icon="send").mark("send")

    def _input(self, name: str, label: str, hint: str = "") -> None:
        words(label, hint=hint).bind_value(self.form, name)

    def _select(self, name: str, label: str, known: dict[str, str]) -> None:
        choice(known, label=label, value=self.form[name]).bind_value(self.form, name)

    def got(self, e: events.UploadEventArguments) -> None:
        self.file = e
        ui.notify(f"已选择 {e.file.name}（{e.file.size() / 1048576:.1f} MB）", type="info", position="top")

    async def send(self) -> None:
        if self.file is None:
            self._say("请先选择录音文件。")
            return
        try:
            metadata = metadata_of(self.form)
        except ValueError:
            self._say("通话开始时间不正确。")
            return
        self.send_button.props("loading")
        try:
            file = self.file.file
            chunks = file.iterate(chunk_size=256 * 1024)
            identifier = await self.session.gateway.upload(metadata, file.name, file.content_type, file.size(), chunks)
            interaction: Interaction = {"interaction_id": identifier, "status": "received"}
        except Problem as e:
            self.send_button.props(remove="loading")
            self._say(f"{e.field}：{said(e)}" if e.field else said(e))
            return
        for event in self.early:
            interaction = changed(interaction, event) if event.interaction_id == identifier else interaction
        self.follow(interaction)
        await self._look(identifier)

    def _say(self, text: str) -> None:
        self.problem.set_text(text)
        self.problem.set_visibility(True)

    async def _look(self, identifier: str) -> None:
        """Ask once as well: an upload known before is scored already and no event will come."""
        await asyncio.sleep(0)
        try:
            found: Interaction = await self.session.gateway.get(f"/v1/interactions/{identifier}")
        except Problem:
            return
        if found.get("status") in ("scored", "failed"):
            self.follow(found)

    def follow(self, interaction: Interaction) -> None:
        """Show how far it has come."""
        self.interaction = interaction
        self.body.clear()
        status, outcome = interaction.get("status", ""), interaction.get("outcome")
        reached = next((n for n, (name, _) in enumerate(_STEPS) if name == status), -1)
        with self.body, ui.element("div").classes("mj-follow"):
            with ui.element("div").classes("mj-steps"):
                for n, (_, name) in enumerate(_STEPS):
                    ui.label(name).classes("mj-step" + (" done" if n < reached or status == "scored" else " now" if n == reached else ""))
            if status == "failed":
                ui.label(f"处理失败：{interaction.get('reason') or '原因未知'}").classes("mj-problem")
            elif status == "scored":
                ui.label(f"质检完成，得分 {points((outcome or {}).get('score', 0.0))}").classes("mj-done")
            else:
                ui.linear_progress(show_value=False).props("indeterminate rounded")
                ui.label("正在处理，完成后会在这里显示；也可以关闭窗口，列表会实时更新。").classes("mj-muted")
            with ui.element("div").classes("mj-actions"):
                quiet_button("关闭", self.close)
                strong_button("查看会话", lambda: ui.navigate.to(f"/interactions/{interaction['interaction_id']}"), icon="open_in_new")

    def take(self, event: Event) -> None:
        if self.interaction is None:
            self.early = [*self.early, event][-200:]
            return
        if event.interaction_id == self.interaction["interaction_id"]:
            after = changed(self.interaction, event)
            if after is not self.interaction:
                self.follow(after)

    def close(self) -> None:
        self.stop_listening()
        self.box.close()


def upload_dialog(session: Session) -> None:
    """Open it."""
    with ui.context.client.content, dialog("上传录音", wide=True) as box:
        body = ui.element("div")
    upload = Upload(session, box, body)
    ui.context.client.on_delete(upload.stop_listening)
    upload.ask()
