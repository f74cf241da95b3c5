"""Mingjian from ordinary code."""

import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, TypeVar

import httpx

from client import calls, shapes
from client.calls import Call, When
from client.event_stream import STREAM_ENDED, Event, EventParser, worth_going_on
from client.pages import Page, page_of
from client.patience import Patience, polling, reconnects, settled
from client.problems import MingjianProblem, problem_of
from client.recording import Multipart, Progress, Recording, multipart
from client.settings import EVENTS_TIMEOUT, UPLOAD_ANSWER_S, headers

T = TypeVar("T")


class Mingjian:
    """One connection pool to one platform; close it, or use it in a `with`.

    Every method raises MingjianProblem for a refusal and httpx.TransportError where the platform cannot be reached. What passes by
    itself, and does no harm when sent twice, is tried again `retries` times.
    """

    def __init__(self, url: str, api_key: str, *, timeout_s: float = 30.0, retries: int = 3, http: httpx.Client | None = None) -> None:
        """`http` brings a client of your own, for proxies or certificates; it is closed with this one."""
        self._http = http or httpx.Client(timeout=timeout_s)
        self._url, self._headers, self._timeout_s, self._patience = url.rstrip("/"), headers(api_key), timeout_s, Patience(retries)

    def close(self) -> None:
        self._http.close()

    def __enter__(self) -> "Mingjian":
        return self

    def __exit__(self, kind: type[BaseException] | None, failure: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def upload(self, recording: Recording, metadata: shapes.Metadata, *, progress: Progress | None = None) -> shapes.Interaction:
        """Send a recorded call. It is tried again only where `metadata` has an external_id, which keeps it from being stored twice."""
        with multipart(recording, metadata, progress) as form:
            call: Call[shapes.Interaction] = Call("POST", "/v1/interactions", {}, repeatable=bool(metadata.get("external_id")))
            return self._send(call, form)

    def send_chat(self, turns: Sequence[shapes.ChatTurn], metadata: shapes.Metadata) -> shapes.Interaction:
        return self._send(calls.chat(turns, metadata))

    def interaction(self, interaction_id: str) -> shapes.Interaction:
        return self._send(calls.interaction(interaction_id))

    def wait_until_scored(
        self, interaction_id: str, *, timeout_s: float = 600.0, on_status: Callable[[shapes.Status], None] | None = None
    ) -> shapes.Interaction:
        """Raises InteractionFailed, and TimeoutError where it takes longer. `on_status` hears each new status."""
        seen = ""
        for pause in polling(timeout_s):
            found = self.interaction(interaction_id)
            if on_status and found["status"] != seen:
                seen = found["status"]
                on_status(found["status"])
            if settled(found):
                return found
            time.sleep(pause)
        raise TimeoutError(f"interaction {interaction_id} is not scored after {timeout_s:g} s")

    def list_interactions(
        self, *, status: shapes.Status | None = None, agent_id: str = "", team_id: str = "", customer_id: str = "", industry: str = "",
        since: When | None = None, until: When | None = None, page_size: int = 50, page_token: str = "",
    ) -> Page[shapes.Interaction]:
        """One page, newest first."""
        return page_of(self._send(calls.interactions(
            status=status, agent_id=agent_id, team_id=team_id, customer_id=customer_id, industry=industry, from_=since, to=until,
            page_size=page_size, page_token=page_token,
        )), "interactions")

    def interactions(self, *, page_size: int = 200, **asked: Any) -> Iterator[shapes.Interaction]:
        """All of them, page by page; takes what `list_interactions` takes."""
        return self._every(lambda token: self.list_interactions(page_size=page_size, page_token=token, **asked))

    def transcript(self, interaction_id: str) -> shapes.Transcript:
        return self._send(calls.transcript(interaction_id))

    def evaluation(self, interaction_id: str) -> shapes.Evaluation:
        return self._send(calls.evaluation(interaction_id))

    def suggestions(self, interaction_id: str) -> list[shapes.Found]:
        return self._send(calls.suggestions(interaction_id))

    def save_audio(self, interaction_id: str, path: str | Path, *, redacted: bool = False) -> int:
        """Write the recording to a file and return its bytes. A file that breaks off is removed.

        `redacted` asks for the WAV copy in which personal information is silent; a key without pii:read gets it always.
        """
        call, target, size = calls.audio(interaction_id, redacted=redacted), Path(path), 0
        with self._http.stream(call.method, self._url + call.path, params=call.params, headers=self._headers) as response:
            if not response.is_success:
                response.read()
                raise problem_of(response)
            try:
                with target.open("wb") as file:
                    for chunk in response.iter_bytes():
                        size += file.write(chunk)
            except BaseException:
                target.unlink(missing_ok=True)
                raise
        return size

    def import_feedback(self, answers: Sequence[shapes.Feedback]) -> shapes.Imported:
        return self._send(calls.import_feedback(answers))

    def list_tickets(
        self, *, interaction_id: str = "", state: shapes.TicketState | None = None, department: str = "", assignee: str = "", customer_id: str = "",
        overdue: bool = False, kind: str = "", page_size: int = 50, page_token: str = "",
    ) -> Page[shapes.Ticket]:
        """One page, newest first, without histories."""
        return page_of(self._send(calls.tickets(
            interaction_id=interaction_id, state=state, department=department, assignee=assignee, customer_id=customer_id, overdue=overdue, kind=kind,
            page_size=page_size, page_token=page_token,
        )), "tickets")

    def tickets(self, *, page_size: int = 200, **asked: Any) -> Iterator[shapes.Ticket]:
        """All of them, page by page; takes what `list_tickets` takes."""
        return self._every(lambda token: self.list_tickets(page_size=page_size, page_token=token, **asked))

    def ticket(self, ticket_id: str) -> shapes.Ticket:
        return self._send(calls.ticket(ticket_id))

    def open_ticket(self, **ticket: Any) -> shapes.Ticket:
        """For example open_ticket(type="故障", title="…", idempotency_key="…")."""
        return self._send(calls.open_ticket(ticket))

    def change_ticket(self, ticket_id: str, action: shapes.TicketAction, **said: Any) -> shapes.Ticket:
        """For example change_ticket(id, "assign", assignee="王工", version=3)."""
        return self._send(calls.change_ticket(ticket_id, action, said))

    def search_articles(self, q: str, *, industry: str = "", product: str = "", limit: int = 10) -> list[shapes.Found]:
        return self._send(calls.search_articles(q, industry=industry, product=product, limit=limit))

    def recommend_articles(
        self, *, interaction_id: str = "", text: str = "", industry: str = "", product: str = "", limit: int = 3
    ) -> list[shapes.Found]:
        asked = {"interaction_id": interaction_id, "text": text, "industry": industry, "product": product, "limit": limit}
        return self._send(calls.recommend_articles(asked))

    def article(self, article_id: str) -> shapes.Article:
        return self._send(calls.article(article_id))

    def kpis(
        self, *, since: When | None = None, until: When | None = None, group_by: str = "", agent_id: str = "", team_id: str = ""
    ) -> list[shapes.KpiGroup]:
        """`since` and `until` are days, both included; `group_by` day, agent, team or all."""
        return self._send(calls.kpis(from_=since, to=until, group_by=group_by, agent_id=agent_id, team_id=team_id))

    def create_api_key(self, name: str, role: str, *, agent_id: str = "", extra_permissions: Sequence[str] = ()) -> shapes.NewApiKey:
        return self._send(calls.create_api_key(name, role, agent_id, extra_permissions))

    def revoke_api_key(self, key_id: str) -> shapes.ApiKey:
        return self._send(calls.revoke_api_key(key_id))

    def caller(self) -> shapes.Caller:
        return self._send(calls.caller())

    def events(self, types: Sequence[str] = (), *, last_event_id: str = "") -> Iterator[Event]:
        """Events as they happen, from after `last_event_id` or from now on, without end: a broken connection goes on where it broke.

        Raises MingjianProblem where the stream is refused for good. `types` such as "InteractionScored"; all the key may see where empty.
        """
        parser = EventParser(last_event_id)
        params = {"types": ",".join(types)} if types else {}
        while True:
            try:
                asked = self._headers | {"Accept": "text/event-stream"} | ({"Last-Event-ID": parser.last_event_id} if parser.last_event_id else {})
                with self._http.stream("GET", f"{self._url}/v1/events", params=params, headers=asked, timeout=EVENTS_TIMEOUT) as response:
                    if not response.is_success:
                        response.read()
                        raise problem_of(response)
                    for chunk in response.iter_bytes():
                        for event in parser.feed(chunk):
                            if event.type != STREAM_ENDED:
                                yield event
                            elif not worth_going_on(event):
                                return
            except httpx.TransportError:
                pass
            except MingjianProblem as e:
                if not reconnects(e):
                    raise
            parser.reconnected()
            time.sleep(parser.retry_s)

    def _every(self, page: Callable[[str], Page[T]]) -> Iterator[T]:
        token = ""
        while True:
            found = page(token)
            yield from found.items
            if not (token := found.next_page_token):
                return

    def _send(self, call: Call[T], form: Multipart | None = None) -> T:
        tried = 0
        while True:
            tried += 1
            failure: httpx.TransportError | httpx.Response
            try:
                failure = response = self._once(call, form)
                if response.is_success:
                    return call.picked(response.json())
            except httpx.TransportError as e:
                failure = e
            pause = self._patience.pause_after(tried, failure, repeatable=call.repeatable)
            if pause is None:
                raise problem_of(failure) if isinstance(failure, httpx.Response) else failure
            time.sleep(pause)

    def _once(self, call: Call[T], form: Multipart | None) -> httpx.Response:
        url = self._url + call.path
        if form is None:
            return self._http.request(call.method, url, params=call.params, json=call.body, headers=self._headers, timeout=self._timeout_s)
        form.rewind()
        timeout = httpx.Timeout(self._timeout_s, read=UPLOAD_ANSWER_S)
        return self._http.request(call.method, url, content=_body(form), headers=self._headers | form.headers, timeout=timeout)


def _body(form: Multipart) -> Iterator[bytes]:
    yield form.head
    while chunk := form.read():
        yield chunk
    yield form.tail
