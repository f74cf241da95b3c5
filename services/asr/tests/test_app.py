import asyncio
from dataclasses import dataclass, field, replace
from io import BytesIO
from typing import BinaryIO

import numpy as np
import pytest
from asr.app import Asr, Audio, UndecodableAudio, Work, WrittenTurn
from asr.domain import notices
from asr.domain.speech import FRAME_SAMPLES, SAMPLE_RATE
from asr.domain.transcript import Heard, Model, Role, Transcript
from chassis.errors import NotFound, Unavailable
from numpy.typing import NDArray

WORK = Work("i1", "t1", False, "", None, None, False, b"as received")


def sound(*parts: tuple[float, float, float]) -> NDArray[np.int16]:
    """A channel of 20 s with tones: (start s, end s, Hz)."""
    samples = np.random.default_rng(1).normal(0, 8, 20 * SAMPLE_RATE)
    for start, end, hz in parts:
        a, b = int(start * SAMPLE_RATE), int(end * SAMPLE_RATE)
        t = np.arange(b - a) / SAMPLE_RATE
        samples[a:b] += 8000 * sum(np.sin(2 * np.pi * hz * k * t) / k for k in (1, 2, 3))
    return samples.astype(np.int16)


@dataclass
class Recordings:
    turns: list[WrittenTurn] = field(default_factory=list)
    gone: bool = False

    async def audio(self, interaction_id: str) -> BinaryIO:
        if self.gone:
            raise NotFound("no audio")
        return BytesIO(b"file")

    async def written_turns(self, interaction_id: str) -> list[WrittenTurn]:
        return self.turns


@dataclass
class Decoded:
    result: Audio | UndecodableAudio

    def decode(self, content: BinaryIO, container: str) -> Audio:
        if isinstance(self.result, UndecodableAudio):
            raise self.result
        return self.result


class Loudness:
    """Speech is what is loud: enough for tones."""

    def probabilities(self, samples: NDArray[np.int16]) -> NDArray[np.float32]:
        frames = np.pad(samples, (0, -len(samples) % FRAME_SAMPLES)).reshape(-1, FRAME_SAMPLES)
        return (np.abs(frames).mean(axis=1) > 300).astype(np.float32)


@dataclass
class Words:
    """Says the next text for each clip in the order asked; `languages` are heard in the same order."""

    texts: list[str]
    languages: list[str] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    away: bool = False
    at_once: int = 0
    most: int = 0

    async def recognize(self, clip: NDArray[np.float32], language: str = "") -> Heard:
        if self.away:
            raise Unavailable("Triton is away")
        self.at_once += 1
        self.most = max(self.most, self.at_once)
        n = len(self.asked)
        self.asked.append(language)
        await asyncio.sleep(0)
        self.at_once -= 1
        heard = language or (self.languages[n] if n < len(self.languages) else "zh")
        return Heard(self.texts[n % len(self.texts)], -0.1, 0.0, heard)

    async def model(self) -> Model:
        return Model("whisper-test", "1")


@dataclass
class Kept:
    stored: dict[str, Transcript] = field(default_factory=dict)
    announcements: int = 0

    async def announced(self, work: Work) -> bool:
        return work.interaction_id in self.stored

    async def add(self, work: Work, transcript: Transcript) -> None:
        self.announcements += work.interaction_id not in self.stored
        self.stored.setdefault(work.interaction_id, transcript)

    async def get(self, tenant: str, interaction_id: str) -> Transcript:
        if interaction_id not in self.stored:
            raise NotFound(interaction_id)
        return self.stored[interaction_id]


@dataclass
class Told:
    began: list[str] = field(default_factory=list)
    reasons: list[str] = field(default_factory=list)

    async def started(self, work: Work) -> None:
        self.began.append(work.interaction_id)

    async def failed(self, work: Work, reason: str) -> None:
        self.reasons.append(reason)


@dataclass
class Room:
    """The app with fakes around it."""

    recognizer: Words = field(default_factory=lambda: Words(["您好，很高兴为您服务。", "我要投诉。"]))
    source: Recordings = field(default_factory=Recordings)
    kept: Kept = field(default_factory=Kept)
    told: Told = field(default_factory=Told)

    def asr(self, *channels: NDArray[np.int16], cut_off: bool = False, fails: UndecodableAudio | None = None) -> Asr:
        audio = Audio(channels or (np.zeros(0, np.int16),), cut_off)
        return Asr(self.source, Decoded(fails or audio), Loudness(), self.recognizer, self.kept, self.told, lambda text: text)

    async def transcript(self, *channels: NDArray[np.int16], work: Work = WORK, cut_off: bool = False) -> Transcript:
        await self.asr(*channels, cut_off=cut_off).transcribe(work)
        return self.kept.stored["i1"]


@pytest.fixture
def room() -> Room:
    return Room()


AGENT = sound((1, 3, 200), (8, 10, 200))
CUSTOMER = sound((4, 6, 120))


async def test_each_channel_is_one_role_and_turns_are_in_order(room: Room) -> None:
    found = await room.transcript(AGENT, CUSTOMER)
    assert [(t.turn_id, t.role) for t in found.turns] == [("t1", Role.AGENT), ("t2", Role.CUSTOMER), ("t3", Role.AGENT)]
    assert [round(t.start_ms, -3) for t in found.turns] == [1000, 4000, 8000]
    assert found.model == Model("whisper-test", "1")
    assert found.duration_ms == 20_000
    assert found.speech_ms == pytest.approx(6000, abs=500)
    assert found.notices == ()


async def test_turns_carry_what_the_voice_was_like(room: Room) -> None:
    found = await room.transcript(AGENT, CUSTOMER)
    heights = [t.acoustics.pitch_hz for t in found.turns if t.acoustics]
    assert heights == pytest.approx([200, 120, 200], rel=0.03)


async def test_announced_channels_decide_the_roles(room: Room) -> None:
    found = await room.transcript(AGENT, CUSTOMER, work=replace(WORK, left=Role.CUSTOMER, right=Role.AGENT))
    assert [t.role for t in found.turns] == [Role.CUSTOMER, Role.AGENT, Role.CUSTOMER]


async def test_mono_is_told_apart_and_says_so(room: Room) -> None:
    both = sound((1, 3, 200), (4, 6, 110), (7, 9, 200), (10, 12, 110))
    room.recognizer.texts = ["您好，很高兴为您服务。", "我要投诉。", "请您稍等。", "谢谢你。"]
    found = await room.transcript(both)
    assert [t.role for t in found.turns] == [Role.AGENT, Role.CUSTOMER, Role.AGENT, Role.CUSTOMER]
    assert found.notices == (notices.MONO,)


async def test_one_channel_announced_as_two_is_handled_and_noted(room: Room) -> None:
    found = await room.transcript(AGENT, work=replace(WORK, left=Role.AGENT, right=Role.CUSTOMER))
    assert notices.ANNOUNCED_TWO in found.notices
    assert len(found.turns) == 2


async def test_the_same_line_on_both_channels_is_not_two_people(room: Room) -> None:
    found = await room.transcript(AGENT, AGENT)
    assert len(found.turns) == 2
    assert notices.SAME_CHANNELS in found.notices


async def test_silence_gives_an_empty_transcript_that_says_so(room: Room) -> None:
    found = await room.transcript(sound(), np.roll(sound(), 99))
    assert found.turns == ()
    assert found.notices == (notices.SILENCE,)
    assert room.recognizer.asked == []


async def test_what_is_only_noise_to_the_recognizer_is_no_turn(room: Room) -> None:
    room.recognizer.texts = [""]
    assert (await room.transcript(AGENT, CUSTOMER)).turns == ()


async def test_a_file_cut_off_is_transcribed_as_far_as_it_goes(room: Room) -> None:
    found = await room.transcript(AGENT, CUSTOMER, cut_off=True)
    assert found.turns
    assert found.notices == (notices.cut_off(20_000),)


async def test_a_word_too_short_to_tell_its_language_takes_that_of_the_rest(room: Room) -> None:
    room.recognizer.languages = ["en", "ja"]
    found = await room.transcript(sound((1, 5, 200)), sound((6, 7, 120)))
    assert [t.language for t in found.turns] == ["en", "en"]
    assert room.recognizer.asked == ["", "", "en"]
    assert found.language == "en"


async def test_one_long_call_does_not_flood_the_recognizer(room: Room) -> None:
    many = sound(*((i, i + 0.6, 200) for i in range(20)))
    asr = replace(room.asr(many, sound((0.7, 0.9, 100), (5.7, 5.9, 100))), clips_at_once=2)
    await asr.transcribe(WORK)
    assert room.recognizer.most <= 2


async def test_the_same_work_twice_makes_one_transcript(room: Room) -> None:
    asr = room.asr(AGENT, CUSTOMER)
    await asr.transcribe(WORK)
    asked = len(room.recognizer.asked)
    await asr.transcribe(WORK)
    assert room.kept.announcements == 1
    assert len(room.recognizer.asked) == asked
    assert room.told.began == ["i1"]


async def test_audio_that_can_never_be_read_is_announced_as_failed(room: Room) -> None:
    await room.asr(fails=UndecodableAudio("录音无法解码。")).transcribe(WORK)
    assert room.told.reasons == ["录音无法解码。"]
    assert room.kept.stored == {}


async def test_a_recording_that_is_gone_is_announced_as_failed(room: Room) -> None:
    room.source.gone = True
    await room.asr().transcribe(WORK)
    assert room.told.reasons == [notices.GONE]


async def test_a_recognizer_that_is_away_is_no_failure_of_the_work(room: Room) -> None:
    room.recognizer.away = True
    with pytest.raises(Unavailable):
        await room.asr(AGENT, CUSTOMER).transcribe(WORK)
    assert room.told.reasons == []
    room.recognizer.away = False
    await room.asr(AGENT, CUSTOMER).transcribe(WORK)
    assert len(room.kept.stored["i1"].turns) == 3


async def test_a_chat_becomes_a_transcript_word_for_word(room: Room) -> None:
    room.source.turns = [
        WrittenTurn(Role.CUSTOMER, "我的宽带坏了", 0, 1000),
        WrittenTurn(Role.AGENT, "my phone", None, None),
        WrittenTurn(Role.CUSTOMER, "好", 5000, None),
    ]
    found = await room.transcript(work=replace(WORK, written=True))
    assert [(t.role, t.text, t.start_ms, t.end_ms) for t in found.turns] == [
        (Role.CUSTOMER, "我的宽带坏了", 0, 1000),
        (Role.AGENT, "my phone", 1000, 1000),
        (Role.CUSTOMER, "好", 5000, 5000),
    ]
    assert found.model.name == "chat"
    assert all(t.confidence == 1.0 and t.acoustics is None for t in found.turns)
    assert room.recognizer.asked == []
