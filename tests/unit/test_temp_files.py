"""Folders for what is sent: gone afterwards, also where the process was killed, and no other is."""

from __future__ import annotations

import asyncio
import os
import signal
import stat
import subprocess
import sys
import tempfile
import threading
import time
from typing import TYPE_CHECKING

import pytest

from core.commands.export import temp_files
from tests.clocks import ManualClock

if TYPE_CHECKING:
    from pathlib import Path

MINE = f"chatbot-{os.geteuid()}-"
MAKES = """
import time
from core.commands.export import temp_files
with temp_files.folder() as folder:
    (folder / "conversation.md").write_text("zebra")
    print(folder, flush=True)
    time.sleep(60)
"""


@pytest.fixture(autouse=True)
def base(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Have a folder for temporary files of this test's own."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


def left(base: Path, name: str, *files: str, age: float = 0) -> Path:
    """Leave a folder behind that nobody holds."""
    path = base / name
    path.mkdir(mode=0o700)
    for file in files:
        (path / file).write_text("zebra")
    os.utime(path, (time.time() - age,) * 2)
    return path


def names(base: Path) -> set[str]:
    return {path.name for path in base.iterdir()}


def test_a_folder_is_its_users_alone_and_gone_afterwards(base: Path) -> None:
    with temp_files.folder() as made, temp_files.folder() as other:
        assert made != other
        assert made.parent == base
        assert made.name.startswith(MINE)
        assert stat.S_IMODE(made.stat().st_mode) == 0o700
        (made / "inside").mkdir()
        (made / "inside" / "file").write_text("zebra")
        assert temp_files.sweep() == 0
        assert made.exists()
    assert names(base) == set()
    with pytest.raises(KeyError), temp_files.folder():
        raise KeyError
    assert names(base) == set()


def test_what_a_killed_process_leaves_is_removed_and_what_a_living_one_holds_is_not(
    base: Path,
) -> None:
    environment = {**os.environ, "TMPDIR": str(base)}
    with subprocess.Popen(
        [sys.executable, "-c", MAKES], env=environment, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        folder = process.stdout.readline().decode().strip()
        assert names(base) == {os.path.basename(folder)}  # noqa: PTH119
        assert temp_files.sweep() == 0
        process.send_signal(signal.SIGKILL)
        process.wait()
        assert names(base)
        assert temp_files.sweep() == 1
    assert names(base) == set()


def test_links_and_files_are_left_alone_and_followed_nowhere(base: Path) -> None:
    elsewhere = left(base, "elsewhere", "kept.md")
    (base / f"{MINE}link").symlink_to(elsewhere)
    (base / f"{MINE}file").write_text("kept")
    (base / "chatbot-abcdefgh").symlink_to(elsewhere)
    inside = left(base, f"{MINE}inside", "conversation.md")
    (inside / "link").symlink_to(elsewhere)
    assert temp_files.sweep() == 1
    assert not inside.exists()
    assert (elsewhere / "kept.md").read_text() == "zebra"
    assert names(base) == {"elsewhere", f"{MINE}link", f"{MINE}file", "chatbot-abcdefgh"}


def test_what_is_another_users_is_left_alone(base: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where its name is ours: anybody may make one."""
    left(base, "chatbot-4242-abcdefgh", "conversation.md")
    left(base, "chatbot-abcdefgh", "conversation.md", age=9999)
    monkeypatch.setattr(os, "geteuid", lambda: 4242)
    assert temp_files.sweep() == 0
    monkeypatch.undo()
    monkeypatch.setattr(tempfile, "tempdir", str(base))
    assert len(names(base)) == 2


def test_folders_of_older_versions_go_by_age_if_nothing_else_is_in_them(base: Path) -> None:
    left(base, "chatbot-aaaaaaaa", "conversation.md", "conversation.1.md.gz", age=9999)
    left(base, "chatbot-bbbbbbbb", "memory.md", age=9999)
    left(base, "chatbot-cccccccc", "conversation.md")
    left(base, "chatbot-dddddddd", "conversation.md", "thesis.md", age=9999)
    left(base, "chatbot-project", "conversation.md", age=9999)
    left(base, "chatbot-notes-of-mine", age=9999)
    assert temp_files.sweep() == 2
    kept = {"chatbot-cccccccc", "chatbot-dddddddd", "chatbot-project", "chatbot-notes-of-mine"}
    assert names(base) == kept


def test_whoever_sweeps_takes_nothing_that_is_being_made(base: Path) -> None:
    ended = threading.Event()

    def sweep() -> None:
        while not ended.is_set():
            temp_files.sweep()

    sweepers = [threading.Thread(target=sweep) for _ in range(2)]
    for sweeper in sweepers:
        sweeper.start()
    try:
        for number in range(300):
            with temp_files.folder() as made:
                (made / "conversation.md").write_text(str(number))
                assert (made / "conversation.md").read_text() == str(number)
    finally:
        ended.set()
        for sweeper in sweepers:
            sweeper.join()
    assert names(base) == set()


async def test_it_is_swept_at_the_start_and_each_hour(
    base: Path, caplog: pytest.LogCaptureFixture
) -> None:
    clock = ManualClock()
    left(base, f"{MINE}aaaaaaaa", "conversation.md")
    async with temp_files.swept(clock):
        assert names(base) == set()
        assert "removed 1 folder(s)" in caplog.text
        left(base, f"{MINE}bbbbbbbb", "conversation.md")
        async with asyncio.timeout(10):
            while names(base):
                clock.advance(3600)
                await asyncio.sleep(0.01)


def test_where_nothing_can_be_looked_at_nothing_fails(
    base: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(base / "gone"))
    assert temp_files.sweep() == 0
    with pytest.raises(OSError), temp_files.folder():  # noqa: PT011 - whatever the system says
        pass
