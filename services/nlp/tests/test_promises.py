from datetime import datetime, timedelta, timezone
from time import process_time

import pytest
from nlp.domain.deadlines import deadline
from nlp.domain.promises import promises
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


@pytest.mark.parametrize("words", [
    "我这边明天下班前一定给您回电话。", "我会在半小时之内给您答复。", "月底前退款会到您账上。", "国庆后第一时间给您安排师傅。",
    "周五之前我给您一个结果。", "我帮您加急，三个工作日内会有专人联系您。", "这个周末师傅会过来给您装。",
    "您放心，我下午三点前把方案发给您。", "我们会尽快给您处理的。", "退款一到三个工作日会原路退回。", "工程师今天晚上七点到九点上门。",
    "我给您登记了，稍后会有同事跟您联系。", "我记录下来，一会儿给您回过去。",
    "新的配件下周二能到，到了我们马上通知您。", "我会持续跟进，有结果第一时间告诉您。", "财务那边下个工作日打款。",
    "我们这边核实完，明天中午十二点前给您回复。", "快递今天就发出，后天能到。", "补发的包裹明天寄出。",
    "年底前我们会完成线路改造。", "这个月底之前给您减免到账单里。", "好的，我让主管两个小时内打给您。", "稍后我把链接短信发到您手机上。",
    "投诉已经升级，二十四小时之内给您处理意见。", "我会向上级反映，之后给您反馈。",
    "回头我跟师傅确认一下再联系您。", "晚点我给您打过去。", "十五分钟内给您恢复网络。", "我保证明天一定送到。", "我们承诺七天之内给您换新机。",
])
def test_an_undertaking_is_heard_however_it_is_put(words):
    assert len(promises(said(f"a: {words}"))) == 1


@pytest.mark.parametrize("words", [
    "请您稍等，我帮您查一下。", "请您明天带身份证到营业厅办理。", "我们的营业时间是早上九点到晚上六点。", "您可以在七天之内申请退货。",
    "如果三天内没有收到，请您再联系我们。", "您的退款昨天已经退回了。", "一般三个工作日到账。",
    "您什么时候方便？明天上午可以吗？", "系统显示快递今天上午已经送到。", "您这边周三之前把照片发给我们就行。", "感谢您的来电，祝您周末愉快。",
    "保修期是一年，三年之内免费上门。", "现在马上给您转接主管。", "我这就帮您办理。",
    "您的合约明年三月到期。", "师傅上周五已经上门了。", "我们是不会主动联系您索要密码的。", "上次说的是二十四小时之内处理。", "优惠活动到月底结束。",
])
def test_rules_requests_facts_and_wishes_are_no_undertakings(words):
    assert promises(said(f"a: {words}")) == ()


@pytest.mark.parametrize("words", ["一" * 200_000, "三天" * 100_000, "3.1" * 100_000, "明天上午会" * 50_000, "我会联系" * 50_000, "你这边" * 100_000])
def test_a_turn_without_end_is_read_in_reasonable_time(words):
    began = process_time()
    promises(said(f"a: {words}"))
    assert process_time() - began < 10
