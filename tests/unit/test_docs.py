"""The docs are true in what can be checked: links, paths, commands, and the README's bounds."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from tests.e2e.program import ROOT
from tests.pictures import pages, rooms

if TYPE_CHECKING:
    from pathlib import Path

README = ROOT / "README.md"
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
README_LINES, README_WORDS = 150, 1_000
_LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")
_CODE = re.compile(r"`([^`\n]+)`")
_PATH = re.compile(r"(?:bots|core|docs|manifests|tests|\.ci|\.github)(?:/[\w.*{}-]+)+/?")
_FENCE = re.compile(r"^```.*?^```", re.DOTALL | re.MULTILINE)
_TARGET = re.compile(r"^([a-z]+):.*## ", re.MULTILINE)


def named(page: Path) -> str:
    return str(page.relative_to(ROOT))


def text_of(page: Path) -> str:
    return page.read_text(encoding="utf-8")


def anchors(page: Path) -> set[str]:
    """Return what links to this page may have behind #, as GitHub names headings."""
    headings = re.findall(r"^#+ (.+)$", _FENCE.sub("", text_of(page)), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", head.lower()).strip().replace(" ", "-") for head in headings}


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_each_link_leads_somewhere(page: Path) -> None:
    for link in _LINK.findall(text_of(page)):
        if link.startswith(("https://", "http://")):
            continue
        file, _, anchor = link.partition("#")
        target = (page.parent / file).resolve() if file else page
        assert target.exists(), f"{named(page)}: {link}"
        if anchor:
            assert anchor in anchors(target), f"{named(page)}: {link}"


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_each_path_that_is_named_is_there(page: Path) -> None:
    for code in _CODE.findall(_FENCE.sub("", text_of(page))):
        if _PATH.fullmatch(code) and "NAME" not in code:
            assert list(ROOT.glob(code.rstrip("/"))), f"{named(page)}: {code}"
        elif re.fullmatch(r"test_\w+\.py", code):
            assert list((ROOT / "tests").rglob(code)), f"{named(page)}: {code}"
        elif re.fullmatch(r"(?:inbound|outbound|ui|setup)/\w+\.py", code):
            found = [ROOT / "bots" / platform / code for platform in ("slack", "discord")]
            assert all(file.exists() for file in found), f"{named(page)}: {code}"


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_each_make_target_that_is_named_is_there(page: Path) -> None:
    targets = set(_TARGET.findall((ROOT / "Makefile").read_text(encoding="utf-8")))
    used = set(re.findall(r"\bmake (?:-s )?([a-z]+)\b", _code_of(page)))
    assert used <= targets, named(page)


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_each_setting_that_is_named_is_one(page: Path) -> None:
    example = (ROOT / ".env.example").read_text(encoding="utf-8")
    for name in re.findall(r"\bCHATBOT_[A-Z_]+", text_of(page)):
        assert name in example, f"{named(page)}: {name}"


def test_the_readme_is_short_and_begins_with_a_picture() -> None:
    text = text_of(README)
    assert len(text.splitlines()) <= README_LINES
    assert len(text.split()) <= README_WORDS
    first = next(line for line in text.splitlines()[1:] if line)
    assert first.startswith("![")


def test_each_decision_is_in_the_index_in_order() -> None:
    folder = ROOT / "docs" / "developers" / "adr"
    pages = sorted(file.name for file in folder.glob("[0-9]*.md"))
    assert _LINK.findall(text_of(folder / "README.md")) == pages
    assert [int(name[:4]) for name in pages] == list(range(1, len(pages) + 1))
    for name in pages:
        text = text_of(folder / name)
        parts = ("**Context.**", "**Decision.**", "**Alternatives.**", "**Consequences.**")
        assert all(part in text for part in parts), name


def test_the_drawing_of_the_rooms_is_up_to_date() -> None:
    page = text_of(pages.ARCHITECTURE)
    assert page == pages.renewed(page, "rooms", rooms.drawn()), "run make pictures"


def _code_of(page: Path) -> str:
    """Return what a page shows as code."""
    text = text_of(page)
    return "\n".join([*_FENCE.findall(text), *_CODE.findall(_FENCE.sub("", text))])
