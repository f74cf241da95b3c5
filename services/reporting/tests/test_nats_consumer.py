import os
import signal
import subprocess
import sys

import pytest
from chassis.errors import InvalidInput
from chassis.messaging import Delivery, Envelope, connected, ensure_stream
from chassis.mongo import database
from mingjian.ingestion.v1 import ingestion_service_pb2 as ingestion
from mingjian.nlp.v1 import nlp_service_pb2 as nlp
from mingjian.nlp.v1.events_pb2 import AlertRaised, InteractionScored, PromiseMade
from mingjian.routing.v1.events_pb2 import TicketOpened
from reporting.adapters.nats_consumer import Unpacking
from testkit.processes import free_port
from testkit.waiting import eventually


def delivered(event, **changes):
    from datetime import UTC, datetime

    return Delivery(**({"event": event, "tenant": "t1", "id": "e1", "at": datetime(2026, 3, 1, 20, tzinfo=UTC), "number": 1} | changes))


@pytest.mark.parametrize(("event", "field"), [
    (InteractionScored(evaluation=nlp.Evaluation(evaluation_id="v")), "interaction.interaction_id"),
    (InteractionScored(interaction=ingestion.Interaction(interaction_id="i")), "evaluation.evaluation_id"),
    (AlertRaised(alert=nlp.Alert(kind="long_silence")), "interaction.interaction_id"),
    (TicketOpened(), "ticket.ticket_id"),
])
def test_an_event_that_says_not_what_it_is_about_is_refused(compliance, event, field):
    with pytest.raises(InvalidInput) as caught:
        Unpacking(compliance).table()[type(event)](delivered(event))
    assert caught.value.field == field


def test_a_contact_without_a_beginning_counts_on_the_day_it_was_received(compliance, say):
    who = say.interaction("i1", hours=0)
    who.metadata.ClearField("started_at")
    who.received_at.FromJsonString("2026-03-04T17:00:00Z")

    def day():
        return Unpacking(compliance).alert(delivered(AlertRaised(interaction=who, alert=nlp.Alert(kind="x")))).cell.day

    assert day() == "2026-03-05"
    who.ClearField("received_at")
    assert day() == "2026-03-02"


def test_a_deadline_in_words_alone_is_a_deadline(compliance, say):
    event = PromiseMade(interaction=say.interaction("i1"), promise=nlp.Promise(deadline_text="尽快"))
    assert Unpacking(compliance).promise(delivered(event)).figures["f.promises_dated"] == 1


def test_an_item_with_an_outcome_of_a_later_version_is_left_out(compliance, say):
    event = say.scored(say.interaction("i1"), items=[("greeting", "流程规范", "passed")]).event
    event.evaluation.items.add(item_id="apology", dimension="客户体验", result=9)
    fact = Unpacking(compliance).scored(delivered(event))
    assert [k for k in fact.figures if k.startswith("i.")] == ["i.greeting.passed"]


@pytest.mark.timeout(120)
async def test_a_process_killed_again_and_again_counts_every_event_once(own_nats_url, mongo_uri, say, oracle, kept, tmp_path):
    happenings = []
    for n in range(150):
        who = say.interaction(f"i{n}", agent=f"A{n % 4}", team=f"T{n % 2}", customer=f"C{n % 20}", hours=(n * 37) % 400, chat=n % 7 == 0)
        items = [("greeting", "流程规范", "passed"), ("apology", "客户体验", ("failed", "passed", "na")[n % 3])]
        happenings += [say.scored(who, items=items, type=("咨询", "投诉")[n % 2]), say.alert(who, 0), say.promise(who, 0, n % 2 == 0), say.solution(who)]
        happenings += [say.ticket(f"w{n}", c, v, interaction_id=f"i{n}", hours=n) for v, c in enumerate(("opened", "resolved", "reopened")[: n % 4], 1)]
        happenings.append(say.feedback(n, who=who, csat=1 + n % 5, nps=n % 11, hours=n))
    envelopes = [h.envelope("t1") for h in happenings]
    # the same event in a second message: the broker takes it for another, the fold must not
    again = [Envelope(e.subject, e.headers | {"Nats-Msg-Id": f"{e.id}-again"}, e.data) for e in reversed(envelopes)]
    environment = {k: v for k, v in os.environ.items() if k in ("PATH", "HOME", "LANG")} | {
        "NATS_URL": own_nats_url, "MONGO_URI": mongo_uri, "METRICS_ADDRESS": "", "GRPC_ADDRESS": f"127.0.0.1:{free_port()}", "FOLD_BATCH": "20",
        "LOG_LEVEL": "WARNING",
    }

    def started():
        with (tmp_path / "log").open("ab") as log:
            return subprocess.Popen([sys.executable, "-m", "reporting"], env=environment, stdout=log, stderr=log)

    async with database(mongo_uri, "reporting") as db, connected(own_nats_url, "test") as events:
        await db.client.drop_database("mingjian_reporting")
        for stream in ("nlp", "routing", "ingestion", "knowledge"):
            await ensure_stream(events, stream)
        await events.publish(*envelopes[::2], *again, *envelopes[1::2])
        child = started()
        try:
            for share in (0.15, 0.4, 0.7):
                async def so_far(share=share):
                    return await db.folded.count_documents({}) >= share * len(happenings)

                await eventually(so_far, within_s=30, every_s=0.01)
                child.kill()
                child.wait()
                child = started()

            async def settled():
                consumers = [c for s in ("nlp", "routing", "ingestion", "knowledge") for c in await events.js.consumers_info(s)]
                return len(consumers) == 9 and all(not c.num_pending and not c.num_ack_pending for c in consumers)

            await eventually(settled, within_s=60, every_s=0.2)
            assert await db.folded.count_documents({}) == len(happenings)
            assert await kept("t1", db) == oracle(happenings)
            assert (await events.js.stream_info("deadletter")).state.messages == 0
            child.send_signal(signal.SIGTERM)
            assert child.wait(20) == 0, (tmp_path / "log").read_text()
        finally:
            child.kill()
            child.wait()
            await db.client.drop_database("mingjian_reporting")
