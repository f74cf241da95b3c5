"""Conversations and everything the platform would say about them, as the gateway's JSON, for developing and testing the pages."""

import hashlib
import math
import struct
import uuid
import wave
from datetime import UTC, datetime, timedelta
from io import BytesIO
from typing import Any

Json = dict[str, Any]
NOW = datetime.now(UTC).replace(microsecond=0)
A, C = "agent", "customer"

# industry, product, channel, agent, team, customer, tier, type, urgency, emotion, turns (role, words, confidence), promises, alerts
SCRIPTS: list[Json] = [
    {
        "industry": "telecom", "product": "宽带", "agent": "A1001", "team": "宽带一班", "customer": "C9001", "tier": "vip", "type": "投诉", "urgency": "high", "emotion": "angry",
        "turns": [
            (A, "您好，这里是宽带服务热线，很高兴为您服务，请问有什么可以帮您？", .97), (C, "我家里的网断了四天了，打了三次电话，到现在都没人上门。", .93),
            (A, "那您先把光猫断电再插上试试看。", .95), (C, "我都试过八百遍了，灯一直是红的，你们到底管不管？", .88),
            (A, "我这边看线路是好的，应该是您自己家里的问题，跟我们没关系。", .91), (C, "什么叫跟你们没关系？我要投诉你，我要打工信部的电话！", .84),
            (A, "呃那个你先别急嘛。", .42), (C, "我的号码是138****5678，让你们经理今天之内给我回电话，这几天的费用也要退。", .9),
            (A, "好，我记录一下，让同事在二十四小时之内联系您。", .94), (C, "那我等着。", .78),
        ],
        "pass": ["greeting"], "fail": {"apology": (7, "", "客户表达不满后，坐席没有致歉。"), "no_shirking": (4, "应该是您自己家里的问题，跟我们没关系", "坐席把问题推给客户。"), "first_responder": (8, "我记录一下", "没有告知跟进人。"), "closing": (8, "", "没有使用结束语。")},
        "abstain": ["confirm_understanding"], "promises": [(8, "让同事在二十四小时之内联系您", "回电联系客户", "二十四小时之内", 24)],
        "alerts": [("negative_emotion", 3, "high", "客户情绪激化"), ("forbidden_phrase", 4, "high", "坐席使用推诿用语"), ("complaint_keyword", 5, "high", "客户提到投诉、工信部")],
        "keywords": ["投诉", "工信部", "退费"], "summary": "宽带断网四天，三次报修无人上门，要求经理回电并退费。",
    },
    {
        "industry": "appliance", "product": "空调", "agent": "A2003", "team": "家电二班", "customer": "C8120", "tier": "", "type": "故障", "urgency": "normal", "emotion": "satisfied",
        "turns": [
            (A, "您好，欢迎致电空调服务中心，工号二零零三为您服务。", .98), (C, "空调不制冷，吹出来的风是热的，孩子都热哭了。", .94),
            (A, "非常抱歉给您带来不便，孩子小，这么热的天确实着急。请问机器买了多久了？", .96), (C, "去年五月买的。", .92),
            (A, "还在三包期内，上门检测和维修都是免费的。我先教您看一下室外机是不是在转，可以吗？", .95), (C, "室外机没有动静。", .9),
            (A, "明白了，是室外机没有启动。我给您约明天上午九点到十一点师傅上门，由我跟进到修好为止。", .96), (C, "好的，这么快，谢谢你啊。", .95),
            (A, "不客气，明天师傅会提前半小时给您打电话。请问还有其他可以帮您的吗？", .97), (C, "没有了。", .93), (A, "感谢您的来电，稍后请您为我的服务评价，祝您生活愉快。", .98),
        ],
        "pass": ["greeting", "apology", "first_responder", "closing", "warranty", "remote_first", "confirm_understanding", "no_shirking"], "fail": {},
        "abstain": [], "promises": [(6, "约明天上午九点到十一点师傅上门", "师傅上门维修", "明天上午九点到十一点", 20), (8, "师傅会提前半小时给您打电话", "上门前电话联系", "", None)],
        "alerts": [], "keywords": [], "summary": "空调不制冷，室外机不启动，已约上门维修。", "highlights": ["共情表达自然", "主动说明三包政策"],
    },
    {
        "industry": "ecommerce", "product": "退款", "agent": "A3007", "team": "电商客服组", "customer": "C7001", "tier": "", "type": "投诉", "urgency": "normal", "emotion": "anxious",
        "turns": [
            (A, "您好，在线客服为您服务，请问有什么可以帮您？", .96), (C, "我退货都寄回去十天了，怎么钱还没退？", .95), (A, "我查询一下，请您稍等。", .96),
            (C, "喂？还在吗？", .9), (A, "在的。仓库前天已经签收，退款会在三个工作日内原路退回。", .93), (C, "上次你们也说三天，我还能信吗？", .89),
            (A, "非常抱歉让您久等了，这次我给您登记加急，周五之前一定到账，没到您可以直接找我，工号三零零七。", .95), (C, "行吧，那我再等等。", .9), (A, "感谢您的理解，再见。", .97),
        ],
        "pass": ["greeting", "apology", "first_responder", "closing", "no_shirking"], "fail": {"hold_notice": (2, "请您稍等", "长时间静音前没有说明要等多久。")}, "abstain": [],
        "promises": [(6, "周五之前一定到账", "退款到账", "周五之前", 60)], "alerts": [("long_silence", 2, "normal", "静音 38 秒")], "keywords": ["退款"], "summary": "退货寄回十天未退款，已加急登记。",
    },
    {
        "industry": "bank", "product": "信用卡", "agent": "A5002", "team": "信用卡组", "customer": "C5521", "tier": "vip", "type": "咨询", "urgency": "normal", "emotion": "neutral",
        "turns": [
            (A, "您好，信用卡服务中心，请问怎么称呼您？", .97), (C, "我姓王，我想问一下账单分期的手续费怎么算。", .94), (A, "王女士您好，为了您的账户安全，先和您核对一下身份。请报一下证件后四位。", .95),
            (C, "****", .9), (A, "核对无误。十二期每期手续费是百分之零点六，提前还款剩余手续费不收取。", .94), (C, "明白了，那我考虑一下。", .93), (A, "好的，还有其他问题吗？感谢来电，再见。", .96),
        ],
        "pass": ["greeting", "identity_check", "closing", "no_shirking", "risk_notice"], "fail": {}, "abstain": ["confirm_understanding"], "promises": [], "alerts": [], "keywords": [], "summary": "咨询账单分期手续费。",
    },
    {
        "industry": "automotive", "product": "保养", "agent": "A4001", "team": "汽车售后组", "customer": "C6100", "tier": "", "type": "业务办理", "urgency": "normal", "emotion": "neutral",
        "turns": [
            (A, "您好，欢迎致电售后预约中心。", .97), (C, "我想约周六上午做个保养，大概多少钱？", .95), (A, "小保养工时费一百二，机油机滤配件费四百八，一共六百。", .93),
            (C, "周六九点可以吗？", .95), (A, "可以的，已经为您预约周六上午九点，到店找李师傅就行。", .94), (C, "好，谢谢。", .96), (A, "感谢来电，祝您用车愉快。", .97),
        ],
        "pass": ["greeting", "itemised_quote", "closing", "no_shirking", "confirm_understanding"], "fail": {}, "abstain": [], "promises": [(4, "已经为您预约周六上午九点", "周六保养预约", "周六上午九点", 30)], "alerts": [], "keywords": [],
        "summary": "预约周六上午保养，已告知工时费与配件费。", "highlights": ["工时费与配件费分项报价"],
    },
    {
        "industry": "electronics", "product": "手机", "agent": "A6009", "team": "3C 服务组", "customer": "C4410", "tier": "", "type": "投诉", "urgency": "normal", "emotion": "angry", "medium": "chat",
        "turns": [
            (C, "手机买了三天就黑屏，我要退货", 1.0), (A, "您好，手机激活后不支持七天无理由退货的哦", 1.0), (C, "质量问题也不给退？你们这是店大欺客！", 1.0),
            (A, "非常抱歉，质量问题可以退。请您先到服务网点开一张检测单，我把最近的网点发给您，并由我为您跟进退货进度。", 1.0), (C, "早这么说不就行了", 1.0), (A, "感谢您的理解，祝您生活愉快", 1.0),
        ],
        "pass": ["apology", "first_responder", "closing", "return_policy"], "fail": {"greeting": (1, "您好", "开场白不完整，没有表明身份。")}, "abstain": [], "promises": [(3, "由我为您跟进退货进度", "跟进退货进度", "", None)],
        "alerts": [("negative_emotion", 2, "normal", "客户情绪激化")], "keywords": ["退货"], "summary": "新手机黑屏要求退货，引导检测后办理。",
    },
]

ITEMS: dict[str, tuple[str, str, float, bool]] = {
    "greeting": ("开场白", "流程规范", 5, False), "identity_check": ("身份核验", "流程规范", 10, True), "first_responder": ("首问负责", "流程规范", 10, False), "closing": ("结束语", "流程规范", 5, False),
    "hold_notice": ("等待先说明", "沟通效能", 5, False), "confirm_understanding": ("确认理解", "沟通效能", 5, False), "itemised_quote": ("费用分项告知", "沟通效能", 8, False),
    "remote_first": ("远程指导先行", "问题解决", 8, False), "no_shirking": ("不推诿", "问题解决", 15, True), "apology": ("致歉", "客户体验", 10, False),
    "warranty": ("三包期说明", "合规安全", 8, False), "risk_notice": ("风险与费用提示", "合规安全", 8, False), "return_policy": ("退货政策说明", "合规安全", 8, False),
}
_VALENCE = {"angry": -.8, "anxious": -.4, "neutral": .05, "satisfied": .6}


def iso(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def uid(*parts: object) -> str:
    return str(uuid.uuid5(uuid.NAMESPACE_URL, "/".join(map(str, parts))))


def tone(seconds: float, rate: int = 8000) -> bytes:
    """A two-channel recording in which something can be heard: one hum per speaker."""
    out = BytesIO()
    with wave.open(out, "wb") as w:
        w.setnchannels(2)
        w.setsampwidth(2)
        w.setframerate(rate)
        frames = bytearray()
        for n in range(int(seconds * rate)):
            t = n / rate
            left = int(6000 * math.sin(2 * math.pi * 220 * t)) if int(t / 4) % 2 == 0 else 0
            right = int(6000 * math.sin(2 * math.pi * 330 * t)) if int(t / 4) % 2 else 0
            frames += struct.pack("<hh", left, right)
        w.writeframes(bytes(frames))
    return out.getvalue()


class Call:
    """One interaction with all that follows from it; `n` tells copies of a script apart."""

    def __init__(self, script: Json, n: int, at: datetime, status: str = "scored") -> None:
        self.script, self.at = script, at
        self.id = uid("interaction", script["customer"], n)
        spoken = script.get("medium", "call") == "call"
        clock, self.turns = 500, []
        for k, (role, text, confidence) in enumerate(script["turns"], 1):
            length = max(900, len(text) * 210)
            self.turns.append({
                "turn_id": f"t{k}", "role": role, "text": text, "start_ms": clock if spoken else 0, "end_ms": clock + length if spoken else 0, "confidence": confidence,
                "language": "zh",
            })
            clock += length + (38000 if "请您稍等" in text else 500)
        self.length_ms = clock
        self.metadata = {
            "tenant": "demo", "channel": "hotline" if spoken else "online", "direction": "inbound", "agent_id": script["agent"], "team_id": script["team"],
            "customer_id": script["customer"], "customer_tier": script["tier"], "product": script["product"], "industry": script["industry"], "started_at": iso(at),
            "external_id": f"EXT-{n:04d}", "channels": {"left": "agent", "right": "customer"},
        }
        self.evaluation = self._evaluation()
        self.interaction: Json = {
            "interaction_id": self.id, "tenant": "demo", "metadata": self.metadata, "medium": "call" if spoken else "chat", "status": status, "reason": "",
            "received_at": iso(at), "updated_at": iso(at + timedelta(minutes=1)),
        }
        if spoken:
            self.interaction["audio"] = {"container": "wav", "codec": "pcm_s16le", "sample_rate_hz": 8000, "channels": 2, "duration_ms": self.length_ms, "size_bytes": self.length_ms * 32}
        if status == "scored":
            self.interaction["outcome"] = self.outcome
        if status == "failed":
            self.interaction["reason"] = "录音损坏，无法解码"

    @property
    def outcome(self) -> Json:
        e = self.evaluation
        return {k: e[k] for k in ("score", "fatal", "ticket_type", "urgency", "customer_emotion")} | {"alerts": len(e["alerts"])}

    @property
    def transcript(self) -> Json:
        chat = self.interaction["medium"] == "chat"
        return {
            "interaction_id": self.id, "turns": self.turns, "asr": {"model": "chat", "version": ""} if chat else {"model": "whisper-base", "version": "int8 ct2-4.6"},
            "language": "zh", "duration_ms": self.length_ms, "notices": [],
        }

    def _evaluation(self) -> Json:
        s = self.script
        items = []
        for item_id, (title, dimension, most, fatal) in ITEMS.items():
            result = "pass" if item_id in s["pass"] else "fail" if item_id in s["fail"] else "abstain" if item_id in s["abstain"] else "na"
            evidence, why = [], {"pass": "已按要求做到。", "abstain": "机器把握不足，请人工判定。", "na": ""}.get(result, "")
            if result == "fail":
                at, words, why = s["fail"][item_id]
                evidence = [self._evidence(at, words, item_id)]
            elif result == "pass":
                at = 0 if item_id == "greeting" else len(self.turns) - 1 if item_id == "closing" else self._agent_turn(item_id)
                evidence = [self._evidence(at, self.turns[at]["text"][: max(4, len(self.turns[at]["text"]) // 2)], item_id)]
            items.append({
                "item_id": item_id, "title": title, "dimension": dimension, "result": result, "points": most if result == "pass" else 0, "max_points": most, "fatal": fatal,
                "confidence": .62 if result == "abstain" else .93, "evidence": evidence, "explanation": why,
            })
        counted = [i for i in items if i["result"] in ("pass", "fail")]
        dimensions = []
        for name in ("流程规范", "沟通效能", "问题解决", "客户体验", "合规安全"):
            inside = [i for i in counted if i["dimension"] == name]
            got, most = sum(i["points"] for i in inside), sum(i["max_points"] for i in inside)
            dimensions.append({"dimension": name, "points": got, "max_points": most} | ({"score": got / most * 100} if most else {}))
        customer = [t for t in self.turns if t["role"] == C]
        peak = _VALENCE[s["emotion"]]
        course = []
        for k, turn in enumerate(customer):
            valence = peak * (k + 1) / len(customer) if peak < 0 else -.5 + (peak + .5) * k / max(1, len(customer) - 1)
            word = "angry" if valence < -.55 else "anxious" if valence < -.2 else "satisfied" if valence > .35 else "neutral"
            course.append({"turn_id": turn["turn_id"], "at_ms": turn["start_ms"], "emotion": word, "valence": round(valence, 2)})
        return {
            "evaluation_id": uid("evaluation", self.id), "interaction_id": self.id, "score": round(sum(i["points"] for i in counted) / sum(i["max_points"] for i in counted) * 100, 1),
            "fatal": any(i["fatal"] and i["result"] == "fail" for i in items), "scorecard": {"id": s["industry"], "version": "1.2.0"}, "items": items, "dimensions": dimensions,
            "customer_emotion": s["emotion"], "emotion_course": course, "ticket_type": s["type"], "urgency": s["urgency"],
            "alerts": [
                {"alert_id": uid("alert", self.id, kind), "kind": kind, "at_ms": self.turns[at]["start_ms"], "turn_id": f"t{at + 1}", "text": self.turns[at]["text"], "message": message, "severity": severity}
                for kind, at, severity, message in s["alerts"]
            ],
            "promises": [
                {"promise_id": uid("promise", self.id, what), "text": words, "what": what, "deadline_text": said, "turn_id": f"t{at + 1}", "at_ms": self.turns[at]["start_ms"], "owner": ""}
                | ({"deadline": iso(self.at + timedelta(hours=hours))} if hours else {})
                for at, words, what, said, hours in s["promises"]
            ],
            "risk_keywords": s["keywords"], "summary": s["summary"], "scored_at": iso(self.at + timedelta(minutes=1)), "engine": "rules 0.1", "highlights": s.get("highlights", []),
        }

    def _agent_turn(self, item_id: str) -> int:
        agents = [k for k, t in enumerate(self.turns) if t["role"] == A]
        return agents[int(hashlib.sha256(item_id.encode()).hexdigest(), 16) % len(agents)]

    def _evidence(self, at: int, words: str, rule: str) -> Json:
        turn = self.turns[at]
        start = turn["text"].find(words) if words else 0
        return {
            "turn_id": turn["turn_id"], "start_ms": turn["start_ms"], "end_ms": turn["end_ms"], "text": words or turn["text"], "rule_id": rule, "confidence": .9,
            "char_from": start, "char_to": start + len(words),
        }

    def ticket(self, n: int) -> Json:
        """The ticket this call would have opened."""
        high = self.evaluation["urgency"] == "high"
        state = ("open", "assigned", "in_progress", "resolved", "closed")[n % 5] if n else "open"
        opened = self.at + timedelta(minutes=2)
        history = [{"at": iso(opened), "by": "system", "action": "opened", "from_state": "unspecified", "to_state": "open", "note": "质检自动开单"}]
        if state != "open":
            history.append({"at": iso(opened + timedelta(minutes=9)), "by": "key:supervisor", "action": "assigned", "from_state": "open", "to_state": "assigned", "note": "分给李工"})
        first, solved = opened + timedelta(minutes=15 if high else 120), opened + timedelta(hours=24 if high else 48)
        made = {
            "ticket_id": uid("ticket", self.id), "tenant": "demo", "interaction_id": self.id, "kind": "service", "type": self.evaluation["ticket_type"], "urgency": self.evaluation["urgency"],
            "department": {"telecom": "网维部", "ecommerce": "仓配部"}.get(self.script["industry"], "服务部"), "line": 1, "state": state, "title": self.evaluation["summary"][:40],
            "description": f"客户原话：{self.turns[1]['text']}", "causes": ["complaint"] + (["fatal_item:no_shirking"] if self.evaluation["fatal"] else []), "customer_id": self.script["customer"],
            "customer_tier": self.script["tier"], "agent_id": self.script["agent"], "product": self.script["product"], "assignee": "" if state == "open" else "李工", "opened_at": iso(opened),
            "first_response_due_at": iso(first), "resolution_due_at": iso(solved), "overdue": state in ("open", "assigned") and first < NOW, "resolution": "", "version": len(history), "history": history,
            "routed_by": "telecom.fault v3",
        }
        if state in ("in_progress", "resolved", "closed"):
            made["first_responded_at"] = iso(opened + timedelta(minutes=12))
            history.append({"at": iso(opened + timedelta(minutes=12)), "by": "key:li", "action": "started", "from_state": "assigned", "to_state": "in_progress", "note": ""})
        if state in ("resolved", "closed"):
            made |= {"resolved_at": iso(opened + timedelta(hours=5)), "resolution": "已上门更换光猫，客户确认恢复。"}
        return made


def everything() -> tuple[list[Call], list[Json]]:
    """Calls newest first, of all ages and states, and their tickets."""
    calls = [Call(SCRIPTS[n % len(SCRIPTS)], n, NOW - timedelta(minutes=7 + n * 53)) for n in range(64)]
    calls.insert(0, Call(SCRIPTS[1], 901, NOW - timedelta(minutes=1), "transcribing"))
    calls.insert(1, Call(SCRIPTS[3], 902, NOW - timedelta(minutes=3), "scoring"))
    calls.insert(2, Call(SCRIPTS[4], 903, NOW - timedelta(minutes=5), "failed"))
    complaints = [c for c in calls if c.interaction["status"] == "scored" and c.evaluation["ticket_type"] in ("投诉", "故障")]
    return calls, [c.ticket(n) for n, c in enumerate(complaints)]
