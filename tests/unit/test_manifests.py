"""The manifests that are shipped: made from their source, and as Slack's schema wants them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from bots.slack.setup.manifest import EVENTS, EVENTS_URL, SCOPES, Transport, document, manifest
from tests.schema import faults

ROOT = Path(__file__).parents[2]
# Slack's schema is not ours to copy; it is beside the checkout where this project is made.
SCHEMAS = sorted((ROOT.parent / "shared" / "data").glob("slack-manifest.schema.*.json"))
TRANSPORTS: list[Transport] = ["socket", "http"]
NEEDS = {  # slack.md 2.10
    "app_mention": "app_mentions:read",
    "message.channels": "channels:history",
    "message.groups": "groups:history",
    "message.im": "im:history",
    "message.mpim": "mpim:history",
}


def texts(value: Any, key: str = "") -> list[tuple[str, str]]:
    if isinstance(value, dict):
        return [found for name, inner in value.items() for found in texts(inner, name)]
    if isinstance(value, list):
        return [found for inner in value for found in texts(inner, key)]
    return [(key, value)] if isinstance(value, str) else []


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_the_shipped_file_is_what_its_source_makes(transport: Transport) -> None:
    shipped = (ROOT / "manifests" / f"slack.{transport}.yaml").read_text(encoding="utf-8")
    assert shipped == document(transport)


if SCHEMAS:  # without one there is nothing to hold it to, and nothing to skip

    @pytest.mark.parametrize("transport", TRANSPORTS)
    @pytest.mark.parametrize("schema", SCHEMAS, ids=lambda path: path.name)
    def test_slacks_schema_takes_it(schema: Path, transport: Transport) -> None:
        known = json.loads(schema.read_text(encoding="utf-8"))
        assert list(faults(manifest(transport), known)) == []
        wrong = manifest(transport)
        wrong["features"]["agent_view"]["suggested_prompts"] *= 2
        wrong["features"]["slash_commands"][0]["command"] = "chatbot"
        del wrong["display_information"]["name"]
        wrong["settings"]["socket"] = True
        assert len(list(faults(wrong, known))) == 4


def test_addresses_are_there_only_where_slack_calls_us() -> None:
    socket, http = manifest("socket"), manifest("http")
    assert not [key for key, _ in texts(socket) if "url" in key]
    found = [value for key, value in texts(http) if "url" in key]
    assert found == [EVENTS_URL] * 3
    assert (socket["settings"]["socket_mode_enabled"], http["settings"]["socket_mode_enabled"]) == (
        True,
        False,
    )


def test_people_can_write_to_it() -> None:
    features = manifest("socket")["features"]
    assert features["app_home"]["messages_tab_enabled"] is True
    assert features["app_home"]["messages_tab_read_only_enabled"] is False
    assert "agent_view" in features
    assert "assistant_view" not in features  # either, not both


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_each_scope_and_event_is_explained(transport: Transport) -> None:
    lines = document(transport).splitlines()
    for name, why in {**SCOPES, **EVENTS}.items():
        assert why
        assert f"      - {name}  # {why}" in lines


def test_each_event_has_the_scope_that_it_needs() -> None:
    assert {scope for event, scope in NEEDS.items() if event in EVENTS} <= SCOPES.keys()
    assert NEEDS.keys() <= EVENTS.keys()


def test_each_event_is_heard_by_something() -> None:
    """What a scope is needed for is held in tests/e2e/test_slack_scopes.py."""
    sources = [path for path in (ROOT / "bots" / "slack").rglob("*.py") if path.stem != "manifest"]
    heard = "\n".join(path.read_text(encoding="utf-8") for path in sources)
    kinds = {event.partition(".")[0] for event in EVENTS}
    assert {kind for kind in kinds if f'"{kind}"' not in heard} == set()


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_the_file_reads_back_as_what_it_says(transport: Transport) -> None:
    """Read it as the little YAML that it is: names, lists, words and JSON."""
    values = []
    for line in document(transport).splitlines():
        text = line.split("  # ")[0].strip().removeprefix("- ")
        name, colon, value = text.partition(": ") if not text.startswith('"') else (text, "", "")
        if text.startswith("#") or text.endswith(":"):
            continue
        scalar = value if colon else name
        values.append(json.loads(scalar) if scalar[0] in '"-' else scalar)
    assert [v for v in values if v not in {"true", "false", "1", "2"}] == [
        value for _, value in texts(manifest(transport))
    ]
