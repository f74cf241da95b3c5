import pytest
from devstack.character_errors import comparable, errors


@pytest.mark.parametrize(
    ("said", "same"),
    [
        ("每个月五十九元。", "每個月 59 元"),
        ("二十四小时", "24小时"),
        ("一百兆", "100兆"),
        ("电话是一三八零零", "电话是13800"),
        ("一千零五块", "1005块"),
        ("三万五千", "35000"),
        ("十五天", "15天"),
        ("五G", "5g！"),
    ],
)
def test_the_same_said_otherwise_is_no_error(said: str, same: str) -> None:
    assert errors(said, same)[0] == 0


def test_wrong_missing_and_added_characters_count() -> None:
    assert errors("感谢您的来电", "感谢您的来点") == (1, 6)
    assert errors("没有了", "") == (3, 3)
    assert errors("好", "好的好") == (2, 1)


def test_marks_and_case_do_not_count() -> None:
    assert comparable("您好，A_b。") == "您好ab"
