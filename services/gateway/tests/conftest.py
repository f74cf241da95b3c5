"""The edge as it runs, and behind it real gRPC servers that answer from memory."""

import hashlib
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field

import httpx
import pytest
from chassis.errors import InvalidInput, NotAllowedNow, NotFound, Stale
from chassis.grpc_server import serving
from chassis.identity import caller
from chassis.ids import new_id
from chassis.lifecycle import Life
from chassis.messaging import connected, wrap
from chassis.mongo import database
from chassis.service import Running
from gateway.__main__ import Edge, edge
from gateway.settings import Settings
from mingjian.asr.v1 import asr_service_pb2
from mingjian.ingestion.v1 import ingestion_service_pb2 as ingestion
from mingjian.ingestion.v1 import ingestion_service_pb2_grpc as ingestion_grpc
from mingjian.knowledge.v1 import knowledge_service_pb2 as knowledge
from mingjian.knowledge.v1 import knowledge_service_pb2_grpc as knowledge_grpc
from mingjian.nlp.v1 import nlp_service_pb2 as nlp
from mingjian.nlp.v1 import nlp_service_pb2_grpc as nlp_grpc
from mingjian.reporting.v1 import reporting_service_pb2 as reporting
from mingjian.reporting.v1 import reporting_service_pb2_grpc as reporting_grpc
from mingjian.routing.v1 import desk_service_pb2 as desk
from mingjian.routing.v1 import desk_service_pb2_grpc as desk_grpc
from mingjian.routing.v1 import routing_service_pb2 as routing
from mingjian.routing.v1 import routing_service_pb2_grpc as routing_grpc

ADMIN_KEY = "admin-key-of-this-test-0123456789"
IDENTITY_KEY = "signs-identities"


class Ingestion(ingestion_grpc.IngestionServiceServicer):
    def __init__(self):
        self.interactions, self.audio, self.copies, self.largest_chunk, self.uploads, self.received = {}, {}, {}, 0, 0, 0
        self.asked = []
        self.keeping = True

    def put(self, interaction, audio=b""):
        if audio:
            interaction.audio.MergeFrom(ingestion.Audio(container="wav", size_bytes=len(audio), sha256=hashlib.sha256(audio).hexdigest()))
            self.audio[interaction.interaction_id] = audio
        self.interactions[interaction.tenant, interaction.interaction_id] = interaction
        return interaction

    def _find(self, interaction_id):
        try:
            return self.interactions[caller().tenant, interaction_id]
        except KeyError:
            raise NotFound("there is no such interaction") from None

    async def UploadInteraction(self, requests, context):
        metadata, audio, size = None, bytearray(), 0
        async for request in requests:
            if request.WhichOneof("part") == "size_bytes":
                if request.size_bytes != size:
                    raise InvalidInput("size_bytes", "is not what came")
                break
            if request.WhichOneof("part") == "metadata":
                metadata = request.metadata
                if metadata.industry == "unheard-of":
                    raise InvalidInput("metadata.industry", "is not an industry")
            else:
                self.largest_chunk = max(self.largest_chunk, len(request.chunk))
                self.received += len(request.chunk)
                size += len(request.chunk)
                if self.keeping:
                    audio += request.chunk
        else:
            raise InvalidInput("size_bytes", "is missing: the upload broke off")
        self.uploads += 1
        made = ingestion.Interaction(
            interaction_id=new_id(), tenant=caller().tenant, metadata=metadata, medium=ingestion.MEDIUM_CALL,
            status=ingestion.INTERACTION_STATUS_RECEIVED,
        )
        return ingestion.UploadInteractionResponse(interaction=self.put(made, bytes(audio)))

    async def CreateInteraction(self, request, context):
        if not request.turns:
            raise InvalidInput("turns", "must have 1 to 5000 turns")
        made = ingestion.Interaction(
            interaction_id=new_id(), tenant=caller().tenant, metadata=request.metadata, medium=ingestion.MEDIUM_CHAT,
            status=ingestion.INTERACTION_STATUS_RECEIVED,
        )
        return ingestion.CreateInteractionResponse(interaction=self.put(made))

    async def GetInteraction(self, request, context):
        return ingestion.GetInteractionResponse(interaction=self._find(request.interaction_id))

    async def ListInteractions(self, request, context):
        self.asked.append(request)
        return ingestion.ListInteractionsResponse(interactions=[i for (t, _), i in self.interactions.items() if t == caller().tenant])

    async def DownloadAudio(self, request, context):
        self._find(request.interaction_id)
        if request.interaction_id not in self.audio:
            raise NotFound("a chat has no audio")
        redacted = request.redacted or not caller().may("pii:read")
        if redacted and request.interaction_id not in self.copies:
            raise NotAllowedNow("not scored yet")
        audio = (self.copies if redacted else self.audio)[request.interaction_id]
        file = ingestion.AudioFile(
            size_bytes=len(audio), tag=hashlib.sha256(audio).hexdigest(), container="wav" if redacted else "mp3", redacted=redacted
        )
        for n in range(0, len(audio), 1000):
            yield ingestion.DownloadAudioResponse(chunk=audio[n : n + 1000], file=None if n else file)


class Nlp(nlp_grpc.NlpServiceServicer):
    def __init__(self):
        self.asked = []

    async def GetTranscript(self, request, context):
        return nlp.GetTranscriptResponse(transcript=asr_service_pb2.Transcript(
            interaction_id=request.interaction_id, turns=[asr_service_pb2.Turn(turn_id="t1", role=ingestion.ROLE_AGENT, text="您好", confidence=0.9)]
        ))

    async def GetEvaluation(self, request, context):
        item = nlp.ItemResult(item_id="apology", result=nlp.ITEM_OUTCOME_PASS, points=5, max_points=5, confidence=0.75)
        return nlp.GetEvaluationResponse(evaluation=nlp.Evaluation(interaction_id=request.interaction_id, score=92.5, items=[item]))

    async def ListEvaluations(self, request, context):
        self.asked.append(request)
        return nlp.ListEvaluationsResponse()

    async def ListAlerts(self, request, context):
        return nlp.ListAlertsResponse()


class Routing(routing_grpc.RoutingServiceServicer):
    def __init__(self):
        self.tickets, self.asked, self.failing = {}, [], None

    def _find(self, ticket_id):
        if ticket_id not in self.tickets or self.tickets[ticket_id].tenant != caller().tenant:
            raise NotFound("there is no such ticket")
        return self.tickets[ticket_id]

    async def OpenTicket(self, request, context):
        ticket = routing.Ticket(ticket_id=new_id(), tenant=caller().tenant, title=request.title, state=routing.TICKET_STATE_OPEN, version=1)
        self.tickets[ticket.ticket_id] = ticket
        return routing.OpenTicketResponse(ticket=ticket)

    async def GetTicket(self, request, context):
        if self.failing:
            raise self.failing
        return routing.GetTicketResponse(ticket=self._find(request.ticket_id))

    async def ListTickets(self, request, context):
        self.asked.append(request)
        return routing.ListTicketsResponse(tickets=list(self.tickets.values()))

    async def AssignTicket(self, request, context):
        ticket = self._find(request.ticket_id)
        if request.version not in (0, ticket.version):
            raise Stale(f"the current version is {ticket.version}")
        ticket.assignee, ticket.state, ticket.version = request.assignee, routing.TICKET_STATE_ASSIGNED, ticket.version + 1
        return routing.AssignTicketResponse(ticket=ticket)


class Desk(desk_grpc.DeskServiceServicer):
    def __init__(self, of):
        self._of = of

    async def ExportTickets(self, request, context):
        self._of.asked.append(request)
        if request.zone == "Mars":
            raise InvalidInput("zone", "is not an IANA time zone")
        for part in ("\ufeff编号\r\n", "1\r\n"):
            yield desk.ExportTicketsResponse(chunk=part.encode())

    async def ImportTickets(self, request, context):
        self._of.asked.append(request)
        return desk.ImportTicketsResponse(rows=2, opened=1, refused=1, problems=[desk.ImportProblem(row=3, column="type", reason="must be one of")])

    async def DownloadAttachment(self, request, context):
        if request.attachment_id != "a1":
            raise NotFound("no attachment")
        file = routing.Attachment(attachment_id="a1", name='截图"1.png', media_type="image/png", size_bytes=6)
        yield desk.DownloadAttachmentResponse(attachment=file, chunk=b"abc")
        yield desk.DownloadAttachmentResponse(chunk=b"def")


def add_routing(servicer, server):
    routing_grpc.add_RoutingServiceServicer_to_server(servicer, server)
    desk_grpc.add_DeskServiceServicer_to_server(Desk(servicer), server)


class Knowledge(knowledge_grpc.KnowledgeServiceServicer):
    async def SearchArticles(self, request, context):
        found = knowledge.Found(article=knowledge.Article(article_id="a1", title=request.q), relevance=0.5)
        return knowledge.SearchArticlesResponse(results=[found])

    async def GetArticle(self, request, context):
        return knowledge.GetArticleResponse(article=knowledge.Article(article_id=request.article_id, state=knowledge.ARTICLE_STATE_PUBLISHED))


class Reporting(reporting_grpc.ReportingServiceServicer):
    async def QueryKpis(self, request, context):
        # `from` is a word of Python, so it is set by name
        return reporting.QueryKpisResponse(**{"from": getattr(request, "from"), "to": request.to})

    async def SetTarget(self, request, context):
        return reporting.SetTargetResponse(target=reporting.Target(kpi=request.kpi, target=request.target))


@dataclass
class World:
    """Everything a test needs to play with the edge."""

    edge: Edge
    http: httpx.AsyncClient
    ingestion: Ingestion
    nlp: Nlp
    routing: Routing
    events: object
    settings: Settings
    db: object = None
    keys: dict = field(default_factory=dict)

    async def key(self, role, extra=(), agent_id="", team_id=""):
        asked = {"name": role, "role": role, "agent_id": agent_id, "team_id": team_id, "extra_permissions": list(extra)}
        made = await self.http.post("/v1/api-keys", json=asked)
        assert made.status_code == 200, made.text
        self.keys[made.json()["secret"]] = made.json()["key"]["key_id"]
        return {"Authorization": f"Bearer {made.json()['secret']}"}

    async def publish(self, event, key=None, tenant="t1", about=""):
        await self.events.publish(wrap(event, tenant=tenant, key=key or new_id(), about=about))


@asynccontextmanager
async def peers_served():
    """The services behind the edge on real ports: their addresses as settings, and the servicers."""
    servicers = {
        "ingestion": (Ingestion(), "mingjian.ingestion.v1.IngestionService", ingestion_grpc.add_IngestionServiceServicer_to_server),
        "nlp": (Nlp(), "mingjian.nlp.v1.NlpService", nlp_grpc.add_NlpServiceServicer_to_server),
        "routing": (Routing(), "mingjian.routing.v1.RoutingService", add_routing),
        "knowledge": (Knowledge(), "mingjian.knowledge.v1.KnowledgeService", knowledge_grpc.add_KnowledgeServiceServicer_to_server),
        "reporting": (Reporting(), "mingjian.reporting.v1.ReportingService", reporting_grpc.add_ReportingServiceServicer_to_server),
    }
    async with AsyncExitStack() as up:
        addresses = {}
        for name, (servicer, service, add) in servicers.items():
            port = await up.enter_async_context(
                serving("127.0.0.1:0", [service], lambda s, add=add, it=servicer: add(it, s), identity_key=IDENTITY_KEY, grace_s=0)
            )
            addresses[f"{name}_address"] = f"127.0.0.1:{port}"
        yield addresses, {name: servicer for name, (servicer, _, _) in servicers.items()}


@asynccontextmanager
async def world_with(nats_url, mongo_uri, **changed):
    async with AsyncExitStack() as up:
        addresses, servicers = await up.enter_async_context(peers_served())
        settings = Settings(
            http_address="127.0.0.1:0", grpc_address="127.0.0.1:0", bootstrap_api_key=ADMIN_KEY, bootstrap_tenant="t1", identity_key=IDENTITY_KEY,
            stop_grace_s=1, **{"event_heartbeat_s": 0.3, "key_cache_s": 0.5, **addresses, **changed},
        )
        events = await up.enter_async_context(connected(nats_url, "gateway"))
        db = await up.enter_async_context(database(mongo_uri, "gateway", name=f"test_{new_id().replace('-', '')}"))
        up.push_async_callback(db.client.drop_database, db.name)
        async with AsyncExitStack() as inner:
            made = await edge(Running(Life(), events, db, inner), settings)
            http = await inner.enter_async_context(httpx.AsyncClient(
                base_url=f"http://127.0.0.1:{made.http_port}", headers={"Authorization": f"Bearer {ADMIN_KEY}"}, timeout=20, trust_env=False
            ))
            yield World(made, http, servicers["ingestion"], servicers["nlp"], servicers["routing"], events, settings, db)


@pytest.fixture
async def world(own_nats_url, mongo_uri):
    async with world_with(own_nats_url, mongo_uri) as made:
        yield made


@pytest.fixture
def make_world(own_nats_url, mongo_uri):
    return lambda **changed: world_with(own_nats_url, mongo_uri, **changed)


@pytest.fixture
def make_world_at():
    return world_with
