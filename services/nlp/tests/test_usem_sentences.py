import numpy as np
from nlp.adapters.usem_sentences import UsemSentences


def test_sentences_that_mean_the_same_are_near_each_other():
    encoder = UsemSentences()
    sorry, also_sorry, price = encoder.encode(["真的非常抱歉", "实在对不起您", "每个月五十九元"])
    assert np.isclose(np.linalg.norm(sorry), 1, atol=1e-3)
    assert sorry @ also_sorry > sorry @ price + 0.2


def test_a_sentence_seen_before_has_the_same_vector():
    encoder = UsemSentences()
    assert np.array_equal(encoder.encode(["您好"])[0], encoder.encode(["再见", "您好"])[1])


def test_no_sentences_are_no_vectors():
    assert UsemSentences().encode([]).shape == (0, 512)
