"""Fetching files for a turn: once, together, bounded, and never in the way of an answer."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from core import limits
from core.attachments import Attachments
from core.errors import FileUnreadableError, PlatformError
from core.files import CROWDED, FileKind, Rules
from core.message import Attachment, ThreadKey
from tests.clocks import ManualClock
from tests.fakes.platform import FakePlatform
from tests.paper import CSV, png

if TYPE_CHECKING:
    from core.platform import Platform

THREAD = ThreadKey("fake", "place", "thread")
RULES = Rules(image_tokens=1_568)


def sent(key: str, size: int = 100) -> Attachment:
    return Attachment(id=key, name=f"{key}.bin", media_type="image/gif", size=size)


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def platform() -> FakePlatform:
    return FakePlatform(files={"a": png(1, 1), "b": png(2, 2), "c": CSV})


@pytest.fixture
def files(clock: ManualClock) -> Attachments:
    return Attachments(clock, RULES)


async def test_a_file_is_fetched_once_whatever_it_is_said_to_be(
    files: Attachments, platform: FakePlatform
) -> None:
    first = await files.load(platform, THREAD, [sent("c"), sent("a"), sent("a")])
    again = await files.load(platform, THREAD, [sent("a"), sent("c")])
    assert first["c"].kind is FileKind.TEXT
    assert again["a"].data is first["a"].data
    assert sorted(platform.fetched) == ["a", "c"]


async def test_nothing_wanted_is_nothing_done(files: Attachments, platform: FakePlatform) -> None:
    assert await files.load(platform, THREAD, []) == {}


async def test_the_same_content_is_kept_once(files: Attachments, platform: FakePlatform) -> None:
    platform.files["d"] = platform.files["a"]
    found = await files.load(platform, THREAD, [sent("a"), sent("d")])
    assert found["a"] is found["d"]
    assert files._used == found["a"].weight


async def test_the_same_reference_on_another_platform_is_another_file(
    files: Attachments, platform: FakePlatform
) -> None:
    other = FakePlatform(name="other", files={"a": CSV})
    await files.load(platform, THREAD, [sent("a")])
    assert (await files.load(other, THREAD, [sent("a")]))["a"].kind is FileKind.TEXT


async def test_what_is_not_kept_is_fetched_again_and_is_the_same(
    clock: ManualClock, platform: FakePlatform
) -> None:
    files = Attachments(clock, RULES, room=len(png(2, 2)))
    first = await files.load(platform, THREAD, [sent("a"), sent("b")])
    assert files._used <= len(png(2, 2))
    again = await files.load(platform, THREAD, [sent("a"), sent("b")])
    assert again == first
    assert len(platform.fetched) > 2


async def test_a_file_that_nobody_asks_for_is_forgotten(
    clock: ManualClock, files: Attachments, platform: FakePlatform
) -> None:
    await files.load(platform, THREAD, [sent("a"), sent("b")])
    clock.advance(limits.FILE_CACHE_SECONDS / 2 + 1)
    await files.load(platform, THREAD, [sent("a")])
    clock.advance(limits.FILE_CACHE_SECONDS / 2)
    await files.load(platform, THREAD, [sent("a")])
    assert files._used == len(png(1, 1))
    del platform.files["b"]
    assert (await files.load(platform, THREAD, [sent("b")]))["b"].why == "it was deleted"


@pytest.mark.parametrize(
    ("error", "why"),
    [
        (FileUnreadableError("it is for members only."), "it is for members only"),
        (PlatformError("HTTP 500"), "I could not get it"),
        (RuntimeError("a fault"), "I could not get it"),
        (TimeoutError(), "it took too long to get it"),
    ],
)
async def test_whatever_goes_wrong_with_a_file_is_said(
    files: Attachments, platform: FakePlatform, error: Exception, why: str
) -> None:
    platform.files["b"] = error
    found = await files.load(platform, THREAD, [sent("a"), sent("b")])
    assert (found["a"].why, found["b"].why) == ("", why)
    platform.files["b"] = CSV
    assert (await files.load(platform, THREAD, [sent("b")]))["b"].why == ""


async def test_a_file_that_takes_too_long_holds_nothing_up(
    files: Attachments, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Slow(FakePlatform):
        async def fetch(self, thread: ThreadKey, attachment: Attachment) -> bytes:
            if attachment.id == "slow":
                await asyncio.Event().wait()
            return await super().fetch(thread, attachment)

    monkeypatch.setattr(limits, "FETCH_SECONDS", 0.2)
    platform: Platform = Slow(files={"a": CSV})
    async with asyncio.timeout(5):
        found = await files.load(platform, THREAD, [sent("slow"), sent("a")])
    assert (found["slow"].why, found["a"].why) == ("it took too long to get it", "")


async def test_what_is_said_to_be_too_large_is_not_even_fetched(
    files: Attachments, platform: FakePlatform
) -> None:
    huge = sent("a", limits.FILE_BYTES + 1)
    assert "too large" in (await files.load(platform, THREAD, [huge]))["a"].why
    half = limits.REQUEST_FILE_BYTES // 2 + 1
    found = await files.load(platform, THREAD, [sent("b", half), sent("c", half), sent("a", -1)])
    assert [found[key].why for key in "bca"] == ["", CROWDED, ""]
    many = [sent(f"n{n}", 1) for n in range(limits.FETCHES + 1)]
    assert (await files.load(platform, THREAD, many))[f"n{limits.FETCHES}"].why == CROWDED
    assert "c" not in platform.fetched


async def test_what_is_larger_than_it_was_said_to_be(
    files: Attachments, platform: FakePlatform
) -> None:
    platform.files["a"] = b"x" * (limits.FILE_BYTES + 1)
    assert "too large" in (await files.load(platform, THREAD, [sent("a")]))["a"].why


async def test_no_more_files_at_once_than_memory_has_room_for(files: Attachments) -> None:
    class Counting(FakePlatform):
        now = most = 0

        async def fetch(self, thread: ThreadKey, attachment: Attachment) -> bytes:
            self.now += 1
            self.most = max(self.most, self.now)
            await asyncio.sleep(0.001)
            self.now -= 1
            return CSV

    platform = Counting()
    await files.load(platform, THREAD, [sent(f"f{n}") for n in range(40)])
    assert platform.most == limits.FETCHES_AT_ONCE


async def test_what_the_model_refused_is_not_shown_to_it_again(
    files: Attachments, platform: FakePlatform
) -> None:
    await files.load(platform, THREAD, [sent("a"), sent("c")])
    files.reject("fake", [sent("a"), sent("c"), sent("unknown")])
    found = await files.load(platform, THREAD, [sent("a"), sent("c")])
    assert found["a"].why == "the model does not take it"
    assert found["c"].why == ""
    assert len(platform.fetched) == 2


async def test_giving_up_a_turn_gives_up_its_files(files: Attachments) -> None:
    stopped = asyncio.Event()

    class Slow(FakePlatform):
        async def fetch(self, thread: ThreadKey, attachment: Attachment) -> bytes:
            try:
                await asyncio.Event().wait()
            finally:
                stopped.set()
            raise AssertionError

    loading = asyncio.create_task(files.load(Slow(), THREAD, [sent("a")]))
    await asyncio.sleep(0.01)
    loading.cancel()
    with pytest.raises(asyncio.CancelledError):
        await loading
    assert stopped.is_set()


async def test_references_are_forgotten_in_the_end(
    files: Attachments, platform: FakePlatform, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("core.attachments._KNOWN", 1)
    await files.load(platform, THREAD, [sent("a"), sent("b"), sent("c")])
    assert len(files._digests) == 1
