"""The gateway as a process of its own, as it is deployed."""

import asyncio
import os
import signal
import sys
import time

import httpx
import pytest
from chassis.mongo import database
from gateway.settings import Settings
from testkit.processes import free_port
from testkit.waiting import eventually

SECRET = "first-key-0123456789abcdef"


@pytest.fixture
async def process(own_nats_url, mongo_uri, tmp_path):
    """Starts the gateway with peers that are not there: it comes up all the same, and says that it is not ready."""
    port = free_port()
    environment = os.environ | {
        "NATS_URL": own_nats_url, "MONGO_URI": mongo_uri, "HTTP_ADDRESS": f"127.0.0.1:{port}", "GRPC_ADDRESS": "127.0.0.1:0", "METRICS_ADDRESS": "",
        "BOOTSTRAP_API_KEY": SECRET, "BOOTSTRAP_TENANT": "t-process", "STOP_GRACE_S": "3",
    }
    log = tmp_path / "gateway.log"
    with log.open("wb") as out:
        child = await asyncio.create_subprocess_exec(sys.executable, "-m", "gateway", env=environment, stderr=out)
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", headers={"Authorization": f"Bearer {SECRET}"}, trust_env=False) as http:
        async def up():
            return (await http.get("/healthz")).status_code == 200

        await eventually(up, within_s=60)
        yield child, http, log
    if child.returncode is None:
        child.kill()
        await child.wait()


async def test_whoever_runs_it_can_add_a_company(process, mongo_uri):
    _, http, _ = process
    command = [sys.executable, "-m", "gateway", "add-tenant", "t-second"]
    child = await asyncio.create_subprocess_exec(*command, env=os.environ | {"MONGO_URI": mongo_uri}, stdout=asyncio.subprocess.PIPE)
    out, _ = await child.communicate()
    assert child.returncode == 0
    answer = await http.get("/v1/caller", headers={"Authorization": f"Bearer {out.decode().strip()}"})
    assert (answer.json()["tenant"], answer.json()["role"]) == ("t-second", "admin")


async def test_the_audit_log_can_be_checked_by_whoever_runs_it(process, mongo_uri):
    _, http, _ = process
    made = await http.post("/v1/api-keys", json={"name": "x", "role": "viewer"})
    assert made.status_code == 200

    async def verified():
        child = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "gateway", "verify-audit", "t-process", env=os.environ | {"MONGO_URI": mongo_uri}, stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        out, err = await child.communicate()
        return child.returncode, out.decode(), err.decode()

    code, out, _ = await verified()
    assert code == 0 and "1 entries hold" in out
    async with database(mongo_uri, "test", name="mingjian_gateway") as db:
        await db["audit"].update_one({"tenant": "t-process", "sequence": 1}, {"$set": {"object_id": "another"}})
        code, _, err = await verified()
        await db["audit"].delete_many({"tenant": "t-process"})
    assert code == 1 and "entry 1 was changed" in err


async def test_it_stops_within_its_grace_with_listeners_open(process):
    child, http, log = process
    assert (await http.get("/readyz")).status_code == 503
    assert (await http.get("/v1/caller")).json()["tenant"] == "t-process"
    async with http.stream("GET", "/v1/events") as one, http.stream("GET", "/v1/events") as other:
        lines = one.aiter_lines()
        assert (await anext(lines)).startswith(":")
        began = time.monotonic()
        child.send_signal(signal.SIGTERM)
        rest = [line async for line in lines]
        assert "event: StreamEnded" in rest and any('"stopping"' in line for line in rest)
        assert await asyncio.wait_for(child.wait(), 10) == 0
        assert time.monotonic() - began < 3
        await other.aclose()
    said = log.read_text()
    assert "Traceback" not in said
    assert SECRET not in said


def test_every_setting_says_what_it_is():
    assert all(field.description for field in Settings.model_fields.values())
