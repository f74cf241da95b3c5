"""The promises of NlpService over gRPC."""

from chassis.errors import InvalidInput
from chassis.identity import caller
from mingjian.nlp.v1 import nlp_service_pb2 as pb

from nlp.adapters.protobuf_promises import status_from_wire, stored_promise_to_wire
from nlp.app_promises import PromiseFilters, PromiseKeeping
from nlp.app_reviews import Person
from nlp.domain.promise_keeping import PromiseStatus


async def listed(keeping: PromiseKeeping, request: pb.ListPromisesRequest) -> pb.ListPromisesResponse:
    """Answers ListPromises."""
    status = status_from_wire(request.status)
    filters = PromiseFilters(request.interaction_id, request.agent_id, request.customer_id, status.value if status else "")
    page = await keeping.page(filters, _person(), size=request.page_size, token=request.page_token)
    return pb.ListPromisesResponse(promises=[stored_promise_to_wire(promise) for promise in page.promises], next_page_token=page.next_token)


async def settled(keeping: PromiseKeeping, request: pb.SettlePromiseRequest) -> pb.SettlePromiseResponse:
    """Answers SettlePromise."""
    if not request.promise_id:
        raise InvalidInput("promise_id", "is missing")
    status = status_from_wire(request.status) or PromiseStatus.OPEN
    promise = await keeping.settle(request.promise_id, status, request.note, _person())
    return pb.SettlePromiseResponse(promise=stored_promise_to_wire(promise))


def _person() -> Person:
    identity = caller()
    return Person(identity.tenant, identity.principal, identity.agent_id)
