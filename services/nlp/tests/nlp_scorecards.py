"""The scorecard room on real stores, and files written as short as they can be."""

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from typing import Any

import grpc
from chassis.identity import Identity
from chassis.ids import derived_id, new_id
from chassis.messaging import Events
from chassis.mongo import Database
from nlp.adapters.grpc_scorecards import NAME, registered_scorecards
from nlp.adapters.mongo_scorecards import MongoScorecards
from nlp.adapters.mongo_simulations import MongoJudged, MongoSimulations
from nlp.adapters.yaml_packs import YamlFiles
from nlp.app import Transcripts, utc_now
from nlp.app_publishing import Publishing
from nlp.app_scorecards import Scorecards, Shipped
from nlp.app_simulations import Simulations, Simulator
from testkit.grpc_server import served

EVERYTHING = ("scorecards:read", "scorecards:write", "evaluations:read")


def shop(version: str = "1", *, phrases: str = "谢谢光临", industries: str = "[shop]", extra: str = "", **more: str) -> str:
    """A scorecard that extends the common one with an item of its own."""
    head = {"id": "shop", "version": f"'{version}'", "title": "小店评分表", "extends": "common", "industries": industries} | more
    return "\n".join(f"{key}: {value}" for key, value in head.items()) + f"""
rules:
  thanked: {{words: [{phrases}], role: agent}}
sections:
- dimension: 流程规范
  items:
  - {{id: thanks, title: 致谢, points: 5, rule: thanked}}
tests:
  thanks: {{pass: ["坐席：{phrases.split(',')[0]}"], fail: ["坐席：慢走"]}}
{extra}"""


@dataclass
class Room:
    scorecards: Scorecards
    versions: MongoScorecards
    publishing: Publishing
    simulations: Simulations
    store: MongoSimulations
    judged: MongoJudged

    def simulator(self, transcripts: Transcripts, **options: Any) -> Simulator:
        given = {"holder": new_id(), "now": utc_now, "is_transient": lambda e: isinstance(e, ConnectionError)} | options
        return Simulator(self.scorecards, self.store, self.judged, transcripts, **given)

    def stub(self, permissions: tuple[str, ...] = EVERYTHING, tenant: str = "t1") -> AbstractAsyncContextManager[grpc.aio.Channel]:
        """A channel to ScorecardService, for a caller of choice."""
        who = Identity(tenant, "key:inspector", frozenset(permissions))
        return served(registered_scorecards(self.publishing, self.simulations), NAME, identity=who)


@asynccontextmanager
async def room_on(shipped: Shipped, db: Database, events: Events, **options: Any) -> AsyncIterator[Room]:
    versions, store, judged = MongoScorecards(db, events), MongoSimulations(db), MongoJudged(db)
    for adapter in (versions, store, judged):
        await adapter.prepare()
    files = YamlFiles()
    scorecards = Scorecards(shipped, files, versions, now=utc_now, fresh_s=options.pop("fresh_s", 0.0))
    await scorecards.keep_shipped()
    simulations = Simulations(scorecards, store, judged, new_id=new_id, derive_id=derived_id, now=utc_now)
    publishing = Publishing(scorecards, versions, files, simulations, now=utc_now, **options)
    yield Room(scorecards, versions, publishing, simulations, store, judged)


