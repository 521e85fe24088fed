"""What people do with the app's buttons, commands, shortcuts, views and tabs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.fakes.slack.delivery import Post
from tests.fakes.slack.driver import Messages
from tests.fakes.slack.hooks import LIFE, answer
from tests.fakes.slack.model import Ephemeral, Hook, Message, View
from tests.fakes.slack.shapes import message_json
from tests.fakes.slack.view_rules import checked_view, entered, labelled

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.fakes.slack.model import Channel, Json, User
    from tests.fakes.slack.workspace import Where, Who


class Interactions(Messages):
    """People who click."""

    def _trigger(self, user: User) -> str:
        trigger = f"{self.new_id('1')}.{self.team.id}"
        self.triggers[trigger] = (self.now(), user.id)
        return trigger

    def _use_commands(self) -> None:
        """Need the scope for slash commands and shortcuts (docs: reference/scopes/commands)."""
        self.require("commands" in self.install.scopes, "no commands without their scope")
        self.install.used.add("commands")

    def _hook(self, channel: Channel, user: User, message: str = "") -> tuple[str, Hook]:
        known = self.new_id("H")
        shown = any(ephemeral.ts == message for ephemeral in self.ephemerals)
        hook = Hook(channel.id, user.id, self.now() + LIFE, message=message, ephemeral=shown)
        self.hooks[known] = hook
        return f"{self.url}/response/{known}", hook

    def _base(self, kind: str, user: User, channel: Channel | None) -> Json:
        team = self.teams[channel.team if channel else self.team.id]
        who = {"id": user.id, "username": user.name, "name": user.name, "team_id": user.team}
        return {
            "type": kind,
            "token": "verification-token",
            "api_app_id": self.app_id,
            "team": {"id": team.id, "domain": team.domain},
            "user": who,
            "enterprise": None,
            "is_enterprise_install": False,
            "trigger_id": self._trigger(user),
        }

    async def _interact(self, payload: Json) -> Post:
        post = self.delivery.send(Post("interactive", payload))
        self.last = [post]
        await post.done.wait()
        return post

    async def slash(self, who: Who, where: Where, line: str) -> Post:
        """Type a slash command; never in a thread, and the payload names none (slack.md 2.7)."""
        user, channel = self.user(who), self.where(where)
        command, _, text = line.partition(" ")
        self.require(user.id in channel.members, f"{user.name} isn't in {channel.name}")
        self.require(self.commands is None or command in self.commands, f"no command {command}")
        self._use_commands()
        team = self.teams[channel.team]
        name = {"im": "directmessage", "private": "privategroup"}.get(channel.kind, channel.name)
        url, hook = self._hook(channel, user)
        payload = {
            "token": "verification-token",
            "team_id": team.id,
            "team_domain": team.domain,
            "channel_id": channel.id,
            "channel_name": name,
            "user_id": user.id,
            "user_name": user.name,
            "command": command,
            "text": text,
            "response_url": url,
            "api_app_id": self.app_id,
            "is_enterprise_install": "false",
            "trigger_id": self._trigger(user),
        }
        post = self.delivery.send(Post("slash_commands", payload))
        self.last = [post]
        await post.done.wait()
        # An ack with text in it is an answer (docs: interactivity/implementing-slash-commands).
        if post.outcome and post.outcome.answer.get("text"):
            answer(self, hook, post.outcome.answer)
        return post

    async def shortcut(self, who: Who, message: Message | None, callback_id: str) -> Post:
        """Use a shortcut on a message, or a global one where there's none."""
        user = self.user(who)
        self.require(self.shortcuts is None or callback_id in self.shortcuts, callback_id)
        self._use_commands()
        if message is None:
            payload = self._base("shortcut", user, None)
            return await self._interact(payload | {"callback_id": callback_id})
        channel = self.channels[message.channel]
        self.require(user.id in channel.members, f"{user.name} isn't in {channel.name}")
        url, _ = self._hook(channel, user, message.ts)
        payload = self._base("message_action", user, channel) | {
            "callback_id": callback_id,
            "response_url": url,
            "message_ts": message.ts,
            "channel": {"id": channel.id, "name": channel.name or "directmessage"},
            "message": message_json(self, message),
        }
        return await self._interact(payload)

    async def press(
        self, who: Who, action_id: str, on: Message | Ephemeral | View, **changes: Any
    ) -> Post:
        """Press a button, or choose in a menu with `selected_option={"value": …}`.

        Args:
            who: Who does it.
            action_id: Which element.
            on: The message, ephemeral message, modal or home tab in which it's shown.
            changes: More for the action.

        Returns:
            What the app was told.

        Raises:
            UnshownError: It isn't shown there.
        """
        user = self.user(who)
        body = on.body["blocks"] if isinstance(on, View) else on.blocks
        found = [(b, e) for b, e in _elements(body) if e.get("action_id") == action_id]
        self.require(found, f"there's no {action_id} in {body}")
        block, element = found[0]
        action: Json = {
            "action_id": action_id,
            "block_id": block.get("block_id", ""),
            "type": element["type"],
            "action_ts": self.stamp(),
        }
        action |= {name: element[name] for name in ("value", "text") if name in element}
        action |= changes
        return await self._interact(self._pressed(user, on) | {"actions": [action]})

    def _pressed(self, user: User, on: Message | Ephemeral | View) -> Json:
        if isinstance(on, View):
            view = on.payload(self.team.id, self.app_id)
            inside = {"type": "view", "view_id": on.id}
            return self._base("block_actions", user, None) | {"view": view, "container": inside}
        channel = self.channels[on.channel]
        url, hook = self._hook(channel, user, on.ts)
        container: Json = {"type": "message", "message_ts": on.ts, "channel_id": channel.id}
        container["is_ephemeral"] = hook.ephemeral
        if on.thread_ts:
            container["thread_ts"] = on.thread_ts
        payload = self._base("block_actions", user, channel) | {
            "channel": {"id": channel.id, "name": channel.name or "directmessage"}
        }
        payload |= {"container": container, "response_url": url, "state": {"values": {}}}
        if isinstance(on, Message):  # an ephemeral one isn't in the payload
            payload["message"] = message_json(self, on)
        return payload

    async def submit(
        self, who: Who, view: View, values: Json | None = None, **changes: Any
    ) -> Post:
        """Submit a modal; `values` are block id → action id → what was entered.

        Without them, it is submitted as `fill` left it, and else as it was shown. `changes` are
        what an attacker puts in place of parts of the view.
        """
        self.require(view.body["type"] == "modal" and view.id in self.views, "no such modal")
        given = values if values is not None else entered(view.body, view.entered)
        body = view.payload(self.team.id, self.app_id) | {"state": {"values": given}} | changes
        payload = self._base("view_submission", self.user(who), None)
        post = await self._interact(payload | {"view": body, "response_urls": []})
        view.errors = {}
        if post.acked:
            self._replied(view, post.outcome.answer if post.outcome else {})
        return post

    def fill(self, view: View, **fields: str) -> None:
        """Enter something in a modal's fields, each named by its label with `_` for spaces."""
        view.entered |= {name.replace("_", " "): text for name, text in fields.items()}
        entered(view.body, view.entered)

    def _replied(self, view: View, reply: Json) -> None:
        """Do with a modal what the app's reply says (docs: surfaces/modals, "Updating")."""
        action = reply.get("response_action")
        if action == "errors":
            blocks = {block["block_id"]: name for name, block in labelled(view.body).items()}
            errors = reply["errors"]
            self.require(errors and errors.keys() <= blocks.keys(), f"no fields: {errors}")
            view.errors = {blocks[block]: text for block, text in errors.items()}
        elif action == "update":
            view.body = checked_view(self, reply["view"], "modal")
            view.hash, view.entered = self.stamp(), {}
        else:
            self.require(action in {None, "clear"}, f"no response_action {action}")
            self.views.pop(view.id, None)

    def modals(self, who: Who) -> list[View]:
        """Return the modals that a person has before them, the latest last."""
        user = self.user(who).id
        return [v for v in self.views.values() if v.user == user and v.body["type"] == "modal"]


def _elements(blocks: list[Json]) -> Iterator[tuple[Json, Json]]:
    for block in blocks:
        for element in block.get("elements", ()):
            yield block, element
        for name in ("accessory", "element"):
            if name in block:
                yield block, block[name]
