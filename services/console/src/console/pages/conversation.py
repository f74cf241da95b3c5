"""The words of an interaction and its scorecard as HTML that point at each other; the browser's own script follows the pointers.

Everything that comes from outside goes through `_tag`, which escapes it, and nothing else in the pages is written as raw HTML.
"""

from collections.abc import Mapping, Sequence
from html import escape

from client.shapes import Alert, Evidence, ItemResult, Promise, Transcript, Turn

from console.domain.transcript_marks import Piece, Reason, marked, reasons_by_turn, tone
from console.domain.words import ALERT, DIMENSIONS, LOW_CONFIDENCE, RESULT, ROLE, clock, points, word

_SIGN = {"pass": "✓", "fail": "✗", "na": "–", "abstain": "?"}
_ORDER = {"fail": 0, "abstain": 1, "pass": 2, "na": 3}


class Html(str):
    """Text that is HTML already."""


def _tag(name: str, classes: str, *inside: str, **attributes: str | int) -> Html:
    """An element; text inside is escaped unless it is Html, as are attributes, whose underscores become hyphens."""
    given = {"class": classes, **attributes} if classes else attributes
    written = "".join(f' {k.rstrip("_").replace("_", "-")}="{escape(str(v))}"' for k, v in given.items())
    return Html(f"<{name}{written}>{_joined(*inside)}</{name}>")


def _joined(*parts: str) -> Html:
    return Html("".join(p if isinstance(p, Html) else escape(p) for p in parts))


_NOTHING = Html("")


def _time(start_ms: int, end_ms: int) -> Html:
    """Where in the recording; nothing in a chat, whose turns have no times."""
    return _tag("time", "", clock(start_ms)) if end_ms else _NOTHING


def transcript_html(transcript: Transcript, items: Sequence[ItemResult], alerts: Sequence[Alert]) -> Html:
    """Bubbles by role. A turn carries its times for the player; marked words carry the items they are evidence for."""
    pointing = reasons_by_turn(items)
    warned: dict[str, list[Alert]] = {}
    for alert in alerts:
        warned.setdefault(alert.get("turn_id", ""), []).append(alert)
    return _joined(*(_turn(t, pointing.get(t.get("turn_id", ""), []), warned.get(t.get("turn_id", ""), [])) for t in transcript.get("turns", [])))


def _turn(turn: Turn, pointing: Sequence[tuple[Reason, Evidence]], alerts: Sequence[Alert]) -> Html:
    words = marked(turn.get("text", ""), pointing)
    every = {reason.item_id: reason for reason, _ in pointing}
    tags = [
        _tag("button", f"mj-tag {r.result}", f"{_SIGN.get(r.result, '')} {r.title.partition('：')[0]}", type="button", data_items=r.item_id, title=r.title)
        for r in every.values()
    ]
    tags += [_tag("span", "mj-tag alert", f"⚑ {word(ALERT, a.get('kind'))}", title=a.get("message", "")) for a in alerts]
    confidence, role, start, end = turn.get("confidence"), turn.get("role", ""), turn.get("start_ms", 0), turn.get("end_ms", 0)
    doubtful = confidence is not None and confidence < LOW_CONFIDENCE
    sure = f"{(confidence or 0) * 100:.0f}%{' 请以录音为准' if doubtful else ''}"
    classes = f"mj-turn {'agent' if role == 'agent' else 'customer'}{' doubtful' if doubtful else ''}{f' whole {tone(words.whole)}' if words.whole else ''}"
    return _tag(
        "div", classes,
        _tag(
            "div", "mj-turn-meta", _tag("b", "", word(ROLE, role)), _time(start, end),
            _tag("span", "mj-sure", sure, title="识别置信度") if confidence is not None and end else _NOTHING,
        ),
        _tag("div", "mj-bubble", *(_piece(p) for p in words.pieces)) if words.pieces else _tag("div", "mj-bubble", _tag("i", "", "（无内容）")),
        _tag("div", "mj-tags", *tags) if tags else _NOTHING,
        id=f"turn-{turn.get('turn_id', '')}", data_start=int(start), data_end=int(end), tabindex=0,
    )


def _piece(piece: Piece) -> str:
    if not piece.reasons:
        return piece.text
    items = " ".join(r.item_id for r in piece.reasons)
    titles = "；".join(f"{r.title}：{word(RESULT, r.result)}" for r in piece.reasons)
    return _tag("mark", f"mj-ev {tone(piece.reasons)}", piece.text, data_items=items, title=titles, tabindex=0)


def scorecard_html(items: Sequence[ItemResult]) -> Html:
    """The items under their dimension, failed ones first inside it; each carries the turns that are its evidence."""
    names = [*DIMENSIONS, *dict.fromkeys(i.get("dimension", "") for i in items if i.get("dimension") not in DIMENSIONS)]
    blocks = []
    for name in names:
        inside = sorted((i for i in items if i.get("dimension", "") == name), key=lambda i: _ORDER.get(i.get("result", ""), 4))
        if inside:
            counted = [i for i in inside if i.get("result") in ("pass", "fail")]
            given, possible = sum(i.get("points", 0.0) for i in counted), sum(i.get("max_points", 0.0) for i in counted)
            share = f"{points(given)} / {points(possible)} 分" if counted else "不适用"
            head = _tag("div", "mj-dim-head", _tag("b", "", name or "其他"), _tag("span", "", share))
            blocks.append(_tag("div", "mj-dim", head, *(_item(i) for i in inside)))
    return _joined(*blocks)


def _item(item: ItemResult) -> Html:
    result, evidence, confidence = item.get("result", ""), item.get("evidence", []), item.get("confidence")
    places = " ".join(dict.fromkeys(e.get("turn_id", "") for e in evidence if e.get("turn_id")))
    got = f"{points(item.get('points', 0.0))} / {points(item.get('max_points', 0.0))}" if result in ("pass", "fail") else word(RESULT, result)
    quotes = [
        _tag(
            "button", "mj-quote", _time(e.get("start_ms", 0), e.get("end_ms", 0)), _tag("span", "", e.get("text") or "（该处应出现而未出现）"),
            type="button", data_turn=e.get("turn_id", ""), data_at=int(e.get("start_ms", 0)),
        )
        for e in evidence
    ]
    return _tag(
        "div", f"mj-item {result}",
        _tag(
            "div", "mj-item-head", _tag("span", "mj-sign", _SIGN.get(result, "")), _tag("b", "", item.get("title") or item.get("item_id", "")),
            _tag("span", "mj-fatal", "致命项") if item.get("fatal") else _NOTHING, _tag("span", "mj-item-points", got),
        ),
        _tag("p", "", item["explanation"]) if item.get("explanation") else _NOTHING,
        *quotes,
        _tag("div", "mj-item-foot", f"置信度 {confidence * 100:.0f}%") if confidence is not None and result != "na" else _NOTHING,
        id=f"item-{item.get('item_id', '')}", data_turns=places, tabindex=0,
    )


def alerts_html(alerts: Sequence[Alert]) -> Html:
    """The alerts in order of time; a click goes to the turn."""
    return _joined(*(
        _tag(
            "button", f"mj-event {'bad' if a.get('severity') == 'high' else 'warn'}", _time(a.get("at_ms", 0), a.get("at_ms", 0)),
            _tag("span", "", _tag("b", "", word(ALERT, a.get("kind"))), a.get("message", ""), _tag("q", "", a["text"]) if a.get("text") else _NOTHING),
            type="button", data_turn=a.get("turn_id", ""), data_at=int(a.get("at_ms", 0)),
        )
        for a in sorted(alerts, key=lambda a: a.get("at_ms", 0))
    ))


def promises_html(promises: Sequence[Promise], due_of: Mapping[str, tuple[str, str, str]]) -> Html:
    """What the agent undertook, by when (`due_of`: promise id -> time, words, tone); a click goes to the turn."""
    return _joined(*(_promise(p, due_of.get(p.get("promise_id", ""), ("", "", "calm"))) for p in promises))


def _promise(promise: Promise, due_of: tuple[str, str, str]) -> Html:
    at, left, colour = due_of
    limit = _tag("small", "", f"期限 {at} ", _tag("i", f"mj-chip {colour}", left)) if promise.get("deadline") else _tag("small", "", "未说明期限")
    more = [f"原话“{promise['deadline_text']}”"] if promise.get("deadline_text") else []
    more += [f"跟进人 {promise['owner']}"] if promise.get("owner") else []
    return _tag(
        "button", "mj-event calm", _time(promise.get("at_ms", 0), promise.get("at_ms", 0)),
        _tag("span", "", _tag("b", "", promise.get("what", "")), _tag("q", "", promise.get("text", "")), limit, _tag("small", "", " · ".join(more))),
        type="button", data_turn=promise.get("turn_id", ""), data_at=int(promise.get("at_ms", 0)),
    )
