"""Names of people: introduced (我叫…), addressed (…先生), given when asked, then found wherever they recur."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

from nlp.domain.dialogue import Passage, Role
from nlp.domain.pii.spans import PiiKind, PiiSpan
from nlp.domain.syllables import sound

COMPOUND = "欧阳 司马 上官 诸葛 东方 皇甫 尉迟 公孙 慕容 司徒 夏侯 令狐 端木 轩辕 长孙 宇文 独孤 南宫 西门 司空"
SINGLE = (
    "王李张刘陈杨黄赵吴周徐孙马朱胡郭何高林罗郑梁谢宋唐许韩冯邓曹彭曾肖田董袁潘于蒋蔡余杜叶程苏魏吕丁任沈姚卢姜崔钟谭陆汪范金石"
    "廖贾夏韦付方白邹孟熊秦邱江尹薛闫段雷侯龙史陶黎贺顾毛郝龚邵万钱严覃武戴莫孔向汤温康施文牛樊葛邢安齐易乔伍庞颜倪庄聂章鲁岳翟"
    "殷詹申欧耿关兰焦俞左柳甘祝包宁尚符舒阮柯纪梅童凌毕单季裴霍涂成苗谷盛曲翁冉骆蓝路游辛靳欧管柴蒙鲍华喻祁蒲房滕屈饶解牟艾尤阳"
    "时穆农司卓古吉缪简车项连芦麦褚娄窦戚岑景党宫费卜冷晏席卫米柏宗瞿桂全佟应臧闵苟邬边卞姬师和仇栾隋商刁沙荣巫寇桑郎甄丛仲虞敖"
)
_GIVEN = r"[\u4e00-\u9fff]{1,2}"
_SURNAME = f"(?:{'|'.join(COMPOUND.split())}|[{SINGLE}])"
_FULL = rf"{_SURNAME}{_GIVEN}"
_INTRODUCED = re.compile(
    r"(?:我叫做?|本人叫|我的?名字是?叫?|姓名(?:是|叫|为|[:：])|名字(?:是|叫|[:：])|(?:机主|户主|车主|收件人|收货人|联系人|持卡人|投保人|被保险人|开户人)(?:姓名)?(?:是|叫|[:：])?|(?:客户|用户|老公|老婆|爱人|妻子|丈夫|父亲|母亲|儿子|女儿|同事|朋友)(?:姓名)?(?:是|叫|[:：])|叫做|名叫)"
    rf"\s*[，, ]?\s*(?P<name>{_FULL})"
)
_CALLED = re.compile(r"(?:我叫做?|本人叫|名叫)[，, ]?(?P<name>[\u4e00-\u9fff]{2,3})(?=[，。,. ！!？?是]|$)")
_I_AM = re.compile(rf"我(?:是|就是)(?P<name>{_FULL})(?=[，。,. ！!？?]|$)")
_SURNAMED = re.compile(rf"(?:我姓|免贵姓|鄙姓|姓)(?P<name>{_SURNAME})(?![名氏])")
_TITLED = re.compile(rf"(?P<name>{_SURNAME}(?:{_GIVEN})?)(?=先生|女士|小姐|太太)")
_SHORT_TITLED = re.compile(rf"(?P<name>{_SURNAME})(?=总|哥|姐|阿姨|大爷|大妈|叔叔|大哥|大姐|师傅|经理|老师|医生|主任|工(?![号作程时具资商厂]))")
_ASKED = re.compile(r"姓名|贵姓|名字|怎么称呼|如何称呼|叫什么|户主是|机主是|报一下.{0,3}名")
_ANSWER = re.compile(rf"^[，。\s嗯啊哦好的是叫我]*(?P<name>{_FULL})(?=[，。,.！!？?\s是]|$)")
_FULL_IN_LIST = re.compile(rf"(?<=[，,、。\s：:是叫])(?P<name>{_FULL})(?=[，,、。\s]|$)")
# Parts of speech that no given name holds.
_NO_NAME = re.compile(
    r"电话|手机|号码|信息|账号|地址|姓名|名字|谢谢|"
    r"联系|签|的|是|不|了|吗|呢|哦|啊|什么|这|那|我|你|他|您|们|要|想|没|有|没|还|就|都|也|很|请|好吗|收件|需要|可以|以及|如果|退|订单|快递"
)
# Words that begin like a name but are none.
_COMMON = re.compile(
    r"^(?:那位|这位|一位|安装|安排|高兴|高级|方便|马上|马桶|时候|时间|路由|金额|包含|包装|成功|全部|应该|任何|单位|单元|关于|关系|解决|解释|房子|费用|"
    r"车子|车辆|向你|和你|于是|易损|万一|白色|黄色|蓝色|金色|温度|石头|文件|文字|常用|项目|连接|简单|古怪|吉祥|农村|司机|师傅|商品|商家|荣幸|尚未|"
    r"什么|何时|何况|许多|钱包|钱款|水管|程序|程度|管理|游戏|边上|经理|武汉|成都|南京|北京|上海|广州|江苏|安徽|河南|海南|黄河|华为|金山|康佳|"
    r"左边|右边|别的|曾经|从来|来电|甘愿|明天|明白|明确|方式|方法|方面|孔雀|庄园|章程|宁可|宁愿|伍佰|陆续|段时间|连续|雷达|牛奶|熊猫|龙头|"
    r"党员|同志|席位|景区|宫殿|卫生|卫浴|米饭|冷藏|冷冻|冷气|柏油|全国|全家|全程|应急|边框|师生|和平|荣耀|沙发|桑拿|仲裁|巫婆|寇|郎|尤其|阳台|阳光|"
    r"华丽|包裹|祝你|祝您|盛情|曲折|游客|管道|柴油|蒙古|房东|房屋|解开|艾|时尚|时长|司法|卓越|古|吉利|车主|车牌|连|项链|"
    r"宁波|贾|甘肃|安全|安心|安静|安卓|安|成|高|高峰|方向|方便面|金|任务|任意|万|文|易|施工|向|盛|路|路上|路线)$"
)


def name_spans(passages: Sequence[Passage]) -> list[PiiSpan]:
    """Names of people in a contact, wherever one recurs by its characters or its sound."""
    spans = set(_direct(passages))
    known = {passages[s.passage].text[s.start : s.end] for s in spans}
    full = {name for name in known if len(name) >= 2}
    spans.update(_recurring(passages, full))
    return sorted(spans)


def _direct(passages: Sequence[Passage]) -> Iterator[PiiSpan]:
    asked = False
    for index, passage in enumerate(passages):
        for pattern in (_INTRODUCED, _CALLED, _I_AM, _TITLED, _SHORT_TITLED):
            yield from _matches(pattern, passage.text, index)
        if passage.role is Role.CUSTOMER:
            yield from _matches(_SURNAMED, passage.text, index)
            if asked:
                yield from _matches(_ANSWER, passage.text, index)
                yield from _matches(_FULL_IN_LIST, passage.text, index)
        asked = bool(_ASKED.search(passage.text)) if passage.role is Role.AGENT else False


def _matches(pattern: re.Pattern[str], text: str, index: int) -> Iterator[PiiSpan]:
    for match in pattern.finditer(text):
        name = match["name"]
        end = match.end("name")
        if _COMMON.match(name) and (len(name) > 1 or pattern is _TITLED):
            continue
        if len(name) > 2 and _NO_NAME.search(name[-1:]):
            name, end = name[:-1], end - 1
        if len(name) > 1 and _NO_NAME.search(name):
            continue
        yield PiiSpan(index, match.start("name"), end, PiiKind.NAME)


def _recurring(passages: Sequence[Passage], names: Iterable[str]) -> Iterator[PiiSpan]:
    for name in names:
        wanted = sound(name)[0]
        for index, passage in enumerate(passages):
            heard = sound(passage.text)[0]
            place = heard.find(wanted)
            while place >= 0:
                same = passage.text[place : place + len(name)]
                if same == name or len(name) >= 3:
                    yield PiiSpan(index, place, place + len(name), PiiKind.NAME)
                place = heard.find(wanted, place + 1)
