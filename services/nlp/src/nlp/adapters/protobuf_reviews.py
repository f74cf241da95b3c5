"""Reviews, appeals and calibrations between the wire and the domain."""

from collections.abc import Iterable

from mingjian.nlp.v1 import nlp_service_pb2 as nlp
from mingjian.nlp.v1 import review_service_pb2 as pb

from nlp.adapters.protobuf_evaluations import OUTCOMES, evaluation_to_wire, stamp
from nlp.app_calibrations import Shown
from nlp.app_reviews import Candidate
from nlp.app_verification import Difference, Verified
from nlp.domain.appeals import Appeal, AppealState
from nlp.domain.calibration import Agreement
from nlp.domain.reviews import Answer, Review

_RESULTS = {number: word for word, number in OUTCOMES.items()}
APPEAL_STATES = {
    AppealState.OPEN: pb.APPEAL_STATE_OPEN, AppealState.ACCEPTED: pb.APPEAL_STATE_ACCEPTED, AppealState.REJECTED: pb.APPEAL_STATE_REJECTED,
}


def answers_from_wire(items: Iterable[pb.ReviewedItem]) -> list[Answer]:
    """`before` is the machine's to say, not the caller's; a result that was not sent is ""."""
    return [Answer(item.item_id, _RESULTS.get(item.result, ""), item.note) for item in items]


def answer_to_wire(answer: Answer) -> pb.ReviewedItem:
    return pb.ReviewedItem(
        item_id=answer.item_id, result=OUTCOMES[answer.result], note=answer.note, before=OUTCOMES.get(answer.before, nlp.ITEM_OUTCOME_UNSPECIFIED),
    )


def review_to_wire(review: Review) -> pb.Review:
    return pb.Review(
        review_id=review.review_id, interaction_id=review.interaction_id, evaluation_id=review.evaluation_id, reviewer=review.reviewer,
        at=stamp(review.at), items=[answer_to_wire(answer) for answer in review.items], note=review.note, appeal_id=review.appeal_id,
        agent_id=review.agent_id,
    )


def candidate_to_wire(candidate: Candidate) -> pb.ReviewCandidate:
    return pb.ReviewCandidate(
        evaluation=evaluation_to_wire(candidate.evaluation), agent_id=candidate.agent_id, team_id=candidate.team_id, reasons=candidate.reasons,
    )


def appeal_to_wire(appeal: Appeal) -> pb.Appeal:
    return pb.Appeal(
        appeal_id=appeal.appeal_id, interaction_id=appeal.interaction_id, evaluation_id=appeal.evaluation_id, agent_id=appeal.agent_id,
        team_id=appeal.team_id, item_ids=appeal.item_ids, reason=appeal.reason, state=APPEAL_STATES[appeal.state],
        opened_at=stamp(appeal.opened_at), due_at=stamp(appeal.due_at), decided_by=appeal.decided_by,
        decided_at=stamp(appeal.decided_at) if appeal.decided_at else None,
        decisions=[answer_to_wire(answer) for answer in appeal.decisions], note=appeal.note, opened_by=appeal.opened_by,
    )


def state_from_wire(state: "pb.AppealState.ValueType") -> str:
    """"" where none was sent."""
    return next((ours.value for ours, theirs in APPEAL_STATES.items() if theirs == state), "")


def calibration_to_wire(shown: Shown) -> pb.Calibration:
    calibration = shown.calibration
    return pb.Calibration(
        calibration_id=calibration.calibration_id, title=calibration.title, interaction_ids=calibration.interaction_ids,
        inspectors=calibration.inspectors, created_by=calibration.created_by, created_at=stamp(calibration.created_at),
        answers=[
            pb.CalibrationAnswers(
                inspector=one.inspector, interaction_id=one.interaction_id, items=[answer_to_wire(answer) for answer in one.items],
            )
            for one in shown.answers
        ],
        agreement=[_agreement(one) for one in shown.agreement], done=shown.done, total=calibration.total,
    )


def _agreement(one: Agreement) -> pb.Agreement:
    return pb.Agreement(
        item_id=one.item_id, kappa=one.kappa, agreement=one.agreement, with_machine=one.with_machine, answers=one.answers,
    )


def verified_to_wire(found: Verified) -> pb.VerifyEvaluationsResponse:
    return pb.VerifyEvaluationsResponse(
        checked=found.checked, recomputed=found.recomputed, not_recomputable=found.not_recomputable,
        difference=_difference(found.difference) if found.difference else None, next_sequence=found.next_sequence, head_sha256=found.head_sha256,
    )


def _difference(found: Difference) -> pb.Difference:
    return pb.Difference(
        sequence=found.sequence, evaluation_id=found.evaluation_id, kind=found.kind, path=found.path, stored=found.stored, expected=found.expected,
    )
