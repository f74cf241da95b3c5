"""How fast messages become JSON and come back, beside protobuf's own json_format in the same run: python services/gateway/bench/json_mapping.py."""

import time
from collections.abc import Callable

from gateway.adapters.json_mapping import dumps, fill, loads
from google.protobuf import json_format
from mingjian.asr.v1 import asr_service_pb2 as asr
from mingjian.ingestion.v1 import ingestion_service_pb2 as ingestion
from mingjian.nlp.v1 import nlp_service_pb2 as nlp


def transcript(turns: int) -> asr.Transcript:
    made = asr.Transcript(interaction_id="0190b0a0-0000-7000-8000-000000000000", duration_ms=turns * 3000, language="zh")
    for n in range(turns):
        turn = made.turns.add(turn_id=f"t{n}", role=ingestion.ROLE_AGENT, text="您好，很高兴为您服务，请问有什么可以帮您？")
        turn.start_ms, turn.end_ms = n * 3000, n * 3000 + 2500
        turn.confidence, turn.language = 0.5 + n % 50 / 100, "zh"
        turn.acoustics.rms_dbfs, turn.acoustics.pitch_median_hz = -20.5 - n % 7, 180.0 + n % 40
    return made


def evaluation(items: int) -> nlp.Evaluation:
    made = nlp.Evaluation(evaluation_id="e", interaction_id="i", score=87.5, customer_emotion="angry", ticket_type="投诉", urgency=nlp.URGENCY_HIGH)
    made.scored_at.FromJsonString("2026-11-21T08:00:00.250Z")
    for n in range(items):
        item = made.items.add(item_id=f"item{n}", title="致歉", dimension="客户体验", result=nlp.ITEM_OUTCOME_PASS, points=5, max_points=5, confidence=0.9)
        for k in range(2):
            item.evidence.add(turn_id=f"t{k}", start_ms=k * 1000, end_ms=k * 1000 + 500, text="非常抱歉给您带来不便", rule_id="apology", confidence=0.8)
    return made


def chat(turns: int) -> ingestion.CreateInteractionRequest:
    made = ingestion.CreateInteractionRequest(metadata=ingestion.InteractionMetadata(agent_id="a1", industry="telecom"))
    for n in range(turns):
        made.turns.add(role=ingestion.ROLE_CUSTOMER, text="宽带断了，什么时候能修好", start_ms=n * 1000, end_ms=n * 1000 + 900)
    return made


def seconds(work: Callable[[], object]) -> float:
    """The best of several, each of at least 0.2 s."""
    best = float("inf")
    for _ in range(5):
        runs, began = 0, time.perf_counter()
        while time.perf_counter() - began < 0.2:
            work()
            runs += 1
        best = min(best, (time.perf_counter() - began) / runs)
    return best


def theirs(message: object) -> str:
    return json_format.MessageToJson(message, preserving_proto_field_name=True, always_print_fields_with_no_presence=True, indent=None, ensure_ascii=False)


if __name__ == "__main__":
    print(f"{'message':24}{'ours µs':>10}{'json_format µs':>16}{'ratio':>8}")
    for name, message in (("transcript, 60 turns", transcript(60)), ("evaluation, 40 items", evaluation(40)), ("chat, 200 turns", chat(200))):
        kind = type(message)
        text, their_text = dumps(message), theirs(message)
        for direction, own, other in (
            ("write", lambda m=message: dumps(m), lambda m=message: theirs(m)),
            ("read", lambda k=kind, t=text: fill(k(), loads(t)), lambda k=kind, t=their_text: json_format.Parse(t, k())),
        ):
            a, b = seconds(own), seconds(other)
            print(f"{direction + ' ' + name:30}{a * 1e6:>10.0f}{b * 1e6:>12.0f}{b / a:>8.1f}")
