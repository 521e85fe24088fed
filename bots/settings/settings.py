"""All settings, read once from the environment and from `.env`.

Every field is typed and bounded. `Settings.from_env` reports everything that is wrong at once, each
with what to use instead. Nothing else in the program reads the environment.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeAlias
from urllib.parse import unquote

from pydantic import Field, SecretStr, ValidationError, ValidationInfo, field_validator
from pydantic_settings import SettingsConfigDict

from bots.settings.addresses import fault_in_base_url
from bots.settings.discord import DiscordSettings
from bots.settings.environment import data_dir, is_time_zone, time_zone, user_name
from bots.settings.errors import faults_of, unknown_names
from bots.settings.passwords import passwords_in, without_passwords
from bots.settings.slack import SlackSettings
from core.domain.admission import FollowUp
from core.domain.errors import SettingsError
from core.domain.message import Kind, clean
from core.domain.settings import ANSWER, HIGH, LOW, PAIRS
from core.memory.recall.recall import TOKENS
from core.memory.strategies.marks import KEEP, Marks
from core.memory.strategies.registry import DEFAULT_STRATEGY, STRATEGIES
from core.store.urls import SCHEMES

PREFIX = "CHATBOT_"
_QUOTES = " \"'`"
"""What `docker run --env-file` and Kubernetes hand on with a value, and shells would remove."""
OFFLINE = "offline"
HOUR = 3600
DAY = 24 * HOUR
PROMPT_LIMIT = 64 * 1024
"""Bytes of a system prompt; a longer one would leave little room for the conversation."""


if TYPE_CHECKING:
    StrategyName: TypeAlias = str
else:
    StrategyName = Literal[tuple(STRATEGIES)]


def _default_store() -> SecretStr:
    return SecretStr(f"sqlite:///{data_dir() / 'chatbot.db'}")


def _days(about: str) -> Any:  # noqa: ANN401 - what pydantic's own Field returns
    return Field(30.0, gt=0, le=3650, allow_inf_nan=False, description=about)


def _hint(what: str) -> dict[str, Any]:
    """Return a field's hint: what to use, if its type and bounds don't say it."""
    return {"hint": what}


class Settings(SlackSettings, DiscordSettings):
    """All settings; a field's environment variable is its name after CHATBOT_."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        env_ignore_empty=True,
        extra="ignore",
        frozen=True,
        hide_input_in_errors=True,
        validate_default=False,
    )

    store: SecretStr = Field(
        default_factory=_default_store,
        json_schema_extra=_hint("a URL such as redis://localhost:6379/0 or sqlite:///chat.db"),
    )
    model: str = Field("claude-sonnet-5-5", min_length=1, max_length=200)
    summary_model: str = Field("claude-haiku-5-5", min_length=1, max_length=200)
    anthropic_api_key: SecretStr = Field(
        SecretStr(""),
        validation_alias="ANTHROPIC_API_KEY",
        json_schema_extra=_hint("the API key as you got it, on one line"),
    )
    anthropic_base_url: str = Field(
        "",
        validation_alias="ANTHROPIC_BASE_URL",
        repr=False,
        json_schema_extra=_hint("a URL that starts with https:// or http:// and ends before /v1"),
    )
    system_prompt: str = Field("", max_length=PROMPT_LIMIT)
    system_prompt_file: Path | None = Field(
        None, json_schema_extra=_hint("the path of a text file (UTF-8, at most 64 KB)")
    )

    memory: StrategyName = DEFAULT_STRATEGY
    memory_terminal: StrategyName | None = None
    memory_dm: StrategyName | None = None
    memory_thread: StrategyName | None = None
    memory_group: StrategyName | None = None
    memory_high: int | None = Field(None, ge=HIGH[0], le=HIGH[1])
    memory_low: int | None = Field(None, ge=LOW[0], le=LOW[1])
    keep_exchanges: int = Field(KEEP, ge=1, le=100)
    memory_pairs: int = Field(10, ge=PAIRS[0], le=PAIRS[1])
    pin_tokens: int = Field(600, ge=0, le=10_000)
    summary_tokens: int = Field(850, ge=50, le=20_000)
    recall_tokens: int = Field(TOKENS, ge=0, le=20_000)
    input_tokens: int | None = Field(None, ge=1000, le=10_000_000)
    answer_tokens: int = Field(4096, ge=ANSWER[0], le=ANSWER[1])

    ttl_terminal: float = _days("terminal")
    ttl_dm: float = _days("dm")
    ttl_thread: float = _days("thread")
    ttl_group: float = _days("group")

    lease_seconds: float = Field(15.0, ge=1, le=600, allow_inf_nan=False)
    turns_at_once: int = Field(100, ge=1, le=10_000)
    turns_per_person: int | None = Field(None, ge=1, le=10_000)
    waiting_limit: int = Field(50, ge=1, le=10_000)
    waiting_per_person: int = Field(500, ge=1, le=10_000)
    tries: int = Field(5, ge=1, le=100)
    deaths: int = Field(10, ge=1, le=1000)
    wait_hours: float = Field(24.0, gt=0, le=24 * 30, allow_inf_nan=False)
    grace_seconds: float = Field(10.0, ge=0, le=600, allow_inf_nan=False)
    follow_up: FollowUp = FollowUp.ALONE
    overhear: bool = True
    admins_read_private: bool = False
    timezone: str = Field(
        default_factory=time_zone,
        json_schema_extra=_hint("the name of a time zone such as Europe/Vienna or UTC"),
    )
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "WARNING"
    user: str = Field(default_factory=user_name, min_length=1, max_length=64)

    @classmethod
    def from_env(cls, env_file: Path = Path(".env")) -> Settings:
        """Return the settings from the environment and, for what it does not set, from a file.

        Raises:
            SettingsError: Something is wrong; the text lists everything that is.
        """
        faults = unknown_names(cls, env_file)
        try:
            settings = cls(_env_file=env_file)  # type: ignore[call-arg] # pydantic-settings' own
        except ValidationError as error:
            raise SettingsError("\n".join(faults_of(cls, error) + faults)) from None
        except (OSError, UnicodeDecodeError):
            raise SettingsError("\n".join(faults)) from None
        if faults:
            raise SettingsError("\n".join(faults))
        return settings

    @property
    def offline(self) -> bool:
        """Return whether the offline model answers: it was asked for, or there is no key."""
        return self.model == OFFLINE or not self.anthropic_api_key.get_secret_value()

    @property
    def instructions(self) -> str:
        """Return the system prompt from its setting or its file; empty if neither is set."""
        if self.system_prompt_file is None:
            return self.system_prompt
        return clean(self.system_prompt_file.read_text(encoding="utf-8")).strip()

    @property
    def store_shown(self) -> str:
        """Return the store's URL without its passwords."""
        return without_passwords(self.store.get_secret_value())

    @property
    def secrets(self) -> tuple[str, ...]:
        """Return every secret value, so that output can be redacted."""
        urls = (self.store.get_secret_value(), self.anthropic_base_url)
        passwords = [password for url in urls for password in passwords_in(url)]
        keys = (
            self.anthropic_api_key,
            self.slack_bot_token,
            self.slack_app_token,
            self.slack_signing_secret,
            self.discord_bot_token,
            self.slack_config_token,
        )
        kept = [key.get_secret_value() for key in keys] + passwords + [*map(unquote, passwords)]
        return tuple(sorted({secret for secret in kept if secret}))

    @property
    def person_turns(self) -> int:
        """Return how many turns one person may have at once; by default half of all.

        So one person can never take every slot.
        """
        return self.turns_per_person or (self.turns_at_once + 1) // 2

    @property
    def marks(self) -> Marks | None:
        """Return the water marks; None if each conversation's own turns decide them."""
        return Marks.chosen(self.memory_high, self.memory_low, keep=self.keep_exchanges)

    def strategy(self, kind: Kind) -> StrategyName:
        """Return the memory strategy for a kind of conversation."""
        own: StrategyName | None = getattr(self, f"memory_{kind.value}")
        return own or self.memory

    def ttl(self, kind: Kind) -> float:
        """Return after how many seconds of silence a session of this kind ends."""
        days: float = getattr(self, f"ttl_{kind.value}")
        return days * DAY

    # Each raises ValueError with the middle of a sentence: name, this, hint.

    @field_validator("store")
    @classmethod
    def _check_store(cls, value: SecretStr) -> SecretStr:
        url = value.get_secret_value().strip()  # a secret's file ends with a line end
        scheme, colon, _ = url.partition(":")
        if not colon or scheme not in SCHEMES:
            known = ", ".join(f"{scheme}://" for scheme in SCHEMES)
            raise ValueError(f"names no store that I know ({known})")
        return SecretStr(url)

    @field_validator("anthropic_api_key")
    @classmethod
    def _check_key(cls, value: SecretStr) -> SecretStr:
        key = value.get_secret_value().strip()
        if not (key.isascii() and key.isprintable()) or any(each in key for each in _QUOTES):
            raise ValueError("contains characters that no key has")
        return SecretStr(key)

    @field_validator("model", "summary_model")
    @classmethod
    def _check_model(cls, value: str) -> str:
        if any(each in value.strip() for each in _QUOTES):
            raise ValueError("contains quotes or spaces, which no model's name has")
        return value

    @field_validator("anthropic_base_url")
    @classmethod
    def _check_base_url(cls, value: str) -> str:
        value = value.strip()
        if fault := fault_in_base_url(value):
            raise ValueError(fault)
        return value

    @field_validator("system_prompt_file")
    @classmethod
    def _check_prompt_file(cls, value: Path | None, info: ValidationInfo) -> Path | None:
        if value is None:
            return None
        if info.data.get("system_prompt"):
            raise ValueError("is set together with CHATBOT_SYSTEM_PROMPT, so keep one of them")
        try:
            if len(value.read_bytes().decode("utf-8")) > PROMPT_LIMIT:
                raise ValueError("names a file that is too long")
        except OSError as error:
            raise ValueError(f"can't be read ({(error.strerror or 'no file').lower()})") from None
        except UnicodeDecodeError:
            raise ValueError("names a file that is not UTF-8 text") from None
        return value

    @field_validator("memory_low")
    @classmethod
    def _check_low(cls, value: int | None, info: ValidationInfo) -> int | None:
        high = info.data.get("memory_high") or Marks().high
        if value is not None and value >= high:
            raise ValueError(f"must be below CHATBOT_MEMORY_HIGH, which is {high}")
        return value

    @field_validator("timezone")
    @classmethod
    def _check_timezone(cls, value: str) -> str:
        if not is_time_zone(value):
            raise ValueError("is not a time zone that this system knows")
        return value

    @field_validator("user", "model", "summary_model", "system_prompt")
    @classmethod
    def _clean(cls, value: str) -> str:
        return clean(value).strip()

    @field_validator("log_level", mode="before")
    @classmethod
    def _upper(cls, value: object) -> object:
        return value.upper() if isinstance(value, str) else value
