from hypothesis import given
from hypothesis import strategies as st
from knowledge.domain.bm25 import Bm25, Weighted


def index(*texts):
    return Bm25.of([[Weighted(text.split(), 1.0)] for text in texts])


def test_a_rare_word_counts_more_than_a_common_one():
    scores = index("a rare", "a common", "a common").scores(["a", "rare"])
    assert scores[0] > scores[1] == scores[2]


def test_a_word_nobody_has_counts_against_the_score():
    made = index("fault repair", "tariff")
    assert made.scores(["fault", "zebra"])[0] < made.scores(["fault"])[0]
    assert made.scores(["zebra"]) == {} and made.scores([]) == {}


def test_a_heavier_field_counts_more():
    made = Bm25.of([[Weighted(["x"], 2.0), Weighted(["y"], 0.5)], [Weighted(["y"], 2.0), Weighted(["x"], 0.5)]])
    assert made.scores(["x"])[0] > made.scores(["x"])[1]


@given(st.lists(st.lists(st.sampled_from("abcdefg"), max_size=8), min_size=1, max_size=8), st.lists(st.sampled_from("abcdxyz"), max_size=6))
def test_a_score_is_a_share_between_nought_and_one(documents, query):
    scores = Bm25.of([[Weighted(words, 1.5)] for words in documents]).scores(query)
    assert all(0 <= score <= 1 + 1e-9 for score in scores.values())
    assert set(scores) == {n for n, words in enumerate(documents) if set(words) & set(query)}
