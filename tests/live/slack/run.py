"""The trial of Slack: probes in a real workspace, what differs, and a recording."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from bots.slack.api import SLACK_URL, guarded_session, web_client
from bots.slack.faults import ODD, OUT_OF_REACH
from core.domain.errors import PlatformError, SettingsError
from core.domain.payload import dict_of, str_of
from tests.live.recording import Blind, write
from tests.live.slack import probes_around, probes_messages
from tests.live.slack.calls import Calls
from tests.live.slack.record import LANGUAGE
from tests.live.slack.trial import Scene, Trial

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable, Callable

    from bots.settings.settings import Settings
    from core.domain.clock import Clock
    from tests.live.options import Options

_OPENING = (
    "A live trial of the chatbot: I try out what Slack accepts, in this thread, and remove it in a "
    "moment."
)
_ASKED = 20
"""Members of the channel to look up, in search of one who is no bot."""
_LEFT = "{left} of the probes' messages or files could not be removed: remove them by hand."
_REAL = urlsplit(SLACK_URL).hostname


async def live(
    settings: Settings, clock: Clock, options: Options
) -> AsyncGenerator[tuple[str, bool], None]:
    """Run the probes; yield each line to print, and whether it reports a difference.

    It always removes what the probes leave behind. Raises `SettingsError` or `PlatformError` if
    the probes can't be run.
    """
    token = settings.slack_bot_token.get_secret_value()
    if not token:
        raise SettingsError("SLACK_BOT_TOKEN is not set: `chatbot doctor` says where to find it.")
    async with guarded_session(settings.slack_base_url) as session:
        client = web_client(token, settings.slack_base_url, session)
        calls = Calls(client, clock, pace=settings.slack_pace)
        trial, left = None, 0
        try:
            trial = Trial(calls, await _scene(calls, options.channel), clock)
            for probe in _probes(options):
                yield f"trying out {probe.__name__.replace('_', ' ')} …", False
                await trial.run(probe.__name__, probe(trial))
        finally:
            place = None if trial is None else (trial.scene.channel, trial.scene.root)
            left = await calls.clean_up(place)
        if left:
            yield _LEFT.format(left=left), True
        for line, differs in trial.lines():
            yield line, differs
        yield _written(settings, clock, options, trial), False
    yield trial.summary(), False


def _probes(options: Options) -> list[Callable[[Trial], Awaitable[None]]]:
    messages, around = probes_messages, probes_around
    chosen: list[Callable[[Trial], Awaitable[None]]] = [
        *(messages.posting, messages.refusing, messages.lengths, messages.reading_back),
        *(messages.order, messages.deleting, messages.ephemeral),
        *(around.streaming, around.reacting, around.status, around.files, around.direct),
    ]
    if options.expiry:
        chosen.append(around.stream_life)
    if options.limits:
        chosen.append(around.limits)
    return chosen


async def _scene(calls: Calls, channel: str) -> Scene:
    """Check the token and the channel, and start the probes' thread."""
    who = await calls.call("auth.test")
    if refused := str_of(who.answer, "error"):
        raise SettingsError(f"SLACK_BOT_TOKEN is refused: {refused}. See `chatbot doctor`.")
    if not (str_of(who.answer, "user_id") and str_of(who.answer, "team_id")):
        raise PlatformError(f"{OUT_OF_REACH}: {ODD}")
    about = await calls.call("conversations.info", channel=channel)
    place = dict_of(about.answer, "channel")
    opening = await calls.call("chat.postMessage", channel=channel, text=_OPENING)
    if opening.error:
        raise SettingsError(
            f"The channel {channel} can't be used: {opening.error}. Give the id of one that the "
            "bot is in (it starts with C, G or D, and is at the end of the channel's details)."
        )
    return Scene(
        team=str_of(who.answer, "team_id"),
        bot=str_of(who.answer, "user_id"),
        channel=str_of(opening.answer, "channel") or channel,
        direct=bool(place.get("is_im")),
        human=await _person_in(calls, channel),
        root=str_of(opening.answer, "ts"),
    )


async def _person_in(calls: Calls, channel: str) -> str:
    members = await calls.call("conversations.members", channel=channel, limit=_ASKED)
    for member in members.answer.get("members") or []:
        user = dict_of((await calls.call("users.info", user=member)).answer, "user")
        if user and not user.get("is_bot") and not user.get("deleted"):
            return str(member)
    return ""


def _written(settings: Settings, clock: Clock, options: Options, trial: Trial) -> str:
    """Write the recording; return a line that says where it is."""
    host = urlsplit(settings.slack_base_url or SLACK_URL).hostname
    blind, scene = Blind(LANGUAGE), trial.scene
    about = {
        "platform": "slack",
        "source": host if host == _REAL else "not Slack: another address was set for its API",
        "roles": {
            "team": blind.name(scene.team),
            "bot": blind.name(scene.bot),
            "channel": blind.name(scene.channel),
            "human": blind.name(scene.human) if scene.human else "",
            "direct": scene.direct,
        },
    }
    made, hidden = trial.calls.made, settings.secrets
    return write(made, blind, about, options.folder, now=clock.now(), secrets=hidden)
