import asyncio
from contextlib import asynccontextmanager

import orjson
import pytest
from chassis.ids import new_id
from mingjian.asr.v1 import events_pb2 as asr
from mingjian.ingestion.v1 import events_pb2 as ingestion_events
from mingjian.ingestion.v1 import ingestion_service_pb2 as ingestion
from mingjian.knowledge.v1 import events_pb2 as knowledge_events
from mingjian.knowledge.v1 import knowledge_service_pb2 as knowledge
from mingjian.nlp.v1 import events_pb2 as nlp_events
from mingjian.nlp.v1 import nlp_service_pb2 as nlp
from mingjian.routing.v1 import events_pb2 as routing_events
from mingjian.routing.v1 import routing_service_pb2 as routing
from testkit.processes import free_port, nats_server
from testkit.waiting import eventually


def scored(agent_id="a1", interaction_id="i1", score=90):
    about = ingestion.Interaction(interaction_id=interaction_id, metadata=ingestion.InteractionMetadata(agent_id=agent_id))
    return nlp_events.InteractionScored(interaction=about, evaluation=nlp.Evaluation(interaction_id=interaction_id, score=score))


class Stream:
    """What a browser makes of a stream: events with their ids."""

    def __init__(self, response):
        self.response, self.lines, self.last_id, self.comments = response, response.aiter_lines(), "", 0

    async def next(self, within_s=10):
        async with asyncio.timeout(within_s):
            fields = {}
            async for line in self.lines:
                if line.startswith(":"):
                    self.comments += 1
                elif line:
                    name, _, value = line.partition(": ")
                    fields[name] = value
                else:
                    self.last_id = fields.get("id", self.last_id)
                    if "data" in fields:
                        return fields["event"], orjson.loads(fields["data"])
                    fields = {}
        return None

    async def opened(self):
        """Past the first comment: from here on nothing is missed."""
        async with asyncio.timeout(10):
            async for line in self.lines:
                if line.startswith("id: "):
                    self.last_id = line[4:]
                elif not line:
                    return self


@asynccontextmanager
async def listening(world, path="/v1/events", **headers):
    before = listeners(world)
    async with world.http.stream("GET", path, headers=headers) as response:
        assert response.status_code == 200, await response.aread()
        assert response.headers["content-type"].startswith("text/event-stream")
        stream = await Stream(response).opened()

        async def there():
            return listeners(world) > before

        await eventually(there)
        yield stream


def listeners(world):
    return world.edge.hub._count


async def test_an_event_arrives_as_a_cloud_event(world):
    async with listening(world) as stream:
        await world.publish(scored(), key="e1", about="i1")
        name, said = await stream.next()
    assert name == "InteractionScored"
    assert said["type"] == "mingjian.nlp.v1.InteractionScored"
    assert (said["specversion"], said["subject"], said["tenant"], said["source"]) == ("1.0", "i1", "t1", "/mingjian/nlp")
    assert said["id"] and said["time"]
    assert said["data"]["evaluation"]["score"] == 90
    assert said["data"]["interaction"]["metadata"]["agent_id"] == "a1"
    assert "nlp=1" in stream.last_id


async def test_only_the_callers_own_company_is_heard(world):
    async with listening(world) as stream:
        await world.publish(scored(interaction_id="foreign"), tenant="t2")
        await world.publish(scored(interaction_id="own"))
        _, said = await stream.next()
        assert said["data"]["evaluation"]["interaction_id"] == "own"


async def test_types_can_be_chosen(world):
    async with listening(world, "/v1/events?types=TicketOpened,ArticlePublished") as stream:
        await world.publish(scored())
        await world.publish(routing_events.TicketOpened(ticket=routing.Ticket(ticket_id="k1")))
        assert (await stream.next())[0] == "TicketOpened"
        await world.publish(knowledge_events.ArticlePublished(article=knowledge.Article(article_id="x")))
        assert (await stream.next())[0] == "ArticlePublished"


@pytest.mark.parametrize(
    ("path", "headers", "field"),
    [("/v1/events?types=Earthquake", {}, "types"), ("/v1/events", {"Last-Event-ID": "nonsense"}, "Last-Event-ID")],
)
async def test_a_wrong_question_is_a_problem(world, path, headers, field):
    answer = await world.http.get(path, headers=headers)
    assert (answer.status_code, answer.json()["field"]) == (400, field)


async def test_nobody_hears_what_they_may_not_read(world):
    integrator = await world.key("integrator")
    refused = await world.http.get("/v1/events?types=ArticlePublished", headers=integrator)
    assert refused.status_code == 403
    async with listening(world, **integrator) as stream:
        await world.publish(knowledge_events.ArticlePublished(article=knowledge.Article(article_id="x")))
        await world.publish(scored())
        assert (await stream.next())[0] == "InteractionScored"


async def test_an_agent_hears_of_its_own_work_alone(world):
    agent = await world.key("agent", agent_id="a1")
    async with listening(world, **agent) as stream:
        await world.publish(scored(agent_id="a2"))
        await world.publish(asr.TranscriptionStarted(interaction_id="i9"))
        await world.publish(routing_events.TicketOpened(ticket=routing.Ticket(ticket_id="k1", agent_id="a2")))
        await world.publish(scored(agent_id="a1", score=77))
        assert (await stream.next())[1]["data"]["evaluation"]["score"] == 77


async def test_a_team_hears_of_its_own_work_alone(world):
    chief = await world.key("supervisor", team_id="north")
    async with listening(world, **chief) as stream:
        await world.publish(routing_events.TicketOpened(ticket=routing.Ticket(ticket_id="k1", team_id="south")))
        await world.publish(asr.TranscriptionStarted(interaction_id="i9"))
        await world.publish(routing_events.TicketOpened(ticket=routing.Ticket(ticket_id="k2", team_id="north")))
        assert (await stream.next())[1]["data"]["ticket"]["ticket_id"] == "k2"


async def test_what_customers_write_in_surveys_is_shown_to_pii_read_alone(world):
    pii = await world.key("viewer", extra=["pii:read"])
    event = ingestion_events.FeedbackReceived(feedback=ingestion.Feedback(feedback_id="f1", comment="我叫王小明"))
    async with listening(world) as plain, listening(world, **pii) as full:
        await world.publish(event)
        assert (await plain.next())[1]["data"]["feedback"]["comment"] == ""
        assert (await full.next())[1]["data"]["feedback"]["comment"] == "我叫王小明"


async def test_silence_is_broken_by_comments(world):
    async with listening(world) as stream:
        await world.publish(scored(), tenant="t2")  # moves the place, though it is not for this client

        async def moved():
            line = await anext(stream.lines)
            return line == "id: " + str(world.edge.hub.position) and "nlp=1" in line

        await eventually(moved)


async def test_a_client_that_comes_back_gets_everything_once_and_in_order(world):
    async with listening(world) as stream:
        await world.publish(scored(score=0))
        await stream.next()
        place = stream.last_id
    for n in range(1, 600):
        await world.publish(scored(score=n), key=f"e{n}")
        if n % 10 == 0:
            await world.publish(scored(score=-1), tenant="t2")
            await world.publish(routing_events.TicketOpened(ticket=routing.Ticket(ticket_id=f"k{n}")), key=f"k{n}")
    seen, tickets = [], []
    async with listening_from(world, place) as stream:
        publishing = asyncio.ensure_future(_more(world, 600, 700))
        while len(seen) < 699:
            name, said = await stream.next()
            (seen if name == "InteractionScored" else tickets).append(said["data"])
        await publishing
    assert [s["evaluation"]["score"] for s in seen] == list(range(1, 700))
    assert [t["ticket"]["ticket_id"] for t in tickets] == [f"k{n}" for n in range(10, 600, 10)]


@asynccontextmanager
async def listening_from(world, place):
    async with world.http.stream("GET", "/v1/events", headers={"Last-Event-ID": place}) as response:
        yield await Stream(response).opened()


async def _more(world, first, last):
    for n in range(first, last):
        await world.publish(scored(score=n), key=f"e{n}")


async def test_replayed_events_of_several_streams_come_in_the_order_of_time(world):
    async with listening(world) as stream:
        place = stream.last_id
    for n in range(5):
        await world.publish(ingestion_events.InteractionReceived(interaction=ingestion.Interaction(interaction_id=f"i{n}")), key=f"i{n}")
        await world.publish(scored(interaction_id=f"i{n}"), key=f"s{n}")
    async with listening_from(world, place) as stream:
        names = [(await stream.next())[0] for _ in range(10)]
    assert names == ["InteractionReceived", "InteractionScored"] * 5


async def test_a_place_that_a_replay_gave_is_a_place_to_go_on_from(world):
    async with listening(world) as stream:
        place = stream.last_id
    for n in range(6):
        await world.publish(scored(score=n), key=f"s{n}")
        await world.publish(asr.TranscriptionStarted(interaction_id=f"i{n}"), key=f"i{n}")
    seen = []
    for _ in range(12):  # comes back for one event at a time
        async with listening_from(world, place) as stream:
            name, said = await stream.next()
            seen.append((name, said["data"].get("interaction_id") or said["data"]["evaluation"]["score"]))
            place = stream.last_id
    assert seen == [pair for n in range(6) for pair in (("InteractionScored", n), ("TranscriptionStarted", f"i{n}"))]


async def test_an_id_that_names_one_stream_begins_now_in_the_others(world):
    await world.publish(scored(score=1), key="e1")
    await world.publish(routing_events.TicketOpened(ticket=routing.Ticket(ticket_id="k1")), key="k1")

    async def there():
        return world.edge.hub.position.of["routing"] == 1

    await eventually(there)
    async with listening_from(world, "nlp=0") as stream:
        assert (await stream.next())[0] == "InteractionScored"
        assert "routing=1" in stream.last_id
    await world.publish(routing_events.TicketOpened(ticket=routing.Ticket(ticket_id="k2")), key="k2")
    async with listening_from(world, stream.last_id) as again:
        assert (await again.next())[1]["data"]["ticket"]["ticket_id"] == "k2"


async def test_a_slow_client_is_cut_off_with_a_word(make_world):
    async with make_world(event_buffer=50) as world:
        before = listeners(world)
        reader, writer = await asyncio.open_connection("127.0.0.1", world.edge.http_port, limit=2**26)
        writer.write(f"GET /v1/events HTTP/1.1\r\nHost: x\r\nAuthorization: {world.http.headers['authorization']}\r\n\r\n".encode())

        async def there():
            return listeners(world) > before

        await eventually(there)
        writer.transport.pause_reading()
        words = "很长" * 20_000
        for n in range(400):
            event = nlp_events.InteractionScored(evaluation=nlp.Evaluation(interaction_id="i", summary=words))
            await world.publish(event, key=f"s{n}")

        async def cut_off():
            return all(listener.ended == "too_slow" for ls in world.edge.hub._listeners.values() for listener in ls)

        await eventually(cut_off, within_s=20)
        writer.transport.resume_reading()
        async with asyncio.timeout(20):
            said = b""
            while not said.endswith(b"0\r\n\r\n"):
                said += await reader.read(2**20)
        assert b"event: StreamEnded" in said[-400:] and b"too_slow" in said[-400:]
        assert said.count(b"event: InteractionScored") < 400
        writer.close()

        async def gone():
            return listeners(world) == before

        await eventually(gone)


async def test_a_revoked_key_hears_no_more(world):
    viewer = await world.key("viewer")
    key_id = world.keys[viewer["Authorization"].removeprefix("Bearer ")]
    async with listening(world, **viewer) as stream:
        await world.http.post(f"/v1/api-keys/{key_id}:revoke")
        name, said = await stream.next(within_s=5)
        assert (name, said["reason"]) == ("StreamEnded", "revoked")


async def test_there_is_a_limit_to_listeners(make_world):
    async with make_world(event_clients=1) as world, listening(world) as stream:
        answer = await world.http.get("/v1/events")
        assert answer.status_code == 429, answer.text
        await world.publish(scored())
        assert (await stream.next())[0] == "InteractionScored"


async def test_events_go_on_when_the_consumer_is_gone(world):
    """As after a restart of the broker, which keeps streams and forgets ephemeral consumers."""
    async with listening(world) as stream:
        for name in world.edge.hub.streams:
            for consumer in await world.events.js.consumers_info(name):
                await world.events.js.delete_consumer(name, consumer.name)
        await world.publish(scored(score=5), key=new_id())
        assert (await stream.next(within_s=20))[1]["data"]["evaluation"]["score"] == 5


async def test_one_consumer_per_stream_serves_everybody(world):
    async with listening(world), listening(world), listening(world):
        assert [len(await world.events.js.consumers_info(name)) for name in world.edge.hub.streams] == [1] * len(world.edge.hub.streams)


async def test_events_go_on_after_a_restart_of_the_broker(tmp_path, mongo_uri, make_world_at):
    port = free_port()
    with nats_server(tmp_path, port=port) as url:
        stack = make_world_at(url, mongo_uri)
        world = await stack.__aenter__()
        before = asyncio.ensure_future(_one_then_more(world))
        await eventually(lambda: _listening(world))
        await world.publish(scored(score=1), key="e1")
        await eventually(lambda: _seen(before, 1))
    with nats_server(tmp_path, port=port):
        async def published():
            await world.publish(scored(score=2), key="e2")
            return True

        await eventually(published, within_s=30)
        assert await asyncio.wait_for(before, 40) == [1, 2]
        await stack.__aexit__(None, None, None)


SEEN: dict[object, list[float]] = {}


async def _one_then_more(world):
    seen = SEEN.setdefault(asyncio.current_task(), [])
    async with world.http.stream("GET", "/v1/events") as response:
        stream = await Stream(response).opened()
        while len(seen) < 2:
            seen.append((await stream.next(within_s=40))[1]["data"]["evaluation"]["score"])
    return seen


async def _listening(world):
    return listeners(world) > 0


async def _seen(task, count):
    return len(SEEN.get(task, ())) >= count
