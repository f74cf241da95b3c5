"""`mingjian verify` against the platform itself, before and after somebody was at its database."""

import time

import httpx
import pytest
from chassis.mongo import database
from devstack.cli import app
from devstack.platform import TENANT, Platform
from typer.testing import CliRunner

CHATS = 5
LEFT_OUT = ("triton", "console")


@pytest.fixture(scope="module")
def platform(tmp_path_factory):
    with Platform(tmp_path_factory.mktemp("platform"), without=LEFT_OUT) as running:
        yield running


@pytest.fixture(scope="module")
def chained(platform):
    """Chats that have been judged and have their place in the chain."""
    with httpx.Client(base_url=platform.url, headers={"Authorization": f"Bearer {platform.api_key}"}, timeout=30) as http:
        turns = [{"role": "customer", "text": "宽带坏了三天了，我要投诉！"}, {"role": "agent", "text": "非常抱歉，二十四小时内会有工程师联系您。"}]
        for n in range(CHATS):
            http.post("/v1/interactions", json={"metadata": {"industry": "telecom", "agent_id": f"A{n}"}, "turns": turns}).raise_for_status()
        deadline = time.monotonic() + 60
        while _verify(http)["checked"] < CHATS:
            assert time.monotonic() < deadline
            time.sleep(0.2)


def _verify(http):
    answer = http.post("/v1/evaluations:verify", json={})
    answer.raise_for_status()
    return answer.json()


def run(platform, *options, key=""):
    done = CliRunner().invoke(app, ["verify", "--url", platform.url, "--api-key", key or platform.api_key, *options])
    return done.exit_code, " ".join(done.output.split())


async def test_nothing_differs_until_somebody_was_at_the_database(platform, chained, tmp_path):
    head = tmp_path / "head"
    code, said = run(platform, "--recompute", "--head-file", str(head))
    assert (code, f"{CHATS} checked, {CHATS} made again byte for byte, 0 not recomputable: none differs" in said) == (0, True), said
    sequence, sha256 = head.read_text().split()
    assert (sequence, sha256 in said) == (str(CHATS), True)
    assert run(platform, "--head-file", str(head))[0] == 0

    async with database(platform.mongo_uri, "nlp") as db:
        document = await db.evaluations.find_one({"place": f"{TENANT}/{3:012d}"})
        await db.evaluations.update_one({"_id": document["_id"]}, {"$set": {"score": 99.0}})
        code, said = run(platform)
        assert (code, "2 checked, then record 3 changed" in said, "path score stored 99 expected" in said) == (1, True, True), said
        assert document["_id"] in said
        await db.evaluations.update_one({"_id": document["_id"]}, {"$set": {"score": document["score"]}})
        assert run(platform)[0] == 0

        last = await db.chain_links.find_one({"sequence": CHATS})
        await db.chain_links.delete_one({"_id": last["_id"]})
        await db.chain_heads.delete_many({})
        assert run(platform)[0] == 0  # every trace is gone
        code, said = run(platform, "--head-file", str(head))
        assert (code, f"record {CHATS} is not the one that was seen before, or was cut off" in said) == (1, True), said


def test_who_may_not_or_cannot_ask_is_told_so(platform, chained, tmp_path):
    code, said = run(platform, key="mj_nobody")
    assert (code, "401" in said) == (2, True), said
    assert CliRunner().invoke(app, ["verify", "--url", "http://127.0.0.1:9", "--api-key", "k"]).exit_code == 2
    (tmp_path / "head").write_text("nonsense")
    code, said = run(platform, "--head-file", str(tmp_path / "head"))
    assert (code, "does not hold the end of a chain" in said) == (2, True), said
