"""The settings of the Discord platform; part of `bots.settings.settings.Settings`."""

from __future__ import annotations

import re
from typing import Any, Literal, TypeAlias

from pydantic import Field, SecretStr, ValidationInfo, field_validator
from pydantic_settings import BaseSettings

from bots.settings.addresses import fault_in_url

AnswerIn: TypeAlias = Literal["thread", "channel"]

_IDS = re.compile(r"\d{15,20}(?:,\d{15,20})*", re.ASCII)
_NUMBERS = re.compile(r"\d{1,5}(?:,\d{1,5})*", re.ASCII)


def _ids() -> Any:  # noqa: ANN401 - what pydantic's own Field returns
    return Field(
        "",
        max_length=100_000,
        json_schema_extra={"hint": "ids of 15 to 20 digits, separated by commas"},
    )


class DiscordSettings(BaseSettings):
    """Discord starts if its bot token is set."""

    discord_bot_token: SecretStr = Field(
        SecretStr(""),
        validation_alias="DISCORD_BOT_TOKEN",
        json_schema_extra={"hint": "the bot's token from the developer portal, on one line"},
    )
    discord_base_url: str = Field(
        "", repr=False, json_schema_extra={"hint": "a URL that starts with https:// or http://"}
    )
    discord_answer_in: AnswerIn = "thread"
    discord_answer_messages: int = Field(5, ge=1, le=50)
    discord_message_content: bool = True
    discord_allow_bots: bool = False
    discord_proxies: str = _ids()
    discord_dms: bool = True
    discord_admins: str = Field(
        "server",
        max_length=100_000,
        json_schema_extra={"hint": "ids of users and roles separated by commas, or server"},
    )
    discord_allow_guilds: str = _ids()
    discord_deny_guilds: str = _ids()
    discord_allow_channels: str = _ids()
    discord_deny_channels: str = _ids()
    discord_allow_roles: str = _ids()
    discord_deny_roles: str = _ids()
    discord_allow_users: str = _ids()
    discord_deny_users: str = _ids()
    discord_catch_up_hours: float = Field(24.0, ge=0, le=720, allow_inf_nan=False)
    discord_catch_up_channels: str = _ids()
    discord_shard_count: int | None = Field(None, ge=1, le=10_000)
    discord_shard_ids: str = Field(
        "",
        max_length=100_000,
        json_schema_extra={"hint": "shard numbers separated by commas, such as 0,1"},
    )

    @property
    def discord(self) -> bool:
        """Return whether to start Discord."""
        return bool(self.discord_bot_token.get_secret_value())

    @property
    def discord_shards(self) -> list[int] | None:
        """Return the shards that this process serves; None for all."""
        return [int(shard) for shard in self.discord_shard_ids.split(",") if shard] or None

    @field_validator("discord_bot_token")
    @classmethod
    def _check_discord_token(cls, value: SecretStr) -> SecretStr:
        token = value.get_secret_value().strip().removeprefix("Bot ")
        if not (token.isascii() and token.isprintable()) or " " in token:
            raise ValueError("contains characters that no token has")
        return SecretStr(token)

    @field_validator("discord_base_url")
    @classmethod
    def _check_discord_url(cls, value: str) -> str:
        value = value.strip()
        if fault := fault_in_url(value):
            raise ValueError(fault)
        return value.rstrip("/")

    @field_validator(
        "discord_proxies",
        "discord_allow_guilds",
        "discord_deny_guilds",
        "discord_allow_channels",
        "discord_deny_channels",
        "discord_allow_roles",
        "discord_deny_roles",
        "discord_allow_users",
        "discord_deny_users",
        "discord_catch_up_channels",
    )
    @classmethod
    def _check_ids(cls, value: str) -> str:
        ids = "".join(value.split())
        if not _IDS.fullmatch(ids):
            raise ValueError("is not a list of ids")
        return ids

    @field_validator("discord_admins")
    @classmethod
    def _check_admins(cls, value: str) -> str:
        names = "".join(value.split())
        if not all(name == "server" or _IDS.fullmatch(name) for name in names.split(",") if name):
            raise ValueError("is not a list of ids")
        return names

    @field_validator("discord_shard_ids")
    @classmethod
    def _check_shards(cls, value: str, info: ValidationInfo) -> str:
        shards = "".join(value.split())
        if not _NUMBERS.fullmatch(shards):
            raise ValueError("is not a list of shards")
        count = info.data.get("discord_shard_count")
        if count is None:
            raise ValueError("needs CHATBOT_DISCORD_SHARD_COUNT to be set, too")
        if any(int(shard) >= count for shard in shards.split(",")):
            raise ValueError(f"names a shard past the last, which is {count - 1}")
        return shards


def ids(listed: str) -> frozenset[str]:
    """Return the ids in a setting."""
    return frozenset(filter(None, listed.split(",")))
