"""A dialogue as people type it, "客户：…" and "坐席：…", as turns."""

import re

from client.shapes import ChatTurn, Role

MOST_TURNS = 500
_SPEAKERS: dict[str, Role] = {"客户": "customer", "用户": "customer", "坐席": "agent", "客服": "agent"}
_LINE = re.compile(r"\s*(客户|用户|坐席|客服)\s*[:：]\s*(.*)")


class NotADialogue(ValueError):
    """What is wrong, in Chinese."""


def turns(text: str) -> list[ChatTurn]:
    """The turns; a line without a speaker goes on with the turn before. Raises NotADialogue."""
    found: list[ChatTurn] = []
    for number, line in enumerate(text.splitlines(), 1):
        match = _LINE.match(line)
        if match:
            found.append({"role": _SPEAKERS[match[1]], "text": match[2].strip()})
        elif line.strip() and found:
            found[-1]["text"] += line.strip()
        elif line.strip():
            raise NotADialogue(f"第 {number} 行应以“客户：”或“坐席：”开头")
    found = [t for t in found if t["text"]]
    if not found:
        raise NotADialogue("请输入对话，每行以“客户：”或“坐席：”开头")
    if len(found) > MOST_TURNS:
        raise NotADialogue(f"最多 {MOST_TURNS} 轮")
    return found
