"""Logs hold no secret and nothing that people say, whichever library writes them."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import gc
import io
import logging
import sys
import threading
import time
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from bots.ops.logging import Redacting, set_up_logging, trace_of, watch_loop
from bots.ops.redaction import redact
from core.domain.errors import PlatformError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

SAID = "Xyzzyplugh"
"""What a person said."""
OURS = logging.getLogger("core.somewhere")
THEIRS = logging.getLogger("somelib.client")


def raised(error: Exception) -> Exception:
    """Return an error that was raised, with its trace."""
    try:
        raise error
    except type(error) as caught:
        return caught


def formatted(message: str, *args: object, error: BaseException | None = None) -> str:
    info = (type(error), error, error.__traceback__) if error else None
    record = logging.LogRecord("core", logging.ERROR, "x.py", 1, message, args, info)
    return Redacting(["hunter2", "hunter2!", ""]).format(record)


class Written:
    """What a program that logs at DEBUG has on its stderr."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self._capsys = capsys
        self._read = ""

    @property
    def text(self) -> str:
        self._read += self._capsys.readouterr().err
        return self._read


@pytest.fixture
def written(capsys: pytest.CaptureFixture[str]) -> Iterator[Written]:
    """Set up logging as the program does, at DEBUG; and undo it."""
    root = logging.getLogger()
    ours = [logging.getLogger(name) for name in ("__main__", "bots", "chatbot", "core")]
    kept = root.handlers[:], root.level, logging.getLogRecordFactory(), logging.raiseExceptions
    levels = [logger.level for logger in ours]
    hooks = sys.excepthook, threading.excepthook, sys.unraisablehook, warnings.showwarning
    set_up_logging("DEBUG", ["hunter2"])
    yield Written(capsys)
    root.handlers, root.level = kept[0], kept[1]
    root.setLevel(kept[1])
    logging.setLogRecordFactory(kept[2])
    logging.raiseExceptions = kept[3]
    for logger, level in zip(ours, levels, strict=True):
        logger.setLevel(level)
    sys.excepthook, threading.excepthook, sys.unraisablehook, warnings.showwarning = hooks


# --- secrets ------------------------------------------------------------------------------------


def test_a_secret_is_blotted_out_of_a_message_and_its_arguments() -> None:
    line = formatted("connecting to redis://:hunter2!@host as %s", "hunter2")
    assert line.endswith("core: connecting to redis://:***@host as ***")


def test_a_secret_is_blotted_out_of_a_traceback_and_the_words_of_the_error_are_left_out() -> None:
    try:
        int("hunter2")
    except ValueError as error:
        text = formatted("failed", error=error)
    assert "hunter2" not in text
    assert text.endswith("builtins.ValueError")
    assert 'int("***")' in text  # the line of code is there


def test_without_secrets_a_text_stays_as_it_is() -> None:
    assert redact("hello", []) == "hello"


@pytest.mark.parametrize(
    ("line", "left"),
    [
        ("it is xoxb-1-2-abc, he says", "it is ***, he says"),
        ("xoxp-1 xoxa-2-3 xoxr-4 xoxe.xoxp-1-Mi0 xoxe-1-Mi0", "*** *** *** *** ***"),
        ("xapp-1-A0-2-f00", "***"),
        ("x-api-key: sk-ant-api03-AAAAAAAAAAAAAAAA_-x", "x-api-key: ***"),
        ("MTIzNDU2Nzg5MDEyMzQ1Njc4.GabcdE.abcdefghijklmnopqrstuvwxyz0", "***"),
        ("eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.dozjgNryP4J3jVmNHl0w5N_Xg", "***"),
        ("ASIAIOSFODNN7EXAMPLE", "***"),
        ("?X-Amz-Signature=f00&X-Amz-Security-Token=F%2Fo&x=1", None),
        ("{'X-Amz-Security-Token': b'F/oo', 'x': 1}", "{'X-Amz-Security-Token': b'***', 'x': 1}"),
        ("aws_session_token=F/oo+bar==", "aws_session_token=***"),
        ("Signature=f00, SignedHeaders=host", "Signature=***, SignedHeaders=host"),
        ("Authorization: Bearer abc", "Authorization: ***"),
        ("'Authorization': 'Bot MTIz'", "'Authorization': '***'"),
        ("sent as Bearer abcdefghijklmnop1234", "sent as Bearer ***"),
        ("rediss://ann:p%40ss:w@h:1/0", "rediss://ann:***@h:1/0"),
        ("postgres://h/d?user=a&sslpassword=x&y=z", "postgres://h/d?user=a&sslpassword=***&y=z"),
        ("https://hooks.slack.com/commands/T1/2/x failed", "https://hooks.slack.com/*** failed"),
        ("https://hooks.slack-gov.com/services/T/B/x", "https://hooks.slack-gov.com/***"),
        ("response_url=https://proxy/x?y", "response_url=***"),
        ("files.slack.com/upload/v1/ABC-x", "files.slack.com/upload/***"),
        ("PATCH /webhooks/175928847299117063/a-B_/messages/1", None),
        ("POST /interactions/175928847299117063/aW50/callback", None),
        (
            "wss://w.slack.com/link/?ticket=0-1&app_id=1",
            "wss://w.slack.com/link/?ticket=***&app_id=1",
        ),
        ("cdn.discordapp.com/x.png?ex=1&is=2&hm=abc", "cdn.discordapp.com/x.png?ex=1&is=2&hm=***"),
        ("the password=hunter3", "the password=***"),
    ],
)
def test_what_has_the_shape_of_a_secret_is_blotted_out(line: str, left: str | None) -> None:
    shown = redact(line)
    assert "***" in shown
    for secret in ("f00", "F%2Fo", "a-B_", "aW50", "abc", "Mi0", "hunter3", "dozj"):
        assert secret not in shown
    if left is not None:
        assert shown == left


@pytest.mark.parametrize(
    "line",
    [
        "try 3 of a turn failed: ModelBusyError: Claude is overloaded",
        "Slack refused chat.postMessage: channel_not_found",
        "the Redis at redis.example.com:6379 does not answer in time",
        "core.store.sql.postgres.store.PostgresStore at /srv/core/store/sql/postgres/store.py:12",
        "DISCORD_BOT_TOKEN is refused by Discord",
        "the token is refused, or the secret is wrong; tokens: 12",
    ],
)
def test_lines_of_ours_stay_as_they_are(line: str) -> None:
    assert redact(line) == line


def test_blotting_out_takes_time_in_proportion_to_the_line() -> None:
    units = ("a", "xox", "xoxb-", "://a:", "a.", "secret", "token:", "Bearer ", "sk-", "'", "=")

    def seconds(unit: str, size: int) -> float:
        line, best = (unit * size)[:size], 9.0
        for _ in range(3):
            began = time.process_time()
            redact(line)
            best = min(best, time.process_time() - began)
        return best

    for unit in units:
        assert seconds(unit, 40_000) < 8 * seconds(unit, 10_000) + 0.05, unit


# --- our own lines ------------------------------------------------------------------------------


def test_our_lines_are_written_from_the_level_on_that_is_set(written: Written) -> None:
    OURS.debug("a turn of %s begins", "slack")
    assert "DEBUG core.somewhere: a turn of slack begins" in written.text


def test_an_error_of_ours_is_told_in_its_words_and_what_led_to_it_without_its_own(
    written: Written,
) -> None:
    error = raised(PlatformError("Slack does not answer"))
    error.__cause__ = raised(KeyError(SAID))
    OURS.error("failed", exc_info=error)
    assert SAID not in written.text
    assert "builtins.KeyError" in written.text
    assert written.text.rstrip().endswith("core.domain.errors.PlatformError: Slack does not answer")


def test_a_line_is_one_line_of_a_bounded_length(written: Written) -> None:
    OURS.warning("refused: %s", "a\n2026 ERROR core: forged\x1b[2J" + "x" * 100_000)
    (line,) = written.text.splitlines()
    assert len(line) < 5_000
    assert "\x1b" not in line


def test_a_group_of_errors_names_them_and_one_that_led_to_itself_ends(written: Written) -> None:
    first, second = ValueError(SAID), TypeError(SAID)
    first.__cause__, second.__cause__ = second, first
    OURS.error("failed", exc_info=first)
    OURS.error("failed", exc_info=ExceptionGroup(SAID, [ValueError(SAID), OSError(SAID)]))
    assert SAID not in written.text
    assert "ExceptionGroup: ValueError, OSError" in written.text


def test_of_an_error_of_the_system_its_code_is_told() -> None:
    told = trace_of(raised(OSError(errno.EMFILE, SAID)))
    assert SAID not in told
    assert told.endswith("builtins.OSError: EMFILE")


def test_an_error_that_can_not_even_be_shown_is_named() -> None:
    class OddError(Exception):
        def __str__(self) -> str:
            raise RuntimeError

    assert trace_of(OddError()).endswith("OddError")


# --- lines of libraries -------------------------------------------------------------------------


def test_a_library_says_nothing_below_warning_though_it_sets_a_level_of_its_own(
    written: Written,
) -> None:
    names = ("asyncio", "botocore.parsers", "discord.gateway", "slack_bolt.App", "redis", "psycopg")
    for name in (*names, "aiohttp.access", "httpx2", "corelib", "botsy", "x.core"):
        logger = logging.getLogger(name)
        level = logger.level
        try:
            for own in (logging.NOTSET, logging.DEBUG):
                logger.setLevel(own)
                logger.debug("request: %s", SAID)
                logger.info("answer: %s", SAID)
        finally:
            logger.setLevel(level)
    assert written.text == ""


WAYS: dict[str, tuple[Callable[[str], None], str]] = {
    "arguments": (
        lambda said: THEIRS.warning("Took %.1f s over %s, %d tries, %x%%", 1.5, said, 3, None),
        "Took 1.5 s over …, 3 tries, …%",
    ),
    "an f-string": (
        lambda said: THEIRS.warning(f"Could not parse {said!r} of {len(said)}; ignored"),
        "Could not parse … of …; ignored",
    ),
    "a sum": (
        lambda said: THEIRS.error("Failed to run listener (error: " + str(said) + ")"),
        "Failed to run listener (error: …)",
    ),
    "a format": (
        lambda said: THEIRS.error("Unhandled request ({}) {}".format(said, {})),  # noqa: UP032
        "Unhandled request (…) …",
    ),
    "percent": (
        lambda said: THEIRS.error("Unhandled request (%s)" % said),  # noqa: UP031
        "Unhandled request (…)",
    ),
    "log, in several lines": (
        lambda said: THEIRS.log(
            logging.WARNING,
            "first %s, then more",
            said,
        ),
        "first …, then more",
    ),
    "a variable": (lambda said: THEIRS.critical(f"{said}"), "…"),
    "an object": (lambda said: THEIRS.error({"text": said}), "…"),
    "a mapping": (lambda said: THEIRS.error("it is %(text)s", {"text": said}), "it is …"),
    "an adapter": (
        lambda said: logging.LoggerAdapter(THEIRS, {}).error("it is %s", said),
        "it is …",
    ),
}
"""How libraries warn of something, and what is left of it."""


@pytest.mark.parametrize("way", WAYS)
def test_of_what_a_library_warns_of_only_its_own_words_are_written(
    written: Written, way: str
) -> None:
    warn, left = WAYS[way]
    warn(SAID)
    assert SAID not in written.text
    assert f"somelib.client: {left} (test_logging:" in written.text


def test_what_a_library_quotes_in_an_error_is_left_out(written: Written) -> None:
    THEIRS.error("failed", exc_info=raised(ValueError(f"can't read {SAID}")))
    assert SAID not in written.text
    assert "somelib.client: failed" in written.text
    assert "builtins.ValueError" in written.text


def test_a_handler_of_a_librarys_own_has_nothing_more_to_write(written: Written) -> None:
    own = io.StringIO()
    handler = logging.StreamHandler(own)
    handler.setFormatter(logging.Formatter("%(message)s %(args)s"))
    THEIRS.addHandler(handler)
    THEIRS.setLevel(logging.DEBUG)
    try:
        THEIRS.debug("request: %s", SAID)
        THEIRS.warning("failed with %s", SAID, exc_info=raised(OSError(SAID)))
    finally:
        THEIRS.removeHandler(handler)
        THEIRS.setLevel(logging.NOTSET)
    assert SAID not in own.getvalue() + written.text
    assert "failed with" in own.getvalue()


def test_a_record_from_code_that_can_not_be_read_says_where_it_came_from(
    written: Written,
) -> None:
    code = "import logging\nlogging.getLogger('somelib').warning('it is ' + said)"
    exec(compile(code, "<nowhere>", "exec"), {"said": SAID})
    assert SAID not in written.text
    assert "somelib: … (<nowhere>:2)" in written.text


def test_a_line_that_can_not_be_written_shows_none_of_its_values(written: Written) -> None:
    OURS.warning("%d turns", SAID)
    assert SAID not in written.text
    assert "a log line could not be written: " in written.text


# --- what nobody catches ------------------------------------------------------------------------


async def test_what_a_task_leaves_to_nobody_is_told_without_its_words(written: Written) -> None:
    watch_loop()

    async def turn(text: str) -> None:
        raise ValueError(text)

    async def end(task: asyncio.Task[None]) -> None:
        with contextlib.suppress(ValueError):
            await asyncio.wait({task})

    await end(asyncio.create_task(turn(SAID)))
    gc.collect()
    assert SAID not in written.text
    assert "Task exception was never retrieved" in written.text
    assert "turn" in written.text
    assert "builtins.ValueError" in written.text


async def test_what_a_callback_raises_is_told_without_its_arguments(written: Written) -> None:
    watch_loop()

    def call(text: str) -> None:
        raise ValueError(text)

    asyncio.get_running_loop().call_soon(call, SAID)
    await asyncio.sleep(0.01)
    assert SAID not in written.text
    assert "Exception in callback" in written.text


async def test_asyncios_own_lines_quote_nobody(written: Written) -> None:
    """In its debug mode it names slow callbacks, with what they were called with."""
    loop = asyncio.get_running_loop()
    loop.set_debug(True)
    loop.slow_callback_duration = 0.01
    loop.call_soon(lambda text: time.sleep(0.02), SAID)
    await asyncio.sleep(0.05)
    loop.set_debug(False)
    loop.call_exception_handler({"message": f"odd {SAID}", "future": SAID})
    assert SAID not in written.text
    assert "asyncio: Executing … took 0." in written.text


def at_the_end() -> None:
    error = raised(ValueError(SAID))
    sys.excepthook(ValueError, error, error.__traceback__)


def in_a_thread() -> None:
    def run() -> None:
        raise ValueError(SAID)

    thread = threading.Thread(target=run, name=SAID)
    thread.start()
    thread.join()


def while_collecting() -> None:
    class Odd:
        def __del__(self) -> None:
            raise ValueError(SAID)

        def __repr__(self) -> str:
            return SAID

    odd = Odd()
    del odd
    gc.collect()


@pytest.mark.filterwarnings("ignore")  # pytest's own hooks are set beneath
@pytest.mark.parametrize("leave", [at_the_end, in_a_thread, while_collecting])
def test_what_nothing_catches_is_told_without_its_words(
    written: Written, leave: Callable[[], None]
) -> None:
    leave()
    assert SAID not in written.text
    assert "builtins.ValueError" in written.text
    assert Path(__file__).name in written.text


def test_a_warning_names_its_kind_and_place(written: Written) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        warnings.showwarning(UserWarning(SAID), UserWarning, "lib.py", 7)
        shown: Any = warnings.showwarning
    assert shown is not None
    assert SAID not in written.text
    assert "UserWarning at lib.py:7" in written.text
