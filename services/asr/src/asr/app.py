"""What asr does: fetch what was said, find who speaks when, have it recognised, keep the transcript; and what it needs for that."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import BinaryIO, Protocol

import numpy as np
from chassis.errors import NotFound, Problem
from numpy.typing import NDArray

from asr.domain import notices
from asr.domain.acoustics import Acoustics, levels, median_pitch_hz, peak_dbfs, rms_dbfs, speech_rate
from asr.domain.diarization import by_speaker
from asr.domain.roles import from_words, of_channels
from asr.domain.speech import SAMPLE_RATE, Pcm, as_float, clips, cut, speech_spans
from asr.domain.transcript import CHAT_MODEL, TELLING_MS, Heard, Model, Role, Transcript, Turn, confidence, language_of_clips, main_language, numbered
from asr.domain.turns import Utterance, covered_ms, one_voice, utterances, without_leakage
from asr.domain.wording import joined, language_of, written


class UndecodableAudio(Problem):
    """There is no audio in the file that can be read, now or later. The message is Chinese, for people."""

    code = "INVALID_ARGUMENT"

    def __init__(self, message: str) -> None:
        super().__init__(message, field="audio")


@dataclass(frozen=True, slots=True)
class Audio:
    """Decoded audio at 16 kHz, one array for each channel, all of one length."""

    channels: tuple[Pcm, ...]
    cut_off: bool = False
    """The file ended in the middle."""

    @property
    def duration_ms(self) -> int:
        """Length in milliseconds."""
        return len(self.channels[0]) * 1000 // SAMPLE_RATE


@dataclass(frozen=True, slots=True)
class Work:
    """An interaction to be transcribed."""

    interaction_id: str
    tenant: str
    written: bool
    """A chat: there are turns and no audio."""
    container: str
    """Format of the audio as ingestion found it, by FFmpeg's name; may be empty."""
    left: Role | None
    right: Role | None
    """Who was announced on the channels of a two-channel recording."""
    outbound: bool
    received: bytes
    """The interaction as it was received, in the form in which it is passed on."""


@dataclass(frozen=True, slots=True)
class WrittenTurn:
    """One message of a chat; times are None where nobody kept them."""

    role: Role
    text: str
    start_ms: int | None
    end_ms: int | None


class Source(Protocol):
    """Where recordings and chats are kept. Both raise NotFound, and Unavailable or a connection error while it is away."""

    async def audio(self, interaction_id: str) -> BinaryIO:
        """The file as it was uploaded, for the caller to close. Raises UndecodableAudio where it is larger than may be read."""
        ...

    async def written_turns(self, interaction_id: str) -> list[WrittenTurn]:
        """The messages of a chat, in order."""
        ...


class Decoder(Protocol):
    """Reads audio files."""

    def decode(self, content: BinaryIO, container: str) -> Audio:
        """All channels at 16 kHz; takes seconds for hours of audio. Raises UndecodableAudio."""
        ...


class SpeechDetector(Protocol):
    """Tells speech from everything else."""

    def probabilities(self, samples: Pcm) -> NDArray[np.float32]:
        """Probability of speech in each frame of 32 ms, the last one filled up with silence."""
        ...


class Recognizer(Protocol):
    """Speech to text. Both raise Unavailable when it stays away for longer than is worth waiting."""

    async def recognize(self, clip: NDArray[np.float32], language: str = "") -> Heard:
        """What is said in a clip of at most 30 s, in that language if one is given; many may be asked at once."""
        ...

    async def model(self) -> Model:
        """What does the recognising now."""
        ...


class Transcripts(Protocol):
    """Keeps transcripts, each with the announcement that it is there, which is made exactly once."""

    async def announced(self, work: Work) -> bool:
        """Whether the transcript is stored; then its announcement is made if it was not yet."""
        ...

    async def add(self, work: Work, transcript: Transcript) -> None:
        """Store and announce. Storing a second transcript of the interaction changes nothing."""
        ...

    async def get(self, tenant: str, interaction_id: str) -> Transcript:
        """Raises NotFound, also for another tenant's."""
        ...


class Announcements(Protocol):
    """What others learn before there is a transcript, or when there will be none."""

    async def started(self, work: Work) -> None:
        """A worker has begun."""
        ...

    async def failed(self, work: Work, reason: str) -> None:
        """There will be no transcript; the reason is Chinese, for people."""
        ...


@dataclass(frozen=True, slots=True)
class Asr:
    """Everything this service does. It keeps nothing between two interactions."""

    source: Source
    decoder: Decoder
    detector: SpeechDetector
    recognizer: Recognizer
    transcripts: Transcripts
    announcements: Announcements
    simplify: Callable[[str], str]
    clips_at_once: int = 16
    """Clips of one interaction in flight, so that hours of audio do not keep short calls waiting."""

    async def transcribe(self, work: Work) -> None:
        """Make and store the transcript, once however often it is asked; what can never succeed is announced as failed."""
        if await self.transcripts.announced(work):
            return
        await self.announcements.started(work)
        try:
            transcript = await (self._of_chat(work) if work.written else self._of_call(work))
        except (UndecodableAudio, NotFound) as failure:
            reason = failure.message if isinstance(failure, UndecodableAudio) else notices.GONE
            await self.announcements.failed(work, reason)
            return
        await self.transcripts.add(work, transcript)

    async def get(self, tenant: str, interaction_id: str) -> Transcript:
        """The stored transcript. Raises NotFound."""
        return await self.transcripts.get(tenant, interaction_id)

    async def _of_chat(self, work: Work) -> Transcript:
        messages = await self.source.written_turns(work.interaction_id)
        turns: list[Turn] = []
        for m in messages:
            start = m.start_ms if m.start_ms is not None else turns[-1].end_ms if turns else 0
            end = max(start, m.end_ms if m.end_ms is not None else start)
            turns.append(Turn(numbered(len(turns)), m.role, m.text, start, end, 1.0, language_of(m.text)))
        duration = max((t.end_ms for t in turns), default=0)
        return Transcript(work.interaction_id, tuple(turns), Model(CHAT_MODEL, "1"), main_language(turns), duration, 0)

    async def _of_call(self, work: Work) -> Transcript:
        with await self.source.audio(work.interaction_id) as file:
            # Decoding and listening hold the processor; in a thread they leave the loop to the heartbeats.
            scene = await asyncio.to_thread(self._listen, file, work)
        model = await self.recognizer.model()
        heard = await self._recognize(scene)
        return await asyncio.to_thread(self._write, work, scene, heard, model)

    def _listen(self, file: BinaryIO, work: Work) -> "_Scene":
        audio = self.decoder.decode(file, work.container)
        said: list[str] = [notices.cut_off(audio.duration_ms)] if audio.cut_off else []
        channels = list(audio.channels)
        loud = [levels(c) for c in channels]
        if len(channels) == 2 and (number := one_voice(loud[0], loud[1], channels[0], channels[1])):
            channels = [channels[number - 1]]
            said.append(notices.SAME_CHANNELS)
        spans = [speech_spans(self.detector.probabilities(c), audio.duration_ms) for c in channels]
        if len(channels) == 2:
            found = utterances(without_leakage(spans, loud))
            return _Scene(channels, found, True, audio.duration_ms, tuple(said if found else [notices.SILENCE, *said]))
        if not said and work.left is not None and work.right is not None:
            said.append(notices.ANNOUNCED_TWO)
        if not spans[0]:
            return _Scene(channels, [], False, audio.duration_ms, (notices.SILENCE, *said))
        speakers = by_speaker(channels[0], spans[0])
        said.append(notices.MONO if len(speakers) > 1 else notices.ONE_VOICE)
        return _Scene(channels * len(speakers), utterances(speakers), False, audio.duration_ms, tuple(said))

    async def _recognize(self, scene: "_Scene") -> list[list[tuple[Heard, int]]]:
        """For each utterance what was heard in its clips, with their lengths in ms."""
        parts = [(i, clip) for i, u in enumerate(scene.utterances) for clip in clips(u.spans, scene.duration_ms)]
        sounds = [cut(scene.sources[scene.utterances[i].speaker], clip) for i, clip in parts]
        heard = await self._each(sounds, [""] * len(sounds))
        # One word is too little to tell a language by: there the rest of the interaction decides.
        spoken = language_of_clips([(h.language, clip.length_ms) for h, (_, clip) in zip(heard, parts, strict=True)])
        odd = [k for k, h in enumerate(heard) if h.language != spoken and parts[k][1].length_ms < TELLING_MS]
        for k, again in zip(odd, await self._each([sounds[k] for k in odd], [spoken] * len(odd)), strict=True):
            heard[k] = again
        pieces: list[list[tuple[Heard, int]]] = [[] for _ in scene.utterances]
        for (i, clip), h in zip(parts, heard, strict=True):
            pieces[i].append((h, clip.length_ms))
        return pieces

    async def _each(self, sounds: Sequence[Pcm], languages: Sequence[str]) -> list[Heard]:
        free = asyncio.Semaphore(self.clips_at_once)

        async def one(sound: Pcm, language: str) -> Heard:
            async with free:
                return await self.recognizer.recognize(as_float(sound), language)

        try:
            async with asyncio.TaskGroup() as group:
                tasks = [group.create_task(one(s, language)) for s, language in zip(sounds, languages, strict=True)]
        except ExceptionGroup as several:
            raise several.exceptions[0] from several  # one cause, by which it is decided whether to try again
        return [task.result() for task in tasks]

    def _write(self, work: Work, scene: "_Scene", heard: Sequence[list[tuple[Heard, int]]], model: Model) -> Transcript:
        said: list[tuple[Utterance, str, str, float]] = []
        for utterance, pieces in zip(scene.utterances, heard, strict=True):
            words = [(h, length) for h, length in pieces if not h.is_noise]
            if not words:
                continue
            language = max(words, key=lambda w: w[1])[0].language
            text = joined([written(h.text, language, self.simplify) for h, _ in words], language)
            if text:
                said.append((utterance, text, language, confidence(words)))
        if scene.separate:
            left, right = of_channels(work.left, work.right)
            roles = {0: left, 1: right}
        else:
            roles = from_words([(u.speaker, text) for u, text, _, _ in said], outbound=work.outbound)
        turns = tuple(
            Turn(numbered(i), roles[u.speaker], text, u.start_ms, u.end_ms, sure, language, _acoustics(scene.sources[u.speaker], u, text))
            for i, (u, text, language, sure) in enumerate(said)
        )
        speech = covered_ms([s for u, *_ in said for s in u.spans])
        return Transcript(work.interaction_id, turns, model, main_language(turns), scene.duration_ms, speech, scene.notices)


@dataclass(frozen=True, slots=True)
class _Scene:
    """Where somebody speaks, before it is known what is said."""

    sources: list[Pcm]
    """Audio of each speaker, 16 kHz."""
    utterances: list[Utterance]
    separate: bool
    """Each speaker has a channel."""
    duration_ms: int
    notices: tuple[str, ...]


def _acoustics(samples: Pcm, utterance: Utterance, text: str) -> Acoustics:
    spoken = as_float(np.concatenate([cut(samples, s) for s in utterance.spans]))
    return Acoustics(rms_dbfs(spoken), peak_dbfs(spoken), median_pitch_hz(spoken), speech_rate(text, utterance.speech_ms))
