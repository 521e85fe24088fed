"""What people do with the app's commands, menus, buttons and modals."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

from tests.fakes.discord.component_rules import LABEL, fields_of
from tests.fakes.discord.model import DM, Interaction, Message
from tests.fakes.discord.permissions import Permission
from tests.fakes.discord.shapes import channel_json, member_json, message_json, user_json
from tests.fakes.discord.sharing import Sharing
from tests.fakes.kit.simulation import UnshownError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tests.fakes.discord.model import Channel, Json, User
    from tests.fakes.discord.state import Where, Who

BUTTON, SELECT, TEXT_INPUT = 2, 3, 4
GUILD_CONTEXT, DM_CONTEXT = 0, 1
_TYPES: dict[int, tuple[type, ...]] = {3: (str,), 4: (int,), 5: (bool,), 10: (int, float)}
"""What an option of each type takes (docs: "Application Command Option Type")."""


class Gestures(Sharing):
    """People who use the app."""

    async def slash(self, who: Who, where: Where, line: str, **options: Any) -> Interaction:
        """Use a slash command, such as `chatbot export`, with its options by name."""
        name, *path = line.split()
        user, place = self.user(who), self.where(where)
        command = self._command(user, place, name, 1)
        level, outer = command, self._data(command)
        data = outer
        for word in path:
            found = [o for o in level.get("options") or () if o["name"] == word and o["type"] < 3]
            self.require(found, f"no subcommand {word}")
            level = found[0]
            inner: Json = {"type": level["type"], "name": word, "options": []}
            data["options"], data = [inner], inner
        known = {option["name"]: option for option in level.get("options") or ()}
        self.require(all(o["type"] > 2 for o in known.values()), "a subcommand is missing")
        data["options"] = self._given(known, options)
        return self._interact(2, user, place, outer)

    def _given(self, known: dict[str, Json], options: dict[str, Any]) -> list[Json]:
        self.require(options.keys() <= known.keys(), f"options are {sorted(known)}")
        needed = {name for name, option in known.items() if option.get("required")}
        self.require(needed <= options.keys(), f"needed are {sorted(needed)}")
        found = []
        for name, value in options.items():
            option = known[name]
            self.require(isinstance(value, _TYPES.get(option["type"], (str,))), f"{name}: {value}")
            choices = [choice["value"] for choice in option.get("choices") or ()]
            self.require(not choices or value in choices, f"choices are {choices}")
            found.append({"type": option["type"], "name": name, "value": value})
        return found

    def _command(self, user: User, place: Channel, name: str, kind: int) -> Json:
        """Return a command that this person is shown here."""
        found = [c for c in self.commands if (c["type"], c["name"]) == (kind, name)]
        self.require(found, f"no command {name}")
        command = found[0]
        context = DM_CONTEXT if place.kind == DM else GUILD_CONTEXT
        contexts = command["contexts"] or [0, *([1] if command["dm_permission"] else [])]
        self.require(context in contexts, f"{name} isn't shown there")
        may = self.may(user, place)
        self.require(may & Permission.USE_APPLICATION_COMMANDS, "no commands there")
        bits = command["default_member_permissions"]
        needed = Permission(int(bits)) if bits is not None else Permission(0)
        admin = bits == "0" and not may & Permission.ADMINISTRATOR
        enough = place.kind == DM or (may & needed == needed and not admin)
        self.require(enough, f"{name} isn't shown to {user.name}")
        # No commands in archived threads (docs: topics/threads).
        self.require(place.thread is None or not place.thread.archived, "it is archived")
        return command

    def _data(self, command: Json) -> Json:
        return {"id": command["id"], "name": command["name"], "type": command["type"]}

    async def menu(self, who: Who, message: Message, name: str) -> Interaction:
        """Use a context-menu command on a message."""
        user, place = self.user(who), self.channels[message.channel]
        self.require(not message.deleted, "it is gone")
        data = self._data(self._command(user, place, name, 3))
        data["target_id"] = message.id
        data["resolved"] = {"messages": {message.id: message_json(self, message)}}
        return self._interact(2, user, place, data)

    async def press(
        self, who: Who, message: Message, which: str, *values: str, forged: str = ""
    ) -> Interaction:
        """Press a button by its custom_id or its label, or choose values in a menu.

        `forged` is the custom_id that an attacker sends in its place.
        """
        user, place = self.user(who), self.channels[message.channel]
        self.require(not message.deleted, "it is gone")
        seen = not message.ephemeral or message.shown_to == user.id
        self.require(seen and self.may(user, place) & Permission.VIEW_CHANNEL, "it isn't shown")
        found = [p for p in _parts(message.components) if which in (_name(p), p.get("label"))]
        self.require(len(found) == 1, f"one {which} among {_names(message.components)}")
        part = found[0]
        self.require(not part.get("disabled") and "custom_id" in part, "it can't be pressed")
        data: Json = {"custom_id": forged or part["custom_id"], "component_type": part["type"]}
        data["id"] = part["id"]
        if part["type"] != BUTTON or values:
            data["values"] = list(values)
        return self._interact(3, user, place, data, message)

    async def submit(
        self, who: Who, opened: Interaction, given: Mapping[str, str] | None = None, **more: Any
    ) -> Interaction:
        """Fill in a modal and send it.

        Args:
            who: Who does it.
            opened: What opened the modal.
            given: What is entered or chosen, by the fields' labels or custom_ids.
            more: The same, by custom_ids; of what is sent itself, what an attacker puts there.

        Returns:
            What the app is told of.
        """
        forged = {name: more.pop(name) for name in ("custom_id", "components") if name in more}
        values = {**(given or {}), **more}
        user, modal = self.user(who), opened.modal
        if modal is None or user is not opened.user:
            raise UnshownError("no modal is open")
        rows: list[Json] = []
        for number, part in enumerate(modal["components"]):
            for field in fields_of([part]):
                names = (part.get("label"), field.get("label"), field["custom_id"])
                said = [values.pop(name) for name in names if name in values]
                filled = self._filled(field, said[0] if said else None)
                filled |= {"id": number * 2 + 2, "custom_id": field["custom_id"]}
                inner = {"component": filled} if part["type"] == LABEL else {"components": [filled]}
                rows.append({"type": part["type"], "id": number * 2 + 1, **inner})
        self.require(not values, f"no field {sorted(values)}")
        data: Json = {"custom_id": modal["custom_id"], "components": rows} | forged
        return self._interact(5, user, self.channels[opened.channel], data, opened.message)

    def _filled(self, field: Json, given: str | None) -> Json:
        """Return a field as it is sent; what is left alone stays as it was shown."""
        needed = field.get("required", True)
        if field["type"] == SELECT:
            options = field["options"]
            start = given if given is not None else ""
            found = [o["value"] for o in options if given and o["label"].startswith(start)]
            self.require(given is None or found, f"no {given} among {options}")
            chosen = found[:1] or [o["value"] for o in options if o.get("default")]
            self.require(chosen or not needed, f"{field['custom_id']} is needed")
            return {"type": SELECT, "values": chosen}
        text = given if given is not None else field.get("value") or ""
        self.require(text or not needed, f"{field['custom_id']} is needed")
        self.require(len(text) <= (field.get("max_length") or 4_000), "it is too long")
        return {"type": TEXT_INPUT, "value": text}

    def _interact(
        self, kind: int, user: User, place: Channel, data: Json, message: Message | None = None
    ) -> Interaction:
        """Tell the app of a gesture; its token is good for 15 minutes (discord.md 2)."""
        token = f"{self.random.getrandbits(512):0128x}"
        made = Interaction(self.snowflake(), token, kind, user, place.id, self.now(), data, message)
        self.interactions[token] = made
        payload: Json = {
            "id": made.id,
            "application_id": self.bot.id,
            "type": kind,
            "data": data,
            "token": token,
            "version": 1,
            "channel_id": place.id,
            "channel": channel_json(place, self.bot.id),
            "locale": "en-US",
            "entitlements": [],
            "app_permissions": str(int(self.may(self.bot, place)) & (1 << 53) - 1),
            "attachment_size_limit": self.upload_limit,
            "context": DM_CONTEXT if place.kind == DM else GUILD_CONTEXT,
            "authorizing_integration_owners": {"0": place.guild or "0"},
        }
        payload |= self._asker(user, place)
        if message is not None:
            payload["message"] = message_json(self, message)
        self.emit("INTERACTION_CREATE", payload, place)
        return made

    def again(self, token: str) -> Interaction:
        """Make another interaction like one that there was, of which the app is told nothing."""
        known = self.interactions[token]
        made = dataclasses.replace(
            known,
            id=self.snowflake(),
            token=f"{self.random.getrandbits(512):0128x}",
            created=self.now(),
            acked=None,
            ack=0,
            ephemeral=False,
            original=None,
            followups=[],
        )
        self.interactions[made.token] = made
        return made

    def _asker(self, user: User, place: Channel) -> Json:
        guild = self.guild_of(place)
        if guild is None:
            return {"user": user_json(user)}
        may = int(self.may(user, place)) & (1 << 53) - 1
        return {
            "member": member_json(guild.members[user.id]) | {"permissions": str(may)},
            "guild_id": guild.id,
            "guild": {"id": guild.id, "locale": "en-US", "features": []},
            "guild_locale": "en-US",
        }

    async def answered(
        self, asked: Interaction, count: int = 1, within: float = 30.0
    ) -> list[Message]:
        """Wait until an interaction shows so many messages, and return them all."""
        await self.until(lambda: len(asked.shown) >= count, within)
        return asked.shown

    def failed(self, asked: Interaction) -> bool:
        """Return whether the person was told that the app did not respond."""
        return not asked.ack and self.now() - asked.created > 3.0


def _parts(parts: list[Json]) -> Iterator[Json]:
    for part in parts:
        yield part
        yield from _parts(part.get("components") or [])
        if isinstance(part.get("component"), dict):
            yield from _parts([part["component"]])


def _name(part: Json) -> str:
    return str(part.get("custom_id", ""))


def _names(parts: list[Json]) -> list[str]:
    return [part.get("label") or _name(part) for part in _parts(parts) if part["type"] != 1]
