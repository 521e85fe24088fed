"""Addresses, proxies and certificates that HTTP libraries refuse, told in a sentence each."""

from __future__ import annotations

from typing import TYPE_CHECKING

import httpx2
import pytest
import trustme
from anthropic import DefaultAsyncHttpxClient

from bots.__main__ import UNUSABLE, main
from bots.settings.addresses import fault_in_base_url, fault_in_url
from bots.settings.network import NetworkUses, network_faults, store_faults

if TYPE_CHECKING:
    from pathlib import Path

CLAUDE = NetworkUses(claude=True, tls=True)
ALL = NetworkUses(claude=True, slack=True, dynamodb=True, tls=True)

GOOD = (
    "https://api.anthropic.com",
    "https://api.anthropic.com/",
    "http://127.0.0.1:8080/anthropic",
    "http://[::1]:80",
    "https://user:word@proxy.example/x/",
    "http://bücher.example",
    "http://my_service:4000",
    "https://gateway.example.:8443/v1beta",
    "https://v1.example",
)
BAD = {
    "http://127.0.0.1:99999": "is not a URL",
    "http://127.0.0.1:abc": "is not a URL",
    "http://127.0.0.1:0": "needs a port",
    "http://127.0.0.1:": "needs a port",
    "http://[::1": "is not a URL",
    "http://[::zz]": "is not a URL",
    "https://exa mple.com": "contains characters",
    '"https://example.com"': "contains characters",
    "http://example.com/\x7f": "contains characters",
    "http://.../": "can't exist",
    "http://*/": "can't exist",
    "http://a..b/": "can't exist",
    "http://-/": "can't exist",
    f"http://{'a' * 300}.com": "can't exist",
    "http://": "is not a URL",
    "ftp://example.com": "is not a URL",
    "example.com": "is not a URL",
    "//example.com": "is not a URL",
}
VERSIONED = (
    "https://api.anthropic.com/v1",
    "https://api.anthropic.com/v1/",
    "https://api.anthropic.com/v1//",
    "https://api.anthropic.com/v1/messages",
    "https://gateway.example/x/v1/chat/completions/",
    "https://api.anthropic.com/V1",
)


@pytest.mark.parametrize("url", GOOD)
def test_an_address_that_can_be_used(url: str) -> None:
    assert fault_in_base_url(url) == ""
    httpx2.Request("POST", f"{url}/v1/messages")


@pytest.mark.parametrize("url", BAD)
def test_an_address_that_can_not(url: str) -> None:
    assert BAD[url] in fault_in_url(url)


@pytest.mark.parametrize("url", VERSIONED)
def test_a_version_at_the_end_is_named_as_the_fault(url: str) -> None:
    assert "ends in /v1" in fault_in_base_url(url).lower()
    assert "appends itself" in fault_in_base_url(url)


@pytest.mark.parametrize("url", ["http://x/?key=1", "http://x/#a", "http://x/a?"])
def test_something_behind_the_path_is_named_as_the_fault(url: str) -> None:
    assert "behind its path" in fault_in_base_url(url)


PROXIES = {
    "socks5://127.0.0.1:9": "SOCKS",
    "SOCKS5H://127.0.0.1:9": "SOCKS",
    "socks4a://u:hunter2@127.0.0.1": "SOCKS",
    "ftp://bob:hunter2@127.0.0.1:9": "not reached by HTTP",
    "http://127.0.0.1:port": "not the address of a proxy",
    "http://": "not the address of a proxy",
    "http://ho st:9": "contains characters",
    "127.0.0.1:port": "not the address of a proxy",
    "http://127.0.0.1:9\n": "contains characters",
    "http://127.0.0.1:9\r": "contains characters",
    "\thttp://127.0.0.1:9": "contains characters",
    " http://127.0.0.1:9": "contains characters",
    "http://::1:3128": "not the address of a proxy",
    "::1": "not the address of a proxy",
    "http://bob:hunter2#x@127.0.0.1:9": "not the address of a proxy",
    "http://bob:hunter2/x@127.0.0.1:9": "not the address of a proxy",
}


@pytest.mark.parametrize(
    "name", ["HTTP_PROXY", "https_proxy", "ALL_PROXY", "all_proxy", "Http_Proxy", "All_proxy"]
)
@pytest.mark.parametrize("value", PROXIES)
def test_a_proxy_that_can_not_be_used(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    (fault,) = network_faults(CLAUDE, {name: value})
    assert fault.startswith(f"{name} ")
    assert PROXIES[value] in fault
    assert "hunter2" not in fault
    if value not in {"http://", "http://ho st:9"}:  # httpx2 tries these, and never succeeds
        monkeypatch.setenv(name, value)
        with pytest.raises((ImportError, ValueError, httpx2.InvalidURL)):
            DefaultAsyncHttpxClient()


@pytest.mark.parametrize(
    "value",
    [
        *("http://proxy.example:3128", "https://u:p%40ss@proxy.example", "127.0.0.1:3128", ""),
        *("http://proxy.example:3128 ", "http://[::1]:3128", "[::1]:3128", "http://u:p%@x:1"),
    ],
)
def test_a_proxy_that_can_be_used(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    assert network_faults(CLAUDE, {"HTTPS_PROXY": value, "ALL_PROXY": value}) == []
    monkeypatch.setenv("HTTPS_PROXY", value)
    DefaultAsyncHttpxClient()


def test_slack_needs_the_scheme_of_a_proxy() -> None:
    (fault,) = network_faults(NetworkUses(slack=True), {"https_proxy": "127.0.0.1:3128"})
    assert fault.startswith("https_proxy names a proxy without http:// before it")
    for name in ("ALL_PROXY", "Https_Proxy"):  # it doesn't read them
        assert network_faults(NetworkUses(slack=True), {name: "socks5://x"}) == []


REFUSED = (
    "[::1]",
    "fd07:b51a:cc66:f0::/64",
    "localhost:port",
    "[::1]:80",
    "a:b:c",
    "::/0",
    "::1/128",
    *("10.0.0.0/99", "10.0.0.0/255.0.0.0", "10.0.0.0/8/", "10.0.0.0/٨", "::1%", "10.0.0.0/8?x"),
    *("bücher.example", ".bücher.example", "xn--bcher-kva.example", "a\tb", "a\nb", "a\x7f"),
    *("https://*.bücher.example", "http://10.0.0.0/99", "http://[::1]/129"),
)
TAKEN = (
    *("localhost", "127.0.0.1", "::1", "10.0.0.0/8", "*.internal", ".internal", "a.example:80"),
    *("10.0.0.0/32", "10.0.0.5/8", "10.0.0.0/", "10.*", "fe80::1%eth0", "LOCALHOST", "<local>"),
    *("https://bücher.example", "ftp://a.example", "http://[::1]/64", "256.1.1.1", "a.b:99999"),
    *("*", " spaced.example ", "a b.example", "", "http://a.example", "fe80::1"),
)


@pytest.mark.parametrize("entry", [*REFUSED, *TAKEN])
def test_an_entry_of_no_proxy_is_refused_if_the_library_refuses_it(
    monkeypatch: pytest.MonkeyPatch, entry: str
) -> None:
    value = f"localhost,{entry}"
    found = network_faults(CLAUDE, {"NO_PROXY": value})
    monkeypatch.setenv("NO_PROXY", value)
    if entry not in REFUSED:
        assert found == []
        DefaultAsyncHttpxClient()
        return
    (fault,) = found
    assert fault.startswith("NO_PROXY has an entry that can't be used (number 2): use host names")
    with pytest.raises((httpx2.InvalidURL, ValueError)):
        DefaultAsyncHttpxClient()


def test_exceptions_count_in_any_mix_of_letters() -> None:
    (fault,) = network_faults(CLAUDE, {"No_Proxy": "[::1]"})
    assert fault.startswith("No_Proxy has an entry")


def test_certificates(tmp_path: Path) -> None:
    good, bad = tmp_path / "good.pem", tmp_path / "bad.pem"
    trustme.CA().cert_pem.write_to_path(str(good))
    bad.write_text("no certificate")
    for name in ("SSL_CERT_FILE", "AWS_CA_BUNDLE", "REQUESTS_CA_BUNDLE"):
        assert network_faults(ALL, {name: str(good)}) == []
        for value in (str(bad), "/nonexistent/ca.pem", "/dev/null", "a\0b"):
            (fault,) = network_faults(ALL, {name: value})
            assert fault.startswith(f"{name} names a file that has no readable certificates")
    assert network_faults(CLAUDE, {"REQUESTS_CA_BUNDLE": "/nonexistent"}) == []
    for name in ("AWS_CA_BUNDLE", "REQUESTS_CA_BUNDLE"):
        assert network_faults(ALL, {name: str(tmp_path)}) == []
    (fault,) = network_faults(CLAUDE, {"SSL_CERT_FILE": str(tmp_path)})  # httpx2 opens it
    assert fault.startswith("SSL_CERT_FILE names a file that has no readable certificates")
    assert network_faults(CLAUDE, {"SSL_CERT_DIR": str(tmp_path)}) == []
    (fault,) = network_faults(CLAUDE, {"SSL_CERT_DIR": "/nonexistent:/nowhere"})
    assert fault.startswith("SSL_CERT_DIR names no folder")
    (fault,) = network_faults(CLAUDE, {"SSLKEYLOGFILE": "/nonexistent/keys"})
    assert fault.startswith("SSLKEYLOGFILE names a file that can't be written")


def test_files_for_tls_that_a_store_names(tmp_path: Path) -> None:
    there = tmp_path / "there.pem"
    there.write_text("x")
    for name in ("ssl_ca_certs", "ssl_certfile", "ssl_keyfile", "sslrootcert", "sslcert", "sslkey"):
        assert store_faults(f"rediss://:pw@a,b:1/0?socket_timeout=1&{name}={there}") == []
        (fault,) = store_faults(f"postgresql://u:pw@a/x?{name}=/nonexistent/x&sslmode=require")
        assert fault == f"CHATBOT_STORE names a file that can't be read ({name})."
    assert store_faults("postgresql://a/x?sslrootcert=system") == []
    assert store_faults("sqlite:///x.db") == []


def test_what_no_library_uses_is_no_fault() -> None:
    environment = {"ALL_PROXY": "socks5://x", "NO_PROXY": "[::1]", "SSL_CERT_FILE": "/nonexistent"}
    assert network_faults(NetworkUses(), environment) == []


@pytest.mark.parametrize("command", ["chat", "doctor", "run"])
def test_a_command_ends_with_one_sentence(
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    command: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ANTHROPIC_API_KEY", "sk-ant-x")
    monkeypatch.setenv("ALL_PROXY", "socks5://127.0.0.1:9")
    monkeypatch.setenv("CHATBOT_STORE", f"sqlite:///{tmp_path}/chat.db")
    assert main([command]) == UNUSABLE
    out, err = capsys.readouterr()
    assert out == ""
    assert err == (
        "chatbot: ALL_PROXY names a SOCKS proxy, which I can't use: use an address such as "
        "http://proxy.example:3128, or remove it.\n"
    )
