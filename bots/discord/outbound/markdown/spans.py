"""Writes Markdown outside of code blocks and tables as Discord shows it. Pure.

Discord knows no headings below the third, no rules, task lists, footnotes, images, link titles,
HTML or LaTeX, and masks only links with a scheme (docs: support article 210298617, "Markdown Text
101"). Backticks and `||` that close nothing are escaped, because Discord would pair them with any
later one, even in code.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass, field
from html import unescape
from html.entities import html5
from typing import TYPE_CHECKING, NamedTuple

# not `re`: before Python 3.11.5, its possessive groups match wrongly
import regex  # type: ignore[import-untyped] # ships no types

from bots.discord.outbound.markdown import html, lines
from bots.discord.outbound.markdown.code import blocks, inline
from bots.discord.outbound.markdown.literal import masked
from core.delivery.links import LINK, address_like, leads_elsewhere, where
from core.domain.text import visible

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from collections.abc import Set as AbstractSet

JOINER = "\N{WORD JOINER}"
_HIDDEN = "[\\u200b-\\u200f\\u2060-\\u2064\\ufe00-\\ufe0f\\ufeff]*+"
_UNSEEN = r"\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff"
_TOKEN = regex.compile(
    lines.LINE + rf"|(?=[\\`!\[@\uff20\ufe6b<&$|{_UNSEEN}]|https?:|(?<!\w)__[^\s_])(?:"
    rf"(?P<escape>\\(?:\n|<(?!@)|[^\w\s@\uff20\ufe6b<{_UNSEEN}]))"
    r"|(?P<ticks>`++)"
    rf"|(?P<link>!?+{LINK})"
    r"|(?P<ref>\[\^(?P<number>[^\]\s@<`]{1,40}+)\])"
    r"|(?P<named>!?\[(?P<words_>[^\[\]\n]{1,200}+)\](?:\[(?P<name>[^\[\]\n]{0,80}+)\])?+)"
    r"|(?P<url>https?://[^\s<>|`]++)"
    rf"|(?P<call>[@\uff20\ufe6b](?={_HIDDEN}(?:here|everyone))|<(?=@[!&]?\d))"
    r"|(?P<mail><(?:mailto:)?+(?P<to>[\w.+-]{1,64}+@[\w-]{1,63}+(?:\.[\w-]{1,63}+)++)>)"
    rf"|(?P<html>{html.TAG})"
    r"|(?P<entity>&(?:\#\d{1,7}|\#x[\da-f]{1,6}|[a-z]\w{1,30});)"
    r"|(?P<math>\$\$|\$(?=[^\s$]))"
    r"|(?P<bars>\|{2,}+)"
    r"|(?P<bold>(?<!\w)__(?=[^\s_])(?P<bolded>(?:[^\n_\\`]|_(?!_)|\\.)++)(?<=\S)__(?!\w))"
    rf"|(?P<unseen>[{_UNSEEN}]++))",
    regex.MULTILINE | regex.IGNORECASE,
)
_RUN = regex.compile(r"`++")
_GAP = regex.compile(
    r"^[ \t]*+(?:>|(?:\#{1,6}|-\#)[ \t])[^\n]*+\n"
    r"|\n(?=[ \t]*+(?:\n|>|(?:[-*+]|\d{1,9}[.)]|\#{1,6}|-\#)[ \t]))",
    regex.MULTILINE,
)
"""The end of a line after which a paragraph can't go on; code within lines stays within one."""
_USED = regex.compile(r"\[([^\[\]\n^]{1,80}+)\](?!:)")
_DEFINED = regex.compile(r"^ {0,3}\[([^\]\[\n^]{1,80}+)\]:[ \t]*+(\S++)", regex.MULTILINE)
_MARKUP = frozenset("*_~`|\\[]#")
_CALL = regex.compile(rf"@[!&]?\d|{_HIDDEN}(?:here|everyone)", regex.IGNORECASE)
_NAMES = frozenset(
    name.strip("_")
    for name in (*dir(int), *dir(type), *dir(list), "init all name main file future version author")
    for name in name.split()
)
"""What stands between underlines in names of Python's own: `__init__` is no bold word."""
_SCHEME = regex.compile(r"(?:https?|discord)://", regex.IGNORECASE)
_MAIL = regex.compile(rf"{_HIDDEN}[\w-]*+\.\w")
_IMAGE = regex.compile(rf"!{LINK}")
_TEX = regex.compile(r"[\\^_={}]")
_FORMULA = 2_000
"""Characters of a formula at most."""
_DEEPEST = 3
"""How deep constructs may stand in each other."""
_SPOILER = 2
_BLOCK = 3


class Part(NamedTuple):
    """A part of a text that is shown in another form."""

    start: int
    end: int
    shown: str


@dataclass(slots=True)
class Context:
    """What a part of a text has to know of the whole."""

    addresses: Mapping[str, str] = field(default_factory=dict)
    """The addresses of links that are defined elsewhere in the text, by name in lower case."""
    used: AbstractSet[str] = frozenset()
    """The names that links use, in lower case."""
    paired: AbstractSet[str] | None = None
    """The names of HTML tags that are opened and closed; None if no tag was met."""
    bars: list[int] = field(default_factory=list)
    """Where `||` stands outside of code, as far as the text is read."""


def context_of(text: str) -> Context:
    """Return what parts of a text have to know."""
    if "]:" not in text:
        return Context()
    addresses = {name.lower(): address for name, address in reversed(_DEFINED.findall(text))}
    used = {name.lower() for name in _USED.findall(text)} if addresses else set[str]()
    return Context(addresses, used)


def shown(text: str, depth: int = 1) -> str:
    """Return a short text that stands in something else on its line, as Discord shows it."""
    text, at = f" {text}", 1  # what it begins with begins no line
    if _TOKEN.search(text, at) is None:  # nearly always
        return text[1:]
    made: list[str] = []
    for part in parts_of(text, at, len(text), Context(), depth):
        made += (text[at : part.start], part.shown)
        at = part.end
    return "".join((*made, text[at:]))


def parts_of(text: str, start: int, end: int, context: Context, depth: int = 0) -> list[Part]:
    """Return the parts from `start` to `end` that are shown in another form, in linear time."""
    if depth > _DEEPEST:
        return []
    return _Writer(text, (start, end), context, depth).write()


class _Writer:
    """Reads a text token by token. Each way returns what is shown, or None if nothing changes.

    It also returns where to go on.
    """

    def __init__(self, text: str, limits: tuple[int, int], context: Context, depth: int) -> None:
        self.parts: list[Part] = []
        self._text = text
        self._start, self._end = limits
        self._context, self._depth = context, depth
        self._runs: dict[int, list[int]] | None = None
        self._gaps: list[int] = []
        self._lacking: set[str] = set()  # ends of formulas that do not come any more
        self._ways: dict[str, Callable[[regex.Match[str]], tuple[str | None, int]]] = {
            "\\": self._escape,
            "`": self._ticks,
            "[": self._bracket,
            "!": self._bracket,
            "h": lambda token: (None, token.end()),  # an address
            **dict.fromkeys("@\uff20\ufe6b", self._call),
            "<": self._angle,
            "&": self._entity,
            "$": self._math,
            "|": self._bars,
            "_": self._bold,
        }

    def write(self) -> list[Part]:
        """Return all parts."""
        at = self._start
        while (token := _TOKEN.search(self._text, at, self._end)) is not None:
            is_line = token["line"] is not None
            way = self._line if is_line else self._ways.get(token[0][0].lower(), _unseen)
            made, at = way(token)
            if made is not None:
                self.parts.append(Part(token.start(), at, self._apart(token.start(), made)))
        return self.parts

    def _apart(self, start: int, made: str) -> str:
        """Return what is shown, apart from code right before it: else both would be one."""
        if made[:1] != "`":
            return made
        last = self.parts[-1] if self.parts else None
        before = last.shown if last and last.end == start else self._text[max(start - 1, 0) : start]
        return f"{JOINER}{made}" if before.endswith("`") else made

    # --- lines ----------------------------------------------------------------------------------

    def _line(self, token: regex.Match[str]) -> tuple[str | None, int]:
        lead = lines.lead_of(token)
        if lead is None:
            return None, token.end("pad")
        if token["level"]:
            return self._heading(token, lead)
        if token["listed"]:
            title = shown(token["listed"], self._depth + 1)
            return lines.listed_heading(token, lead, title), token.end()
        if token["rule"] or token["under"]:
            return self._stroke(token, lead)
        if token["label"]:
            is_used = token["label"].lower() in self._context.used
            return ("" if is_used else None), token.end()
        made = lines.marked(token, lead)
        return (None if made == token[0] else made), token.end()

    def _heading(self, token: regex.Match[str], lead: str) -> tuple[str | None, int]:
        title, end = token["title"], token.end()
        if lines.is_known(token["level"], title):
            as_is = token.start("level") == token.start()
            return (None if as_is else f"{lead}{token['level']} "), token.start("title")
        return lines.heading(lead, token["level"], shown(title, self._depth + 1)), end

    def _stroke(self, token: regex.Match[str], lead: str) -> tuple[str | None, int]:
        """Write a rule, or the heading that a line of `=` or `-` makes of the line above."""
        above = lines.title_above(self._text, token)
        if above < self._start:
            return (None if token["under"] else f"{lead}{lines.RULE}"), token.end()
        at = len(self.parts)
        while at and self.parts[at - 1].start >= above:
            at -= 1
        self.parts.insert(at, Part(above, above, "# " if token["under"] else "## "))
        return "", min(token.end() + 1, self._end)

    # --- within lines ---------------------------------------------------------------------------

    def _escape(self, token: regex.Match[str]) -> tuple[str | None, int]:
        sign, end = token[0][1], token.end()
        if sign == "\n":
            return "\n", end
        if sign in "[(":
            closing = "\\]" if sign == "[" else "\\)"
            close = self._formula_end(closing, end)
            if close >= 0:
                return self._formula(end, close, is_block=sign == "["), close + len(closing)
        return None, end

    def _ticks(self, token: regex.Match[str]) -> tuple[str | None, int]:
        size, end = len(token[0]), token.end()
        close = self._closing_run(size, end)
        if close < 0:
            return "\\`" * size, end
        code, end = visible(self._text[end:close]), close + size
        if not code:
            return "\\`" * (2 * size), end
        if size < _BLOCK or (size == _BLOCK and "\n" not in code):
            return f"{token[0]}{code}{token[0]}", end
        return inline(code.strip()), end

    def _closing_run(self, size: int, after: int) -> int:
        if self._runs is None:
            self._runs = {}
            for run in _RUN.finditer(self._text, self._start, self._end):
                self._runs.setdefault(len(run[0]), []).append(run.start())
            gaps = _GAP.finditer(self._text, self._start, self._end)
            self._gaps = [gap.end() - 1 for gap in gaps]
        runs = self._runs.get(size, [])
        index = bisect_right(runs, after - 1)
        if index == len(runs):
            return -1
        gap = bisect_right(self._gaps, after - 1)
        crosses = gap < len(self._gaps) and self._gaps[gap] < runs[index]
        return -1 if crosses else runs[index]

    def _bracket(self, token: regex.Match[str]) -> tuple[str | None, int]:
        if token["link"]:
            (start, words_end), end = token.span("words"), token.end()
            is_split = "`" in token["link"] and (
                self._splits_code(start, words_end) or self._splits_code(words_end, end)
            )
            return (None, token.start() + 1) if is_split else self._link(token)
        return (
            self._named(token) if token["named"] else (lines.raised(token["number"]), token.end())
        )

    def _splits_code(self, start: int, end: int) -> bool:
        """Return whether code that begins in this part ends behind it: it is no part then."""
        while (run := _RUN.search(self._text, start, end)) is not None:
            close = self._closing_run(len(run[0]), run.end())
            if close >= end:
                return True
            start = max(close, run.start()) + len(run[0])
        return False

    def _link(self, token: regex.Match[str]) -> tuple[str | None, int]:
        words, address, title = token["words"], token["address"].strip("<>"), token["title"] or ""
        is_image = token[0].startswith("!")
        made = self._linked(words, address, title[1:-1], is_image=is_image)
        return (None if made == token[0] else made), token.end()

    def _linked(self, words: str, address: str, title: str = "", *, is_image: bool = False) -> str:
        words = _IMAGE.sub(lambda found: found["words"] or "image", words).strip()
        more = f" ({shown(title, self._depth + 1)})" if title and title != words else ""
        if is_image and not words:
            words = "image"
        label = shown(words, self._depth + 1)
        bare = address.removeprefix("mailto:")
        seen = address if _SCHEME.match(address) else shown(bare, self._depth + 1)
        if not words or not address or words == bare:
            return f"{seen if address else label}{more}"
        if leads_elsewhere(words, address):
            return f"{label}{where(seen)}{more}"
        if not _SCHEME.match(address):
            return f"{label} ({seen}){more}"
        if address_like(words):
            return f"{address}{more}"
        label, is_masked = masked(label)
        if not is_masked:
            return f"{label} ({address}){more}"
        return f"[{label}]({address if ' ' not in address else f'<{address}>'}){more}"

    def _named(self, token: regex.Match[str]) -> tuple[str | None, int]:
        name = token["name"] or token["words_"]
        address = self._context.addresses.get(name.lower()) if self._context.addresses else None
        if address is None:
            return None, token.start() + 1
        is_image = token[0].startswith("!")
        made = self._linked(token["words_"], address.strip("<>"), is_image=is_image)
        return made, token.end()

    def _call(self, token: regex.Match[str]) -> tuple[str | None, int]:
        at, end = token.span()
        if self._text[max(at - 1, 0) : at].isalnum() and _MAIL.match(self._text, end):
            return None, end
        return f"{token[0]}{JOINER}", end

    def _angle(self, token: regex.Match[str]) -> tuple[str | None, int]:
        if token["mail"]:  # Discord draws only web addresses without their brackets
            return token["to"], token.end()
        return self._call(token) if token["call"] else self._html(token)

    def _html(self, token: regex.Match[str]) -> tuple[str | None, int]:
        end = token.end()
        if token["whole"]:
            return self._short(token["whole"].lower(), token["inner"]), end
        if token["href"]:
            return self._linked(token["inside"], unescape(token["href"])), end
        if token["image"]:
            words, address = html.image(token["image"])
            return self._linked(words, unescape(address), is_image=True), end
        if token["tag"] is None:
            return "", end
        if self._context.paired is None:
            self._context.paired = html.paired_in(self._text)
        closes, paired = bool(token["slash"]), self._context.paired
        made = html.tag(token["tag"].lower(), closes=closes, paired=paired)
        return made, (end if made is not None else token.start() + 1)

    def _short(self, name: str, inner: str) -> str:
        if name in html.CODE:
            return inline(visible(unescape(inner)))
        return html.moved(name, shown(inner, self._depth + 1))

    def _entity(self, token: regex.Match[str]) -> tuple[str | None, int]:
        if token[0][1] != "#" and token[0][1:] not in html5:
            return None, token.end()
        sign = unescape(token[0])
        sign = visible(sign)
        if sign in {"<", "@", "\uff20"} and _CALL.match(self._text, token.end()):
            return f"{sign}{JOINER}", token.end()
        return (f"\\{sign}" if sign in _MARKUP else sign), token.end()

    def _math(self, token: regex.Match[str]) -> tuple[str | None, int]:
        sign, end = token["math"], token.end("math")
        close = self._formula_end(sign, end)
        if close < 0:
            return None, end
        code, after = self._text[end:close], self._text[close + len(sign) : close + len(sign) + 1]
        if sign == "$" and ("\n" in code or code[-1:].isspace() or after.isalnum()):
            return None, end
        if not _TEX.search(code):
            return None, end
        return self._formula(end, close, is_block=sign == "$$"), close + len(sign)

    def _formula_end(self, closing: str, after: int) -> int:
        if closing in self._lacking:
            return -1
        close = self._text.find(closing, after, min(after + _FORMULA, self._end))
        if close < 0 and after + _FORMULA >= self._end:
            self._lacking.add(closing)
        return -1 if close >= 0 and self._code_begins(after, close) else close

    def _code_begins(self, start: int, end: int) -> bool:
        """Return whether code begins in this part; a formula has none, and ends in none."""
        runs = _RUN.finditer(self._text, start, end)
        return any(self._closing_run(len(run[0]), run.end()) >= 0 for run in runs)

    def _formula(self, start: int, end: int, *, is_block: bool) -> str:
        code = visible(self._text[start:end]).strip()
        if not is_block:
            return inline(code)
        line = self._text[self._text.rfind("\n", 0, start) + 1 : start]
        return f"{chr(10) if line.strip('$[] ' + chr(92)) else ''}{blocks(code, 'tex')}"

    def _bars(self, token: regex.Match[str]) -> tuple[str | None, int]:
        if len(token[0]) == _SPOILER:
            self._context.bars.append(token.start())
            return None, token.end()
        return "\\|" * len(token[0]), token.end()

    def _bold(self, token: regex.Match[str]) -> tuple[str | None, int]:
        words = token["bolded"]
        if words in _NAMES or "_" in words:
            return f"\\_\\_{words}\\_\\_", token.end()
        return f"**{lines.unbold(shown(words, self._depth + 1))}**", token.end()


def _unseen(token: regex.Match[str]) -> tuple[str, int]:
    return visible(token[0]), token.end()
