"""The list of interactions as CSV."""

from typing import Any

from console.adapters.csv_export import HEADINGS, interactions_csv, row


class Pages:
    """A gateway with three pages."""

    def __init__(self) -> None:
        self.asked: list[dict[str, Any]] = []

    async def get(self, path: str, query: Any = None) -> Any:
        self.asked.append(dict(query))
        start = int(query.get("page_token", 0))
        return {
            "interactions": [{"interaction_id": f"i{n}"} for n in range(start, start + 2)],
            "next_page_token": str(start + 2) if start < 4 else "",
        }


async def exported(most: int) -> tuple[list[str], list[dict[str, Any]]]:
    pages = Pages()
    chunks = [c async for c in await interactions_csv(pages, {"status": "scored", "other": "x"}, most=most)]  # type: ignore[arg-type]
    return b"".join(chunks).decode("utf-8-sig").splitlines(), pages.asked


async def test_all_pages_are_written_with_the_filters_a_list_knows() -> None:
    lines, asked = await exported(100)
    assert [line.split(",")[0] for line in lines] == ["会话编号", "i0", "i1", "i2", "i3", "i4", "i5"]
    assert asked[0] == {"status": "scored", "page_size": 200}


async def test_an_export_ends_at_its_limit() -> None:
    lines, asked = await exported(3)
    assert len(lines) == 4
    assert len(asked) == 2


def test_a_cell_that_looks_like_a_formula_is_made_inert() -> None:
    cells = row({"interaction_id": "i", "metadata": {"product": '=HYPERLINK("x")', "agent_id": "+1", "customer_id": "@x"}})
    assert ('\'=HYPERLINK("x")' in cells, "'+1" in cells, "'@x" in cells) == (True, True, True)


def test_every_row_has_a_cell_for_every_heading() -> None:
    assert len(row({})) == len(row({"outcome": {"score": 80.0}})) == len(HEADINGS)
