"""The words of an interaction as HTML that points at its scorecard; the browser's own script follows the pointers."""

from collections.abc import Mapping, Sequence

from client.shapes import Alert, Evidence, ItemResult, Promise, Transcript, Turn

from console.domain.quality_words import PROMISE, PROMISE_TONE
from console.domain.transcript_marks import Piece, Reason, marked, reasons_by_turn, tone
from console.domain.words import ALERT, LOW_CONFIDENCE, RESULT, ROLE, clock, word
from console.pages.markup import NOTHING, Html, joined, tag

SIGN = {"pass": "✓", "fail": "✗", "na": "–", "abstain": "?"}


def at(start_ms: int, end_ms: int) -> Html:
    """Where in the recording; nothing in a chat, whose turns have no times."""
    return tag("time", "", clock(start_ms)) if end_ms else NOTHING


def transcript_html(transcript: Transcript, items: Sequence[ItemResult], alerts: Sequence[Alert]) -> Html:
    """Bubbles by role. A turn carries its times for the player; marked words carry the items they are evidence for."""
    pointing = reasons_by_turn(items)
    warned: dict[str, list[Alert]] = {}
    for alert in alerts:
        warned.setdefault(alert.get("turn_id", ""), []).append(alert)
    return joined(*(_turn(t, pointing.get(t.get("turn_id", ""), []), warned.get(t.get("turn_id", ""), [])) for t in transcript.get("turns", [])))


def _turn(turn: Turn, pointing: Sequence[tuple[Reason, Evidence]], alerts: Sequence[Alert]) -> Html:
    words = marked(turn.get("text", ""), pointing)
    every = {reason.item_id: reason for reason, _ in pointing}
    tags = [
        tag("button", f"mj-tag {r.result}", f"{SIGN.get(r.result, '')} {r.title.partition('：')[0]}", type="button", data_items=r.item_id, title=r.title)
        for r in every.values()
    ]
    tags += [tag("span", "mj-tag alert", f"⚑ {word(ALERT, a.get('kind'))}", title=a.get("message", "")) for a in alerts]
    confidence, role, start, end = turn.get("confidence"), turn.get("role", ""), turn.get("start_ms", 0), turn.get("end_ms", 0)
    doubtful = confidence is not None and confidence < LOW_CONFIDENCE
    sure = f"{(confidence or 0) * 100:.0f}%{' 请以录音为准' if doubtful else ''}"
    classes = f"mj-turn {'agent' if role == 'agent' else 'customer'}{' doubtful' if doubtful else ''}{f' whole {tone(words.whole)}' if words.whole else ''}"
    return tag(
        "div", classes,
        tag(
            "div", "mj-turn-meta", tag("b", "", word(ROLE, role)), at(start, end),
            tag("span", "mj-sure", sure, title="识别置信度") if confidence is not None and end else NOTHING,
        ),
        tag("div", "mj-bubble", *(_piece(p) for p in words.pieces)) if words.pieces else tag("div", "mj-bubble", tag("i", "", "（无内容）")),
        tag("div", "mj-tags", *tags) if tags else NOTHING,
        id=f"turn-{turn.get('turn_id', '')}", data_start=int(start), data_end=int(end), tabindex=0,
    )


def _piece(piece: Piece) -> str:
    if not piece.reasons:
        return piece.text
    items = " ".join(r.item_id for r in piece.reasons)
    titles = "；".join(f"{r.title}：{word(RESULT, r.result)}" for r in piece.reasons)
    return tag("mark", f"mj-ev {tone(piece.reasons)}", piece.text, data_items=items, title=titles, tabindex=0)


def alerts_html(alerts: Sequence[Alert]) -> Html:
    """The alerts in order of time; a click goes to the turn."""
    return joined(*(
        tag(
            "button", f"mj-event {'bad' if a.get('severity') == 'high' else 'warn'}", at(a.get("at_ms", 0), a.get("at_ms", 0)),
            tag("span", "", tag("b", "", word(ALERT, a.get("kind"))), a.get("message", ""), tag("q", "", a["text"]) if a.get("text") else NOTHING),
            type="button", data_turn=a.get("turn_id", ""), data_at=int(a.get("at_ms", 0)),
        )
        for a in sorted(alerts, key=lambda a: a.get("at_ms", 0))
    ))


def promises_html(promises: Sequence[Promise], due_of: Mapping[str, tuple[str, str, str]]) -> Html:
    """What the agent undertook, by when (`due_of`: promise id -> time, words, tone); a click goes to the turn."""
    return joined(*(_promise(p, due_of.get(p.get("promise_id", ""), ("", "", "calm"))) for p in promises))


def _promise(promise: Promise, due_of: tuple[str, str, str]) -> Html:
    until, left, colour = due_of
    limit = tag("small", "", f"期限 {until} ", tag("i", f"mj-chip {colour}", left)) if promise.get("deadline") else tag("small", "", "未说明期限")
    status = promise.get("status", "")
    state = tag("i", f"mj-chip {PROMISE_TONE[status]}", PROMISE[status]) if status in PROMISE else NOTHING
    more = [f"原话“{promise['deadline_text']}”"] if promise.get("deadline_text") else []
    more += [f"跟进人 {promise['owner']}"] if promise.get("owner") else []
    return tag(
        "button", "mj-event calm", at(promise.get("at_ms", 0), promise.get("at_ms", 0)),
        tag("span", "", tag("b", "", promise.get("what", "")), state, tag("q", "", promise.get("text", "")), limit, tag("small", "", " · ".join(more))),
        type="button", data_turn=promise.get("turn_id", ""), data_at=int(promise.get("at_ms", 0)),
    )
