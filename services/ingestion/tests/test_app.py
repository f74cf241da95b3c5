import asyncio
import hashlib
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from chassis.errors import AlreadyExists, InvalidInput, NotFound, Unavailable
from ingestion.app import Archive, Intake, Limits, Page, Survey, Upload
from ingestion.domain.audio import Probe
from ingestion.domain.chat import ChatTurn
from ingestion.domain.feedback import Feedback
from ingestion.domain.interaction import Filters
from ingestion.domain.metadata import Caller, Metadata, Role

NOW = datetime(2026, 11, 21, 8, 0, tzinfo=UTC)
CALLER = Caller("t1")
LIMITS = Limits(max_audio_bytes=5 * 2**20, max_audio_ms=60_000, max_uploads=2, upload_timeout_s=5)


class Ids:
    count = 0

    def new(self):
        self.count += 1
        return f"n{self.count}"

    def derived(self, *parts):
        return "/".join(parts)


class Interactions:
    def __init__(self):
        self.kept, self.chats, self.failure, self.hidden = {}, {}, None, False

    async def add(self, interaction, turns=()):
        if self.failure:
            raise self.failure
        self.chats.setdefault(interaction.interaction_id, turns)
        return self.kept.setdefault(interaction.interaction_id, interaction)

    async def find(self, tenant, interaction_id):
        found = self.kept.get(interaction_id)
        return found if found and found.tenant == tenant and not self.hidden else None

    async def find_many(self, tenant, interaction_ids):
        return {i: self.kept[i] for i in interaction_ids if i in self.kept}

    async def turns(self, tenant, interaction_id):
        return self.chats[interaction_id]

    async def page(self, tenant, filters, *, size, token):
        return Page([i for i in self.kept.values() if i.tenant == tenant and filters.agent_id in ("", i.metadata.agent_id)])

    async def advance(self, tenant, interaction_id, report):
        raise AssertionError("no report comes in these tests")


class Recordings:
    def __init__(self):
        self.files, self.blocks, self.found = {}, [], Probe("wav", "pcm_s16le", 8000, 2, 1000, 1000)

    async def keep(self, path, chunks):
        content = b""
        async for block in chunks:
            self.blocks.append(len(block))
            content += block
        self.files[path] = content

    async def probe(self, path, audio_format, *, max_ms):
        return self.found

    async def drop(self, path):
        self.files.pop(path, None)


class Uploads:
    def __init__(self):
        self.begun = {}

    async def begin(self, upload, at):
        self.begun[upload.path] = (at, upload)

    async def end(self, path):
        self.begun.pop(path, None)

    async def begun_before(self, at):
        return [upload for begun, upload in self.begun.values() if begun < at]


class Answers:
    def __init__(self):
        self.kept = {}

    async def add(self, tenant, answers):
        new = [a for a, _ in answers if a.feedback_id not in self.kept]
        self.kept |= {a.feedback_id: a for a in new}
        return len(new)


class Bench:
    def __init__(self):
        self.interactions, self.recordings, self.uploads, self.now = Interactions(), Recordings(), Uploads(), NOW
        self.intake = Intake(self.interactions, self.recordings, self.uploads, ids=Ids(), now=lambda: self.now, limits=LIMITS)
        self.archive = Archive(self.interactions)

    async def upload(self, content=b"sound", **said):
        return await self.intake.upload(Metadata(**said), chunks_of(content), CALLER)

    @property
    def leftovers(self):
        kept = {i.audio.path for i in self.interactions.kept.values() if i.audio}
        return set(self.recordings.files) - kept, set(self.uploads.begun)


async def chunks_of(content, size=300_000):
    for begin in range(0, len(content), size):
        yield content[begin:begin + size]


@pytest.fixture
def bench():
    return Bench()


async def test_audio_is_passed_on_in_blocks_and_not_held(bench):
    made = await bench.upload(bytes(3_500_000))
    assert made.audio.size_bytes == sum(bench.recordings.blocks) == 3_500_000
    assert max(bench.recordings.blocks) < 2**20 + 300_000
    assert made.audio.sha256 == hashlib.sha256(bytes(3_500_000)).hexdigest()
    assert bench.leftovers == (set(), set())


@pytest.mark.parametrize(
    ("content", "found"),
    [(b"", None), (bytes(6 * 2**20), None), (b"x", Probe("wav", "x", 8000, 5, 1000, 1000)), (b"x", Probe("wav", "x", 8000, 1, 90_000, 1000))],
)
async def test_a_refused_upload_leaves_nothing(bench, content, found):
    bench.recordings.found = found or bench.recordings.found
    with pytest.raises(InvalidInput) as caught:
        await bench.upload(content)
    assert caught.value.field == "audio"
    assert bench.leftovers == (set(), set())
    assert bench.interactions.kept == {}


async def test_metadata_is_judged_before_a_byte_is_read(bench):
    async def unread():
        raise AssertionError("read")
        yield b""

    with pytest.raises(InvalidInput):
        await bench.intake.upload(Metadata(industry="farming"), unread(), CALLER)


async def test_a_repeated_upload_is_hashed_and_not_written(bench):
    first = await bench.upload(external_id="e1")
    written = len(bench.recordings.blocks)
    assert await bench.upload(external_id="e1") == first
    with pytest.raises(AlreadyExists):
        await bench.upload(b"other", external_id="e1")
    assert len(bench.recordings.blocks) == written
    assert bench.leftovers == (set(), set())


@pytest.mark.parametrize("content", [b"sound", b"other"])
async def test_whoever_loses_a_race_removes_its_own_file(bench, content):
    first = await bench.upload(external_id="e1")
    bench.interactions.hidden = True  # as if the first were stored while the second was still being read
    if content == b"sound":
        assert await bench.upload(content, external_id="e1") == first
    else:
        with pytest.raises(AlreadyExists):
            await bench.upload(content, external_id="e1")
    assert bench.leftovers == (set(), set())
    assert set(bench.recordings.files) == {first.audio.path}


async def test_without_external_id_every_upload_is_its_own(bench):
    assert (await bench.upload()).interaction_id != (await bench.upload()).interaction_id


async def test_a_file_whose_interaction_may_have_been_stored_waits_for_tidying(bench):
    bench.interactions.failure = Unavailable("the answer was lost")
    with pytest.raises(Unavailable):
        await bench.upload()
    assert len(bench.recordings.files) == len(bench.uploads.begun) == 1
    assert await bench.intake.tidy() == 0  # too early: it might still be under way
    bench.now = NOW + timedelta(seconds=11)
    assert await bench.intake.tidy() == 1
    assert bench.leftovers == (set(), set())


async def test_tidying_keeps_the_file_of_an_interaction_that_was_stored(bench):
    made = await bench.upload()
    await bench.uploads.begin(Upload(made.audio.path, "t1", made.interaction_id), NOW)  # the process died before it crossed this off
    bench.now = NOW + timedelta(days=1)
    assert await bench.intake.tidy() == 0
    assert bench.uploads.begun == {}
    assert made.audio.path in bench.recordings.files


async def test_an_upload_that_stalls_is_ended(bench):
    bench.intake = Intake(bench.interactions, bench.recordings, bench.uploads, ids=Ids(), now=lambda: NOW, limits=replace(LIMITS, upload_timeout_s=0.05))

    async def stalling():
        yield b"x"
        await asyncio.Event().wait()

    with pytest.raises(TimeoutError):
        await bench.intake.upload(Metadata(), stalling(), CALLER)
    assert bench.leftovers == (set(), set())


async def test_more_uploads_than_places_wait_unread(bench):
    reading, go = [], asyncio.Event()

    async def slow(n):
        reading.append(n)
        await go.wait()
        yield b"sound"

    tasks = [asyncio.create_task(bench.intake.upload(Metadata(), slow(n), CALLER)) for n in range(5)]
    for _ in range(20):
        await asyncio.sleep(0)
    assert reading == [0, 1]
    go.set()
    assert len({i.interaction_id for i in await asyncio.gather(*tasks)}) == 5


async def test_turns_are_for_chats(bench):
    turns = [ChatTurn(Role.CUSTOMER, "宽带断了")]
    chat, call = await bench.intake.create(Metadata(), turns, CALLER), await bench.upload()
    assert await bench.archive.turns(chat.interaction_id, CALLER) == turns
    for refused in (bench.archive.turns(call.interaction_id, CALLER), bench.archive.get("unknown", CALLER)):
        with pytest.raises(NotFound):
            await refused


async def test_an_agents_page_holds_the_agents_own(bench):
    await bench.upload(agent_id="a1")
    await bench.upload(agent_id="a2")
    page = await bench.archive.page(Filters(), Caller("t1", "a1"), size=0, token="")
    assert [i.metadata.agent_id for i in page.interactions] == ["a1"]


async def test_an_answer_takes_its_customer_from_its_interaction(bench):
    made, answers = await bench.upload(customer_id="c1"), Answers()
    survey = Survey(answers, bench.interactions, now=lambda: NOW)
    sent = [Feedback("f1", made.interaction_id, csat=4), Feedback("f1", made.interaction_id, csat=1), Feedback("f2", customer_id="c2", nps=9)]
    assert await survey.take(sent, CALLER) == (2, 1)
    assert await survey.take(sent, CALLER) == (0, 3)
    assert answers.kept["f1"] == Feedback("f1", made.interaction_id, "c1", csat=4, given_at=NOW)
    with pytest.raises(InvalidInput) as caught:
        await survey.take([Feedback("f9", customer_id="c1", csat=1), Feedback("f8", "unknown", csat=1)], CALLER)
    assert caught.value.field == "feedback[1].interaction_id"
    assert "f9" not in answers.kept
