"""Who is the agent: by channel where each has its own, by what is said where one channel holds both."""

from collections.abc import Sequence

from asr.domain.transcript import Role

# What each side says and the other hardly does. An agent's formulas are alike in every trade; a customer speaks of
# what is his.
AGENT_SAYS = (
    "为您", "为你服务", "帮您", "帮到您", "请问您", "请问有什么", "您稍等", "请稍等", "您的来电", "来电", "祝您", "工号", "客服", "服务中心",
    "给您带来", "请您", "麻烦您", "感谢您", "您贵姓", "您这边", "我们会", "欢迎致电", "这边给您", "帮您查", "您放心",
)
CUSTOMER_SAYS = (
    "我要", "我想", "我家", "我的", "我买", "你们", "怎么办", "怎么回事", "什么时候", "多少钱", "投诉", "退款", "退货", "退费", "坏了",
    "没有了", "谢谢你", "我叫", "能不能", "我昨天", "还没",
)


def of_channels(left: Role | None, right: Role | None) -> tuple[Role, Role]:
    """Roles of the two channels as announced; agent left and customer right where nothing was said."""
    if left is None and right is None:
        return Role.AGENT, Role.CUSTOMER
    if left is None or left is right:
        assert right is not None
        return right.other, right
    return left, right or left.other


def from_words(spoken: Sequence[tuple[int, str]], *, outbound: bool = False) -> dict[int, Role]:
    """Role of each speaker of one channel, from (speaker, text) in order.

    The speaker with more of an agent's phrases, less a customer's, is the agent. Where that decides nothing, whoever
    answered the telephone tells it: the agent of an inbound call speaks first, of an outbound one second.
    """
    speakers = list(dict.fromkeys(speaker for speaker, _ in spoken))
    if not speakers:
        return {}
    leaning = dict.fromkeys(speakers, 0)
    for speaker, text in spoken:
        leaning[speaker] += sum(text.count(p) for p in AGENT_SAYS) - sum(text.count(p) for p in CUSTOMER_SAYS)
    if len(speakers) == 1:
        alone = speakers[0]
        return {alone: Role.CUSTOMER if leaning[alone] < 0 else Role.AGENT}
    expected = speakers[1] if outbound else speakers[0]
    agent = max(speakers, key=lambda s: (leaning[s], s == expected))
    return {s: Role.AGENT if s == agent else Role.CUSTOMER for s in speakers}
