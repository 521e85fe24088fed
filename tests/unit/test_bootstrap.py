"""The set-up: what it installs, and where it looks for a package index."""

from __future__ import annotations

import errno
import importlib.util
import runpy
import shutil
import subprocess
import sys
import venv
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from types import ModuleType

SCRIPT = Path(__file__).resolve().parents[2] / ".ci" / "bootstrap.py"


@pytest.fixture
def bootstrap(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """Return the script as a module, in a home without settings."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("PIP_CONFIG_FILE", str(tmp_path / "pip.conf"))
    for name in ("EXTRAS", "PIP_INDEX_URL", "UV_DEFAULT_INDEX", "XDG_CONFIG_HOME"):
        monkeypatch.delenv(name, raising=False)
    spec = importlib.util.spec_from_file_location("bootstrap_under_test", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_it_is_short_and_names_no_address() -> None:
    text = SCRIPT.read_text()
    assert len(text.splitlines()) <= 200
    assert "://" not in text


def test_an_extra_adds_its_packages_and_what_they_need(
    bootstrap: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EXTRAS", "postgres, dynamodb")
    added = bootstrap.lock_of("run").removeprefix(bootstrap.LOCKS["run"].read_text())
    for package in ("psycopg==", "psycopg-binary==", "botocore=="):
        assert f"\n{package}" in f"\n{added}"
    assert "--hash=sha256:" in added
    assert "\nmoto==" not in added
    assert bootstrap.lock_of("dev") == bootstrap.LOCKS["dev"].read_text()


def test_an_unknown_extra_is_refused(bootstrap: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EXTRAS", "mongodb")
    with pytest.raises(SystemExit, match="There is no extra mongodb: EXTRAS takes"):
        bootstrap.lock_of("run")


def test_the_index_is_the_one_that_pip_is_configured_with(
    bootstrap: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = tmp_path / "pip.conf"
    settings.write_text("[global]\nindex-url = https://a.example/simple\n")
    assert bootstrap.pip_setting("index-url") == "https://a.example/simple"
    settings.write_text(settings.read_text() + "[install]\nindex-url = https://b.example/simple\n")
    assert bootstrap.pip_setting("index-url") == "https://b.example/simple"
    monkeypatch.setenv("PIP_INDEX_URL", "https://c.example/simple")
    assert bootstrap.pip_setting("index-url") == "https://c.example/simple"


def test_a_python_with_nothing_to_install_with_is_told_what_to_install(
    bootstrap: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bootstrap, "pip_setting", lambda _: None)
    with pytest.raises(SystemExit, match="install the package python3-venv"):
        bootstrap.fetch_uv(tmp_path)


def test_a_uv_with_another_hash_is_refused(
    bootstrap: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    index = tmp_path / "simple" / "uv"
    index.parent.mkdir()
    monkeypatch.setenv("PIP_INDEX_URL", index.parent.as_uri())
    with pytest.raises(SystemExit, match="Can't read the package index"):
        bootstrap.fetch_uv(tmp_path)
    page = b"<a href='elsewhere'>"
    monkeypatch.setattr(bootstrap.urllib.request, "urlopen", lambda *_, **__: BytesIO(page))
    with pytest.raises(SystemExit, match=r"has no uv [\d.]+ for this system with a locked hash"):
        bootstrap.fetch_uv(tmp_path)


def test_the_bot_starts_from_a_folder_whatever_its_name_is(tmp_path: Path) -> None:
    """A script in `.venv/bin` names its Python in a line that a shell expands."""
    folder = tmp_path / "a $HOME & `b` 'c' \"d\" \u00fc"
    folder.mkdir()
    venv.create(folder / ".venv", symlinks=True)
    (site,) = (folder / ".venv" / "lib").glob("*/site-packages")
    (site / "bots").mkdir()
    (site / "bots" / "__main__.py").write_text("import sys; print(sys.argv[1:], sys.path[0])")
    (folder / "signal.py").write_text("raise SystemExit('a module of the folder was imported')")
    shutil.copy(SCRIPT.parents[1] / "Makefile", folder)
    command = ["make", "-s", "run", "SET_UP=true"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("['run']")
    assert str(folder) + "\n" not in done.stdout


def test_what_another_user_owns_is_named_in_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    def denied(path: Path, *_: object) -> bool:
        raise PermissionError(errno.EACCES, "Permission denied", str(path))

    monkeypatch.setattr(Path, "exists", denied)
    monkeypatch.setattr(sys, "argv", ["bootstrap.py", "run"])
    with pytest.raises(SystemExit, match=r"^Can't use .*\.stamp: run this as the user who owns "):
        runpy.run_path(str(SCRIPT), run_name="__main__")
