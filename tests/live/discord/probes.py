"""The probes of the real Discord."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, quote, urlsplit

from bots.discord.ui.commands import commands, is_synced
from tests.live.discord.rules import RULES
from tests.live.rules import Tally, Told

if TYPE_CHECKING:
    from core.domain.clock import Clock
    from tests.live.discord.calls import Calls
    from tests.live.discord.record import Reply

_NOWHERE = "100000000000000001"
"""An id that nothing has, from the first milliseconds of Discord."""
_CONTENT = b"A file of chatbot doctor's.\n"
_WAITS = (2, 15, 30, 60)
_LATER = (120, 300, 600)
"""Seconds after which to reuse a nonce; after a minute, only to learn how long it is valid."""


class Trial(Tally):
    """One trial of the rules, in its own thread."""

    def __init__(self, calls: Calls, clock: Clock, *, channel: str, bot: str, root: str) -> None:
        """Probe in the thread created from `root`, a message in `channel`."""
        super().__init__(RULES)
        self.calls = calls
        self.clock = clock
        self.channel = channel
        self.bot = bot
        self.root = root

    async def post(self, text: str, **more: Any) -> Reply:
        """Post in the thread."""
        return await self.calls.call("POST", f"{self.at()}/messages", {"content": text, **more})

    def at(self, message: str = "") -> str:
        """Return the path of the thread, or of a message in it."""
        place = f"/channels/{self.root}"
        return f"{place}/messages/{message}" if message else place

    def refused(self, rule: str, reply: Reply) -> None:
        """Record whether a call was refused as the rule says."""
        self.holds(rule, reply.error == RULES[rule].error, reply.told.words)


async def threads(trial: Trial) -> None:
    """Create the thread twice, and post in it while it is archived."""
    calls, path = trial.calls, f"/channels/{trial.channel}/messages/{trial.root}/threads"
    given = {"name": "chatbot doctor", "auto_archive_duration": 60}
    made = await calls.call("POST", path, given)
    same = made["id"] == trial.root
    trial.holds("thread-id", same, f"it has {made['id'] or made.told.words}")
    trial.refused("thread-again", await calls.call("POST", path, given))
    await calls.call("PATCH", trial.at(), {"archived": True})
    await trial.post("Awake?")
    state = (await calls.call("GET", trial.at()))["thread_metadata"] or {}
    trial.holds("thread-wakes", state.get("archived") is False, f"archived: {state}")


async def posting(trial: Trial) -> None:
    """Post, edit, delete, read back."""
    first = await trial.post("One.")

    async def of(size: int) -> Told:
        return (await trial.calls.call("PATCH", message, {"content": "x" * size})).told

    message = trial.at(str(first["id"]))
    await trial.bounded("content-length", "PATCH messages", of)
    trial.refused("content-empty", await trial.post(""))
    trial.refused(
        "edit-unknown", await trial.calls.call("PATCH", trial.at(_NOWHERE), {"content": "x"})
    )
    second = await trial.post("Two.")
    query = {"after": str(first["id"]), "limit": "100"}
    read = await trial.calls.call("GET", f"{trial.at()}/messages", query=query)
    found = {each["id"]: each["content"] for each in read.items}
    trial.holds("read-back", found.get(second["id"]) == "Two.", f"it is {found or read.told.words}")
    await trial.calls.call("DELETE", trial.at(str(second["id"])))
    again = await trial.calls.call("DELETE", trial.at(str(second["id"])))
    trial.refused("delete-again", again)
    said = f"@everyone <@{trial.bot}>"
    calm = await trial.post(said, allowed_mentions={"parse": []})
    called = calm["mention_everyone"] or calm["mentions"]
    trial.holds("mentions-none", not called and not calm.error, f"it mentions {called}")
    typing = await trial.calls.call("POST", f"{trial.at()}/typing")
    trial.holds("typing", not typing.error, typing.told.words)


async def nonces(trial: Trial) -> None:
    """Post again with the same nonce, also after its message was deleted."""

    async def of(size: int) -> Told:
        return (await _named(trial, secrets.token_hex(32)[:size].ljust(size, "x"))).told

    await trial.bounded("nonce-length", "POST messages", of)
    name = secrets.token_hex(12)
    first, again = await _named(trial, name), await _named(trial, name)
    seen = f"it made {again['id'] or again.told.words} beside {first['id']}"
    trial.holds("nonce-again", again["id"] == first["id"], seen)
    read = await trial.calls.call("GET", f"{trial.at()}/messages", query={"limit": "1"})
    shown = [each.get("nonce") for each in read.items if each.get("nonce")]
    trial.holds("nonce-hidden", not shown, f"it shows {'ours' if name in shown else shown}")
    await trial.calls.call("DELETE", trial.at(str(first["id"])))
    trial.refused("nonce-deleted", await _named(trial, name))


async def nonce_window(trial: Trial) -> None:
    """Reuse a nonce after a minute, and then until it is no longer valid."""
    names = {wait: secrets.token_hex(12) for wait in (*_WAITS, *_LATER)}
    made = {wait: str((await _named(trial, name))["id"]) for wait, name in names.items()}
    began, least = trial.clock.monotonic(), RULES["nonce-window"].limit
    for wait, name in names.items():
        await trial.clock.sleep(max(0.0, began + wait - trial.clock.monotonic()))
        if (await _named(trial, name))["id"] != made[wait]:
            seen = f"it was good no more after {wait} s"
            trial.holds("nonce-window", wait > least, seen)
            trial.remarks.append(f"note: a nonce was enforced for less than {wait} s")
            return
    trial.holds("nonce-window", fact=True, seen="")
    trial.remarks.append(f"note: a nonce was enforced for {_LATER[-1]} s and more")


async def reacting(trial: Trial) -> None:
    """Add a reaction twice, and remove it twice."""
    message = trial.at(str((await trial.post("React."))["id"]))

    async def react(method: str, name: str) -> Reply:
        return await trial.calls.call(method, f"{message}/reactions/{quote(name)}/@me")

    await react("PUT", "✂️")
    twice = await react("PUT", "✂️")
    trial.holds("reaction-twice", not twice.error, twice.told.words)
    await react("DELETE", "✂️")
    trial.refused("reaction-none", await react("DELETE", "✂️"))
    trial.refused("reaction-name", await react("PUT", "nothing"))


async def files(trial: Trial) -> None:
    """Upload a file, read its message again, and fetch the file from there."""
    calls = trial.calls
    made = await calls.call("POST", f"{trial.at()}/messages", file=("probe.txt", _CONTENT))
    url = _url(made)
    signed = {"ex", "is", "hm"} <= parse_qs(urlsplit(url).query).keys()
    trial.holds("file-url", signed, "it is not" if url else made.told.words)
    again = _url(await calls.call("GET", trial.at(str(made["id"]))))
    good = await calls.fetched(again) == _CONTENT if again else False
    trial.holds("file-again", good, "what is there is something else")


async def slash(trial: Trial) -> None:
    """Overwrite the commands unchanged; leave it to the bot if it has none yet."""
    application = (await trial.calls.call("GET", "/applications/@me"))["id"]
    path = f"/applications/{application}/commands"
    found = await trial.calls.call("GET", path)
    if found.error or not is_synced(found.items, commands()):
        trial.skip("commands-kept", "the bot has not written its commands: start it once")
        return
    written = await trial.calls.call("PUT", path, commands())
    ids = [sorted(str(each["id"]) for each in reply.items) for reply in (found, written)]
    trial.holds("commands-kept", ids[0] == ids[1], written.told.words)


async def _named(trial: Trial, nonce: str) -> Reply:
    return await trial.post("Once.", nonce=nonce, enforce_nonce=True)


def _url(reply: Reply) -> str:
    found = reply["attachments"] or []
    return str(found[0]["url"]) if found else ""
