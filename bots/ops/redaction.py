"""Redacts secrets from a line: the known ones, and anything shaped like one. Pure.

A line may quote a platform, a store or a library, and with it secrets that are not in the
settings: upload addresses, response URLs, session tokens, signatures.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

# not `re`: before Python 3.11.5 its possessive groups go wrong
import regex  # type: ignore[import-untyped] # ships no types

if TYPE_CHECKING:
    from collections.abc import Iterable

GONE = "***"
_NAMES = (
    r"(?:x-amz-(?:signature|security-token|credential)|authorization|cookie|signature|ticket"
    r"|response_url|secret|(?:pass(?:word|wd)?|api[_-]?key|access[_-]?key(?:[_-]?id)?|sig|hm))"
)
_SHAPES = (
    # Slack: tokens of apps, bots, people, refresh and configuration (docs: authentication/tokens)
    regex.compile(r"\bxox[a-z](?:\.xox[a-z])?+-[\w-]++|\bxapp-[\w-]++"),
    # Anthropic's keys, and others' of that kind
    regex.compile(r"\bsk-[\w-]{16,}+"),
    # Discord's tokens (docs: reference, "Authentication"), and JSON web tokens
    regex.compile(r"(?<![\w-])[\w-]{16,200}+\.[\w-]{4,1000}+\.[\w-]{20,}+"),
    # The ids of AWS's keys (docs: IAM, "Unique identifiers")
    regex.compile(r"\b(?:AKIA|ASIA)[A-Z0-9]{12,}+"),
    # What signs or authorizes a request
    regex.compile(r"(?i)(?<=\b(?:bearer|bot|basic) )[\w.~+/=-]{16,}+"),
    # Addresses that authorize anyone who knows them: webhooks, response URLs, uploads
    regex.compile(r"(?<=\bhooks\.slack(?:-gov)?\.com/)[^\s\"'<>]++"),
    regex.compile(r"(?<=\bfiles\.slack(?:-gov)?\.com/upload/)[^\s\"'<>]++"),
    regex.compile(r"(?<=/(?:webhooks|interactions)/\d{15,20}/)[\w-]++"),
    # A password before a host
    regex.compile(r"(?<=://[^\s/?#@:]{0,100}:)[^\s@]{1,300}+(?=@)"),
    # A value with a telling name: in a query, a header, a dictionary
    regex.compile(
        rf"(?i)(?<=[\w-]*{_NAMES}[\"']?+ ?[=:] ?(?:b?[\"'])?+)(?!\*\*\*|b?[\"'])"
        r"(?:(?:bearer|bot|basic) )?+[^\s\"'&,;})\]]++"
    ),
    regex.compile(
        r"(?i)(?<=(?:_|\b)token[\"']?+ ?[=:] ?(?:b?[\"'])?+)(?!\*\*\*|b?[\"'])[^\s\"'&,;})\]]{8,}+"
    ),
)


def redact(text: str, secrets: Iterable[str] = ()) -> str:
    """Return the text with these secrets, and anything that looks like one, replaced by ***."""
    for secret in secrets:
        text = text.replace(secret, GONE)
    for shape in _SHAPES:
        text = shape.sub(GONE, text)
    return text
