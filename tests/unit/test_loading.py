"""Imports while no garbage is collected."""

from __future__ import annotations

import gc

import pytest

from bots.ops.loading import loading


def test_no_garbage_is_collected_while_modules_load() -> None:
    with loading():
        assert not gc.isenabled()
        with loading():
            pass
        assert not gc.isenabled()
    assert gc.isenabled()


def test_it_is_collected_after_an_import_that_fails() -> None:
    with pytest.raises(ImportError), loading():
        raise ImportError
    assert gc.isenabled()
