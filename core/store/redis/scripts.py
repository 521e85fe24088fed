"""The Lua scripts, one file for each verb behind a shared prelude, and how to call them.

The comment of a script's file declares its keys and arguments:

    -- KEYS header entries seen...
    -- ARGV token lease

They define the order in which keys and arguments are sent, and the tables `K` and `A` in which the
script finds them by name (`seen...` takes all remaining keys). What a script shares with Python is
defined in Python only: `ENTRY.text` and `ANSWER.usage` stand for the positions of values in
`core.store.redis.records`, `PIN.text` for those in `core.store.redis.pins`, and `CORE.NAME` for the
constants below. They are replaced when a script is read, so they cost nothing at run time.
"""

from __future__ import annotations

import asyncio
import json
import re
from dataclasses import dataclass
from functools import cache, cached_property
from hashlib import sha1
from importlib import resources
from typing import TYPE_CHECKING, Any

from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import NoScriptError

from core.domain.admission import STATES
from core.domain.pins import PIN_BYTES, PINS, PINS_BYTES
from core.domain.summary import EDITS_LIMIT
from core.store import codec, keys
from core.store.redis import pins, records, wire
from core.store.redis.connecting.client import command, disconnect, piped, pipelined, where_is
from core.store.redis.connecting.connection import heeding
from core.store.redis.connecting.errors import FAILURES, explained
from core.store.verbs.inbox import PEOPLE_LIMIT

if TYPE_CHECKING:
    from collections.abc import Awaitable, Coroutine, Mapping, Sequence
    from importlib.resources.abc import Traversable

    from core.domain.message import ThreadKey
    from core.store.redis.connecting.client import Client, Value
    from core.store.redis.names import Names

POSITIONS = {"ENTRY": records.ENTRY, "ANSWER": records.ANSWER, "PIN": pins.PIN}
CORE = {
    "VERSION": codec.VERSION,
    "DEFAULTS": wire.DEFAULTS,
    "PEOPLE_LIMIT": PEOPLE_LIMIT,
    "PINS": PINS,
    "PIN_BYTES": PIN_BYTES,
    "PINS_BYTES": PINS_BYTES,
    "STATES": len(STATES),
    "EDITS_LIMIT": EDITS_LIMIT,
    "SEEN_SECONDS": keys.SEEN_SECONDS,
    "TOMBSTONE_SECONDS": keys.TOMBSTONE_SECONDS,
    "AUDIT_SECONDS": keys.AUDIT_SECONDS,
}
_SHARED = re.compile(r"\b(ENTRY|ANSWER|PIN|CORE)\.(\w+)")


@dataclass(frozen=True)
class Script:
    """The script of a verb, with the keys and arguments that it takes."""

    source: str
    sha: str
    keys: tuple[str, ...]
    args: tuple[str, ...]

    @cached_property
    def named(self) -> tuple[str, ...]:
        """Return the names that stand for one key each."""
        return tuple(key for key in self.keys if not key.endswith("..."))

    def words(
        self, keys: Mapping[str, str], seen: Sequence[str], args: Mapping[str, Value]
    ) -> tuple[Value, ...]:
        """Return what follows the script in a call: the number of keys, the keys, the arguments.

        Raises:
            KeyError: A key or an argument is missing.
        """
        named = [keys[key] for key in self.named]
        values = [encoded(args[arg]) for arg in self.args]
        return (len(named) + len(seen), *named, *seen, *values)

    async def run(self, client: Client, words: tuple[Value, ...]) -> Any:  # noqa: ANN401 - what it answers
        """Call the script by its hash, or by its source if the server does not know it yet."""
        try:
            return await command(client, "EVALSHA", self.sha, *words)
        except NoScriptError:
            return await command(client, "EVAL", self.source, *words)


def encoded(value: Value) -> bytes:
    """Return a value as it is sent; text as UTF-8, lone surrogates included."""
    if isinstance(value, str):
        return value.encode("utf-8", "surrogatepass")
    if isinstance(value, bytes):
        return value
    if isinstance(value, bool):
        return b"1" if value else b"0"
    return repr(value).encode()


@cache
def script(name: str) -> Script:
    """Return the script of a verb."""
    verb = _folder().joinpath(f"{name}.lua").read_text("utf-8")
    keys, args = _declared(verb, "KEYS"), _declared(verb, "ARGV")
    source = _SHARED.sub(_shared, "\n\n".join((_tables(keys, args), *_needed(verb), verb)))
    return Script(source, sha1(source.encode(), usedforsecurity=False).hexdigest(), keys, args)


def _shared(found: re.Match[str]) -> str:
    """Return the Lua literal of a shared name; an unknown name raises an error."""
    table, name = found[1], found[2]
    if table == "CORE":
        return _lua(CORE[name])
    return str(POSITIONS[table].index(name) + 1)


def _lua(value: object) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"[{_lua(key)}] = {_lua(one)}" for key, one in value.items()) + "}"
    return json.dumps(value)  # the same for text, numbers, true and false


def _needed(verb: str) -> list[str]:
    """Return the parts of the prelude that a verb uses, directly or indirectly.

    Lua creates each function in every call, so unused ones would cost every turn.
    """
    needed: list[str] = []
    used = _code(verb)
    for name, part in reversed(_prelude()):
        if re.search(rf"(?<![\w.']){name}\b", used):  # neither a field nor a command of Redis
            needed.insert(0, part)
            used += _code(part)
    return needed


def _code(source: str) -> str:
    """Return Lua without its comments."""
    return re.sub(r"--.*", "", source)


@cache
def _prelude() -> list[tuple[str, str]]:
    """Return the parts of the prelude and their names; a part only uses those before it."""
    files = sorted(_folder().joinpath("lib").iterdir(), key=lambda file: file.name)
    text = "\n".join(file.read_text("utf-8") for file in files if file.name.endswith(".lua"))
    part = r"^local (function )?(\w+)(.*?)(?=^local |\Z)"
    parts = re.findall(part, text, re.MULTILINE | re.DOTALL)
    return [(name, f"local {function}{name}{rest}") for function, name, rest in parts]


def _folder() -> Traversable:
    return resources.files("core.store.redis").joinpath("scripts")


def _declared(verb: str, what: str) -> tuple[str, ...]:
    line = re.search(rf"^-- {what} ?(.*)$", verb, re.MULTILINE)
    return tuple(line[1].split()) if line else ()


def _tables(keys: tuple[str, ...], args: tuple[str, ...]) -> str:
    named = [f"{key} = KEYS[{number}]" for number, key in enumerate(keys, 1) if "..." not in key]
    rest = [f"{key[:-3]} = {{unpack(KEYS, {len(keys)})}}" for key in keys if "..." in key]
    taken = [f"{arg} = ARGV[{number}]" for number, arg in enumerate(args, 1)]
    return f"local K = {{{', '.join(named + rest)}}}\nlocal A = {{{', '.join(taken)}}}"


class Calls:
    """Calls of scripts and commands on one Redis, bounded in time.

    Each raises `StoreError` with a sentence for the operator; see `explained`.
    """

    def __init__(self, client: Client, names: Names, patience: float) -> None:
        """Call through this client; a call fails after `patience` seconds."""
        self.client = client
        self.names = names
        self.at = where_is(client)
        """Where the Redis is, without user and password."""
        self._patience = patience
        self._pipelined = pipelined(client, patience)

    def run(
        self, verb: str, thread: ThreadKey, identities: Sequence[str] = (), /, **args: Value
    ) -> Coroutine[Any, Any, Any]:
        """Call a script on a thread; `identities` are those of the event that it handles."""
        seen = self.names.seen(thread, identities)
        return self.run_on(verb, self.names.of(thread), seen, **args)

    async def run_on(
        self, verb: str, keys: Mapping[str, str], seen: Sequence[str] = (), /, **args: Value
    ) -> Any:  # noqa: ANN401 - what the script answers
        """Call a script on these keys, and return what it answers.

        If no reply comes, redis-py repeats the call with all its retries.
        """
        called = script(verb)
        words = called.words(keys, seen, args)
        answers, spent = await self._at_once([("EVALSHA", called.sha, *words)])
        if answers is not None:
            return answers[0]
        return await self.ask(called.run(self.client, words), spent)

    async def many(self, commands: Sequence[tuple[Value, ...]]) -> tuple[float, list[Any]]:
        """Return the server's time and the answers to commands, in one round trip."""
        asked: list[tuple[Value, ...]] = [("TIME",), *commands]
        found, spent = await self._at_once([tuple(map(encoded, words)) for words in asked])
        if found is None:
            found = await self.ask(piped(self.client, asked), spent)
        (seconds, micros), *answers = found
        return int(seconds) + int(micros) / 1_000_000, answers

    async def _at_once(
        self, commands: Sequence[tuple[Value, ...]]
    ) -> tuple[list[Any] | None, float]:
        """Return the replies on the connection that is shared, and how many seconds they took.

        They are None if there is no such connection, or no reply: then redis-py has to ask.
        """
        if self._pipelined is None:
            return None, 0.0
        loop = asyncio.get_running_loop()
        since = loop.time()
        try:
            return await self._pipelined.ask_all(commands), 0.0
        except (NoScriptError, RedisConnectionError):
            return None, loop.time() - since
        except FAILURES as error:
            raise explained(error, self.at) from error

    async def ask(self, request: Awaitable[Any], spent: float = 0.0) -> Any:  # noqa: ANN401 - what Redis answers
        """Return the reply to a request, for which `spent` seconds were spent already."""
        try:
            async with asyncio.timeout(self._patience - spent):
                return await heeding(request)
        except FAILURES as error:
            raise explained(error, self.at) from error

    async def close(self) -> None:
        """Close all connections."""
        if self._pipelined is not None:
            await self._pipelined.close()
        await disconnect(self.client)
