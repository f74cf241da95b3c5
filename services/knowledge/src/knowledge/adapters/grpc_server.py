"""KnowledgeService on the wire: unpack, call the app, pack."""

from datetime import UTC, datetime
from typing import Any

import grpc
from chassis.errors import InvalidInput
from chassis.identity import caller
from chassis.mongo import page_size
from mingjian.knowledge.v1 import knowledge_service_pb2 as pb
from mingjian.knowledge.v1 import knowledge_service_pb2_grpc as pb_grpc

from knowledge.adapters.protobuf_articles import STATE_OF, found_to_wire, from_wire, graph_to_wire, to_wire
from knowledge.app import Knowledge

NAME = "mingjian.knowledge.v1.KnowledgeService"
Context = grpc.aio.ServicerContext[Any, Any]
_LONGEST_ID = 200


class KnowledgeServicer(pb_grpc.KnowledgeServiceServicer):
    """Tenant and principal come from the caller's identity, never from a request."""

    def __init__(self, knowledge: Knowledge) -> None:
        self._knowledge = knowledge

    async def SearchArticles(self, request: pb.SearchArticlesRequest, context: Context) -> pb.SearchArticlesResponse:
        limit = page_size(request.limit, field="limit", default=10, most=50)
        found = await self._knowledge.search(caller().tenant, request.q, request.industry, request.product, limit)
        return pb.SearchArticlesResponse(results=found_to_wire(found))

    async def RecommendArticles(self, request: pb.RecommendArticlesRequest, context: Context) -> pb.RecommendArticlesResponse:
        limit = page_size(request.limit, field="limit", default=3, most=20)
        tenant, industry, product = caller().tenant, request.industry, request.product
        if request.interaction_id:
            if request.text:
                raise InvalidInput("text", "must be empty where there is an interaction_id")
            interaction_id = _id(request.interaction_id, "interaction_id")
            found = await self._knowledge.recommend_for_interaction(tenant, interaction_id, industry, product, limit)
        else:
            found = await self._knowledge.recommend_for_words(tenant, request.text, industry, product, limit)
        return pb.RecommendArticlesResponse(results=found_to_wire(found))

    async def GetArticle(self, request: pb.GetArticleRequest, context: Context) -> pb.GetArticleResponse:
        article = await self._knowledge.get(caller().tenant, _id(request.article_id, "article_id"))
        return pb.GetArticleResponse(article=to_wire(article))

    async def ListArticles(self, request: pb.ListArticlesRequest, context: Context) -> pb.ListArticlesResponse:
        page = await self._knowledge.page(
            caller().tenant, request.industry, STATE_OF.get(request.state), page_size(request.page_size), request.page_token
        )
        return pb.ListArticlesResponse(articles=[to_wire(a) for a in page.articles], next_page_token=page.next_token)

    async def SubmitArticle(self, request: pb.SubmitArticleRequest, context: Context) -> pb.SubmitArticleResponse:
        if not request.HasField("article"):
            raise InvalidInput("article", "must be there")
        if request.article.article_id:
            _id(request.article.article_id, "article.article_id")
        identity = caller()
        article = from_wire(request.article, identity.tenant, datetime.now(UTC).date())
        try:
            stored = await self._knowledge.submit(article, identity.principal)
        except InvalidInput as wrong:
            raise InvalidInput(f"article.{wrong.field}", wrong.message) from None
        return pb.SubmitArticleResponse(article=to_wire(stored))

    async def PublishArticle(self, request: pb.PublishArticleRequest, context: Context) -> pb.PublishArticleResponse:
        identity = caller()
        article_id = _id(request.article_id, "article_id")
        return pb.PublishArticleResponse(article=to_wire(await self._knowledge.publish(identity.tenant, article_id, identity.principal)))

    async def GetSolutionGraph(self, request: pb.GetSolutionGraphRequest, context: Context) -> pb.GetSolutionGraphResponse:
        return graph_to_wire(await self._knowledge.solution_graph(request.industry, request.product))

    async def ListSuggestions(self, request: pb.ListSuggestionsRequest, context: Context) -> pb.ListSuggestionsResponse:
        identity = caller()
        interaction_id = _id(request.interaction_id, "interaction_id")
        found = await self._knowledge.suggested(identity.tenant, interaction_id, identity.agent_id)
        return pb.ListSuggestionsResponse(suggestions=found_to_wire(found))


def _id(value: str, field: str) -> str:
    if not value or len(value) > _LONGEST_ID:
        raise InvalidInput(field, f"must have 1 to {_LONGEST_ID} characters")
    return value
