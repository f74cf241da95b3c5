import time

import pytest
from nlp.domain.pii.checks import is_bank_card, is_credit_code, is_identity_card, is_landline, is_mobile, looks_like_identity_card
from nlp.domain.pii.masking import redact
from nlp.domain.pii.spans import PiiKind
from nlp.domain.pii.spoken import number_runs
from nlp_contacts import said


def masked(*lines: str) -> str:
    return "|".join(redact(said(*lines)).masked.values())


def kinds(*lines: str) -> set[PiiKind]:
    return {span.kind for spans in redact(said(*lines)).spans.values() for span in spans}


@pytest.mark.parametrize(("text", "digits"), [
    ("幺三八，零零幺三，八零零零", "13800138000"),
    ("幺三八洞洞幺三拐拐八九", "13800137789"),
    ("一三八三个零五六七八九", "13800056789"),
    ("138-1234 5678", "13812345678"),
    ("１３８１２３４５６７８", "13812345678"),
    ("138。1234。5678", "13812345678"),
    ("零幺零杠六二三四五六七八", "01062345678"),
    ("一一零一零五一九四九一二三一零零二叉", "11010519491231002X"),
    ("11010519491231002艾克斯", "11010519491231002X"),
    ("六二两二零两幺两", "62220212"),
])
def test_digits_are_heard_however_they_are_said(text, digits):
    assert [run.digits for run in number_runs(text)] == [digits]


@pytest.mark.parametrize("text", ["有三个人要两台", "一百二十块", "AB13812345678", "五千三百", "我家二楼"])
def test_ordinary_numerals_are_no_runs(text):
    assert not list(number_runs(text))


@pytest.mark.parametrize(("line", "secret", "kind"), [
    ("c: 13812345678", "13812345678", PiiKind.MOBILE),
    ("c: 您打幺三八幺二三四五六七八找我", "幺三八幺二三四五六七八", PiiKind.MOBILE),
    ("c: 138，嗯，1234，5678", "138，嗯，1234，5678", PiiKind.MOBILE),
    ("c: 话费充值13812345678", "13812345678", PiiKind.MOBILE),
    ("c: +86 138 1234 5678", "138 1234 5678", PiiKind.MOBILE),
    ("c: 幺三八两个零幺三八零零零", "幺三八两个零幺三八零零零", PiiKind.MOBILE),
    ("c: 0571-87654321", "0571-87654321", PiiKind.FIXED_LINE),
    ("c: 零五七幺杠八七六五四三二幺", "零五七幺杠八七六五四三二幺", PiiKind.FIXED_LINE),
    ("c: 座机87654321", "87654321", PiiKind.MOBILE),
    ("c: 11010519491231002X", "11010519491231002X", PiiKind.IDENTITY_CARD),
    ("c: 一一零一零五一九四九一二三一零零二叉", "一一零一零五一九四九一二三一零零二叉", PiiKind.IDENTITY_CARD),
    ("c: 110105194912310029", "110105194912310029", PiiKind.IDENTITY_CARD),
    ("c: 6222 0212 3456 7890 128", "6222 0212 3456 7890 128", PiiKind.BANK_CARD),
    ("c: 4111111111111111", "4111111111111111", PiiKind.BANK_CARD),
    ("c: 六二二二零二一二三四五六七八九零一二八", "六二二二零二一二三四五六七八九零一二八", PiiKind.BANK_CARD),
    ("c: 卡号4563510100123", "4563510100123", PiiKind.BANK_CARD),
    ("c: 车牌是粤B12345", "粤B12345", PiiKind.PLATE),
    ("c: 车牌京A·幺二三四五", "京A·幺二三四五", PiiKind.PLATE),
    ("c: 沪AD12345刚买的", "沪AD12345", PiiKind.PLATE),
    ("c: 苏E 三二幺F九", "苏E 三二幺F九", PiiKind.PLATE),
    ("c: 代码91350100M000100Y43", "91350100M000100Y43", PiiKind.CREDIT_CODE),
    ("c: 九幺三五零幺零零M零零零幺零零Y四三", "九幺三五零幺零零M零零零幺零零Y四三", PiiKind.CREDIT_CODE),
    ("c: 税号是91350100M000100Y4", "91350100M000100Y4", PiiKind.CREDIT_CODE),
    ("c: zhang.san@example.com", "zhang.san@example.com", PiiKind.EMAIL),
    ("c: 邮箱是 z h a n g 艾特 q q 点 com", "z h a n g 艾特 q q 点 com", PiiKind.EMAIL),
    ("c: 幺三八幺二三艾特幺六三点com", "幺三八幺二三艾特幺六三点com", PiiKind.EMAIL),
    ("c: 邮箱zhang下划线san一二三 qq点com", "zhang下划线san一二三 qq点com", PiiKind.EMAIL),
    ("c: 验证码是384512", "384512", PiiKind.SECRET),
    ("c: 微信号12345678", "12345678", PiiKind.NUMBER),
])
def test_personal_numbers_are_masked_as_what_they_are(line, secret, kind):
    assert secret not in masked(line)
    assert "*" * len(secret) in masked(line)
    assert kind in kinds(line)


@pytest.mark.parametrize("line", [
    "c: 订单号是13812345678", "c: 订单号13812345678，什么时候发货", "c: 快递单号幺三八幺二三四五六七八", "c: 13812345678这个订单还没到",
    "c: 型号是13812345678", "a: 我的工号是18812345", "a: 流水号6222021234567890128", "c: 运单号 138 1234 5678", "c: 序列号13912345678901",
    "a: 您的工单编号是15912345678，请记录", "c: 保单号4111111111111111", "c: 商品编号100012345678", "c: 合同号是02112345678", "a: 交易号2026112100001234",
    "a: 我们的热线是4008123456", "a: 请拨打10086或者95588", "a: 客服电话010-62345678", "a: 请致电12315",
    "c: 套餐是199元每月50个G", "c: 充了500，扣了129.99元", "c: 2026年11月21日下午3点25分", "c: 二零二六年十一月二十一号", "c: 下载速度100兆，只有3.5M/s",
    "c: 流量用了1024MB", "c: 余额是13812块3毛8", "c: 测速是五百兆，现在只有二十兆", "c: 20261121到20261225", "c: 一共3台，每台1299元",
    "c: SN是6222021234567890", "c: 1234567890123456", "c: 空调1.5匹，买了3年2个月",
])
def test_numbers_that_are_nobodys_stay(line):
    assert "*" not in masked(line)


def test_an_order_number_that_was_asked_for_stays_though_it_looks_like_a_mobile():
    assert "13812345678" in masked("a: 请您提供一下订单号。", "c: 13812345678。")
    assert "13812345678" not in masked("a: 请您提供一下订单号。", "c: 没有，电话13812345678。")
    assert "13812345678" not in masked("a: 请您提供一下订单号或者手机号。", "c: 13812345678。")


def test_talk_of_money_is_no_question_for_a_number_that_is_nobodys():
    assert "13812345678" not in masked("a: 费用退还给您，一共付了多少？", "c: 13812345678。")


def test_of_an_order_number_and_a_phone_in_one_turn_the_phone_is_masked():
    text = masked("c: 订单号是15812345678，电话是13912345678")
    assert "15812345678" in text
    assert "13912345678" not in text


@pytest.mark.parametrize("lines", [
    ("c: 你记一下，138", "a: 嗯", "c: 0013", "a: 0013", "c: 8000"),
    ("c: 幺三八", "a: 幺三八", "c: 零零幺三", "a: 零零幺三，好", "c: 八零零零", "a: 八零零零对吧"),
    ("c: 前面是138，中间是0013，后面8000"),
    ("c: 手机138", "a: 您说", "c: 00138000", "a: 跟您核对一下，13800138000"),
    ("a: 请问您的手机号码是多少？", "c: 138。", "a: 138，您继续。", "c: 0013。", "a: 嗯。", "c: 8000。", "a: 138、0013、8000，是吗？"),
])
def test_a_number_in_pieces_is_masked_with_its_repetitions(lines):
    text = masked(*([lines] if isinstance(lines, str) else lines))
    assert not any(piece in text for piece in ("138", "0013", "8000", "幺三八", "零零幺三", "八零零零")), text


def test_an_identity_number_in_pieces_is_masked():
    text = masked("c: 一一零一零五", "a: 嗯嗯", "c: 一九四九一二三一", "a: 您继续", "c: 零零二叉")
    assert not any(digit in text for digit in "一零五九四二三")


def test_amounts_beside_a_known_number_stay():
    text = masked("a: 手机号多少？", "c: 13800138000。", "a: 13800138000，套餐138元，有1380兆流量，对吗？")
    assert text.count("*") == 22


def test_checks_tell_numbers_from_those_with_one_digit_wrong():
    assert is_identity_card("11010519491231002X") and not is_identity_card("110105194912310021")
    assert looks_like_identity_card("110105194912310021") and not looks_like_identity_card("202611211234567890")
    assert is_credit_code("91350100M000100Y43") and not is_credit_code("91350100M000100Y44")
    assert is_bank_card("4111111111111111") and not is_bank_card("4111111111111112") and not is_bank_card("8111111111111111")
    assert is_mobile("8613812345678") and not is_mobile("12812345678")
    assert is_landline("01062345678") and is_landline("057187654321") and not is_landline("01012345678")


@pytest.mark.parametrize("text", [
    "1" * 200_000, "1 " * 40_000, "一，" * 40_000, "138 1234 5678 " * 10_000, "a1@" * 60_000, "京A1" * 60_000, "点" * 200_000,
    "19006650024" * 500 + "@", "@" + "19006650024" * 500, "税号" + "1" * 5000 + "洞", "1一" * 3000 + "艾特", "邮箱" + "1点" * 3000,
])
def test_an_endless_turn_takes_no_more_than_its_length(text):
    began = time.process_time()
    redact(said(f"c: {text}"))
    assert time.process_time() - began < 5


def test_a_contact_of_nothing_but_numbers_takes_no_more_than_its_length():
    began = time.process_time()
    redact(said(*(f"{'ac'[n % 2]}: 138{n:08d}" for n in range(5000))))
    assert time.process_time() - began < 5
