"""nlp without its process, on real stores, with an asr that answers over gRPC."""

from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta

import grpc
from chassis.grpc_client import channel
from chassis.grpc_server import serving
from chassis.identity import Identity
from chassis.ids import derived_id
from chassis.messaging import Events
from chassis.mongo import Database
from chassis.transient import is_transient
from google.protobuf.timestamp_pb2 import Timestamp
from mingjian.asr.v1 import asr_service_pb2 as asr
from mingjian.asr.v1 import asr_service_pb2_grpc as asr_grpc
from mingjian.ingestion.v1 import ingestion_service_pb2 as ingestion
from nlp.adapters.grpc_asr import GrpcAsr
from nlp.adapters.grpc_server import NAME, registered
from nlp.adapters.mongo_contacts import MongoContacts
from nlp.adapters.mongo_evaluations import MongoEvaluations
from nlp.adapters.mongo_promises import MongoPromises
from nlp.adapters.nats_consumer import NatsAnnouncements
from nlp.adapters.protobuf_evaluations import contact_from_wire
from nlp.app import Findings, SameEngine, Scoring, utc_now
from nlp.app_promises import PromiseKeeping
from nlp.app_vault import Vault
from nlp.domain.engine import QualityEngine
from testkit.grpc_server import served

ASR = "mingjian.asr.v1.AsrService"
LINES = (
    "a: 您好，很高兴为您服务，请问有什么可以帮您？", "c: 我叫张伟，家里宽带坏了三天了。", "a: 那您重启一下路由器试试，这是您的个人问题。",
    "c: 你这是什么态度！我要投诉，电话13812345678。", "a: 我们会尽快为您处理的。",
)


def transcript(interaction_id: str, *lines: str) -> asr.Transcript:
    made = asr.Transcript(interaction_id=interaction_id, language="zh", asr=asr.AsrModel(model="whisper-base", version="1"))
    at = 0
    for number, line in enumerate(lines or LINES):
        role = ingestion.ROLE_AGENT if line[0] == "a" else ingestion.ROLE_CUSTOMER
        end = at + len(line) * 200
        made.turns.add(turn_id=f"t{number + 1}", role=role, text=line[3:], start_ms=at, end_ms=end, confidence=0.9)
        at = end + 300
    made.duration_ms = at
    return made


def interaction(interaction_id: str = "i1", tenant: str = "t1", **metadata: str) -> ingestion.Interaction:
    fields = {"industry": "telecom", "channel": "hotline", "agent_id": "A1", "team_id": "T1", "product": "宽带"} | metadata
    made = ingestion.Interaction(
        interaction_id=interaction_id, tenant=tenant, medium=ingestion.MEDIUM_CALL, metadata=ingestion.InteractionMetadata(**fields)
    )
    made.metadata.started_at.CopyFrom(Timestamp(seconds=1_795_000_000))
    return made


@dataclass
class Asr(asr_grpc.AsrServiceServicer):
    """Keeps what a test puts into it; `down` makes it answer that often that it is away."""

    transcripts: dict[str, asr.Transcript] = field(default_factory=dict)
    down: int = 0
    asked: int = 0

    async def GetTranscript(self, request: asr.GetTranscriptRequest, context: grpc.aio.ServicerContext) -> asr.GetTranscriptResponse:
        self.asked += 1
        if self.down:
            self.down -= 1
            await context.abort(grpc.StatusCode.UNAVAILABLE, "away")
        if request.interaction_id not in self.transcripts:
            await context.abort(grpc.StatusCode.NOT_FOUND, "no transcript")
        return asr.GetTranscriptResponse(transcript=self.transcripts[request.interaction_id])


@dataclass
class Platform:
    asr: Asr
    scoring: Scoring
    findings: Findings
    vault: Vault
    evaluations: MongoEvaluations
    db: Database
    events: Events
    engine: QualityEngine
    transcripts: GrpcAsr
    promises: MongoPromises
    keeping: PromiseKeeping


@asynccontextmanager
async def nlp_on(engine: QualityEngine, db: Database, events: Events) -> AsyncIterator[Platform]:
    asr_service = Asr()
    register: Callable[[grpc.aio.Server], None] = lambda server: asr_grpc.add_AsrServiceServicer_to_server(asr_service, server)  # noqa: E731
    async with serving("127.0.0.1:0", [ASR], register, grace_s=0) as port, channel(f"127.0.0.1:{port}", retry=False) as made:
        evaluations, contacts, promises = MongoEvaluations(db, events), MongoContacts(db), MongoPromises(db, events)
        for store in (evaluations, contacts, promises):
            await store.prepare()
        transcripts = GrpcAsr(made, timeout_s=5)
        scoring = Scoring(
            SameEngine(engine), transcripts, evaluations, NatsAnnouncements(events), derive_id=derived_id, now=utc_now, utc_offset=timedelta(hours=8),
            histories=contacts,
        )
        findings = Findings(SameEngine(engine), transcripts, evaluations)
        keeping = PromiseKeeping(promises, contacts, now=utc_now, is_transient=is_transient)
        vault = Vault(findings, transcripts)
        yield Platform(asr_service, scoring, findings, vault, evaluations, db, events, engine, transcripts, promises, keeping)


def named(permissions: Iterable[str] = ("evaluations:read", "interactions:read"), tenant: str = "t1", agent_id: str = "") -> Identity:
    return Identity(tenant, "key:test", frozenset(permissions), agent_id)


def stub(platform: Platform, identity: Identity | None = None) -> AbstractAsyncContextManager[grpc.aio.Channel]:
    """A channel to NlpService on the platform, for a caller of choice."""
    return served(registered(platform.scoring, platform.findings, platform.vault, platform.keeping), NAME, identity=identity or named())


async def scored(platform: Platform, interaction_id: str = "i1", **metadata: str) -> None:
    platform.asr.transcripts[interaction_id] = transcript(interaction_id)
    await platform.scoring.score(contact_from_wire(interaction(interaction_id, **metadata), "t1", 30_000))
