"""管理: API keys, KPI targets and the audit log, for administrators."""

from typing import Any

from client.shapes import ApiKey, AuditEntry, Target
from fastapi import Request
from nicegui import ui

from console.adapters.httpx_gateway import path
from console.app import Session
from console.domain.words import AUDITED, NONE, ROLE_OF_KEY, goal, when, word
from console.pages.controls import choice, column, dialog, line, pager, plain_button, quiet_button, strong_button, table, words
from console.pages.frame import Section, act, empty, title

# What can be given beside a role: protected words of customers, first of all.
EXTRA = {
    "pii:read": "查看未脱敏信息", "audio:read": "收听录音", "interactions:write": "上传会话", "tickets:write": "处理工单",
    "knowledge:review": "审核知识", "kpis:write": "修改指标目标",
}
_KEY_COLUMNS = (
    column("name", "用途"), column("role", "角色"), column("agent", "坐席或班组"), column("extra", "额外权限"), column("created", "创建时间"),
    column("state", "状态"), column("act", ""),
)
_KEY_CELLS = {
    "state": '<span :class="\'mj-chip \'+(props.row.works ? \'good\' : \'calm\')">{{props.row.state}}</span>',
    "act": '<q-btn v-if="props.row.works" flat dense no-caps color="negative" label="吊销" @click="$parent.$emit(\'revoke\', props.row)" />',
}
_AUDIT_COLUMNS = (
    column("sequence", "序号"), column("at", "时间"), column("principal", "谁"), column("action", "操作"), column("object", "对象"),
    column("status", "结果"), column("hash", "哈希"),
)
_ROLE_NOTE = {
    "admin": "全部权限，含密钥、目标与审计", "supervisor": "看全部、听录音、处理工单、提交知识", "inspector": "看全部、听录音", "agent": "只看自己的会话与工单",
    "integrator": "程序接入：上传、查询、事件", "viewer": "只读，不含录音",
}

# Roles whose key may be held to one team.
OF_A_TEAM = ("supervisor", "inspector", "viewer")


class Keys:
    """API 密钥."""

    def __init__(self, session: Session) -> None:
        self.session = session
        with ui.element("div").classes("mj-card-line"):
            ui.label("密钥只在创建时显示一次，请立即交给使用者保管。").classes("mj-muted")
            ui.space()
            strong_button("新建密钥", self.ask, icon="add").mark("new-key")
        self.section = Section(self.fetch, self.show, lines=6)

    async def fetch(self) -> list[ApiKey]:
        keys: list[ApiKey] = (await self.session.gateway.get("/v1/api-keys")).get("keys", [])
        return keys

    def show(self, keys: list[ApiKey]) -> None:
        if not keys:
            empty("还没有密钥", icon="key")
            return
        rows = [
            {
                "id": k.get("key_id", ""), "name": k.get("name", ""), "role": word(ROLE_OF_KEY, k.get("role")), "agent": _held_to(k),
                "extra": "、".join(EXTRA.get(p, p) for p in k.get("extra_permissions", [])) or NONE, "created": when(k.get("created_at")),
                "state": f"{when(k.get('revoked_at'))} 吊销" if k.get("revoked_at") else "有效", "works": not k.get("revoked_at"),
            }
            for k in keys
        ]
        table(_KEY_COLUMNS, rows, key="id", cells=_KEY_CELLS).on("revoke", lambda e: self.confirm(e.args["id"], e.args["name"]))

    def confirm(self, key_id: str, name: str) -> None:
        async def revoke() -> None:
            box.close()
            if await act(self.session.gateway.post(f"{path('api-keys', key_id)}:revoke"), "密钥已吊销"):
                await self.section.load(quiet=True)

        with dialog(f"吊销密钥“{name}”？", persistent=False) as box:
            ui.label("正在使用它的人和程序会立即失去访问权限，且无法恢复。").classes("mj-muted")
            with line("mj-actions"):
                quiet_button("取消", box.close)
                strong_button("吊销", revoke).props("color=negative").mark("revoke")

    def ask(self) -> None:
        form: dict[str, Any] = {"name": "", "role": "viewer", "agent_id": "", "team_id": "", "extra_permissions": []}

        async def create() -> None:
            if not form["name"].strip():
                name.error = "请填写用途"
                return
            if form["role"] == "agent" and not form["agent_id"].strip():
                agent.error = "坐席角色需要填写坐席编号"
                return
            bound_to = {"agent_id": ("agent",), "team_id": OF_A_TEAM}
            wanted = {k: v for k, v in form.items() if v and form["role"] in bound_to.get(k, (form["role"],))}
            made = await act(self.session.gateway.post("/v1/api-keys", wanted))
            if made:
                box.close()
                self.reveal(made.get("secret", ""))
                await self.section.load(quiet=True)

        with dialog("新建密钥") as box:
            name = words("用途", hint="如：宽带一班 班组长", most=100).bind_value(form, "name").props("autofocus").classes("mj-full").mark("key-name")
            roles = {k: f"{v} — {_ROLE_NOTE[k]}" for k, v in ROLE_OF_KEY.items()}
            choice(roles, label="角色", value=form["role"]).bind_value(form, "role").classes("mj-full").mark("key-role")
            agent = words("坐席编号").bind_value(form, "agent_id").classes("mj-full").bind_visibility_from(form, "role", value="agent")
            team = words("班组（留空可看所有班组）").bind_value(form, "team_id").classes("mj-full")
            team.bind_visibility_from(form, "role", backward=lambda role: role in OF_A_TEAM)
            choice(EXTRA, label="额外权限（可不选）", value=[], multiple=True).bind_value(form, "extra_permissions").classes("mj-full")
            with line("mj-actions"):
                quiet_button("取消", box.close)
                strong_button("创建", create).mark("create-key")

    def reveal(self, secret: str) -> None:
        """The only time it is seen."""
        def copy() -> None:
            ui.clipboard.write(secret)
            ui.notify("已复制", type="positive", position="top")

        with self.section.box.client.content, dialog("密钥已创建") as box:
            ui.label("请立即复制保存，关闭后无法再次查看。").classes("mj-notice")
            ui.label(secret).classes("mj-secret").mark("secret")
            with line("mj-actions"):
                plain_button("复制", copy, icon="content_copy")
                strong_button("我已保存", box.close)


class Targets:
    """指标目标."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self.section = Section(self.fetch, self.show, lines=8)

    async def fetch(self) -> list[Target]:
        targets: list[Target] = (await self.session.gateway.get("/v1/kpi-targets")).get("targets", [])
        return targets

    def show(self, targets: list[Target]) -> None:
        settable = [t for t in targets if t.get("sense") in ("at_least", "at_most")]
        ordered = sorted(settable, key=lambda t: t.get("target") is None)
        if not ordered:
            empty("没有可设定的指标", icon="flag")
        with ui.element("div").classes("mj-targets"):
            for target in ordered:
                with ui.element("div").classes("mj-target"):
                    with ui.element("div"):
                        ui.label(target.get("title", "")).classes("mj-strong")
                        ui.label(target.get("definition", "")).classes("mj-muted small")
                    ui.label(goal(target) or "未设定").classes("mj-target-now")
                    if self.session.may("kpis:write"):
                        ui.button(icon="edit", on_click=lambda _, t=target: self.ask(t)).props("flat round dense color=grey-7 aria-label=修改目标")

    def ask(self, target: Target) -> None:
        ratio = target.get("unit") == "ratio"
        now = target.get("target")

        async def save() -> None:
            if value.value is None:
                value.error = "请填写数值"
                return
            wanted = round(value.value / 100, 6) if ratio else value.value
            if await act(self.session.gateway.post(path("kpi-targets", target.get("kpi", "")), {"target": wanted}), "目标已更新"):
                box.close()
                await self.section.load(quiet=True)

        with dialog(f"{target.get('title')}的目标", persistent=False) as box:
            ui.label(target.get("definition", "")).classes("mj-muted")
            unit = {"ratio": "%", "minutes": "分钟", "points": "分"}.get(target.get("unit", ""), "")
            shown = None if now is None else round(now * 100, 4) if ratio else now
            side = "不高于" if target.get("sense") == "at_most" else "不低于"
            least, most = (0, 100) if ratio else (None, None)
            value = ui.number(side, value=shown, suffix=unit, min=least, max=most).props("outlined dense autofocus").classes("mj-full").mark("target")
            with line("mj-actions"):
                quiet_button("取消", box.close)
                strong_button("保存", save).mark("save-target")


class Audit:
    """审计日志."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self.object_id, self.tokens, self.next_token = "", [""], ""
        with ui.element("div").classes("mj-card-line"):
            ui.label("谁在什么时候看了或改了什么。每条记录带有前一条的哈希，改动任何一条都会被发现。").classes("mj-muted")
            ui.space()
            words("对象编号", on_change=self.filter).classes("mj-filter")
        self.section = Section(self.fetch, self.show, lines=8)

    async def fetch(self) -> Any:
        return await self.session.gateway.get("/v1/audit", {"object_id": self.object_id, "page_size": 50, "page_token": self.tokens[-1]})

    def show(self, page: Any) -> None:
        entries: list[AuditEntry] = page.get("entries", [])
        self.next_token = page.get("next_page_token", "")
        if not entries:
            empty("没有审计记录", icon="fact_check")
            return
        rows = [
            {
                "sequence": e.get("sequence", 0), "at": when(e.get("at"), seconds=True), "principal": e.get("principal", ""),
                "action": word(AUDITED, e.get("action", "").rpartition("/")[2]), "object": e.get("object_id") or NONE, "status": e.get("status", ""),
                "hash": e.get("hash", "")[:12],
            }
            for e in entries
        ]
        table(_AUDIT_COLUMNS, rows, key="sequence", dense=True).classes("mono")
        back, forward = self.back if len(self.tokens) > 1 else None, self.forward if self.next_token else None
        pager(f"第 {len(self.tokens)} 页", back, forward)

    async def filter(self, e: Any) -> None:
        self.object_id, self.tokens = (e.value or "").strip(), [""]
        await self.section.load()

    async def back(self) -> None:
        self.tokens.pop()
        await self.section.load()

    async def forward(self) -> None:
        self.tokens.append(self.next_token)
        await self.section.load()


async def build(session: Session, request: Request) -> None:
    """Build the page."""
    title("管理", "密钥、指标目标与审计")
    every = (("keys", "API 密钥", Keys, "keys:admin"), ("targets", "指标目标", Targets, "kpis:write"), ("audit", "审计日志", Audit, "audit:read"))
    parts = [(name, label, part) for name, label, part, needed in every if session.may(needed)]
    wanted = request.query_params.get("tab", "")
    with ui.element("section").classes("mj-card"):
        with ui.tabs().props("dense no-caps align=left indicator-color=primary active-color=primary") as tabs:
            for name, label, _ in parts:
                ui.tab(name, label)
        with ui.tab_panels(tabs, value=wanted if wanted in [n for n, _, _ in parts] else parts[0][0]).classes("mj-panels"):
            for name, _, part in parts:
                with ui.tab_panel(name):
                    part(session)


def _held_to(key: ApiKey) -> str:
    return key.get("agent_id") or (f"班组 {key['team_id']}" if key.get("team_id") else NONE)
