"""Which addresses a request may go to: the platform's own over TLS, and what the operator set."""

from __future__ import annotations

import pytest
from yarl import URL

from bots.discord.hosts import all_hosts, api_hosts, file_hosts
from bots.slack import hosts as slack

HERE = "http://127.0.0.1:8080/api/"

SLACKS = [
    "https://files.slack.com/files-pri/T1-F1/a.png",
    "https://acme.slack.com/files-pri/T1-F1/a.png",
    "https://acme.enterprise.slack.com/files-pri/T1-F1/a.png",
    "https://slack.com/files",
    "https://slack-files.com/T1-F1-abc",
    "https://files.slack-gov.com/files-pri/T1-F1/a.png",
    "https://FILES.Slack.COM:443/a",
    "wss://wss-primary.slack.com/link/?ticket=1",
]
ELSEWHERE = [
    "",
    "F1",
    "/files-pri/T1-F1/a.png",
    "//files.slack.com/a",
    "http://files.slack.com/a",
    "ws://wss-primary.slack.com/link/",
    "ftp://files.slack.com/a",
    "file:///etc/passwd",
    "javascript:alert(1)",
    "https://files.slack.com:8443/a",
    "https://files.slack.com:0/a",
    "https://files.slack.com:99999/a",
    "https://files.slack.com@evil.example/a",
    "https://user:word@files.slack.com/a",
    "https://user@files.slack.com/a",
    "https://files.slack.com\\@evil.example/a",
    "https://files.slack.com%2f@evil.example/a",
    "https://files.slack.com.evil.example/a",
    "https://files.slack.com./a",
    "https://files.slack.com%00.evil.example/a",
    "https://files.slack.com\t.evil.example/a",
    "https://evil.example/?files.slack.com",
    "https://evil.example/#@files.slack.com",
    "https://evil.example/https://files.slack.com/a",
    "https://evilslack.com/a",
    "https://slack.com.co/a",
    "https://notslack-files.com/a",
    "https://xn--lack-xta.com/a",
    "https://\N{CYRILLIC SMALL LETTER DZE}lack.com/a",
    "https://127.0.0.1/a",
    "https://169.254.169.254/latest/meta-data/",
    "https://[::1]/a",
    "https://[::1%25.slack.com]/a",
    "https://[::ffff:203.0.113.7%25files.slack.com]/a",
    "https://[fe80::1%25.discord.gg]/a",
    "https://.slack.com/a",
    "https://a..slack.com/a",
    "https://evil.example%2f.slack.com/a",
    "https://evil.example%23.slack.com/a",
    "https://evil.example\N{FULLWIDTH SOLIDUS}.slack.com/a",
    "https://docs.google.com/document/d/1",
    "https:files.slack.com/a",
    "https:///a",
    "http://127.0.0.1:8081/api/",
    "http://127.0.0.2:8080/api/",
    "http://localhost:8080/api/",
    "https://127.0.0.1:8080/api/",
]


@pytest.mark.parametrize("address", SLACKS)
def test_slacks_own_addresses(address: str) -> None:
    assert slack.slack_hosts("").find(address) == URL(address)
    assert slack.file_hosts(HERE).find(address) == URL(address)


@pytest.mark.parametrize("address", ELSEWHERE)
def test_addresses_elsewhere(address: str) -> None:
    assert slack.slack_hosts(HERE).find(address) is None
    assert slack.file_hosts(HERE).find(address) is None
    assert api_hosts(HERE).find(address) is None
    assert file_hosts(HERE).find(address) is None


@pytest.mark.parametrize("address", ["http://127.0.0.1:8080/files/a", "ws://127.0.0.1:8080/link"])
def test_the_address_that_the_operator_set_may_be_plain(address: str) -> None:
    assert slack.slack_hosts(HERE).find(address) == URL(address)
    assert slack.slack_hosts("").find(address) is None
    assert slack.slack_hosts(HERE.replace("http", "https")).find(address) is None


@pytest.mark.parametrize("base", ["https://slack.com/api/", HERE])
def test_a_method_of_the_api_is_no_file(base: str) -> None:
    """`api.test` answers with what it was given; a token was read out so.

    Source: github.com/paradigmxyz/centaur, pull request 16.
    """
    for path in (
        "/api/api.test",
        "/x/../api/api.test",
        "/%61pi/api.test",
        "//api/api.test",
        "/.//api/api.test",
        "/API/api.test",
        "/%2fapi/api.test",
        "/x/..%2fapi/api.test",
        "/x%5C..%5Capi/api.test",
        "/api;x/api.test",
        "/api",
    ):
        address = str(URL(base).origin()) + path
        assert slack.file_hosts(base).find(address) is None
        assert slack.slack_hosts(base).find(address) is not None


@pytest.mark.parametrize(
    ("address", "api", "files"),
    [
        ("https://discord.com/api/v10/users/@me", True, False),
        ("wss://gateway.discord.gg/?v=10", True, False),
        ("wss://gateway-us-east1-b.discord.gg/?v=10", True, False),
        ("https://cdn.discordapp.com/attachments/1/2/a.png?ex=1", False, True),
        ("https://media.discordapp.net/attachments/1/2/a.png", False, True),
        ("https://images-ext-1.discordapp.net/external/a", False, False),
        ("https://cdn.discordapp.com.evil.example/a.png", False, False),
        ("https://evil.example/cdn.discordapp.com/a.png", False, False),
        ("http://cdn.discordapp.com/attachments/1/2/a.png", False, False),
        ("wss://gateway.discord.gg.evil.example/", False, False),
        ("wss://evildiscord.gg/", False, False),
        ("ws://gateway.discord.gg/", False, False),
    ],
)
def test_discords_addresses(address: str, *, api: bool, files: bool) -> None:
    assert (api_hosts("").find(address) is not None) == api
    assert (file_hosts("").find(address) is not None) == files
    assert (all_hosts("").find(address) is not None) == (api or files)
