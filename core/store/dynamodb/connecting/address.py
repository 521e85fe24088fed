"""Parsing the address of a DynamoDB table in CHATBOT_STORE."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import parse_qsl, urlsplit

from core.domain.errors import SettingsError

# https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/HowItWorks.NamingRulesDataTypes.html
_NAME = re.compile(r"[A-Za-z0-9_.-]{3,255}")
_REGION = re.compile(r"[a-z0-9-]+")
_FORM = "write dynamodb://TABLE?region=REGION, for instance dynamodb://chatbot?region=eu-central-1"


@dataclass(frozen=True, slots=True)
class Address:
    """Where a table is; empty fields come from AWS's own settings."""

    table: str
    region: str = ""
    endpoint: str = ""
    """A URL instead of the region's own, for instance of a server for tests."""

    def __str__(self) -> str:
        """Return the address for people to read."""
        place = self.endpoint or self.region
        return f"the DynamoDB table {self.table}" + (f" at {place}" if place else "")


def parse(url: str) -> Address:
    """Return the address in a `dynamodb://` URL.

    Raises:
        SettingsError: The address is invalid. The text repeats nothing of it.
    """
    try:
        parts = urlsplit(url)
        query = dict(parse_qsl(parts.query, keep_blank_values=True, strict_parsing=True))
    except ValueError:
        query = {"": ""} if "?" in url else {}
        parts = urlsplit(url.partition("?")[0])
    if "@" in parts.netloc:
        raise SettingsError(
            "a DynamoDB address has no password in it: credentials come from AWS's own settings "
            "(AWS_ACCESS_KEY_ID, AWS_PROFILE, a role)"
        )
    if not _NAME.fullmatch(parts.netloc) or parts.path not in {"", "/"}:
        raise SettingsError(f"the DynamoDB address has no valid table name: {_FORM}")
    if query.keys() - {"region", "endpoint"}:
        raise SettingsError(f"a DynamoDB address only takes region and endpoint: {_FORM}")
    region, endpoint = query.get("region", ""), query.get("endpoint", "")
    if region and not _REGION.fullmatch(region):
        raise SettingsError(f"the DynamoDB address has no valid region: {_FORM}")
    if endpoint and not _is_web(endpoint):
        raise SettingsError(
            "the endpoint in the DynamoDB address is an address that begins with http:// or "
            "https://, for instance http://localhost:8000"
        )
    return Address(parts.netloc, region, endpoint)


def _is_web(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:  # an invalid address or port
        return False
