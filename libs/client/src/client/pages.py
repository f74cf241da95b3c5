"""Lists come in pages."""


from dataclasses import dataclass
from typing import Any, Generic, TypeVar

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """`next_page_token` is empty on the last page."""

    items: list[T]
    next_page_token: str


def page_of(answer: dict[str, Any], field: str) -> Page[Any]:
    return Page(answer.get(field, []), answer.get("next_page_token", ""))
