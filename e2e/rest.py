"""REST as a client sees it, and spoken calls with what an inspector concluded of them."""

import io
import json
import time
from dataclasses import dataclass

import av
import httpx
import yaml


@dataclass(frozen=True)
class Api:
    """REST as a client sees it."""

    http: httpx.Client

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.http.close()

    def get(self, path, **params):
        answer = self.http.get(path, params=params)
        assert answer.status_code == 200, (path, answer.status_code, answer.text)
        return answer.json()

    def post(self, path, body, status=200):
        answer = self.http.post(path, json=body)
        assert answer.status_code == status, (path, answer.status_code, answer.text)
        return answer.json()

    def upload(self, audio, metadata, name="call.wav"):
        return self.http.post("/v1/interactions", files={"metadata": (None, json.dumps(metadata), "application/json"), "audio": (name, audio, "audio/wav")})

    def sent(self, audio, metadata):
        answer = self.upload(audio, metadata)
        assert answer.status_code == 202, answer.text
        return answer.json()["interaction_id"]

    def chat(self, turns, metadata):
        return self.post("/v1/interactions", {"metadata": metadata, "turns": turns}, status=202)["interaction_id"]

    def until(self, interaction_id, *statuses, within_s=180):
        deadline = time.monotonic() + within_s
        while time.monotonic() < deadline:
            found = self.get(f"/v1/interactions/{interaction_id}")
            if found["status"] in statuses:
                return found
            assert found["status"] != "failed" or "failed" in statuses, found
            time.sleep(0.2)
        raise AssertionError(f"still {found['status']} after {within_s} s")

    def scored(self, interaction_id, **kwargs):
        self.until(interaction_id, "scored", **kwargs)
        return self.get(f"/v1/interactions/{interaction_id}/evaluation")


def client(url, key):
    return Api(httpx.Client(base_url=url, headers={"Authorization": f"Bearer {key}"}, timeout=60))


@dataclass(frozen=True)
class Call:
    """A spoken call, its script and what an inspector concludes."""

    name: str
    audio: bytes
    meta: dict
    labels: dict
    turns: list
    truth: list

    @property
    def metadata(self):
        return {**self.meta, "direction": "inbound"}

    def chat_turns(self):
        return [
            {"role": t["role"], "text": s["text"], "start_ms": round(t["start"] * 1000), "end_ms": round(t["end"] * 1000)}
            for s, t in zip(self.turns, self.truth, strict=True)
        ]


def load_calls(folder):
    calls = []
    for script in sorted(folder.glob("*.yaml")):
        read = yaml.safe_load(script.read_text(encoding="utf-8"))
        truth = json.loads(script.with_suffix(".truth.json").read_text(encoding="utf-8"))
        calls.append(Call(script.stem, script.with_suffix(".wav").read_bytes(), read["meta"], read["labels"], read["turns"], truth))
    return calls


def encoded(wav, container, codec, rate, layout):
    """The recording in another container, codec, rate and number of channels."""
    out = io.BytesIO()
    with av.open(io.BytesIO(wav)) as read, av.open(out, "w", format=container) as write:
        stream = write.add_stream(codec, rate=rate, layout=layout)
        resampler = av.AudioResampler(format=stream.format.name, layout=layout, rate=rate, frame_size=stream.frame_size or None)
        for frame in read.decode(audio=0):
            for ready in resampler.resample(frame):
                write.mux(stream.encode(ready))
        for ready in resampler.resample(None):
            write.mux(stream.encode(ready))
        write.mux(stream.encode(None))
    return out.getvalue()
