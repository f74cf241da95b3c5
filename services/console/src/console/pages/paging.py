"""Where a list with page tokens has come to."""

from collections.abc import Awaitable, Callable
from typing import Any

from console.pages.controls import pager


class Paging:
    """One page of a list at a time, forward and back; `load` shows the page that `token` names."""

    def __init__(self, load: Callable[[], Awaitable[None]]) -> None:
        self._load = load
        self._tokens, self._following = [""], ""

    @property
    def token(self) -> str:
        return self._tokens[-1]

    def again(self) -> None:
        """From the first page on."""
        self._tokens = [""]

    def foot(self, page: Any, shown: int) -> None:
        """Under the list that was just shown; nothing where everything is on one page."""
        self._following = page.get("next_page_token", "")
        back, forward = self._back if len(self._tokens) > 1 else None, self._forward if self._following else None
        if back or forward:
            pager(f"第 {len(self._tokens)} 页 · 本页 {shown} 条", back, forward)

    async def _back(self) -> None:
        self._tokens.pop()
        await self._load()

    async def _forward(self) -> None:
        self._tokens.append(self._following)
        await self._load()
