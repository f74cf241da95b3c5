"""HTML from words that come from outside: everything goes through `tag`, which escapes it, and nothing else in the pages is written as raw HTML."""

from html import escape


class Html(str):
    """Text that is HTML already."""


NOTHING = Html("")


def tag(name: str, classes: str, *inside: str, **attributes: str | int) -> Html:
    """An element; text inside is escaped unless it is Html, as are attributes, whose underscores become hyphens."""
    given = {"class": classes, **attributes} if classes else attributes
    written = "".join(f' {k.rstrip("_").replace("_", "-")}="{escape(str(v))}"' for k, v in given.items())
    return Html(f"<{name}{written}>{joined(*inside)}</{name}>")


def joined(*parts: str) -> Html:
    """One after the other; text is escaped."""
    return Html("".join(p if isinstance(p, Html) else escape(p) for p in parts))
