"""How much memory and time a long export takes, and the import of it.

    python -m tests.benchmarks.export [--turns 100000] [--threads 10]

prints JSON on stdout. It fills a SQLite store through the store's own verb, and runs the program as
an operator would: `chatbot export --all` as JSON, as Markdown and as a ZIP, `chatbot import` into
another store, and the export of that. `peak_mb` is the largest resident memory of the process, its
libraries included; `same` says whether both exports are the same bytes. Each turn has a question of
300 and an answer of 900 characters. It ends with 1 if a process took more than `BOUND_MB`, or the
bytes differ.
"""

from __future__ import annotations

import argparse
import asyncio
import filecmp
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any

from core.commands.export.importing import Tally, dump_of
from core.commands.export.json_read import Head
from core.domain.clock import SystemClock
from core.domain.message import Author, Kind, ThreadKey
from core.domain.session import Answer, AnswerKind, Entry, Usage
from core.store.urls import open_store

if TYPE_CHECKING:
    from collections.abc import Iterator

    from core.domain.session import Record

BOUND_MB = 100
"""Megabytes (10^6 bytes) that a process may take."""
PORTION = 500
BEGAN = 1_700_000_000.0
WORDS = ("budget", "café", "tomorrow", "Übung", "the", "of", "meeting", "🦊", "日本語", "agenda")


def records(turns: int, random: Random) -> Iterator[Record]:
    """Yield the records of a thread."""
    usage = Usage(input=900, output=250, cache_read=3000, cache_write=100)
    for place in range(turns):
        at = BEGAN + place * 60.123457
        author = Author(id=f"U{place % 7}", name=f"Person {place % 7}")
        said, answered = (" ".join(random.choices(WORDS, k=k)) for k in (50, 150))
        yield Entry(position=place, id=f"{at:.6f}", author=author, text=said, sent_at=at)
        yield Answer(
            position=place,
            turn=f"{at:.6f}",
            token="t",
            kind=AnswerKind.ANSWER,
            text=answered,
            sent_at=at + 5,
            usage=usage,
            posted=(f"{at + 5:.6f}",),
            units=1234.5,
        )


async def fill(url: str, turns: int, threads: int) -> None:
    """Fill a store with threads of as many turns in all."""
    store, random = await open_store(url, clock=SystemClock(), lease_seconds=5), Random(7)
    try:
        for number in range(threads):
            thread, tally = ThreadKey("slack", f"T1/C{number}", f"{BEGAN:.6f}"), Tally()
            first, page = True, list[Any]()
            for record in records(turns // threads, random):
                tally.add(record)
                page.append(record)
                if len(page) == PORTION:
                    await store.load(thread, page, first=first, dump=None)
                    first, page = False, []
            head = Head(thread, kind=Kind.THREAD, turns=turns // threads)
            dump = dump_of(head, tally, time.time(), 30 * 86400.0)
            await store.load(thread, page, first=first, dump=dump)
    finally:
        await store.close()


def run(store: Path, *command: str) -> dict[str, float]:
    """Run the program; return its largest resident memory, and its seconds."""
    env = os.environ | {"CHATBOT_STORE": f"sqlite:///{store}", "CHATBOT_MODEL": "offline"}
    began = time.monotonic()
    process = subprocess.Popen(
        [sys.executable, "-m", "bots", *command], env=env, stderr=subprocess.DEVNULL
    )
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{command} ended with {process.returncode}")
    peak = used.ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    return {"peak_mb": round(peak / 1e6, 1), "seconds": round(time.monotonic() - began, 1)}


def measure(folder: Path, turns: int, threads: int) -> dict[str, Any]:
    """Return the figures."""
    first, second = folder / "first.db", folder / "second.db"
    asyncio.run(fill(f"sqlite:///{first}", turns, threads))
    paths = [folder / f"{name}.json" for name in ("first", "second")]
    found: dict[str, Any] = {
        "turns": turns,
        "threads": threads,
        "json": run(first, "export", "--all", str(paths[0])),
        "markdown": run(first, "export", "--all", str(folder / "first.md")),
        "zip": run(first, "export", "--all", str(folder / "first.zip")),
        "import": run(second, "import", str(paths[0])),
        "json_again": run(second, "export", "--all", str(paths[1])),
        "file_mb": round(paths[0].stat().st_size / 1e6, 1),
        "same": filecmp.cmp(paths[0], paths[1], shallow=False),
    }
    return found


def main() -> int:
    """Print the figures."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--turns", type=int, default=100_000)
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        found = measure(Path(folder), options.turns, options.threads)
    print(json.dumps(found, indent=2))  # noqa: T201 - the result
    peaks = [each["peak_mb"] for each in found.values() if isinstance(each, dict)]
    return 0 if found["same"] and max(peaks) <= BOUND_MB else 1


if __name__ == "__main__":
    sys.exit(main())
