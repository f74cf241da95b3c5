"""One call all the way, shown to a person: what is sent, how far it has come, and everything that came out."""

import json
import time
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx
import typer
import yaml
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Column, Table

from devstack.platform import Platform

STEPS = ("received", "transcribing", "scoring", "scored")
STEP_TITLES = {"received": "已接收", "transcribing": "转写中", "scoring": "质检中", "scored": "已完成"}
ROLES = {"agent": "坐席", "customer": "客户"}
RESULTS = {"pass": "[green]通过[/]", "fail": "[red]不通过[/]", "na": "[dim]不适用[/]", "abstain": "[yellow]待人工[/]"}
EMOTIONS = {"angry": "愤怒", "anxious": "焦虑", "neutral": "平静", "satisfied": "满意"}
_LONGEST_S = 3600.0

Json = dict[str, Any]


def metadata_for(call: Path, given: str) -> Json:
    """The metadata to send: what was given, over the script that lies beside one of the shipped calls. Raises typer.BadParameter."""
    if not call.is_file():
        raise typer.BadParameter(f"{call} is not a file", param_hint="CALL")
    metadata: Json = {}
    script = call.with_suffix(".yaml")
    if script.is_file():
        metadata = {**yaml.safe_load(script.read_text(encoding="utf-8"))["meta"], "direction": "inbound"}
    if given:
        try:
            read = json.loads(given)
        except json.JSONDecodeError as e:
            raise typer.BadParameter(f"is not JSON: {e}", param_hint="META") from None
        if not isinstance(read, dict):
            raise typer.BadParameter('must be an object such as {"industry": "telecom"}', param_hint="META")
        metadata |= read
    return metadata


def show(platform: Platform, call: Path, metadata: Json, console: Console) -> None:
    """Send the call and print its way. Raises typer.Exit(1) where the platform refuses it."""
    with httpx.Client(base_url=platform.url, headers={"Authorization": f"Bearer {platform.api_key}"}, timeout=60) as http:
        before = _kpis(http)
        console.rule(f"[bold]{call.name}")
        began = time.monotonic()
        interaction = _send(http, call, metadata, console)
        taken = time.monotonic() - began
        path = f"/v1/interactions/{interaction['interaction_id']}"
        transcript, evaluation = _get(http, f"{path}/transcript"), _get(http, f"{path}/evaluation")
        seconds = transcript["duration_ms"] / 1000
        console.print(f"{seconds:.0f} s of audio done in {taken:.1f} s ({seconds / max(taken, 0.1):.0f}x real time)\n")
        _print_transcript(transcript, evaluation, console)
        _print_evaluation(evaluation, transcript, console)
        _print_findings(evaluation, console)
        _print_tickets(_eventually(http, f"/v1/tickets?interaction_id={interaction['interaction_id']}", "tickets"), console)
        _print_knowledge(_eventually(http, f"{path}/suggestions", "suggestions"), console)
        _print_kpis(before, _moved(http, before), console)
        console.print(f"\nconsole while the platform is up: {platform.console_url}   ([bold]make up[/] keeps it up)")


def _get(http: httpx.Client, path: str) -> Json:
    answer = http.get(path)
    answer.raise_for_status()
    found: Json = answer.json()
    return found


def _send(http: httpx.Client, call: Path, metadata: Json, console: Console) -> Json:
    parts: dict[str, tuple[str | None, bytes | str, str]] = {"metadata": (None, json.dumps(metadata), "application/json")}
    parts["audio"] = (call.name, call.read_bytes(), "application/octet-stream")
    answer = http.post("/v1/interactions", files=parts)
    if answer.status_code != 202:
        problem = answer.json()
        console.print(f"[red]not accepted:[/] {problem.get('field', '')} {problem.get('detail', answer.text)}")
        raise typer.Exit(1)
    interaction_id = answer.json()["interaction_id"]
    with Progress(TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn(), console=console) as progress:
        task = progress.add_task(STEP_TITLES["received"], total=len(STEPS) - 1)
        deadline = time.monotonic() + _LONGEST_S
        while time.monotonic() < deadline:
            found = _get(http, f"/v1/interactions/{interaction_id}")
            if found["status"] == "failed":
                console.print(f"[red]{found.get('reason', '')}[/]")
                raise typer.Exit(1)
            progress.update(task, completed=STEPS.index(found["status"]), description=STEP_TITLES[found["status"]])
            if found["status"] == "scored":
                return found
            time.sleep(0.1)
    raise typer.Exit(1)


def _eventually(http: httpx.Client, path: str, field: str, *, within_s: float = 5) -> list[Json]:
    """What other services make of the evaluation arrives a moment after it; nothing within the time is an answer too."""
    deadline = time.monotonic() + within_s
    found: list[Json] = []
    while not found and time.monotonic() < deadline:
        found = _get(http, path)[field]
        time.sleep(0.1)
    return found


def _table(*columns: str, title: str) -> Table:
    """A table whose cells are folded, never cut: Chinese has no spaces to break at."""
    return Table(*(Column(c, overflow="fold") for c in columns), title=title, title_justify="left", expand=True)


def _at(ms: int) -> str:
    return f"{ms // 60000:02d}:{ms // 1000 % 60:02d}.{ms % 1000 // 100}"


def _print_transcript(transcript: Json, evaluation: Json, console: Console) -> None:
    table = _table("时间", "角色", "内容", "置信度", title=f"转写 · {transcript['asr']['model']}")
    emotions = {e["turn_id"]: e["emotion"] for e in evaluation.get("emotion_course", ())}
    for turn in transcript["turns"]:
        style = "cyan" if turn["role"] == "agent" else ""
        mood = emotions.get(turn["turn_id"], "neutral")
        text = turn["text"] + (f"  [magenta]〔{EMOTIONS.get(mood, mood)}〕[/]" if mood != "neutral" else "")
        table.add_row(f"{_at(turn['start_ms'])}–{_at(turn['end_ms'])}", ROLES[turn["role"]], text, f"{turn['confidence']:.2f}", style=style)
    console.print(table)
    for notice in transcript.get("notices", ()):
        console.print(f"[dim]{notice}[/]")


def _print_evaluation(evaluation: Json, transcript: Json, console: Console) -> None:
    turns = {t["turn_id"]: t for t in transcript["turns"]}
    card, emotion = evaluation["scorecard"], evaluation["customer_emotion"]
    fatal = "  [red bold]致命项不通过[/]" if evaluation["fatal"] else ""
    console.print(
        f"\n[bold]得分 {evaluation['score']:.0f}[/]{fatal}  评分表 {card['id']} {card['version']}  工单类型 {evaluation['ticket_type']}  "
        f"紧急程度 {'高' if evaluation['urgency'] == 'high' else '普通'}  客户情绪 {EMOTIONS.get(emotion, emotion)}"
    )
    table = _table("维度", "项目", "结果", "得分", "依据", title="评分表")
    for item in evaluation["items"]:
        if item["result"] == "na":
            continue
        places = [f"{_at(e['start_ms'])} {ROLES[turns[e['turn_id']]['role']] if e['turn_id'] in turns else ''}「{e['text']}」" for e in item["evidence"][:2]]
        why = "\n".join([item.get("explanation", ""), *places]).strip()
        table.add_row(item["dimension"], item["title"], RESULTS[item["result"]], f"{item['points']:g}/{item['max_points']:g}", why)
    console.print(table)
    scores = [f"{d['dimension']} {d['score']:.0f}" for d in evaluation["dimensions"] if "score" in d]
    console.print("  ".join(scores))
    skipped = [i["title"] for i in evaluation["items"] if i["result"] == "na"]
    if skipped:
        console.print(f"[dim]不适用：{'、'.join(skipped)}[/]")


def _print_findings(evaluation: Json, console: Console) -> None:
    console.print("\n[bold]预警[/]" + ("" if evaluation["alerts"] else "  无"))
    for alert in evaluation["alerts"]:
        console.print(f"  {_at(alert['at_ms'])}  [red]{alert['message']}[/]  {alert['text']}")
    console.print("[bold]承诺[/]" + ("" if evaluation["promises"] else "  无"))
    for promise in evaluation["promises"]:
        due = f"{promise['deadline_text']}（{_local(promise['deadline'])} 前）" if "deadline" in promise else "[yellow]没有时限[/]"
        console.print(f"  {_at(promise['at_ms'])}  {promise['what']}  {due}")


def _print_tickets(tickets: list[Json], console: Console) -> None:
    console.print("[bold]工单[/]" + ("" if tickets else "  无"))
    for ticket in tickets:
        console.print(
            f"  {ticket['title']}  {ticket['type']} · {ticket['department']} · {'紧急' if ticket['urgency'] == 'high' else '普通'}\n"
            f"    首次响应 {_local(ticket['first_response_due_at'])} 前，解决 {_local(ticket['resolution_due_at'])} 前"
        )


def _print_knowledge(found: list[Json], console: Console) -> None:
    console.print("[bold]推荐知识[/]" + ("" if found else "  无"))
    for one in found:
        article = one["article"]
        console.print(f"  {article['title']}  [dim]{one['relevance']:.2f}  因为客户说「{one.get('because', '')}」[/]")
        console.print(f"    {article.get('script') or article['answer']}")


def _kpis(http: httpx.Client) -> dict[str, Json]:
    groups = _get(http, "/v1/kpis?group_by=all")["groups"]
    return {k["kpi"]: k for k in groups[0]["kpis"]} if groups else {}


def _moved(http: httpx.Client, before: dict[str, Json], *, within_s: float = 5) -> dict[str, Json]:
    deadline = time.monotonic() + within_s
    now = _kpis(http)
    while time.monotonic() < deadline:
        time.sleep(0.5)
        last, now = now, _kpis(http)
        if now == last and {k: v.get("value") for k, v in now.items()} != {k: v.get("value") for k, v in before.items()}:
            break
    return now


def _print_kpis(before: dict[str, Json], after: dict[str, Json], console: Console) -> None:
    table = Table("指标", "之前", "现在", "目标", title="变化的指标", title_justify="left")
    for name, kpi in after.items():
        was = before.get(name, {}).get("value")
        if kpi.get("value") != was:
            target = _figure(kpi.get("target"), kpi["unit"])
            mark = {True: " [green]达标[/]", False: " [red]未达标[/]", None: ""}[kpi.get("met")]
            table.add_row(kpi["title"], _figure(was, kpi["unit"]), _figure(kpi.get("value"), kpi["unit"]), target + mark)
    console.print(table)


def _figure(value: float | None, unit: str) -> str:
    if value is None:
        return "–"
    return f"{value * 100:.1f} %" if unit == "ratio" else f"{value:.1f}" if value != int(value) else f"{value:.0f}"


def _local(moment: str) -> str:
    return datetime.fromisoformat(moment).astimezone().strftime("%m-%d %H:%M")
