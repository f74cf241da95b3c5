"""Figures, articles, keys and the audit log, as the gateway's JSON."""

import math
from datetime import date, timedelta
from typing import Any

from calls import KNOWN, NOW, iso, uid

Json = dict[str, Any]

KPIS = [tuple(k) for k in KNOWN["kpis"]]
RATES = [tuple(r) for r in KNOWN["rates"]]
ARTICLES: list[Json] = [
    article | {"article_id": f"{article['industry']}-{n}", "state": "published", "version": 2, "updated_at": iso(NOW - timedelta(days=n + 1))}
    for n, article in enumerate(KNOWN["articles"])
]


def spread(kpi: str, day: date) -> float:
    return math.sin(sum(map(ord, kpi)) + day.toordinal() * 0.9) * 0.6 + math.sin(day.toordinal() * 0.31) * 0.4


def value(k: tuple[Any, ...], at: float, scale: float = 1.0) -> Json:
    kpi, title, unit, level, swing, target, sense = k
    figure = round((level + swing * at) * scale, 4)
    made: Json = {"kpi": kpi, "title": title, "unit": unit, "value": figure, "numerator": figure * 100, "denominator": 100, "sense": sense}
    if target is not None:
        made |= {"target": target, "met": figure >= target if sense == "at_least" else figure <= target}
    return made


def by_day(first: date, last: date) -> list[Json]:
    return [
        {"key": d.isoformat(), "kpis": [value(k, spread(k[0], d)) for k in KPIS]}
        for n in range((last - first).days + 1)
        if (d := first + timedelta(days=n))
    ]


def by_name(names: list[str]) -> list[Json]:
    return [
        {"key": name, "kpis": [value(k, math.sin(n * 1.7 + len(k[0])), 0.2 if k[2] == "count" else 1) for k in KPIS]} for n, name in enumerate(names)
    ]


def changes(days: int) -> list[Json]:
    made = []
    for n, k in enumerate(KPIS):
        now, before = value(k, 0.1, days if k[2] == "count" else 1), value(k, math.sin(n) * 0.7, days if k[2] == "count" else 1)
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
        for node_id, kind, name, article in (
            (p, "product", a["product"], ""),
            (i, "issue", a["issue"], ""),
            (s, "solution", a["title"], a["article_id"]),
        ):
            nodes[node_id] = {"node_id": node_id, "kind": kind, "name": name, "article_id": article}
        edges += [e for e in ({"from_node_id": p, "to_node_id": i}, {"from_node_id": i, "to_node_id": s}) if e not in edges]
    return {"nodes": list(nodes.values()), "edges": edges}


def audit() -> list[Json]:
    what = (
        "mingjian.ingestion.v1.IngestionService/DownloadAudio",
        "mingjian.nlp.v1.NlpService/GetTranscript",
        "mingjian.routing.v1.RoutingService/AssignTicket",
        "mingjian.gateway.v1.GatewayService/CreateApiKey",
    )
    return [
        {
            "sequence": n,
            "at": iso(NOW - timedelta(minutes=(120 - n) * 7)),
            "principal": f"key:{uid('key', n % 3)[:8]}",
            "action": what[n % 4],
            "object_id": uid("object", n),
            "status": "OK" if n % 9 else "PERMISSION_DENIED",
            "hash": f"{n * 7919:064x}",
        }
        for n in range(120, 0, -1)
    ]
