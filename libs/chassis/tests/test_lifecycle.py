import asyncio
import json
import logging
import signal
import subprocess
import sys

import pytest
from chassis.lifecycle import Life, cancelled

PROGRAM = """
import asyncio
from chassis.lifecycle import Life, cancelled
from chassis.service import start
from chassis.settings import ServiceSettings

class Settings(ServiceSettings):
    needed: int

async def serve(settings):
    life = Life()
    life.heed_signals()
    print("up", settings.needed, flush=True)
    await life.until_stopped()
    print("down", flush=True)

start(Settings, serve)
"""


async def test_a_task_that_dies_ends_the_process_with_its_reason():
    async def dies():
        raise ValueError("broken")

    life = Life()
    life.spawn(dies(), "dies")
    with pytest.raises(ValueError, match="broken"):
        await life.until_stopped()


async def test_a_task_that_just_ends_is_a_failure_too():
    async def ends():
        pass

    life = Life()
    life.spawn(ends(), "ends")
    with pytest.raises(RuntimeError, match="ends ended by itself"):
        await life.until_stopped()


async def test_a_cancelled_task_is_no_failure():
    life = Life()
    task = life.spawn(asyncio.sleep(60), "sleeps")
    await asyncio.sleep(0)
    await cancelled(task)
    life.stop()
    await life.until_stopped()
    assert task.cancelled()


def test_a_service_stops_in_good_order_on_sigterm():
    with subprocess.Popen([sys.executable, "-c", PROGRAM], env={"NEEDED": "3"}, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout.readline() == "up 3\n"
        child.send_signal(signal.SIGTERM)
        assert child.stdout.readline() == "down\n"
        assert child.wait(10) == 0


@pytest.mark.parametrize(("env", "named"), [({}, "NEEDED"), ({"NEEDED": "x"}, "NEEDED"), ({"NEEDED": "1", "STOP_GRACE_S": "0"}, "STOP_GRACE_S")])
def test_a_wrong_setting_is_named_at_the_start(env, named):
    result = subprocess.run([sys.executable, "-c", PROGRAM], env=env, capture_output=True, text=True)
    assert result.returncode == 2
    assert f"setting {named}:" in result.stderr


def test_logs_are_json_lines_with_what_was_given(capsys):
    from chassis.telemetry import _JsonLines

    record = logging.makeLogRecord({"name": "n", "levelname": "INFO", "msg": "stored %s", "args": ("x",), "interaction_id": "i1"})
    line = json.loads(_JsonLines("nlp").format(record))
    assert (line["service"], line["message"], line["interaction_id"]) == ("nlp", "stored x", "i1")
