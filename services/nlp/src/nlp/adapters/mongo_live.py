"""Running calls in JetStream and MongoDB: news told at once and kept, and what live evaluations came to until it was compared."""

import asyncio
from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime, timedelta

from chassis.messaging import Envelope, Events, wrap
from chassis.mongo import Collection, Database, Document, IndexModel
from mingjian.ingestion.v1 import ingestion_service_pb2 as ingestion
from mingjian.nlp.v1 import nlp_service_pb2 as pb
from mingjian.nlp.v1.events_pb2 import AlertRaised, HintSuggested
from prometheus_client import Counter

from nlp.adapters.mongo_evaluations import alert_documents, insert_new
from nlp.adapters.protobuf_evaluations import alert_to_wire
from nlp.app import Contact
from nlp.app_live import SuggestedHint, Told
from nlp.domain.evaluations import RaisedAlert
from nlp.domain.live import Hint
from nlp.domain.live_outcomes import LiveComparison, LiveOutcome

COMPARED = Counter("mingjian_live_compared", "Calls whose live evaluation was compared with that of the recording.")
DISAGREED = Counter("mingjian_live_disagreements", "Where they differed: item, alert_live_only or alert_final_only, and which.", ["what", "name"])


class MongoLiveNews:
    """Satisfies app_live.LiveNews.

    News is published before it is kept: who must know does not wait for the database. A crash in between publishes it again under
    the same derived id, which JetStream drops.
    """

    def __init__(self, db: Database, events: Events, *, kept: timedelta) -> None:
        self._alerts, self._hints, self._events, self._kept = db.alerts, db.hints, events, kept

    async def prepare(self) -> None:
        """Make the indexes of hints; those of alerts are made with the evaluations'."""
        await self._hints.create_indexes([IndexModel([("tenant", 1), ("interaction_id", 1)], name="tenant_interaction_id"), _expiry("raised_at", self._kept)])

    async def tell(self, contact: Contact, alerts: Sequence[RaisedAlert], hints: Sequence[SuggestedHint], at: datetime) -> None:
        await self._events.publish(*news_of(contact, alerts, hints, at))
        await asyncio.gather(
            insert_new(self._alerts, [document | {"live": True} for document in alert_documents(contact, alerts, at)]),
            insert_new(self._hints, [
                {"_id": made.hint_id, "tenant": contact.tenant, "interaction_id": contact.interaction_id, "raised_at": at, "hint": asdict(made.hint)}
                for made in hints
            ]),
        )

    async def told(self, tenant: str, interaction_id: str) -> Told:
        asked = {"tenant": tenant, "interaction_id": interaction_id}
        alerts, hints = await asyncio.gather(self._alerts.find(asked, {"kind": 1}).to_list(None), self._hints.find(asked, {"hint": 1}).to_list(None))
        return Told(tuple(found["kind"] for found in alerts), tuple(Hint(**found["hint"]) for found in hints))


class MongoLiveOutcomes:
    """Satisfies app_live.LiveOutcomes: one document for each call, which the database removes after `kept`."""

    def __init__(self, db: Database, *, kept: timedelta) -> None:
        self._outcomes: Collection = db.live_evaluations
        self._kept = kept

    async def prepare(self) -> None:
        """Make the index by which they expire."""
        await self._outcomes.create_indexes([_expiry("at", self._kept)])

    async def keep(self, contact: Contact, outcome: LiveOutcome, at: datetime) -> None:
        await self._outcomes.replace_one({"_id": _key(contact.tenant, contact.interaction_id)}, _written(outcome) | {"at": at}, upsert=True)

    async def find(self, tenant: str, interaction_id: str) -> LiveOutcome | None:
        found = await self._outcomes.find_one({"_id": _key(tenant, interaction_id)})
        if found is None:
            return None
        return LiveOutcome(
            found["scorecard_id"], found["scorecard_version"], found["score"], {item["id"]: item["result"] for item in found["items"]},
            tuple(found["alerts"]), found["turns"],
        )

    def count(self, comparison: LiveComparison) -> None:
        COMPARED.inc()
        for what, names in (
            ("item", comparison.items_differing), ("alert_live_only", comparison.alerts_live_only), ("alert_final_only", comparison.alerts_final_only),
        ):
            for name in names:
                DISAGREED.labels(what, name).inc()


def news_of(contact: Contact, alerts: Sequence[RaisedAlert], hints: Sequence[SuggestedHint], at: datetime) -> list[Envelope]:
    """The events of alerts, then of hints, with the keys under which the final evaluation would tell the same alerts."""
    interaction = ingestion.Interaction.FromString(contact.received)
    about = contact.interaction_id
    raised = [
        wrap(AlertRaised(interaction=interaction, alert=alert_to_wire(alert)), tenant=contact.tenant, key=alert.alert_id, about=about, at=at)
        for alert in alerts
    ]
    suggested = [
        wrap(HintSuggested(interaction=interaction, hint=_hint(made)), tenant=contact.tenant, key=made.hint_id, about=about, at=at) for made in hints
    ]
    return [*raised, *suggested]


def _hint(made: SuggestedHint) -> pb.Hint:
    hint = made.hint
    return pb.Hint(hint_id=made.hint_id, kind=hint.kind, at_ms=hint.at_ms, turn_id=hint.turn_id, message=hint.message, item_id=hint.item_id)


def _written(outcome: LiveOutcome) -> Document:
    return asdict(outcome) | {"items": [{"id": name, "result": result} for name, result in outcome.items.items()]}


def _key(tenant: str, interaction_id: str) -> str:
    return f"{tenant}/{interaction_id}"


def _expiry(field: str, after: timedelta) -> IndexModel:
    return IndexModel([(field, 1)], expireAfterSeconds=int(after.total_seconds()), name="expiry")
