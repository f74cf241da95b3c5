from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from chassis.errors import InvalidInput, NotFound, Stale
from chassis.messaging import ensure_stream
from chassis.mongo import encode_page_token
from knowledge.adapters import mongo_articles
from knowledge.adapters.mongo_articles import MongoArticles
from knowledge.domain.articles import ArticleState, Entry, with_publication, with_submission
from mingjian.knowledge.v1.events_pb2 import ArticlePublished

NOW = datetime(2026, 11, 2, 9, 0, tzinfo=UTC)


@pytest.fixture
async def articles(db, events):
    await ensure_stream(events, "knowledge")
    made = MongoArticles(db, events)
    await made.prepare()
    return made


async def told(events):
    info = await events.js.stream_info("knowledge")
    return [await events.js.get_msg("knowledge", n) for n in range(1, info.state.messages + 1)]


async def test_seeding_again_changes_nothing(articles, seed):
    assert await articles.seed(seed[0], NOW) == len(seed[0])
    stamp = await articles.stamp()
    assert await articles.seed(seed[0], NOW + timedelta(days=1)) == 0
    assert await articles.stamp() == stamp
    stored = await articles.published()
    assert [replace(a, updated_at=None) for a in stored] == sorted(seed[0], key=lambda a: a.article_id)


async def test_a_changed_seed_replaces_its_text_and_a_vanished_one_is_retired(articles, seed):
    await articles.seed(seed[0], NOW)
    stamp = await articles.stamp()
    changed = (replace(seed[0][0], title="新标题"), *seed[0][1:-1])
    assert await articles.seed(changed, NOW + timedelta(days=1)) == 2
    assert await articles.stamp() != stamp
    found = {a.article_id: a for a in await articles.published()}
    assert found[seed[0][0].article_id].title == "新标题" and seed[0][-1].article_id not in found
    entry, _ = await articles.entry("", seed[0][-1].article_id)
    assert entry.shown.state is ArticleState.RETIRED
    assert await articles.seed(changed, NOW + timedelta(days=2)) == 0


async def test_a_publication_is_stored_and_told_once(articles, seed, events):
    article = replace(seed[0][0], tenant="t1", article_id="mine")
    waiting = with_submission(Entry(), article, "agent", NOW)
    await articles.put("t1", waiting, 0, announce=False)
    assert await told(events) == [] and await articles.published() == []
    after = with_publication(waiting, "expert", NOW)
    await articles.put("t1", after, 1, announce=True)
    (message,) = await told(events)
    assert ArticlePublished.FromString(message.data).article.article_id == "mine"
    assert message.subject == "mingjian.knowledge.v1.ArticlePublished.t1"
    assert await articles.entry("t1", "mine") == (after, 2)
    assert await articles.outbox.sweep(older_than=timedelta(0)) == 0


async def test_a_stale_write_is_refused_and_not_told(articles, seed, events):
    waiting = with_submission(Entry(), replace(seed[0][0], tenant="t1", article_id="mine"), "agent", NOW)
    await articles.put("t1", waiting, 0, announce=False)
    with pytest.raises(Stale):
        await articles.put("t1", waiting, 0, announce=False)
    with pytest.raises(Stale):
        await articles.put("t1", with_publication(waiting, "expert", NOW), 7, announce=True)
    assert await told(events) == []


async def test_what_is_not_there_or_another_tenants_is_not_found(articles, seed):
    await articles.put("t1", with_submission(Entry(), replace(seed[0][0], tenant="t1", article_id="mine"), "a", NOW), 0, announce=False)
    for tenant, article_id in (("t1", "other"), ("t2", "mine"), ("", "mine")):
        with pytest.raises(NotFound):
            await articles.entry(tenant, article_id)


@pytest.mark.parametrize("chunk", [2, 200])
async def test_pages_show_the_shared_and_the_tenants_own_once_in_order_of_id(articles, seed, monkeypatch, chunk):
    monkeypatch.setattr(mongo_articles, "_CHUNK", chunk)
    await articles.seed(seed[0][:9], NOW)
    replaced = seed[0][4].article_id
    for tenant, article_id in (("t1", "zz"), ("t1", replaced), ("t2", "other")):
        entry = with_publication(with_submission(Entry(), replace(seed[0][0], tenant=tenant, article_id=article_id), "a", NOW), "b", NOW)
        await articles.put(tenant, entry, 0, announce=False)
    seen, token = [], ""
    while True:
        page = await articles.page("t1", "", None, 4, token)
        seen += page.articles
        token = page.next_token
        if not token:
            break
    assert [a.article_id for a in seen] == sorted({a.article_id for a in seed[0][:9]} | {"zz"})
    assert next(a for a in seen if a.article_id == replaced).tenant == "t1"


async def test_a_list_narrows_by_industry_and_state(articles, seed):
    await articles.seed(seed[0], NOW)
    await articles.put("t1", with_submission(Entry(), replace(seed[0][0], tenant="t1", article_id="mine"), "a", NOW), 0, announce=False)
    assert {a.industry for a in (await articles.page("t1", "bank", None, 50, "")).articles} == {"bank"}
    assert [a.article_id for a in (await articles.page("t1", "", ArticleState.SUBMITTED, 50, "")).articles] == ["mine"]
    assert (await articles.page("t2", "", ArticleState.SUBMITTED, 50, "")).articles == ()


@pytest.mark.parametrize("token", ["x", "AAAA", encode_page_token(7), encode_page_token("a", "b")])
async def test_a_token_of_another_make_is_refused(articles, token):
    with pytest.raises(InvalidInput) as raised:
        await articles.page("t1", "", None, 10, token)
    assert raised.value.field == "page_token"


async def test_lists_and_the_stamp_are_read_by_index(articles, db, seed):
    await articles.seed(seed[0][:3], NOW)
    for query, sort, index in (
        ({"tenant": "", "article_id": {"$gt": "a"}}, "article_id", "tenant_article_id"),
        ({"found": True}, "published.updated_at", "found_published_at"),
    ):
        plan = str((await db["articles"].find(query).sort(sort, 1).limit(1).explain())["queryPlanner"]["winningPlan"])
        assert index in plan and "COLLSCAN" not in plan
