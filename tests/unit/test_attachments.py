"""Fetching files for a turn: once, together, bounded, and never in the way of an answer."""

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING

import pytest

from core.delivery.port import FileContent
from core.domain import limits
from core.domain.errors import FileUnreadableError, PlatformError, StoreUnavailableError
from core.domain.message import Attachment, ThreadKey
from core.prompt.files import CROWDED, File, FileKind, FileRules
from core.store.local.store import LocalStore
from core.turn import attachments
from core.turn.attachments import Attachments
from tests.builders import message, terms
from tests.clocks import ManualClock
from tests.fakes.platform import FakePlatform
from tests.paper import CSV, png

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from core.delivery.port import Platform

THREAD = ThreadKey("fake", "place", "thread")
RULES = FileRules(image_tokens=1_568)


def sent(key: str, size: int = 100, media_type: str = "application/zip") -> Attachment:
    return Attachment(id=key, name=f"{key}.bin", media_type=media_type, size=size)


async def load(
    files: Attachments,
    platform: Platform,
    wanted: Sequence[Attachment],
    *,
    thread: ThreadKey = THREAD,
    revision: str = "r1",
) -> dict[str, File]:
    return await files.load(platform, thread, wanted, revision)


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def store(clock: ManualClock) -> LocalStore:
    return LocalStore(clock)


@pytest.fixture
def platform() -> FakePlatform:
    return FakePlatform(files={"a": png(1, 1), "b": png(2, 2), "c": CSV})


@pytest.fixture
def files(store: LocalStore, clock: ManualClock) -> Attachments:
    return Attachments(store, clock, RULES)


async def test_a_file_is_fetched_once_whatever_it_is_said_to_be(
    files: Attachments, platform: FakePlatform
) -> None:
    first = await load(files, platform, [sent("c"), sent("a"), sent("a")])
    again = await load(files, platform, [sent("a"), sent("c")])
    assert first["c"].kind is FileKind.TEXT
    assert again["a"].data is first["a"].data
    assert sorted(platform.fetched) == ["a", "c"]


async def test_nothing_wanted_is_nothing_done(files: Attachments, platform: FakePlatform) -> None:
    assert await load(files, platform, []) == {}


async def test_the_same_content_is_kept_once(files: Attachments, platform: FakePlatform) -> None:
    platform.files["d"] = platform.files["a"]
    found = await load(files, platform, [sent("a"), sent("d")])
    assert found["a"] is found["d"]
    assert files._cache.used == found["a"].weight


async def test_the_same_reference_on_another_platform_is_another_file(
    files: Attachments, platform: FakePlatform
) -> None:
    other = FakePlatform(name="other", files={"a": CSV})
    await load(files, platform, [sent("a")])
    thread = ThreadKey("other", "place", "thread")
    found = await load(files, other, [sent("a")], thread=thread)
    assert found["a"].kind is FileKind.TEXT


async def test_what_is_not_kept_is_fetched_again_and_is_the_same(
    store: LocalStore, clock: ManualClock, platform: FakePlatform
) -> None:
    files = Attachments(store, clock, RULES, capacity=len(png(2, 2)))
    first = await load(files, platform, [sent("a"), sent("b")])
    assert files._cache.used <= len(png(2, 2))
    again = await load(files, platform, [sent("a"), sent("b")])
    assert again == first
    assert len(platform.fetched) > 2


async def test_a_file_that_no_turn_could_see_any_more_is_forgotten(
    files: Attachments, platform: FakePlatform
) -> None:
    await load(files, platform, [sent("a"), sent("b")])
    await load(files, platform, [sent("a")])
    assert files._cache.used == len(png(1, 1))
    del platform.files["b"]
    assert (await load(files, platform, [sent("b")]))["b"].why == "it was deleted"
    await load(files, platform, [])
    assert (files._cache.used, files._cache.threads) == (0, ())


@pytest.mark.parametrize(
    ("error", "why"),
    [
        (FileUnreadableError("it is for members only."), "it is for members only"),
        (PlatformError("HTTP 500"), "it could not be fetched"),
        (RuntimeError("a fault"), "it could not be fetched"),
        (TimeoutError(), "fetching it took too long"),
    ],
)
async def test_whatever_goes_wrong_with_a_file_is_said(
    files: Attachments, platform: FakePlatform, error: Exception, why: str
) -> None:
    platform.files["b"] = error
    found = await load(files, platform, [sent("a"), sent("b")])
    assert (found["a"].why, found["b"].why) == ("", why)
    platform.files["b"] = CSV
    assert (await load(files, platform, [sent("b")]))["b"].why == ""


async def test_a_file_that_takes_too_long_holds_nothing_up(
    files: Attachments, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Slow(FakePlatform):
        async def fetch(self, thread: ThreadKey, attachment: Attachment) -> FileContent:
            if attachment.id == "slow":
                await asyncio.Event().wait()
            return await super().fetch(thread, attachment)

    monkeypatch.setattr(limits, "FETCH_SECONDS", 0.2)
    platform: Platform = Slow(files={"a": CSV})
    async with asyncio.timeout(5):
        found = await load(files, platform, [sent("slow"), sent("a")])
    assert (found["slow"].why, found["a"].why) == ("fetching it took too long", "")


async def test_what_is_read_for_an_index_never_holds_up_a_turn(files: Attachments) -> None:
    begun: list[str] = []

    class Slow(FakePlatform):
        async def fetch(self, thread: ThreadKey, attachment: Attachment) -> FileContent:
            if attachment.id.startswith("slow"):
                begun.append(attachment.id)
                await asyncio.Event().wait()
            return await super().fetch(thread, attachment)

    platform: Platform = Slow(files={"a": CSV})
    threads = [ThreadKey("fake", "place", f"old{n}") for n in range(20)]
    async with asyncio.timeout(5), asyncio.TaskGroup() as group:
        jobs = [
            group.create_task(files.read_again(platform, thread, [sent("slow")], "r", keep=False))
            for thread in threads
        ]
        await asyncio.sleep(0)
        found = await load(files, platform, [sent("a")])
        for job in jobs:
            job.cancel()
    assert found["a"].kind is FileKind.TEXT
    assert len(begun) == limits.BACKGROUND_FETCHES < limits.FETCHES_AT_ONCE


async def test_what_was_recalled_stays_cached_until_another_process_changes_the_thread(
    files: Attachments, platform: FakePlatform
) -> None:
    async def again() -> dict[str, File]:
        return await files.read_again(platform, THREAD, [sent("c")], "r1", keep=True)

    first = await again()
    for _ in range(3):
        await load(files, platform, [sent("a")])
        await load(files, platform, [])
    assert (await again())["c"] is first["c"]
    assert platform.fetched.count("c") == 1
    await load(files, platform, [sent("a")], revision="r2")
    assert files._cache.used == len(png(1, 1))
    await load(files, platform, [], revision="r2")
    assert (files._cache.used, files._cache.threads) == (0, ())


async def test_what_is_said_to_be_too_large_is_not_even_fetched(
    files: Attachments, platform: FakePlatform
) -> None:
    huge = sent("a", limits.FILE_BYTES + 1)
    assert "too large" in (await load(files, platform, [huge]))["a"].why
    half = limits.REQUEST_FILE_BYTES // 2 + 1
    found = await load(files, platform, [sent("b", half), sent("c", half), sent("a", -1)])
    assert [found[key].why for key in "bca"] == ["", CROWDED, ""]
    many = [sent(f"n{n}", 1) for n in range(limits.FETCHES + 1)]
    assert (await load(files, platform, many))[f"n{limits.FETCHES}"].why == CROWDED
    assert "c" not in platform.fetched


async def test_pictures_count_as_what_is_left_of_them(
    files: Attachments, platform: FakePlatform
) -> None:
    photos = [sent(key, limits.FILE_BYTES + 1, "image/jpeg") for key in "ab"]
    videos = [sent("c", 900 * limits.FILE_BYTES, "video/mp4")]
    found = await load(files, platform, [*photos, *videos])
    assert [found[key].why for key in "abc"] == ["", "", ""]
    many = [sent(f"n{n}", limits.FILE_BYTES, "image/png") for n in range(9)]
    assert (await load(files, platform, many))["n8"].why == CROWDED


async def test_another_form_of_a_file_is_said_to_be_one(
    files: Attachments, platform: FakePlatform
) -> None:
    platform.files["d"] = platform.files["a"]
    platform.forms["d"] = "a smaller copy"
    found = await load(files, platform, [sent("a"), sent("d")])
    assert (found["a"].note, found["d"].note) == ("", "a smaller copy")
    assert found["a"].data == found["d"].data


async def test_what_a_turn_gave_up_on_is_read_before_the_next_file(
    files: Attachments, platform: FakePlatform, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, end = threading.Event(), threading.Event()
    running: list[int] = []

    def reading(data: bytes, rules: FileRules) -> File:
        running.append(len(running))
        begun.set()
        end.wait(5)
        return File(kind=FileKind.TEXT, text="x")

    monkeypatch.setattr(attachments, "read", reading)
    monkeypatch.setattr(limits, "FETCH_SECONDS", 0.2)
    found = await load(files, platform, [sent("a"), sent("b")])
    assert begun.is_set()
    assert [found[key].why for key in "ab"] == ["fetching it took too long"] * 2
    assert running == [0], "one at a time, although both turns have given up"
    end.set()


async def test_what_is_larger_than_it_was_said_to_be(
    files: Attachments, platform: FakePlatform
) -> None:
    platform.files["a"] = b"x" * (limits.FILE_BYTES + 1)
    assert "too large" in (await load(files, platform, [sent("a")]))["a"].why


async def test_no_more_files_at_once_than_memory_has_room_for(files: Attachments) -> None:
    class Counting(FakePlatform):
        now = most = 0

        async def fetch(self, thread: ThreadKey, attachment: Attachment) -> FileContent:
            self.now += 1
            self.most = max(self.most, self.now)
            await asyncio.sleep(0.001)
            self.now -= 1
            return FileContent(CSV)

    platform = Counting()
    await load(files, platform, [sent(f"f{n}") for n in range(40)])
    assert platform.most == limits.FETCHES_AT_ONCE


async def test_what_the_model_refused_is_not_shown_to_it_again(
    files: Attachments, platform: FakePlatform
) -> None:
    await load(files, platform, [sent("a"), sent("c")])
    files.reject(THREAD, [sent("a"), sent("c"), sent("unknown")])
    found = await load(files, platform, [sent("a"), sent("c")])
    assert found["a"].why == "the model rejected it"
    assert found["c"].why == ""
    assert len(platform.fetched) == 2


async def test_giving_up_a_turn_gives_up_its_files(files: Attachments) -> None:
    stopped = asyncio.Event()

    class Slow(FakePlatform):
        async def fetch(self, thread: ThreadKey, attachment: Attachment) -> FileContent:
            try:
                await asyncio.Event().wait()
            finally:
                stopped.set()
            raise AssertionError

    loading = asyncio.create_task(load(files, Slow(), [sent("a")]))
    await asyncio.sleep(0.01)
    loading.cancel()
    with pytest.raises(asyncio.CancelledError):
        await loading
    assert stopped.is_set()


async def test_files_are_forgotten_in_the_end_however_small_they_are(
    files: Attachments, platform: FakePlatform, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("core.turn.file_cache._CACHED_FILES", 1)
    await load(files, platform, [sent("a"), sent("b"), sent("c")])
    assert len(files._cache._contents) == 1
    assert sum(len(hold.files) for hold in files._cache.threads) == 1


# --- what people take away ----------------------------------------------------------------------

OTHER = ThreadKey("fake", "place", "other")
SECRET = b"DB_PASSWORD=hunter2"
MINUTE = limits.FILE_CHECK_SECONDS


def in_memory(files: Attachments) -> list[str]:
    """Return the texts of all files that are kept anywhere."""
    return [kept.file.text for kept in files._cache._contents.values()]


async def said(store: LocalStore, thread: ThreadKey, *attached: Attachment) -> str:
    """Let a person say something with files; return the thread's `revision`."""
    await store.accept(message(1, thread=thread, attachments=attached), terms(ttl=50_000))
    return (await store.revisions((thread,)))[0]


async def passed(clock: ManualClock, seconds: float) -> None:
    """Let time pass, and what is due then be done."""
    await asyncio.sleep(0)  # what waits has begun to
    clock.advance(seconds)
    for _ in range(20):
        await asyncio.sleep(0)


async def kept_in(
    store: LocalStore, files: Attachments, platform: FakePlatform, *threads: ThreadKey
) -> None:
    """Let the secret be kept for a turn of each of these threads."""
    platform.files["s"] = SECRET
    for thread in threads:
        revision = await said(store, thread, sent("s"))
        await load(files, platform, [sent("s")], thread=thread, revision=revision)
    assert in_memory(files) == [SECRET.decode()]


async def edited(store: LocalStore) -> None:
    await store.amend(THREAD, "m1", ("x",), edited_at=9e9, text="text 1", attachments=())


async def deleted(store: LocalStore) -> None:
    await store.amend(THREAD, "m1", ("x",), edited_at=0, text=None)


async def reset(store: LocalStore) -> None:
    await store.erase(THREAD, at=9e9, keep_log=True)


async def erased(store: LocalStore) -> None:
    await store.erase(THREAD, at=9e9)


CHANGES = [edited, deleted, reset, erased]


@pytest.mark.parametrize("change", CHANGES)
async def test_what_this_process_removes_takes_the_bytes_along_at_once(
    store: LocalStore,
    files: Attachments,
    platform: FakePlatform,
    change: Callable[[LocalStore], Awaitable[None]],
) -> None:
    await kept_in(store, files, platform, THREAD)
    await change(store)
    assert in_memory(files) == []
    assert files._cache.used == 0


@pytest.mark.parametrize("change", CHANGES)
async def test_what_another_process_removes_takes_the_bytes_along_within_a_minute(
    store: LocalStore,
    clock: ManualClock,
    files: Attachments,
    platform: FakePlatform,
    change: Callable[[LocalStore], Awaitable[None]],
) -> None:
    await kept_in(store, files, platform, THREAD)
    store._listeners = ()  # as if it were another's
    await change(store)
    assert in_memory(files) == [SECRET.decode()]
    await passed(clock, MINUTE + 1)
    assert in_memory(files) == []
    assert not files._check_scheduled


async def test_a_thread_in_which_nothing_is_removed_keeps_its_files(
    store: LocalStore, clock: ManualClock, files: Attachments, platform: FakePlatform
) -> None:
    await kept_in(store, files, platform, THREAD)
    await store.accept(message(2), terms(ttl=50_000))
    for _ in range(3):
        await passed(clock, MINUTE + 1)
    assert in_memory(files) == [SECRET.decode()]
    for _ in range(int(limits.FILE_CACHE_SECONDS / MINUTE)):
        await passed(clock, MINUTE + 1)
    assert in_memory(files) == []


async def test_a_session_that_ends_takes_the_bytes_along(
    store: LocalStore, clock: ManualClock, files: Attachments, platform: FakePlatform
) -> None:
    await kept_in(store, files, platform, THREAD)
    store.headers[str(THREAD)].expires_at = clock.now() + 10
    await passed(clock, MINUTE + 1)
    assert in_memory(files) == []


async def test_bytes_stay_for_another_thread_that_has_them(
    store: LocalStore, files: Attachments, platform: FakePlatform
) -> None:
    await kept_in(store, files, platform, THREAD, OTHER)
    await store.erase(THREAD, at=9e9)
    assert in_memory(files) == [SECRET.decode()]
    await store.erase(OTHER, at=9e9)
    assert in_memory(files) == []


async def test_a_file_that_is_on_its_way_when_its_thread_is_erased_is_not_kept(
    store: LocalStore, files: Attachments
) -> None:
    came = asyncio.Event()

    class Slow(FakePlatform):
        async def fetch(self, thread: ThreadKey, attachment: Attachment) -> FileContent:
            await came.wait()
            return await super().fetch(thread, attachment)

    platform = Slow(files={"s": SECRET})
    revision = await said(store, THREAD, sent("s"))
    loading = asyncio.create_task(load(files, platform, [sent("s")], revision=revision))
    await asyncio.sleep(0)
    await store.erase(THREAD, at=9e9)
    came.set()
    assert (await loading)["s"].text == SECRET.decode()
    assert in_memory(files) == []


@pytest.mark.parametrize("error", [StoreUnavailableError("out"), RuntimeError("a fault")])
async def test_where_the_store_does_not_answer_nothing_is_kept_longer(
    store: LocalStore,
    clock: ManualClock,
    files: Attachments,
    platform: FakePlatform,
    monkeypatch: pytest.MonkeyPatch,
    error: Exception,
) -> None:
    await kept_in(store, files, platform, THREAD)

    async def fails(threads: Sequence[ThreadKey]) -> tuple[str, ...]:
        raise error

    with monkeypatch.context() as patch:
        patch.setattr(store, "revisions", fails)
        await passed(clock, MINUTE + 1)
    assert in_memory(files) == []
    await load(files, platform, [sent("s")], revision=(await store.revisions((THREAD,)))[0])
    await erased(store)
    assert in_memory(files) == []


async def test_of_nothing_that_is_kept_nothing_is_asked(
    store: LocalStore,
    clock: ManualClock,
    files: Attachments,
    platform: FakePlatform,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: list[Sequence[ThreadKey]] = []

    async def revisions(threads: Sequence[ThreadKey]) -> tuple[str, ...]:
        asked.append(threads)
        return ("",) * len(threads)

    monkeypatch.setattr(store, "revisions", revisions)
    for _ in range(3):
        assert await load(files, platform, []) == {}
        await passed(clock, MINUTE + 1)
    assert asked == []
    await load(files, platform, [sent("a")], revision="r1")
    await load(files, platform, [sent("b")], thread=OTHER, revision="r2")
    for _ in range(3):
        await passed(clock, MINUTE + 1)
    assert asked == [[THREAD, OTHER]], "one read for all, and none when they are gone"


async def test_a_file_is_asked_about_before_it_is_shown_again_after_a_minute(
    clock: ManualClock, files: Attachments, platform: FakePlatform
) -> None:
    platform.files["s"] = SECRET
    await load(files, platform, [sent("s")])
    clock.advance(MINUTE - 1)
    await load(files, platform, [sent("s")])
    assert platform.asked == []
    clock.advance(2)
    for _ in range(2):
        assert (await load(files, platform, [sent("s")]))["s"].text == SECRET.decode()
    assert (platform.asked, platform.fetched) == (["s"], ["s"])
    del platform.files["s"]
    clock.advance(MINUTE)
    assert (await load(files, platform, [sent("s")]))["s"].why == "it was deleted"
    assert in_memory(files) == []


async def test_a_file_that_can_not_be_asked_about_is_shown_as_it_was(
    clock: ManualClock, files: Attachments, platform: FakePlatform
) -> None:
    platform.files["s"] = SECRET
    await load(files, platform, [sent("s")])
    clock.advance(MINUTE)
    platform.doubt = PlatformError("HTTP 503")
    assert (await load(files, platform, [sent("s")]))["s"].text == SECRET.decode()
    platform.doubt = FileUnreadableError("it is not shared with me")
    assert platform.fetched == ["s"]
    await load(files, platform, [sent("s")])
    assert platform.fetched == ["s", "s"]


async def test_a_file_that_is_told_to_be_gone_is_kept_nowhere(
    store: LocalStore, files: Attachments, platform: FakePlatform
) -> None:
    await kept_in(store, files, platform, THREAD, OTHER)
    await load(
        files, platform, [sent("a")], thread=OTHER, revision=(await store.revisions((OTHER,)))[0]
    )
    files.drop_files(lambda thread, key: key == "s" and thread.platform == "fake")
    assert in_memory(files) == [""]
