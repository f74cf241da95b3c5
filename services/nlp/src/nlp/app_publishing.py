"""How people change what contacts are judged by: checked, tried, published as a version that never changes, put in force again."""

import asyncio
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from difflib import get_close_matches
from typing import Protocol

from chassis.errors import AlreadyExists, InvalidInput, NotAllowedNow, NotFound

from nlp.app_scorecards import SHIPPED, SIGNALS, Scorecards, ScorecardVersion, VersionKey, VersionPage, Versions
from nlp.domain.conditions import Condition, Hit, Named
from nlp.domain.describing import describe
from nlp.domain.dialogue import Dialogue
from nlp.domain.engine import COMMON
from nlp.domain.evaluations import Evidence
from nlp.domain.linting import ERROR, LintFinding, finding_of, lint, rules_named, told
from nlp.domain.linting_logic import everything_in
from nlp.domain.pii.masking import redact
from nlp.domain.rule_parser import RuleError, parse_condition
from nlp.domain.scorecard_files import FileRefused, Locate, ScorecardFile
from nlp.domain.scorecard_tests import TestResult, run_tests
from nlp.domain.scorecards import Scorecard
from nlp.domain.wording import quote

MAX_NOTE = 2000
MAX_RULE_CHARS = 100_000
MAX_HITS_SHOWN = 50
TOLD_FAILURES = 5
DEFAULT_PAGE = 50
TRIED = "tried"
_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")
_VERSION = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


@dataclass(frozen=True, slots=True)
class Linted:
    """What was found, errors first; the scorecard where it could be read."""

    findings: Sequence[LintFinding]
    card: Scorecard | None = None


@dataclass(frozen=True, slots=True)
class TriedCase:
    """A test utterance with its line, from 1, and what came of it."""

    line: int
    result: TestResult


@dataclass(frozen=True, slots=True)
class TriedRule:
    """`holds` is None where the turns lack what the rule needs; the words of `hits` are masked."""

    holds: bool | None
    confidence: float
    hits: Sequence[Evidence]
    rule_text: str


class RuleReader(Protocol):
    """One condition as people write it."""

    def read_rule(self, text: str) -> tuple[object, Locate]:
        """As plain values, and where they stand. Raises FileRefused."""


class Gates(Protocol):
    """Simulations that candidates went through."""

    async def check(self, tenant: str, simulation_id: str, source_sha256: str) -> None:
        """Raises NotFound, and NotAllowedNow where it is not done, was of another source or did not reach its gate."""


class Publishing:
    """Checks, tries and publishes scorecard files in a tenant's name."""

    def __init__(
        self, scorecards: Scorecards, versions: Versions, rules: RuleReader, gates: Gates, *, now: Callable[[], datetime], gate_required: bool = False,
    ) -> None:
        self._scorecards, self._versions, self._rules, self._gates = scorecards, versions, rules, gates
        self._now, self._gate_required = now, gate_required

    async def lint(self, tenant: str, source: str) -> Linted:
        """Check a file and keep nothing; what cannot be read is a finding."""
        try:
            file, _ = await self._scorecards.read(tenant, source)
        except FileRefused as refused:
            return Linted([finding_of(refused)])
        return Linted(await self._linted(tenant, file), file.card)

    async def test(self, tenant: str, source: str) -> list[TriedCase]:
        """Try the test utterances of a file. Raises InvalidInput on "source"."""
        file, _ = await self._read(tenant, source)
        return await self._tested(file)

    async def try_rule(self, tenant: str, rule: str, scorecard_id: str, dialogue: Dialogue) -> TriedRule:
        """Try one condition on turns. Raises InvalidInput on "rule", NotFound."""
        if len(rule) > MAX_RULE_CHARS:
            raise InvalidInput("rule", f"is longer than {MAX_RULE_CHARS} characters")
        card = (await self._scorecards.parents(tenant)).get(scorecard_id or COMMON)
        if card is None:
            raise NotFound("there is no such scorecard", field="scorecard_id")

        def work() -> TriedRule:
            condition = self._condition(rule, card)
            trial = replace(card, scorecard_id=TRIED, rules={**card.rules, TRIED: condition}, items=(), alerts={})
            engine = self._scorecards.engine_with(trial)
            found = engine.read(trial, dialogue).evaluator.rule(TRIED)
            redaction = redact(dialogue)

            def evidence(hit: Hit) -> Evidence:
                words = quote(hit, dialogue, redaction)
                at = (hit.start_ms or 0, hit.end_ms or 0)
                return Evidence(hit.turn_id, *at, words.text, hit.rule_id, round(hit.confidence, 3), words.char_from, words.char_to)

            hits = found.hits if found.holds else found.against
            return TriedRule(found.holds, found.confidence, [evidence(hit) for hit in hits[:MAX_HITS_SHOWN]], describe(condition, card.rules))

        return await asyncio.to_thread(work)

    async def publish(self, tenant: str, source: str, *, note: str, simulation_id: str, by: str) -> ScorecardVersion:
        """Publish a file as a version, which judges from then on; the same file again is the same version.

        Raises InvalidInput on "source" where lint finds errors, AlreadyExists where its id and version name other content,
        NotAllowedNow where a test utterance fails or its gate was not passed, NotFound on "simulation_id".
        """
        _check_note(note)
        file, parent = await self._read(tenant, source)
        key = VersionKey(tenant, file.card.scorecard_id, file.card.version)
        if _ID.fullmatch(key.scorecard_id) is None or key.scorecard_id in (SIGNALS, TRIED):
            raise InvalidInput("source", "id must be 1 to 64 letters, digits, _ and -")
        if _VERSION.fullmatch(key.version) is None:
            raise InvalidInput("source", "version must be 1 to 64 letters, digits, dots, _ and -")
        await self._refuse_other_content(key, file)
        errors = [finding for finding in await self._linted(tenant, file) if finding.severity == ERROR]
        if errors:
            raise InvalidInput("source", "；".join(f"{one.line}:{one.column} {one.message}" for one in errors[:TOLD_FAILURES]))
        if failed := [case for case in await self._tested(file) if not case.result.passed]:
            first = "；".join(_told(one) for one in failed[:TOLD_FAILURES])
            raise NotAllowedNow(f"{len(failed)} 条测试语句未通过：{first}", field="source")
        if simulation_id or self._gate_required:
            if not simulation_id:
                raise NotAllowedNow("发布前须先通过一次模拟", field="simulation_id")
            await self._gates.check(tenant, simulation_id, file.sha256)
        await self._scorecards.check_together(tenant, file.card)
        version = await self._versions.add(
            ScorecardVersion(
                key, file.card.title, by, self._now(), note, file.sha256, await self._scorecards.lineage(file, parent), len(file.card.items), parent,
                simulation_id, file.source,
            )
        )
        if version.sha256 != file.sha256:
            raise AlreadyExists(f"version {key.version} of {key.scorecard_id} holds other content", field="source")
        return await self._in_force(tenant, version)

    async def activate(self, tenant: str, scorecard_id: str, version: str, *, note: str) -> ScorecardVersion:
        """Let an earlier version, also a shipped one, judge again. Raises NotFound, InvalidInput on "note"."""
        if not note.strip():
            raise InvalidInput("note", "is missing")
        _check_note(note)
        found = await self._scorecards.version(tenant, scorecard_id, version)
        return await self._in_force(tenant, replace(found, note=note))

    async def versions(self, tenant: str, scorecard_id: str, *, size: int, token: str) -> VersionPage:
        """The tenant's own, newest first, and behind them those shipped. Raises InvalidInput."""
        owner, _, inner = token.partition("/") if token else (tenant, "", "")
        if owner not in (tenant, SHIPPED):
            raise InvalidInput("page_token", "is not a token this list gave out")
        page = await self._versions.page(owner, scorecard_id, size=size, token=inner)
        listed, following = list(page.versions), f"{owner}/{page.next_token}" if page.next_token else ""
        if not following and owner != SHIPPED:
            left = (size or DEFAULT_PAGE) - len(listed)
            shipped = await self._versions.page(SHIPPED, scorecard_id, size=max(1, left), token="")
            listed += shipped.versions if left else ()
            if shipped.next_token or (shipped.versions and not left):
                following = f"{SHIPPED}/{shipped.next_token if left else ''}"
        judging = (await self._scorecards.keys_in_force(tenant)).get(scorecard_id)
        return VersionPage([replace(one, active=one.key == judging) for one in listed], following)

    async def version(self, tenant: str, scorecard_id: str, version: str) -> ScorecardVersion:
        """One version with its source. Raises NotFound."""
        found = await self._scorecards.version(tenant, scorecard_id, version)
        return replace(found, active=(await self._scorecards.keys_in_force(tenant)).get(scorecard_id) == found.key)

    def _condition(self, rule: str, card: Scorecard) -> Condition:
        """Raises InvalidInput on "rule"."""
        try:
            node, locate = self._rules.read_rule(rule)
        except FileRefused as refused:
            raise InvalidInput("rule", told(refused)) from refused
        try:
            condition = parse_condition(node, "rule")
            known = {*card.rules, *self._scorecards.signals.rules}
            for part in everything_in(condition):
                if isinstance(part, Named) and part.name not in known:
                    meant = get_close_matches(part.name, known, n=1)
                    raise RuleError("rule", f"names the rule {part.name!r}, which does not exist", *meant)
        except RuleError as error:
            wrong = FileRefused(error.place, *locate(error.place), error.reason, suggestion=error.suggestion)
            raise InvalidInput("rule", told(wrong)) from error
        return condition

    async def _in_force(self, tenant: str, version: ScorecardVersion) -> ScorecardVersion:
        self._scorecards.changed(tenant, await self._versions.put_in_force(tenant, version))
        return replace(version, active=True, source="")

    async def _read(self, tenant: str, source: str) -> tuple[ScorecardFile, VersionKey | None]:
        try:
            return await self._scorecards.read(tenant, source)
        except FileRefused as refused:
            raise InvalidInput("source", told(refused)) from refused

    async def _refuse_other_content(self, key: VersionKey, file: ScorecardFile) -> None:
        for owner in (key.tenant, SHIPPED):
            kept = await self._versions.find(replace(key, tenant=owner))
            if kept is not None and kept.sha256 != file.sha256:
                raise AlreadyExists(f"version {key.version} of {key.scorecard_id} holds other content; versions never change", field="source")

    async def _linted(self, tenant: str, file: ScorecardFile) -> list[LintFinding]:
        others = [card for name, card in (await self._scorecards.parents(tenant)).items() if name != file.card.scorecard_id]

        rules = self._scorecards.signals.rules
        return await asyncio.to_thread(
            lambda: lint(file, lambda read: self._scorecards.engine_with(read.card), shared_rules=rules, used_elsewhere=rules_named(others))
        )

    async def _tested(self, file: ScorecardFile) -> list[TriedCase]:
        def work() -> list[TriedCase]:
            try:
                engine = self._scorecards.engine_with(file.card)
            except RuleError as error:
                refused = FileRefused(error.place, *file.locate(error.place), error.reason, suggestion=error.suggestion)
                raise InvalidInput("source", told(refused)) from error
            return [TriedCase(file.locate(result.case.place)[0], result) for result in run_tests(file.cases, file.card, engine)]

        return await asyncio.to_thread(work)


def _check_note(note: str) -> None:
    if len(note) > MAX_NOTE:
        raise InvalidInput("note", f"is longer than {MAX_NOTE} characters")


def _told(case: TriedCase) -> str:
    return f"第{case.line}行 {case.result.case.place} 应为 {case.result.case.expected}，实际 {case.result.actual}"
