import json

import pytest
from nlp import bench
from nlp.adapters.yaml_packs import load_packs
from nlp_contacts import SHARED

CHATS = SHARED / "data/jddc_dialogues.jsonl"


def test_the_bench_counts_evaluations_of_a_sixty_turn_call():
    figures = bench.measure(seconds=0.2)
    assert figures["turns"] == 60
    assert figures["evaluations_per_s"] > 1


def test_a_made_up_book_has_as_many_rules_and_phrases_as_asked_for():
    packs = load_packs()
    card = bench.book(120, packs.cards)
    assert len(card.rules) - len(packs.cards["common"].rules) == 120
    figures = bench.measure_books(seconds=0.05, sizes=(120,))
    assert [row["new_sentences"] for row in figures] == [0, 1, 0, 1]
    assert figures[0]["phrases"] > 1000


@pytest.mark.parametrize(("name", "given", "places"), [
    ("phrases", {"text": "感谢您的来电，感谢您", "phrases": ["感谢您", "您的来电", "退款"]}, [(0, 3, 0), (7, 10, 0), (2, 6, 1)]),
    ("gaps", {"text": "退一下货款\n退了。货款", "rules": [("退", "款", 3), ("退", "了", 0)]}, [(0, 5, 0), (6, 11, 0), (6, 8, 1)]),
])
def test_a_scan_of_a_file_tells_how_much_was_found_and_a_digest_of_where(tmp_path, name, given, places):
    file = tmp_path / "given.json"
    file.write_text(json.dumps(given))
    found = bench.main(name, str(file))
    assert (found["found"], found["sha256"]) == (len(places), bench.digest(places))


@pytest.mark.skipif(not CHATS.exists(), reason="../shared/data/jddc_dialogues.jsonl is absent")
def test_written_chats_give_hardly_a_hit_by_sound():
    turns = [turn["text"] for line in CHATS.read_text().splitlines() for turn in json.loads(line)["turns"]]
    figures = bench.false_hits(turns, confidences=(1.0,))
    assert figures["turns"] > 9000
    assert figures["phrases"] > 1500
    assert figures["at 1.0"] <= 1.0
