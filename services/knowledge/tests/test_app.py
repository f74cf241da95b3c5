from dataclasses import replace
from datetime import timedelta

import pytest
from chassis.errors import InvalidInput, NotAllowedNow, NotFound
from knowledge.app import Contact, Knowledge, Shelf
from mingjian.ingestion.v1.ingestion_service_pb2 import Interaction
from mingjian.knowledge.v1.events_pb2 import KnowledgeGapFound, SolutionSuggested

CALL = ["我家的空调一直在漏水，去年刚买的，怎么回事啊？", "水管没有堵，还是一直滴水。", "没有了，谢谢。"]


def contact(interaction_id="i1", **more):
    given = {"industry": "appliance", "product": "空调", "agent_id": "A1"} | more
    return Contact("t1", interaction_id, given["agent_id"], given["industry"], given["product"], Interaction(interaction_id=interaction_id).SerializeToString())


async def told(events):
    info = await events.js.stream_info("knowledge")
    return [await events.js.get_msg("knowledge", n) for n in range(1, info.state.messages + 1)]


async def test_a_call_gets_the_article_that_answers_it_with_the_words_that_called_for_it(knowledge, transcripts, events):
    transcripts.said["i1"] = CALL
    await knowledge.on_scored(contact(), "空调漏水")
    found = await knowledge.suggested("t1", "i1", "")
    assert found[0].article.article_id == "appliance-ac-leak" and found[0].because in CALL[:2]
    (message,) = await told(events)
    suggested = SolutionSuggested.FromString(message.data)
    assert suggested.interaction.interaction_id == "i1" and suggested.suggestions[0].because == found[0].because


async def test_the_same_contact_again_is_suggested_and_told_once(knowledge, transcripts, events):
    transcripts.said["i1"] = CALL
    for _ in range(3):
        await knowledge.on_scored(contact(), "")
    assert len(await told(events)) == 1


async def test_an_event_a_crash_kept_back_is_told_when_the_contact_comes_again(knowledge, transcripts, events, monkeypatch):
    async def die(*args):
        raise KeyboardInterrupt  # a crash between storing and publishing

    transcripts.said["i1"] = CALL
    with monkeypatch.context() as patch:
        patch.setattr(knowledge.suggestions.outbox, "flush", die)
        with pytest.raises(KeyboardInterrupt):
            await knowledge.on_scored(contact(), "")
    assert await told(events) == []
    await knowledge.on_scored(contact(), "")
    assert len(await told(events)) == 1


async def test_a_matter_without_an_article_is_a_gap(knowledge, transcripts, events):
    transcripts.said["i1"] = ["我想问一下月球基地的门票预约在哪个窗口领取"]
    await knowledge.on_scored(contact(industry="appliance", product="月球"), "月球基地门票")
    (message,) = await told(events)
    assert KnowledgeGapFound.FromString(message.data).matter == "月球基地门票"
    assert await knowledge.suggested("t1", "i1", "") == ()


async def test_a_silent_call_is_neither_suggested_for_nor_a_gap(knowledge, transcripts, events):
    transcripts.said["i1"] = ["喂", "你好", "谢谢"]
    await knowledge.on_scored(contact(), "")
    assert await told(events) == []


async def test_without_a_transcript_the_event_is_tried_again_later(knowledge):
    with pytest.raises(NotFound):
        await knowledge.on_scored(contact("unknown"), "")


async def test_another_agents_and_another_tenants_suggestions_are_empty(knowledge, transcripts):
    transcripts.said["i1"] = CALL
    await knowledge.on_scored(contact(), "")
    assert await knowledge.suggested("t1", "i1", "A1") and not await knowledge.suggested("t1", "i1", "A2")
    assert not await knowledge.suggested("t2", "i1", "")


async def test_an_interaction_is_recommended_for_by_its_own_industry_and_product(knowledge, transcripts):
    transcripts.said["i1"] = ["一直不制冷怎么办，里面的东西都化了"]
    await knowledge.on_scored(contact(product="冰箱"), "")
    found = await knowledge.recommend_for_interaction("t1", "i1", "bank", "信用卡", 3)
    assert found[0].article.article_id == "appliance-fridge-not-cooling"
    with pytest.raises(NotFound):
        await knowledge.recommend_for_interaction("t1", "unknown", "", "", 3)


async def test_an_industry_without_articles_is_served_from_all(knowledge):
    found = await knowledge.recommend_for_words("t1", "我买的保险想退掉能退多少钱", "insurance", "寿险", 3)
    assert found[0].article.article_id == "bank-insurance-cooling-off"


async def test_words_that_say_nothing_find_nothing(knowledge):
    assert await knowledge.recommend_for_words("t1", "好的谢谢", "telecom", "", 3) == ()
    assert await knowledge.search("t1", "红烧肉怎么做才好吃", "", "", 10) == ()


@pytest.mark.parametrize(
    ("call", "field"),
    [
        (lambda k: k.search("t1", "", "", "", 5), "q"),
        (lambda k: k.search("t1", "网" * 501, "", "", 5), "q"),
        (lambda k: k.search("t1", "断网", "space", "", 5), "industry"),
        (lambda k: k.recommend_for_words("t1", " ", "", "", 5), "text"),
        (lambda k: k.recommend_for_words("t1", "网" * 2001, "", "", 5), "text"),
        (lambda k: k.page("t1", "space", None, 5, ""), "industry"),
        (lambda k: k.solution_graph("space", ""), "industry"),
        (lambda k: k.solution_graph("", "网" * 101), "product"),
    ],
)
async def test_bad_input_is_named(knowledge, call, field):
    with pytest.raises(InvalidInput) as raised:
        await call(knowledge)
    assert raised.value.field == field


async def test_a_search_narrows_to_a_product_by_any_of_its_names(knowledge):
    for wording in ("宽带", "光猫"):
        found = await knowledge.search("t1", "网络断了怎么报修", "telecom", wording, 10)
        assert found and {f.article.product for f in found} == {"宽带"}


def proposed(seed, **changes):
    return replace(
        seed[0][0], tenant="t1", article_id="", industry="telecom", title="卫星电话怎么开通", questions=("卫星电话如何开通",), answer="到营业厅办理。",
        product="卫星电话", issue="开通", tags=("卫星电话",), **changes,
    )


async def test_a_submitted_text_is_found_after_somebody_else_has_published_it(knowledge, seed):
    waiting = await knowledge.submit(proposed(seed), "agent")
    assert not await knowledge.search("t1", "卫星电话如何开通", "", "卫星电话", 5)
    with pytest.raises(NotAllowedNow):
        await knowledge.publish("t1", waiting.article_id, "agent")
    published = await knowledge.publish("t1", waiting.article_id, "expert")
    assert published.version == 1
    found = await knowledge.search("t1", "卫星电话如何开通", "", "", 5)
    assert found[0].article.article_id == waiting.article_id
    assert waiting.article_id not in {f.article.article_id for f in await knowledge.search("t2", "卫星电话如何开通", "", "", 5)}
    with pytest.raises(NotAllowedNow):
        await knowledge.publish("t1", waiting.article_id, "expert")


async def test_a_tenants_own_text_replaces_the_shared_one_for_that_tenant_alone(knowledge, seed):
    shared = next(a for a in seed[0] if a.article_id == "telecom-data-package")
    await knowledge.submit(replace(shared, tenant="t1", answer="我公司的流量包二十元十个G。"), "agent")
    assert (await knowledge.get("t1", shared.article_id)).answer == shared.answer
    await knowledge.publish("t1", shared.article_id, "expert")
    assert (await knowledge.get("t1", shared.article_id)).answer.startswith("我公司")
    for tenant, own in (("t1", True), ("t2", False)):
        found = [f.article for f in await knowledge.search(tenant, "流量不够用怎么办", "telecom", "", 5) if f.article.article_id == shared.article_id]
        assert len(found) == 1 and found[0].answer.startswith("我公司") is own


async def test_a_text_for_an_article_that_does_not_exist_is_refused(knowledge, seed):
    with pytest.raises(NotFound):
        await knowledge.submit(replace(proposed(seed), article_id="nowhere"), "agent")


async def test_another_process_finds_what_this_one_published(knowledge, seed, encoder, vectors):
    other = Knowledge(
        knowledge.articles, knowledge.graph, knowledge.transcripts, knowledge.suggestions, Shelf(encoder, _vectors=dict(vectors)),
        lambda: knowledge.now() + timedelta(minutes=1), knowledge.new_id,
    )
    await other.refresh()
    waiting = await other.submit(proposed(seed), "agent")
    await other.publish("t1", waiting.article_id, "expert")
    assert waiting.article_id not in {f.article.article_id for f in await knowledge.search("t1", "卫星电话如何开通", "", "", 5)}
    assert await knowledge.refresh() is True
    assert await knowledge.refresh() is False
    assert (await knowledge.search("t1", "卫星电话如何开通", "", "", 5))[0].article.article_id == waiting.article_id
