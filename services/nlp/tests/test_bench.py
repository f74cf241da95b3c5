from nlp.bench import measure


def test_the_bench_counts_evaluations_of_a_sixty_turn_call():
    figures = measure(seconds=0.2)
    assert figures["turns"] == 60
    assert figures["evaluations_per_s"] > 1
