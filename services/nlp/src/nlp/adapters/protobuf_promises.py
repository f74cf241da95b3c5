"""Promises and what became of them between the wire and the domain."""

from chassis.errors import InvalidInput
from mingjian.nlp.v1 import nlp_service_pb2 as pb

from nlp.adapters.protobuf_evaluations import promise_to_wire, stamp
from nlp.domain.promise_keeping import PromiseStatus, StoredPromise

_STATUSES = {
    pb.PROMISE_STATUS_OPEN: PromiseStatus.OPEN, pb.PROMISE_STATUS_KEPT: PromiseStatus.KEPT, pb.PROMISE_STATUS_LATE: PromiseStatus.LATE,
    pb.PROMISE_STATUS_BROKEN: PromiseStatus.BROKEN,
}
_NUMBERS = {ours: number for number, ours in _STATUSES.items()}


def status_from_wire(number: "pb.PromiseStatus.ValueType") -> PromiseStatus | None:
    """None where unset. Raises InvalidInput on "status"."""
    if not number:
        return None
    if number not in _STATUSES:
        raise InvalidInput("status", "is not a known value")
    return _STATUSES[number]


def stored_promise_to_wire(stored: StoredPromise) -> pb.StoredPromise:
    promise = promise_to_wire(stored.promise)
    promise.status = _NUMBERS[stored.status]
    return pb.StoredPromise(
        promise=promise, interaction_id=stored.interaction_id, agent_id=stored.agent_id, team_id=stored.team_id, customer_id=stored.customer_id,
        made_at=stamp(stored.made_at), settled_at=stamp(stored.settled_at) if stored.settled_at else None, settled_by=stored.settled_by, note=stored.note,
    )
