"""Scorecard versions, findings, test results and simulations between the wire and the domain."""

from typing import Any

from mingjian.nlp.v1 import nlp_service_pb2 as nlp
from mingjian.nlp.v1 import scorecard_service_pb2 as pb

from nlp.adapters.protobuf_evaluations import stamp
from nlp.app_publishing import TriedCase, TriedRule
from nlp.app_scorecards import ScorecardVersion, VersionKey
from nlp.app_simulations import Simulation, State
from nlp.domain.linting import ERROR, WARNING, LintFinding
from nlp.domain.simulation import Gate, GroupTally, ItemTally, most_changed

_SEVERITIES = {ERROR: pb.LINT_SEVERITY_ERROR, WARNING: pb.LINT_SEVERITY_WARNING}
_STATES = {
    State.RUNNING: pb.SIMULATION_STATE_RUNNING, State.DONE: pb.SIMULATION_STATE_DONE, State.CANCELLED: pb.SIMULATION_STATE_CANCELLED,
    State.FAILED: pb.SIMULATION_STATE_FAILED,
}
_LIMITS = ("min_precision", "min_recall", "max_fatal_flips", "max_mean_change")


def version_to_wire(version: ScorecardVersion) -> pb.ScorecardVersion:
    return pb.ScorecardVersion(
        ref=_ref(version.key),
        title=version.title,
        active=version.active,
        published_by=version.published_by,
        published_at=stamp(version.published_at),
        note=version.note,
        source=version.source,
        sha256=version.sha256,
        items=version.items,
        simulation_id=version.simulation_id,
    )


def finding_to_wire(finding: LintFinding) -> pb.LintFinding:
    return pb.LintFinding(
        severity=_SEVERITIES[finding.severity], kind=finding.kind, path=finding.path, line=finding.line, column=finding.column,
        message=finding.message, suggestion=finding.suggestion, example=finding.example,
    )


def case_to_wire(case: TriedCase) -> pb.TestCase:
    about, result = case.result.case.about, case.result
    return pb.TestCase(
        name=f"{case.line}: {result.case.place}", expected=f"{about}: {result.case.expected}", actual=f"{about}: {result.actual}", passed=result.passed,
    )


def tried_to_wire(tried: TriedRule) -> pb.TestRuleResponse:
    hits = [
        nlp.Evidence(
            turn_id=hit.turn_id, start_ms=hit.start_ms, end_ms=hit.end_ms, text=hit.text, rule_id=hit.rule_id, confidence=hit.confidence,
            char_from=hit.char_from, char_to=hit.char_to,
        )
        for hit in tried.hits
    ]
    return pb.TestRuleResponse(holds=tried.holds, confidence=tried.confidence, hits=hits, rule_text=tried.rule_text)


def gate_from_wire(gate: pb.Gate) -> Gate:
    return Gate(**{name: getattr(gate, name) for name in _LIMITS if gate.HasField(name)})  # type: ignore[arg-type]


def simulation_to_wire(simulation: Simulation, *, listed: bool = False) -> pb.Simulation:
    """As a list shows it, without its changes, where it is `listed`."""
    tally, titles = simulation.tally, dict(simulation.titles)
    changes: dict[str, Any] = {} if listed else {
        "items": [_item(item_id, titles.get(item_id, item_id), item) for item_id, item in tally.most_changed_items()],
        "agents": [_group(name, group) for name, group in most_changed(tally.agents)],
        "teams": [_group(name, group) for name, group in most_changed(tally.teams)],
    }
    return pb.Simulation(
        simulation_id=simulation.simulation_id,
        candidate=_ref(simulation.candidate),
        baseline=_ref(simulation.baseline),
        state=_STATES[simulation.state],
        done=simulation.done,
        total=simulation.total,
        started_by=simulation.started_by,
        started_at=stamp(simulation.started_at),
        ended_at=stamp(simulation.ended_at) if simulation.ended_at else None,
        reason=simulation.reason,
        mean_before=tally.mean_before,
        mean_after=tally.mean_after,
        became_fatal=tally.became_fatal,
        ceased_fatal=tally.ceased_fatal,
        gate=pb.Gate(**{name: value for name in _LIMITS if (value := getattr(simulation.gate, name)) is not None}),
        gate_passed=simulation.gate_passed,
        gate_reasons=simulation.gate_reasons,
        source_sha256=simulation.source_sha256,
        skipped=simulation.skipped,
        **changes,
    )


def _item(item_id: str, title: str, item: ItemTally) -> pb.ItemChange:
    return pb.ItemChange(
        item_id=item_id, title=title, pass_to_fail=item.pass_to_fail, fail_to_pass=item.fail_to_pass, other_changes=item.other_changes,
        reviewed=item.reviewed, precision=item.precision, recall=item.recall, examples=item.examples,
    )


def _group(name: str, group: GroupTally) -> pb.GroupChange:
    return pb.GroupChange(
        id=name, interactions=group.interactions, mean_before=group.before / group.interactions, mean_after=group.after / group.interactions,
    )


def _ref(key: VersionKey) -> nlp.ScorecardRef:
    return nlp.ScorecardRef(id=key.scorecard_id, version=key.version)
