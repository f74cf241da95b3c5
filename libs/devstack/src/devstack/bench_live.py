"""Turn in to alert out: turns of many calls at once through the real nats-server to nlp as a process, against phrase match alone.

Both sides hear the same turns at the same pace in the same run, each with a broker and a database of its own, and tell their alerts
through JetStream. What is timed begins before a turn is published and ends when its alert is delivered from the stream.
"""

import asyncio
import random
import sys
import sysconfig
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

import nats.js.errors
from chassis.messaging import Envelope, Events, connected, ensure_stream, subject_of, wrap
from mingjian.asr.v1.asr_service_pb2 import Turn
from mingjian.asr.v1.events_pb2 import TurnTranscribed
from mingjian.ingestion.v1.ingestion_service_pb2 import MEDIUM_CALL, ROLE_AGENT, ROLE_CUSTOMER, Interaction, InteractionMetadata
from mingjian.nlp.v1.events_pb2 import AlertRaised
from nats.aio.msg import Msg
from nats.js.api import AckPolicy, ConsumerConfig, DeliverPolicy
from rich.console import Console
from rich.table import Table

from devstack.processes import Died, Process, free_port, port_is_free

PER_SECOND = 500
CALLS = 150
TURNS = 60
WARM_UP_CALLS = 20
AIM_MS = 5.0
_SCRIPTS = Path(sysconfig.get_path("scripts"))
_AGENT = (
    "您好，很高兴为您服务，请问有什么可以帮您？", "非常抱歉给您带来不便，我先帮您核实一下情况，请您稍等。",
    "我查到您的套餐是每个月五十九元，包含三十个G的流量。",
    "我为您安排工程师上门检修，二十四小时之内会联系您。", "请问您的联系电话和地址是多少？", "好的，已经为您登记，由我本人全程跟进。",
)
_CUSTOMER = (
    "我家的宽带已经坏了三天了，报修了两次都没有人来维修。", "重启过很多次了，根本没有用，你们到底什么时候派人来？",
    "我的电话是13812345678，住在幸福路18号阳光小区3栋502室。",
    "那如果流量不够用怎么办，可以升级套餐吗？", "嗯，好的。", "你们上次就说会来，已经等了很久了。",
)
_RAISING = ((ROLE_CUSTOMER, "再不解决我就去工信部投诉你们！"), (ROLE_AGENT, "这是您的个人问题，跟我们没有关系。"), (ROLE_CUSTOMER, "什么态度，你们就是骗子！"))

Row = tuple[str, float, float, float]


@dataclass
class _Heard:
    """When each turn was sent, and how many milliseconds later its first alert came."""

    sent: dict[tuple[str, str], float] = field(default_factory=dict)
    after_ms: dict[tuple[str, str], float] = field(default_factory=dict)

    async def alert(self, message: Msg) -> None:
        now = time.perf_counter()
        event = AlertRaised.FromString(message.data)
        key = (event.interaction.interaction_id, event.alert.turn_id)
        if key in self.sent:
            self.after_ms.setdefault(key, (now - self.sent[key]) * 1000)


def run(console: Console) -> list[Row]:
    """Prints and returns (what, p50 ms, p99 ms, alerts), first of phrase match alone, then of the engine."""
    rows = []
    for what, module in ((f"{10_000:,} phrases matched, nothing else", "nlp.bench_phrases"), ("nlp, the full engine", "nlp")):
        with console.status(f"{what}: {CALLS} calls of {TURNS} turns at {PER_SECOND} turns/s"):
            waited = sorted(_measured(module))
        rows.append((what, waited[len(waited) // 2], waited[int(len(waited) * 0.99)], float(len(waited))))
    table = Table(
        f"turn in -> alert out at {PER_SECOND} turns/s, {CALLS} calls side by side", "p50 ms", "p99 ms", f"p99 to the aim of {AIM_MS:.0f} ms",
        "p50 / p99 to phrases alone", "alerts",
    )
    for what, median, most, alerts in rows:
        table.add_row(what, f"{median:.2f}", f"{most:.2f}", f"{most / AIM_MS:.2f}", f"{median / rows[0][1]:.1f} / {most / rows[0][2]:.1f}", f"{alerts:.0f}")
    console.print(table)
    return rows


def _measured(module: str) -> list[float]:
    with TemporaryDirectory(prefix="mingjian-bench-") as folder, _servers(Path(folder), module) as url:
        return asyncio.run(_paced(url))


async def _paced(url: str) -> list[float]:
    heard = _Heard()
    async with connected(url, "bench", publishes=False) as events:
        for stream in ("asr", "ingestion", "nlp"):
            await ensure_stream(events, stream)
        await _until_listening(events)
        subscription = await events.js.subscribe(
            subject_of(AlertRaised), cb=heard.alert, manual_ack=True, config=ConsumerConfig(ack_policy=AckPolicy.NONE, deliver_policy=DeliverPolicy.NEW),
        )
        await _send(events, _turns(WARM_UP_CALLS, "warm"), _Heard())
        await asyncio.sleep(1)
        await _send(events, _turns(CALLS, "call"), heard)
        await asyncio.sleep(2)
        await subscription.unsubscribe()
    return list(heard.after_ms.values())


async def _send(events: Events, turns: Sequence[tuple[tuple[str, str], Envelope]], heard: _Heard) -> None:
    """One turn every 1/PER_SECOND s, whatever becomes of the ones before."""
    under_way: set[asyncio.Task[None]] = set()
    began = time.perf_counter()
    for number, (key, envelope) in enumerate(turns):
        ahead = began + number / PER_SECOND - time.perf_counter()
        if ahead > 0:
            await asyncio.sleep(ahead)
        heard.sent[key] = time.perf_counter()
        task = asyncio.create_task(events.publish(envelope))
        under_way.add(task)
        task.add_done_callback(under_way.discard)
    await asyncio.gather(*under_way)


def _turns(calls: int, name: str) -> list[tuple[tuple[str, str], Envelope]]:
    """The turns of calls side by side; in each call something worth an alert is said at three places drawn at random."""
    rows = []
    for call in range(calls):
        draw = random.Random(call)
        raising = dict(zip(draw.sample(range(TURNS), len(_RAISING)), _RAISING, strict=True))
        about = Interaction(
            interaction_id=f"{name}-{call}", tenant="bench", medium=MEDIUM_CALL,
            metadata=InteractionMetadata(industry="telecom", channel="hotline", agent_id=f"A{call}", team_id="T1", product="宽带"),
        )
        row, now = [], 0
        for number in range(TURNS):
            role, text = raising.get(number) or ((ROLE_AGENT, draw.choice(_AGENT)) if number % 2 == 0 else (ROLE_CUSTOMER, draw.choice(_CUSTOMER)))
            turn = Turn(turn_id=f"t{number + 1}", role=role, text=text, start_ms=now, end_ms=now + 220 * len(text), confidence=0.9, language="zh")
            now += 220 * len(text) + 400
            event = TurnTranscribed(interaction=about, turn=turn, sequence=number + 1)
            envelope = wrap(event, tenant="bench", key=f"{about.interaction_id}/{number + 1}", about=about.interaction_id)
            row.append(((about.interaction_id, turn.turn_id), envelope))
        rows.append(row)
    return [row[number] for number in range(TURNS) for row in rows]


async def _until_listening(events: Events) -> None:
    durable = f"nlp-{TurnTranscribed.DESCRIPTOR.full_name.replace('.', '-')}"
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        try:
            if (await events.js.consumer_info("asr", durable)).num_waiting:
                return
        except nats.js.errors.NotFoundError:
            pass
        await asyncio.sleep(0.1)
    raise Died("nobody listens to turns")


@contextmanager
def _servers(folder: Path, module: str) -> Iterator[str]:
    """nats-server, a MongoDB-wire server and the module as processes of their own; yields the broker's URL."""
    broker, store = free_port(), free_port()
    url = f"nats://127.0.0.1:{broker}"
    env = {
        "NATS_URL": url, "MONGO_URI": f"mongodb://127.0.0.1:{store}/?directConnection=true", "METRICS_ADDRESS": "", "GRPC_ADDRESS": f"127.0.0.1:{free_port()}",
        "LOG_LEVEL": "WARNING",
    }
    with ExitStack() as up:
        servers = [
            Process("nats", [_SCRIPTS / "nats-server", "-js", "-sd", folder / "js", "-a", "127.0.0.1", "-p", str(broker)], {}, folder / "nats.log"),
            Process("mongo", [_SCRIPTS / "secantusd-py", "--port", str(store), "--storage-path", ":memory:"], {}, folder / "mongo.log"),
            Process(module, [sys.executable, "-m", module], env, folder / "nlp.log"),
        ]
        for server, port in zip(servers, (broker, store, 0), strict=True):
            server.start()
            up.callback(server.kill)
            while port and port_is_free(port):
                if not server.alive:
                    raise Died(server.tail())
                time.sleep(0.01)
        yield url
