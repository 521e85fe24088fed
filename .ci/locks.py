"""Write the lock files (`locks.py write [--upgrade]`) or check them (`locks.py check`).

Each lock starts with a digest of its own text and of the tables of `pyproject.toml` that it was
made from. So the check needs no network, takes no time, and notices manual edits and bad merges.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import sys
import tempfile
import tomllib
from pathlib import Path
from typing import Any

from bootstrap import ROOT, call

DEV, RUN = ROOT / "requirements-dev.lock", ROOT / "requirements.lock"
GROUPS = {DEV: ["--all-extras", "--group", "dev", "--group", "build"], RUN: ["--group", "build"]}
COOLDOWN = "7 days"  # most malicious releases are discovered within days
MARK = "# Made by `make lock` from pyproject.toml; don't edit. sha256 of both: "


def main() -> None:
    """Write or check, as the command line says."""
    {"write": write, "check": check}[sys.argv[1]]()


def write() -> None:
    """Resolve the dependencies; keep the locked versions unless `--upgrade` is given."""
    with tempfile.TemporaryDirectory() as scratch:
        work = Path(scratch, "lock")
        if DEV.exists() and "--upgrade" not in sys.argv:
            shutil.copy(DEV, work)
        for lock in (DEV, RUN):  # in this order, in one file, so that RUN gets the versions of DEV
            compile_into(work, lock)
            body = work.read_text()
            lock.write_text(f"{MARK}{digest(body)}\n{body}")
    check()


def compile_into(work: Path, lock: Path) -> None:
    """Let uv resolve for all systems and Python versions; what it writes has no addresses."""
    uv = str(Path(sys.executable).parent / "uv")  # the locked one: all versions format alike
    flags = ["--universal", "--generate-hashes", "--no-header", "--no-emit-index-url", "--quiet"]
    flags += ["--exclude-newer", COOLDOWN, "-o", str(work)]
    command = [uv, "pip", "compile", "pyproject.toml", *GROUPS[lock], *flags]
    call(command)


def check() -> None:
    """Exit with a sentence for each problem, if there are any."""
    wrong = [
        f"{lock.name} is not what `make lock` makes of pyproject.toml: run it."
        for lock in (DEV, RUN)
        if not up_to_date(lock)
    ]
    project = load_project()
    if project["build-system"]["requires"] != project["dependency-groups"]["build"]:
        wrong.append("pyproject.toml: the group `build` differs from build-system.requires.")
    if not pins(RUN) <= pins(DEV):
        wrong.append(f"{RUN.name} and {DEV.name} disagree on a version: run `make lock`.")
    if wrong:
        sys.exit("\n".join(wrong))


def up_to_date(lock: Path) -> bool:
    """Return whether a lock's first line is the digest of the rest and of the project."""
    head, _, body = lock.read_text().partition("\n") if lock.exists() else ("", "", "")
    return head == MARK + digest(body)


def digest(body: str) -> str:
    """Return the digest of a lock's text and of all that it is made from."""
    project = load_project()
    metadata = project["project"]
    keys = ("requires-python", "dependencies", "optional-dependencies")
    origin = [{key: metadata.get(key) for key in keys}, project["dependency-groups"]]
    return hashlib.sha256((json.dumps(origin, sort_keys=True) + body).encode()).hexdigest()


def pins(lock: Path) -> set[str]:
    """Return the lines that pin a version."""
    text = lock.read_text() if lock.exists() else ""
    return {line for line in text.splitlines() if line[:1].isalnum()}


def load_project() -> dict[str, Any]:
    """Return the tables of `pyproject.toml`."""
    return tomllib.loads((ROOT / "pyproject.toml").read_text())


if __name__ == "__main__":
    main()
