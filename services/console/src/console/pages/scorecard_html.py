"""A judged scorecard as HTML that points at the words of the conversation; the browser's own script follows the pointers."""

from collections.abc import Sequence

from client.shapes import Evidence, ItemResult

from console.domain.quality_words import grouped
from console.domain.words import RESULT, clock, points, word
from console.pages.conversation import SIGN, at
from console.pages.markup import NOTHING, Html, joined, tag

_ORDER = {"fail": 0, "abstain": 1, "pass": 2, "na": 3}
# A rule of many phrases has a long text; shorter ones need no fold.
_FOLDED_FROM = 48


def scorecard_html(items: Sequence[ItemResult]) -> Html:
    """The items under their section, failed ones first inside it, those that do not apply folded; each carries the turns that are its evidence."""
    blocks = []
    for name, places in grouped(items):
        inside = sorted((items[n] for n in places), key=lambda i: _ORDER.get(i.get("result", ""), 4))
        counted = [i for i in inside if i.get("result") in ("pass", "fail") and not i.get("bonus")]
        given, possible = sum(i.get("points", 0.0) for i in counted), sum(i.get("max_points", 0.0) for i in counted)
        extra = sum(i.get("points", 0.0) for i in inside if i.get("bonus"))
        share = f"{points(given)} / {points(possible)} 分" + (f" + 加分 {points(extra)}" if extra else "") if counted else "不适用"
        shown, away = [i for i in inside if i.get("result") != "na"], [i for i in inside if i.get("result") == "na"]
        blocks.append(tag(
            "div", "mj-dim", tag("div", "mj-dim-head", tag("b", "", name), tag("span", "", share)), *(item_html(i) for i in shown),
            tag("details", "mj-fold", tag("summary", "", f"{len(away)} 项不适用"), *(item_html(i) for i in away)) if away else NOTHING,
        ))
    return joined(*blocks)


def _got(item: ItemResult) -> str:
    result = item.get("result", "")
    if result not in ("pass", "fail"):
        return word(RESULT, result)
    if item.get("bonus"):
        return f"+{points(item.get('points', 0.0))}"
    return f"{points(item.get('points', 0.0))} / {points(item.get('max_points', 0.0))}"


def item_html(item: ItemResult) -> Html:
    """One item: what it came to, why, where, and what was looked for."""
    result, evidence, confidence = item.get("result", ""), item.get("evidence", []), item.get("confidence")
    places = " ".join(dict.fromkeys(e.get("turn_id", "") for e in evidence if e.get("turn_id")))
    chips = [tag("span", "mj-fatal" if result == "fail" else "mj-fatal soft", "致命项")] if item.get("fatal") else []
    chips += [tag("span", "mj-chip gold", f"加分 {points(item.get('max_points', 0.0))}")] if item.get("bonus") else []
    chips += [tag("span", "mj-chip calm", item["option"])] if item.get("option") else []
    chips += [tag("span", "mj-chip info", "人工已定")] if item.get("reviewed") else []
    script = item.get("script") if result in ("fail", "abstain") and item.get("script", "") not in item.get("explanation", "") else ""
    foot = [f"把握 {confidence * 100:.0f}%"] if confidence is not None and result != "na" and not item.get("reviewed") else []
    return tag(
        "div", f"mj-item {result}",
        tag(
            "div", "mj-item-head", tag("span", "mj-sign", SIGN.get(result, "")), tag("b", "", item.get("title") or item.get("item_id", "")), *chips,
            tag("span", "mj-item-points", _got(item)),
        ),
        tag("p", "", item["explanation"]) if item.get("explanation") else NOTHING,
        *quotes_html(evidence),
        tag("p", "mj-script-line", f"建议说：{script}") if script else NOTHING,
        _looked_for(item.get("rule_text", "")),
        tag("div", "mj-item-foot", " · ".join(foot)) if foot else NOTHING,
        id=f"item-{item.get('item_id', '')}", data_turns=places, tabindex=0,
    )


def quotes_html(evidence: Sequence[Evidence]) -> list[Html]:
    """Places in the conversation, each with its words and the rule that found it; a click goes there."""
    return [
        tag(
            "button", "mj-quote", at(e.get("start_ms", 0), e.get("end_ms", 0)), tag("span", "", e.get("text") or "（该处应出现而未出现）"),
            type="button", data_turn=e.get("turn_id", ""), data_at=int(e.get("start_ms", 0)),
            title=" · ".join(x for x in (_sure(e), clock(e.get("start_ms")) if e.get("end_ms") else "", e.get("rule_text", "")) if x),
        )
        for e in evidence
    ]


def _sure(evidence: Evidence) -> str:
    confidence = evidence.get("confidence")
    return f"命中把握 {confidence * 100:.0f}%" if confidence else ""


def _looked_for(rule_text: str) -> Html:
    if not rule_text:
        return NOTHING
    if len(rule_text) <= _FOLDED_FROM:
        return tag("div", "mj-rule", tag("i", "", "判定依据"), rule_text)
    return tag("details", "mj-rule", tag("summary", "", tag("i", "", "判定依据"), f"{rule_text[:_FOLDED_FROM]}…"), tag("div", "", rule_text))
