import asyncio
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from nlp.adapters.mongo_chain import MongoChain
from nlp.domain.chain import Head, is_whole
from nlp_platform import scored
from testkit.waiting import eventually

WRITER = Path(__file__).parent / "chain_writer.py"
TENANTS = ("t1", "t2")


async def waiting(db, tenant, first, count):
    """Evaluations that wait for a place, as far as a chain knows them."""
    since = datetime.now(UTC)
    await db.evaluations.insert_many([
        {"_id": f"{tenant}-{n}", "tenant": tenant, "interaction_id": f"i{n}", "record_sha256": f"{n:064x}", "unchained_since": since}
        for n in range(first, first + count)
    ])


async def check(db, chain, tenant, count):
    """Every evaluation has one place, places have no gap, and every link is whole."""
    before, seen = Head(), set()
    while links := await chain.links(tenant, before.sequence + 1, 500):
        for link in links:
            assert is_whole(tenant, link, before), link
            before = link.head
            seen.add(link.evaluation_id)
    assert (before.sequence, len(seen)) == (count, count)
    assert await chain.head(tenant) == before
    async for document in db.evaluations.find({"tenant": tenant}):
        assert "unchained_since" not in document
        assert document["place"] == f"{tenant}/{document['chain']['sequence']:012d}"
    places = await db.evaluations.distinct("place", {"tenant": tenant})
    assert len(places) == count


@pytest.fixture
async def chain(db):
    made = MongoChain(db)
    await made.prepare()
    return made


async def test_what_waits_is_given_places_oldest_first(db, chain):
    await waiting(db, "t1", 0, 3)
    await waiting(db, "t2", 0, 2)
    assert await chain.append_waiting() == 5
    assert await chain.append_waiting() == 0
    await check(db, chain, "t1", 3)
    await check(db, chain, "t2", 2)


async def test_writers_at_the_same_time_leave_no_gap_and_give_no_place_twice(db, chain):
    writers = [MongoChain(db) for _ in range(5)]

    async def store():
        for n in range(20):
            for tenant in TENANTS:
                await waiting(db, tenant, n * 10, 10)

    async def write(writer, batch):
        while await db.evaluations.count_documents({"unchained_since": {"$exists": True}}) or not stored.done():
            await writer.append_waiting(batch)

    stored = asyncio.create_task(store())
    await asyncio.gather(stored, *(write(writer, batch) for writer, batch in zip(writers, (3, 7, 20, 50, 500), strict=True)))
    for tenant in TENANTS:
        await check(db, chain, tenant, 200)


async def test_writers_killed_in_the_middle_leave_no_gap_and_give_no_place_twice(db, chain, mongo_uri):
    children = []

    def start(batch):
        children.append(subprocess.Popen([sys.executable, str(WRITER), mongo_uri, db.name, str(batch)], stdout=subprocess.PIPE))

    async def linked(at_least):
        return await db.chain_links.count_documents({}) >= at_least

    try:
        for tenant in TENANTS:
            await waiting(db, tenant, 0, 1500)
        for batch in (40, 70):
            start(batch)
        for _ in range(4):
            so_far = await db.chain_links.count_documents({})
            await eventually(lambda n=so_far: linked(min(n + 150, 3000)), within_s=60, every_s=0.005)
            children[-2].kill()
            start(40 + 10 * len(children))
        await eventually(lambda: linked(3000), within_s=60)
        marked = await eventually(lambda: _none_waits(db), within_s=60)
        assert marked
    finally:
        for child in children:
            child.kill()
            child.wait()
            child.stdout.close()
    for tenant in TENANTS:
        await check(db, chain, tenant, 1500)


async def _none_waits(db):
    return not await db.evaluations.count_documents({"unchained_since": {"$exists": True}})


@pytest.mark.parametrize("done", [1, 2, 3])
async def test_links_of_a_writer_that_died_before_it_could_say_so_are_taken_as_they_are(db, chain, monkeypatch, done):
    await waiting(db, "t1", 0, 3)

    async def died(evaluations, tenant, links):
        raise ConnectionError

    with monkeypatch.context() as patched:
        patched.setattr(chain, "_told", died)
        with pytest.raises(ConnectionError):
            await chain.append_waiting(done)
    await waiting(db, "t1", 3, 2)
    while await chain.append_waiting(2):
        pass
    await check(db, chain, "t1", 5)


async def test_one_writer_holds_the_lease_until_it_ends(db, chain):
    other = MongoChain(db)
    assert await chain._holds_lease()
    assert not await other._holds_lease()
    assert await chain._holds_lease()
    await db.leases.update_one({"_id": "chain"}, {"$set": {"until": datetime.now(UTC) - timedelta(seconds=1)}})
    assert await other._holds_lease()
    assert not await chain._holds_lease()


@pytest.mark.parametrize(("collection", "query", "index"), [
    ("chain_links", {"place": {"$gte": "t1/000000000010", "$lt": "t1/~"}}, "place"),
    ("evaluations", {"unchained_since": {"$lt": datetime(2100, 1, 1, tzinfo=UTC)}}, "unchained_since"),
    ("evaluations", {"place": "t1/000000000010"}, "place"),
])
async def test_chains_are_read_by_their_indexes(platform, collection, query, index):
    chain = MongoChain(platform.db)
    await chain.prepare()
    await scored(platform)
    await chain.append_waiting()
    command = {"find": collection, "filter": query, "sort": {next(iter(query)): 1}, "limit": 5}
    plan = (await platform.db.command("explain", command, verbosity="executionStats"))["queryPlanner"]["winningPlan"]
    while plan.get("stage") != "IXSCAN":
        plan = plan["inputStage"]
    assert plan["indexName"] == index
