import grpc
import pytest
from chassis.identity import Identity
from chassis.ids import new_id
from chassis.rpc_status import violated_field
from knowledge.adapters.grpc_server import NAME, KnowledgeServicer
from mingjian.knowledge.v1 import knowledge_service_pb2 as pb
from mingjian.knowledge.v1.knowledge_service_pb2_grpc import KnowledgeServiceStub, add_KnowledgeServiceServicer_to_server
from testkit.grpc_server import served

EXPERT = Identity("t1", "expert", frozenset({"knowledge:read", "knowledge:write", "knowledge:review"}))
AGENT = Identity("t1", "agent", frozenset({"knowledge:read", "knowledge:write"}), "A1")


@pytest.fixture
def who():
    return [EXPERT]


@pytest.fixture
async def stub(knowledge, who):
    register = lambda server: add_KnowledgeServiceServicer_to_server(KnowledgeServicer(knowledge), server)  # noqa: E731
    async with served(register, NAME, identity=lambda: who[0]) as channel:
        yield KnowledgeServiceStub(channel)


def text(**changes):
    given = {
        "title": "卫星电话怎么开通", "questions": ["卫星电话如何开通"], "answer": "到营业厅办理。", "industry": "telecom", "product": "卫星电话",
        "issue": "开通",
    }
    return pb.SubmitArticleRequest(article=pb.Article(**given | changes))


async def test_a_search_returns_the_article_with_what_the_agent_can_say(stub):
    response = await stub.SearchArticles(pb.SearchArticlesRequest(q="这个月流量用光了想再买一点", industry="telecom"))
    best = response.results[0]
    assert best.article.article_id == "telecom-data-package" and best.article.script and 0 < best.relevance <= 1
    assert best.article.state == pb.ARTICLE_STATE_PUBLISHED and len(response.results) <= 10


async def test_nonsense_finds_nothing(stub):
    assert not (await stub.SearchArticles(pb.SearchArticlesRequest(q="asdfghjkl"))).results


async def test_words_just_said_are_recommended_for(stub):
    request = pb.RecommendArticlesRequest(text="你好。我家空调一直往下滴水，已经两天了。", industry="appliance", product="空调")
    results = (await stub.RecommendArticles(request)).results
    assert results[0].article.article_id == "appliance-ac-leak" and "滴水" in results[0].because and len(results) <= 3


async def test_an_article_is_read_listed_proposed_and_published(stub, who):
    assert (await stub.GetArticle(pb.GetArticleRequest(article_id="bank-card-lost"))).article.industry == "bank"
    who[0] = AGENT
    waiting = (await stub.SubmitArticle(text())).article
    assert waiting.state == pb.ARTICLE_STATE_SUBMITTED and waiting.version == 0
    listed = await stub.ListArticles(pb.ListArticlesRequest(state=pb.ARTICLE_STATE_SUBMITTED))
    assert [a.article_id for a in listed.articles] == [waiting.article_id]
    with pytest.raises(grpc.aio.AioRpcError) as raised:
        await stub.PublishArticle(pb.PublishArticleRequest(article_id=waiting.article_id))
    assert raised.value.code() is grpc.StatusCode.PERMISSION_DENIED
    who[0] = EXPERT
    published = (await stub.PublishArticle(pb.PublishArticleRequest(article_id=waiting.article_id))).article
    assert published.state == pb.ARTICLE_STATE_PUBLISHED and published.version == 1 and published.HasField("updated_at")


async def test_a_list_is_paged_through(stub, seed):
    seen, token = [], ""
    while True:
        page = await stub.ListArticles(pb.ListArticlesRequest(page_size=30, page_token=token))
        seen += [a.article_id for a in page.articles]
        token = page.next_page_token
        if not token:
            break
    assert seen == sorted(a.article_id for a in seed[0])


async def test_the_graph_of_a_product_has_nodes_and_edges_that_hang_together(stub):
    graph = await stub.GetSolutionGraph(pb.GetSolutionGraphRequest(industry="telecom", product="光猫"))
    nodes = {n.node_id: n for n in graph.nodes}
    assert nodes["product:telecom/宽带"].name == "宽带"
    assert ("product:telecom/宽带", "issue:telecom/宽带/断网") in {(e.from_node_id, e.to_node_id) for e in graph.edges}
    assert all(e.from_node_id in nodes and e.to_node_id in nodes for e in graph.edges)
    assert all(bool(n.article_id) is (n.kind == "solution") for n in graph.nodes)


async def test_what_was_not_suggested_yet_is_empty(stub):
    assert not (await stub.ListSuggestions(pb.ListSuggestionsRequest(interaction_id=new_id()))).suggestions


@pytest.mark.parametrize(
    ("call", "field"),
    [
        (lambda s: s.SearchArticles(pb.SearchArticlesRequest()), "q"),
        (lambda s: s.SearchArticles(pb.SearchArticlesRequest(q="断网", limit=51)), "limit"),
        (lambda s: s.SearchArticles(pb.SearchArticlesRequest(q="断网", industry="space")), "industry"),
        (lambda s: s.RecommendArticles(pb.RecommendArticlesRequest()), "text"),
        (lambda s: s.RecommendArticles(pb.RecommendArticlesRequest(text="断网", interaction_id="i")), "text"),
        (lambda s: s.GetArticle(pb.GetArticleRequest()), "article_id"),
        (lambda s: s.ListArticles(pb.ListArticlesRequest(page_token="no token")), "page_token"),
        (lambda s: s.ListArticles(pb.ListArticlesRequest(page_size=-1)), "page_size"),
        (lambda s: s.SubmitArticle(pb.SubmitArticleRequest()), "article"),
        (lambda s: s.SubmitArticle(text(title="")), "article.title"),
        (lambda s: s.SubmitArticle(text(industry="space")), "article.industry"),
        (lambda s: s.ListSuggestions(pb.ListSuggestionsRequest()), "interaction_id"),
    ],
)
async def test_bad_input_is_refused_with_the_name_of_the_field(stub, call, field):
    with pytest.raises(grpc.aio.AioRpcError) as raised:
        await call(stub)
    assert raised.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert violated_field(raised.value) == field


@pytest.mark.parametrize(
    "call",
    [
        lambda s: s.GetArticle(pb.GetArticleRequest(article_id="nowhere")),
        lambda s: s.PublishArticle(pb.PublishArticleRequest(article_id="nowhere")),
        lambda s: s.SubmitArticle(text(article_id="nowhere")),
        lambda s: s.RecommendArticles(pb.RecommendArticlesRequest(interaction_id=new_id())),
        lambda s: s.GetSolutionGraph(pb.GetSolutionGraphRequest(product="宇宙飞船")),
    ],
)
async def test_what_is_not_there_is_not_found(stub, call):
    with pytest.raises(grpc.aio.AioRpcError) as raised:
        await call(stub)
    assert raised.value.code() is grpc.StatusCode.NOT_FOUND
