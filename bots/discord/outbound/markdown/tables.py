"""Writes a table, which Discord can't show, as aligned text in a code block, or as a list. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

# not `re`: before Python 3.11.5, its possessive groups match wrongly
import regex  # type: ignore[import-untyped] # ships no types
from wcwidth import wcswidth

from bots.discord.outbound.markdown.lines import unbold
from bots.discord.outbound.markdown.spans import shown
from core.delivery.splitting.blocks import Table
from core.domain.text import visible

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from core.delivery.splitting.blocks import Layout

_WIDEST = 44
"""Columns of a line of code that a phone shows without breaking it."""
_MOST_COLUMNS = 40
_GAP = "  "
_CELL = regex.compile(r"(?:[^|\\`]|\\.|`++)*+", regex.DOTALL)
_IN_CODE = regex.compile(r"(?:[^|\\`]|\\.|(`++)(?:(?!\1)[^\n]){0,200}?\1|`++)*+", regex.DOTALL)
_RICH = regex.compile(r"\]\(|https?://|```|<a[ \t]|\|\|", regex.IGNORECASE)
"""What would be lost in a code block: links, and hidden words."""
_SIGNS = regex.compile(
    r"(?<code>`++)(?<inner>[^`]++)\1|\*{1,3}(?=\S)([^*\n]++)\*{1,3}|(?<!\w)_{1,2}(?=\S)([^_\n]++)_{1,2}"
    r"|~~([^~\n]++)~~|\\(?<escaped>[^\w\s])"
)
_QUOTE = regex.compile(r"^[ \t]*+(?:>[ \t]?)++", regex.MULTILINE)
_QUOTED = regex.compile(
    r"^(?P<head>[ \t]*+>[^\n|]*+\|[^\n]*+)\n"
    r"[ \t]*+(?:>[ \t]*+)++\|?[ \t]*+:?-++:?[ \t]*+(?:\|[ \t]*+:?-++:?[ \t]*+)*+\|?[ \t]*+(?:\n|\Z)"
    r"(?P<rows>(?:[ \t]*+>[^\n|]*+\|[^\n]*+(?:\n|\Z))*+)",
    regex.MULTILINE,
)
_BREAK = regex.compile(r"<br[ \t]*/?>", regex.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Form:
    """How all rows of a table are shown, in whichever messages they stand."""

    heads: tuple[str, ...]
    aligns: tuple[str, ...]
    """For each column `<`, `>` or `^`."""
    widths: tuple[int, ...]
    """Columns of each cell in a code block; empty if the table is shown as a list."""
    is_quoted: bool = False
    _shown: dict[str, str] = field(default_factory=dict, compare=False, repr=False)
    """What lines are shown as: a row is measured in several parts of the text."""

    def row(self, line: str) -> str:
        """Return a row as it is shown."""
        made = self._shown.get(line)
        if made is None:
            cells = _row(line, len(self.heads))
            made = self._shown[line] = (_aligned if self.widths else _item)(self, cells)
        return made


def quoted_tables(text: str, layout: Layout) -> Iterator[Table]:
    """Yield the tables in quotes, outside of code."""
    for found in _QUOTED.finditer(text):
        if "-" in found[0] and not layout.fence_at(found.start()):
            yield Table(found.start(), found.start("rows"), found.end())


def form_of(text: str, table: Table) -> Form | None:
    """Return how a table is shown; None if its lines are no table after all."""
    is_quoted = _QUOTE.match(text, table.start) is not None
    lines = _unquoted(text[table.start : table.body]).rstrip("\n").split("\n")
    heads, strokes = cells_of(lines[0]), cells_of(lines[-1])
    if len(heads) != len(strokes) or len(heads) > _MOST_COLUMNS:
        return None
    aligns = tuple(_align(stroke) for stroke in strokes)
    body = text[table.body : table.end]
    body = _unquoted(body) if is_quoted else body
    rows = [_row(line, len(heads)) for line in body.split("\n") if line.strip()]
    if not rows or _RICH.search(text, table.start, table.end) or len(heads) == 1:
        return Form(tuple(heads), aligns, (), is_quoted=is_quoted)
    plain = [[_plain(cell) for cell in row] for row in (heads, *rows)]
    widths = tuple(max(_width(row[column]) for row in plain) for column in range(len(heads)))
    fits = sum(widths) + len(_GAP) * (len(widths) - 1) <= _WIDEST
    return Form(tuple(heads), aligns, widths if fits else (), is_quoted=is_quoted)


def rows_shown(form: Form, lines: str) -> str:
    """Return some rows of a table, with its header; only the header if there are no rows."""
    lines = _unquoted(lines) if form.is_quoted else lines
    rows = [form.row(line) for line in lines.split("\n") if line.strip()]
    made = "\n".join((*_head(form, has_rows=bool(rows)), *rows))
    made = f"```\n{made}\n```" if form.widths else made
    return "\n".join(f"> {line}" for line in made.split("\n")) if form.is_quoted else made


def _unquoted(lines: str) -> str:
    return str(_QUOTE.sub("", lines))


def cells_of(line: str) -> list[str]:
    """Return the cells of a row, stripped."""
    return _cells(line, _CELL)


def _row(line: str, count: int) -> list[str]:
    """Return the cells of a row, as many as the header has; the last one has what is too much.

    Models write `|` in code within a cell, where GFM ends the cell.
    """
    cells = _cells(line, _CELL)
    if len(cells) > count and "`" in line:
        cells = _cells(line, _IN_CODE)
    if len(cells) > count:
        cells = [*cells[: count - 1], " | ".join(cells[count - 1 :])]
    return [*cells, *[""] * (count - len(cells))]


def _cells(line: str, pattern: regex.Pattern[str]) -> list[str]:
    line = line.strip().removeprefix("|")
    cells: list[str] = []
    at = 0
    while at <= len(line):
        cell = pattern.match(line, at)
        end = cell.end() if cell else at
        if at == len(line) and cells and line.endswith("|"):
            break
        cells.append(line[at:end].strip().replace("\\|", "|"))
        at = end + 1
    return cells


def _align(stroke: str) -> str:
    if stroke.endswith(":"):
        return "^" if stroke.startswith(":") else ">"
    return "<"


def _head(form: Form, *, has_rows: bool) -> list[str]:
    """Return the lines before the rows: in a list, each row names the heads itself."""
    if form.widths:
        rule = [("\u2500" * width) for width in form.widths]
        return [_aligned(form, form.heads), _aligned(form, rule)]
    if len(form.heads) == 1:
        return [f"**{_bare(form.heads[0])}**"] if form.heads[0] else []
    return [] if has_rows else [" \u00b7 ".join(f"**{_bare(h)}**" for h in form.heads if h)]


def _aligned(form: Form, row: Sequence[str]) -> str:
    return _GAP.join(
        _filled(_plain(cell), width, align)
        for cell, width, align in zip(row, form.widths, form.aligns, strict=True)
    ).rstrip()


def _item(form: Form, row: Sequence[str]) -> str:
    if len(form.heads) == 1:
        return f"- {_cell(row[0])}"
    first = f"{_bare(form.heads[0])}: {_bare(row[0])}" if form.heads[0] else _bare(row[0])
    lines = [f"**{first}**" if first.strip() else "\u2014"]
    for head, cell in zip(form.heads[1:], row[1:], strict=True):
        if cell:
            lines.append(f"- {_cell(head)}: {_cell(cell)}" if head else f"- {_cell(cell)}")
    return "\n".join(lines)


def _cell(cell: str) -> str:
    return shown(_BREAK.sub("; ", cell))


def _bare(cell: str) -> str:
    """Return a cell as it stands within bold words."""
    return unbold(_cell(cell))


def _plain(cell: str) -> str:
    """Return a cell without signs that a code block would show."""

    def words(found: regex.Match[str]) -> str:
        return next(str(each) for each in found.groups()[1:] if each is not None)

    return visible(_SIGNS.sub(words, _BREAK.sub("; ", cell)))


def _width(text: str) -> int:
    width = wcswidth(text)
    return width if width >= 0 else len(text)


def _filled(text: str, width: int, align: str) -> str:
    room = max(width - _width(text), 0)
    before = {"<": 0, ">": room, "^": room // 2}[align]
    return f"{' ' * before}{text}{' ' * (room - before)}"
