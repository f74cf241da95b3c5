"""pytest fixtures: the real nats-server and a MongoDB-wire server, one each per test session, an own database per test."""

from collections.abc import AsyncIterator, Iterator

import pytest
from chassis.ids import new_id
from chassis.messaging import Events, connected
from chassis.mongo import Database, database

from testkit.processes import mongo_server, nats_server


@pytest.fixture(scope="session")
def nats_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A server shared by the whole run: use a tenant of your own where counts matter."""
    with nats_server(tmp_path_factory.mktemp("nats")) as url:
        yield url


@pytest.fixture
def own_nats_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A server for one test that counts messages or consumes from the beginning."""
    with nats_server(tmp_path_factory.mktemp("nats")) as url:
        yield url


@pytest.fixture(scope="session")
def mongo_uri(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with mongo_server(tmp_path_factory.mktemp("mongo")) as uri:
        yield uri


@pytest.fixture
async def events(own_nats_url: str) -> AsyncIterator[Events]:
    """A connection to a server of its own, as the service "test"."""
    async with connected(own_nats_url, "test") as connection:
        yield connection


@pytest.fixture
async def db(mongo_uri: str) -> AsyncIterator[Database]:
    """A new, empty database."""
    name = f"test_{new_id().replace('-', '')}"
    async with database(mongo_uri, "test", name=name) as made:
        yield made
        await made.client.drop_database(name)
