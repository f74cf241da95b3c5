"""`mingjian simulate` against the platform itself: a scorecard tried on stored chats, kept out below its gate, published above it."""

import time

import httpx
import pytest
from devstack.cli import app
from devstack.platform import Platform
from typer.testing import CliRunner

CHATS = 4
LEFT_OUT = ("triton", "console")
TURNS = [{"role": "customer", "text": "宽带坏了三天了，我要投诉！"}, {"role": "agent", "text": "非常抱歉，二十四小时内会有工程师联系您。"}]
CARD = """\
id: telecom
version: 2026.1
title: 电信评分表
extends: telecom
industries: [telecom]
sections:
- dimension: 流程规范
  items:
  - {id: engineer, title: 派工程师, points: 50, rule: {words: [工程师], role: agent}}
tests:
  engineer: {pass: ["坐席：工程师会来"], fail: ["坐席：好的"]}
"""


@pytest.fixture(scope="module")
def platform(tmp_path_factory):
    with Platform(tmp_path_factory.mktemp("platform"), without=LEFT_OUT) as running:
        yield running


@pytest.fixture
def http(platform):
    with httpx.Client(base_url=platform.url, headers={"Authorization": f"Bearer {platform.api_key}"}, timeout=30) as made:
        yield made


def judged(http, agent_id):
    sent = http.post("/v1/interactions", json={"metadata": {"industry": "telecom", "agent_id": agent_id, "team_id": "T1"}, "turns": TURNS})
    path = f"/v1/interactions/{sent.raise_for_status().json()['interaction_id']}/evaluation"
    deadline = time.monotonic() + 60
    while (answer := http.get(path)).status_code == 404:
        assert time.monotonic() < deadline
        time.sleep(0.1)
    return answer.raise_for_status().json()


def run(platform, *options):
    done = CliRunner().invoke(app, ["simulate", "--url", platform.url, "--api-key", platform.api_key, *options])
    return done.exit_code, " ".join(done.output.split())


def test_a_change_is_tried_on_stored_contacts_and_published_only_where_its_gate_is_reached(platform, http, tmp_path):
    before, *_ = [judged(http, f"A{n}") for n in range(CHATS)]
    file = tmp_path / "telecom.yaml"
    file.write_text(CARD)
    code, said = run(platform, str(file), "--max-mean-change", "0.01", "--publish")
    assert (code, f"{CHATS} replayed, 0 left out" in said, "平均分变化" in said, "派工程师" in said) == (1, True, True, True), said
    assert judged(http, "A1")["scorecard"] == before["scorecard"]

    code, said = run(platform, str(file), "--max-fatal-flips", "0", "--publish", "--note", "派单要说清")
    assert (code, "telecom 2026.1 judges now" in said) == (0, True), said
    time.sleep(1.1)  # what SCORECARDS_FRESH_S promises
    after = judged(http, "A2")
    assert after["scorecard"] == {"id": "telecom", "version": "2026.1"}
    assert next(item for item in after["items"] if item["item_id"] == "engineer")["result"] == "pass"
    versions = http.get("/v1/scorecards/telecom/versions").json()["versions"]
    assert [(v["ref"]["version"], v["active"], v["published_by"] == "shipped", v["note"]) for v in versions] == [
        ("2026.1", True, False, "派单要说清"), (before["scorecard"]["version"], False, True, ""),
    ]
    http.post("/v1/scorecards/telecom:activate", json={"version": before["scorecard"]["version"], "note": "先退回"}).raise_for_status()
    time.sleep(1.1)
    assert judged(http, "A3")["scorecard"] == before["scorecard"]


def test_a_file_that_cannot_judge_is_refused_over_rest_with_line_and_column(platform, http, tmp_path):
    file = tmp_path / "telecom.yaml"
    file.write_text(CARD.replace("{words: [工程师]", "{wrds: [工程师]"))
    code, said = run(platform, str(file))
    assert (code, "9:52 不认识的键“wrds”，是不是“words”" in said) == (2, True), said
    findings = http.post("/v1/scorecards:lint", json={"source": file.read_text()}).raise_for_status().json()["findings"]
    assert (findings[0]["kind"], findings[0]["line"]) == ("unknown_operator", 9)
    assert http.get("/v1/rules:schema").raise_for_status().json()["schema"].startswith("{")
