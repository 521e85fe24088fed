"""An export of everything that was interrupted goes on, and never with what was taken back."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import zipfile
from typing import TYPE_CHECKING

import pytest

from core.commands.export import files
from core.commands.export.files import export_to
from core.commands.export.request import ExportFormat
from core.commands.export.writing import Look, Reporter, Source
from core.domain.clock import SystemClock
from core.domain.message import ThreadKey
from core.store.local.store import LocalStore
from tests.builders import converse

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

COUNT = 6
LOOK = Look(at=1_700_000_000, several=True)


def thread(number: int) -> ThreadKey:
    return ThreadKey("slack", "C1", str(number))


@pytest.fixture
async def store() -> LocalStore:
    store = LocalStore(SystemClock())
    for number in range(COUNT):
        await converse(store, 1, 2, thread=thread(number))
    return store


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Note each conversation in the journal as soon as it is written."""
    monkeypatch.setattr(files, "_SAFE", 0.0)


async def sources(read: list[int], kill_at: int = COUNT) -> AsyncIterator[Source]:
    for number in range(COUNT):
        if number == kill_at:
            raise KeyboardInterrupt
        read.append(number)
        yield Source(thread(number))


async def write(
    store: LocalStore,
    path: Path,
    form: ExportFormat = ExportFormat.JSON,
    *,
    kill_at: int = COUNT,
    named: str = "all",
) -> int:
    """Export everything; return how many conversations were written now."""
    reporter = Reporter(SystemClock())
    await export_to(store, sources([], kill_at), path, form, LOOK, reporter, resumable=named)
    return reporter.progress.conversations


def parts(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.parametrize("form", ExportFormat)
@pytest.mark.parametrize("kill_at", [0, 1, COUNT - 1])
async def test_it_goes_on_and_is_as_if_it_had_not_been_interrupted(
    store: LocalStore, tmp_path: Path, form: ExportFormat, kill_at: int
) -> None:
    whole, path = tmp_path / "a", tmp_path / "b"
    await write(store, whole, form)
    with pytest.raises(KeyboardInterrupt):
        await write(store, path, form, kill_at=kill_at)
    assert not path.exists()
    assert await write(store, path, form) == COUNT - kill_at
    if form is ExportFormat.ZIP:
        with zipfile.ZipFile(whole) as one, zipfile.ZipFile(path) as other:
            for name, again in zip(one.namelist(), other.namelist(), strict=True):
                assert one.read(name) == other.read(again)
    else:
        assert path.read_bytes() == whole.read_bytes()
    assert parts(tmp_path) == ["a", "b"]


@pytest.mark.parametrize("changed", [0, 2])
@pytest.mark.parametrize("how", ["forgotten", "deleted", "reset"])
async def test_what_was_taken_back_meanwhile_is_not_in_it(
    store: LocalStore, tmp_path: Path, changed: int, how: str
) -> None:
    path = tmp_path / "b"
    with pytest.raises(KeyboardInterrupt):
        await write(store, path, kill_at=4)
    if how == "deleted":
        await store.amend(thread(changed), "m1", (), edited_at=5000, text=None)
    else:
        await store.erase(thread(changed), at=5000, keep_log=how == "reset")
    assert await write(store, path) == COUNT - changed - (how == "forgotten")
    document = json.loads(path.read_text())
    assert len(document["conversations"]) == COUNT - (how == "forgotten")
    texts = [r["text"] for c in document["conversations"] for r in c["records"]]
    assert texts.count("text 1") == COUNT - (how != "reset")


async def test_another_request_or_a_torn_journal_begins_again(
    store: LocalStore, tmp_path: Path
) -> None:
    path = tmp_path / "b"
    with pytest.raises(KeyboardInterrupt):
        await write(store, path, kill_at=4)
    assert await write(store, path, named="another") == COUNT
    path.unlink()
    with pytest.raises(KeyboardInterrupt):
        await write(store, path, kill_at=4)
    journal = tmp_path / "b.part-journal"
    lines = journal.read_bytes().splitlines(keepends=True)
    journal.write_bytes(b"".join(lines[:3]) + lines[3][:9])
    assert await write(store, path) == COUNT - 2
    assert len(json.loads(path.read_text())["conversations"]) == COUNT


async def test_a_file_that_is_there_is_never_overwritten(store: LocalStore, tmp_path: Path) -> None:
    path, target = tmp_path / "b", tmp_path / "target"
    path.write_text("mine")
    with pytest.raises(FileExistsError):
        await write(store, path)
    path.unlink()
    path.symlink_to(target)
    with pytest.raises(FileExistsError):
        await write(store, path)
    path.unlink()
    (tmp_path / "b.part-json").symlink_to(target)  # someone waits for it in a shared folder
    await write(store, path)
    assert not target.exists()
    assert path.stat().st_mode & 0o777 == 0o600


@pytest.mark.slow
def test_the_program_goes_on_after_it_was_killed(tmp_path: Path) -> None:
    env = os.environ | {
        "CHATBOT_STORE": f"sqlite:///{tmp_path}/a.db",
        "CHATBOT_MODEL": "offline",
        "HOME": str(tmp_path),
    }
    chatbot = [sys.executable, "-m", "bots"]
    talk = "\n".join(f"hello {n}\n/new" for n in range(3))
    subprocess.run([*chatbot, "chat"], env=env, input=talk, text=True, check=True, timeout=60)
    command = [*chatbot, "export", "--all", str(tmp_path / "x.json")]
    running = subprocess.Popen(command, env=env, stderr=subprocess.DEVNULL)
    running.send_signal(signal.SIGKILL)
    running.wait(timeout=30)
    subprocess.run(command, env=env, check=True, timeout=60, capture_output=True)
    found = json.loads((tmp_path / "x.json").read_text())
    assert len(found["conversations"]) == 3
    again = subprocess.run(command, env=env, check=False, timeout=60, capture_output=True)
    assert (again.returncode, b"can't be written: File exists" in again.stderr) == (1, True)
