"""Every call of the platform as a value: what is asked, and what of the answer is wanted. The two clients only send them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Generic, TypeVar, cast
from urllib.parse import quote

from client import shapes

T = TypeVar("T")
When = str | date | datetime


@dataclass(frozen=True, slots=True)
class Call(Generic[T]):
    """`pick` names the field of the answer that is wanted; all of it where empty. A `repeatable` call does no harm when sent twice."""

    method: str
    path: str
    params: Mapping[str, str | int]
    body: Any = None
    pick: str = ""
    repeatable: bool = True

    def picked(self, answer: Any) -> T:
        return cast("T", answer.get(self.pick, []) if self.pick else answer)


def _get(path: str, pick: str = "", **params: str | int | bool | When | None) -> Call[Any]:
    return Call("GET", path, {name.rstrip("_"): word(value) for name, value in params.items() if value not in (None, "", 0, False)}, pick=pick)


def _post(path: str, body: Any, pick: str = "", *, repeatable: bool = False) -> Call[Any]:
    return Call("POST", path, {}, body, pick, repeatable)


def word(value: str | int | bool | When | None) -> str | int:
    """A value as it stands in a query."""
    if isinstance(value, bool):
        return "true"
    if isinstance(value, datetime):
        if value.tzinfo is None:
            raise ValueError("a time needs its time zone")
        return value.isoformat()
    return value.isoformat() if isinstance(value, date) else value or ""


def _in_path(part: str) -> str:
    if not part:
        raise ValueError("an id is empty")
    return quote(part, safe="")


def chat(turns: Sequence[shapes.ChatTurn], metadata: shapes.Metadata) -> Call[shapes.Interaction]:
    return _post("/v1/interactions", {"metadata": metadata, "turns": list(turns)}, repeatable=bool(metadata.get("external_id")))


def interaction(interaction_id: str) -> Call[shapes.Interaction]:
    return _get(f"/v1/interactions/{_in_path(interaction_id)}")


def interactions(**asked: Any) -> Call[dict[str, Any]]:
    return _get("/v1/interactions", **asked)


def audio(interaction_id: str, *, redacted: bool = False) -> Call[None]:
    return _get(f"/v1/interactions/{_in_path(interaction_id)}/audio", redacted=redacted)


def transcript(interaction_id: str) -> Call[shapes.Transcript]:
    return _get(f"/v1/interactions/{_in_path(interaction_id)}/transcript")


def evaluation(interaction_id: str) -> Call[shapes.Evaluation]:
    return _get(f"/v1/interactions/{_in_path(interaction_id)}/evaluation")


def suggestions(interaction_id: str) -> Call[list[shapes.Found]]:
    return _get(f"/v1/interactions/{_in_path(interaction_id)}/suggestions", "suggestions")


def import_feedback(answers: Sequence[shapes.Feedback]) -> Call[shapes.Imported]:
    return _post("/v1/feedback", {"feedback": list(answers)}, repeatable=True)


def tickets(**asked: Any) -> Call[dict[str, Any]]:
    return _get("/v1/tickets", **asked)


def ticket(ticket_id: str) -> Call[shapes.Ticket]:
    return _get(f"/v1/tickets/{_in_path(ticket_id)}")


def open_ticket(ticket: Mapping[str, Any]) -> Call[shapes.Ticket]:
    return _post("/v1/tickets", ticket, repeatable=bool(ticket.get("idempotency_key")))


def change_ticket(ticket_id: str, action: shapes.TicketAction, said: Mapping[str, Any]) -> Call[shapes.Ticket]:
    return _post(f"/v1/tickets/{_in_path(ticket_id)}:{action}", said)


def search_articles(q: str, **asked: Any) -> Call[list[shapes.Found]]:
    return _get("/v1/articles:search", "results", q=q, **asked)


def recommend_articles(asked: Mapping[str, Any]) -> Call[list[shapes.Found]]:
    return _post("/v1/articles:recommend", {name: value for name, value in asked.items() if value}, "results", repeatable=True)


def article(article_id: str) -> Call[shapes.Article]:
    return _get(f"/v1/articles/{_in_path(article_id)}")


def kpis(**asked: Any) -> Call[list[shapes.KpiGroup]]:
    return _get("/v1/kpis", "groups", **asked)


def create_api_key(name: str, role: str, agent_id: str, extra_permissions: Sequence[str]) -> Call[shapes.NewApiKey]:
    return _post("/v1/api-keys", {"name": name, "role": role, "agent_id": agent_id, "extra_permissions": list(extra_permissions)})


def revoke_api_key(key_id: str) -> Call[shapes.ApiKey]:
    return _post(f"/v1/api-keys/{_in_path(key_id)}:revoke", {}, "key", repeatable=True)


def caller() -> Call[shapes.Caller]:
    return _get("/v1/caller")
