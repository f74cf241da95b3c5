"""`python -m nlp.rule_files lint|test|schema`: scorecard files checked and tried where they are written, before any service sees them."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from nlp.adapters.yaml_packs import load_packs, read_scorecard
from nlp.app_scorecards import Shipped
from nlp.domain.engine import COMMON, QualityEngine
from nlp.domain.linting import ERROR, WARNING, finding_of, lint, rules_named
from nlp.domain.rule_parser import RuleError
from nlp.domain.schema import rule_schema
from nlp.domain.scorecard_files import FileRefused, ScorecardFile
from nlp.domain.scorecard_tests import run_tests
from nlp.domain.scorecards import Scorecard

REFUSED, FAILED = 2, 1
_SEVERITIES = {ERROR: "错误", WARNING: "警告"}


def main(arguments: Sequence[str]) -> int:
    """0 where all is well, 1 where a test fails or lint finds an error, 2 where a file cannot be read."""
    parser = argparse.ArgumentParser(prog="mingjian rules", description=__doc__)
    parser.add_argument("--packs", type=Path, help="folder with the scorecards that files extend; those shipped where not set")
    parser.add_argument("what", choices=["lint", "test", "schema"])
    parser.add_argument("files", nargs="*", type=Path, help="scorecard files; every pack where none is named")
    asked = parser.parse_args(arguments)
    if asked.what == "schema":
        print(rule_schema())
        return 0
    try:
        packs = load_packs(asked.packs)
        chosen = [(str(path), read_scorecard(path.read_text(encoding="utf-8"), _parents(packs, path), str(path))) for path in asked.files]
        chosen = chosen or [(f"{name}.yaml", file) for name, file in packs.files.items()]
        return max([(_lint if asked.what == "lint" else _test)(name, file, packs) for name, file in chosen])
    except FileRefused as refused:
        one = finding_of(refused)
        print(f"{refused.name}:{one.line}:{one.column}: {one.path}: {one.message}{one.suggestion}", file=sys.stderr)
    except RuleError as refused:
        print(refused, file=sys.stderr)
    except OSError as error:
        print(f"{error.filename}: {error.strerror}", file=sys.stderr)
    return REFUSED


def _parents(packs: Shipped, path: Path) -> dict[str, Scorecard]:
    return {name: card for name, card in packs.cards.items() if name != path.stem}


def _lint(name: str, file: ScorecardFile, packs: Shipped) -> int:
    found = lint(
        file, lambda read: QualityEngine([packs.cards[COMMON], read.card], packs.signals), shared_rules=packs.signals.rules,
        used_elsewhere=rules_named([card for name, card in packs.cards.items() if name != file.card.scorecard_id]),
    )
    for one in found:
        extra = "".join(f"\n    {label}：{text}" for label, text in (("建议", one.suggestion), ("例", one.example)) if text)
        print(f"{name}:{one.line}:{one.column}: {_SEVERITIES[one.severity]} [{one.kind}] {one.path}: {one.message}{extra}")
    errors = sum(one.severity == ERROR for one in found)
    print(f"{name}: {errors} 个错误，{len(found) - errors} 个警告")
    return FAILED if errors else 0


def _test(name: str, file: ScorecardFile, packs: Shipped) -> int:
    cards = {COMMON: packs.cards[COMMON], file.card.scorecard_id: file.card}
    failed = 0
    for result in run_tests(file.cases, file.card, QualityEngine(cards.values(), packs.signals)):
        if not result.passed:
            failed += 1
            line, column = file.locate(result.case.place)
            print(f"{name}:{line}:{column}: {result.case.place}: 应为 {result.case.expected}，实际 {result.actual}")
    print(f"{name}: {len(file.cases)} 条测试用例，{failed} 条未通过")
    return FAILED if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
