"""A disk that fills while a conversation is exported."""

from __future__ import annotations

import errno
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from core.commands import in_thread
from core.commands.export import files
from core.commands.export.request import ExportFormat
from core.commands.export.writing import Look, Reporter, Source
from core.domain.clock import SystemClock
from core.store.local.store import LocalStore
from tests.builders import THREAD, converse

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from typing import TextIO

FULL = Path("/dev/full")


def names(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()]


@pytest.mark.skipif(not FULL.exists(), reason="this system has no disk that is always full")
@pytest.mark.parametrize("form", ExportFormat)
@pytest.mark.parametrize("turns", [1, 200])
async def test_half_an_export_is_removed(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, form: ExportFormat, turns: int
) -> None:
    store = LocalStore(SystemClock())
    await converse(store, *range(1, turns + 1))

    def create(path: Path, size: int | None) -> TextIO:
        assert size is None
        path.touch()
        return FULL.open("w", encoding="utf-8")

    async def one() -> AsyncIterator[Source]:
        yield Source(THREAD)

    file, look, reporter = tmp_path / "out", Look(at=1), Reporter(SystemClock())
    with monkeypatch.context() as patched:
        patched.setattr(files, "_opened", create)
        with pytest.raises(OSError, match="No space left") as caught:
            await files.export_to(store, one(), file, form, look, reporter, resumable="it")
    assert "could not write the file" in in_thread.unwritten(caught.value)
    assert not names(tmp_path)
    await files.export_to(store, one(), file, form, look, Reporter(SystemClock()))
    assert names(tmp_path) == [file.name]
    assert file.stat().st_size
    assert file.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("number", [errno.EFBIG, errno.EIO, errno.ENOSPC, errno.EDQUOT])
def test_a_disk_gets_no_better_by_a_retry(number: int) -> None:
    assert in_thread.unwritten(OSError(number, "x"))
