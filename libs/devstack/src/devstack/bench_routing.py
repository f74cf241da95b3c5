"""Tickets: opened, found, assigned and timed beside the database's own pace, and sent where people would have sent them.

Chats of ../shared/data/jddc_dialogues.jsonl carry an intent for each of the customer's turns. INTENTS maps those that are something wrong with goods,
an order or a system to 故障, what asks for something to be done or changed to 业务办理, disputes to 投诉, all others (questions) to 咨询; and by
what they are about to a department. A chat's label is that of most of its turns, the graver of two as frequent; chats of OTHER alone are left out.
Every second chat is looked at by the baselines, the others are what all are measured on.
"""

import json
import re
import subprocess
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Sequence
from math import log
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from rich.console import Console
from rich.table import Table

from devstack.bench_nlp import SHARED
from devstack.platform import SCRIPTS
from devstack.processes import Died, Process, free_port, port_is_free

Row = tuple[str, float, float, float]
CHATS = "jddc_dialogues.jsonl"
OTHER = "OTHER"
TYPES = ("咨询", "业务办理", "故障", "投诉")  # the later, the graver
_TIMEOUT_S = 900
_KEYWORDS = 20
# The first that is found in an intent's name counts.
INTENT_TYPES = (
    ("投诉", "纠纷单"),
    ("故障", "异常|无法|发错货|少商品|物流损|无故取消|无记录|不正确|不通过|图片差异|未到账"),
    ("业务办理", "修改|取消订单|申请退款|申请流程|补发|填写|增票|拒收|恢复|取消退款|下单备注|预约|提现|合并|拆分|关闭|安装|开通|注销|认证|代客户|领取|^试用$"),
)
INTENT_DEPARTMENTS = (
    ("财务结算部", "退款|发票|增票|支付|提现|余额|白条|分期|转账|小金库|充值|消费记录|货到付款"),
    ("市场部", "价保|优惠|活动|促销|返券|京豆|价格|PLUS|预售|抢购|试用"),
    ("仓配部", "配送|物流|出库|发错货|少商品|补发|签收|拒收|自提|送货|运费|返件|返回|包装清单|代收|库存|补货|有货|无货|拆包装|外包装|包裹"),
    ("品质管理部", "正品|生产日期|保质期|图片差异"),
)
REST = "客户服务中心"


def run(console: Console) -> list[Row]:
    """Prints and returns (what, ours, aim or peer, ratio)."""
    return [*understood(console), *served(console)]


def understood(console: Console) -> list[Row]:
    """Macro-F1 of type and department against a majority and a keyword baseline."""
    file = SHARED / "data" / CHATS
    if not file.exists():
        console.print(f"type and department: ../shared/data/{CHATS} is absent")
        return []
    chats, labels = _labelled(file)
    seen, unseen = range(0, len(chats), 2), range(1, len(chats), 2)
    with console.status("judging written chats"):
        judged = _child("nlp.bench", "types", {"chats": [{"industry": "ecommerce", **chats[n]} for n in unseen]})
        matters = [{"type": one["type"], "industry": "ecommerce", "text": one["summary"]} for one in judged]
        sent = _child("routing.bench", "departments", matters)
    rows: list[Row] = []
    table = Table(f"{len(unseen)} chats not seen before, macro-F1", "shipped", "majority", "keywords of the other half", "shipped right", "classes")
    for what, ours, place in (("type", [one["type"] for one in judged], 0), ("department", sent, 1)):
        truth = [labels[n][place] for n in unseen]
        known = [labels[n][place] for n in seen]
        most = Counter(known).most_common(1)[0][0]
        keyword = _by_keywords([_words(chats[n]) for n in seen], known, [_words(chats[n]) for n in unseen])
        figures = [macro_f1(truth, guess) for guess in (ours, [most] * len(truth), keyword)]
        rows.append((what, figures[0], figures[2], figures[0] / figures[2]))
        right = sum(a == b for a, b in zip(truth, ours, strict=True)) / len(truth)
        table.add_row(what, *(f"{figure:.3f}" for figure in figures), f"{right:.0%}", ", ".join(f"{k} {v}" for k, v in Counter(truth).most_common()))
    console.print(table)
    return rows


def served(console: Console) -> list[Row]:
    """Tickets opened, found, assigned and timed, each on servers of its own."""
    table = Table("routing on embedded servers", "measured", "aim", "ratio")
    rows: list[Row] = []
    with console.status("opening tickets through events"):
        opened = _on_servers("opening")
    pace = opened["insert_per_s"]
    rows.append(("tickets opened a second, against insert_one of the same documents", opened["opened_per_s"], pace, opened["opened_per_s"] / pace))
    table.add_row(rows[-1][0], f"{opened['opened_per_s']:.0f} of {pace:.0f}", "0.5", f"{rows[-1][3]:.2f}")
    indexed = opened["insert_indexed_per_s"]
    share = opened["opened_per_s"] / indexed
    table.add_row("the same against insert_one with the indexes of tickets", f"{opened['opened_per_s']:.0f} of {indexed:.0f}", "", f"{share:.2f}")
    with console.status("reading and assigning among 100,000 open tickets"):
        among = _on_servers("open")
    for what, name in (("next 50 due", "due_ms"), ("one agent's list", "own_ms"), ("one assignment", "assigned_ms")):
        rows.append((f"{what} among {among['tickets']:,} open, p95 in ms", among[name], 50.0, 50.0 / among[name]))
        table.add_row(rows[-1][0], f"{among[name]:.1f}", "at most 50", f"{rows[-1][3]:.1f}")
    with console.status("letting timers go off among 100,000"):
        timed = _on_servers("timers")
    rows.append((f"{timed['per_s']:.0f} timers a second among {timed['pending']:,.0f}: late, p99 in s", timed["p99_s"], 1.0, 1.0 / timed["p99_s"]))
    found = f"{timed['p99_s']:.2f} (p50 {timed['p50_s']:.2f}, {timed['fired']:.0f} of {timed['due']:.0f})"
    table.add_row(rows[-1][0], found, "at most 1", f"{rows[-1][3]:.1f}")
    console.print(table)
    console.print("; ".join(f"{what} reads {index}" for what, index in among["indexes"].items()))
    return rows


def macro_f1(truth: Sequence[str], guess: Sequence[str]) -> float:
    """Mean over the classes that occur in truth of the harmonic mean of precision and recall."""
    scores = []
    for label in sorted(set(truth)):
        hits = sum(t == g == label for t, g in zip(truth, guess, strict=True))
        scores.append(2 * hits / (truth.count(label) + guess.count(label)))
    return sum(scores) / len(scores)


def _labelled(file: Path) -> tuple[list[dict[str, Any]], list[tuple[str, str]]]:
    chats, labels = [], []
    for line in file.read_text(encoding="utf-8").splitlines():
        chat = json.loads(line)
        intents = [turn["intent"] for turn in chat["turns"] if turn.get("intent", OTHER) != OTHER]
        if intents:
            types = Counter(_mapped(intent, INTENT_TYPES, TYPES[0]) for intent in intents)
            departments = Counter(_mapped(intent, INTENT_DEPARTMENTS, REST) for intent in intents)
            chats.append({"turns": [{"role": turn["role"], "text": turn["text"]} for turn in chat["turns"]]})
            labels.append((max(types, key=lambda name: (types[name], TYPES.index(name))), departments.most_common(1)[0][0]))
    return chats, labels


def _mapped(intent: str, table: Sequence[tuple[str, str]], rest: str) -> str:
    return next((label for label, pattern in table if re.search(pattern, intent)), rest)


def _words(chat: dict[str, Any]) -> set[str]:
    said = [turn["text"] for turn in chat["turns"] if turn["role"] == "customer"]
    return {text[at : at + 2] for text in said for at in range(len(text) - 1)}


def _by_keywords(seen: Sequence[set[str]], labels: Sequence[str], unseen: Sequence[set[str]]) -> list[str]:
    """For each class the pairs of characters that tell it most from the others; the class with most of its own wins."""
    count: dict[str, Counter[str]] = defaultdict(Counter)
    for words, label in zip(seen, labels, strict=True):
        count[label].update(words)
    total = sum(count.values(), Counter[str]())
    sizes = Counter(labels)
    keywords = {}
    for label, counted in count.items():
        rest = len(labels) - sizes[label]
        weight = {w: log((n + 0.5) / (sizes[label] + 1)) - log((total[w] - n + 0.5) / (rest + 1)) for w, n in counted.items() if n >= 3}
        keywords[label] = sorted(weight, key=lambda w: (-weight[w], w))[:_KEYWORDS]
    return [max(sizes, key=lambda label: (sum(w in words for w in keywords[label]), sizes[label])) for words in unseen]


def _child(module: str, name: str, given: object) -> Any:
    with TemporaryDirectory(prefix="mingjian-bench-") as folder:
        file = Path(folder) / "given.json"
        file.write_text(json.dumps(given), encoding="utf-8")
        return json.loads(_output([sys.executable, "-m", module, name, str(file)]))


def _on_servers(name: str) -> Any:
    with TemporaryDirectory(prefix="mingjian-bench-") as text:
        folder = Path(text)
        nats, mongo = free_port(), free_port()
        (folder / "nats.conf").write_text(f'jetstream {{ store_dir: "{folder / "js"}" }}\nlisten: "127.0.0.1:{nats}"\n')
        servers = [
            Process("nats", [SCRIPTS / "nats-server", "-c", folder / "nats.conf"], {}, folder / "nats.log"),
            Process("mongo", [SCRIPTS / "secantusd-py", "--port", str(mongo), "--storage-path", folder / "mongo"], {}, folder / "mongo.log"),
        ]
        try:
            for server, port in zip(servers, (nats, mongo), strict=True):
                server.start()
                _until_taken(port)
            uri = f"mongodb://127.0.0.1:{mongo}/?directConnection=true"
            given = [f"nats://127.0.0.1:{nats}", uri] if name == "opening" else [uri]
            return json.loads(_output([sys.executable, "-m", "routing.bench", name, *given]))
        finally:
            for server in servers:
                server.kill()


def _until_taken(port: int) -> None:
    for _ in range(600):
        if not port_is_free(port):
            return
        time.sleep(0.05)
    raise Died(f"nothing answers on port {port}")


def _output(command: list[str]) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=_TIMEOUT_S).stdout
