from datetime import date

import pytest
from routing.domain.facts import amounts, days, number


@pytest.mark.parametrize(
    ("text", "worth"),
    [
        ("19.9", 19.9), ("1,200.5", 1200.5), ("3万", 30_000), ("十", 10), ("二十", 20), ("三百二", 320), ("三百零二", 302), ("两千", 2000),
        ("两万五", 25_000), ("一百二十三", 123), ("十二万", 120_000), ("三万五千", 35_000), ("一二三", 123), ("一千零五十", 1050), ("", None), ("约", None),
    ],
)
def test_a_numeral_is_worth(text, worth):
    assert number(text) == worth


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("扣了我20块钱", ["20.00"]), ("退我一百二十元", ["120.00"]), ("十九块九", ["19.90"]), ("多收了3.5元又收了两百块", ["3.50", "200.00"]),
        ("我们一块去", []), ("一块钱", ["1.00"]), ("宽带坏了三天", []), ("五块三天", ["5.00"]), ("1,299元", ["1299.00"]), ("二十多块", ["20.00"]),
    ],
)
def test_sums_of_money_are_read_as_said(text, values):
    assert [fact.value for fact in amounts(text)] == values


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("11月3号扣的", ["2026-11-03"]), ("十一月三日", ["2026-11-03"]), ("2025-12-01", ["2025-12-01"]), ("昨天", ["2026-11-21"]), ("大前天", ["2026-11-19"]),
        ("12月30日", ["2026-12-30"]), ("13月40日", []), ("2月30号", []), ("后天上门", ["2026-11-24"]), ("2026年10月1日", ["2026-10-01"]),
    ],
)
def test_days_are_read_as_said(text, values):
    assert [fact.value for fact in days(text, date(2026, 11, 22))] == values


def test_a_day_without_a_year_is_the_nearest():
    assert [fact.value for fact in days("12月30日", date(2027, 1, 5))] == ["2026-12-30"]
    assert [fact.value for fact in days("1月3日", date(2026, 12, 28))] == ["2027-01-03"]
