"""How Chinese customer language is cut into words for matching."""

import re

import rjieba

_KEEP = re.compile(r"[0-9a-z\u4e00-\u9fff]")

# Words that carry grammar or politeness and match every article alike.
_STOP_WORDS = """
的 了 是 我 你 您 他 她 它 们 我们 你们 他们 在 有 和 与 就 都 而 及 着 或 也 还 啊 呢 吧
吗 呀 哦 嗯 哎 喂 那 这 那个 这个 一个 一下 一 个 请 请问 你好 您好 谢谢 麻烦 帮 帮忙 想 要 会
能 可以 可 把 被 给 让 对 从 到 上 下 里 去 来 说 很 好 好的 什么 怎么 怎么办 怎样 如何 为什么
么 怎 哪 哪里 多少 几 时候 没 没有 不 不是 不能 因为 所以 如果 但是 然后 现在 知道 家 就是 已经
再 又 自己 人 东西 事 事情 问题 情况 先生 女士 小姐 今天 明天 昨天 办 弄 搞 用 做 看 些 点 只
才 太
"""
_STOP = frozenset(_STOP_WORDS.split())


def words(text: str) -> tuple[str, ...]:
    """Content words of a text, lower case, in order, with overlapping sub-words as a search engine wants them."""
    return tuple(
        word
        for word in (raw.strip().lower() for raw in rjieba.cut_for_search(text))
        if word not in _STOP and _KEEP.search(word)
    )
