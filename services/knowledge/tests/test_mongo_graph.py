import asyncio

import pytest
from knowledge.adapters.mongo_graph import MongoGraph
from knowledge.domain.articles import NodeKind


@pytest.fixture
async def graph(db, seed):
    made = MongoGraph(db)
    await made.prepare()
    await made.seed(seed[1])
    return made


async def test_a_product_leads_to_its_issues_and_their_solutions(graph):
    nodes = await graph.reachable("appliance", "空调")
    assert [(n.kind, n.name) for n in nodes if n.kind is not NodeKind.SOLUTION] == [
        (NodeKind.PRODUCT, "空调"), *((NodeKind.ISSUE, name) for name in sorted(("不制冷", "异味", "漏水"))),
    ]
    ladder = next(n for n in nodes if n.name == "漏水").leads_to
    assert ladder == ("solution:appliance-ac-leak", "solution:appliance-three-guarantees")
    assert set(ladder) <= {n.node_id for n in nodes}


async def test_the_whole_graph_comes_back_as_it_was_seeded(graph, seed):
    await graph.seed(seed[1])
    assert {n.node_id: n for n in await graph.reachable("", "")} == {n.node_id: n for n in seed[1]}


async def test_an_industry_shows_only_its_own(graph):
    assert {n.industry for n in await graph.reachable("bank", "")} == {"bank"}


async def test_an_unknown_product_leads_nowhere(graph):
    assert await graph.reachable("appliance", "宇宙飞船") == []


async def test_nodes_that_left_the_seed_are_gone(graph, seed):
    await graph.seed([n for n in seed[1] if n.industry != "bank"])
    assert await graph.reachable("bank", "") == []
    assert all(n.kind is NodeKind.PRODUCT and n.industry != "bank" for n in await graph.products())


async def test_several_processes_may_seed_at_once(db, seed):
    graph = MongoGraph(db)
    await asyncio.gather(*(MongoGraph(db).seed(seed[1]) for _ in range(3)))
    assert len(await graph.reachable("", "")) == len(seed[1])
