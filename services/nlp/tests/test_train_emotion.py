"""The training script on a tiny made-up set: it names what is missing, learns, and gives the same file twice."""

import importlib.util
import json
import random
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from nlp.domain.emotion.model import Context, EmotionModel

pytest.importorskip("sklearn", reason="scikit-learn is not installed")
SCRIPT = Path(__file__).parents[1] / "training/train_emotion.py"
BAD, GOOD = ("太慢了", "很差", "没有用", "不行", "坏了"), ("很好", "谢谢", "满意", "收到了", "可以")
THINGS = ("东西", "送货", "客服", "手机", "宽带", "冰箱", "套餐", "退款")


@pytest.fixture(scope="module")
def script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("train_emotion", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    made = importlib.util.module_from_spec(spec)
    sys.modules["train_emotion"] = made
    spec.loader.exec_module(made)
    return made


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    chance, folder = random.Random(3), tmp_path_factory.mktemp("data")

    def line(bad: int) -> str:
        return f"{chance.choice(THINGS)}{chance.choice(BAD if bad else GOOD)}，{chance.choice(THINGS)}"

    reviews = [{"text": line(n % 2), "label": 1 - n % 2} for n in range(40)]
    feelings = [{"text": line(n % 2), "label": "angry" if n % 2 else "happy"} for n in range(40)]
    chats = []
    for number in range(12):
        bad = [chance.randint(0, 1) for _ in range(6)]
        turns = [turn for b in bad for turn in ({"role": "customer", "text": line(b), "sat": 1 - b}, {"role": "agent", "text": "您好，请稍等"})]
        chats.append({"id": f"d{number}", "overall_sat": 1, "turns": turns})
    for name, rows in (
        ("sentiment_food_delivery", reviews), ("sentiment_online_shopping", reviews), ("emotion_weibo", feelings), ("jddc_dialogues", chats),
    ):
        (folder / f"{name}.jsonl").write_text("\n".join(json.dumps(row, ensure_ascii=False) for row in rows), encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def trained(script: ModuleType, data: Path) -> Path:
    script.main(["--data", str(data), "--out", str(data / "one.npz"), "--no-figures"])
    return data / "one.npz"


def test_what_is_missing_is_named(script, data, tmp_path):
    (tmp_path / "emotion_weibo.jsonl").write_bytes((data / "emotion_weibo.jsonl").read_bytes())
    with pytest.raises(SystemExit, match=r"missing: .*food_delivery.*shopping.*jddc") as stopped:
        script.main(["--data", str(tmp_path)])
    assert "emotion_weibo" not in str(stopped.value)


def test_it_learns(trained):
    model = EmotionModel.read(trained.read_bytes())
    bad, good = (model.dissatisfaction(model.text_scores(text), Context()) for text in ("客服太慢了，坏了", "客服很好，谢谢"))
    assert bad > 0.6 > 0.4 > good


def test_no_word_of_the_texts_is_in_the_file(trained):
    with np.load(trained, allow_pickle=False) as kept:
        assert all(kept[name].dtype.kind in "iuf" for name in kept.files)


def test_it_gives_the_same_file_twice_and_prints_how_good_it_is(script, data, trained, capsys):
    script.main(["--data", str(data), "--out", str(data / "two.npz")])
    assert (data / "two.npz").read_bytes() == trained.read_bytes()
    said = capsys.readouterr().out
    assert EmotionModel.read(trained.read_bytes()).sha256 in said
    for figure in ("sentiment_food_delivery", "emotion_weibo", "with context", "AUC", "macro-F1", "confusion", "ECE", "ms for each turn"):
        assert figure in said
