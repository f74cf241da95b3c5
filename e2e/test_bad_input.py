"""Each mistake is answered with a problem that names the field, or handled; and the platform goes on."""

import io
import wave

import httpx
import numpy as np
import pytest
from rest import encoded

GOOD_TURNS = [{"role": "agent", "text": "您好，很高兴为您服务。"}, {"role": "customer", "text": "我想查一下话费。"}]


def tone(seconds=2.0, rate=8000, channels=1):
    samples = (np.sin(np.arange(int(seconds * rate)) * 0.2) * 8000).astype("<i2")
    out = io.BytesIO()
    with wave.open(out, "wb") as w:
        w.setnchannels(channels)
        w.setsampwidth(2)
        w.setframerate(rate)
        w.writeframes(np.repeat(samples, channels).tobytes())
    return out.getvalue()


def problem(answer, status, field=None):
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"].startswith("application/problem+json")
    body = answer.json()
    assert body["title"] and body["detail"]
    if field is not None:
        assert body["field"] == field, body
    return body


@pytest.fixture(autouse=True)
def and_the_platform_goes_on(admin):
    yield
    assert admin.http.get("/readyz").status_code == 200


def test_an_empty_file(admin):
    problem(admin.upload(b"", {"industry": "telecom"}), 400, "audio")


def test_text_renamed_to_wav(admin):
    problem(admin.upload("这不是录音。".encode() * 100, {"industry": "telecom"}), 400, "audio")


def test_a_truncated_wav_is_scored_as_far_as_it_goes(admin, calls):
    call = calls[1]
    interaction_id = admin.sent(call.audio[: len(call.audio) // 2], call.metadata)
    assert admin.scored(interaction_id)["items"]


def test_8_khz_mono_a_law_is_scored(admin, calls):
    interaction_id = admin.sent(encoded(calls[1].audio, "wav", "pcm_alaw", 8000, "mono"), {"industry": "telecom"})
    assert admin.scored(interaction_id)["items"]
    assert admin.get(f"/v1/interactions/{interaction_id}/transcript")["turns"]


def test_one_channel_announced_as_two_is_scored_and_said_so(admin, calls):
    mono = encoded(calls[1].audio, "wav", "pcm_s16le", 8000, "mono")
    interaction_id = admin.sent(mono, {"industry": "telecom", "channels": {"left": "agent", "right": "customer"}})
    assert admin.scored(interaction_id)["items"]
    transcript = admin.get(f"/v1/interactions/{interaction_id}/transcript")
    assert {turn["role"] for turn in transcript["turns"]} == {"agent", "customer"}
    assert transcript["notices"], transcript


def test_a_recording_without_speech_fails_and_says_why(admin):
    found = admin.until(admin.sent(tone(), {"industry": "telecom"}), "scored", "failed")
    assert (found["status"], found["reason"]) == ("failed", "转写内容为空，无法质检。")


def test_a_chat_with_no_turns(admin):
    problem(admin.http.post("/v1/interactions", json={"metadata": {"industry": "telecom"}, "turns": []}), 400, "turns")


def test_an_unknown_industry(admin):
    problem(admin.upload(tone(), {"industry": "alchemy"}), 400, "metadata.industry")


def test_an_unknown_field(admin):
    problem(admin.upload(tone(), {"industri": "telecom"}), 400, "metadata.industri")


def test_a_reused_external_id_with_other_content(admin):
    metadata = {"industry": "telecom", "external_id": "reused"}
    first = admin.chat(GOOD_TURNS, metadata)
    assert admin.chat(GOOD_TURNS, metadata) == first
    other = [*GOOD_TURNS, {"role": "agent", "text": "好的。"}]
    problem(admin.http.post("/v1/interactions", json={"metadata": metadata, "turns": other}), 409, "metadata.external_id")


def test_a_missing_key(target):
    problem(httpx.get(f"{target[0]}/v1/interactions"), 401)


def test_an_unknown_key(key):
    problem(key("mj_nobody").http.get("/v1/interactions"), 401)


def test_another_tenants_metadata(admin):
    problem(admin.http.post("/v1/interactions", json={"metadata": {"tenant": "other"}, "turns": GOOD_TURNS}), 403, "metadata.tenant")


def test_another_tenants_interaction(platform, admin, key, calls):
    """Everything known of it by another company's administrator: that there is no such thing."""
    interaction_id = admin.chat(GOOD_TURNS, {"industry": "telecom", "external_id": "ours"})
    admin.until(interaction_id, "scored")
    stranger = key(platform.add_tenant("other"))
    for path in ("", "/transcript", "/evaluation", "/audio"):
        problem(stranger.http.get(f"/v1/interactions/{interaction_id}{path}"), 404)
    assert stranger.get("/v1/interactions")["interactions"] == []
    assert stranger.get("/v1/tickets", interaction_id=interaction_id)["tickets"] == []
    theirs = stranger.chat(GOOD_TURNS, {"industry": "telecom", "external_id": "ours"})
    assert theirs != interaction_id
    stranger.until(theirs, "scored")
    assert [i["interaction_id"] for i in stranger.get("/v1/interactions")["interactions"]] == [theirs]


def test_an_id_nobody_has(admin):
    problem(admin.http.get("/v1/interactions/0190f5c8-0000-7000-8000-000000000000"), 404)


def test_a_body_that_is_no_json(admin):
    problem(admin.http.post("/v1/interactions", content=b"{", headers={"Content-Type": "application/json"}), 400)


def test_a_hundred_megabytes_of_json(admin):
    def chunks():
        for _ in range(1600):
            yield b" " * 65536

    try:
        answer = admin.http.post("/v1/interactions", content=chunks(), headers={"Content-Type": "application/json"})
    except Exception as e:  # the server may hang up before all of it was sent
        assert "disconnect" in str(e).lower() or "reset" in str(e).lower() or "broken" in str(e).lower(), e
    else:
        problem(answer, 413)


def test_a_key_that_may_not(viewer):
    problem(viewer.http.post("/v1/interactions", json={"metadata": {}, "turns": GOOD_TURNS}), 403)
    problem(viewer.http.get("/v1/audit"), 403)


def test_a_page_token_nobody_gave(admin):
    problem(admin.http.get("/v1/interactions", params={"page_token": "x"}), 400, "page_token")
