"""Turns of a running call as asr announces them."""

from chassis.messaging import wrap
from mingjian.asr.v1 import asr_service_pb2 as asr
from mingjian.asr.v1.events_pb2 import TurnTranscribed
from mingjian.ingestion.v1.events_pb2 import CallEnded
from nlp_platform import interaction, transcript

ANGRY = (
    "a: 您好，很高兴为您服务，请问有什么可以帮您？", "c: 我叫张伟，家里宽带坏了三天了。", "a: 那您重启一下路由器试试，这是您的个人问题。",
    "c: 你这是什么态度！我要去工信部投诉，电话13812345678，你们这些骗子！", "a: 非常抱歉，我们会在明天上午联系您处理的。", "c: 好的。",
)


def running(interaction_id: str, *lines: str, up_to: int | None = None) -> asr.Transcript:
    """The turns of a call so far."""
    made = transcript(interaction_id, *(lines or ANGRY))
    del made.turns[len(made.turns) if up_to is None else up_to :]
    made.live = True
    return made


def turn_events(call: asr.Transcript, tenant: str = "t1", **metadata: str):
    """What is announced of a call, turn by turn."""
    about = interaction(call.interaction_id, tenant, **metadata)
    return [
        wrap(TurnTranscribed(interaction=about, turn=turn, sequence=number), tenant=tenant, key=f"{call.interaction_id}/{number}", about=call.interaction_id)
        for number, turn in enumerate(call.turns, start=1)
    ]


def end_event(call: asr.Transcript, tenant: str = "t1", **metadata: str):
    about = interaction(call.interaction_id, tenant, **metadata)
    return wrap(CallEnded(interaction=about, turns=len(call.turns), reason="hangup"), tenant=tenant, key=call.interaction_id)
