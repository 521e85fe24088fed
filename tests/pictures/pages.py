"""What is drawn or printed by the code, between two marks on a page."""

from __future__ import annotations

from tests.e2e.program import ROOT

PEOPLE = ROOT / "docs" / "people.md"
MEMORY = ROOT / "docs" / "developers" / "memory.md"
ARCHITECTURE = ROOT / "docs" / "developers" / "architecture.md"


def renewed(page: str, name: str, body: str) -> str:
    """Return a page with this body between the marks of this name."""
    begin, end = f"<!-- {name}: made by `make pictures` -->", f"<!-- {name} end -->"
    before, _, rest = page.partition(begin)
    _, _, after = rest.partition(end)
    return f"{before}{begin}\n\n{body}\n\n{end}{after}"
