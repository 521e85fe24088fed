"""The text of a file, in whatever encoding it came. Pure. It never raises.

Excel, PowerShell and many exports write in the encoding of their country, or in UTF-16, and don't
state which. UTF-8 and UTF-16 are recognized by rules; every other encoding is guessed by chardetng,
the detector of Firefox (ADR 42). What is guessed is said to be so, and is refused if the text is
too short for a guess, since a text in a wrong encoding looks like words of another language.
"""

from __future__ import annotations

import codecs
import re
from enum import StrEnum
from typing import Final, NamedTuple

from chardetng_py import EncodingDetector

from core.domain.limits import TEXT_FILE_BYTES
from core.domain.message import clean

ENOUGH: Final = 5 * TEXT_FILE_BYTES
"""Bytes that hold more text than is shown, even at four bytes a character."""
_NARROW = TEXT_FILE_BYTES + 16 * 1024
"""The same in encodings that take no more bytes for a character than UTF-8 does."""
_PART = 16 * 1024
"""Bytes that the detector gets at once: it holds the interpreter for some 5 ms meanwhile."""
_SAMPLE = 16 * 1024
"""Characters, or bytes, that are looked at to see if a text is sound."""

_BOMS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_WIDTHS: Final = {"utf-32-le": 4, "utf-32-be": 4, "utf-16-le": 2, "utf-16-be": 2}
_CONTROLS = bytes(set(range(32)) - set(b"\t\n\r\f\b\x1b"))
_NOT_ASCII = bytes(range(128, 256))
_CONTROL = re.compile("[\0-\x07\x0e-\x1a\x1c-\x1f\x80-\x84\x86-\x9f\N{REPLACEMENT CHARACTER}]")
_ODD = 50
"""If one in so many characters can't be in a text, the file is no text."""
_SHORT = 12
"""Bytes of a file in which a single control character is no accident."""
_END_OF_FILE = b"\x1a"
"""Programs for DOS end a text with it."""
_PADDING = bytes(4)
_SHIFTS = (b"\x1b$", b"\x1b(J")
"""What begins Japanese in ISO-2022-JP, which consists of ASCII bytes (RFC 1468)."""
_DAMAGE = 2
"""UTF-8 with damaged characters has fewer of them than one in so many that are not ASCII."""
_FEW_LETTERS = 5
"""So few letters that are not Latin fit a dozen encodings (`tests/unit/test_encodings.py`)."""
_FEW_SIGNS = 4
"""The same of Chinese, Japanese and Korean signs, which tell more."""
_FEW_HAN = 30
"""Japanese of fewer signs, none of them kana, can as well be Chinese."""

_CODECS: Final = {
    "Shift_JIS": "cp932",
    "EUC-KR": "cp949",
    "GBK": "gb18030",
    "Big5": "big5hkscs",
    "windows-874": "cp874",
    "x-mac-cyrillic": "mac_cyrillic",
}
"""Python's names, if those of the detector (the WHATWG's) mean less in Python, or nothing."""
_CODECS_STATED: Final = {
    "shift_jis": "cp932",
    "euc-kr": "cp949",
    "ks_c_5601-1987": "cp949",
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "iso-8859-1": "cp1252",
}
"""Encodings that most programs state for a larger one (the WHATWG's "Encoding", "Names")."""
_NARROW_CODEC = re.compile("cp(?:125|874|866|932|949)|iso8859|koi8|euc|gb|big5|shift|mac")
"""Names of Python's codecs for text in which ASCII stands as it is."""
_STATEMENT = re.compile(
    rb"""<\?xml[^>]{0,99}?encoding\s{0,3}=\s{0,3}["']([\w.-]{2,20})"""
    rb"""|<meta[^>]{0,199}?charset\s{0,3}=\s{0,3}["']?([\w.-]{2,20})"""
    rb"""|content-type:[^\n]{0,99}?charset="?([\w.-]{2,20})""",
    re.IGNORECASE,
)
_HEAD = 4 * 1024
"""Bytes at the beginning in which a text states its encoding."""
_EAST = {"Shift_JIS", "EUC-JP", "ISO-2022-JP", "EUC-KR", "GBK", "gb18030", "Big5"}
_WEST = "windows-1252"
_OTHERS = ("cp850", "mac_roman")
"""Encodings that the detector does not know: of the console of Windows, and of Excel for Mac."""
_LINES = (b"\xc4" * 3, b"\xcd" * 3)
"""The lines around a table in the console's encoding; no word has these letters."""
_WESTERN = re.compile("[\0-\x7fÄÅÆÇÉÑÖØÜßàáâäåæçèéêëíîïñóôöøùúûü\u2500-\u259f]*+")
"""What these two have in common with each other and little else; and the lines of tables."""
_IN_WORD = re.compile("[A-Za-z][^\0-\x7f]|[^\0-\x7f][A-Za-z]")
_LATIN = re.compile("windows-125[0247]|ISO-8859-(?:1|2|3|4|9|10|13|14|15|16)")
_RARE_LATIN = re.compile("ISO-8859-(?:3|4|9|10|13|14|16)")
"""Guesses for a few letters that are nearly always those of Western Europe."""
_KANA = re.compile("[\u3041-\u30ff]")
_HALF_KANA = re.compile(rb"[\0-\x7f\xa6-\xdf]*+")
_FOREIGN = re.compile("[^\0-\x7f]")
_LETTER = re.compile(r"[^\W\d_\0-\x7f]|[\u0300-\u036f\u0591-\u05bd\u064b-\u0652\u0e31-\u0e4e]")
_COMMON = re.compile(
    "[\xa0\xa1\xa3\xa7\xa9\xab-\xae\xb0-\xb7\xb9-\xbf\xd7\xf7\u2013-\u2026\u20ac№™]"
)
"""Signs that stand in texts of alphabets beside letters."""
_INSIDE = re.compile(
    "(?<=[^\\W\\d_])[^\\w\0-\x7f\xad\xb7\u2010-\u2015\u2018\u2019\u2026](?=[^\\W\\d_])"
)
"""Signs that stand within a word; few are right there."""
_SHOWN = re.compile("[\t\n\r -~]")
_SHARED = re.compile(
    "[\t\n\r -~\u200d\u2010-\u2033\u20ac\u2600-\u27bf\u3000-\u303f\ufe0f\uff00-\uffef"
    "\U0001f300-\U0001faff]"
)
"""Characters that stand in texts of all scripts."""
_SCRIPTS = (
    re.compile("[\xa0-\u024f\u1e00-\u1eff]"),
    re.compile("[\u0370-\u03ff]"),
    re.compile("[\u0400-\u052f]"),
    re.compile("[\u0590-\u05ff]"),
    re.compile("[\u0600-\u06ff]"),
    re.compile("[\u0900-\u097f]"),
    re.compile("[\u0e00-\u0e7f]"),
    re.compile("[\uac00-\ud7a3]"),
    re.compile("[\u3041-\u30ff\u4e00-\u9fff]"),
)
"""Latin, Greek, Cyrillic, Hebrew, Arabic, Devanagari, Thai, Korean; Chinese and Japanese."""


class NoText(StrEnum):
    """Why bytes can't be shown as text."""

    BINARY = "it is not text"
    UNKNOWN = "I can't determine the encoding of its text: save it as UTF-8"


class Decoded(NamedTuple):
    """The text of a file, and what is to be said about it."""

    text: str
    note: str = ""
    """What is uncertain about the text, for the model; empty if nothing is."""


def decoded(data: bytes) -> Decoded | NoText:
    """Return the bytes as text, or why they can't be; what is beyond `ENOUGH` may be missing."""
    data = data[:ENOUGH]
    for bom, encoding in _BOMS:
        if data.startswith(bom):
            return _sound(data[len(bom) :].decode(encoding, errors="replace"))
    data = _unpadded(data).removesuffix(_END_OF_FILE)
    odd = _controls_in(data)
    rare = not odd or (len(data) >= _SHORT and odd <= max(1, len(data) // _ODD))
    if rare:
        return _unicode(data) or _stated(data) or _guessed(data)
    wide = _wide(data, odd)
    return NoText.BINARY if wide is None else Decoded(clean(wide))


def _unpadded(data: bytes) -> bytes:
    """Return the bytes without zeros at the end, as a crash leaves them after the last line."""
    if not data.endswith(_PADDING):
        return data
    text = data.rstrip(b"\0")
    return text if text and not _controls_in(text) else data


def _controls_in(data: bytes) -> int:
    return len(data) - len(data.translate(None, _CONTROLS))


# --- what states itself -------------------------------------------------------------------------


def _unicode(data: bytes) -> Decoded | None:
    """Return text in UTF-8, or in the one encoding that states itself within the text."""
    head = data[:_NARROW]
    if any(shift in head for shift in _SHIFTS):
        try:
            return Decoded(head.decode("iso2022_jp_ext"))
        except UnicodeDecodeError:
            pass  # a terminal's escapes begin alike
    try:
        text, _ = codecs.utf_8_decode(head, "strict", len(head) == len(data))
    except UnicodeDecodeError as error:
        sample = head[error.start :][:_SAMPLE].decode(errors="replace")
        foreign = len(
            _FOREIGN.findall(head[: error.start][-_SAMPLE:].decode(errors="ignore") + sample)
        )
        wrong = sample.count("\N{REPLACEMENT CHARACTER}")
        return _noted(head.decode(errors="replace")) if wrong * _DAMAGE <= foreign else None
    return _noted(text)


def _stated(data: bytes) -> Decoded | None:
    """Return text in the encoding that a page, XML or an e-mail says that it has, if it has it."""
    found = _STATEMENT.search(data, 0, _HEAD)
    name = next(filter(None, found.groups()), b"").decode("ascii", "replace") if found else ""
    try:
        codec = codecs.lookup(_CODECS_STATED.get(name.lower(), name)).name if name else ""
        return Decoded(clean(data[:_NARROW].decode(codec))) if _NARROW_CODEC.match(codec) else None
    except (LookupError, UnicodeDecodeError):
        return None


def _sound(text: str) -> Decoded | NoText:
    """Return a text whose encoding is known, unless it has no characters of a text."""
    odd = len(_CONTROL.findall(text))
    return NoText.BINARY if odd * _ODD > len(text) else _noted(text)


def _noted(text: str) -> Decoded:
    """Return a text with a note if characters of it are damaged."""
    wrong = text.count("\N{REPLACEMENT CHARACTER}") + text.count("\0")
    note = f"{wrong} of its characters are damaged, and shown as \N{REPLACEMENT CHARACTER}"
    return Decoded(clean(text), note if wrong else "")


def _wide(data: bytes, odd: int) -> str | None:
    """Return the text of UTF-16 or UTF-32 without a mark; None if it is in neither.

    In both, a twentieth or more of the bytes are control characters (`odd`): the other half of a
    line end, and of letters. In ASCII it must be two fifths, since two letters of it would make one
    Chinese sign.
    """
    if data.isascii() and odd * 5 < len(data) * 2:
        return None
    found: list[tuple[int, str]] = []
    for encoding, width in _WIDTHS.items():
        whole = len(data) // width * width
        try:
            text = data[:whole].decode(encoding)
        except UnicodeDecodeError:
            continue
        sample = text[:_SAMPLE]
        script = max(len(script.findall(sample)) for script in _SCRIPTS)
        if (script + len(_SHARED.findall(sample))) * 20 >= len(sample) * 19:
            found.append((len(_SHOWN.findall(sample)), text))
    return max(found, key=lambda each: each[0])[1] if found else None


# --- what is guessed ----------------------------------------------------------------------------


def _guessed(data: bytes) -> Decoded | NoText:
    size, data = len(data), data[:_NARROW]
    detector = EncodingDetector()
    for at in range(0, len(data), _PART):
        part = data[at : at + _PART].replace(b"\0", b" ")
        detector.feed(part, last=at + _PART >= size)  # a character may be cut, if there is more
    name = detector.guess(tld=None, allow_utf8=False)
    name, text = _read_as(data, name)
    first = _FOREIGN.search(text)
    sample = text[first.start() :][:_SAMPLE] if first else ""
    if not _is_likely(sample, name, data):
        foreign = len(data) - len(data.translate(None, _NOT_ASCII))
        few = foreign * _ODD <= len(data)  # as in a log with stray bytes
        return _noted(data.decode(errors="replace")) if few else NoText.UNKNOWN
    return Decoded(
        clean(text),
        f"it does not state its encoding, which is guessed to be {name}; if it reads like "
        "gibberish, say so and ask for it in UTF-8",
    )


def _read_as(data: bytes, name: str) -> tuple[str, str]:
    """Return the encoding and the text; for Latin letters, a likelier one than is guessed."""
    text = data.decode(_CODECS.get(name, name), errors="replace")
    latin = _LATIN.fullmatch(name) is not None
    if (latin and _is_odd(text[:_SAMPLE])) or any(line in data for line in _LINES):
        for other in _OTHERS:
            if _WESTERN.fullmatch(read := data.decode(other)) and _IN_WORD.search(read):
                return other, read
    if _RARE_LATIN.fullmatch(name):
        western = data.decode("cp1252", errors="replace")
        if not _is_odd(western[:_SAMPLE]):
            return _WEST, western
    return name, text


def _is_odd(text: str) -> bool:
    """Return whether a text of Latin letters has signs where no words have any."""
    return bool(_CONTROL.search(text)) or len(_INSIDE.findall(text)) * 4 > len(
        _FOREIGN.findall(text)
    )


def _is_likely(text: str, name: str, data: bytes) -> bool:
    """Return whether a guess may be shown, by the text from its first foreign character on."""
    count = len(_FOREIGN.findall(text))
    if len(_CONTROL.findall(text)) * _ODD > count + _ODD:
        return False
    if name in _EAST:
        unclear = name == "EUC-JP" and count < _FEW_HAN and not _KANA.search(text)
        return count >= _FEW_SIGNS and not (unclear and _is_chinese(data))
    if name in _OTHERS:
        return True
    if name == "ISO-8859-5" and _HALF_KANA.fullmatch(data):
        return False
    letters = len(_LETTER.findall(text))
    latin = _LATIN.fullmatch(name) is not None
    if (latin and _is_odd(text)) or (not latin and letters < _FEW_LETTERS):
        return False
    return letters + len(_COMMON.findall(text)) >= count / 2


def _is_chinese(data: bytes) -> bool:
    try:
        data.decode("gb18030")
    except UnicodeDecodeError:
        return False
    return True
