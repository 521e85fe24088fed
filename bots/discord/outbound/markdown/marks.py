"""Keeps marks in words from ending in code and addresses, where Discord looks for an end. Pure.

CommonMark reads code first. Discord reads from left to right, and a mark ends at the next one, even
in code: of ``2 ** 3 is `x ** y` ``, it draws bold from the first `**` to the second, and no code.
So a mark in words that would end in code is escaped. If another one in words is its end, italics
get their other sign, and else the words around such code have marks of their own:
``**no `x**y` here**`` is ``**no** `x**y` **here**``. Addresses are read like code: their `_` would
end italics, too (github.com/discord/discord-api-docs, issue 6450).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

# not `re`: before Python 3.11.5, its possessive groups match wrongly
import regex  # type: ignore[import-untyped] # ships no types

from bots.discord.outbound.markdown.literal import Edit, edited, literal, plain_signs
from bots.discord.outbound.markdown.pairs import ESCAPE, Links, Pairs, Span
from bots.discord.outbound.markdown.spans import JOINER
from core.delivery.links import LINK

if TYPE_CHECKING:
    from collections.abc import Callable

    from bots.discord.outbound.markdown.pairs import Ending

_TOKEN = regex.compile(
    rf"(?P<escape>(?:{ESCAPE}[0-9A-Za-gi-z ]*+)++)|(?P<mark>\*++|_++|~~|\|\|)|(?P<code>`)|(?P<url>https?://)|(?P<angle><)"
    r"|(?P<bracket>\[)|(?P<line>(?:^|(?<=^>[ ]))(?:\#{1,3}|-\#)[ ]+(?=[^\n]))"
    r"|(?P<rest>^[ ]*+>>>[ ])|(?P<quote>^[ ]*+>[ ])",
    regex.MULTILINE,
)
_QUOTE = regex.compile(r"[ ]*+>[ ][^\n]*+(?:\n[ ]*+>[ ][^\n]*+)*+\n?")
_URL = regex.compile(r"https?://[^\s<]+[^<.,:;\"')\]\s]")
_ANGLE = regex.compile(r"<[^: >]{1,400}+:/[^ >]{1,2000}+>")
_GAP = regex.compile(r"\s")
_LINK = regex.compile(LINK)
_SUSPECT = regex.compile(r"\w_|[/<][^ `/<]*+`")
"""What Discord alone may take for the start of emphasis, and the start of an address with code."""
_NO_START = r"(?:\s|[,.;:!?)\]}]++(?:\s|\Z))"
"""What follows no mark that starts emphasis in CommonMark."""
_EMPHASIS = regex.compile(
    r"(?!(?<=\*)\*(?=\*)|(?<=_)_(?=_))(?:"  # not within a run: each would be read to its end
    rf"\*++(?!{_NO_START})[^*\n]*+\*++|__++(?!{_NO_START})[^_\n]*+__++|~~(?!{_NO_START})[^~\n]*+~~"
    rf"|(?P<loose>\S[ \t]*+(?:(?:\*\*++|__++|~~){_NO_START}|\*[,.;:!?)\]}}]++(?:\s|\Z))))"
)
"""Emphasis on one line; or marks of which only Discord makes a start."""
_LOOSE = regex.compile(_NO_START)
_LOOSE_MARKS = regex.compile(rf"(?:\*\*|__|~~){_NO_START}|\*[,.;:!?)\]}}]++(?:\s|\Z)")
_ENDS = regex.compile(r"[*_~|]|\]\(")
"""What in code or in an address may end something that begins before it."""
_LEAD = regex.compile(r"[ \t>]*+(?:(?:[-*+]|\d{1,9}[.)])[ \t]++)?+")
_READINGS = 5
"""Times that a message is read at most; two are enough for nearly all that change."""
_LEADS = 40
"""Characters before a line's words at most."""
_LONGEST = 3
"""Marks beside each other that start emphasis at most."""
_DOUBLE = 2
_NEXT = -1
"""Where to go on if the next part to read is another one."""


class _Frame(NamedTuple):
    """A part of the text that Discord reads by itself."""

    start: int
    end: int
    in_quote: bool = False
    signs: str = ""
    """The signs of the emphasis that it is in."""


def kept_apart(message: str) -> str:
    """Return a message in which no mark outside of code ends in code, in linear time."""
    message = literal(message)
    if not (_is_suspect(message) or _has_ends(message)):
        return message
    for _ in range(_READINGS):  # what is changed may change what a mark before it ends at
        reader = _Reader(message)
        reader.read()
        if not reader.edits:
            return message
        message = edited(message, reader.edits)
    return _plain(message)


def _is_suspect(message: str) -> bool:
    if _SUSPECT.search(message):
        return True
    if not _LOOSE_MARKS.search(message):  # nearly always
        return False
    return any(found["loose"] for found in _EMPHASIS.finditer(message))


def _has_ends(message: str) -> bool:
    """Return whether something in code or in an address could end what words before it start."""
    if "`" not in message and "://" not in message and "](" not in message:
        return False
    if not _ENDS.search(message):
        return False
    kept = Pairs(message).kept_between(0, len(message))
    return any(_ENDS.search(message, *each) for each in kept)


def _plain(message: str) -> str:
    """Return a message in which all marks in words are plain signs."""
    pairs = Pairs(message)
    marks = [
        Span(*token.span())
        for token in _TOKEN.finditer(message)
        if token["mark"] and not pairs.code_at(token.start())
    ]
    return edited(message, [plain_signs(message, each) for each in marks])


class _Reader:
    """Reads a message as Discord does, and notes what has to change in it."""

    def __init__(self, message: str) -> None:
        self.edits: list[Edit] = []
        self._text = message
        self._pairs = Pairs(message)
        self._has_angles = ":/" in message
        self._frames = [_Frame(0, len(message))]
        """What is left to read; the last is the next."""
        self._links = Links(message)
        self._kept: dict[int, list[Span]] = {}
        """Marks that end nothing because of a single mark, by where that is."""
        self._ways: dict[str, Callable[[regex.Match[str], _Frame], int]] = {
            "escape": lambda token, _: token.end(),
            "mark": self._mark,
            "code": self._code,
            "url": self._url,
            "angle": self._angle,
            "bracket": self._bracket,
            "line": self._line,
            "quote": self._quote,
            "rest": self._quote,
        }

    def read(self) -> None:
        """Read all. Each way returns where to go on in its frame, or `_NEXT`."""
        text, ways = self._text, self._ways
        while self._frames:
            frame = self._frames.pop()
            at, end = frame.start, frame.end
            while at >= 0 and (token := _TOKEN.search(text, at, end)) is not None:
                at = ways[token.lastgroup](token, frame)

    def _go_on(self, at: int, frame: _Frame, *inner: Span, sign: str = "") -> int:
        """Read these parts next, each by itself, and then the frame from `at`."""
        self._frames.append(_Frame(at, frame.end, frame.in_quote, frame.signs))
        for part in reversed(inner):
            self._frames.append(_Frame(*part, frame.in_quote, frame.signs + sign))
        return _NEXT

    # --- emphasis -------------------------------------------------------------------------------

    def _mark(self, token: regex.Match[str], frame: _Frame) -> int:
        run = Span(*token.span())
        kept_by: int | None = None
        for at in range(run.start, run.end - (self._text[run.start] in "~|")):
            ending = self._pairs.ending(at, frame.end)
            if ending is None:
                continue
            then = self._pair(run, at, ending, frame)
            if then is not None:
                return then
            kept_by = ending.at
        if kept_by is not None:
            self._kept.setdefault(kept_by, []).append(run)
        is_strike = run.end - run.start == _DOUBLE and self._text[run.start] == "~"
        return max(run.start + 1, run.end - is_strike)

    def _pair(self, run: Span, at: int, ending: Ending, frame: _Frame) -> int | None:
        """Read on, if one of these marks starts something; return None if it does not."""
        in_code = self._pairs.kept_from(at, ending.at)
        close = self._meant_end(run, frame) if in_code else None
        if close is not None:
            return self._end(run, close, frame)
        if not ending.ends:
            return None
        if in_code or not self._is_meant(at, ending):
            self._escape(run, has_code=in_code)
            return run.end
        inner = Span(at + ending.size, ending.at)
        return self._go_on(ending.at + ending.size, frame, inner, sign=self._text[at])

    def _escape(self, run: Span, *, has_code: bool) -> None:
        """Write marks as plain signs, and with them those that they keep from ending in code."""
        left = [run]
        while left:
            marks = left.pop()
            self.edits.append(plain_signs(self._text, marks))
            left += self._kept.pop(marks.end - 1, []) if has_code else []

    def _is_meant(self, at: int, ending: Ending) -> bool:
        """Return whether a mark starts emphasis in CommonMark too, or is meant to."""
        text = self._text
        if text[at] == "|":
            return True
        start, end = self._pairs.run_at(at)
        after = max(end, at + ending.size)
        if text[at] == "_" and start and text[start - 1].isalnum():
            return False
        if not (start and _LOOSE.match(text, after)):
            return True
        if not text[after].isspace():
            return False
        line = text.rfind("\n", max(start - _LEADS, 0), start) + 1
        return (line > 0 or start < _LEADS) and _LEAD.fullmatch(text, line, start) is not None

    def _meant_end(self, run: Span, frame: _Frame) -> Span | None:
        """Return the marks in the paragraph that end what these start, if code is read first."""
        text, sign, size = self._text, self._text[run.start], run.end - run.start
        if size > _LONGEST or not text[run.end : run.end + 1].strip():
            return None
        if sign == "_" and text[max(run.start - 1, 0)].isalnum():
            return None
        close = self._pairs.next_in_words(run, frame.end)
        if close is None or close.end - close.start != size or text[close.start - 1].isspace():
            return None
        after = text[close.end : close.end + 1]
        if (sign == "_" and after.isalnum()) or (sign == "~" and after == "_"):
            return None
        between = self._pairs.code_from(run.end, close.start)
        if any("\n" in text[slice(*code)] for code in between):
            return None
        return None if "\n\n" in text[run.end : close.start] else close

    def _end(self, run: Span, close: Span, frame: _Frame) -> int:
        """Let marks end where they are meant to: with the other sign of italics, or in pieces."""
        for kept in self._kept.pop(run.end - 1, []):
            self._escape(kept, has_code=True)
        other = {"*": "_", "_": "*"}.get(self._text[slice(*run)], "")
        if other and self._can_be(other, run, close, frame):
            self.edits += (Edit(*run, 0, other), Edit(*close, 0, other))
            return self._go_on(close.end, frame, Span(run.end, close.start), sign=other)
        return self._split(run, close, frame)

    def _can_be(self, sign: str, run: Span, close: Span, frame: _Frame) -> bool:
        """Return whether italics may have another sign: it is nowhere in them, nor around them."""
        text = self._text
        after = text[close.end : close.end + 1]
        if sign in frame.signs or sign in text[max(run.start - 1, 0) : close.end + 1]:
            return False
        return sign == "*" or not after.isalnum()

    def _split(self, run: Span, close: Span, frame: _Frame) -> int:
        """Give the words around what has the mark's sign marks of their own."""
        text, marks = self._text, self._text[slice(*run)]
        codes = [
            code
            for code in self._pairs.kept_between(run.end, close.start)
            if marks[0] in text[slice(*code)]
        ]
        self.edits += (self._without(run), self._without(close))
        rank = len(self.edits)
        words: list[Span] = []
        starts, ends = (run.end, *(c.end for c in codes)), (*(c.start for c in codes), close.start)
        for start, end in zip(starts, ends, strict=True):
            part = text[start:end].rstrip()
            if part:
                first, last = end - len(text[start:end].lstrip()), start + len(part)
                words.append(Span(first, last))
                slashes = len(part) - len(part.rstrip("\\"))
                closing = f"\\{marks}" if slashes % 2 else marks
                self.edits += (Edit(first, first, rank, marks), Edit(last, last, -rank, closing))
        return self._go_on(close.end, frame, *words, sign=marks[0])

    def _without(self, marks: Span) -> Edit:
        """Remove marks; code on both sides stays apart."""
        around = self._text[marks.start - 1 : marks.start] + self._text[marks.end : marks.end + 1]
        return Edit(*marks, 0, JOINER if around == "``" else "")

    # --- the rest -------------------------------------------------------------------------------

    def _code(self, token: regex.Match[str], _: _Frame) -> int:
        code = self._pairs.code_at(token.start())
        end: int = code.end if code else token.end()
        return end

    def _url(self, token: regex.Match[str], frame: _Frame) -> int:
        """Keep an address from including the code behind it."""
        url = _URL.match(self._text, token.start(), frame.end)
        end: int = url.end() if url else token.end()
        code = self._pairs.code_from(token.start(), end)
        if code:
            end = code[0].start
            self.edits.append(Edit(end, end, 0, " "))
        return end

    def _angle(self, token: regex.Match[str], frame: _Frame) -> int:
        """Keep an address in `<>` from including code: it has no space."""
        link = _ANGLE.match(self._text, token.start(), frame.end) if self._has_angles else None
        code = self._pairs.code_from(token.start(), link.end()) if link else []
        if link is not None and code:
            gap = _GAP.search(self._text, token.start(), code[0].start)
            at = gap.start() if gap else code[0].start
            self.edits.append(Edit(at, at, 0, " "))
        end: int = link.end() if link and not code else token.end()
        return end

    def _bracket(self, token: regex.Match[str], frame: _Frame) -> int:
        """Read a link, unless Discord's reading of it cuts code in two, or includes too much.

        A heading behind a quote is none to the package above: its links may end in a later line.
        """
        at: int = token.start()
        within, beyond = (self._links.at(at, end) for end in (frame.end, len(self._text)))
        if not all(self._is_whole(at, link) for link in (within, beyond) if link):
            self.edits.append(Edit(at, at, 0, "\\"))
        elif within:
            return self._go_on(within[1].end, frame, within[0])
        return at + 1

    def _is_whole(self, at: int, link: tuple[Span, Span]) -> bool:
        """Return whether a link that Discord reads is the one that is meant, and cuts no code."""
        words, target = link
        meant = _LINK.match(self._text, at)
        is_meant = meant is None or meant.end("words") == words.end
        cuts = self._pairs.code_at(target.start) or self._pairs.code_from(*target)
        return is_meant and not cuts

    def _line(self, token: regex.Match[str], frame: _Frame) -> int:
        """Read a heading or a line in small letters."""
        end = self._text.find("\n", token.end(), frame.end)
        end = frame.end if end < 0 else end
        return self._go_on(min(end + 1, frame.end), frame, Span(token.end(), end))

    def _quote(self, token: regex.Match[str], frame: _Frame) -> int:
        start: int = token.end()
        if frame.in_quote:
            return start
        quote = _QUOTE.match(self._text, token.start(), frame.end)
        end = quote.end() if quote and token["quote"] else frame.end
        quoted = _Frame(start, end, in_quote=True, signs=frame.signs)
        self._frames += (frame._replace(start=end), quoted)
        return _NEXT
