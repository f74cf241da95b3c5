"""Figures, articles, keys and the audit log, as the gateway's JSON."""

import math
from datetime import date, timedelta
from typing import Any

from calls import NOW, iso, uid
from datetime import timedelta as _delta

Json = dict[str, Any]

# kpi, title, unit, level, swing, target, sense
KPIS = (
    ("contacts", "会话量", "count", 182, 30, None, "unspecified"), ("score", "平均质检分", "points", 84.2, 4, None, "at_least"), ("script_rate", "话术合规率", "ratio", .964, .02, .98, "at_least"),
    ("process_rate", "流程合规率", "ratio", .957, .02, .95, "at_least"), ("fcr_rate", "首次解决率", "ratio", .87, .03, .85, "at_least"), ("repeat_rate", "二次来电率", "ratio", .083, .02, .10, "at_most"),
    ("complaint_rate", "投诉率", "ratio", .0081, .003, .005, "at_most"), ("ticket_overdue_rate", "工单超时率", "ratio", .041, .02, .05, "at_most"), ("csat", "客户满意度", "points", 4.56, .1, 4.5, "at_least"),
    ("nps", "净推荐值", "nps", 34, 6, 30, "at_least"), ("aht", "平均处理时长", "minutes", 4.7, .5, None, "at_most"), ("emotion_escalated_rate", "情绪激化率", "ratio", .036, .01, None, "at_most"),
    ("emotion_angry", "愤怒会话数", "count", 9, 3, None, "at_most"), ("emotion_anxious", "焦急会话数", "count", 21, 5, None, "at_most"), ("emotion_neutral", "平稳会话数", "count", 118, 14, None, "unspecified"),
    ("emotion_satisfied", "满意会话数", "count", 34, 7, None, "at_least"), ("alerts", "预警数", "count", 27, 6, None, "at_most"),
)
RATES = (
    ("apology", "致歉", "客户体验", 61, 24), ("confirm_understanding", "确认理解", "沟通效能", 92, 27), ("hold_notice", "等待先说明", "沟通效能", 74, 19), ("first_responder", "首问负责", "流程规范", 131, 22),
    ("closing", "结束语", "流程规范", 160, 19), ("itemised_quote", "费用分项告知", "沟通效能", 44, 4), ("no_shirking", "不推诿", "问题解决", 176, 6), ("greeting", "开场白", "流程规范", 179, 3),
    ("identity_check", "身份核验", "流程规范", 58, 1), ("risk_notice", "风险与费用提示", "合规安全", 63, 0),
)
ARTICLES: list[Json] = [
    {
        "article_id": f"{industry}-{n}", "title": title, "questions": questions, "answer": answer, "script": script, "industry": industry, "product": product, "issue": issue, "tags": tags,
        "state": "published", "version": 2, "updated_at": iso(NOW - _delta(days=n + 1)),
    }
    for n, (industry, product, issue, title, questions, answer, script, tags) in enumerate([
        ("telecom", "宽带", "光猫红灯", "光猫亮红灯（LOS）怎么处理", ["光猫红灯闪", "网断了灯是红的"], "LOS 红灯表示光信号中断。先确认光纤接头插紧、没有弯折；断电一分钟后重启；仍为红灯则登记光路故障，市区 24 小时内上门。", "我马上帮您看一下。红灯说明光信号没有到您家，我现在给您登记上门，二十四小时之内师傅会联系您，由我跟进到修好为止。", ["断网", "报修"]),
        ("telecom", "宽带", "光猫红灯", "多次报修未上门的升级处理", ["报修好几次没人来"], "同一故障 72 小时内第二次来电即升级二线，班长 2 小时内回电，并按日减免月租。", "让您等了这么久，非常抱歉。我现在就把您的单子升级给二线专家，两小时之内回您电话。", ["升级"]),
        ("telecom", "宽带", "费用争议", "断网期间的费用减免", ["断网几天费用退不退"], "连续中断超过 24 小时，按日减免月租，在下个账期体现。", "断网这几天的费用，我给您申请按天减免，下个月账单可以看到。", ["退费"]),
        ("telecom", "流量套餐", "流量不够", "流量不够用的办理方案", ["流量不够怎么办"], "先查近三个月用量，推荐加油包或升档。", "", ["套餐"]),
        ("appliance", "空调", "不制冷", "空调不制冷的排查与上门", ["吹热风", "不凉"], "先确认模式与温度、滤网、室外机是否转动；仍不制冷约上门，三包期内免费。", "这么热的天让您受累了。我先教您看两处，要是还不行，我马上给您约师傅。", ["三包期"]),
        ("appliance", "空调", "漏水", "空调内机漏水", ["内机滴水"], "多为排水管堵塞或安装不平。", "", ["安装"]),
        ("ecommerce", "退款", "退款未到", "退款时限说明", ["钱还没退"], "签收后三个工作日内原路退回。", "", ["退款"]),
    ])
]


def spread(kpi: str, day: date) -> float:
    return math.sin(sum(map(ord, kpi)) + day.toordinal() * .9) * .6 + math.sin(day.toordinal() * .31) * .4


def value(k: tuple[Any, ...], at: float, scale: float = 1.0) -> Json:
    kpi, title, unit, level, swing, target, sense = k
    figure = round((level + swing * at) * scale, 4)
    made: Json = {"kpi": kpi, "title": title, "unit": unit, "value": figure, "numerator": figure * 100, "denominator": 100, "sense": sense}
    if target is not None:
        made |= {"target": target, "met": figure >= target if sense == "at_least" else figure <= target}
    return made


def by_day(first: date, last: date) -> list[Json]:
    return [{"key": d.isoformat(), "kpis": [value(k, spread(k[0], d)) for k in KPIS]} for n in range((last - first).days + 1) if (d := first + timedelta(days=n))]


def by_name(names: list[str]) -> list[Json]:
    return [{"key": name, "kpis": [value(k, math.sin(n * 1.7 + len(k[0])), .2 if k[2] == "count" else 1) for k in KPIS]} for n, name in enumerate(names)]


def changes(days: int) -> list[Json]:
    made = []
    for n, k in enumerate(KPIS):
        now, before = value(k, .1, days if k[2] == "count" else 1), value(k, math.sin(n) * .7, days if k[2] == "count" else 1)
        change = round(now["value"] - before["value"], 4)
        better = None if k[6] == "unspecified" or not change else (change > 0) == (k[6] == "at_least")
        made.append({"current": now, "baseline": before, "change": change} | ({} if better is None else {"better": better}))
    return made


def graph(industry: str, product: str) -> Json:
    nodes: dict[str, Json] = {}
    edges = []
    for a in ARTICLES:
        if a["industry"] != industry or product not in ("", a["product"]):
            continue
        p, i, s = f"product:{industry}/{a['product']}", f"issue:{industry}/{a['product']}/{a['issue']}", f"solution:{a['article_id']}"
        for node_id, kind, name, article in ((p, "product", a["product"], ""), (i, "issue", a["issue"], ""), (s, "solution", a["title"], a["article_id"])):
            nodes[node_id] = {"node_id": node_id, "kind": kind, "name": name, "article_id": article}
        edges += [e for e in ({"from_node_id": p, "to_node_id": i}, {"from_node_id": i, "to_node_id": s}) if e not in edges]
    return {"nodes": list(nodes.values()), "edges": edges}


def audit() -> list[Json]:
    what = ("mingjian.ingestion.v1.IngestionService/DownloadAudio", "mingjian.nlp.v1.NlpService/GetTranscript", "mingjian.routing.v1.RoutingService/AssignTicket", "mingjian.gateway.v1.GatewayService/CreateApiKey")
    return [
        {"sequence": n, "at": iso(NOW - _delta(minutes=(120 - n) * 7)), "principal": f"key:{uid('key', n % 3)[:8]}", "action": what[n % 4], "object_id": uid("object", n), "status": "OK" if n % 9 else "PERMISSION_DENIED",
         "hash": f"{n * 7919:064x}"}
        for n in range(120, 0, -1)
    ]
