"""The bytes of a file that a Range header asks for (RFC 9110, section 14)."""

import re

_RANGE = re.compile(r"bytes=\s*(\d*)-(\d*)\s*", re.IGNORECASE)


class NoSuchBytes(Exception):
    """The range begins behind the end of the file."""


def wanted(header: str, size: int) -> tuple[int, int] | None:
    """First and last byte; None where the whole file is meant: no range, several, or none that can be read. Raises NoSuchBytes."""
    match = _RANGE.fullmatch(header)
    if match is None or match.groups() == ("", "") or len(header) > 100:
        return None
    first, last = match.groups()
    if not first:
        if int(last) == 0 or size == 0:
            raise NoSuchBytes
        return max(0, size - int(last)), size - 1
    if last and int(last) < int(first):
        return None
    if int(first) >= size:
        raise NoSuchBytes
    return int(first), min(int(last), size - 1) if last else size - 1
