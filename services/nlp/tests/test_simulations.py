"""Simulations on real stores: contacts judged by Scoring, replayed by the simulator, asked over gRPC."""

import asyncio
from datetime import timedelta

import grpc
import pytest
from chassis.errors import NotAllowedNow
from mingjian.nlp.v1 import scorecard_service_pb2 as pb
from mingjian.nlp.v1.scorecard_service_pb2_grpc import ScorecardServiceStub
from nlp import app_simulations
from nlp.adapters.yaml_packs import load_packs
from nlp.app_simulations import State
from nlp.domain.simulation import Gate
from nlp_platform import scored
from nlp_scorecards import room_on

CONTACTS = 7


@pytest.fixture(scope="module")
def packs():
    return load_packs()


@pytest.fixture
async def room(packs, platform, db, events):
    async with room_on(packs, db, events) as made:
        yield made


def stricter(packs):
    """Telecom's scorecard with an item that every contact of these tests fails, and one they failed that they now pass."""
    source = packs.files["telecom"].source.split("rules:")[0].replace("extends: common", "extends: telecom").replace("version: ", "version: 9", 1)
    return source + """\
sections:
- dimension: 合规安全
  items:
  - {id: strict, title: 说谢谢您的耐心, points: 10, fatal: true, rule: {words: [谢谢您的耐心], role: agent}}
  - {id: no_shirking, title: 不推诿, points: 8, rule: {not: {words: [绝不会说的话], role: agent}}}
tests:
  strict: {pass: ["坐席：谢谢您的耐心"], fail: ["坐席：好"]}
  no_shirking: {pass: ["坐席：好"], fail: ["坐席：绝不会说的话"]}
"""


async def judged(platform, count=CONTACTS):
    for number in range(count):
        await scored(platform, f"i{number}", agent_id=f"A{number % 2}")


async def start(room, source, **more):
    asked = {"since": None, "until": None, "at_most": 0, "gate": Gate(), "key": "", "by": "p"} | more
    return await room.simulations.start("t1", source, **asked)


async def test_a_change_is_shown_by_item_agent_team_and_fatality(room, platform, packs):
    await judged(platform)
    async with room.stub() as channel:
        scorecards = ScorecardServiceStub(channel)
        request = pb.StartSimulationRequest(source=stricter(packs), gate=pb.Gate(max_fatal_flips=3), idempotency_key="k")
        started = (await scorecards.StartSimulation(request)).simulation
        assert (started.state, started.total, started.baseline.version) == (pb.SIMULATION_STATE_RUNNING, CONTACTS, packs.cards["telecom"].version)
        assert not started.HasField("gate_passed")
        assert (await scorecards.StartSimulation(request)).simulation.simulation_id == started.simulation_id
        assert await room.simulator(platform.transcripts).run_one()
        done = (await scorecards.GetSimulation(pb.GetSimulationRequest(simulation_id=started.simulation_id))).simulation
        (listed,) = (await scorecards.ListSimulations(pb.ListSimulationsRequest())).simulations
    assert (done.state, done.done, done.total, done.skipped, done.started_by) == (pb.SIMULATION_STATE_DONE, CONTACTS, CONTACTS, 0, "key:inspector")
    items = {item.item_id: item for item in done.items}
    assert (items["strict"].other_changes, items["strict"].title) == (CONTACTS, "说谢谢您的耐心")
    assert len(items["strict"].examples) == 5
    assert items["no_shirking"].fail_to_pass == CONTACTS
    # 推诿 is fatal in the common scorecard: what was fatal for it is now fatal for the new item.
    assert (done.became_fatal, done.ceased_fatal) in {(CONTACTS, 0), (0, 0)}
    assert {(agent.id, agent.interactions) for agent in done.agents} == {("A0", 4), ("A1", 3)}
    assert [(team.id, team.interactions) for team in done.teams] == [("T1", CONTACTS)]
    assert done.mean_after == 0
    assert done.gate_passed is (done.became_fatal == 0)
    assert not listed.items
    assert listed.state == pb.SIMULATION_STATE_DONE


async def test_replaying_the_version_in_force_changes_nothing_and_judges_the_baseline_from_what_is_stored(room, platform, packs, db, monkeypatch):
    judge, times = app_simulations.judge, 0

    def counted(card, evaluator):
        nonlocal times
        times += 1
        return judge(card, evaluator)

    monkeypatch.setattr(app_simulations, "judge", counted)
    await judged(platform, 3)
    same = packs.files["telecom"].source.replace("version: ", "version: 9", 1)
    for stale, expected in ((0, 3), (2, 5)):
        for number in range(stale):
            await db.evaluations.update_one({"interaction_id": f"i{number}"}, {"$set": {"provenance.rules_sha256": "0" * 64}})
        simulation = await start(room, same, gate=Gate(max_fatal_flips=0, max_mean_change=0.0))
        times = 0
        await room.simulator(platform.transcripts).run_one()
        done = await room.simulations.get("t1", simulation.simulation_id)
        assert (done.state, done.gate_passed, done.tally.most_changed_items()) == (State.DONE, True, [])
        assert done.tally.all.interactions == 3
        assert done.tally.mean_before == done.tally.mean_after
        assert times == expected, "the candidate for each contact, the baseline only where other rules made what is stored"


async def test_killed_at_any_batch_another_replica_goes_on_and_counts_every_contact_once(room, platform, packs):
    await judged(platform)
    simulation = await start(room, stricter(packs))
    batches = 0
    while (await room.simulations.get("t1", simulation.simulation_id)).state is State.RUNNING:
        assert batches < 20
        dying = room.simulator(platform.transcripts, batch=2, lease=timedelta(milliseconds=1))
        keep, kept = room.store.keep, 0

        async def keep_one_and_die(changed, holder, lease, keep=keep):
            nonlocal kept
            kept += 1
            if kept > 1 and changed.state is State.RUNNING:
                raise asyncio.CancelledError  # before the second batch is written
            return await keep(changed, holder, lease)

        room.store.keep = keep_one_and_die
        try:
            await dying.run_one()
        except asyncio.CancelledError:
            pass
        finally:
            room.store.keep = keep
        await asyncio.sleep(0.005)
        batches += 1
    done = await room.simulations.get("t1", simulation.simulation_id)
    assert batches == 4
    assert (done.done, done.tally.all.interactions, done.tally.items["strict"].other_changes) == (CONTACTS, CONTACTS, CONTACTS)


async def test_one_replica_holds_it_and_the_other_waits(room, platform, packs):
    await judged(platform, 1)
    await start(room, stricter(packs))
    held = await room.store.claim("one", timedelta(seconds=30))
    assert held is not None
    assert await room.store.claim("two", timedelta(seconds=30)) is None
    assert (await room.store.claim("one", timedelta(seconds=30))) == held
    assert not await room.simulator(platform.transcripts, holder="two").run_one()
    assert not await room.store.keep(held, "two", timedelta(seconds=30))


async def test_it_can_be_cancelled_and_what_it_found_stays(room, platform, packs):
    await judged(platform, 4)
    simulation = await start(room, stricter(packs))
    simulator = room.simulator(platform.transcripts, batch=1)
    keep = room.store.keep

    async def cancelled_after_two(changed, holder, lease):
        if changed.done == 3:
            await room.simulations.cancel("t1", simulation.simulation_id)
        return await keep(changed, holder, lease)

    room.store.keep = cancelled_after_two
    await simulator.run_one()
    room.store.keep = keep
    found = await room.simulations.get("t1", simulation.simulation_id)
    assert (found.state, found.done, found.tally.all.interactions) == (State.CANCELLED, 2, 2)
    assert not await simulator.run_one()
    async with room.stub() as channel:
        again = await ScorecardServiceStub(channel).CancelSimulation(pb.CancelSimulationRequest(simulation_id=simulation.simulation_id))
    assert again.simulation.state == pb.SIMULATION_STATE_CANCELLED


async def test_a_contact_without_transcript_is_left_out_and_an_absent_asr_is_waited_for(room, platform, packs):
    await judged(platform, 3)
    del platform.asr.transcripts["i1"]
    simulation = await start(room, stricter(packs))
    platform.asr.down = 1
    simulator = room.simulator(platform.transcripts, is_transient=lambda e: isinstance(e, grpc.aio.AioRpcError))
    with pytest.raises(grpc.aio.AioRpcError):
        await simulator.run_one()
    assert await simulator.run_one()
    done = await room.simulations.get("t1", simulation.simulation_id)
    assert (done.state, done.done, done.skipped, done.tally.all.interactions) == (State.DONE, 3, 1, 2)


async def test_reviewers_answers_are_what_precision_and_recall_are_measured_by(room, platform, packs, db):
    await judged(platform, 3)
    for number, result in enumerate(("fail", "pass")):
        shown = {"fields": {}, "items": [{"item_id": "no_shirking", "result": result, "reviewed": True}]}
        await db.evaluations.update_one({"interaction_id": f"i{number}"}, {"$set": {"shown": shown}})
    same = packs.files["telecom"].source.replace("version: ", "version: 9", 1)
    simulation = await start(room, same, gate=Gate(min_precision=0.6, min_recall=1.0))
    await room.simulator(platform.transcripts).run_one()
    done = await room.simulations.get("t1", simulation.simulation_id)
    item = done.tally.items["no_shirking"]
    assert (item.reviewed, item.precision, item.recall, item.changes) == (2, 0.5, 1.0, 0)
    assert (done.gate_passed, done.gate_reasons) == (False, ("准确率 50.0% 低于门槛 60.0%",))


async def test_a_scorecard_is_not_published_below_its_gate(room, platform, packs, db, events):
    await judged(platform, 2)
    source = stricter(packs)
    failed = await start(room, source, gate=Gate(min_precision=0.5))
    await room.simulations.cancel("t1", (await start(room, source, key="other")).simulation_id)
    loose = await start(room, source, gate=Gate(max_mean_change=100))
    simulator = room.simulator(platform.transcripts)
    with pytest.raises(NotAllowedNow, match="还没有完成"):
        await room.publishing.publish("t1", source, note="", simulation_id=loose.simulation_id, by="p")
    while await simulator.run_one():
        pass
    async with room_on(packs, db, events, gate_required=True) as strict:
        for simulation_id, says in (("", "须先通过一次模拟"), (failed.simulation_id, "未达到门槛：没有相应的人工复核结果")):
            with pytest.raises(NotAllowedNow, match=says):
                await strict.publishing.publish("t1", source, note="", simulation_id=simulation_id, by="p")
        with pytest.raises(NotAllowedNow, match="不是这份评分表"):
            await strict.publishing.publish("t1", source + "\n# other\n", note="", simulation_id=loose.simulation_id, by="p")
        version = await strict.publishing.publish("t1", source, note="", simulation_id=loose.simulation_id, by="p")
    assert version.simulation_id == loose.simulation_id


@pytest.mark.parametrize(("changes", "field"), [
    ({"at_most": 100_001}, "at_most"), ({"at_most": -1}, "at_most"), ({"source": "id: ["}, "source"), ({"source": ""}, "source"),
    ({"gate": pb.Gate(min_precision=1.5)}, "gate.min_precision"), ({"gate": pb.Gate(max_mean_change=-1)}, "gate.max_mean_change"),
    ({"idempotency_key": "k" * 201}, "idempotency_key"),
])
async def test_a_wrong_simulation_is_refused_naming_the_field(room, packs, changes, field):
    async with room.stub() as channel:
        request = pb.StartSimulationRequest(source=packs.files["telecom"].source)
        request.MergeFrom(pb.StartSimulationRequest(**changes))
        if changes.get("source") == "":
            request.ClearField("source")
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await ScorecardServiceStub(channel).StartSimulation(request)
    assert refused.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert field in str(refused.value.trailing_metadata())
