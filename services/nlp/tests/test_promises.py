from datetime import datetime, timedelta, timezone

import pytest
from nlp.domain.promises import deadline, promises
from nlp_contacts import said

CHINA = timezone(timedelta(hours=8))
SATURDAY = datetime(2026, 11, 21, 10, 30, tzinfo=CHINA)


@pytest.mark.parametrize(("words", "due"), [
    ("二十四小时之内会联系您", datetime(2026, 11, 22, 10, 30, tzinfo=CHINA)),
    ("48小时内安装人员上门", datetime(2026, 11, 23, 10, 30, tzinfo=CHINA)),
    ("三个工作日到账", datetime(2026, 11, 25, 10, 30, tzinfo=CHINA)),
    ("一到三个工作日退回", datetime(2026, 11, 25, 10, 30, tzinfo=CHINA)),
    ("明天上午十点前给您回电话", datetime(2026, 11, 22, 10, 0, tzinfo=CHINA)),
    ("今天下午五点之前联系您", datetime(2026, 11, 21, 17, 0, tzinfo=CHINA)),
    ("后天送到", datetime(2026, 11, 24, 0, 0, tzinfo=CHINA)),
    ("下周三上门", datetime(2026, 11, 25, 0, 0, tzinfo=CHINA) + timedelta(days=1)),
    ("半个小时后给您回电", datetime(2026, 11, 21, 11, 0, tzinfo=CHINA)),
])
def test_deadlines_are_resolved(words, due):
    found = deadline(words)
    assert found is not None
    assert found.due(SATURDAY) == due


@pytest.mark.parametrize("words", ["我们会尽快处理", "马上为您安排"])
def test_soon_is_no_deadline(words):
    assert deadline(words) is None


@pytest.mark.parametrize(("words", "who"), [
    ("我为您安排工程师上门检修，二十四小时之内会联系您。", "工程师"),
    ("我们会尽快为您处理的。", "我们"),
    ("四十八小时之内安装人员会上门。", "安装人员"),
    ("明天上午主管会给您回电话。", "主管"),
])
def test_undertakings_are_promises(words, who):
    found = promises(said(f"a: {words}"))
    assert len(found) == 1
    assert found[0].who == who


@pytest.mark.parametrize("words", [
    "请您稍等，我马上为您查询。",
    "如果现场修不好，我们可以按照政策为您办理退换货。",
    "已经帮您办理好了。",
    "您明天方便吗？",
    "感谢您的来电，再见。",
    "十五天之内我们可以免费为您换新。",
])
def test_what_is_done_now_or_only_possible_is_no_promise(words):
    assert promises(said(f"a: {words}")) == ()


def test_customers_promise_nothing():
    assert promises(said("c: 我明天上午给你回电话。")) == ()
