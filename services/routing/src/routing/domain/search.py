"""Words of tickets: what is written down so that they are found again, and whether a text has them."""

import re
import unicodedata
from dataclasses import dataclass
from datetime import datetime

from chassis.errors import InvalidInput

MAX_QUERY = 64
_RUNS = re.compile(r"[^\W_]+")
_LATIN = re.compile(r"[0-9a-z]{2,}")


def normal(text: str) -> str:
    """Wide and narrow, capital and small letters are one; blanks are single."""
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())


def text_of(title: str, description: str, resolution: str, customer_id: str, external_id: str) -> str:
    """What a ticket is found by, normal."""
    return normal("\n".join((title, description, resolution, customer_id, external_id)))


@dataclass(frozen=True, slots=True)
class TicketWords:
    """What a version of a ticket is found by; `text` as text_of makes it."""

    tenant: str
    ticket_id: str
    opened_at: datetime
    version: int
    text: str


def words_in(query: str) -> tuple[str, ...]:
    """The words asked for; a text has to have every one of them. Raises InvalidInput."""
    words = tuple(dict.fromkeys(normal(query).split()))
    if len(query) > MAX_QUERY or not grams_asked(words):
        raise InvalidInput("query", f"must have at least one word of two characters, and at most {MAX_QUERY} characters")
    return words


def grams_of(text: str) -> frozenset[str]:
    """What a normal text is indexed by: every two neighbouring characters, or every three where they are Latin letters and digits, and
    Latin words of two as a whole. Linear in the text; nothing is missed for want of a word list."""
    found: set[str] = set()
    for run in _RUNS.findall(text):
        found.update(pair for at in range(len(run) - 1) if not (pair := run[at : at + 2]).isascii())
        for word in _LATIN.findall(run):
            found.update(word[at : at + 3] for at in range(max(1, len(word) - 2)))
    return frozenset(found)


def grams_asked(words: tuple[str, ...]) -> tuple[str, ...]:
    """Those that every text with the words has, the longest words' first; words of two Latin letters only where there is nothing else."""
    grams = [gram for word in sorted(words, key=len, reverse=True) for gram in sorted(grams_of(word))]
    sure = [gram for gram in grams if not (gram.isascii() and len(gram) == 2)]
    return tuple(dict.fromkeys(sure or grams))


def has_words(text: str, words: tuple[str, ...]) -> bool:
    """Does a normal text have every one of them?"""
    return all(word in text for word in words)
