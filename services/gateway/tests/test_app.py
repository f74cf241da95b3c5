import asyncio
from datetime import UTC, datetime

import pytest
from chassis.errors import AlreadyExists, Denied, InvalidInput, NotFound, Unauthenticated
from chassis.ids import new_id
from chassis.mongo import database
from gateway.adapters.mongo_audit import MongoAudit
from gateway.adapters.mongo_keys import MongoKeys
from gateway.app import Audit, Keys
from gateway.domain.keys import hash_secret


def now():
    return datetime.now(UTC)


@pytest.fixture
async def store(db):
    made = MongoKeys(db)
    await made.prepare()
    return made


@pytest.fixture
def keys(store):
    return Keys(store, "pepper", now, new_id)


@pytest.fixture
async def admin(keys):
    await keys.bootstrap("t1", "first-secret-of-all", "k0", frozenset())
    return await keys.authenticate("first-secret-of-all")


async def test_a_secret_is_kept_as_a_hash_alone(keys, admin, db):
    key, secret = await keys.create(admin, name="sdk", role="integrator", agent_id="", team_id="", extra=frozenset())
    assert await keys.authenticate(secret) == key
    stored = await db["api_keys"].find({}).to_list(10)
    assert secret not in str(stored) and hash_secret(secret, "pepper") in str(stored)


async def test_the_first_key_is_made_once_and_stays_revoked(keys, admin, store):
    await keys.revoke("t1", admin.key_id)
    await keys.bootstrap("t1", "first-secret-of-all", "k0", frozenset())
    assert len(await keys.newest("t1")) == 1
    with pytest.raises(Unauthenticated, match="revoked"):
        await keys.authenticate("first-secret-of-all")


@pytest.mark.parametrize(("tenant", "extra"), [("T 1", frozenset()), ("t1", frozenset({"*"}))])
async def test_the_first_key_is_no_way_around_the_rules(keys, tenant, extra):
    with pytest.raises(InvalidInput):
        await keys.bootstrap(tenant, "a-secret", "k9", extra)


async def test_hot_keys_do_not_reach_the_database(keys, admin, store):
    asked = 0
    ask = store.by_hash

    async def counted(secret_hash):
        nonlocal asked
        asked += 1
        return await ask(secret_hash)

    store.by_hash = counted
    for _ in range(50):
        await keys.authenticate("first-secret-of-all")
        with pytest.raises(Unauthenticated):
            await keys.authenticate("wrong")
    assert asked == 1  # the wrong one; the right one was asked before


async def test_a_key_revoked_elsewhere_ends_when_the_cache_does(store, admin, keys):
    at = 0.0
    here = Keys(store, "pepper", now, lambda: "x", cache_s=3.0, clock=lambda: at)
    await here.authenticate("first-secret-of-all")
    await keys.revoke("t1", admin.key_id)
    await here.authenticate("first-secret-of-all")
    at = 3.0
    with pytest.raises(Unauthenticated):
        await here.authenticate("first-secret-of-all")


async def test_another_tenants_key_is_not_there(keys, admin):
    with pytest.raises(NotFound):
        await keys.revoke("t2", admin.key_id)
    assert await keys.newest("t2") == []


async def test_a_supervisor_makes_no_administrators(keys, admin):
    supervisor, _ = await keys.create(admin, name="s", role="supervisor", agent_id="", team_id="", extra=frozenset({"keys:admin"}))
    with pytest.raises(Denied):
        await keys.create(supervisor, name="x", role="admin", agent_id="", team_id="", extra=frozenset())


@pytest.fixture
async def entries(db):
    made = MongoAudit(db)
    await made.prepare()
    return made


async def test_entries_are_chained_and_a_changed_one_is_found(entries, db):
    audit = Audit(entries, now)
    for n in range(30):
        await audit.record("t1", "key:k", "x.Y/Z", f"o{n % 3}", "OK")
    await audit.record("t2", "key:k", "x.Y/Z", "o", "OK")
    chain = await audit.verify("t1")
    assert (chain.length, chain.broken_at) == (30, 0)
    await db["audit"].update_one({"tenant": "t1", "sequence": 17}, {"$set": {"principal": "key:somebody-else"}})
    assert (await audit.verify("t1")).broken_at == 17
    assert (await audit.verify("t2")).broken_at == 0


async def test_a_removed_entry_is_found(entries, db):
    audit = Audit(entries, now)
    for _ in range(5):
        await audit.record("t1", "key:k", "x.Y/Z", "o", "OK")
    await db["audit"].delete_one({"tenant": "t1", "sequence": 1})
    assert (await audit.verify("t1")).broken_at == 1


async def test_two_processes_writing_at_once_make_one_chain(entries, db, mongo_uri):
    async with database(mongo_uri, "other", name=db.name) as other_db:
        one, other = Audit(entries, now), Audit(MongoAudit(other_db), now)
        await asyncio.gather(*(audit.record("t1", f"key:{n}", "x.Y/Z", "o", "OK") for n in range(40) for audit in (one, other)))
        chain = await one.verify("t1")
    assert (chain.length, chain.broken_at) == (80, 0)


async def test_a_sequence_is_given_once(entries):
    audit = Audit(entries, now)
    entry = await audit.record("t1", "key:k", "x.Y/Z", "o", "OK")
    with pytest.raises(AlreadyExists):
        await entries.add(entry)


async def test_every_question_is_answered_by_an_index(entries, store, db):
    questions = [
        db["audit"].find({"tenant": "t1"}).sort([("sequence", -1)]).limit(5),
        db["audit"].find({"tenant": "t1", "object_id": "o", "sequence": {"$lt": 9}}).sort([("sequence", -1)]).limit(5),
        db["api_keys"].find({"secret_hash": "x"}),
        db["api_keys"].find({"tenant": "t1"}).sort([("created_at", -1)]).limit(5),
        db["api_keys"].find({"tenant": "t1", "revoked_at": None}),
    ]
    for question in questions:
        plan = (await question.explain())["queryPlanner"]["winningPlan"]
        assert "IXSCAN" in str(plan) and "COLLSCAN" not in str(plan), plan
