import pytest
from nlp.domain.promises import promises
from nlp.domain.wording import undertaking
from nlp_contacts import said


@pytest.mark.parametrize(("words", "what", "deadline", "who"), [
    ("明白了，我为您安排工程师上门检修。24小时之内会联系您。", "安排工程师上门检修", "24小时", "工程师"),
    ("我们会尽快为您处理的。", "处理", None, "我们"),
    ("48小时，之内安装人员会上门。", "安装人员会上门", "48小时", "安装人员"),
    ("好的，明天上午主管会给您回电话。", "主管会给你回电话", "明天", "主管"),
])
def test_a_promise_is_put_short(words, what, deadline, who):
    found = promises(said(f"a: {words}"))
    assert len(found) == 1
    promise = found[0]
    assert (undertaking(promise, promise.text).removeprefix("上午"), promise.deadline and promise.deadline.text, promise.who) == (what, deadline, who)
