"""Reviews on the real store: what they change, what they leave, and who may not."""

import asyncio

import grpc
import pytest
from chassis.identity import Identity
from chassis.messaging import Envelope
from mingjian.nlp.v1 import nlp_service_pb2 as nlp
from mingjian.nlp.v1 import review_service_pb2 as pb
from mingjian.nlp.v1.events_pb2 import EvaluationReviewed
from mingjian.nlp.v1.review_service_pb2_grpc import ReviewServiceStub
from nlp.adapters.mongo_reviews import MongoReviews, queue_query, reviews_query
from nlp.app_reviews import ReviewFilters, at_latest
from nlp.domain.reviews import REASONS, Answer, ReviewPolicy, in_sample, quality, reasons_for
from nlp_platform import scored
from review_platform import AGENT, INSPECTOR, OTHER, room_on

PASS, FAIL, NA, ABSTAIN = nlp.ITEM_OUTCOME_PASS, nlp.ITEM_OUTCOME_FAIL, nlp.ITEM_OUTCOME_NA, nlp.ITEM_OUTCOME_ABSTAIN


@pytest.fixture
async def room(platform):
    made = await room_on(platform)
    await scored(platform)
    return made


def answer(item_id, result, note=""):
    return pb.ReviewedItem(item_id=item_id, result=result, note=note)


async def review(room, *items, identity=INSPECTOR, interaction_id="i1", note="", key=""):
    async with room.stub(identity) as channel:
        request = pb.ReviewEvaluationRequest(interaction_id=interaction_id, items=items, note=note, idempotency_key=key)
        return await ReviewServiceStub(channel).ReviewEvaluation(request)


def item_of(evaluation, item_id):
    return next(item for item in evaluation.items if item.item_id == item_id)


async def failed_items(platform, interaction_id="i1"):
    evaluation, _ = await platform.evaluations.find("t1", interaction_id)
    return [item for item in evaluation.items if item.result == "fail"]


async def test_the_evaluation_shows_the_persons_answers_and_the_score_that_follows(platform, room):
    before, _ = await platform.evaluations.find("t1", "i1")
    answers = [answer(item.item_id, PASS, "听录音确认") for item in await failed_items(platform)]
    said = await review(room, *answers, note="复核")
    assert said.review.reviewer == "key:inspector"
    assert {item.before for item in said.review.items} == {FAIL}
    shown, _ = await platform.evaluations.find("t1", "i1")
    assert (before.fatal, shown.fatal, shown.score) == (True, False, 100.0)
    assert not shown.failed_items
    assert (said.evaluation.score, said.evaluation.HasField("reviewed_at")) == (100.0, True)
    item = item_of(said.evaluation, "no_shirking")
    assert (item.result, item.points, item.reviewed, item.explanation) == (PASS, item.max_points, True, "人工复核：通过。听录音确认")
    assert item.evidence
    untouched = item_of(said.evaluation, next(i.item_id for i in before.items if i.result == "pass"))
    assert not untouched.reviewed


async def test_scores_and_dimensions_are_those_of_the_items_that_count(platform, room):
    item = next(i for i in (await platform.evaluations.find("t1", "i1"))[0].items if i.result == "pass" and i.max_points)
    shown = (await review(room, answer(item.item_id, FAIL), *[answer(f.item_id, NA) for f in await failed_items(platform)])).evaluation
    counted = [i for i in shown.items if i.result in (PASS, FAIL) and not i.bonus]
    for dimension in shown.dimensions:
        inside = [i for i in counted if i.dimension == dimension.dimension]
        assert dimension.points == sum(i.points for i in inside)
        assert dimension.max_points == sum(i.max_points for i in inside)
        assert dimension.HasField("score") == bool(inside)
    expected = 100 * sum(i.points for i in counted) / sum(i.max_points for i in counted)
    assert shown.score == pytest.approx(0.0 if shown.fatal else expected, abs=0.051)


async def test_what_the_machine_said_stays_in_the_chain(platform, room):
    await room.chain.append_waiting()
    failed = await failed_items(platform)
    await review(room, answer(failed[0].item_id, PASS))
    judged = await room.reviews.judged("t1", "i1")
    assert next(i for i in judged.machine.items if i.item_id == failed[0].item_id).result == "fail"
    async with room.stub() as channel:
        found = await ReviewServiceStub(channel).VerifyEvaluations(pb.VerifyEvaluationsRequest(recompute=True))
    assert (found.checked, found.recomputed, found.HasField("difference")) == (1, 1, False)


async def test_lists_find_what_is_shown(platform, room):
    async def found(**asked):
        from nlp.app import EvaluationFilters

        return {e.interaction_id for e in (await platform.evaluations.page("t1", EvaluationFilters(**asked), size=10, token="")).evaluations}

    await scored(platform, "i2")
    assert await found(failed_item_id="no_shirking") == await found(fatal=True) == {"i1", "i2"}
    await review(room, *[answer(item.item_id, PASS) for item in await failed_items(platform)])
    assert await found(failed_item_id="no_shirking") == await found(fatal=True) == {"i2"}
    assert await found(interaction_id="i1") == {"i1"}


async def events(platform, subject):
    told = await platform.events.js.pull_subscribe(subject, stream="nlp")
    try:
        return await told.fetch(50, timeout=2)
    finally:
        await told.unsubscribe()


async def test_it_is_told_once_with_the_score_before(platform, room):
    before, _ = await platform.evaluations.find("t1", "i1")
    said = await review(room, answer("no_shirking", PASS), key="k")
    await review(room, answer("no_shirking", PASS), key="k")
    messages = await events(platform, "mingjian.nlp.v1.EvaluationReviewed.t1")
    assert len(messages) == 1
    event = EvaluationReviewed.FromString(messages[0].data)
    assert (event.score_before, event.evaluation.score) == (before.score, said.evaluation.score)
    assert (event.review.review_id, event.interaction.metadata.agent_id) == (said.review.review_id, "A1")
    document = await platform.db.evaluations.find_one({})
    assert "outbox" not in document


async def test_events_left_pending_are_not_lost_by_a_review(platform, room):
    pending = Envelope("mingjian.nlp.v1.AlertRaised.t1", {"ce-id": "a", "Nats-Msg-Id": "a"}, b"")
    await platform.db.evaluations.update_one({}, {"$push": {"outbox": pending.to_document()}})
    await review(room, answer("no_shirking", PASS))
    document = await platform.db.evaluations.find_one({})
    assert [envelope["id"] for envelope in document["outbox"]] == ["a"]


async def test_the_same_key_is_one_review_and_another_content_is_refused(room):
    first = await review(room, answer("no_shirking", PASS), key="k")
    again = await review(room, answer("no_shirking", PASS), key="k")
    assert first.review == again.review
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await review(room, answer("no_shirking", FAIL), key="k")
    assert refused.value.code() is grpc.StatusCode.ALREADY_EXISTS
    assert (await review(room, answer("no_shirking", FAIL), key="k", identity=OTHER)).review.review_id != first.review.review_id
    async with room.stub() as channel:
        assert len((await ReviewServiceStub(channel).ListReviews(pb.ListReviewsRequest(interaction_id="i1"))).reviews) == 2


async def test_reviewers_at_the_same_time_are_all_kept_and_the_last_word_is_shown(platform, room):
    people = [Identity("t1", f"key:p{n}", INSPECTOR.permissions) for n in range(8)]
    items = [item.item_id for item in (await platform.evaluations.find("t1", "i1"))[0].items][:4]
    await asyncio.gather(*(
        review(room, answer(items[n % 4], (PASS, FAIL, NA)[n % 3]), answer("no_shirking", PASS), identity=person) for n, person in enumerate(people)
    ))
    document = await platform.db.evaluations.find_one({})
    assert document["changes"] == 8
    shown, _ = await platform.evaluations.find("t1", "i1")
    assert {item.item_id for item in shown.items if item.reviewed} == {*items, "no_shirking"}
    async with room.stub() as channel:
        listed = (await ReviewServiceStub(channel).ListReviews(pb.ListReviewsRequest())).reviews
    assert {said.reviewer for said in listed} == {person.principal for person in people}


async def test_the_chain_is_written_while_people_review_the_same_evaluations(platform, room):
    for n in range(2, 7):
        await scored(platform, f"i{n}")
    people = [Identity("t1", f"key:p{n}", INSPECTOR.permissions) for n in range(4)]
    writer = asyncio.create_task(room.chain.append_forever())
    try:
        for _ in range(6):  # places are taken away again, so that both write the same documents all the time
            await platform.db.chain_links.delete_many({})
            await platform.db.chain_heads.delete_many({})
            room.chain._ends.clear()
            await platform.db.evaluations.update_many({}, {"$set": {"unchained_since": (await platform.db.evaluations.find_one({}))["scored_at"]}})
            await asyncio.gather(*(
                review(room, answer("no_shirking", PASS), identity=person, interaction_id=f"i{n}") for n in range(1, 7) for person in people
            ))
            assert not writer.done(), writer.exception()
    finally:
        writer.cancel()
    assert {d["changes"] async for d in platform.db.evaluations.find({})} == {24}


@pytest.mark.parametrize(("items", "field"), [
    ([], "items"),
    ([answer("no_such_item", PASS)], "items[0].item_id"),
    ([answer("no_shirking", PASS), answer("no_shirking", FAIL)], "items[1].item_id"),
    ([answer("no_shirking", ABSTAIN)], "items[0].result"),
    ([pb.ReviewedItem(item_id="no_shirking")], "items[0].result"),
    ([answer("no_shirking", PASS, "长" * 2001)], "items[0].note"),
    ([answer(f"x{n}", PASS) for n in range(201)], "items"),
])
async def test_answers_that_cannot_be_given_are_refused_naming_the_field(platform, room, items, field):
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await review(room, *items)
    assert refused.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert field in str(refused.value.trailing_metadata())
    assert not await platform.db.reviews.count_documents({})


@pytest.mark.parametrize(("identity", "code"), [
    (Identity("t1", "key:k1", INSPECTOR.permissions, "A1"), grpc.StatusCode.PERMISSION_DENIED),
    (Identity("t1", "A1", INSPECTOR.permissions), grpc.StatusCode.PERMISSION_DENIED),
    (Identity("t1", "user:A1", INSPECTOR.permissions), grpc.StatusCode.PERMISSION_DENIED),
    (Identity("t2", "key:inspector", INSPECTOR.permissions), grpc.StatusCode.NOT_FOUND),
    (AGENT, grpc.StatusCode.PERMISSION_DENIED),
])
async def test_agents_and_strangers_do_not_review(room, identity, code):
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await review(room, answer("no_shirking", PASS), identity=identity)
    assert refused.value.code() is code


async def test_a_contact_without_an_evaluation_is_not_found(room):
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await review(room, answer("no_shirking", PASS), interaction_id="nowhere")
    assert refused.value.code() is grpc.StatusCode.NOT_FOUND


async def test_a_crash_between_the_writes_leaves_neither(platform, room, monkeypatch):
    async def broken(self, *_):
        raise RuntimeError("killed here")

    judged = await room.reviews.judged("t1", "i1")
    from nlp.domain.reviews import Review

    said = Review("r1", "i1", judged.machine.evaluation_id, "A1", "key:x", judged.machine.scored_at, (Answer("no_shirking", "pass"),))
    with pytest.raises(RuntimeError):
        await room.reviews.add_beside(judged, said, judged.machine, lambda session: broken(session))
    assert not await platform.db.reviews.count_documents({})
    assert "changes" not in await platform.db.evaluations.find_one({})


async def test_an_agent_lists_the_reviews_of_its_own_contacts_alone(platform, room):
    await scored(platform, "i2", agent_id="A2")
    for interaction_id in ("i1", "i2"):
        await review(room, answer("no_shirking", PASS), interaction_id=interaction_id)
    async with room.stub(AGENT) as channel:
        stub = ReviewServiceStub(channel)
        assert [r.interaction_id for r in (await stub.ListReviews(pb.ListReviewsRequest())).reviews] == ["i1"]
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await stub.ListReviews(pb.ListReviewsRequest(agent_id="A2"))
    assert refused.value.code() is grpc.StatusCode.PERMISSION_DENIED


# -- the queue --------------------------------------------------------------------------------------------------------------------


async def queue(room, **asked):
    async with room.stub() as channel:
        return await ReviewServiceStub(channel).ListReviewQueue(pb.ListReviewQueueRequest(**asked))


async def put_in_queue(platform, count):
    """Copies of one evaluation with marks of their own: (id, team, reasons)."""
    import random

    from nlp.adapters.mongo_evaluations import marks_of, order_of

    dice, pattern = random.Random(5), await platform.db.evaluations.find_one({})
    made = []
    for n in range(count):
        reasons = tuple(reason for reason in REASONS if dice.random() < 0.3)
        made.append((f"q{n:03d}", dice.choice(("T1", "T2")), reasons))
        await platform.db.evaluations.insert_one(pattern | {
            "_id": made[-1][0], "interaction_id": made[-1][0], "team_id": made[-1][1], "marks": marks_of(False, (), (), reasons),
            "order": order_of(pattern["scored_at"], made[-1][0]),
        })
    return made


async def test_the_queue_holds_what_has_a_reason_most_pressing_first_and_newest_first_among_equals(platform, room):
    made = await put_in_queue(platform, 60)
    await platform.db.evaluations.delete_one({"interaction_id": "i1"})
    for team in ("", "T2"):
        expected = [
            key for reason in REASONS
            for key, of, reasons in reversed(made) if reasons[:1] == (reason,) and team in ("", of)
        ]
        for size in (1, 7, len(expected), 200):
            found, token = [], ""
            while True:
                page = await queue(room, team_id=team, page_size=size, page_token=token)
                found += [c.evaluation.evaluation_id for c in page.candidates]
                token = page.next_page_token
                if not token:
                    break
                assert len(page.candidates) == size
            assert found == expected
    for reason in REASONS:
        listed = [c.evaluation.evaluation_id for c in (await queue(room, reason=reason, page_size=200)).candidates]
        assert listed == [key for key, _, reasons in reversed(made) if reason in reasons]


async def test_a_candidate_says_why_without_evidence_and_leaves_when_it_is_reviewed(platform, room):
    candidate = (await queue(room)).candidates[0]
    assert (candidate.reasons[0], candidate.agent_id, candidate.team_id) == ("fatal", "A1", "T1")
    assert not any(item.evidence for item in candidate.evaluation.items)
    await review(room, answer("no_shirking", FAIL))
    assert not (await queue(room)).candidates
    assert not (await queue(room, reason="fatal")).candidates


async def test_a_token_of_another_queue_and_an_unknown_reason_are_refused(platform, room):
    await put_in_queue(platform, 30)
    token = (await queue(room, page_size=1)).next_page_token
    for asked, field in (({"team_id": "T1", "page_token": token}, "page_token"), ({"reason": "bored"}, "reason"), ({"page_size": 201}, "page_size")):
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await queue(room, **asked)
        assert refused.value.code() is grpc.StatusCode.INVALID_ARGUMENT
        assert field in str(refused.value.trailing_metadata())


async def plan_of(db, collection, query):
    command = {"find": collection, "filter": query.equal | {"order": {"$gte": "", "$lt": "~"}}, "sort": {"order": -1}, "limit": 51}
    plan = (await db.command("explain", command, verbosity="executionStats"))["queryPlanner"]["winningPlan"]
    while plan["stage"] != "IXSCAN":
        plan = plan["inputStage"]
    return plan["indexName"]


@pytest.mark.parametrize("team", ["", "T1"])
@pytest.mark.parametrize("reason", ["fatal", "!fatal"])
async def test_the_queue_is_read_by_an_index(platform, room, team, reason):
    query = queue_query("t1", team, reason)
    assert await plan_of(platform.db, "evaluations", query) == query.index == ("tenant_team_id_marks_order" if team else "tenant_marks_order")


@pytest.mark.parametrize("asked", [{}, {"interaction_id": "i1"}, {"reviewer": "key:x"}, {"agent_id": "A1"}, {"reviewer": "key:x", "agent_id": "A1"}])
async def test_every_list_of_reviews_is_read_by_an_index(platform, room, asked):
    await review(room, answer("no_shirking", PASS))
    query = reviews_query("t1", ReviewFilters(**asked))
    assert await plan_of(platform.db, "reviews", query) == query.index


# -- what is decided with pen and paper ------------------------------------------------------------------------------------------


async def test_reasons_come_most_pressing_first(platform, room):
    from dataclasses import replace

    evaluation, _ = await platform.evaluations.find("t1", "i1")
    none = ReviewPolicy(sample_share=0.0)
    assert reasons_for(replace(evaluation, score=10.0), none)[0] == "fatal"
    calm = replace(evaluation, fatal=False, score=60.0, items=())
    assert reasons_for(calm, none) == ()
    assert reasons_for(replace(calm, score=59.9), none) == ("low_score",)
    assert reasons_for(calm, ReviewPolicy(sample_share=1.0)) == ("sample",)


def test_the_sample_is_drawn_by_id_alone_and_is_as_large_as_asked_for():
    ids = [f"evaluation {n}" for n in range(20_000)]
    drawn = {i for i in ids if in_sample(i, 0.05)}
    assert 900 < len(drawn) < 1100
    assert drawn == {i for i in ids if in_sample(i, 0.05)}
    assert drawn < {i for i in ids if in_sample(i, 0.1)}
    assert not any(in_sample(i, 0.0) for i in ids)


def test_quality_is_counted_on_failures_and_what_was_left_open_was_not_found():
    said = [("a", "fail", "fail")] * 3 + [("a", "fail", "pass")] + [("a", "pass", "fail")] + [("a", "abstain", "fail")] + [("b", "pass", "pass")]
    found = quality(said)
    assert (found["a"].reviewed, found["a"].precision, found["a"].recall) == (6, 0.75, 0.6)
    assert (found["b"].reviewed, found["b"].precision, found["b"].recall) == (1, None, None)


async def test_the_last_word_of_each_item_is_what_others_compare_with(platform, room):
    await review(room, answer("no_shirking", PASS), answer("greeting", FAIL))
    await review(room, answer("no_shirking", FAIL), identity=OTHER)
    said = await MongoReviews(platform.db, platform.evaluations).answers("t1", ["i1", "i2"])
    assert said == {"i1": {"no_shirking": "fail", "greeting": "fail"}}
    assert at_latest([]) == {}
