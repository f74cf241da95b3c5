from nlp.domain.recent import CHARS, TEXTS, recent


def test_short_texts_are_looked_at_once_and_long_ones_are_not_kept():
    asked = []

    @recent
    def length(text: str) -> int:
        asked.append(text)
        return len(text)

    short, long = "好的", "好" * (CHARS + 1)
    assert [length(short), length(short), length(long), length(long)] == [2, 2, CHARS + 1, CHARS + 1]
    assert asked == [short, long, long]


def test_only_so_many_texts_are_kept():
    asked = []

    @recent
    def seen(text: str) -> None:
        asked.append(text)

    for number in [*range(TEXTS + 1), 0]:
        seen(str(number))
    assert len(asked) == TEXTS + 2
