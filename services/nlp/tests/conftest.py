"""The shipped engine compiled once; nlp_contacts, which the tests of nlp share, made importable."""

import sys
from pathlib import Path

import pytest
from nlp.adapters.yaml_packs import load_engine
from nlp.domain.engine import QualityEngine

sys.path.insert(0, str(Path(__file__).parent))


@pytest.fixture(scope="session")
def engine() -> QualityEngine:
    return load_engine()


@pytest.fixture
async def platform(engine, db, events):
    from chassis.messaging import ensure_stream
    from nlp_platform import nlp_on

    for stream in ("nlp", "asr"):
        await ensure_stream(events, stream)
    async with nlp_on(engine, db, events) as made:
        yield made
