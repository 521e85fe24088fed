"""Settings: what they are by default, and what is said when they are wrong."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from bots.settings.environment import history_dir
from bots.settings.errors import names_of
from bots.settings.settings import DAY, Settings
from core.domain.errors import SettingsError
from core.domain.message import Kind
from core.memory.strategies.registry import STRATEGIES

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(autouse=True)
def clean(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    import os  # noqa: PLC0415 - only to empty it

    for name in list(os.environ):
        if name.startswith(("CHATBOT_", "ANTHROPIC_", "SLACK_")):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def fault_with(monkeypatch: pytest.MonkeyPatch, **environment: str) -> str:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(SettingsError) as caught:
        Settings.from_env()
    return str(caught.value)


def test_without_any_setting_it_is_offline_on_sqlite_in_the_users_data(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    settings = Settings.from_env()
    assert settings.offline
    assert settings.store.get_secret_value() == f"sqlite:///{tmp_path}/data/chatbot/chatbot.db"
    assert settings.strategy(Kind.TERMINAL) == "hybrid"
    assert settings.ttl(Kind.DM) == 30 * DAY
    assert (settings.marks, settings.keep_exchanges) == (None, 4)


def test_a_key_chooses_claude_and_the_model_setting_may_still_say_offline(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("ANTHROPIC_API_KEY", " sk-ant-x\n")
    assert not Settings.from_env().offline
    assert Settings.from_env().anthropic_api_key.get_secret_value() == "sk-ant-x"
    monkeypatch.setenv("CHATBOT_MODEL", "offline")
    assert Settings.from_env().offline


def test_the_environment_wins_over_the_file_and_empty_means_the_default(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    Path(".env").write_text("CHATBOT_MEMORY=full\nCHATBOT_MEMORY_PAIRS=3\nOTHER=1\n")
    monkeypatch.setenv("CHATBOT_MEMORY", "window")
    monkeypatch.setenv("CHATBOT_MEMORY_HIGH", "")
    settings = Settings.from_env()
    assert settings.memory == "window"
    assert settings.memory_pairs == 3
    assert settings.memory_high is None


def test_each_kind_may_have_a_strategy_and_a_time_to_live_of_its_own(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("CHATBOT_MEMORY_GROUP", "summary")
    monkeypatch.setenv("CHATBOT_TTL_GROUP", "0.5")
    settings = Settings.from_env()
    assert settings.strategy(Kind.GROUP) == "summary"
    assert settings.strategy(Kind.THREAD) == "hybrid"
    assert settings.ttl(Kind.GROUP) == DAY / 2


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("CHATBOT_MEMORY_HIGH", "abc", "“abc”: use a whole number from 200 to 1000000"),
        ("CHATBOT_MEMORY_PAIRS", "0", "“0”: use a whole number from 1 to 1000 (default 10)"),
        ("CHATBOT_MEMORY", "some", "use one of full, window, summary, hybrid (default hybrid)"),
        ("CHATBOT_MEMORY_DM", "some", "use one of full, window, summary, hybrid"),
        ("CHATBOT_MEMORY_LOW", "8000", "must be below CHATBOT_MEMORY_HIGH, which is 8000"),
        ("CHATBOT_LEASE_SECONDS", "0.5", "use a number from 1 to 600 (default 15.0)"),
        ("CHATBOT_LEASE_SECONDS", "nan", "use a number from 1 to 600"),
        ("CHATBOT_TTL_DM", "0", "use a number above 0 and at most 3650"),
        ("CHATBOT_OVERHEAR", "perhaps", "use true or false (default true)"),
        ("CHATBOT_FOLLOW_UP", "never", "use one of always, alone, mentioned (default alone)"),
        ("CHATBOT_TIMEZONE", "Mars/Base", "such as Europe/Vienna"),
        ("CHATBOT_TIMEZONE", "../etc/passwd", "such as Europe/Vienna"),
        ("CHATBOT_STORE", "mysql://localhost", "names no store"),
        ("CHATBOT_SYSTEM_PROMPT_FILE", "nowhere.txt", "no such file"),
        ("CHATBOT_USER", "x" * 65, "use a text of 1 to 64 characters"),
        ("CHATBOT_LOG_LEVEL", "all", "use one of DEBUG, INFO, WARNING, ERROR"),
        ("ANTHROPIC_BASE_URL", "localhost", "starts with https:// or http://"),
        ("ANTHROPIC_API_KEY", '"sk-ant-x"', "contains characters that no key has"),
        ("ANTHROPIC_API_KEY", "'sk-ant-x'", "contains characters that no key has"),
        ("CHATBOT_MODEL", '"claude-sonnet-5-5"', "contains quotes or spaces"),
        ("CHATBOT_SUMMARY_MODEL", "claude haiku", "contains quotes or spaces"),
        ("ANTHROPIC_BASE_URL", "https://x.example/v1/", "ends in /v1, which the bot appends"),
        ("ANTHROPIC_BASE_URL", "http://[::1", "is not a URL"),
        ("CHATBOT_SLACK_BASE_URL", "http://x:port", "is not a URL"),
        ("CHATBOT_DISCORD_BASE_URL", "http://a..b", "names a host that can't exist"),
    ],
)
def test_a_wrong_value_is_told_with_what_to_write(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, says: str
) -> None:
    fault = fault_with(monkeypatch, **{name: value})
    assert fault.startswith(f"{name} ")
    assert says in fault
    assert fault.count("\n") == 0


def test_all_faults_are_told_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    Path(".env").write_text("CHATBOT_STROE=memory://\n")
    fault = fault_with(monkeypatch, CHATBOT_MEMORY="x", CHATBOT_TTL_DM="x", CHATBOT_MODLE="y")
    lines = fault.splitlines()
    assert len(lines) == 4
    assert "CHATBOT_MODLE is not a setting. Did you mean CHATBOT_MODEL?" in fault
    assert "CHATBOT_STROE is not a setting. Did you mean CHATBOT_STORE?" in fault


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("redis://host:6379/0", "redis://host:6379/0"),
        ("redis://ann@host", "redis://ann@host"),
        ("redis://ann:hunter2@host/0", "redis://ann:***@host/0"),
        ("redis://:hun@ter/2?#@host/0", "redis://:***@host/0"),
        (
            "redis+sentinel://ann:hunter2@[::1]:1,[::2]:2/s",
            "redis+sentinel://ann:***@[::1]:1,[::2]:2/s",
        ),
        (
            "redis+sentinel://h:1/s?sentinel_username=ann&sentinel_password=hunter2&x=1",
            "redis+sentinel://h:1/s?sentinel_username=ann&sentinel_password=***&x=1",
        ),
        ("postgresql:///db?user=ann&password=hunter2", "postgresql:///db?user=ann&password=***"),
    ],
)
def test_an_address_is_shown_without_its_passwords(
    monkeypatch: pytest.MonkeyPatch, url: str, shown: str
) -> None:
    monkeypatch.setenv("CHATBOT_STORE", url)
    settings = Settings.from_env()
    assert settings.store_shown == shown
    for secret in ("hunter2", "hun@ter/2?#"):
        assert (secret in url) == (secret in settings.secrets)


def test_secrets_are_neither_shown_nor_said_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANTHROPIC_API_KEY", "sk-hunter2")
    monkeypatch.setenv("ANTHROPIC_BASE_URL", "https://me:hunter2@proxy.test")
    monkeypatch.setenv("CHATBOT_STORE", "redis://:hunter2%21@localhost/0")
    settings = Settings.from_env()
    for text in (repr(settings), str(settings), f"{settings.store} {settings.anthropic_api_key}"):
        assert "hunter2" not in text
    assert set(settings.secrets) == {"sk-hunter2", "hunter2", "hunter2%21", "hunter2!"}
    fault = fault_with(
        monkeypatch,
        ANTHROPIC_API_KEY="hunter2 ä",
        ANTHROPIC_BASE_URL="me:hunter2@proxy",
        CHATBOT_STORE="what://:hunter2@localhost",
    )
    assert "hunter2" not in fault
    assert len(fault.splitlines()) == 3


def test_the_system_prompt_is_a_setting_or_a_file_and_not_both(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    Path("prompt.txt").write_text("Be kind.\n")
    monkeypatch.setenv("CHATBOT_SYSTEM_PROMPT_FILE", "prompt.txt")
    assert Settings.from_env().instructions == "Be kind."
    assert "keep one" in fault_with(monkeypatch, CHATBOT_SYSTEM_PROMPT="Be short.")
    monkeypatch.delenv("CHATBOT_SYSTEM_PROMPT_FILE")
    assert Settings.from_env().instructions == "Be short."


@pytest.mark.parametrize("content", [b"\xff\xfe", b"x" * 70_000])
def test_a_prompt_file_that_is_no_prompt_is_refused(
    monkeypatch: pytest.MonkeyPatch, content: bytes
) -> None:
    Path("prompt.txt").write_bytes(content)
    fault = fault_with(monkeypatch, CHATBOT_SYSTEM_PROMPT_FILE="prompt.txt")
    assert "use the path of a text file" in fault


def test_an_env_file_that_is_no_text_is_told_in_one_sentence() -> None:
    Path(".env").write_bytes(b"CHATBOT_MEMORY=\xff\xfe")
    with pytest.raises(SettingsError, match=r"^\.env can't be read"):
        Settings.from_env()


@pytest.mark.parametrize("target", [".env", "/nonexistent/secrets/env"])
def test_an_env_file_that_is_a_link_to_nothing_is_not_passed_over(target: str) -> None:
    Path(".env").symlink_to(target)
    with pytest.raises(SettingsError, match=r"^\.env can't be read"):
        Settings.from_env()


UNREADABLE = {
    "CHATBOT_STORE: memory://": "Line 1",
    "CHATBOT_STORE memory://": "Line 1",
    "CHATBOT_STORE='memory://": "Line 1",
    'CHATBOT_STORE="memory://': "Line 1",
    "set CHATBOT_STORE=memory://": "Line 1",
    '$env:CHATBOT_STORE="memory://"': "Line 1",
    "CHATBOT_MEMORY_HIGH:9000": "Line 1",
    "[chatbot]\nCHATBOT_STORE=memory://": "Line 1",
    "- CHATBOT_STORE=memory://": "Line 1",
    "CHATBOT_STORE=memory://\r\n\r\n# a note\r\nsecret": "Line 4",
    "CHATBOT_SYSTEM_PROMPT=You are a baker.\nBe kind.\n\nAnd brief.": "Lines 2, 4",
    'CHATBOT_SYSTEM_PROMPT="You say "hi" often."': "Line 1",
    "CHATBOT_USER=bo\rsecret\r": "Line 2",
    "a\nb\nc\nd\ne\nf\ng": "Lines 1, 2, 3, 4, 5 and more",
    "=memory://": "Line 1",
    "CHATBOT_USER=bo\u2028CHATBOT_STORE=memory://": "Line 1",
    "CHATBOT_USER=bo\x0bexport CHATBOT_STORE=memory://": "Line 1",
    "\nCHATBOT_USER=bo\x85 CHATBOT_STORE=memory://": "Line 2",
}


@pytest.mark.parametrize("text", UNREADABLE)
def test_lines_of_an_env_file_that_can_not_be_read_are_named(text: str) -> None:
    Path(".env").write_bytes(text.encode())
    with pytest.raises(SettingsError) as caught:
        Settings.from_env()
    (fault, *others) = str(caught.value).splitlines()
    assert fault.startswith(f"{UNREADABLE[text]} of .env can't be read. Write NAME=value")
    assert not others
    assert "memory://" not in fault
    assert "secret" not in fault


@pytest.mark.parametrize("name", ["CHATBOT-STORE", "chatbot.store", "CHATBOT-MODEL"])
def test_a_name_with_other_signs_is_told_with_the_right_one(name: str) -> None:
    Path(".env").write_text(f"{name}=x\n")
    right = name.upper().replace("-", "_").replace(".", "_")
    with pytest.raises(SettingsError, match=f"is not a setting. Did you mean {right}"):
        Settings.from_env()


@pytest.mark.parametrize(
    "text",
    [
        "export CHATBOT_STORE=memory://",
        "\ufeffCHATBOT_STORE=memory://",
        "CHATBOT_STORE = memory:// # mine",
        "CHATBOT_USER='a\u2028b = c'\n\x0cCHATBOT_STORE=memory://",
        "\n\n  # note\n'CHATBOT_STORE'=memory://\nOTHER.NAME-1=",
        'X="several\nlines"\nCHATBOT_STORE="memory://"\r\n',
    ],
)
def test_lines_of_an_env_file_that_can_be_read(text: str) -> None:
    Path(".env").write_bytes(text.encode())
    assert Settings.from_env().store.get_secret_value() == "memory://"


def test_a_user_without_a_home_is_told_what_to_set(monkeypatch: pytest.MonkeyPatch) -> None:
    def nowhere(*_: object, **__: object) -> Path:
        raise RuntimeError("could not determine the home directory")

    monkeypatch.setattr("platformdirs.user_data_path", nowhere)
    with pytest.raises(SettingsError, match=r"no home directory .* set HOME to a folder, or"):
        Settings.from_env()
    assert history_dir() is None
    monkeypatch.setenv("CHATBOT_STORE", "memory://")
    assert Settings.from_env().store.get_secret_value() == "memory://"


def test_a_user_without_a_name_is_still_somebody(monkeypatch: pytest.MonkeyPatch) -> None:
    def nobody() -> str:
        raise KeyError("uid not found")

    monkeypatch.setattr("getpass.getuser", nobody)
    assert Settings.from_env().user == "user"


def test_the_example_documents_every_setting_with_its_default() -> None:
    example = (ROOT / ".env.example").read_text()
    shown = dict(re.findall(r"^# ([A-Z_]+)=(.*)$", example, re.MULTILINE))
    names = names_of(Settings)
    assert set(shown) == set(names.values())
    for field, name in names.items():
        default = Settings.model_fields[field].default
        if isinstance(default, int | float | str):
            wanted = f"{default:g}" if isinstance(default, float) else str(default)
            assert not wanted or shown[name] == (
                wanted.lower() if isinstance(default, bool) else wanted
            )


def test_the_example_can_be_used_as_it_is_once_uncommented() -> None:
    example = (ROOT / ".env.example").read_text()
    lines = re.findall(r"^# ([A-Z_]+=.*)$", example, re.MULTILINE)
    Path("prompt.txt").write_text("Be kind.")
    Path(".env").write_text("\n".join(x for x in lines if "SYSTEM_PROMPT=" not in x))
    assert Settings.from_env().user == "ada"


@pytest.mark.parametrize("name", STRATEGIES)
def test_each_registered_strategy_can_be_set(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CHATBOT_MEMORY", name)
    assert Settings.from_env().strategy(Kind.DM) == name
