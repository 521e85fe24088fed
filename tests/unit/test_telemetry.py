"""Logs are shown without secrets."""

from __future__ import annotations

import logging

from core.telemetry import Redacting, redact


def formatted(message: str, *args: object, error: BaseException | None = None) -> str:
    info = (type(error), error, error.__traceback__) if error else None
    record = logging.LogRecord("core", logging.ERROR, "x.py", 1, message, args, info)
    return Redacting(["hunter2", "hunter2!", ""]).format(record)


def test_a_secret_is_blotted_out_of_a_message_and_its_arguments() -> None:
    line = formatted("connecting to redis://:hunter2!@host as %s", "hunter2")
    assert line.endswith("core: connecting to redis://:***@host as ***")


def test_a_secret_is_blotted_out_of_a_traceback() -> None:
    try:
        int("hunter2")
    except ValueError as error:
        text = formatted("failed", error=error)
    assert "hunter2" not in text
    assert "'***'" in text


def test_without_secrets_a_text_stays_as_it_is() -> None:
    assert redact("hello", []) == "hello"
