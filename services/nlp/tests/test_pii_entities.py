import json
import time
from importlib.resources import files

import numpy as np
import pytest
import rjieba
from hypothesis import given, settings
from hypothesis import strategies as st
from nlp.domain.dialogue import Dialogue, Interaction, Role, Turn
from nlp.domain.pii.entities import shipped_tagger
from nlp.domain.pii.masking import redact
from nlp.domain.pii.tagger import FORBIDDEN, TAGS, EntityTagger, best_path, best_paths, entities_of, features, read_tagger
from nlp_contacts import SHARED, said


def masked(*lines: str) -> str:
    return "|".join(redact(said(*lines)).masked.values())


@pytest.mark.parametrize(("line", "name"), [
    ("c: 昨天王晓燕给我打的电话", "王晓燕"),
    ("c: 你们那个陈志强答应过我的", "陈志强"),
    ("c: 上次是刘丽华接待我的", "刘丽华"),
    ("a: 那我让赵建军师傅明天联系您", "赵建军"),
    ("c: 我把钱转给周慧敏了", "周慧敏"),
])
def test_a_name_is_masked_though_nothing_announces_it(line, name):
    assert name not in masked(line)


@pytest.mark.parametrize(("line", "address"), [
    ("c: 苏州市吴中区木渎镇金枫路216号", "吴中区木渎镇金枫路216号"),
    ("c: 帮我改成余杭区五常街道文一西路998号", "余杭区五常街道文一西路998号"),
    ("a: 您的位置是义乌市稠城街道下车门村四十二号对吗", "稠城街道下车门村四十二号"),
])
def test_an_address_is_masked_though_nobody_asked_for_it(line, address):
    assert address not in masked(line)


@pytest.mark.parametrize("line", [
    "a: 中国移动为您服务", "c: 我在北京用不了这个套餐", "c: 上海大众的保养多少钱", "a: 工程师会在周三上门", "c: 黄色的那款什么时候有货", "c: 高速路上没有信号",
    "a: 您可以去附近的营业厅办理", "c: 我们小区最近在施工", "c: 任何人都会生气的", "a: 石油公司的优惠活动", "c: 程序老是闪退，白天也一样",
    "c: 张贴的通知我没看到",
])
def test_ordinary_talk_stays_readable(line):
    assert "*" not in masked(line)


def test_many_texts_looked_at_together_give_what_each_gives_alone():
    texts = ["昨天王晓燕给我打的电话", "苏州市吴中区木渎镇金枫路216号", "好的", "你们那个陈志强答应过我的", "张伟在朝阳区建国路八十八号"]
    together = redact(said(*(f"{'ac'[n % 2]}: {text}" for n, text in enumerate(texts)))).masked.values()
    alone = [masked(f"{'ac'[n % 2]}: {text}") for n, text in enumerate(texts)]
    assert list(together) == alone


def test_paths_side_by_side_are_those_one_by_one():
    rng = np.random.default_rng(1)
    moves = rng.normal(0, 2, (len(TAGS),) * 2).astype(np.float32) + FORBIDDEN
    moves[:, 0] = np.where(FORBIDDEN[:, 0] < 0, FORBIDDEN[:, 0], 0)
    parts = [rng.normal(0, 3, (length, len(TAGS))).astype(np.float32) for length in (1, 2, 7, 30)]
    for part, path in zip(parts, best_paths(parts, moves), strict=True):
        assert path == best_path(part, moves)


def test_a_path_is_read_as_spans():
    assert list(entities_of([0, 1, 0, 2, 3, 4, 6, 8, 0])) == [(1, 2, "name"), (3, 6, "name"), (6, 8, "address")]


@pytest.mark.parametrize("text", ["", "😀", "a", "\n\n", "ｆｕｌｌ　ｗｉｄｔｈ１２３", "\ud800", "王" * 5000])
def test_any_text_can_be_looked_at(text):
    assert len(features(text, rjieba.tag)) == len(text) if text and text != "\ud800" else True
    if text != "\ud800":
        shipped_tagger().find(text)


def test_features_of_a_character_depend_on_its_neighbours_alone():
    words = lambda text: [(char, "x") for char in text]  # noqa: E731
    left, right = features("我叫张伟明，您好呀", words), features("嗯我叫张伟明，您好呀", words)
    assert (left[4:] == right[5:]).all()


def test_weights_of_another_version_are_refused():
    import io

    from nlp.domain.pii.tagger import read_tagger

    file = io.BytesIO()
    about = np.frombuffer(json.dumps({"tags": ["O"], "bits": 3, "bias": [0, 0]}).encode(), np.uint8)
    np.savez(file, weights=np.zeros((8, 9), np.int8), moves=np.zeros((9, 9)), about=about)
    with pytest.raises(ValueError, match="another version"):
        read_tagger(file.getvalue(), rjieba.tag)


def test_without_weights_nothing_is_found():
    assert EntityTagger(np.zeros((1 << 20, 9), np.int8), np.zeros((9, 9), np.float32), rjieba.tag, (-50, -50)).find("张伟在北京") == []


@pytest.mark.skipif(not (SHARED / "data/jddc_dialogues.jsonl").exists(), reason="../shared/data is absent")
def test_anonymised_service_talk_is_hardly_masked_and_takes_no_time():
    dialogues = [json.loads(line) for line in (SHARED / "data/jddc_dialogues.jsonl").read_text().splitlines()][1::2]  # the other half trained the tagger
    turns = hidden = 0
    shipped_tagger()
    began = time.process_time()
    for row in dialogues:
        made = tuple(Turn(f"t{n}", Role(turn["role"]), turn["text"]) for n, turn in enumerate(row["turns"]))
        redaction = redact(Dialogue(Interaction("i1"), made))
        turns += len(made)
        hidden += sum(text.count("*") - turn.text.count("*") for turn, text in zip(made, redaction.masked.values(), strict=True))
    assert hidden / turns * 1000 < 120
    assert (time.process_time() - began) / turns < 0.001


@settings(deadline=None, max_examples=30)
@given(st.lists(st.sampled_from(["我找王建国", "住在幸福路18号", "好的", "张伟的快递寄到朝阳区建国路", "谢谢", "李雷和韩梅梅都在"]), min_size=1, max_size=6))
def test_what_was_found_in_a_text_is_the_same_when_it_is_asked_for_again_among_others(parts):
    known, fresh = shipped_tagger(), read_tagger((files("nlp") / "entities" / "weights.npz").read_bytes(), rjieba.tag)
    assert known.find_in(parts) == fresh.find_in(parts)
