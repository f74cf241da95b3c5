"""What knowledge's tests share: the shipped seed, the real encoder loaded once, and a knowledge on real servers."""

import asyncio
from datetime import UTC, datetime

import pytest
from chassis.errors import NotFound
from chassis.ids import new_id
from chassis.messaging import Events, ensure_stream
from chassis.mongo import Database
from knowledge.adapters.mongo_articles import MongoArticles
from knowledge.adapters.mongo_graph import MongoGraph
from knowledge.adapters.mongo_suggestions import MongoSuggestions
from knowledge.adapters.usem3_encoder import Usem3Encoder
from knowledge.adapters.yaml_seed import read_seed
from knowledge.app import Knowledge, Shelf
from knowledge.domain.search import sentences
from knowledge.settings import SEED

NOW = datetime(2026, 11, 2, 9, 0, tzinfo=UTC)


@pytest.fixture(scope="session")
def seed():
    return read_seed(SEED)


@pytest.fixture(scope="session")
def encoder():
    made = Usem3Encoder()
    yield made
    made.close()


@pytest.fixture(scope="session")
def vectors(seed, encoder):
    """The vectors of the seed's sentences, made once."""
    texts = sentences(seed[0])
    return dict(zip(texts, asyncio.run(encoder.encode(texts)), strict=True))


class DictTranscripts:
    """What customers said, by interaction."""

    def __init__(self):
        self.said = {}

    async def customer_turns(self, interaction_id):
        try:
            return self.said[interaction_id]
        except KeyError:
            raise NotFound(f"no transcript of interaction {interaction_id}") from None


@pytest.fixture
def transcripts():
    return DictTranscripts()


@pytest.fixture
async def knowledge(db: Database, events: Events, seed, encoder, vectors, transcripts) -> Knowledge:
    """The whole of knowledge on real servers, seeded; only nlp is a dict."""
    await ensure_stream(events, "knowledge")
    articles, graph, suggestions = MongoArticles(db, events), MongoGraph(db), MongoSuggestions(db, events)
    for store in (articles, graph, suggestions):
        await store.prepare()
    await articles.seed(seed[0], NOW)
    await graph.seed(seed[1])
    made = Knowledge(articles, graph, transcripts, suggestions, Shelf(encoder, _vectors=dict(vectors)), lambda: NOW, new_id)
    await made.refresh()
    return made
