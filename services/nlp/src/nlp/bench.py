"""Measures the engine in this process on a made-up call and prints one JSON object; `mingjian bench` runs it."""

from __future__ import annotations

import json
import sys
import time

from nlp.adapters.yaml_packs import load_engine
from nlp.domain.dialogue import Dialogue, Interaction, Role, Turn

TURNS = 60
SECONDS = 5.0
_AGENT = (
    "您好，很高兴为您服务，请问有什么可以帮您？", "非常抱歉给您带来不便，我先帮您核实一下情况，请您稍等。",
    "我查到您的套餐是每个月五十九元，包含三十个G的流量。",
    "我为您安排工程师上门检修，二十四小时之内会联系您。", "请问您的联系电话和地址是多少？", "好的，已经为您登记，由我本人全程跟进。",
)
_CUSTOMER = (
    "我家的宽带已经坏了三天了，报修了两次都没有人来维修。", "重启过很多次了，根本没有用，你们到底什么时候派人来？",
    "我的电话是13812345678，住在幸福路18号阳光小区3栋502室。",
    "那如果流量不够用怎么办，可以升级套餐吗？", "嗯，好的。", "你们上次就说会来，已经等了很久了，我非常着急。",
)


def call(turns: int = TURNS) -> Dialogue:
    """A call of alternating turns, 220 ms a character."""
    made, now = [], 0
    for number in range(turns):
        role, lines = ((Role.AGENT, _AGENT), (Role.CUSTOMER, _CUSTOMER))[number % 2]
        text = lines[number // 2 % len(lines)]
        made.append(Turn(f"t{number + 1}", role, text, now, now + 220 * len(text), 0.9))
        now += 220 * len(text) + 500
    return Dialogue(Interaction("bench", "telecom"), tuple(made))


def measure(seconds: float = SECONDS) -> dict[str, float]:
    """Evaluations per second of CPU on one core, and milliseconds for one."""
    engine = load_engine()
    dialogue = call()
    fresh = [Dialogue(dialogue.interaction, dialogue.turns) for _ in range(2000)]  # nothing kept from one to the next
    for warm in fresh[:5]:
        engine.assess(warm)
    began, done = time.process_time(), 0
    while time.process_time() - began < seconds and done < len(fresh) - 5:
        engine.assess(fresh[5 + done])
        done += 1
    spent = time.process_time() - began
    card = engine.scorecard_for(dialogue.interaction)
    return {
        "turns": float(TURNS), "items": float(len(card.items)), "phrases": float(engine.phrase_count(card)),
        "evaluations_per_s": done / spent, "ms_per_evaluation": spent / done * 1000,
    }


if __name__ == "__main__":
    json.dump(measure(), sys.stdout)
    print()
