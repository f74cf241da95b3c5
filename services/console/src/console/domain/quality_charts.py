"""ECharts options of quality work."""

from collections.abc import Sequence

from client.quality_shapes import GroupChange

from console.domain.charts import BAD, GOOD, INK, LINE, TEXT_STYLE, Options
from console.domain.quality_words import signed


def group_changes(changes: Sequence[GroupChange]) -> Options:
    """How the mean score moves for each agent or team, most at the top; green up, red down."""
    shown = list(changes)[::-1]
    moved = [c.get("mean_after", 0.0) - c.get("mean_before", 0.0) for c in shown]
    far = max((abs(m) for m in moved), default=0.0) or 1.0
    return {
        "textStyle": TEXT_STYLE, "grid": {"left": 8, "right": 24, "top": 6, "bottom": 6, "containLabel": True},
        "tooltip": {"trigger": "item", "confine": True},
        "xAxis": {
            "type": "value", "min": -round(far * 1.25, 1), "max": round(far * 1.25, 1), "splitLine": {"lineStyle": {"color": LINE}},
            "axisLabel": {"show": False},
        },
        "yAxis": {
            "type": "category", "data": [c.get("id", "") for c in shown], "axisLine": {"show": False}, "axisTick": {"show": False},
            "axisLabel": {"color": INK, "width": 120, "overflow": "truncate"},
        },
        "series": [{
            "type": "bar", "barMaxWidth": 14,
            "data": [
                {
                    "value": round(m, 2), "itemStyle": {"color": GOOD if m > 0 else BAD, "borderRadius": 4},
                    "name": f"{c.get('id')}：{c.get('mean_before', 0.0):.1f} → {c.get('mean_after', 0.0):.1f}（{c.get('interactions', 0)} 条）",
                    "label": {"show": True, "position": "right" if m >= 0 else "left", "formatter": signed(m), "color": INK},
                }
                for c, m in zip(shown, moved, strict=True)
            ],
        }],
    }
