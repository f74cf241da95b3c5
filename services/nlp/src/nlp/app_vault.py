"""What was masked, for those who may read it: derived from asr's transcript each time, so that it is kept in one place alone."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from chassis.errors import Denied, NotFound

from nlp.app import Caller, Findings, Transcripts
from nlp.domain.dialogue import Dialogue, Interaction, in_order
from nlp.domain.evaluations import Evaluation, ScoredItem
from nlp.domain.pii.masking import Redaction, redact
from nlp.domain.pii.redactions import Original, originals, unmasked


class Vault:
    """Opens what the normal view masks."""

    def __init__(self, findings: Findings, transcripts: Transcripts) -> None:
        self._findings, self._transcripts = findings, transcripts

    async def originals(self, interaction_id: str, caller: Caller) -> tuple[Original, ...]:
        """What the masked transcript hides, in order of turns. Raises Denied, and NotFound also for another agent's contact."""
        if not caller.may_read_pii:
            raise Denied("needs the right pii:read")
        if caller.agent_id:
            await self._findings.evaluation(interaction_id, caller)
        dialogue, redaction = await self._redacted(interaction_id, caller)
        return originals(dialogue, redaction)

    async def evaluation(self, interaction_id: str, caller: Caller, scorecard_id: str = "") -> Evaluation:
        """The words of evidence, alerts and promises as they were said where the caller may read them; reasons and summary stay masked.

        Raises NotFound.
        """
        found = await self._findings.evaluation(interaction_id, caller, scorecard_id)
        if not caller.may_read_pii:
            return found
        try:
            dialogue, redaction = await self._redacted(interaction_id, caller)
        except NotFound:  # the evaluation outlives its transcript
            return found
        return _opened(found, {turn.turn_id: turn.text for turn in dialogue.turns}, redaction)

    async def _redacted(self, interaction_id: str, caller: Caller) -> tuple[Dialogue, Redaction]:
        transcript = await self._transcripts.get(caller.tenant, interaction_id)
        dialogue = Dialogue(Interaction(interaction_id), in_order(transcript.turns))
        return dialogue, await asyncio.to_thread(redact, dialogue)


def _opened(evaluation: Evaluation, texts: dict[str, str], redaction: Redaction) -> Evaluation:
    def words(text: str, turn_id: str, near: int = 0) -> str:
        return unmasked(text, redaction.masked.get(turn_id, ""), texts.get(turn_id, ""), near)

    def item(scored: ScoredItem) -> ScoredItem:
        return replace(scored, evidence=tuple(replace(e, text=words(e.text, e.turn_id, e.char_from)) for e in scored.evidence))

    return replace(
        evaluation,
        items=tuple(item(scored) for scored in evaluation.items),
        alerts=tuple(replace(alert, text=words(alert.text, alert.turn_id)) for alert in evaluation.alerts),
        promises=tuple(replace(promise, text=words(promise.text, promise.turn_id)) for promise in evaluation.promises),
    )
