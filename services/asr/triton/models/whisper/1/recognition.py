"""Whisper on CTranslate2: many short clips to text in as few decoder runs as possible. Knows nothing of Triton.

The encoder's cost grows much faster than its window, so every clip is encoded in the smallest window that holds it;
a decoder step costs nearly the same for one clip as for eight, so clips of one window are decoded together. A small
window sometimes loses words: what looks doubtful is decoded once more in the full one.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import ctranslate2
import numpy as np
from faster_whisper import WhisperModel
from faster_whisper.tokenizer import Tokenizer
from numpy.typing import NDArray

RATE = 16_000
HOP = 160  # samples per mel frame
FRAMES_PER_SECOND = RATE // HOP
TAIL = 3 * FRAMES_PER_SECOND  # silence the decoder wants after the speech
WINDOWS = (1000, 1500, 3000)  # mel frames: 10, 15 and 30 s; the encoder was trained on the last
LONGEST = WINDOWS[-1] * HOP  # samples
SHORTEST = RATE // 20  # samples; below 50 ms there is no syllable

DOUBTFUL = -0.6  # average log-probability of a token below which a clip is decoded again
TOKENS_PER_SECOND = 12  # fast Mandarin is 7 characters a second, a character up to two tokens
SPARE_TOKENS = 12
ECHO = 4  # characters of the prompt that nobody says by chance
OTHER_LANGUAGE_FROM = 0.7  # probability another language must reach to displace the expected one
TELLING = 2 * FRAMES_PER_SECOND  # frames; in less than that a language is guessed rather than heard


@dataclass(frozen=True, slots=True)
class Recognized:
    """What was heard in one clip."""

    text: str
    avg_logprob: float
    """Mean log-probability of the tokens, end of text included; 0 is certain."""
    no_speech_prob: float
    """Probability that the clip holds no speech, as the model sees it."""
    language: str
    """ISO 639-1 code."""


@dataclass(frozen=True, slots=True)
class Options:
    """How to recognise; every field comes from the model's parameters."""

    device: str = "cpu"
    """`cpu` or `cuda`."""
    device_index: int = 0
    compute_type: str = "int8"
    language: str = "zh"
    """Language expected, or `auto` to trust the detection alone."""
    prompt: str = "以下是普通话的句子。"
    """Text in the expected language that sets script and punctuation."""
    beam_size: int = 5


@dataclass(frozen=True, slots=True)
class Clip:
    """Something to recognise: mono float32 at 16 kHz in -1..1, SHORTEST to LONGEST samples."""

    samples: NDArray[np.float32]
    language: str = ""
    """ISO 639-1 where the sender knows it; heard from the clip where empty."""


@dataclass(frozen=True, slots=True)
class Sound:
    """A clip's log-mel spectrogram, shape [bands, frames]."""

    mel: NDArray[np.float32]
    language: str

    @property
    def frames(self) -> int:
        """Hundredths of a second."""
        return self.mel.shape[1]


class Whisper:
    """One model instance on one thread (CPU) or one device (GPU). Not for use by two threads at a time."""

    def __init__(self, folder: str, options: Options) -> None:
        self._options = options
        self._whisper = WhisperModel(folder, device=options.device, device_index=options.device_index, compute_type=options.compute_type, cpu_threads=1)
        self._on_gpu = options.device != "cpu"
        self._prompts: dict[tuple[str, bool], list[int]] = {}
        self._decode = Tokenizer(self._whisper.hf_tokenizer, self._whisper.model.is_multilingual, task="transcribe", language=self._expected).decode

    def recognize(self, clips: Sequence[Clip]) -> list[Recognized]:
        """Text for each clip."""
        sounds = [Sound(self._mel(clip.samples), clip.language) for clip in clips]
        results: dict[int, Recognized] = {}
        doubtful: list[int] = []
        for window, members in _by_window(s.frames for s in sounds):
            for i, result in zip(members, self._run([sounds[i] for i in members], window), strict=True):
                results[i] = result
                if window < WINDOWS[-1] and is_doubtful(result):
                    doubtful.append(i)
        # What said nothing, or only its prompt, is asked again without one.
        for prompted in (True, False):
            members = [i for i in doubtful if bool(results[i].text) is prompted]
            if members:
                for i, again in zip(members, self._run([sounds[i] for i in members], WINDOWS[-1], prompted=prompted), strict=True):
                    results[i] = better(results[i], again)
        return [results[i] for i in range(len(sounds))]

    def knows(self, language: str) -> bool:
        """Whether the model has the language, given as ISO 639-1."""
        return language in self._whisper.supported_languages

    def _run(self, sounds: list[Sound], window: int, *, prompted: bool = True) -> list[Recognized]:
        encoded = self._encode([_fitted(s.mel, window) for s in sounds])
        seconds = [s.frames / FRAMES_PER_SECOND for s in sounds]
        languages = self._languages(sounds, encoded)
        results: dict[int, Recognized] = {}
        for language in dict.fromkeys(languages):
            members = [i for i, one in enumerate(languages) if one == language]
            part = encoded if len(members) == len(sounds) else self._rows(encoded, members)
            results.update(zip(members, self._generate(part, language, [seconds[i] for i in members], prompted), strict=True))
        return [results[i] for i in range(len(sounds))]

    def _generate(self, encoded: ctranslate2.StorageView, language: str, seconds: list[float], prompted: bool) -> list[Recognized]:
        prompt = self._prompt(language, prompted)
        caps = [int(s * TOKENS_PER_SECOND) + SPARE_TOKENS for s in seconds]
        results = self._whisper.model.generate(
            encoded,
            [prompt] * len(seconds),
            beam_size=self._options.beam_size,
            max_length=min(len(prompt) + max(caps), self._whisper.max_length),
            return_scores=True,
            return_no_speech_prob=True,
        )
        heard = []
        for result, cap in zip(results, caps, strict=True):
            tokens = result.sequences_ids[0]
            text = without_loops(without_echo(self._decode(tokens[:cap]).replace("\ufffd", ""), self._options.prompt).strip())
            # CTranslate2 divides by the length without the end of text, which the score does hold.
            average = result.scores[0] * len(tokens) / (len(tokens) + 1)
            heard.append(Recognized(text, average, result.no_speech_prob, language))
        return heard

    def _mel(self, clip: NDArray[np.float32]) -> NDArray[np.float32]:
        mel: NDArray[np.float32] = self._whisper.feature_extractor(clip, padding=HOP)
        return mel[:, : WINDOWS[-1]]

    def _encode(self, mels: list[NDArray[np.float32]]) -> ctranslate2.StorageView:
        """[clips, window / 2, width]: together on a GPU, one by one on a CPU, where a batch is slower."""
        if self._on_gpu:
            return self._whisper.model.encode(ctranslate2.StorageView.from_array(np.stack(mels)), to_cpu=False)
        rows = [np.array(self._whisper.model.encode(ctranslate2.StorageView.from_array(mel[None]), to_cpu=True)) for mel in mels]
        return ctranslate2.StorageView.from_array(np.concatenate(rows))

    def _rows(self, encoded: ctranslate2.StorageView, members: list[int]) -> ctranslate2.StorageView:
        rows = np.array(encoded.to_device(ctranslate2.Device.cpu) if self._on_gpu else encoded)[members]
        return ctranslate2.StorageView.from_array(np.ascontiguousarray(rows))

    def _languages(self, sounds: list[Sound], encoded: ctranslate2.StorageView) -> list[str]:
        """For each clip the language its sender names, else the expected one, unless another one is nearly certain."""
        languages = [s.language or self._expected for s in sounds]
        if any(not s.language and s.frames >= TELLING for s in sounds):
            for i, found in enumerate(self._whisper.model.detect_language(encoded)):
                token, probability = found[0]
                certain = self._options.language == "auto" or probability >= OTHER_LANGUAGE_FROM
                if certain and not sounds[i].language and sounds[i].frames >= TELLING:
                    languages[i] = token.strip("<|>")
        return ["zh" if language == "yue" else language for language in languages]  # Cantonese is written alike

    @property
    def _expected(self) -> str:
        return "zh" if self._options.language == "auto" else self._options.language

    def _prompt(self, language: str, prompted: bool) -> list[int]:
        key = (language, prompted and bool(self._options.prompt) and language == self._expected)
        if key not in self._prompts:
            tokenizer = Tokenizer(self._whisper.hf_tokenizer, self._whisper.model.is_multilingual, task="transcribe", language=language)
            context = [tokenizer.sot_prev, *tokenizer.encode(" " + self._options.prompt)] if key[1] else []
            self._prompts[key] = [*context, *tokenizer.sot_sequence, tokenizer.no_timestamps]
        return self._prompts[key]


def is_doubtful(result: Recognized) -> bool:
    """Whether a longer window may hear better: nothing heard, or the decoder was unsure."""
    return not result.text or result.avg_logprob < DOUBTFUL


def better(first: Recognized, again: Recognized) -> Recognized:
    """The more certain of two results for one clip; words win over none."""
    return max(again, first, key=lambda r: (bool(r.text), r.avg_logprob))


def without_echo(text: str, prompt: str) -> str:
    """Cut what repeats the prompt, whole or in part: on little or unclear speech the decoder sometimes says it again."""
    for length in range(len(prompt), ECHO - 1, -1):
        for start in range(len(prompt) - length + 1):
            if (echo := prompt[start : start + length]) in text:
                rest = text.replace(echo, "")
                return rest if any(c.isalnum() for c in rest) else ""
    return text


def without_loops(text: str) -> str:
    """Cut a decoder's loop: words said four or more times in a row are said once.

    People do repeat a word twice or thrice, double single characters (谢谢), and say numbers with runs of one digit; a
    decoder that has lost the audio repeats until it is stopped.
    """
    i = 0
    while i < len(text):
        for length in range(1, min(30, (len(text) - i) // 4) + 1):
            unit = text[i : i + length]
            times = 1
            while text.startswith(unit, i + times * length):
                times += 1
            if times >= (12 if unit.isdigit() else 7 if length == 1 else 4):
                kept = 2 if length == 1 else 1
                text = text[: i + kept * length] + text[i + times * length :]
                break
        i += 1
    return text


def _by_window(frames: Iterable[int]) -> list[tuple[int, list[int]]]:
    """Clips that share a window, shortest window first; more than 27 s of speech has less than a full tail."""
    groups: dict[int, list[int]] = {}
    for i, n in enumerate(frames):
        window = next((w for w in WINDOWS if w >= n + TAIL), WINDOWS[-1])
        groups.setdefault(window, []).append(i)
    return sorted(groups.items())


def _fitted(mel: NDArray[np.float32], window: int) -> NDArray[np.float32]:
    fitted = np.zeros((mel.shape[0], window), np.float32)
    fitted[:, : mel.shape[1]] = mel[:, :window]
    return fitted
