"""A list of interactions as CSV that spreadsheet programs open with Chinese headings and without running anything in it."""

import csv
import io
from collections.abc import AsyncIterator, Mapping, Sequence

from client.shapes import Interaction

from console.app import Asking
from console.domain.words import CHANNEL, DIRECTION, EMOTION, INDUSTRY, STATUS, URGENCY, clock, points, when, word

FILTERS = ("status", "industry", "agent_id", "team_id", "customer_id", "from", "to")
HEADINGS = (
    "会话编号", "外部编号", "接收时间", "开始时间", "渠道", "方向", "坐席", "班组", "客户", "客户等级", "行业", "产品", "时长", "状态", "得分", "致命项",
    "类型", "紧急程度", "客户情绪", "预警数",
)
_PAGE = 200


async def interactions_csv(gateway: Asking, query: Mapping[str, str], *, most: int) -> AsyncIterator[bytes]:
    """UTF-8 with a byte order mark, at most `most` rows. The first page is fetched before this returns, so that errors can still be told."""
    filters = {k: query[k] for k in FILTERS if query.get(k)}
    page = await gateway.get("/v1/interactions", filters | {"page_size": _PAGE})

    async def rows() -> AsyncIterator[bytes]:
        nonlocal page
        yield b"\xef\xbb\xbf" + _lines([HEADINGS])
        left = most
        while True:
            interactions: list[Interaction] = page.get("interactions", [])[:left]
            yield _lines([row(i) for i in interactions])
            left -= len(interactions)
            token = page.get("next_page_token")
            if not token or left <= 0:
                return
            page = await gateway.get("/v1/interactions", filters | {"page_size": min(_PAGE, left), "page_token": token})

    return rows()


def row(interaction: Interaction) -> list[str]:
    """One line, in the order of HEADINGS."""
    metadata, outcome = interaction.get("metadata", {}), interaction.get("outcome", {})
    cells = [
        interaction.get("interaction_id", ""), metadata.get("external_id", ""), when(interaction.get("received_at"), seconds=True),
        when(metadata.get("started_at"), seconds=True), word(CHANNEL, metadata.get("channel")), word(DIRECTION, metadata.get("direction")),
        metadata.get("agent_id", ""), metadata.get("team_id", ""), metadata.get("customer_id", ""), metadata.get("customer_tier", ""),
        word(INDUSTRY, metadata.get("industry")), metadata.get("product", ""), clock(interaction.get("audio", {}).get("duration_ms")),
        word(STATUS, interaction.get("status")),
    ]
    if outcome:
        cells += [
            points(outcome.get("score", 0.0)), "是" if outcome.get("fatal") else "否", outcome.get("ticket_type", ""),
            word(URGENCY, outcome.get("urgency")), word(EMOTION, outcome.get("customer_emotion")), str(outcome.get("alerts", 0)),
        ]
    return [_inert(cell) for cell in cells + [""] * (len(HEADINGS) - len(cells))]


def _inert(cell: str) -> str:
    # A spreadsheet program runs a cell that begins like a formula.
    return f"'{cell}" if cell.startswith(("=", "+", "-", "@", "\t", "\r")) else cell


def _lines(rows: Sequence[Sequence[str]]) -> bytes:
    out = io.StringIO()
    csv.writer(out).writerows(rows)
    return out.getvalue().encode()
