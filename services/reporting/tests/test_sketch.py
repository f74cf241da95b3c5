import math
from collections import Counter

from hypothesis import given
from hypothesis import strategies as st
from reporting.domain.sketch import ACCURACY, bin_of, quantile

durations = st.lists(st.integers(1000, 86_400_000), min_size=1, max_size=300)


@given(durations, st.sampled_from([0.01, 0.5, 0.9, 0.99, 1.0]))
def test_a_percentile_is_within_two_percent_of_the_true_one(values, share):
    found = quantile(Counter(map(bin_of, values)), share)
    true = sorted(values)[max(1, math.ceil(share * len(values))) - 1]
    assert abs(found - true) <= ACCURACY * true * (1 + 1e-9)


@given(durations, durations)
def test_sketches_are_merged_by_adding_counts(a, b):
    assert Counter(map(bin_of, a)) + Counter(map(bin_of, b)) == Counter(map(bin_of, a + b))


def test_nothing_measured_has_no_percentile():
    assert quantile({}, 0.5) is None


def test_no_duration_needs_more_than_286_bins():
    assert bin_of(1) == bin_of(1000) == 0
    assert bin_of(2**31 - 1) == bin_of(86_400_000) == 285
