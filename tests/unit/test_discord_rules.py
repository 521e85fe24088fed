"""Whom the bot listens to on Discord, its nonces, and the settings for both."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from bots.discord.ids import first_at, seconds
from bots.discord.inbound.audience import AccessList, AccessLists
from bots.discord.inbound.events import ChannelInfo
from bots.discord.outbound.post_keys import key_of, nonce_of, notice_nonce
from bots.settings.discord import ids
from bots.settings.settings import Settings
from core.delivery.port import AS_FILE, DeliveryTarget, PostKey
from core.domain.errors import SettingsError
from core.domain.message import Kind, ThreadKey

if TYPE_CHECKING:
    from pathlib import Path

SPOT = ChannelInfo(id="3", guild="1", parent="2", category="9")
DM = ChannelInfo(id="4")
KEY = ThreadKey("discord", "1/2", "3")
WHERE = DeliveryTarget(thread=KEY, kind=Kind.THREAD, turn="m1", trigger="m1", answer_in="3")


def only(*allowed: str) -> AccessList:
    return AccessList(allowed=frozenset(allowed))


def but(*denied: str) -> AccessList:
    return AccessList(denied=frozenset(denied))


@pytest.mark.parametrize(
    ("rules", "spot", "heard"),
    [
        (AccessLists(), SPOT, True),
        (AccessLists(), DM, True),
        (AccessLists(dms=False), DM, False),
        (AccessLists(dms=False), SPOT, True),
        (AccessLists(guilds=only("1")), SPOT, True),
        (AccessLists(guilds=only("7")), SPOT, False),
        (AccessLists(guilds=only("7")), DM, True),
        (AccessLists(guilds=but("1")), SPOT, False),
        (AccessLists(channels=only("2")), SPOT, True),
        (AccessLists(channels=only("3")), SPOT, True),
        (AccessLists(channels=only("9")), SPOT, True),
        (AccessLists(channels=only("5")), SPOT, False),
        (AccessLists(channels=only("2"), guilds=but("1")), SPOT, False),
        (
            AccessLists(channels=AccessList(allowed=frozenset("2"), denied=frozenset("3"))),
            SPOT,
            False,
        ),
        (AccessLists(users=only("u")), SPOT, True),
        (AccessLists(users=only("x")), SPOT, False),
        (AccessLists(users=only("x"), roles=only("r")), SPOT, True),
        (AccessLists(roles=only("q")), SPOT, False),
        (AccessLists(roles=only("r")), DM, False),
        (AccessLists(users=but("u")), DM, False),
        (AccessLists(roles=but("r")), SPOT, False),
    ],
)
def test_whom_the_bot_listens_to(rules: AccessLists, spot: ChannelInfo, heard: bool) -> None:
    assert rules.allow(spot, "u", ("r", "s") if spot.guild else ()) is heard


def test_each_post_has_a_nonce_of_its_own_which_is_always_the_same() -> None:
    keys = [PostKey(KEY, "m1", piece=n) for n in (0, 1, AS_FILE)]
    keys += [PostKey(KEY, "m2", piece=0), PostKey(KEY, "m1", "t"), PostKey(KEY, "m1", "u")]
    nonces = [nonce_of(key) for key in keys] + [notice_nonce("a"), notice_nonce("b")]
    assert len(set(nonces)) == len(nonces)
    assert {len(nonce) for nonce in nonces} == {25}
    assert nonces[0] == nonce_of(replace(keys[0]))


def test_a_nonce_that_is_read_back_tells_its_key() -> None:
    for key in (PostKey(KEY, "m1", piece=AS_FILE), PostKey(KEY, "m1", "mine")):
        assert key_of(nonce_of(key), WHERE, "mine") == key
    other = key_of(nonce_of(PostKey(KEY, "m1", "theirs")), WHERE, "mine")
    assert other is not None
    assert other.is_preview
    assert other.token != "mine"
    assert key_of(nonce_of(PostKey(KEY, "m2", piece=0)), WHERE, "") is None
    assert key_of("12345", WHERE, "") is None


def test_ids_tell_their_time() -> None:
    assert seconds("175928847299117063") == pytest.approx(1462015105.796)  # the docs' own
    assert seconds(first_at(1700000000.0)) == pytest.approx(1700000000.0)
    assert int(first_at(seconds("175928847299117063"))) <= 175928847299117063


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("CHATBOT_DISCORD_ALLOW_GUILDS", "my server", "is not a list of ids"),
        ("CHATBOT_DISCORD_SHARD_IDS", "0,1", "needs CHATBOT_DISCORD_SHARD_COUNT"),
        ("CHATBOT_DISCORD_BASE_URL", "discord", "is not a URL"),
        ("DISCORD_BOT_TOKEN", "a b", "contains characters that no token has"),
        ("CHATBOT_DISCORD_ANSWER_IN", "nowhere", "one of thread, channel"),
    ],
)
def test_wrong_settings_are_told(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str, value: str, said: str
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(SettingsError, match=name) as raised:
        Settings.from_env(tmp_path / "none")
    assert said in str(raised.value)


def test_settings_that_are_right(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("DISCORD_BOT_TOKEN", " Bot a.b.c ")
    monkeypatch.setenv("CHATBOT_DISCORD_DENY_USERS", "175928847299117063, 175928847299117064")
    monkeypatch.setenv("CHATBOT_DISCORD_SHARD_COUNT", "4")
    monkeypatch.setenv("CHATBOT_DISCORD_SHARD_IDS", "1, 3")
    settings = Settings.from_env(tmp_path / "none")
    assert settings.discord
    assert settings.discord_bot_token.get_secret_value() == "a.b.c"
    assert "a.b.c" in settings.secrets
    assert settings.discord_shards == [1, 3]
    denied = AccessLists.of(settings).users.denied
    assert denied == ids("175928847299117063,175928847299117064")
