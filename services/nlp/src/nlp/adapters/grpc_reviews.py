"""ReviewService over gRPC."""

from collections.abc import Callable
from dataclasses import dataclass

import grpc
from chassis.errors import InvalidInput
from chassis.identity import caller
from mingjian.nlp.v1 import review_service_pb2 as pb
from mingjian.nlp.v1 import review_service_pb2_grpc as pb_grpc

from nlp.adapters.protobuf_evaluations import evaluation_to_wire
from nlp.adapters.protobuf_reviews import (
    answers_from_wire,
    appeal_to_wire,
    calibration_to_wire,
    candidate_to_wire,
    review_to_wire,
    state_from_wire,
    verified_to_wire,
)
from nlp.app_appeals import AppealFilters, Appeals
from nlp.app_calibrations import Calibrations
from nlp.app_reviews import Person, ReviewFilters, Reviews
from nlp.app_verification import Verification

NAME = "mingjian.nlp.v1.ReviewService"


@dataclass(frozen=True, slots=True)
class Judgement:
    """What people do with evaluations."""

    reviews: Reviews
    appeals: Appeals
    calibrations: Calibrations
    verification: Verification


def registered(judgement: Judgement) -> Callable[[grpc.aio.Server], None]:
    """What chassis.grpc_server.serving registers."""

    def register(server: grpc.aio.Server) -> None:
        pb_grpc.add_ReviewServiceServicer_to_server(_Servicer(judgement), server)

    return register


class _Servicer(pb_grpc.ReviewServiceServicer):
    def __init__(self, judgement: Judgement) -> None:
        self._reviews, self._appeals = judgement.reviews, judgement.appeals
        self._calibrations, self._verification = judgement.calibrations, judgement.verification

    async def ListReviewQueue(self, request: pb.ListReviewQueueRequest, context: object) -> pb.ListReviewQueueResponse:
        page = await self._reviews.queue(request.team_id, request.reason, _person(), size=request.page_size, token=request.page_token)
        return pb.ListReviewQueueResponse(candidates=[candidate_to_wire(c) for c in page.candidates], next_page_token=page.next_token)

    async def ReviewEvaluation(self, request: pb.ReviewEvaluationRequest, context: object) -> pb.ReviewEvaluationResponse:
        review, evaluation = await self._reviews.review(
            _given("interaction_id", request.interaction_id), answers_from_wire(request.items), request.note, request.idempotency_key, _person()
        )
        return pb.ReviewEvaluationResponse(review=review_to_wire(review), evaluation=evaluation_to_wire(evaluation))

    async def ListReviews(self, request: pb.ListReviewsRequest, context: object) -> pb.ListReviewsResponse:
        filters = ReviewFilters(request.interaction_id, request.reviewer, request.agent_id)
        page = await self._reviews.page(filters, _person(), size=request.page_size, token=request.page_token)
        return pb.ListReviewsResponse(reviews=[review_to_wire(r) for r in page.reviews], next_page_token=page.next_token)

    async def OpenAppeal(self, request: pb.OpenAppealRequest, context: object) -> pb.OpenAppealResponse:
        appeal = await self._appeals.open(_given("interaction_id", request.interaction_id), list(request.item_ids), request.reason, _person())
        return pb.OpenAppealResponse(appeal=appeal_to_wire(appeal))

    async def ListAppeals(self, request: pb.ListAppealsRequest, context: object) -> pb.ListAppealsResponse:
        filters = AppealFilters(state_from_wire(request.state), request.agent_id, request.team_id, request.interaction_id)
        page = await self._appeals.page(filters, _person(), size=request.page_size, token=request.page_token)
        return pb.ListAppealsResponse(appeals=[appeal_to_wire(a) for a in page.appeals], next_page_token=page.next_token)

    async def DecideAppeal(self, request: pb.DecideAppealRequest, context: object) -> pb.DecideAppealResponse:
        answers = answers_from_wire(request.items)
        appeal = await self._appeals.decide(_given("appeal_id", request.appeal_id), answers, request.note, _person())
        return pb.DecideAppealResponse(appeal=appeal_to_wire(appeal))

    async def CreateCalibration(self, request: pb.CreateCalibrationRequest, context: object) -> pb.CreateCalibrationResponse:
        interaction_ids, inspectors = list(request.interaction_ids), list(request.inspectors)
        made = await self._calibrations.create(request.title, interaction_ids, inspectors, request.idempotency_key, _person())
        return pb.CreateCalibrationResponse(calibration=calibration_to_wire(made))

    async def AnswerCalibration(self, request: pb.AnswerCalibrationRequest, context: object) -> pb.AnswerCalibrationResponse:
        calibration_id, interaction_id = _given("calibration_id", request.calibration_id), _given("interaction_id", request.interaction_id)
        shown = await self._calibrations.answer(calibration_id, interaction_id, answers_from_wire(request.items), _person())
        return pb.AnswerCalibrationResponse(calibration=calibration_to_wire(shown))

    async def GetCalibration(self, request: pb.GetCalibrationRequest, context: object) -> pb.GetCalibrationResponse:
        shown = await self._calibrations.get(_given("calibration_id", request.calibration_id), _person())
        return pb.GetCalibrationResponse(calibration=calibration_to_wire(shown))

    async def ListCalibrations(self, request: pb.ListCalibrationsRequest, context: object) -> pb.ListCalibrationsResponse:
        page = await self._calibrations.page(_person(), size=request.page_size, token=request.page_token)
        return pb.ListCalibrationsResponse(calibrations=[calibration_to_wire(c) for c in page.calibrations], next_page_token=page.next_token)

    async def VerifyEvaluations(self, request: pb.VerifyEvaluationsRequest, context: object) -> pb.VerifyEvaluationsResponse:
        found = await self._verification.verify(caller().tenant, request.from_sequence, request.at_most, recompute=request.recompute)
        return verified_to_wire(found)


def _person() -> Person:
    identity = caller()
    return Person(identity.tenant, identity.principal, identity.agent_id, identity.team_id)


def _given(field: str, value: str) -> str:
    if not value:
        raise InvalidInput(field, "is missing")
    return value
