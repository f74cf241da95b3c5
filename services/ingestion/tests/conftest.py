"""Recordings made on the spot, and ingestion with its real stores."""

import io
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import av
import grpc
import numpy as np
import pytest
from chassis import blobs
from chassis.identity import Identity
from chassis.ids import derived_id, new_id
from ingestion.adapters.grpc_server import NAME, registered
from ingestion.adapters.mongo_answers import MongoAnswers
from ingestion.adapters.mongo_interactions import MongoInteractions, utc_now
from ingestion.adapters.mongo_uploads import MongoUploads
from ingestion.adapters.obstore_recordings import ObstoreRecordings
from ingestion.app import Archive, Intake, Limits, Survey
from ingestion.app_playback import Playback
from mingjian.ingestion.v1.ingestion_service_pb2_grpc import IngestionServiceStub
from testkit.grpc_server import served

Record = Callable[..., bytes]


def record(container: str = "wav", codec: str = "pcm_s16le", rate: int = 8000, channels: int = 2, seconds: float = 1.0) -> bytes:
    """A file with a tone in it, a different one in each channel."""
    layout = {1: "mono", 2: "stereo", 3: "2.1"}[channels]
    formats = av.Codec(codec, "w").audio_formats
    file = io.BytesIO()
    with av.open(file, "w", format=container) as out:
        stream = out.add_stream(codec, rate=rate, layout=layout)
        tone = np.stack([np.sin(np.arange(int(rate * seconds)) * 2 * np.pi * hz / rate) * 8000 for hz in (300, 500, 700)[:channels]])
        frame = av.AudioFrame.from_ndarray(tone.astype(np.int16).T.reshape(1, -1).copy(), format="s16", layout=layout)
        frame.sample_rate = rate
        resampler = av.AudioResampler(format=formats[0] if formats else "s16", layout=layout, rate=rate)
        for converted in [*resampler.resample(frame), *resampler.resample(None)]:
            out.mux(stream.encode(converted))
        out.mux(stream.encode(None))
    return file.getvalue()


@pytest.fixture
def recorded() -> Record:
    return record


class Ids:
    def new(self) -> str:
        return new_id()

    def derived(self, *parts: str) -> str:
        return derived_id(*parts)


@dataclass
class Platform:
    """ingestion without its process: what it keeps, and channels to it as a caller of choice."""

    intake: Intake
    interactions: MongoInteractions
    uploads: MongoUploads
    recordings: ObstoreRecordings
    folder: Path
    register: Callable[[grpc.aio.Server], None]

    def files(self) -> list[Path]:
        return [p for p in self.folder.rglob("*") if p.is_file()]

    @asynccontextmanager
    async def stub(self, identity: Identity | None = None) -> AsyncIterator[IngestionServiceStub]:
        async with served(self.register, NAME, identity=identity) as channel:
            yield IngestionServiceStub(channel)


@pytest.fixture
async def platform(db, events, tmp_path) -> Platform:
    interactions, uploads, answers = MongoInteractions(db, events), MongoUploads(db), MongoAnswers(db, events)
    for store in (interactions, uploads, answers):
        await store.prepare()
    from chassis.messaging import ensure_stream

    await ensure_stream(events, "ingestion")
    folder = tmp_path / "blobs of a tenant"
    recordings = ObstoreRecordings(blobs.open_store(folder.as_uri()), folder.as_uri())
    limits = Limits(max_audio_bytes=8 * 2**20, max_audio_ms=60_000, max_uploads=4, upload_timeout_s=20)
    intake = Intake(interactions, recordings, uploads, ids=Ids(), now=utc_now, limits=limits)
    playback = Playback(interactions, recordings, uploads, now=utc_now)
    register = registered(intake, Archive(interactions), playback, Survey(answers, interactions, now=utc_now))
    return Platform(intake, interactions, uploads, recordings, folder, register)
