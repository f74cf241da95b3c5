"""ECharts options: what is drawn, in which colours, from the gateway's figures."""

from collections.abc import Sequence
from typing import Any

from client.shapes import Dimension, Graph, ItemRate, KpiGroup, TippingPoint, TurnEmotion

from console.domain.words import DIMENSIONS, EMOTION, clock, figure, score_tone

INK, MUTED, LINE, ACCENT = "#1d2733", "#667085", "#e4e7ec", "#2456a6"
GOOD, WARN, BAD, CALM = "#1a7f4b", "#d08a1d", "#c0352b", "#98a2b3"
EMOTION_COLOUR = {"angry": BAD, "anxious": WARN, "neutral": CALM, "satisfied": GOOD}
_AXIS: dict[str, Any] = {"axisLine": {"lineStyle": {"color": LINE}}, "axisTick": {"show": False}}
# A label that lies on a branch stays readable.
_ON_LINE = {"backgroundColor": "#fff", "padding": [2, 6], "distance": 7}
# Drawn on a canvas, which knows no "inherit"; the same families as in console.css.
_FAMILY = "PingFang SC, Microsoft YaHei, HarmonyOS Sans SC, Noto Sans CJK SC, Source Han Sans SC, sans-serif"
TEXT_STYLE = {"fontFamily": _FAMILY, "color": MUTED}
Options = dict[str, Any]


def dimensions(scores: Sequence[Dimension]) -> Options:
    """The five dimensions 0-100 as bars, the first on top; one without an applicable item is named so."""
    by_name = {d.get("dimension", ""): d.get("score") for d in scores}
    names = [*DIMENSIONS, *(n for n in by_name if n not in DIMENSIONS)][::-1]
    return {
        "textStyle": TEXT_STYLE, "grid": {"left": 4, "right": 56, "top": 0, "bottom": 0, "containLabel": True},
        "tooltip": {"trigger": "item", "confine": True, "formatter": "{b}：{c}"},
        "xAxis": {"type": "value", "max": 100, "show": False},
        "yAxis": {"type": "category", "data": names, "axisLine": {"show": False}, "axisTick": {"show": False}, "axisLabel": {"color": INK, "fontSize": 13}},
        "series": [{
            "type": "bar", "barMaxWidth": 12, "showBackground": True, "backgroundStyle": {"color": "#f0f2f5", "borderRadius": 6},
            "data": [_dimension_bar(by_name.get(name)) for name in names],
        }],
    }


def _dimension_bar(score: float | None) -> Options:
    words = "不适用" if score is None else f"{score:.0f}"
    label = {"show": True, "position": "right" if score else "insideLeft", "formatter": words, "color": MUTED if score is None else INK, "fontSize": 13}
    tone = {"good": GOOD, "warn": WARN, "bad": BAD, "calm": CALM}[score_tone(score)]
    return {"value": 0 if score is None else round(score, 1), "label": label, "itemStyle": {"color": tone, "borderRadius": 6}}


def emotion_course(course: Sequence[TurnEmotion], tipping: TippingPoint | None = None) -> Options:
    """The customer's mood over the call, -1 to 1, each turn in its emotion's colour; under it how excited the voice was; the moment it tipped."""
    # A chat has no times: its turns are counted.
    names = [clock(e.get("at_ms")) if any(t.get("at_ms") for t in course) else f"第 {n} 句" for n, e in enumerate(course, 1)]
    tipped = next((n for n, e in enumerate(course) if tipping and e.get("turn_id") == tipping.get("turn_id")), None)
    colour = GOOD if tipping and tipping.get("recovered") else BAD
    lines: list[Options] = [{"yAxis": 0, "lineStyle": {"color": CALM, "type": "dashed"}, "label": {"show": False}}]
    if tipped is not None:
        label = {"show": True, "formatter": "转差", "color": colour, "position": "end", "rotate": 0}
        lines.append({"xAxis": tipped, "lineStyle": {"color": colour, "type": "solid", "width": 1.5}, "label": label})
    return {
        "textStyle": TEXT_STYLE, "grid": {"left": 44, "right": 44, "top": 26, "bottom": 26},
        "tooltip": {"trigger": "item", "confine": True},
        "xAxis": {"type": "category", "data": names} | _AXIS,
        "yAxis": [
            {
                "type": "value", "min": -1, "max": 1, "interval": 1, "splitLine": {"lineStyle": {"color": LINE}},
                "axisLabel": {":formatter": "v => v > 0 ? '积极' : v < 0 ? '消极' : '平静'"},
            },
            {
                "type": "value", "min": -3, "max": 3, "interval": 3, "splitLine": {"show": False}, "axisLabel": {"color": "#a9b4c4"}, "name": "激动",
                "nameTextStyle": {"color": "#a9b4c4"}, "nameGap": 8,
            },
        ],
        "series": [
            {
                "name": "激动程度", "type": "bar", "yAxisIndex": 1, "barMaxWidth": 14,
                "data": [
                    {"value": round(e.get("arousal", 0.0), 2), "name": f"{n} 激动程度", "itemStyle": {"color": "#dfe6f0", "borderRadius": 3}}
                    for n, e in zip(names, course, strict=True)
                ],
            },
            {
                "name": "情绪", "type": "line", "smooth": 0.25, "symbolSize": 9, "lineStyle": {"color": "#8ea3c2", "width": 2}, "z": 3,
                "markLine": {"silent": True, "symbol": "none", "data": lines},
                "data": [
                    {"value": round(e.get("valence", 0.0), 2), "name": f"{n} {EMOTION.get(e.get('emotion', ''), '')}",
                     "itemStyle": {"color": EMOTION_COLOUR.get(e.get("emotion", ""), CALM)}, "symbolSize": 14 if k == tipped else 9}
                    for k, (n, e) in enumerate(zip(names, course, strict=True))
                ],
            },
        ],
    }


def trend(days: Sequence[str], series: Sequence[tuple[str, Sequence[float | None]]], *, unit: str, target: float | None) -> Options:
    """Lines by day: the first is the span looked at, later ones (dashed) what it is set against. Ratios become percent."""
    scale = 100.0 if unit == "ratio" else 1.0
    lines: list[Options] = []
    for n, (name, values) in enumerate(series):
        lines.append({
            "name": name, "type": "line", "smooth": 0.2, "connectNulls": False, "showSymbol": len(days) <= 31, "symbolSize": 6,
            "data": [None if v is None else round(v * scale, 2) for v in values],
            "lineStyle": {"width": 2.5 if n == 0 else 1.5, "type": "solid" if n == 0 else "dashed", "color": ACCENT if n == 0 else CALM},
            "itemStyle": {"color": ACCENT if n == 0 else CALM},
        } | ({"areaStyle": {"color": "rgba(36,86,166,.07)"}} if n == 0 else {}))
    if target is not None and lines:
        lines[0]["markLine"] = {
            "silent": True, "symbol": "none", "data": [{"yAxis": round(target * scale, 2)}], "lineStyle": {"color": GOOD, "type": "dashed"},
            "label": {"formatter": f"目标 {figure(target, unit)}", "position": "insideEndTop", "color": GOOD},
        }
    return {
        "textStyle": TEXT_STYLE, "tooltip": {"trigger": "axis", "confine": True}, "grid": {"left": 52, "right": 20, "top": 36, "bottom": 28},
        "legend": {"top": 0, "right": 0, "icon": "roundRect", "itemWidth": 14, "itemHeight": 3, "textStyle": {"color": MUTED}},
        "xAxis": {"type": "category", "boundaryGap": False, "data": [d[5:] for d in days]} | _AXIS,
        "yAxis": {
            "type": "value", "scale": True, "splitLine": {"lineStyle": {"color": LINE}},
            "axisLabel": {"formatter": "{value}%" if unit == "ratio" else "{value}"},
        },
        "series": lines,
    }


def item_rates(rates: Sequence[ItemRate]) -> Options:
    """How often each item was passed, worst at the top, percent."""
    shown = [r for r in rates if r.get("rate") is not None][::-1]
    return {
        "textStyle": TEXT_STYLE, "grid": {"left": 8, "right": 52, "top": 4, "bottom": 4, "containLabel": True},
        "tooltip": {"trigger": "item", "confine": True, "formatter": "{b}：{c}%"},
        "xAxis": {"type": "value", "max": 100, "show": False},
        "yAxis": {
            "type": "category", "data": [r.get("title", r.get("item_id", "")) for r in shown], "axisLine": {"show": False}, "axisTick": {"show": False},
            "axisLabel": {"color": INK, "width": 150, "overflow": "truncate"},
        },
        "series": [{
            "type": "bar", "barMaxWidth": 14, "showBackground": True, "backgroundStyle": {"color": "#f0f2f5", "borderRadius": 7},
            "label": {"show": True, "position": "right", "formatter": "{c}%", "color": INK},
            "data": [_rate_bar(r.get("rate") or 0.0) for r in shown],
        }],
    }


def _rate_bar(rate: float) -> Options:
    colour = GOOD if rate >= 0.95 else WARN if rate >= 0.8 else BAD
    return {"value": round(rate * 100, 1), "itemStyle": {"color": colour, "borderRadius": 7}}


def emotion_share(counts: Sequence[tuple[str, float]]) -> Options:
    """How often each customer emotion was the one that stayed."""
    return {
        "textStyle": TEXT_STYLE, "tooltip": {"trigger": "item", "confine": True, "formatter": "{b}：{d}%"},
        "legend": {"bottom": 0, "icon": "circle", "itemWidth": 8, "itemHeight": 8, "textStyle": {"color": MUTED}},
        "series": [{
            "type": "pie", "radius": ["52%", "74%"], "center": ["50%", "44%"], "label": {"show": False}, "itemStyle": {"borderColor": "#fff", "borderWidth": 2},
            "data": [{"name": EMOTION.get(k, k), "value": round(v, 4), "itemStyle": {"color": EMOTION_COLOUR.get(k, CALM)}} for k, v in counts if v > 0],
        }],
    }


def solution_tree(graph: Graph, *, root: str) -> Options:
    """Product -> issue -> solution from left to right under one invisible root; ids ride along for clicks."""
    nodes = {n.get("node_id", ""): n for n in graph.get("nodes", [])}
    below: dict[str, list[str]] = {}
    for edge in graph.get("edges", []):
        below.setdefault(edge.get("from_node_id", ""), []).append(edge.get("to_node_id", ""))
    colour = {"product": ACCENT, "issue": WARN, "solution": GOOD}

    def branch(node_id: str, above: frozenset[str]) -> Options:
        node = nodes[node_id]
        return {
            "name": node.get("name", node_id), "node_id": node_id, "article_id": node.get("article_id", ""), "kind": node.get("kind", ""),
            "itemStyle": {"color": colour.get(node.get("kind", ""), CALM), "borderColor": colour.get(node.get("kind", ""), CALM)},
            "children": [branch(b, above | {b}) for b in below.get(node_id, []) if b in nodes and b not in above],
        }

    trees = [branch(i, frozenset({i})) for i, n in nodes.items() if n.get("kind") == "product"]
    return {
        "textStyle": {"fontFamily": _FAMILY}, "tooltip": {"trigger": "item", "confine": True, "formatter": "{b}"},
        "series": [{
            "type": "tree", "data": [trees[0] if len(trees) == 1 else {"name": root, "children": trees, "itemStyle": {"color": CALM, "borderColor": CALM}}],
            "orient": "LR", "left": 90, "right": 250, "top": 8, "bottom": 8, "symbol": "circle", "symbolSize": 9, "roam": "move", "initialTreeDepth": 3,
            "label": {"position": "left", "align": "right", "verticalAlign": "middle", "fontSize": 13, "color": INK} | _ON_LINE,
            "leaves": {"label": {"position": "right", "align": "left", "width": 230, "overflow": "truncate"} | _ON_LINE},
            "lineStyle": {"color": "#c8d1de", "width": 1.2, "curveness": 0.5},
            "expandAndCollapse": False, "animationDuration": 250,
        }],
    }


def rows(tree: Options) -> int:
    """How many rows a drawn tree needs; a solution shared by several issues is drawn under each."""
    return sum(_ends(node) for series in tree["series"] for node in series["data"])


def _ends(node: Options) -> int:
    return sum(_ends(child) for child in node.get("children", [])) or 1


def column(groups: Sequence[KpiGroup], kpi: str) -> list[float | None]:
    """One KPI of every group, in the groups' order."""
    return [next((v.get("value") for v in g.get("kpis", []) if v.get("kpi") == kpi), None) for g in groups]
