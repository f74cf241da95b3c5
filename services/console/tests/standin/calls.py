"""Conversations and everything the platform would say about them, as the gateway's JSON, for developing and testing the pages."""

import hashlib
import math
import struct
import uuid
import wave
from datetime import UTC, datetime, timedelta
from io import BytesIO
from pathlib import Path
from typing import Any

import yaml

Json = dict[str, Any]
NOW = datetime.now(UTC).replace(microsecond=0)
A, C = "agent", "customer"

KNOWN: Json = yaml.safe_load((Path(__file__).parent / "data.yaml").read_text())
SCRIPTS: list[Json] = KNOWN["scripts"]
ITEMS: dict[str, tuple[str, str, float, bool]] = {k: tuple(v) for k, v in KNOWN["items"].items()}
_VALENCE = {"angry": -0.8, "anxious": -0.4, "neutral": 0.05, "satisfied": 0.6}


def iso(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def uid(*parts: object) -> str:
    return str(uuid.uuid5(uuid.NAMESPACE_URL, "/".join(map(str, parts))))


def tone(seconds: float, rate: int = 8000) -> bytes:
    """A two-channel recording in which something can be heard: one hum per speaker."""
    out = BytesIO()
    with wave.open(out, "wb") as w:
        w.setnchannels(2)
        w.setsampwidth(2)
        w.setframerate(rate)
        frames = bytearray()
        for n in range(int(seconds * rate)):
            t = n / rate
            left = int(6000 * math.sin(2 * math.pi * 220 * t)) if int(t / 4) % 2 == 0 else 0
            right = int(6000 * math.sin(2 * math.pi * 330 * t)) if int(t / 4) % 2 else 0
            frames += struct.pack("<hh", left, right)
        w.writeframes(bytes(frames))
    return out.getvalue()


class Call:
    """One interaction with all that follows from it; `n` tells copies of a script apart."""

    def __init__(self, script: Json, n: int, at: datetime, status: str = "scored") -> None:
        self.script, self.at = script, at
        self.id = uid("interaction", script["customer"], n)
        spoken = script.get("medium", "call") == "call"
        clock, self.turns = 500, []
        for k, (role, text, confidence) in enumerate(script["turns"], 1):
            length = max(900, len(text) * 210)
            self.turns.append(
                {
                    "turn_id": f"t{k}",
                    "role": role,
                    "text": text,
                    "start_ms": clock if spoken else 0,
                    "end_ms": clock + length if spoken else 0,
                    "confidence": confidence,
                    "language": "zh",
                }
            )
            clock += length + (38000 if "请您稍等" in text else 500)
        self.length_ms = clock
        self.metadata = {
            "tenant": "demo",
            "channel": "hotline" if spoken else "online",
            "direction": "inbound",
            "agent_id": script["agent"],
            "team_id": script["team"],
            "customer_id": script["customer"],
            "customer_tier": script["tier"],
            "product": script["product"],
            "industry": script["industry"],
            "started_at": iso(at),
            "external_id": f"EXT-{n:04d}",
            "channels": {"left": "agent", "right": "customer"},
        }
        self.evaluation = self._evaluation()
        self.interaction: Json = {
            "interaction_id": self.id,
            "tenant": "demo",
            "metadata": self.metadata,
            "medium": "call" if spoken else "chat",
            "status": status,
            "reason": "",
            "received_at": iso(at),
            "updated_at": iso(at + timedelta(minutes=1)),
        }
        if spoken:
            self.interaction["audio"] = {
                "container": "wav",
                "codec": "pcm_s16le",
                "sample_rate_hz": 8000,
                "channels": 2,
                "duration_ms": self.length_ms,
                "size_bytes": self.length_ms * 32,
            }
        if status == "scored":
            self.interaction["outcome"] = self.outcome
        if status == "failed":
            self.interaction["reason"] = "录音损坏，无法解码"

    @property
    def outcome(self) -> Json:
        e = self.evaluation
        return {k: e[k] for k in ("score", "fatal", "ticket_type", "urgency", "customer_emotion")} | {"alerts": len(e["alerts"])}

    @property
    def transcript(self) -> Json:
        chat = self.interaction["medium"] == "chat"
        return {
            "interaction_id": self.id,
            "turns": self.turns,
            "asr": {"model": "chat", "version": ""} if chat else {"model": "whisper-base", "version": "int8 ct2-4.6"},
            "language": "zh",
            "duration_ms": self.length_ms,
            "notices": [],
        }

    def _evaluation(self) -> Json:
        s = self.script
        items = []
        for item_id, (title, dimension, most, fatal) in ITEMS.items():
            result = "pass" if item_id in s["pass"] else "fail" if item_id in s["fail"] else "abstain" if item_id in s["abstain"] else "na"
            evidence, why = [], {"pass": "已按要求做到。", "abstain": "机器把握不足，请人工判定。", "na": ""}.get(result, "")
            if result == "fail":
                at, words, why = s["fail"][item_id]
                evidence = [self._evidence(at, words, item_id)]
            elif result == "pass":
                at = 0 if item_id == "greeting" else len(self.turns) - 1 if item_id == "closing" else self._agent_turn(item_id)
                evidence = [self._evidence(at, self.turns[at]["text"][: max(4, len(self.turns[at]["text"]) // 2)], item_id)]
            items.append(
                {
                    "item_id": item_id,
                    "title": title,
                    "dimension": dimension,
                    "result": result,
                    "points": most if result == "pass" else 0,
                    "max_points": most,
                    "fatal": fatal,
                    "confidence": 0.62 if result == "abstain" else 0.93,
                    "evidence": evidence,
                    "explanation": why,
                    "rule_text": f"坐席做到“{title}”",
                    "section": dimension,
                    "option": "",
                    "bonus": False,
                    "reviewed": False,
                    "script": "",
                }
            )
        counted = [i for i in items if i["result"] in ("pass", "fail")]
        dimensions = []
        for name in ("流程规范", "沟通效能", "问题解决", "客户体验", "合规安全"):
            inside = [i for i in counted if i["dimension"] == name]
            got, most = sum(i["points"] for i in inside), sum(i["max_points"] for i in inside)
            dimensions.append({"dimension": name, "points": got, "max_points": most} | ({"score": got / most * 100} if most else {}))
        customer = [t for t in self.turns if t["role"] == C]
        peak = _VALENCE[s["emotion"]]
        course = []
        for k, turn in enumerate(customer):
            valence = peak * (k + 1) / len(customer) if peak < 0 else -0.5 + (peak + 0.5) * k / max(1, len(customer) - 1)
            word = "angry" if valence < -0.55 else "anxious" if valence < -0.2 else "satisfied" if valence > 0.35 else "neutral"
            course.append({"turn_id": turn["turn_id"], "at_ms": turn["start_ms"], "emotion": word, "valence": round(valence, 2), "arousal": round(-valence, 2)})
        return {
            "evaluation_id": uid("evaluation", self.id),
            "interaction_id": self.id,
            "score": round(sum(i["points"] for i in counted) / sum(i["max_points"] for i in counted) * 100, 1),
            "fatal": any(i["fatal"] and i["result"] == "fail" for i in items),
            "scorecard": {"id": s["industry"], "version": "1.2.0"},
            "items": items,
            "dimensions": dimensions,
            "customer_emotion": s["emotion"],
            "emotion_course": course,
            "ticket_type": s["type"],
            "urgency": s["urgency"],
            "alerts": [
                {
                    "alert_id": uid("alert", self.id, kind),
                    "kind": kind,
                    "at_ms": self.turns[at]["start_ms"],
                    "turn_id": f"t{at + 1}",
                    "text": self.turns[at]["text"],
                    "message": message,
                    "severity": severity,
                }
                for kind, at, severity, message in s["alerts"]
            ],
            "promises": [
                {
                    "promise_id": uid("promise", self.id, what),
                    "text": words,
                    "what": what,
                    "deadline_text": said,
                    "turn_id": f"t{at + 1}",
                    "at_ms": self.turns[at]["start_ms"],
                    "owner": "",
                }
                | ({"deadline": iso(self.at + timedelta(hours=hours))} if hours else {})
                for at, words, what, said, hours in s["promises"]
            ],
            "risk_keywords": s["keywords"],
            "summary": s["summary"],
            "scored_at": iso(self.at + timedelta(minutes=1)),
            "engine": "rules 0.1",
            "highlights": s.get("highlights", []),
            **self._bounds(items),
            "primary": True,
            "redactions": [
                {"turn_id": t["turn_id"], "role": t["role"], "kind": "mobile", "char_from": 0, "char_to": 11} for t in self.turns if "****" in t["text"]
            ],
            **({"tipping_point": {"turn_id": course[-2]["turn_id"], "at_ms": course[-2]["at_ms"], "recovered": False}} if s["emotion"] == "angry" else {}),
            "provenance": {"engine": "rules 0.1", "rules_sha256": "5" * 64, "models": {"emotion": "emotion-1"}, "asr": {"model": "whisper-base"}},
            "chain": {"sequence": 42, "sha256": "a1" * 32, "previous_sha256": "b2" * 32},
        }

    @staticmethod
    def _bounds(items: list[Json]) -> Json:
        """The score if every abstained item had failed, and if every one had passed."""
        counted = [i for i in items if i["result"] != "na"]
        most, got = sum(i["max_points"] for i in counted), sum(i["points"] for i in counted)
        open_points = sum(i["max_points"] for i in counted if i["result"] == "abstain")
        return {"score_low": round(got / most * 100, 1), "score_high": round((got + open_points) / most * 100, 1)}

    def _agent_turn(self, item_id: str) -> int:
        agents = [k for k, t in enumerate(self.turns) if t["role"] == A]
        return agents[int(hashlib.sha256(item_id.encode()).hexdigest(), 16) % len(agents)]

    def _evidence(self, at: int, words: str, rule: str) -> Json:
        turn = self.turns[at]
        start = turn["text"].find(words) if words else 0
        return {
            "turn_id": turn["turn_id"],
            "start_ms": turn["start_ms"],
            "end_ms": turn["end_ms"],
            "text": words or turn["text"],
            "rule_id": rule,
            "confidence": 0.9,
            "char_from": start,
            "char_to": start + len(words),
        }


def everything() -> list[Call]:
    """Calls newest first, of all ages and states."""
    calls = [Call(SCRIPTS[n % len(SCRIPTS)], n, NOW - timedelta(minutes=7 + n * 53)) for n in range(64)]
    calls.insert(0, Call(SCRIPTS[1], 901, NOW - timedelta(minutes=1), "transcribing"))
    calls.insert(1, Call(SCRIPTS[3], 902, NOW - timedelta(minutes=3), "scoring"))
    calls.insert(2, Call(SCRIPTS[4], 903, NOW - timedelta(minutes=5), "failed"))
    return calls
