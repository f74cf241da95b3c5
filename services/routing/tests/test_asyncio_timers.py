import asyncio
from datetime import timedelta

import pytest
from chassis.errors import Unavailable
from chassis.lifecycle import cancelled
from routing.adapters.asyncio_timers import run_timers
from routing.app import Who
from routing.domain.opening import Contact, Scored
from routing.domain.tickets import Urgency
from testkit.waiting import eventually


async def test_a_timer_goes_off_by_itself_when_its_time_comes(routing, intake, clock):
    await intake.on_scored(Scored(Contact("t1", "i1"), "故障", Urgency.HIGH, "neutral", "断网"))
    (ticket,) = (await routing.tickets.due(clock.at + timedelta(days=9), 10))
    task = asyncio.create_task(run_timers(routing, intake, 0.01))
    clock.move(timedelta(minutes=20))

    async def overdue():
        return (await routing.get(Who("t1", "chief"), ticket.ticket_id)).overdue

    assert await eventually(overdue)
    await cancelled(task)


async def test_a_database_that_is_away_is_waited_for(monkeypatch):
    class Flaky:
        looks = 0

        async def fire_due(self):
            self.looks += 1
            if self.looks == 1:
                raise Unavailable("away")
            return 0

        async def settle(self):
            return 0

    monkeypatch.setattr("routing.adapters.asyncio_timers._PAUSE_S", 0.01)
    flaky = Flaky()
    task = asyncio.create_task(run_timers(flaky, flaky, 0.01))

    async def looked_again():
        return flaky.looks > 2

    await eventually(looked_again)
    await cancelled(task)


async def test_any_other_failure_ends_the_loop_and_with_it_the_process():
    class Broken:
        async def fire_due(self):
            raise ValueError("a mistake")

    with pytest.raises(ValueError, match="a mistake"):
        await run_timers(Broken(), Broken(), 0.01)
