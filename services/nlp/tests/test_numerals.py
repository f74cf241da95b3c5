import pytest
from nlp.domain.numerals import digits_of, value_of


@pytest.mark.parametrize(("said", "value"), [
    ("二十四", 24), ("24", 24), ("两", 2), ("半", 0.5), ("十", 10), ("十五", 15), ("一百八", 180), ("一百零八", 108), ("三千五", 3500),
    ("两万三千", 23000), ("２４", 24), ("1.5", 1.5), ("3千", 3000), ("二零二六", 2026), ("四十八", 48), ("一亿二千万", 120_000_000),
    ("三点五", 3.5), ("十二点零五", 12.05),
])
def test_numbers_are_read_as_people_say_them(said, value):
    assert value_of(said) == value


@pytest.mark.parametrize("said", ["", "很快", "abc", "三点", "点五", "三点半"])
def test_what_is_no_number_has_no_value(said):
    assert value_of(said) is None


def test_digits_are_read_one_by_one():
    assert digits_of("幺三八 一二三四-5678") == "13812345678"
