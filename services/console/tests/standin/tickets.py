"""Tickets the calls would have opened, in every state, with their clocks; rectifications at every stage of their proof."""

from datetime import datetime, timedelta

from calls import NOW, Call, Json, iso, uid

STATES = ("open", "assigned", "in_progress", "waiting", "resolved", "closed")
ALLOWED = {
    "high": {"first_response": 900, "next_response": 3600, "diagnosis": 3600, "resolution": 86400},
    "normal": {"first_response": 7200, "next_response": 28800, "resolution": 172800},
}
STANDARD = {"mended_rate": 0.05, "unmended_rate": 0.3, "false_pass": 0.041, "false_fail": 0.072, "at_most": 60}
FATAL_STANDARD = {"mended_rate": 0.01, "unmended_rate": 0.2, "false_pass": 0.047, "false_fail": 0.124, "at_most": 60}


def entry(at: datetime, by: str, action: str, before: str, after: str, note: str = "") -> Json:
    return {"at": iso(at), "by": by, "action": action, "from_state": before, "to_state": after, "note": note}


def clock(target: str, allowed: int, began: datetime, met: datetime | None = None, used: int | None = None) -> Json:
    """A clock that runs since `began`, was met, or stands with what it has used."""
    due = began + timedelta(seconds=allowed)
    made: Json = {"target": target, "allowed_s": allowed, "used_s": 0, "running": met is None and used is None}
    if met is not None:
        made |= {"used_s": int((met - began).total_seconds()), "met_at": iso(met), "due_at": iso(due)} | ({"breached_at": iso(due)} if met > due else {})
    elif used is not None:
        made["used_s"] = used
    else:
        made |= {"due_at": iso(due)} | ({"breached_at": iso(due)} if due < NOW else {})
    return made


def ticket(call: Call, n: int) -> Json:
    """The ticket this call would have opened."""
    state = STATES[n % 6] if n else "open"
    urgency = call.evaluation["urgency"]
    opened = call.at + timedelta(minutes=2)
    assigned, started, solved = (opened + timedelta(minutes=m) for m in (4, 12, 55))
    history = [entry(opened, "system", "opened", "unspecified", "open", "质检自动开单")]
    if state != "open":
        history.append(entry(assigned, "key:supervisor", "assigned", "open", "assigned", "分给李工"))
    if state in STATES[2:]:
        history.append(entry(started, "key:li", "started", "assigned", "in_progress"))
    if state == "waiting":
        history.append(entry(started + timedelta(minutes=5), "key:li", "waited", "in_progress", "waiting", "等客户确认上门时间"))
    if state in ("resolved", "closed"):
        history.append(entry(started + timedelta(minutes=9), "key:li", "diagnosed", "in_progress", "in_progress", "光猫老化，需更换"))
        history.append(entry(solved, "key:li", "resolved", "in_progress", "resolved"))
    if state == "closed":
        history.append(entry(solved + timedelta(hours=1), "key:supervisor", "closed", "resolved", "closed"))
    answered = started if state in STATES[2:] else None
    done = solved if state in ("resolved", "closed") else None
    allowed = ALLOWED["high" if urgency == "high" else "normal"]
    clocks = [
        clock("first_response", allowed["first_response"], opened, answered),
        clock("resolution", allowed["resolution"], opened, done, 15 * 60 if state == "waiting" else None),
    ]
    if "diagnosis" in allowed:
        clocks.insert(1, clock("diagnosis", allowed["diagnosis"], opened, done, 15 * 60 if state == "waiting" else None))
    if state == "in_progress" and n % 2 == 0:
        clocks.append(clock("next_response", allowed["next_response"], NOW - timedelta(minutes=35)))
    running = [c["due_at"] for c in clocks if c["running"]]
    overdue = any("breached_at" in c for c in clocks)
    made: Json = {
        "ticket_id": uid("ticket", call.id), "tenant": "demo", "interaction_id": call.id, "interaction_ids": [call.id], "kind": "service",
        "type": call.evaluation["ticket_type"], "urgency": urgency,
        "department": {"telecom": "网维部", "ecommerce": "仓配部"}.get(call.script["industry"], "服务部"), "line": 2 if n % 9 == 4 else 1, "state": state,
        "title": call.evaluation["summary"][:40], "description": f"客户原话：{call.turns[1]['text']}",
        "causes": ["complaint"] + (["fatal_item:no_shirking"] if call.evaluation["fatal"] else []), "customer_id": call.script["customer"],
        "customer_tier": call.script["tier"], "agent_id": call.script["agent"], "team_id": call.script["team"], "product": call.script["product"],
        "assignee": "" if state == "open" else ("李工", "王工", "赵工")[n % 3], "opened_at": iso(opened),
        "first_response_due_at": iso(opened + timedelta(seconds=allowed["first_response"])),
        "resolution_due_at": iso(opened + timedelta(seconds=allowed["resolution"])), "overdue": overdue, "level": (2 if n % 4 == 0 else 1) if overdue else 0,
        "resolution": "已上门更换光猫，客户确认恢复。" if done else "", "version": len(history), "history": history, "routed_by": "telecom.fault v3",
        "clocks": clocks, "policy_id": "high" if urgency == "high" else "normal", "levels_version": "2026-11-22", "skill": "宽带装维" if n % 3 == 0 else "",
        "industry": call.script["industry"], "missing_fields": ["scope"] if n == 0 else [], "findings": [], "watchers": [],
        "fields": [
            {"field_id": "symptom", "title": "故障现象", "value": call.turns[1]["text"][:20], "by": "system", "turn_id": "t2", "text": call.turns[1]["text"]}
        ] if n == 0 else [],
    }
    if running:
        made["next_due_at"] = min(running)
    if answered:
        made["first_responded_at"] = iso(answered)
    if done:
        made["resolved_at"] = iso(done)
    if n == 0:
        made["interaction_ids"] = [call.id, uid("interaction", call.script["customer"], 6)]
        made["causes"].append("repeat_contact")
        made["findings"] = [
            {"kind": "urgency_lowered", "field_id": "urgency", "ticket_says": "一般", "contact_says": "紧急", "turn_id": "t6", "text": call.turns[5]["text"]}
        ]
    return made


def wednesday(now: datetime) -> datetime:
    """The next one's midnight in UTC, eight in the morning in Shanghai."""
    return (now + timedelta(days=(2 - now.weekday()) % 7 or 7)).replace(hour=0, minute=0, second=0)


ITEMS = (
    ("agent", "A1001", "no_shirking", "不推诿：不把问题推给客户或其他部门", True, "training", "给您带来不便非常抱歉，这件事由我来负责，我马上为您核实处理。"),
    ("agent", "A2003", "confirm_understanding", "确认理解：复述客户问题并得到确认", False, "training", "我跟您确认一下，您的情况是……，对吗？"),
    ("agent", "A1001", "closing", "结束语：感谢来电并礼貌道别", False, "process", "感谢您的来电，祝您生活愉快，再见。"),
    ("agent", "A3010", "apology", "致歉：客户表达不满后致歉", False, "training", "非常抱歉给您添麻烦了。"),
    ("team", "宽带一班", "first_responder", "首问负责：告知跟进人和时限", False, "process", "我是工号 1001，由我跟进，今天 18 点前给您回电。"),
    ("product", "智能音箱", "唤醒失灵", "唤醒失灵", False, "product", ""),
)
# Calls of the proof as letters, p pass and f fail; the stage that goes with them.
PROOFS = (("", ""), ("pppp", "not_yet"), ("ppfpppppppp", "passed"), ("pffp", "failed"), ("ppp", "not_yet"), ("pfpppp", "not_yet"))


def rectification(calls: list[Call], n: int) -> Json:
    target, target_id, item_id, title, fatal, suggested, script = ITEMS[n]
    letters, verdict = PROOFS[n]
    where = [c for c in calls if c.interaction["status"] == "scored" and c.interaction["medium"] == "call"][n : n + 3]
    opened = NOW - timedelta(hours=20 + 30 * n)
    closed = verdict == "passed"
    state = "open" if verdict in ("", "failed") else "closed" if closed else "in_progress"
    history = [entry(opened, "system", "opened", "unspecified", "open", f"近 20 通中 3 通未通过“{title}”")]
    matter: Json = {
        "target": target, "target_id": target_id, "item_id": item_id, "item_title": title, "script": script, "fatal": fatal,
        "drill": ([{"role": "scene", "text": "客户：断网四天了，打了三次电话都没人上门。"}] if script else [])
        + [{"role": "customer", "text": "你们到底管不管？"}] * bool(script) + [{"role": "agent", "text": script}] * bool(script),
        "evidence": [
            {"interaction_id": c.id, "turn_id": c.turns[4]["turn_id"], "start_ms": c.turns[4]["start_ms"], "end_ms": c.turns[4]["end_ms"],
             "text": c.turns[4]["text"]} for c in where if len(c.turns) > 4
        ],
        "failed_before": 3 + n, "judged_before": 20, "suggested_cause": suggested, "root_cause": "unspecified", "action": "",
        "calls": [
            {"interaction_id": calls[3 + k].id, "at": iso(opened + timedelta(hours=2 + k)), "failed": letter == "f"} for k, letter in enumerate(letters)
        ],
        "verdict": verdict or "not_yet", "still_needed": 0 if verdict in ("passed", "failed") else 11 - letters.count("p") + 8 * letters.count("f"),
        "standard": FATAL_STANDARD if fatal else STANDARD, "relapses": 1 if n == 2 else 0,
    }
    if letters:
        matter |= {"root_cause": suggested, "action": "班前会演练标准话术三遍，带教旁听两通。"}
        history.append(entry(opened + timedelta(hours=1), "key:supervisor", "commented", "open", "open", "根因：培训；措施：班前会演练"))
        if verdict != "failed":
            matter["proof_since"] = iso(opened + timedelta(hours=1))
    if closed:
        matter["relapse_until"] = iso(NOW + timedelta(days=24))
        history.append(entry(opened + timedelta(hours=14), "system", "proven", "in_progress", "closed", "其后 11 通中 1 通未通过，达到标准"))
    if verdict == "failed":
        history.append(entry(opened + timedelta(hours=9), "system", "unproven", "in_progress", "open", "其后 4 通中 2 通未通过，转二线"))
    solved = opened + timedelta(hours=14) if closed else None
    clocks = [
        clock("first_response", 27000, opened, opened + timedelta(hours=1) if letters else None),
        clock("resolution", 81000, opened, solved),
    ]
    if not closed:
        # At ten of the next Wednesday or later: three working days.
        due = wednesday(NOW) + timedelta(hours=2 + 24 * (n % 2))
        clocks[1] = {"target": "resolution", "allowed_s": 81000, "used_s": 0, "running": True, "due_at": iso(due)}
    return {
        "ticket_id": uid("rectification", n), "tenant": "demo", "interaction_id": "", "interaction_ids": [], "kind": "rectification", "type": "投诉",
        "urgency": "normal", "department": "班组", "line": 2 if verdict == "failed" else 1, "state": state,
        "title": f"【整改】{ {'agent': '坐席', 'team': '班组', 'product': '产品'}[target]} {target_id}：{title}", "description": "三通会话未通过该项。",
        "causes": [f"{'fatal_item' if fatal else 'product_issue' if target == 'product' else 'repeated_item'}:{item_id}"], "customer_id": "",
        "customer_tier": "", "agent_id": target_id if target == "agent" else "", "team_id": "宽带一班", "product": "", "assignee": "张班长" if letters else "",
        "opened_at": iso(opened), "first_response_due_at": clocks[0].get("due_at", ""), "resolution_due_at": clocks[1].get("due_at", ""),
        "overdue": any("breached_at" in c for c in clocks), "level": 0, "resolution": "", "version": len(history), "history": history, "routed_by": "",
        "clocks": clocks, "policy_id": "rectification", "levels_version": "2026-11-22", "rectification": matter, "fields": [], "missing_fields": [],
        "findings": [], "watchers": [], "skill": "", "industry": "telecom",
    } | ({"next_due_at": min(c["due_at"] for c in clocks if c["running"])} if any(c["running"] for c in clocks) else {})


def all_tickets(calls: list[Call]) -> list[Json]:
    """Newest first, as the calls; rectifications after them."""
    complaints = [c for c in calls if c.interaction["status"] == "scored" and c.evaluation["ticket_type"] in ("投诉", "故障")]
    made = [ticket(c, n) for n, c in enumerate(complaints)]
    for n, one in enumerate(made):
        if n % 11 == 7:
            one |= {"kind": "callback", "title": f"【回访】{one['title']}"[:40], "causes": ["dissatisfied"], "department": "客户关怀部"}
    return made + [rectification(calls, n) for n in range(len(ITEMS))]


SUMS: list[Json] = [
    {"root_cause": "training", "item_id": "no_shirking", "item_title": "不推诿", "target": "agent", "opened": 9, "running": 3, "passed": 5, "failed": 1,
     "relapsed": 1, "failing_before": 0.24, "failing_after": 0.04, "actions": ["班前会演练标准话术", "带教旁听两通"]},
    {"root_cause": "process", "item_id": "first_responder", "item_title": "首问负责", "target": "team", "opened": 4, "running": 2, "passed": 1, "failed": 1,
     "relapsed": 0, "failing_before": 0.41, "failing_after": 0.18, "actions": ["工单系统自动带出跟进人"]},
    {"root_cause": "product", "item_id": "唤醒失灵", "item_title": "唤醒失灵", "target": "product", "opened": 1, "running": 1, "passed": 0, "failed": 0,
     "relapsed": 0, "failing_before": 0.25, "actions": []},
]
