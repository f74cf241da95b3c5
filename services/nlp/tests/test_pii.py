import json

import pytest
from nlp.domain.dialogue import Dialogue, Interaction, Role, Turn
from nlp.domain.pii.checks import is_identity_card, luhn
from nlp.domain.pii.masking import redact
from nlp.domain.pii.spans import PiiKind
from nlp_contacts import SHARED, said


def masked(*lines: str) -> str:
    return "|".join(redact(said(*lines)).masked.values())


@pytest.mark.parametrize(("line", "secret"), [
    ("c: 我的电话是13812345678", "13812345678"),
    ("c: 打138 1234 5678找我", "138 1234 5678"),
    ("c: 电话一三八幺二三四五六七八", "一三八幺二三四五六七八"),
    ("c: 座机是010-62345678", "010-62345678"),
    ("c: 我的电话是以381235678", "381235678"),
    ("c: 号码是110101199003074518", "110101199003074518"),
    ("c: 神分证号码是一二零一零一九九零零三零七四五一八", "一二零一零一九九零零三零七四五一八"),
    ("c: 银行卡号是6222021234567890123", "6222021234567890123"),
    ("c: 英雄卡号，16.2012.1345.67.890.123", "16.2012.1345.67.890.123"),
    ("c: 银行卡号 16.22.12.345.67.890.23", "890.23"),  # its first eleven digits look like a mobile
    ("c: 邮箱是zhang.san@example.com", "zhang.san@example.com"),
    ("c: 车牌京A12345", "京A12345"),
    ("c: 我叫李建国，想问一下", "李建国"),
    ("a: 李先生您好", "李先生"),
    ("a: 请问是欧阳女士吗", "欧阳女士"),
    ("c: 收件人赵丽华", "赵丽华"),
    ("c: 幸福路18号阳光小区3栋502室。", "幸福路18号阳光小区3栋502室"),
    ("c: 幸福路十八号，阳光小区三栋五零二室。", "幸福路十八号，阳光小区三栋五零二室"),
    ("c: 新副路18号，阳光小区3动502", "阳光小区3动502"),
    ("c: 我住在朝阳区建国路八十八号院五号楼二单元一零一", "建国路八十八号院五号楼二单元一零一"),
])
def test_personal_information_is_masked(line, secret):
    assert secret not in masked(line)


@pytest.mark.parametrize("line", [
    "c: 套餐是五十九元三十个G",
    "a: 请您拨打10086或者12315",
    "a: 我们的热线是4008123456",
    "c: 订单号是20261121345678",
    "c: 这个小区的信号不好",
    "a: 安装师傅会联系您",
    "c: 这位先生说的不对",
    "a: 请您提供一下订单号，我的工号是一零零三",
    "c: 我知道了，谢谢",
    "a: 预计需要1000到2000元",
])
def test_what_belongs_to_nobody_stays(line):
    assert "*" not in masked(line)


def test_a_name_is_masked_wherever_it_recurs_even_misheard():
    text = masked("a: 请问您贵姓？", "c: 我叫张伟明。", "a: 张伟明先生您好。", "c: 对，张为明。")
    assert "张伟明" not in text
    assert "张为明" not in text


@pytest.mark.parametrize(("line", "name"), [
    ("c: 我姓陈，叫陈志强，想问一下", "陈志强"),
    ("c: 我姓陈名志强。", "志强"),
    ("c: 你好，我姓沈，沈括的沈，叫沈一鸣", "沈一鸣"),
    ("c: 我姓诸葛，叫诸葛云", "诸葛云"),
    ("c: 免贵姓陆，陆定远。", "陆定远"),
    ("c: 本人方小川，要投诉", "方小川"),
    ("c: 我叫李想想办个业务", "李想"),
    ("c: 我叫关山月想查一下话费", "关山月"),
    ("c: 我的名字是段誉，麻烦查一下", "段誉"),
    ("c: 名字叫上官婉儿。", "上官婉儿"),
    ("c: 登记的是贺子轩，号码不变", "贺子轩"),
    ("c: 登记在袁小满名下的", "袁小满"),
    ("c: 机主是我老公，姓名赵大海。", "赵大海"),
    ("c: 户主吴桂芬，您查一下", "吴桂芬"),
    ("c: 户名是邱实", "邱实"),
    ("c: 收件人改成戴明月，电话一样", "戴明月"),
    ("c: 收件人写我爱人的，田小禾", "田小禾"),
    ("c: 叫我林女士就行", "林女士"),
    ("c: 你叫我小覃就行，覃塘的覃", "覃"),
    ("c: 我妈叫蒋春兰，卡是她的", "蒋春兰"),
    ("c: 我全名叫慕容晓晓。", "慕容晓晓"),
    ("c: 我是谭松，上午打过电话", "谭松"),
    ("a: 请问您是鲁一凡吗？", "鲁一凡"),
    ("a: 请问是黎明先生吗？", "黎明"),
    ("a: 韩雪您好，您的快递到了", "韩雪"),
    ("a: 卡是办在孟非名下的吗", "孟非"),
    ("c: 联系人写颜如玉吧，电话是我的", "颜如玉"),
    ("c: 过户给我儿子，他叫石磊。", "石磊"),
])
def test_a_name_is_masked_however_it_is_introduced(line, name):
    assert name not in masked(line)


@pytest.mark.parametrize("line", [
    "c: 我叫了快递，他说要到付",
    "c: 我叫外卖，地址错了",
    "c: 收件人不在家，本人全程没接到电话",
    "c: 登记的是全款，开户人和银行不一样",
    "c: 颜色是王子蓝，尺码是大码",
    "a: 谢谢小姐姐，安装费我们承担",
    "a: 由我本人高度负责，请您放心",
    "c: 我是用户，我是老顾客，我是在广州",
    "a: 您是车主吗，还是家人？",
    "a: 请您报一下机主姓名和身份证后四位",
    "c: 车主任务完成了吗，叫什么名字来着",
    "a: 联系人和电话都已经登记，费用全部退还",
    "c: 改成金色，换成白色，写的是黑色",
    "c: 叫师傅明天再来，叫安装的人打电话",
    "a: 请问您是要退货吗，您是想换货吗",
    "c: 我找客服，帮我找经理",
    "c: 总共多少钱，高总共几样",
])
def test_ordinary_words_are_no_names(line):
    assert "*" not in masked(line)


def test_a_full_name_is_masked_everywhere_with_what_spells_it():
    text = masked("c: 我姓陈，叫陈志强。", "a: 陈志强先生，是志气的志吗？", "c: 对，耳东陈，志气的志，强大的强。", "a: 小陈您好。")
    assert not any(part in text for part in ("陈", "志", "强"))


def test_a_rare_surname_is_masked_when_a_name_was_asked_for():
    assert "俸" not in masked("a: 请问您贵姓，怎么称呼？", "c: 俸小天。")
    assert "*" not in masked("a: 请问您的姓名是？", "c: 等一下。", "a: 请问怎么称呼？", "c: 没听清。")


def test_a_number_read_out_in_groups_after_a_question_is_masked():
    text = masked("a: 请问您的手机号码是多少？", "c: 138。", "a: 嗯。", "c: 1234。", "a: 好的。", "c: 5678。")
    assert not any(group in text for group in ("138", "1234", "5678"))


def test_a_number_split_over_turns_of_one_speaker_is_masked():
    text = masked("c: 我的身份证号是110101", "c: 19900307", "c: 4518")
    assert not any(group in text for group in ("110101", "19900307", "4518"))


def test_a_masked_text_keeps_its_length_and_says_the_kind():
    dialogue = Dialogue(Interaction("i1"), (Turn("t1", Role.CUSTOMER, "我叫张伟，电话13812345678。"),))
    redaction = redact(dialogue)
    assert len(redaction.masked["t1"]) == len(dialogue.turns[0].text)
    assert {span.kind for span in redaction.spans["t1"]} == {PiiKind.NAME, PiiKind.MOBILE}


def test_identity_cards_and_bank_cards_are_checked():
    assert is_identity_card("11010519491231002X")
    assert not is_identity_card("110105194912310021")
    assert luhn("6222021234567890128") or luhn("4111111111111111")
    assert not luhn("4111111111111112")


@pytest.mark.skipif(not (SHARED / "data/addresses.jsonl").exists(), reason="../shared/data is absent")
def test_delivery_addresses_are_mostly_masked_when_asked_for():
    total = hidden = 0
    for line in (SHARED / "data/addresses.jsonl").read_text().splitlines():
        text = json.loads(line)["text"]
        answer = list(redact(said("a: 请您提供一下地址。", f"c: {text}")).masked.values())[1]
        total += len(text)
        hidden += answer.count("*")
    assert hidden / total >= 0.9


def test_what_is_garbled_around_an_asked_for_address_is_masked_with_it():
    text = masked("a: 请您提供一下商门地者。", "c: 幸福路是八号阳光小区三栋武林阿神。")
    assert not any(part in text for part in ("幸福路", "阳光小区", "武林"))


def test_an_agent_who_speaks_of_itself_is_not_masked():
    assert "*" not in masked("a: 由我本人全程跟进。")
