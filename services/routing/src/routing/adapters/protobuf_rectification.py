"""Rectifications between the wire and the domain."""

from datetime import UTC, datetime

from mingjian.ingestion.v1.ingestion_service_pb2 import Interaction
from mingjian.nlp.v1 import nlp_service_pb2 as nlp
from mingjian.routing.v1 import routing_service_pb2 as pb

from routing.domain.proof import Verdict, error_rates
from routing.domain.rectification import Clip, JudgedItem, Rectification, RootCause, Target

TARGETS = {
    Target.AGENT: pb.RECTIFICATION_TARGET_AGENT, Target.TEAM: pb.RECTIFICATION_TARGET_TEAM, Target.PRODUCT: pb.RECTIFICATION_TARGET_PRODUCT,
}
CAUSES = {
    RootCause.TRAINING: pb.ROOT_CAUSE_TRAINING, RootCause.PROCESS: pb.ROOT_CAUSE_PROCESS, RootCause.SYSTEM: pb.ROOT_CAUSE_SYSTEM,
    RootCause.PRODUCT: pb.ROOT_CAUSE_PRODUCT,
}
VERDICTS = {
    Verdict.NOT_YET: pb.PROOF_VERDICT_NOT_YET, Verdict.PASSED: pb.PROOF_VERDICT_PASSED, Verdict.FAILED: pb.PROOF_VERDICT_FAILED,
}
CAUSE_OF = {wire: cause for cause, wire in CAUSES.items()}


def matter_to_wire(matter: Rectification) -> pb.Rectification:
    """As others see it; its error rates are those computed for its standard."""
    standard, rates, progress = matter.standard, error_rates(matter.standard), matter.progress
    failed, judged = matter.before
    wire = pb.Rectification(
        target=TARGETS[matter.target], target_id=matter.target_id, item_id=matter.item_id, item_title=matter.item_title, script=matter.script,
        drill=[pb.DrillLine(role=role, text=text) for role, text in matter.drill],
        evidence=[
            pb.EvidenceClip(interaction_id=c.interaction_id, turn_id=c.turn_id, start_ms=c.start_ms, end_ms=c.end_ms, text=c.text)
            for c in matter.evidence
        ],
        failed_before=failed, judged_before=judged, fatal=matter.fatal, suggested_cause=CAUSES[matter.suggested_cause],
        root_cause=CAUSES[matter.root_cause] if matter.root_cause else pb.ROOT_CAUSE_UNSPECIFIED, action=matter.action,
        verdict=VERDICTS[matter.verdict], still_needed=progress.still_needed, relapses=matter.relapses,
        standard=pb.ProofStandard(
            mended_rate=standard.mended_rate, unmended_rate=standard.unmended_rate, false_pass=rates.false_pass, false_fail=rates.false_fail,
            at_most=standard.at_most,
        ),
    )
    if matter.proof_since is not None:
        wire.proof_since.FromDatetime(matter.proof_since)
    if matter.relapse_until is not None:
        wire.relapse_until.FromDatetime(matter.relapse_until)
    for result in matter.results:
        wire.calls.add(interaction_id=result.interaction_id, failed=result.failed).at.FromDatetime(result.at)
    return wire


def judged_items(evaluation: nlp.Evaluation) -> tuple[JudgedItem, ...]:
    """The items that were decided, those that failed with their evidence."""
    return tuple(
        JudgedItem(
            item.item_id, item.title or item.item_id, item.result == nlp.ITEM_OUTCOME_FAIL, item.fatal, item.explanation, item.script,
            tuple(Clip(evaluation.interaction_id, e.turn_id, e.start_ms, e.end_ms, e.text) for e in item.evidence)
            if item.result == nlp.ITEM_OUTCOME_FAIL else (),
        )
        for item in evaluation.items
        if item.result in (nlp.ITEM_OUTCOME_PASS, nlp.ITEM_OUTCOME_FAIL)
    )


def moment_of_call(interaction: Interaction, otherwise: datetime) -> datetime:
    """When the contact began, or was received, to the millisecond."""
    metadata = interaction.metadata
    if metadata.HasField("started_at"):
        at = metadata.started_at.ToDatetime(tzinfo=UTC)
    elif interaction.HasField("received_at"):
        at = interaction.received_at.ToDatetime(tzinfo=UTC)
    else:
        at = otherwise
    return at.replace(microsecond=at.microsecond // 1000 * 1000)
