import io
import os
import struct

import pytest
from chassis.errors import InvalidInput
from ingestion.adapters.pyav_probe import probe
from ingestion.domain.audio import CUT_OFF, check_probe, notices

MOST = 60_000


def probed(content, audio_format="", max_ms=MOST):
    return probe(io.BytesIO(content), audio_format, max_ms=max_ms)


@pytest.mark.parametrize(
    ("container", "codec", "rate", "channels"),
    [
        ("wav", "pcm_s16le", 8000, 2), ("wav", "pcm_s16le", 8000, 1), ("wav", "pcm_alaw", 8000, 1), ("wav", "pcm_mulaw", 8000, 2),
        ("wav", "pcm_s24le", 44100, 2), ("wav", "pcm_f32le", 48000, 1), ("mp3", "libmp3lame", 16000, 2), ("mp3", "libmp3lame", 44100, 1),
        ("ogg", "libopus", 48000, 2), ("flac", "flac", 16000, 2),
    ],
)
def test_a_recording_is_described_and_accepted(recorded, container, codec, rate, channels):
    found = probed(recorded(container, codec, rate, channels, seconds=2))
    check_probe(found, max_ms=MOST)
    assert (found.container, found.sample_rate_hz, found.channels) == (container, rate, channels)
    assert found.read_ms == pytest.approx(2000, abs=120)
    assert notices(found, announced_two=False) == ()


@pytest.mark.parametrize(("container", "codec"), [("alaw", "pcm_alaw"), ("mulaw", "pcm_mulaw")])
def test_headerless_telephone_audio_is_read_where_it_is_announced(recorded, container, codec):
    content = recorded(container, codec, 8000, 1, seconds=3)
    found = probed(content, container)
    check_probe(found, max_ms=MOST)
    assert (found.container, found.codec, found.sample_rate_hz, found.channels, found.read_ms) == (container, codec, 8000, 1, 3000)
    with pytest.raises(InvalidInput):
        probed(content)


@pytest.mark.parametrize(("container", "codec"), [("wav", "pcm_alaw"), ("mp3", "libmp3lame"), ("ogg", "libopus"), ("flac", "flac")])
def test_a_file_with_a_header_is_not_read_as_headerless(recorded, container, codec):
    with pytest.raises(InvalidInput) as caught:
        probed(recorded(container, codec, 48000, 1), "alaw")
    assert caught.value.field == "metadata.audio_format"


@pytest.mark.parametrize(
    "content",
    [
        b"This is a text and not a recording.\n" * 500, "这是一段文字，不是录音。\n".encode() * 500, bytes(50_000), os.urandom(50_000), b"RIFF", b"R",
        b"#EXTM3U\n#EXTINF:1,\nfile:///etc/hostname\n", b"ffconcat version 1.0\nfile /etc/hostname\n", b"\x89PNG\r\n\x1a\n" + bytes(500),
    ],
    ids=["text", "chinese", "zeros", "noise", "four bytes", "one byte", "playlist", "concat list", "picture"],
)
def test_what_is_no_audio_file_is_refused_by_the_name_of_its_field(content):
    with pytest.raises(InvalidInput) as caught:
        check_probe(probed(content), max_ms=MOST)
    assert caught.value.field == "audio"


@pytest.mark.parametrize(("container", "codec"), [("wav", "pcm_s16le"), ("wav", "pcm_alaw"), ("flac", "flac")])
def test_a_recording_that_is_cut_off_is_accepted_with_a_notice(recorded, container, codec):
    whole = recorded(container, codec, seconds=4)
    found = probed(whole[: len(whole) // 2])
    check_probe(found, max_ms=MOST)
    assert found.read_ms == pytest.approx(2000, abs=600)
    assert notices(found, announced_two=False) == (CUT_OFF,)


def test_a_wav_cut_off_within_its_header_is_refused(recorded):
    with pytest.raises(InvalidInput) as caught:
        check_probe(probed(recorded()[:60]), max_ms=MOST)
    assert caught.value.field == "audio"


def test_a_wav_written_without_knowing_its_length_is_whole(recorded):
    content = bytearray(recorded(seconds=2))
    at = bytes(content).index(b"data")
    content[4:8] = content[at + 4:at + 8] = struct.pack("<I", 0xFFFFFFFF)
    found = probed(bytes(content))
    check_probe(found, max_ms=MOST)
    assert found.read_ms == pytest.approx(2000, abs=10)
    assert notices(found, announced_two=False) == ()


@pytest.mark.parametrize(("container", "codec"), [("mp3", "libmp3lame"), ("ogg", "libopus"), ("flac", "flac")])
def test_a_compressed_file_that_is_cut_off_keeps_what_came_before(recorded, container, codec):
    whole = recorded(container, codec, 48000, 1, seconds=10)
    found = probed(whole[: len(whole) // 2])
    check_probe(found, max_ms=MOST)
    assert 2000 < found.read_ms < 8000


def test_more_than_two_channels_are_refused(recorded):
    with pytest.raises(InvalidInput, match="3 channels"):
        check_probe(probed(recorded(channels=3)), max_ms=MOST)


@pytest.mark.parametrize("rate", [4000, 96000])
def test_a_rate_outside_telephone_and_studio_is_refused(recorded, rate):
    with pytest.raises(InvalidInput, match=str(rate)):
        check_probe(probed(recorded(rate=rate)), max_ms=MOST)


def test_a_blink_of_sound_is_refused(recorded):
    with pytest.raises(InvalidInput, match="100 ms"):
        check_probe(probed(recorded(seconds=0.05)), max_ms=MOST)


def test_a_recording_of_ten_hours_is_refused_without_being_read_to_its_end(recorded):
    class Counting(io.BytesIO):
        taken = 0

        def read(self, size=-1):
            data = super().read(size)
            Counting.taken += len(data)
            return data

    content = bytearray(recorded("wav", "pcm_mulaw", 8000, 1, seconds=0.5)) + bytes(10 * 3600 * 8000)
    at = bytes(content[:200]).index(b"data")
    content[at + 4:at + 8] = struct.pack("<I", 10 * 3600 * 8000)
    with pytest.raises(InvalidInput, match="longer than"):
        check_probe(probe(Counting(bytes(content)), max_ms=MOST), max_ms=MOST)
    assert Counting.taken < 4_000_000


def test_a_failure_of_the_store_is_not_taken_for_the_end_of_the_file(recorded):
    class Failing(io.BytesIO):
        def read(self, size=-1):
            if self.tell() > 20_000:
                raise ConnectionError("away")
            return super().read(size)

    with pytest.raises(ConnectionError):
        probe(Failing(recorded(seconds=10)), max_ms=MOST)
