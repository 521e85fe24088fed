"""The settings of the Slack platform; part of `bots.settings.settings.Settings`."""

from __future__ import annotations

from typing import Any, Literal, TypeAlias

from pydantic import Field, SecretStr, field_validator
from pydantic_settings import BaseSettings

from bots.settings.addresses import fault_in_url
from core.domain.errors import SettingsError

DmScope: TypeAlias = Literal["user", "thread"]


def _token(name: str, prefix: str) -> Any:  # noqa: ANN401 - what pydantic's own Field returns
    return Field(
        SecretStr(""),
        validation_alias=name,
        json_schema_extra={"hint": f"the token that starts with {prefix}, on one line"},
    )


class SlackSettings(BaseSettings):
    """Slack starts if its bot token is set, together with an app token or a signing secret."""

    slack_bot_token: SecretStr = _token("SLACK_BOT_TOKEN", "xoxb-")
    slack_app_token: SecretStr = _token("SLACK_APP_TOKEN", "xapp-")
    slack_signing_secret: SecretStr = Field(
        SecretStr(""),
        validation_alias="SLACK_SIGNING_SECRET",
        json_schema_extra={"hint": "the signing secret of the app, on one line"},
    )
    slack_config_token: SecretStr = _token("SLACK_CONFIG_TOKEN", "xoxe.xoxp-")
    """Only `chatbot doctor` reads it, to see which events the app is subscribed to."""
    slack_base_url: str = Field(
        "", repr=False, json_schema_extra={"hint": "a URL that starts with https:// or http://"}
    )
    slack_port: int = Field(3000, ge=0, le=65535)
    slack_dm_scope: DmScope = "user"
    slack_allow_bots: bool = False
    slack_allow_strangers: bool = False
    slack_admins: str = Field(
        "workspace",
        max_length=10_000,
        json_schema_extra={"hint": "user ids separated by commas, or workspace"},
    )
    slack_admins_read_dms: bool = False
    slack_catch_up_hours: float = Field(24.0, ge=0, le=720, allow_inf_nan=False)
    slack_answer_messages: int = Field(4, ge=1, le=50)
    slack_pace: float = Field(1.0, ge=0, le=60, allow_inf_nan=False)

    @property
    def slack(self) -> bool:
        """Return whether to start Slack; raise `SettingsError` if only some tokens are set."""
        transports = (self.slack_app_token, self.slack_signing_secret)
        has_transport = any(secret.get_secret_value() for secret in transports)
        if has_transport != bool(self.slack_bot_token.get_secret_value()):
            raise SettingsError(
                "For Slack, set SLACK_BOT_TOKEN together with SLACK_APP_TOKEN (Socket Mode) or "
                "SLACK_SIGNING_SECRET (HTTP)."
            )
        return has_transport

    @field_validator(
        "slack_bot_token", "slack_app_token", "slack_signing_secret", "slack_config_token"
    )
    @classmethod
    def _check_slack_token(cls, value: SecretStr) -> SecretStr:
        token = value.get_secret_value().strip()
        if not (token.isascii() and token.isprintable()) or " " in token:
            raise ValueError("contains characters that no token has")
        return SecretStr(token)

    @field_validator("slack_base_url")
    @classmethod
    def _check_slack_url(cls, value: str) -> str:
        value = value.strip()
        if fault := fault_in_url(value):
            raise ValueError(fault)
        return value
