"""The same contact gives the same record, whoever else is at work."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

from chassis.ids import derived_id
from nlp.bench import call
from nlp.domain.canonical import written
from nlp.domain.dialogue import Dialogue
from nlp.domain.provenance import AsrModel
from nlp.domain.records import Subject, departure, digest, judged, made_again, read_record, record_of

AT = datetime(2026, 11, 22, 8, tzinfo=UTC)
SUBJECT = Subject("t1", "A1", "T1", 60_000, b"as received")


def record(engine, dialogue):
    card = engine.scorecard_for(dialogue.interaction)
    fresh = Dialogue(dialogue.interaction, dialogue.turns)  # nothing kept from one to the next
    evaluation = judged(engine, card, fresh, tenant="t1", started_at=AT, scored_at=AT, derive_id=derived_id, asr=AsrModel("whisper-base", "1"))
    return record_of(evaluation, SUBJECT)


def test_eight_at_the_same_time_say_the_same(engine):
    dialogue = call(60)
    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(lambda _: digest(written(record(engine, dialogue))), range(40)))
    assert len(set(made)) == 1


def test_a_record_reads_back_and_its_differences_are_named(engine):
    made = record(engine, call(6))
    kept = read_record(written(made))
    assert made_again(kept, made) is None
    assert departure(made, kept) is None
    assert read_record(b"[]") is read_record(b"nonsense") is None
    assert departure(made | {"score": 1, "added_later": 2}, kept).path == "score"
    assert departure({**made, "items": made["items"][:-1]}, kept).path == f"items[{len(made['items']) - 1}]"
    other_build = made | {"provenance": made["provenance"] | {"engine": "another"}}
    assert made_again(kept, other_build) is None
    assert made_again(kept, made | {"summary": "另外"}).path == "summary"
