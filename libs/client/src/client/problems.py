"""What can go wrong between a client and the platform."""

import json
from typing import Any

import httpx


class MingjianProblem(Exception):
    """The platform's answer was a problem document (RFC 9457).

    `status` is the HTTP status, `title` its kind, `detail` what is wrong this time, `field` the path of the wrong field such as
    "metadata.industry" ("" where none is), `grpc_status` for example "INVALID_ARGUMENT", `document` the whole as it came.
    """

    def __init__(self, status: int, title: str, detail: str, *, field: str = "", grpc_status: str = "", document: dict[str, Any] | None = None) -> None:
        super().__init__(f"{status} {title}: {field + ': ' if field else ''}{detail}")
        self.status, self.title, self.detail = status, title, detail
        self.field, self.grpc_status, self.document = field, grpc_status, document or {}


class InteractionFailed(Exception):
    """The platform could not score an interaction. `reason` is for people."""

    def __init__(self, interaction_id: str, reason: str) -> None:
        super().__init__(f"interaction {interaction_id} failed: {reason}")
        self.interaction_id, self.reason = interaction_id, reason


def problem_of(response: httpx.Response) -> MingjianProblem:
    """Also for an answer that some other machine on the way gave. The response has been read."""
    try:
        said = json.loads(response.content)
    except ValueError:
        said = None
    if not isinstance(said, dict):
        return MingjianProblem(response.status_code, response.reason_phrase or "The request failed", response.text[:500])

    def word(name: str) -> str:
        return str(said.get(name) or "")

    return MingjianProblem(
        response.status_code, word("title") or response.reason_phrase, word("detail"), field=word("field"), grpc_status=word("grpc_status"), document=said,
    )
