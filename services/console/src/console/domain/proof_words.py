"""What a proof by later calls says, in plain words."""

from datetime import datetime
from typing import Any

from client.shapes import ProofStandard, Rectification, Ticket

from console.domain.charts import BAD, GOOD
from console.domain.words import figure, moment, when


def progress(matter: Rectification, state: str) -> str:
    """How far it is: "已复核 4 通，1 通未通过；此后连续 12 通通过即可关闭"."""
    calls = matter.get("calls", [])
    failed = sum(bool(c.get("failed")) for c in calls)
    judged = f"已复核 {len(calls)} 通，{failed} 通未通过" if calls else "还没有可复核的会话"
    if matter.get("verdict") == "passed":
        return f"{judged}；达到标准"
    if matter.get("verdict") == "failed":
        return f"{judged}；没有达到标准，请重新制定措施"
    if state == "closed":
        return "已撤销：复核或申诉认定该项通过"
    if not matter.get("proof_since"):
        return "等待填写整改方案；填写后开始复核"
    return f"{judged}；此后连续 {matter.get('still_needed', 0)} 通通过即可关闭"


def standard_words(standard: ProofStandard) -> list[str]:
    """By what it is decided and how often that is wrong."""
    mended, unmended = figure(standard.get("mended_rate"), "ratio"), figure(standard.get("unmended_rate"), "ratio")
    return [
        f"未通过率在 {mended} 以内算改好了，达到 {unmended} 算没有改好；逐通判断，证据够了就下结论，最多看 {standard.get('at_most', 0)} 通。",
        f"没有改好（{unmended} 未通过）却被判通过的可能：{figure(standard.get('false_pass'), 'ratio')}。",
        f"已经改好（{mended} 未通过）却没被判通过的可能：{figure(standard.get('false_fail'), 'ratio')}。",
    ]


def found_words(matter: Rectification) -> str:
    """What led to it: "开单前 20 通中 3 通未通过（15.0%）"."""
    judged, failed = matter.get("judged_before", 0), matter.get("failed_before", 0)
    unit = "名坐席" if matter.get("target") == "team" else "通"
    return f"开单前 {judged} {unit}中 {failed} {unit}未通过（{figure(failed / judged, 'ratio')}）" if judged else "开单前没有统计"


def relapse_words(matter: Rectification, now: datetime) -> str:
    """Until when it is watched after it has passed; how often it came back."""
    until = moment(matter.get("relapse_until"))
    said = [] if until is None else [f"观察期至 {when(matter.get('relapse_until'))[:10]}，期内复发会自动重开" if until > now else "观察期已过"]
    if matter.get("relapses"):
        said.append(f"已复发 {matter['relapses']} 次")
    return "；".join(said)


def is_over(ticket: Ticket) -> bool:
    return ticket.get("state") == "closed"


def failing_chart(matter: Rectification) -> dict[str, Any]:
    """Share of failing calls so far after each call of the proof, against the two rates of the standard. ECharts options."""
    calls, standard, failed, shares = matter.get("calls", []), matter.get("standard", {}), 0, []
    for n, call in enumerate(calls, 1):
        failed += bool(call.get("failed"))
        colour = BAD if call.get("failed") else GOOD
        shares.append({"value": round(failed / n * 100, 1), "itemStyle": {"color": colour}, "name": when(call.get("at"))})
    limits = [
        {"yAxis": round(rate * 100, 1), "label": {"formatter": f"{name} {{c}}%", "position": "insideEndTop"}, "lineStyle": {"color": colour}}
        for rate, name, colour in ((standard.get("mended_rate", 0), "改好", GOOD), (standard.get("unmended_rate", 0), "没改好", BAD))
    ]
    return {
        "grid": {"left": 44, "right": 16, "top": 16, "bottom": 30},
        "tooltip": {"trigger": "item", "formatter": "第 {b} 通后累计未通过 {c}%"},
        "xAxis": {"type": "category", "data": list(range(1, len(calls) + 1)), "axisTick": {"show": False}},
        "yAxis": {"type": "value", "min": 0, "max": 100, "axisLabel": {"formatter": "{value}%"}},
        "series": [{
            "type": "line", "data": [{k: v for k, v in s.items() if k != "name"} for s in shares], "symbolSize": 9, "lineStyle": {"color": "#98a2b3"},
            "markLine": {"silent": True, "symbol": "none", "data": limits},
        }],
    }
