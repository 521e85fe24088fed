"""The shape of the code: what is pure, which rooms there are, and how large they may grow.

What may import what among the rooms of the core is an import-linter contract in `pyproject.toml`.
"""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import grimp
import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]
ROOMS = ("core", "bots")


def files(under: str) -> Iterator[Path]:
    """Yield the files of a package, by their paths in the project."""
    yield from (path.relative_to(ROOT) for path in sorted((ROOT / under).rglob("*.py")))


def module_of(path: Path) -> str:
    parts = path.with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


@cache
def parsed(path: Path) -> ast.Module:
    return ast.parse((ROOT / path).read_text(encoding="utf-8"))


PATHS = {module_of(path): path for room in ROOMS for path in files(room)}

# --- purity -------------------------------------------------------------------------------------

MARKER = "Pure."
"""A module with this word in its docstring decides by its arguments alone, and does nothing else.

It has no I/O, no clock, no logging and no chance, and nothing that it imports has any.
"""
IMPURE = {
    "asyncio", "concurrent", "fcntl", "glob", "http", "logging", "multiprocessing", "os", "random",
    "secrets", "select", "shutil", "signal", "socket", "sqlite3", "ssl", "subprocess", "tempfile",
    "threading", "time",
}  # fmt: skip
PURE_PATHS = {"PurePath", "PurePosixPath"}
"""What a pure module may have of `pathlib`: the other classes touch files."""


def pure_modules() -> list[str]:
    texts = {name: ast.get_docstring(parsed(path)) or "" for name, path in PATHS.items()}
    return [name for name, text in texts.items() if MARKER in text]


@pytest.fixture(scope="module")
def imports() -> grimp.ImportGraph:
    """Return what imports what while the program runs, imports for type checkers left out."""
    return grimp.build_graph(
        *ROOMS, include_external_packages=True, exclude_type_checking_imports=True, cache_dir=None
    )


def touches_files(path: Path) -> bool:
    nodes = [*ast.walk(parsed(path))]
    for_types = [
        each
        for node in nodes
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
        for each in node.body
    ]
    imported = {
        name.name
        for node in nodes
        if isinstance(node, ast.ImportFrom) and node.module == "pathlib" and node not in for_types
        for name in node.names
    }
    modules = {name.name for node in nodes if isinstance(node, ast.Import) for name in node.names}
    called = {ast.unparse(node.func) for node in nodes if isinstance(node, ast.Call)}
    return bool(imported - PURE_PATHS or "pathlib" in modules or called & {"open", "print"})


@pytest.mark.parametrize("module", pure_modules())
def test_a_module_that_claims_to_be_pure_is(module: str, imports: grimp.ImportGraph) -> None:
    for name in {module, *imports.find_upstream_modules(module)}:
        impure = name.partition(".")[0] in IMPURE or (name in PATHS and touches_files(PATHS[name]))
        if impure:
            chain = imports.find_shortest_chain(module, name) or (module,)
            pytest.fail(f"{module} claims to be pure, but: {' -> '.join(chain)}")


def test_what_decides_claims_to_be_pure() -> None:
    assert {
        "core.commands.access", "core.delivery.splitting.splitter", "core.domain.admission",
        "core.domain.limits", "core.domain.message", "core.domain.session", "core.memory.plan",
        "core.memory.strategies.registry", "core.prompt.files", "core.prompt.images",
        "core.prompt.pdf", "core.prompt.prompt", "core.prompt.transcript", "core.store.codec",
        "core.store.header", "core.turn.notices", "bots.discord.inbound.text",
        "bots.discord.outbound.format", "bots.slack.inbound.events", "bots.slack.inbound.text",
        "bots.slack.outbound.format",
    } <= {*pure_modules()}  # fmt: skip


# --- sizes --------------------------------------------------------------------------------------

ENTRIES = 13
CROWDED: dict[str, tuple[int, str]] = {
    "bots/discord/inbound": (
        14,
        "Discord has channels, threads and proxies, too",
    ),
    "bots/discord/ui": (14, "a file for each thing that people press or type"),
    "bots/slack/ui": (14, "the same"),
    "core/domain": (15, "the words that all rooms share, a file for each"),
    "core/store": (15, "the port and what all stores share, beside a folder for each store"),
    "core/store/redis/scripts": (23, "a file for each verb"),
}
"""Folders that may have more entries, and why."""
LINES = 400
LONG: dict[str, tuple[int, str]] = {}
"""Files that may have more lines, and why."""


def test_no_folder_is_crowded() -> None:
    for room in ROOMS:
        for folder in [path for path in (ROOT / room).rglob("*") if path.is_dir()] + [ROOT / room]:
            entries = [each for each in folder.iterdir() if not each.name.startswith("__")]
            name = str(folder.relative_to(ROOT))
            if folder.name != "__pycache__":
                assert len(entries) <= CROWDED.get(name, (ENTRIES, ""))[0], name


def test_no_file_is_long() -> None:
    for path in PATHS.values():
        lines = len((ROOT / path).read_text(encoding="utf-8").splitlines())
        assert lines <= LONG.get(str(path), (LINES, ""))[0], str(path)


# --- the two adapters ---------------------------------------------------------------------------

ADAPTERS = {"Slack": "bots/slack", "Discord": "bots/discord"}
ADAPTER_ROOMS = {"connection", "inbound", "outbound", "ui", "setup"}
ROLES = {
    "api": "Api",
    "app": "{platform}",
    "faults": "Fault RefusedError NeverError ContentError PassingError LimitedError",
    "hosts": "",
    "inbound/audience": "Audience",
    "inbound/catch_up": "{platform}History",
    "inbound/content": "Content",
    "inbound/events": "Me",
    "inbound/history": "",
    "inbound/names": "Names",
    "inbound/people": "",
    "inbound/receive": "Reception {platform}Intake",
    "inbound/text": "Mentions",
    "outbound/files_in": "",
    "outbound/files_out": "",
    "outbound/format": "",
    "outbound/platform": "{platform}Platform",
    "outbound/post_keys": "",
    "outbound/read_back": "",
    "outbound/status": "Status",
    "pace": "Pace",
    "setup/doctor": "",
    "setup/manifest": "",
    "ui/commands": "",
    "ui/interactions": "Interactions",
    "outbound/permalinks": "Permalink",
    "ui/answers": "AnswerInteractions",
    "ui/pins": "PinInteractions",
    "ui/directory": "{platform}Directory",
    "ui/links": "{platform}Links",
    "ui/refusals": "",
    "ui/replies": "{platform}Replies",
    "ui/runner": "InteractionRunner",
    "ui/settings": "SettingsInteractions",
    "ui/settings_views": "",
    "ui/views": "",
}
"""The roles that both adapters have: the file, and its classes if it has any."""
OWN = {
    "Slack": {
        "connection/dispatch", "connection/http", "connection/http_connections",
        "connection/socket", "inbound/blocks", "outbound/escape",
        "outbound/stream",
        "outbound/titles", "setup/doctor_checks", "ui/agent", "ui/home",
    },
    "Discord": {
        "connection/channel_queues", "connection/client", "connection/gateway", "ids",
        "inbound/channels", "inbound/proxies", "inbound/shown/aids", "inbound/shown/cards",
        "inbound/shown/forwards", "inbound/shown/polls", "inbound/threads",
        "outbound/markdown/code", "outbound/markdown/fences", "outbound/markdown/html",
        "outbound/markdown/literal",
        "outbound/markdown/lines", "outbound/markdown/marks", "outbound/markdown/pairs",
        "outbound/markdown/render", "outbound/markdown/spans",
        "outbound/markdown/spoilers", "outbound/markdown/tables",
        "outbound/posting", "outbound/threads", "ui/command_tree",
        "ui/interaction_context",
    },
}  # fmt: skip
"""The files for which the other platform has no counterpart."""


@pytest.mark.parametrize(("platform", "folder"), ADAPTERS.items())
def test_a_role_has_the_same_file_and_class_on_both_adapters(platform: str, folder: str) -> None:
    for role, wanted in ROLES.items():
        path = Path(folder, f"{role}.py")
        assert (ROOT / path).exists(), f"{platform} has no {role}"
        classes = [node.name for node in parsed(path).body if isinstance(node, ast.ClassDef)]
        assert {*wanted.format(platform=platform).split()} <= {*classes}, f"{path} has {classes}"


@pytest.mark.parametrize(("platform", "folder"), ADAPTERS.items())
def test_a_file_is_a_role_of_both_adapters_or_says_that_it_is_one_of_its_own(
    platform: str, folder: str
) -> None:
    names = {str(path.relative_to(folder).with_suffix("")) for path in files(folder)}
    names = {name for name in names if not name.endswith("__init__")}
    assert names == {*ROLES} | OWN[platform]
    assert not OWN["Slack"] & OWN["Discord"]


@pytest.mark.parametrize("folder", ADAPTERS.values())
def test_both_adapters_have_the_same_rooms(folder: str) -> None:
    rooms = [path.name for path in (ROOT / folder).iterdir() if path.is_dir()]
    assert {name for name in rooms if name != "__pycache__"} == ADAPTER_ROOMS
