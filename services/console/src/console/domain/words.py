"""The words and figures people read: Chinese names of closed sets, times in Asia/Shanghai, spans, scores."""

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta, timezone

from client.shapes import Kpi, Target

# China has kept one offset since 1991; a fixed one needs no time zone files in the image.
SHANGHAI = timezone(timedelta(hours=8), "Asia/Shanghai")
NONE = "—"

STATUS = {"received": "已接收", "transcribing": "转写中", "scoring": "评分中", "scored": "已评分", "failed": "失败"}
INDUSTRY = {
    "telecom": "电信", "appliance": "家电", "automotive": "汽车", "electronics": "3C 电子", "ecommerce": "电商", "bank": "银行",
    "insurance": "保险",
}
CHANNEL = {
    "hotline": "热线", "app": "APP", "wechat": "微信", "miniprogram": "小程序", "online": "在线客服", "store": "营业厅", "enterprise": "政企通道",
}
DIRECTION = {"inbound": "呼入", "outbound": "呼出"}
ROLE = {"agent": "坐席", "customer": "客户"}
MEDIUM = {"call": "通话", "chat": "在线文字"}
EMOTION = {"angry": "愤怒", "anxious": "焦虑", "neutral": "平静", "satisfied": "满意"}
URGENCY = {"high": "紧急", "normal": "一般"}
RESULT = {"pass": "通过", "fail": "未通过", "na": "不适用", "abstain": "待人工"}
ALERT = {"negative_emotion": "情绪激化", "forbidden_phrase": "违规用语", "complaint_keyword": "投诉风险词", "long_silence": "长时间静音"}
TICKET_STATE = {"open": "待分配", "assigned": "已分配", "in_progress": "处理中", "waiting": "等待客户", "resolved": "已解决", "closed": "已关闭"}
TICKET_KIND = {"service": "服务工单", "callback": "回访工单", "rectification": "整改工单"}
TICKET_TYPES = ("咨询", "故障", "投诉", "业务办理")
TICKET_ACTION = {
    "opened": "开单", "assigned": "分配", "started": "开始处理", "escalated": "升级二线", "waited": "等待客户", "resumed": "继续处理",
    "answered": "答复客户", "customer_said": "客户来信来电", "diagnosed": "诊断", "terms_changed": "时限变更", "commented": "备注", "resolved": "解决",
    "closed": "关闭", "reopened": "重新打开", "due_soon": "即将超时", "overdue": "已超时", "called_back": "已回访客户", "proven": "复核通过",
    "unproven": "复核未通过", "relapsed": "整改后复发", "withdrawn": "整改撤销", "updated": "内容变更", "filled": "补全要素", "checked": "一致性核对",
    "watched": "关注", "unwatched": "取消关注", "attached": "添加附件", "detached": "删除附件",
}
TARGET_OF = {"agent": "坐席", "team": "班组", "product": "产品"}
ROOT_CAUSE = {"training": "培训", "process": "流程", "system": "系统", "product": "产品"}
VERDICT = {"not_yet": "复核中", "passed": "复核通过", "failed": "复核未通过"}
FINDING = {
    "type_lowered": "问题类型被降低", "urgency_lowered": "紧急程度被降低", "fact_missing": "缺少事实", "fact_contradicts": "与会话不一致",
}
CAUSE = {
    "complaint": "客户投诉", "fault": "故障报修", "broken_promise": "承诺未兑现", "promise": "承诺跟进", "dissatisfied": "客户不满意",
    "manual": "人工开单", "repeat_contact": "重复来电", "complaint_followup": "投诉后回访", "feedback": "客户差评",
}
_CAUSE_OF_ITEM = {"fatal_item": "致命项", "repeated_item": "反复未通过", "product_issue": "产品问题集中"}
ARTICLE_STATE = {"submitted": "待审核", "published": "已发布", "retired": "已下架"}
AUDITED = {
    "DownloadAudio": "收听录音", "GetTranscript": "查看转写", "GetEvaluation": "查看质检结果", "UploadInteraction": "上传录音",
    "CreateInteraction": "上传在线会话", "ListInteractions": "查看会话列表", "GetInteraction": "查看会话", "CreateApiKey": "新建密钥",
    "RevokeApiKey": "吊销密钥", "ListApiKeys": "查看密钥", "ListAuditEntries": "查看审计日志", "SetTarget": "修改指标目标",
    "OpenTicket": "开工单", "AssignTicket": "分配工单", "StartTicket": "开始处理工单", "EscalateTicket": "升级工单",
    "CommentTicket": "备注工单", "ResolveTicket": "解决工单", "CloseTicket": "关闭工单", "ReopenTicket": "重开工单",
    "WaitTicket": "工单等待客户", "ResumeTicket": "继续处理工单", "AnswerTicket": "工单答复客户", "DiagnoseTicket": "工单诊断",
    "RecordCustomerMessage": "记录客户来信", "PlanRectification": "填写整改方案", "SummarizeRectifications": "查看整改成效",
    "GetServiceLevels": "查看时限", "ListServiceLevels": "查看时限版本", "PublishServiceLevels": "发布时限", "PreviewDeadlines": "试算时限",
    "UpdateTicket": "修改工单", "CheckTicket": "核对工单",
    "ImportFeedback": "导入客户评价", "SubmitArticle": "提交知识条目", "PublishArticle": "发布知识条目",
    "GetOriginals": "查看脱敏原文", "SettlePromise": "登记承诺结果", "ReviewEvaluation": "人工复核", "OpenAppeal": "提出申诉", "DecideAppeal": "裁定申诉",
    "CreateCalibration": "发起校准", "AnswerCalibration": "校准作答", "PublishScorecard": "发布评分表", "ActivateScorecard": "启用评分表版本",
    "StartSimulation": "开始模拟", "CancelSimulation": "停止模拟", "VerifyEvaluations": "核验存证",
    "ListEvaluations": "查看质检列表", "ListAlerts": "查看预警", "GetTicket": "查看工单", "ListTickets": "查看工单列表",
}
ROLE_OF_KEY = {"admin": "管理员", "supervisor": "班组长", "inspector": "质检员", "agent": "坐席", "integrator": "系统集成", "viewer": "只读"}
DIMENSIONS = ("流程规范", "沟通效能", "问题解决", "客户体验", "合规安全")
LOW_CONFIDENCE = 0.6


def word(words: Mapping[str, str], key: str | None) -> str:
    """The Chinese word; the key itself where there is none, a dash where there is no key ("unspecified" is an enum that was not set)."""
    return words.get(key, key) if key and key != "unspecified" else NONE


def cause(key: str) -> str:
    """Why a ticket was opened."""
    kind, _, about = key.partition(":")
    return f"{_CAUSE_OF_ITEM[kind]} {about}" if kind in _CAUSE_OF_ITEM and about else word(CAUSE, key)


def moment(text: str | None) -> datetime | None:
    """An RFC 3339 time; None where there is none."""
    return datetime.fromisoformat(text.replace("Z", "+00:00")) if text else None


def when(text: str | None, *, seconds: bool = False) -> str:
    """A time as people in China read it, "2026-11-21 14:03"."""
    at = moment(text)
    return at.astimezone(SHANGHAI).strftime("%Y-%m-%d %H:%M:%S" if seconds else "%Y-%m-%d %H:%M") if at else NONE


def clock(ms: int | None) -> str:
    """A place in a recording, "01:05"; hours where needed."""
    seconds = (ms or 0) // 1000
    hours, minutes = seconds // 3600, seconds // 60 % 60
    return f"{hours}:{minutes:02d}:{seconds % 60:02d}" if hours else f"{minutes:02d}:{seconds % 60:02d}"


def span(seconds: float) -> str:
    """A length of time in its two largest units, "2 天 3 小时"."""
    minutes = int(abs(seconds)) // 60
    if minutes < 1:
        return "不到 1 分钟"
    days, hours, rest = minutes // 1440, minutes // 60 % 24, minutes % 60
    if days:
        return f"{days} 天 {hours} 小时" if hours else f"{days} 天"
    if hours:
        return f"{hours} 小时 {rest} 分" if rest else f"{hours} 小时"
    return f"{rest} 分钟"


def due(deadline: str | None, done: str | None, now: datetime) -> tuple[str, str]:
    """What a deadline says now and its tone: good, calm, warn (an hour or less left) or bad."""
    limit, end = moment(deadline), moment(done)
    if limit is None:
        return NONE, "calm"
    if end is not None:
        return ("按时完成", "good") if end <= limit else (f"超时 {span((end - limit).total_seconds())} 完成", "bad")
    left = (limit - now).total_seconds()
    if left < 0:
        return f"已超时 {span(left)}", "bad"
    return f"剩余 {span(left)}", "warn" if left <= 3600 else "calm"


def score_tone(score: float | None, *, fatal: bool = False) -> str:
    """good from 85, warn from 60, else bad; a fatal item is always bad."""
    if fatal:
        return "bad"
    if score is None:
        return "calm"
    return "good" if score >= 85 else "warn" if score >= 60 else "bad"


def points(value: float | None) -> str:
    """Points or a score without useless zeros."""
    return NONE if value is None else f"{value:.1f}".rstrip("0").rstrip(".")


def figure(value: float | None, unit: str | None) -> str:
    """A KPI in its unit; a dash where nothing was measured."""
    if value is None:
        return NONE
    if unit == "ratio":
        return f"{value * 100:.2f}%" if 0 < abs(value) < 0.01 else f"{value * 100:.1f}%"
    if unit == "minutes":
        return f"{value:.1f} 分钟"
    if unit == "count":
        return f"{value:,.0f}"
    return f"{value:.0f}" if unit == "nps" else f"{value:.2f}".rstrip("0").rstrip(".")


def goal(kpi: Kpi | Target) -> str:
    """The target with its side, "≥ 85.0%"; empty where there is none."""
    if kpi.get("target") is None:
        return ""
    return f"{'≤' if kpi.get('sense') == 'at_most' else '≥'} {figure(kpi.get('target'), kpi.get('unit'))}"


def difference(change: float | None, unit: str | None) -> str:
    """A change with its sign; of ratios in percentage points."""
    if change is None:
        return NONE
    return f"{change * 100:+.1f} 个百分点" if unit == "ratio" else f"{'+' if change >= 0 else '−'}{figure(abs(change), unit)}"


def day_begins(day: str) -> str:
    """The first instant of a day (YYYY-MM-DD) in Shanghai as RFC 3339. Raises ValueError."""
    return datetime.combine(date.fromisoformat(day), datetime.min.time(), SHANGHAI).astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def day_ends(day: str) -> str:
    """The first instant after a day, as RFC 3339. Raises ValueError."""
    return day_begins((date.fromisoformat(day) + timedelta(days=1)).isoformat())


def local_time(text: str) -> str:
    """What a browser's datetime field holds, taken as Shanghai time, as RFC 3339. Raises ValueError."""
    return datetime.fromisoformat(text).replace(tzinfo=SHANGHAI).astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def today(now: datetime) -> date:
    """The day it is in Shanghai."""
    return now.astimezone(SHANGHAI).date()


def short(identifier: str | None) -> str:
    """The end of an id: the part of a UUIDv7 that differs between neighbours."""
    return identifier[-8:] if identifier else NONE
