"""How recognised words are written down: punctuation of their script, pieces of one turn joined."""

import re
from collections.abc import Callable, Sequence

_FULL_WIDTH = str.maketrans({",": "，", "?": "？", "!": "！", ";": "；", ":": "："})
_HAN = r"[\u3400-\u9fff]"
_STOPS = "，。？！；：、,.?!;:"


def written(text: str, language: str, simplify: Callable[[str], str]) -> str:
    """Chinese in simplified characters with its own punctuation; other languages as they were heard."""
    text = " ".join(text.split())
    if language != "zh":
        return text
    text = simplify(text)
    # Whisper writes a pause as a space, and now and then uses the marks of Latin script.
    text = re.sub(rf"(?<={_HAN})[,?!;:](?!\d)|(?<=\d)[,?!;:](?!\d)|(?<=\w)[?!]", lambda m: m.group().translate(_FULL_WIDTH), text)
    text = re.sub(rf"(?<={_HAN})\.(?=\s|$|{_HAN})", "。", text)
    text = re.sub(r"(?<=[，。？！；：])\s+|\s+(?=[，。？！；：])", "", text)
    return re.sub(rf"(?<={_HAN})\s+(?={_HAN})", "，", text).strip()


def joined(pieces: Sequence[str], language: str) -> str:
    """The pieces of one turn as one text, with a comma or a space where the recogniser set no mark."""
    text = ""
    for piece in filter(None, pieces):
        if not text:
            text = piece
        elif language == "zh":
            text += piece if text[-1] in _STOPS else f"，{piece}"
        else:
            text += f" {piece}"
    return text


def language_of(text: str) -> str:
    """Language of a written message, as far as its script tells: zh, or und (undetermined) where it is in Latin script."""
    if re.search(_HAN, text):
        return "zh"
    return "und" if re.search(r"[A-Za-z]", text) else "zh"
