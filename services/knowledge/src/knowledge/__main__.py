"""python -m knowledge: the one place where knowledge meets the outside."""

from datetime import UTC, datetime

from chassis.grpc_client import channel
from chassis.grpc_server import serving
from chassis.ids import new_id
from chassis.lifecycle import cancelled
from chassis.messaging import consuming
from chassis.service import running, start
from mingjian.knowledge.v1.knowledge_service_pb2_grpc import add_KnowledgeServiceServicer_to_server
from mingjian.nlp.v1.events_pb2 import InteractionScored

from knowledge.adapters.asyncio_refresh import refresh_forever
from knowledge.adapters.grpc_server import NAME, KnowledgeServicer
from knowledge.adapters.grpc_transcripts import GrpcTranscripts, without_unmasking
from knowledge.adapters.mongo_articles import MongoArticles
from knowledge.adapters.mongo_graph import MongoGraph
from knowledge.adapters.mongo_suggestions import MongoSuggestions
from knowledge.adapters.nats_consumer import OnInteractionScored
from knowledge.adapters.usem3_encoder import Usem3Encoder
from knowledge.adapters.yaml_seed import read_seed
from knowledge.app import Knowledge, Shelf
from knowledge.settings import Settings


async def serve(settings: Settings) -> None:
    """Run until SIGTERM."""
    seed_articles, seed_nodes = read_seed(settings.seed_folder)
    async with running("knowledge", settings) as r:
        articles, graph, suggestions = MongoArticles(r.db, r.events), MongoGraph(r.db), MongoSuggestions(r.db, r.events)
        for store in (articles, graph, suggestions):
            await store.prepare()
        await articles.seed(seed_articles, datetime.now(UTC))
        await graph.seed(seed_nodes)
        encoder = Usem3Encoder()
        r.up.callback(encoder.close)
        nlp = await r.up.enter_async_context(
            channel(settings.nlp_address, identity_key=settings.identity_key, identity=without_unmasking)
        )
        knowledge = Knowledge(
            articles, graph, GrpcTranscripts(nlp), suggestions, Shelf(encoder), lambda: datetime.now(UTC), new_id
        )
        await knowledge.refresh()
        r.up.push_async_callback(cancelled, r.life.spawn(articles.outbox.sweep_forever(), "articles' outbox"))
        r.up.push_async_callback(cancelled, r.life.spawn(suggestions.outbox.sweep_forever(), "suggestions' outbox"))
        r.up.push_async_callback(cancelled, r.life.spawn(refresh_forever(knowledge, settings.refresh_s), "refresh"))
        await r.up.enter_async_context(
            consuming(r.events, r.life, "knowledge", InteractionScored, OnInteractionScored(knowledge), concurrency=4)
        )
        await r.up.enter_async_context(
            serving(
                settings.grpc_address, [NAME], lambda server: add_KnowledgeServiceServicer_to_server(KnowledgeServicer(knowledge), server),
                identity_key=settings.identity_key, grace_s=settings.stop_grace_s,
            )
        )
        await r.life.until_stopped()


if __name__ == "__main__":
    start(Settings, serve)
