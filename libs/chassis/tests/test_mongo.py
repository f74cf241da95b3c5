from datetime import timedelta

import pytest
from chassis.errors import InvalidInput
from chassis.messaging import wrap
from chassis.mongo import Outbox, decode_page_token, encode_page_token, page_size, transaction
from mingjian.asr.v1.events_pb2 import TranscriptionStarted


def started(n):
    return wrap(TranscriptionStarted(interaction_id=f"i{n}"), tenant="t1", key=f"i{n}")


async def published(events):
    return (await events.js.stream_info("asr")).state.messages


@pytest.fixture
async def outbox(db, events):
    from chassis.messaging import ensure_stream

    await ensure_stream(events, "asr")
    made = Outbox(db.things, events)
    await made.prepare()
    return made


async def test_a_stored_event_is_published_and_cleared(db, events, outbox):
    await db.things.insert_one({"_id": 1, **outbox.pending([started(1), started(2)])})
    await outbox.flush(1, [started(1), started(2)])
    assert await published(events) == 2
    assert await db.things.find_one() == {"_id": 1}


async def test_what_a_crash_left_is_swept_once(db, events, outbox):
    await db.things.insert_one({"_id": 1, **outbox.pending([started(1)])})
    await events.publish(started(1))  # the crash came after publishing and before clearing
    assert await outbox.sweep(older_than=timedelta(0)) == 1
    assert await outbox.sweep(older_than=timedelta(0)) == 0
    assert await published(events) == 1
    assert await db.things.find_one() == {"_id": 1}


async def test_an_outbox_a_crash_left_empty_but_marked_is_closed(db, events, outbox):
    await db.things.insert_one({"_id": 1, **outbox.pending([started(1)])})
    await db.things.update_one({"_id": 1}, {"$pull": {"outbox": {"id": started(1).id}}})  # the crash came before the mark was taken off
    assert await outbox.sweep(older_than=timedelta(0)) == 1
    assert await outbox.sweep(older_than=timedelta(0)) == 0
    assert await db.things.find_one() == {"_id": 1}


async def test_an_event_added_meanwhile_stays_until_it_is_published_itself(db, events, outbox):
    await db.things.insert_one({"_id": 1, **outbox.pending([started(1)])})
    await db.things.update_one({"_id": 1}, outbox.appended([started(2)]))
    await outbox.flush(1, [started(1)])
    left = await db.things.find_one()
    assert [e["id"] for e in left["outbox"]] == [started(2).id]
    assert "outbox_since" in left
    await outbox.flush_stored(left)
    assert await db.things.find_one() == {"_id": 1}


async def test_without_a_broker_the_event_stays_with_its_document(db, events, outbox):
    await events.nc.close()
    await db.things.insert_one({"_id": 1, **outbox.pending([started(1)])})
    await outbox.flush(1, [started(1)])
    assert len((await db.things.find_one())["outbox"]) == 1


async def test_the_sweeper_reads_by_its_index(db, outbox):
    await db.things.insert_one({"_id": 1})
    from datetime import UTC, datetime

    plan = await db.things.find({"outbox_since": {"$lt": datetime.now(UTC)}}).sort("outbox_since", 1).explain()
    assert "outbox_since" in str(plan["queryPlanner"]["winningPlan"])
    assert "COLLSCAN" not in str(plan["queryPlanner"]["winningPlan"])


async def test_a_transaction_is_all_or_nothing(db):
    await db.things.insert_one({"_id": 0})
    with pytest.raises(ValueError, match="no"):
        async with transaction(db) as session:
            await db.things.insert_one({"_id": 1}, session=session)
            raise ValueError("no")
    async with transaction(db) as session:
        await db.things.insert_one({"_id": 2}, session=session)
        await db.things.update_one({"_id": 0}, {"$inc": {"n": 1}}, session=session)
    assert sorted([d["_id"] async for d in db.things.find()]) == [0, 2]


def test_a_page_token_comes_back_as_it_was():
    assert decode_page_token(encode_page_token("a", 1)) == ["a", 1]
    assert decode_page_token("") == []


@pytest.mark.parametrize("token", ["x", "!!!!", "eA=="])
def test_a_made_up_page_token_is_refused(token):
    with pytest.raises(InvalidInput) as caught:
        decode_page_token(token)
    assert caught.value.field == "page_token"


def test_a_page_has_a_size_within_limits():
    assert page_size(0) == 50
    with pytest.raises(InvalidInput):
        page_size(201)
