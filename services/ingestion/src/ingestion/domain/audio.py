"""When a recording is good enough to be worked on."""

from dataclasses import dataclass

from chassis.errors import InvalidInput

FIELD = "audio"
FORMATS = "wav, mp3, ogg/opus, flac"
MIN_RATE_HZ, MAX_RATE_HZ = 8_000, 48_000
MIN_MS = 100
# A header counts whole blocks and a writer may be one behind; less missing than this nobody hears.
_ROUNDING_MS = 250

CUT_OFF = "录音文件不完整：只收到其中一部分，按实际可读取的内容处理。"
ONE_CHANNEL = "录音只有一个声道，与所述的双声道不符，说话人角色由识别推断。"


@dataclass(frozen=True, slots=True)
class Probe:
    """What was found in a file. `read_ms` can be read, `promised_ms` is what its header says (0 where it does not say)."""

    container: str
    codec: str
    sample_rate_hz: int
    channels: int
    read_ms: int
    decoded_ms: int
    promised_ms: int = 0
    damaged: bool = False


@dataclass(frozen=True, slots=True)
class Audio:
    """A stored recording. `path` names it in the object store, `sha256` is lower-case hex."""

    container: str
    codec: str
    sample_rate_hz: int
    channels: int
    duration_ms: int
    size_bytes: int
    sha256: str
    path: str


def check_probe(probe: Probe, *, max_ms: int) -> None:
    """Raises InvalidInput on "audio", in words the sender can act on."""
    if probe.channels not in (1, 2):
        raise InvalidInput(FIELD, f"has {probe.channels} channels; 1 or 2 can be told apart")
    if not MIN_RATE_HZ <= probe.sample_rate_hz <= MAX_RATE_HZ:
        raise InvalidInput(FIELD, f"is sampled at {probe.sample_rate_hz} Hz; {MIN_RATE_HZ} to {MAX_RATE_HZ} Hz can be read")
    if probe.decoded_ms < MIN_MS:
        raise InvalidInput(FIELD, "holds no sound that can be decoded" if not probe.decoded_ms else f"is shorter than {MIN_MS} ms")
    if probe.read_ms > max_ms:
        raise InvalidInput(FIELD, f"is longer than {max_ms / 3_600_000:g} hours")


def notices(probe: Probe, *, announced_two: bool) -> tuple[str, ...]:
    """What a reader should know about an accepted file."""
    said = []
    if probe.damaged or probe.promised_ms - probe.read_ms > _ROUNDING_MS:
        said.append(CUT_OFF)
    if announced_two and probe.channels == 1:
        said.append(ONE_CHANNEL)
    return tuple(said)
