"""Background tasks: kept, logged, ended."""

import asyncio
import gc
import logging

import pytest

from core.domain.errors import StoreUnavailableError
from core.domain.tasks import LONG, Tasks, off_loop_if_long


async def test_a_task_is_kept_until_it_ends() -> None:
    tasks, done = Tasks("a job"), asyncio.Event()

    async def job() -> None:
        await asyncio.sleep(0.01)
        done.set()

    tasks.start(job())
    gc.collect()
    assert len(tasks) == 1
    await tasks.wait()
    assert done.is_set()
    assert len(tasks) == 0


async def test_an_error_is_logged_by_its_kind_and_never_by_its_text(
    caplog: pytest.LogCaptureFixture,
) -> None:
    tasks = Tasks("a job")

    async def breaks() -> None:
        raise ValueError("what Ann said")

    tasks.start(breaks())
    await tasks.wait()
    (record,) = caplog.records
    assert record.levelno == logging.ERROR
    assert record.getMessage().startswith("a job failed: ValueError at unit/test_tasks.py:")
    assert "Ann" not in caplog.text


async def test_an_error_of_ours_is_logged_with_its_sentence(
    caplog: pytest.LogCaptureFixture,
) -> None:
    tasks = Tasks("a job")

    async def breaks() -> None:
        raise StoreUnavailableError("the store is away")

    tasks.start(breaks())
    await tasks.wait()
    assert caplog.messages == ["a job failed: the store is away"]


async def test_closing_cancels_what_runs_and_waits_for_its_clean_up(
    caplog: pytest.LogCaptureFixture,
) -> None:
    tasks, cleaned = Tasks("a job"), False

    async def job() -> None:
        nonlocal cleaned
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0)
            cleaned = True

    task = tasks.start(job())
    await asyncio.sleep(0)
    await tasks.close()
    assert cleaned
    assert task.cancelled()
    assert not caplog.records


async def test_closing_with_grace_lets_tasks_finish() -> None:
    tasks = Tasks("a job")

    async def soon() -> str:
        await asyncio.sleep(0.01)
        return "done"

    quick, slow = tasks.start(soon()), tasks.start(asyncio.Event().wait())
    await tasks.close(grace=0.1)
    assert quick.result() == "done"
    assert slow.cancelled()


async def test_closing_ends_tasks_that_its_tasks_start_meanwhile() -> None:
    tasks = Tasks("a job")

    async def starts_another() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            tasks.start(asyncio.Event().wait())

    tasks.start(starts_another())
    await asyncio.sleep(0)
    await asyncio.wait_for(tasks.close(), 1)
    assert len(tasks) == 0


async def test_a_task_may_close_the_set_that_it_is_in() -> None:
    tasks = Tasks("a job")
    other = tasks.start(asyncio.Event().wait())
    await asyncio.wait_for(tasks.start(tasks.close()), 1)
    assert other.cancelled()


@pytest.mark.parametrize("size", [0, LONG - 1, LONG])
async def test_long_work_leaves_the_event_loop_and_short_work_does_not(size: int) -> None:
    loop = asyncio.get_running_loop()

    def on_loop() -> bool:
        try:
            return asyncio.get_running_loop() is loop
        except RuntimeError:
            return False

    assert await off_loop_if_long(size, on_loop) is (size < LONG)
