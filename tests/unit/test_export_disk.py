"""A disk that fills while a conversation is exported."""

from __future__ import annotations

import errno
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from core.commands import export, in_thread
from core.commands.parser import ExportFormat
from core.domain.clock import SystemClock
from core.store.local.store import LocalStore
from tests.builders import THREAD, converse

if TYPE_CHECKING:
    from typing import TextIO

FULL = Path("/dev/full")


@pytest.mark.skipif(not FULL.exists(), reason="this system has no disk that is always full")
@pytest.mark.parametrize("form", ExportFormat)
@pytest.mark.parametrize("turns", [1, 200])
async def test_half_an_export_is_removed(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, form: ExportFormat, turns: int
) -> None:
    store = LocalStore(SystemClock())
    await converse(store, *range(1, turns + 1))

    def create(path: Path) -> TextIO:
        path.touch()
        return FULL.open("w", encoding="utf-8")

    file = tmp_path / "out"
    with monkeypatch.context() as patched:
        patched.setattr(export, "_create", create)
        with pytest.raises(OSError, match="No space left") as caught:
            await export.export_to(store, THREAD, str(file), at=1, form=form)
    assert "could not write the file" in in_thread.unwritten(caught.value)
    assert not file.exists()
    await export.export_to(store, THREAD, str(file), at=1, form=form)
    assert file.stat().st_size


@pytest.mark.parametrize("number", [errno.EFBIG, errno.EIO, errno.ENOSPC, errno.EDQUOT])
def test_a_disk_gets_no_better_by_a_retry(number: int) -> None:
    assert in_thread.unwritten(OSError(number, "x"))
