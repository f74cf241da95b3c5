"""The words and figures of quality work that people read: reviews, appeals, calibrations, scorecards, simulations, what was masked."""

from collections.abc import Mapping, Sequence

from client.quality_shapes import Agreement, Simulation
from client.shapes import Evaluation, ItemResult, Redaction

from console.domain.words import NONE, points, word

PROMISE = {"open": "待兑现", "kept": "已兑现", "late": "逾期兑现", "broken": "未兑现"}
PROMISE_TONE = {"open": "info", "kept": "good", "late": "warn", "broken": "bad"}
MASKED = {
    "id_card": "身份证号", "bank_card": "银行卡号", "mobile": "手机号", "landline": "座机号", "plate": "车牌号", "credit_code": "统一社会信用代码",
    "address": "地址", "name": "姓名", "email": "邮箱", "number": "号码", "secret": "密码或验证码",
}
REASON = {"fatal": "致命项", "abstained": "机器待定", "low_score": "低分", "sample": "抽检"}
REASON_TONE = {"fatal": "bad", "abstained": "warn", "low_score": "bad", "sample": "info"}
APPEAL = {"open": "待裁定", "accepted": "已采纳", "rejected": "已驳回"}
APPEAL_TONE = {"open": "warn", "accepted": "good", "rejected": "calm"}
HINT = {
    "missing_apology": "提醒致歉", "calm_down": "安抚客户", "forbidden_phrase": "注意用语", "slow_down": "放慢语速", "missing_step": "补上步骤",
    "answer": "推荐回答",
}
ANSWER = {"pass": "通过", "fail": "未通过", "na": "不适用"}
RUN = {"running": "进行中", "done": "已完成", "cancelled": "已停止", "failed": "失败"}
RUN_TONE = {"running": "info busy", "done": "good", "cancelled": "calm", "failed": "bad"}
FINDING = {
    "syntax": "语法", "unknown_operator": "未知运算符", "missing_rule": "缺少规则", "circular": "循环引用", "unsafe_regex": "正则有风险", "dead": "从未使用",
    "overlapping": "重复", "contradictory": "互相矛盾", "unsatisfiable": "永不成立", "untested": "没有测试",
}
MODEL = {"emotion": "情绪模型", "sentences": "句向量模型", "entities": "实体模型"}


def who(principal: str | None, own: str = "") -> str:
    """A principal for people: 我, 随软件提供, or the end of a key's id, by which colleagues can be told apart."""
    if not principal:
        return NONE
    if principal == own:
        return "我"
    if principal == "shipped":
        return "随软件提供"
    kind, _, name = principal.partition(":")
    return "系统" if kind in ("service", "system") else f"密钥 {name[-8:]}" if kind == "key" else principal


def interval(evaluation: Evaluation) -> str:
    """The interval of the score, "72–80"; empty where nothing abstained."""
    low, high = evaluation.get("score_low"), evaluation.get("score_high")
    if low is None or high is None or not abstained(evaluation.get("items", [])) or points(low) == points(high):
        return ""
    return f"{points(low)}–{points(high)}"


def abstained(items: Sequence[ItemResult]) -> list[str]:
    """Titles of the items that a person has to decide."""
    return [i.get("title") or i.get("item_id", "") for i in items if i.get("result") == "abstain"]


def contestable(item: ItemResult) -> bool:
    """An agent may object to it: it took points."""
    return item.get("result") == "fail" or (item.get("result") == "pass" and item.get("points", 0.0) < item.get("max_points", 0.0))


def masked_kinds(redactions: Sequence[Redaction]) -> list[tuple[str, int]]:
    """What was masked, by kind, most first."""
    counts: dict[str, int] = {}
    for redaction in redactions:
        kind = word(MASKED, redaction.get("kind"))
        counts[kind] = counts.get(kind, 0) + 1
    return sorted(counts.items(), key=lambda c: -c[1])


def share(value: float | None) -> str:
    """0 to 1 as percent; a dash where it has no meaning."""
    return NONE if value is None else f"{value * 100:.1f}%".replace(".0%", "%")


def kappa(agreement: Agreement) -> tuple[str, str]:
    """Kappa in two digits and what it means by Landis and Koch (1977), with its tone: `("0.82 几乎一致", "good")`."""
    value = agreement.get("kappa")
    if value is None:
        return NONE, "calm"
    words, tone = next(
        (words, tone) for least, words, tone in (
            (0.8, "几乎一致", "good"), (0.6, "高度一致", "good"), (0.4, "中等", "warn"), (0.2, "较低", "bad"), (-2.0, "很低", "bad"),
        ) if value > least
    )
    return f"{value:.2f} {words}", tone


def signed(change: float) -> str:
    """A change of a score with its sign."""
    return f"{change:+.1f}".replace("-", "−") if round(change, 1) else "0"


def progress(simulation: Simulation) -> float:
    """How far, 0 to 1."""
    total = int(simulation.get("total", 0))
    return 1.0 if simulation.get("state") == "done" else min(1.0, int(simulation.get("done", 0)) / total) if total else 0.0


def verdict(simulation: Simulation) -> tuple[str, str]:
    """What the gate says, and its tone."""
    if not any(v is not None for v in simulation.get("gate", {}).values()):
        return "未设闸门", "calm"
    passed = simulation.get("gate_passed")
    return ("等待结果", "calm") if passed is None else ("通过闸门", "good") if passed else ("未过闸门", "bad")


def grouped(items: Sequence[Mapping[str, object]]) -> list[tuple[str, list[int]]]:
    """Sections in the scorecard's order with the places of their items; an item without a section stands under its dimension."""
    sections: dict[str, list[int]] = {}
    for n, item in enumerate(items):
        sections.setdefault(str(item.get("section") or item.get("dimension") or "其他"), []).append(n)
    return list(sections.items())
