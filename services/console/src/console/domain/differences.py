"""What differs between two versions of a file, line by line."""

from dataclasses import dataclass
from difflib import SequenceMatcher

_AROUND = 3
MOST_LINES = 20_000


@dataclass(frozen=True, slots=True)
class Line:
    """One line: `kind` is same, out, in or gap (lines left out between); numbers from 1, 0 where it stands on the other side only."""

    kind: str
    before: int
    after: int
    text: str


def differences(before: str, after: str) -> list[Line]:
    """Changed lines with three lines around each; empty where nothing differs. Files are cut off after MOST_LINES lines."""
    old, new = before.splitlines()[:MOST_LINES], after.splitlines()[:MOST_LINES]
    if old == new:
        return []
    found: list[Line] = []
    for group in SequenceMatcher(None, old, new, autojunk=False).get_grouped_opcodes(_AROUND):
        if found or group[0][1] > 0:
            found.append(Line("gap", 0, 0, ""))
        for kind, a, b, c, d in group:
            if kind == "equal":
                found += [Line("same", a + n + 1, c + n + 1, text) for n, text in enumerate(old[a:b])]
            else:
                found += [Line("out", n + 1, 0, old[n]) for n in range(a, b)]
                found += [Line("in", 0, n + 1, new[n]) for n in range(c, d)]
    return found
