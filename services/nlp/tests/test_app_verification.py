"""Tampering with what lies in the store, found on the real store, with the real engine judging again."""

import zlib
from dataclasses import replace
from datetime import timedelta

import pytest
from chassis.errors import InvalidInput
from chassis.ids import derived_id
from chassis.messaging import ensure_stream
from nlp.adapters.mongo_chain import MongoChain
from nlp.app import Bench
from nlp.app_verification import Verification
from nlp.domain.engine import QualityEngine
from nlp_platform import nlp_on, scored, transcript
from review_platform import InMemory

RECORDS = 6


@pytest.fixture
async def chain(platform):
    chain = MongoChain(platform.db)
    await chain.prepare()
    for n in range(1, RECORDS + 1):
        await scored(platform, f"i{n}")
    assert await chain.append_waiting() == RECORDS
    return chain


def verification(platform, chain, engine=None):
    bench = Bench(derive_id=derived_id, utc_offset=timedelta(hours=8))
    return Verification(chain, platform.transcripts, InMemory(engine or platform.engine), bench)


async def verified(platform, chain, first=0, at_most=0, *, recompute=True, engine=None):
    return await verification(platform, chain, engine).verify("t1", first, at_most, recompute=recompute)


async def place(platform, sequence):
    return await platform.db.chain_links.find_one({"sequence": sequence})


async def tamper(platform, sequence, change):
    link = await place(platform, sequence)
    await platform.db.evaluations.update_one({"_id": link["_id"]}, change)
    return link["_id"]


async def test_what_nobody_touched_is_made_again_byte_for_byte(platform, chain):
    found = await verified(platform, chain)
    assert (found.checked, found.recomputed, found.not_recomputable, found.difference, found.next_sequence) == (RECORDS, RECORDS, 0, None, 0)
    assert found.head_sha256 == (await place(platform, RECORDS))["sha256"]


async def test_an_evaluation_shows_its_place_and_what_it_was_made_with(platform, chain):
    evaluation, _ = await platform.evaluations.find("t1", "i1")
    assert evaluation.chain.sha256 == (await place(platform, evaluation.chain.sequence))["sha256"]
    made_with = evaluation.provenance
    assert (made_with.asr.model, made_with.asr.version) == ("whisper-base", "1")
    assert made_with.engine.startswith("mingjian-rules/")
    assert made_with.rules_sha256 == platform.engine.rules_sha256(platform.engine.scorecards["telecom"])


@pytest.mark.parametrize(("change", "path", "stored", "expected"), [
    ({"$set": {"score": 100.0}}, "score", "100", None),
    ({"$set": {"items.2.result": "abstain"}}, "items[2].result", '"abstain"', None),
    ({"$set": {"items.0.evidence.0.start_ms": 77}}, "items[0].evidence[0].start_ms", "77", None),
    ({"$set": {"agent_id": "A9"}}, "agent_id", '"A9"', '"A1"'),
    ({"$set": {"received": b"\x0a\x02ix"}}, "received_sha256", None, None),
    ({"$unset": {"summary": ""}}, "", "", ""),
    ({"$pop": {"items": 1}}, None, "", None),
])
@pytest.mark.parametrize("recompute", [False, True])
async def test_one_changed_field_is_named_with_what_it_was(platform, chain, change, path, stored, expected, recompute):
    changed = await tamper(platform, 3, change)
    found = await verified(platform, chain, recompute=recompute)
    difference = found.difference
    assert (difference.kind, difference.sequence, difference.evaluation_id) == ("changed", 3, changed)
    assert found.checked == 2
    for actual, wanted in ((difference.path, path), (difference.stored, stored), (difference.expected, expected)):
        assert wanted is None or actual == wanted


async def test_a_record_rewritten_with_its_fields_is_found_and_judging_again_says_what_it_was(platform, chain):
    link = await place(platform, 2)
    document = await platform.db.evaluations.find_one({"_id": link["_id"]})
    record = zlib.decompress(document["record"])
    index = next(n for n, item in enumerate(document["items"]) if item["result"] == "fail")
    forged = record.replace(b'"result":"fail"', b'"result":"pass"', 1)
    assert forged != record
    await platform.db.evaluations.update_one({"_id": link["_id"]}, {"$set": {"record": zlib.compress(forged), f"items.{index}.result": "pass"}})
    assert (await verified(platform, chain, recompute=False)).difference.kind == "changed"
    difference = (await verified(platform, chain)).difference
    assert (difference.kind, difference.sequence, difference.stored, difference.expected) == ("changed", 2, '"pass"', '"fail"')
    assert difference.path == f"items[{index}].result"


async def test_a_record_alone_rewritten_is_told_by_its_fields(platform, chain):
    link = await place(platform, 2)
    document = await platform.db.evaluations.find_one({"_id": link["_id"]})
    forged = zlib.decompress(document["record"]).replace(b'"fatal":true', b'"fatal":false')
    await platform.db.evaluations.update_one({"_id": link["_id"]}, {"$set": {"record": zlib.compress(forged)}})
    difference = (await verified(platform, chain, recompute=False)).difference
    assert (difference.kind, difference.path, difference.stored, difference.expected) == ("changed", "fatal", "false", "true")


async def test_a_record_of_nonsense_is_a_changed_one(platform, chain):
    await tamper(platform, 4, {"$set": {"record": b"nonsense"}})
    difference = (await verified(platform, chain)).difference
    assert (difference.kind, difference.sequence) == ("changed", 4)


async def test_a_removed_record_is_missing(platform, chain):
    link = await place(platform, 3)
    await platform.db.evaluations.delete_one({"_id": link["_id"]})
    difference = (await verified(platform, chain, recompute=False)).difference
    assert (difference.kind, difference.sequence, difference.evaluation_id) == ("missing", 3, link["_id"])


async def test_a_removed_link_is_missing_and_its_evaluation_named(platform, chain):
    link = await place(platform, 3)
    await platform.db.chain_links.delete_one({"_id": link["_id"]})
    difference = (await verified(platform, chain, recompute=False)).difference
    assert (difference.kind, difference.sequence, difference.evaluation_id) == ("missing", 3, link["_id"])


async def test_two_swapped_links_are_broken_at_the_first(platform, chain):
    one, other = await place(platform, 2), await place(platform, 4)
    await platform.db.chain_links.delete_many({"_id": {"$in": [one["_id"], other["_id"]]}})
    await platform.db.chain_links.insert_many([one | {"_id": other["_id"]}, other | {"_id": one["_id"]}])
    difference = (await verified(platform, chain, recompute=False)).difference
    assert (difference.kind, difference.sequence) == ("broken_link", 2)


async def test_two_swapped_places_are_broken_at_the_first(platform, chain):
    one, other = await place(platform, 2), await place(platform, 4)
    await platform.db.chain_links.delete_many({"_id": {"$in": [one["_id"], other["_id"]]}})
    swapped = [one | {"place": other["place"], "sequence": 4}, other | {"place": one["place"], "sequence": 2}]
    await platform.db.chain_links.insert_many(swapped)
    difference = (await verified(platform, chain, recompute=False)).difference
    assert (difference.kind, difference.sequence, difference.path) == ("broken_link", 2, "previous_sha256")
    assert difference.expected == f'{(await place(platform, 1))["sha256"]}'


async def test_a_tail_that_was_cut_off_is_missing_from_where_the_chain_was_seen_to_end(platform, chain):
    cut = [document["_id"] async for document in platform.db.chain_links.find({"sequence": {"$gt": 4}})]
    await platform.db.chain_links.delete_many({"_id": {"$in": cut}})
    await platform.db.evaluations.delete_many({"_id": {"$in": cut}})
    found = await verified(platform, chain, recompute=False)
    assert (found.difference.kind, found.difference.sequence, found.checked) == ("missing", 5, 4)


async def test_a_tail_cut_off_with_every_trace_is_noticed_by_a_head_kept_elsewhere(platform, chain):
    kept = (await verified(platform, chain, recompute=False)).head_sha256
    cut = [document["_id"] async for document in platform.db.chain_links.find({"sequence": {"$gt": 4}})]
    await platform.db.chain_links.delete_many({"_id": {"$in": cut}})
    await platform.db.evaluations.delete_many({"_id": {"$in": cut}})
    await platform.db.chain_heads.delete_many({})
    assert (await verified(platform, chain, recompute=False)).difference is None
    for n in (7, 8):
        await scored(platform, f"i{n}")
    await chain.append_waiting()
    assert (await verified(platform, chain, RECORDS, 1, recompute=False)).head_sha256 != kept


async def test_a_chain_is_checked_in_pieces(platform, chain):
    first = await verified(platform, chain, 1, 4)
    assert (first.checked, first.next_sequence) == (4, 5)
    rest = await verified(platform, chain, first.next_sequence, 4)
    assert (rest.checked, rest.next_sequence, rest.difference) == (2, 0, None)
    await platform.db.chain_links.delete_one({"sequence": 4})
    assert (await verified(platform, chain, 5)).difference.sequence == 4


async def test_another_transcript_under_the_same_name_is_named(platform, chain):
    platform.asr.transcripts["i2"] = transcript("i2", "a: 您好。", "c: 没事了，谢谢。")
    difference = (await verified(platform, chain)).difference
    assert (difference.kind, difference.path) == ("recomputed_otherwise", "provenance.turns_sha256")


async def test_a_transcript_that_is_gone_or_was_written_anew_cannot_be_recomputed(platform, chain):
    del platform.asr.transcripts["i2"]
    platform.asr.transcripts["i3"].asr.version = "2"
    found = await verified(platform, chain)
    assert (found.checked, found.recomputed, found.not_recomputable, found.difference) == (RECORDS, RECORDS - 2, 2, None)


async def test_another_version_of_the_scorecard_cannot_be_recomputed(platform, chain):
    cards = [replace(card, version="other") for card in platform.engine.scorecards.values()]
    found = await verified(platform, chain, engine=QualityEngine(cards, platform.engine._signals))
    assert (found.recomputed, found.not_recomputable, found.difference) == (0, RECORDS, None)


async def test_an_engine_that_judges_otherwise_is_blamed_only_where_it_is_the_same(platform, chain, monkeypatch):
    import nlp.domain.provenance as provenance
    from nlp.domain.judging import Outcome, judge

    def lenient(card, evaluator):
        judgement = judge(card, evaluator)
        return replace(judgement, items=tuple(replace(item, outcome=Outcome.PASS) for item in judgement.items))

    monkeypatch.setattr("nlp.domain.engine.judge", lenient)
    same = await verified(platform, chain)
    assert (same.difference.kind, same.difference.sequence, bool(same.difference.path)) == ("recomputed_otherwise", 1, True)
    monkeypatch.setattr(provenance, "engine_build", lambda: "mingjian-rules/1.0.0+another")
    other = await verified(platform, chain)
    assert (other.recomputed, other.not_recomputable, other.difference) == (0, RECORDS, None)


async def test_another_build_that_judges_the_same_proves_the_records(platform, chain, monkeypatch):
    import nlp.domain.provenance as provenance

    monkeypatch.setattr(provenance, "engine_build", lambda: "mingjian-rules/2.0.0+another")
    assert (await verified(platform, chain)).recomputed == RECORDS


@pytest.mark.parametrize(("first", "at_most", "recompute", "field"), [
    (-1, 0, False, "from_sequence"), (0, -1, False, "at_most"), (0, 10_001, False, "at_most"), (0, 501, True, "at_most"),
])
async def test_a_wrong_range_is_refused_naming_the_field(platform, first, at_most, recompute, field):
    with pytest.raises(InvalidInput) as refused:
        await verified(platform, MongoChain(platform.db), first, at_most, recompute=recompute)
    assert refused.value.field == field


async def test_an_empty_chain_has_nothing_to_differ(platform):
    chain = MongoChain(platform.db)
    await chain.prepare()
    found = await verified(platform, chain)
    assert (found.checked, found.difference, found.head_sha256) == (0, None, "")


async def test_what_additional_scorecards_say_is_chained_and_made_again_too(engine, db, events):
    common = engine.scorecards["common"]
    extra = replace(common, scorecard_id="extra", additional=True, applies_to={})
    with_extra = QualityEngine([*engine.scorecards.values(), extra], engine._signals)
    for stream in ("nlp", "asr"):
        await ensure_stream(events, stream)
    async with nlp_on(with_extra, db, events) as platform:
        chain = MongoChain(db)
        await chain.prepare()
        for n in range(3):
            await scored(platform, f"i{n}")
        assert await chain.append_waiting() == 6
        found = await verified(platform, chain)
        assert (found.checked, found.recomputed, found.difference) == (6, 6, None)
        await db.additional_evaluations.update_one({"interaction_id": "i1"}, {"$set": {"score": 1.0}})
        difference = (await verified(platform, chain, recompute=False)).difference
        assert (difference.kind, difference.path, difference.stored) == ("changed", "score", "1")
