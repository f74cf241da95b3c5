from dataclasses import replace
from datetime import UTC, datetime

import pytest
from chassis.errors import InvalidInput, NotAllowedNow
from knowledge.domain.articles import ArticleState, Entry, ProductNames, checked, with_publication, with_submission
from knowledge.domain.seed import INDUSTRIES

NOW = datetime(2026, 11, 2, 9, 0, tzinfo=UTC)


def test_a_text_is_published_by_somebody_else_than_who_submitted_it(seed):
    entry = with_submission(Entry(), seed[0][0], "agent", NOW)
    with pytest.raises(NotAllowedNow, match="second pair of eyes"):
        with_publication(entry, "agent", NOW)
    after = with_publication(entry, "expert", NOW)
    assert after.submitted is None and after.published is not None
    assert (after.published.state, after.published.version, after.published.published_by) == (ArticleState.PUBLISHED, 1, "expert")


def test_a_new_text_waits_beside_the_published_one(seed):
    entry = with_publication(with_submission(Entry(), seed[0][0], "agent", NOW), "expert", NOW)
    waiting = with_submission(entry, replace(seed[0][0], title="新标题"), "agent", NOW)
    assert waiting.shown == entry.published and waiting.submitted is not None and waiting.submitted.title == "新标题"
    assert with_publication(waiting, "expert", NOW).shown.version == 2


def test_nothing_that_does_not_wait_can_be_published():
    with pytest.raises(NotAllowedNow):
        with_publication(Entry(), "expert", NOW)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"title": ""}, "title"), ({"title": "长" * 121}, "title"), ({"answer": " "}, "answer"), ({"answer": "长" * 8001}, "answer"),
        ({"script": "长" * 2001}, "script"), ({"questions": ()}, "questions"), ({"questions": ("问",) * 21}, "questions"),
        ({"questions": ("",)}, "questions"), ({"tags": ("标",) * 21}, "tags"), ({"industry": "space"}, "industry"), ({"product": ""}, "product"),
    ],
)
def test_what_is_wrong_with_a_text_is_named(seed, change, field):
    with pytest.raises(InvalidInput) as raised:
        checked(replace(seed[0][0], **change), INDUSTRIES)
    assert raised.value.field == field


@pytest.mark.parametrize(
    ("industry", "wording", "product"),
    [
        ("telecom", "宽带", "宽带"), ("telecom", "宽带新装", "宽带"), ("telecom", "百兆宽带", "宽带"), ("automotive", "维修", "汽车维修"),
        ("appliance", "格力空调挂机", "空调"), ("bank", "银行卡", "借记卡"), ("bank", "黄金", "黄金"), ("insurance", "寿险", "寿险"),
    ],
)
def test_a_companys_wording_of_a_product_is_understood(seed, industry, wording, product):
    assert ProductNames.of(seed[1]).resolve(industry, wording) == product
