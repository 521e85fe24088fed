"""What an API says of a refused request, fit for the log: none of the request's words. Pure.

APIs and gateways quote: LiteLLM the whole request, validators the value that they refuse, proxies
the key that they got. The log must not have what people said. So a word is shown only if the
request does not contain it, or if it is one that refusals are made of.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

_READ = 400
"""Characters of a refusal that are looked at; what follows is mostly what it quotes."""
_HIDDEN = "\N{HORIZONTAL ELLIPSIS}"
_WORD = re.compile(r"\w+")
_SECRET = re.compile(r"\b(?:sk[-_]|bearer )\S{8,}|\\u[0-9a-f]{4}\S*|\w{24,}", re.IGNORECASE)
"""What may be a key, and an escape, under which a word of the request would not be found."""
_TAGS = re.compile(r"<[^<>]{0,200}>")
_MARKS = re.compile(rf"{_HIDDEN}(?:[\W_]*{_HIDDEN})+")

_PLAIN = frozenset(
    """
    a access account accounts add again all allowed an and anthropic any api are at authentication
    authorized available bad balance base64 be been beta billing block blocked blocks body budget by
    cache can cannot claude code completion concurrent connection connections contact content
    context control could country credential credentials credit credits data day denied deployment
    disabled document does due empty enabled endpoint enough error exceed exceeded exceeds exist
    expired external extra failed field fields file for forbidden format found free from gateway got
    group has have header hour http https id image images in input inputs insufficient internal
    invalid is it its json key large last length less limit limits list long low max maximum
    message messages minute missing model models month more must name network no non not number of
    on only or organization out output overloaded page pages parameter password pdf per permission
    permitted pixels plan please policy process project prompt prompts protected provided provider
    quota rate reached received refused region regions request requested requests required reset
    resource retry role schema second see server service should size source spend specified status
    string supported system temperature terms text than that the there thinking this timeout to
    token tokens too tool tools try type unable unauthorized unknown unsupported upgrade upstream
    url usage use user valid value version was were whitespace window with within workspace would
    wrong you your
    """.split()  # noqa: SIM905 - a list of 200 literals reads worse
)
"""Words that refusals are made of; that one of them is in a message says nothing of it."""


def words_of_its_own(said: str, texts: Iterable[str]) -> str:
    """Return the beginning of what an API said, on one line, without words of these texts."""
    start = _SECRET.sub(_HIDDEN, _TAGS.sub(" ", said[:_READ]))
    asked = "\n".join(texts).lower() if start.strip() else ""

    def shown(word: re.Match[str]) -> str:
        low = word[0].lower()
        return word[0] if low in _PLAIN or low not in asked else _HIDDEN

    return _MARKS.sub(_HIDDEN, " ".join(_WORD.sub(shown, start).split()))
