"""Scorecard versions, findings, test results and simulations between the wire and the domain."""

from mingjian.nlp.v1 import nlp_service_pb2 as nlp
from mingjian.nlp.v1 import scorecard_service_pb2 as pb

from nlp.adapters.protobuf_evaluations import stamp
from nlp.app_scorecards import ScorecardVersion


def version_to_wire(version: ScorecardVersion) -> pb.ScorecardVersion:
    return pb.ScorecardVersion(
        ref=nlp.ScorecardRef(id=version.key.scorecard_id, version=version.key.version),
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
