"""Each rule of the fake Slack cites the fact that it comes from."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from tests.live.slack.rules import RULES

FAKE = Path(__file__).resolve().parents[1] / "fakes" / "slack"
FILES = sorted(FAKE.glob("*.py"))
CITED = re.compile(r"slack\.md [\d.]+|\b[Dd]ocs:\s+\w")
BY_RULE = re.compile(r"(?:broken|most)\(\s*\"([\w-]+)\"|rules\[\"([\w-]+)\"\]")


def refusals(tree: ast.Module) -> list[tuple[ast.FunctionDef | ast.AsyncFunctionDef, ast.Raise]]:
    found = []
    for function in ast.walk(tree):
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
            found += [
                (function, node) for node in ast.walk(function) if isinstance(node, ast.Raise)
            ]
    return found


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_each_refusal_cites_a_rule_or_a_fact(file: Path) -> None:
    source = file.read_text()
    for function, node in refusals(ast.parse(source)):
        said = ast.get_source_segment(source, node) or ""
        where = ast.get_source_segment(source, function) or ""
        if "SlackError" in said and not BY_RULE.search(said):
            assert CITED.search(where), f"{file.name}:{node.lineno} {function.name}: {said}"


def test_each_public_number_cites_a_fact() -> None:
    for file in FILES:
        lines = file.read_text().splitlines()
        for number, line in enumerate(lines):
            if re.match(r"[A-Z][A-Z_, ]* = [\d.]+[\d_., ]*(?: |$)", line):
                about = "\n".join(lines[number : number + 3])
                assert CITED.search(about) or "no number" in line, f"{file.name}: {line}"


def test_the_rules_that_are_cited_exist_and_are_used() -> None:
    text = "".join(file.read_text() for file in FILES)
    cited = {a or b for a, b in BY_RULE.findall(text)}
    assert cited <= RULES.keys()
    refusing = {name for name, rule in RULES.items() if rule.error}
    # An ephemeral message can't be found, so the fake needs no rule of its own for it.
    assert refusing - cited == {"ephemeral-fixed"}


@pytest.mark.parametrize("name", RULES)
def test_each_rule_is_a_sentence_with_a_source(name: str) -> None:
    rule = RULES[name]
    assert rule.source
    assert str(rule).count("{") == 0
    assert ("{error}" in rule.sentence) == bool(rule.error)
    assert ("{limit}" in rule.sentence) == bool(rule.limit)
