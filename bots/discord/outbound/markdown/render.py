"""Shows any part of a text in Discord's Markdown, as one message. Pure.

The whole text is read once; a message shows its part of it. So code, a table or a spoiler that goes
on in the next message is what it was in the first one.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, cast

# not `re`: before Python 3.11.5, its possessive groups match wrongly
import regex  # type: ignore[import-untyped] # ships no types

from bots.discord.outbound.markdown.code import blocks, colors_before, inline, language_of
from bots.discord.outbound.markdown.fences import fences_of, indented_of
from bots.discord.outbound.markdown.marks import kept_apart
from bots.discord.outbound.markdown.spans import context_of, parts_of, shown
from bots.discord.outbound.markdown.spoilers import BARS, SPLIT_BARS, SPLIT_NOTE, spoilers_of
from bots.discord.outbound.markdown.tables import form_of, quoted_tables, rows_shown
from core.delivery.splitting.blocks import Fence, Layout, tables_of
from core.domain.text import visible

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bots.discord.outbound.markdown.spans import Part
    from bots.discord.outbound.markdown.spoilers import Spoiler
    from bots.discord.outbound.markdown.tables import Form
    from core.delivery.splitting.blocks import Table

_LIST_MARK = regex.compile(r"(?:^|\n)[ \t>]*+(?:[-*+]|\d{1,9}[.)])[ \t]*+\Z")
_BLANK_LINES = regex.compile(r"(?:[ \t\r]*+\n)++")
_QUOTE = regex.compile(r"^[ \t]*+(?:>[ \t]?)++", regex.MULTILINE)
_INDENT = regex.compile(r"^[ \t]++", regex.MULTILINE)
_FILE = regex.compile(r"[\w./\\-]*\w\.\w{1,8}\b")
_COLORS = 2_000
"""Characters of code that are searched for the colours in force."""
_TAB = 4


@dataclass(frozen=True, slots=True)
class DiscordLayout(Layout):
    """The code, tables, spoilers and other parts of a text that Discord would draw otherwise."""

    forms: dict[int, Form] = field(default_factory=dict)
    """How tables are shown, by where they start."""
    spoilers: tuple[Spoiler, ...] = ()
    splits_bars: bool = False
    """Whether hidden code has `||`, which would end the spoiler."""
    parts: tuple[Part, ...] = ()
    _spoiler_starts: list[int] = field(default_factory=list)
    _part_starts: list[int] = field(default_factory=list)
    _blocks: list[Fence | Table] = field(default_factory=list)
    _block_starts: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Index all by where they start."""
        Layout.__post_init__(self)
        self._spoiler_starts.extend(spoiler.start for spoiler in self.spoilers)
        self._part_starts.extend(part.start for part in self.parts)
        self._blocks.extend(sorted((*self.fences, *self.tables), key=lambda block: block.start))
        self._block_starts.extend(block.start for block in self._blocks)

    def blocks_within(self, start: int, end: int) -> Iterator[Fence | Table]:
        """Yield the code and tables that a part of the text has any of."""
        index = max(bisect_right(self._block_starts, start) - 1, 0)
        for block in self._blocks[index : bisect_left(self._block_starts, end)]:
            if block.end > start:
                yield block

    def spoiler_at(self, position: int) -> Spoiler | None:
        """Return the spoiler that a break at this position would split."""
        index = bisect_left(self._spoiler_starts, position) - 1
        spoiler = self.spoilers[index] if index >= 0 else None
        return spoiler if spoiler and position < spoiler.end else None

    def parts_within(self, start: int, end: int) -> tuple[Part, ...]:
        """Return the parts of which some is in this part of the text."""
        index = max(bisect_left(self._part_starts, start) - 1, 0)
        if index < len(self.parts) and self.parts[index].end <= start:
            index += self.parts[index].start < start
        return self.parts[index : bisect_left(self._part_starts, end)]


@dataclass(frozen=True, slots=True)
class DiscordMarkdown:
    """Discord's Markdown; `grows` if the text is not finished, and may end in an open spoiler."""

    grows: bool

    def layout_of(self, text: str) -> DiscordLayout:
        """Return what is where in a text, in linear time."""
        return _layout(text, grows=self.grows)

    def show(self, text: str, layout: Layout, start: int, end: int) -> str:
        """Return the part of a text from `start` to `end` as Discord should get it."""
        return _show(text, cast("DiscordLayout", layout), start, end)


MARKDOWN = DiscordMarkdown(grows=False)
GROWING = DiscordMarkdown(grows=True)


def _layout(text: str, *, grows: bool) -> DiscordLayout:
    fences = fences_of(text)
    fences = tuple(sorted((*fences, *indented_of(text, fences))))
    tables = tuple(_tables(text, fences)) if "|" in text else ()
    forms = {table.start: form for table in tables if (form := form_of(text, table)) is not None}
    tables = tuple(table for table in tables if table.start in forms)
    context = context_of(text)
    parts: list[Part] = []
    at = 0
    found: list[Fence | Table] = sorted((*fences, *tables), key=lambda each: each.start)
    for block in found:
        parts += parts_of(text, at, block.start, context)
        at = block.end
    parts += parts_of(text, at, len(text), context)
    if not context.bars:
        return DiscordLayout(fences, tables, forms=forms, parts=tuple(parts))
    spoilers, literal = spoilers_of(text, context.bars, grows=grows)
    return DiscordLayout(
        fences,
        tables,
        forms=forms,
        spoilers=spoilers,
        splits_bars=any(BARS in text[each.start + 2 : each.end - 2] for each in spoilers),
        parts=tuple(sorted((*parts, *literal)) if literal else parts),
    )


def _tables(text: str, fences: tuple[Fence, ...]) -> list[Table]:
    layout = Layout(fences, ())
    found = [*tables_of(text, layout)]
    return sorted((*found, *quoted_tables(text, layout))) if ">" in text else found


def _show(text: str, layout: DiscordLayout, start: int, end: int) -> str:
    made = _Message()
    at = start
    for block in layout.blocks_within(start, end):
        made.add(_prose(text, layout, at, block.start))
        first, at = max(block.start, at), min(block.end, end)
        if isinstance(block, Fence):
            is_hidden = layout.splits_bars and layout.spoiler_at(block.start) is not None
            _add_code(made, text, block, (first, at), split_bars=is_hidden)
        else:
            _add_rows(made, text, layout.forms[block.start], block, first, at)
    made.add(_prose(text, layout, at, end))
    return kept_apart(_hidden(made.text, layout, start, end))


class _Message:
    """A message that is put together."""

    def __init__(self) -> None:
        self._made: list[str] = []

    def add(self, prose: str) -> None:
        if prose:
            self._made.append(prose)

    def add_block(self, block: str) -> None:
        """Add lines that must not stand behind words, unless it is the mark of a list."""
        before = self._made[-1] if self._made else ""
        if before and not before.endswith("\n"):
            if _LIST_MARK.search(before):
                self._made.append("" if before[-1:].isspace() else " ")
            else:
                self._made[-1] = before.rstrip(" \t")
                self._made.append("\n")
        self._made.append(f"{block}\n")

    @property
    def text(self) -> str:
        """Return the message without blank lines around it."""
        body = "".join(self._made)
        blank = _BLANK_LINES.match(body)
        return (body[blank.end() :] if blank else body).rstrip()


def _prose(text: str, layout: DiscordLayout, start: int, end: int) -> str:
    """Return text without code and tables; a part that goes on elsewhere is shown by itself."""
    if start >= end:
        return ""
    if start and text[start - 1] in "`~":  # words behind the end of code
        start += len(text[start:end]) - len(text[start:end].lstrip(" \t"))
    made: list[str] = []
    for part in layout.parts_within(start, end):
        if part.start >= start and part.end <= end:
            made += (text[start : part.start], _hideable(part, layout))
            start = part.end
            continue
        first, stop = max(part.start, start), min(part.end, end)
        made += (text[start:first], _some(text, part, first, stop))
        start = stop
    return "".join((*made, text[start:end]))


def _hideable(part: Part, layout: DiscordLayout) -> str:
    """Return a part; code in a spoiler without the bars that would end it."""
    if not layout.splits_bars or part.shown[:1] != "`" or layout.spoiler_at(part.start) is None:
        return part.shown
    return part.shown.replace(BARS, SPLIT_BARS)


def _some(text: str, part: Part, start: int, end: int) -> str:
    """Return a part of a part."""
    words = text[start:end]
    if text[part.start] == "`":
        code = words.strip("`")
        return inline(visible(code)) if code.strip() else code
    return shown(words)


def _add_code(
    made: _Message, text: str, fence: Fence, within: tuple[int, int], *, split_bars: bool
) -> None:
    start, end = within
    low, high = max(start, min(fence.body, fence.close)), max(min(end, fence.close), fence.inside)
    opens, closes = start <= fence.start, end >= fence.end
    code = _inner(text, fence, low, high)
    language = language_of(fence.info)
    if not (code.strip() or (opens and closes)):
        return
    if not opens and language.lower() == "ansi":
        code = colors_before(text[max(fence.body, low - _COLORS) : low]) + code
    if split_bars:
        code = code.replace(BARS, SPLIT_BARS)
    lead = "" if not opens else text[fence.start : fence.inside - len(fence.marker)]
    lead = _QUOTE.sub("", lead).strip(" \t")
    lead = f"{lead} " if lead else ""
    if opens and (name := _FILE.search(fence.info, len(language))) is not None:
        lead = f"-# {name[0]}\n{lead}"
    shown_code = f"{lead}{blocks(code, language)}"
    if fence.quote:
        shown_code = "\n".join(f"> {line}" for line in shown_code.split("\n"))
    made.add_block(shown_code)


def _inner(text: str, fence: Fence, start: int, end: int) -> str:
    """Return code without the marks of the quote and the indent of the list that it is in."""
    code = text[start:end]
    if not (fence.quote or fence.indent):
        return code
    first = ""
    if start and text[start - 1] != "\n":
        first, line, code = code.partition("\n")
        first += line
    if fence.quote:
        depth = fence.quote.count(">")
        code = _QUOTE.sub(lambda marks: _unquoted(marks[0], depth), code)
    if fence.indent:
        code = _INDENT.sub(lambda blank: _dedented(blank[0], fence.indent), code)
    return first + code


def _unquoted(marks: str, depth: int) -> str:
    """Return what marks of a quote there are beyond this many: they are code."""
    parts = marks.split(">", depth)
    if len(parts) <= depth:
        return ""
    return parts[depth][1:] if parts[depth][:1] in " \t" else parts[depth]


def _dedented(blank: str, columns: int) -> str:
    if "\t" in blank:
        blank = blank.expandtabs(_TAB)
    return blank[columns:]


def _add_rows(made: _Message, text: str, form: Form, table: Table, start: int, end: int) -> None:
    low = max(start, table.body)
    rest = ""
    if start > table.start and text[start - 1] != "\n":
        rest, _, _ = text[start:end].partition("\n")
        low = min(start + len(rest) + 1, end)
    rows = text[low:end]
    if rest:
        made.add_block(shown(rest))
    if rows.strip() or start <= table.start:
        made.add_block(rows_shown(form, rows))


def _hidden(body: str, layout: DiscordLayout, start: int, end: int) -> str:
    """Return a message with a spoiler closed or opened that stands in the next one, or before."""
    if not layout.spoilers:
        return body
    before, after = layout.spoiler_at(start), layout.spoiler_at(end)
    if before:
        is_over = start >= before.end - len(BARS)
        body = body.removeprefix(BARS) if is_over else f"{BARS}{body}"
    if after:
        is_new = end <= after.start + len(BARS)
        body = body.removesuffix(BARS) if is_new else f"{body}{BARS}"
    return f"{body}\n{SPLIT_NOTE}" if layout.splits_bars and SPLIT_BARS in body else body
