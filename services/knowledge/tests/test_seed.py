from collections import Counter

import pytest
from chassis.errors import InvalidInput
from knowledge.adapters.yaml_seed import GRAPH
from knowledge.domain.articles import NodeKind, graph_of, issue_node, product_node, solution_node
from knowledge.domain.seed import articles_in, products_in
from knowledge.settings import SEED


def test_six_industries_have_at_least_eleven_articles_each(seed):
    counted = Counter(article.industry for article in seed[0])
    assert set(counted) == {"telecom", "appliance", "automotive", "electronics", "ecommerce", "bank"}
    assert min(counted.values()) >= 11 and sum(counted.values()) >= 66


def test_no_two_articles_share_an_id_a_title_or_a_question(seed):
    for texts in (
        [a.article_id for a in seed[0]], [a.title for a in seed[0]], [(a.industry, q) for a in seed[0] for q in a.questions],
    ):
        assert [text for text, n in Counter(texts).items() if n > 1] == []


def test_every_article_has_three_to_six_questions_an_answer_and_words_to_say(seed):
    for article in seed[0]:
        assert 3 <= len(article.questions) <= 6, article.article_id
        assert len(article.answer) >= 60 and len(article.script) >= 30, article.article_id


def test_no_script_uses_a_phrase_that_inspectors_fail(seed):
    forbidden = ("您的个人问题", "跟我们没关系", "没有办法", "您要投诉就投诉", "不好说")
    assert [a.article_id for a in seed[0] if any(phrase in a.script for phrase in forbidden)] == []


def test_every_edge_of_the_graph_leads_to_a_node(seed):
    nodes = {node.node_id: node for node in seed[1]}
    assert [(n.node_id, to) for n in nodes.values() for to in n.leads_to if to not in nodes] == []
    below = {NodeKind.PRODUCT: NodeKind.ISSUE, NodeKind.ISSUE: NodeKind.SOLUTION}
    for node in nodes.values():
        assert all(nodes[to].kind is below[node.kind] for to in node.leads_to), node.node_id
        assert bool(node.leads_to) is (node.kind is not NodeKind.SOLUTION)


def test_every_article_is_a_solution_of_its_own_product_and_issue(seed):
    nodes = {node.node_id: node for node in seed[1]}
    for article in seed[0]:
        issue = issue_node(article.industry, article.product, article.issue)
        assert issue in nodes[product_node(article.industry, article.product)].leads_to, article.article_id
        assert solution_node(article.article_id) in nodes[issue].leads_to, article.article_id
        assert nodes[solution_node(article.article_id)].name == article.solution


def test_an_edge_to_an_article_that_does_not_exist_is_refused(seed):
    text = (SEED / GRAPH).read_text("utf-8").replace("[appliance-ac-smell]", "[appliance-ac-perfume]")
    with pytest.raises(InvalidInput, match="appliance-ac-perfume"):
        graph_of(products_in(text), seed[0])


@pytest.mark.parametrize(
    ("change", "field"),
    [
        (lambda t: t.replace("    script: ", "    words: ", 1), "script"),
        (lambda t: t.replace("industry: bank", "industry: banking"), "industry"),
        (lambda t: t.replace("    valid_from: 2026-03-01", "    valid_from: spring", 1), "valid_from"),
        (lambda t: t.replace("title: 银行卡丢失怎么挂失和补办", "title: ' '"), "title"),
    ],
)
def test_a_seed_that_is_wrong_is_refused_with_the_name_of_the_field(change, field):
    with pytest.raises(InvalidInput) as raised:
        articles_in(change((SEED / "bank.yaml").read_text("utf-8")))
    assert raised.value.field == field
