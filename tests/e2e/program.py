"""The real program in a process of its own, in a clean environment."""

from __future__ import annotations

import asyncio
import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.fakes.claude import FakeClaude

ROOT = Path(__file__).resolve().parents[2]
PATIENCE = 30
REX = ["My dog is called Rex.", "What is my dog called?"]
"""A fact, and the question after it."""


async def asked(claude: FakeClaude) -> None:
    """Wait until the model was asked."""
    async with asyncio.timeout(PATIENCE):
        while not claude.requests:
            await asyncio.sleep(0.01)


@dataclass(frozen=True, slots=True)
class Ended:
    """How a run of the program ended."""

    code: int
    out: bytes
    err: str

    @property
    def lines(self) -> list[str]:
        """Return the lines on stdout."""
        return self.out.decode().splitlines()


class Program:
    """Runs `chatbot` with a home directory of its own."""

    def __init__(self, home: Path) -> None:
        """Keep everything in this directory."""
        self.home = home
        self.settings: dict[str, str] = {}

    @property
    def environment(self) -> dict[str, str]:
        """Return the whole environment of the program."""
        measured = {k: v for k, v in os.environ.items() if k.startswith(("COVERAGE", "COV_"))}
        return {
            "HOME": str(self.home),
            "PATH": os.defpath,
            "PYTHONPATH": str(ROOT),
            **measured,
            **self.settings,
        }

    async def start(
        self, *arguments: str, out: int = asyncio.subprocess.PIPE, module: str = "bots"
    ) -> Running:
        """Start the program, or another module, with pipes at all ends."""
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            module,
            *arguments,
            env=self.environment,
            cwd=self.home,
            stdin=asyncio.subprocess.PIPE,
            stdout=out,
            stderr=asyncio.subprocess.PIPE,
            limit=1 << 24,
        )
        return Running(process)

    async def run(
        self, *arguments: str, says: bytes | list[str] = b"", module: str = "bots"
    ) -> Ended:
        """Run the program, or another module, to its end, with this input."""
        data = says if isinstance(says, bytes) else "".join(f"{s}\n" for s in says).encode()
        running = await self.start(*arguments, module=module)
        try:
            async with asyncio.timeout(PATIENCE):
                out, err = await running.process.communicate(data)
        finally:
            await running.kill()
        assert running.process.returncode is not None
        return Ended(running.process.returncode, out, err.decode())


class Running:
    """The program while it runs."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        """Take the process."""
        self.process = process

    async def say(self, line: str) -> None:
        """Write a line to it."""
        assert self.process.stdin is not None
        self.process.stdin.write(f"{line}\n".encode())
        await self.process.stdin.drain()

    async def hear(self) -> str:
        """Return its next line on stdout."""
        assert self.process.stdout is not None
        async with asyncio.timeout(PATIENCE):
            return (await self.process.stdout.readline()).decode().rstrip("\n")

    async def explained(self, words: str) -> str:
        """Return its next line on stderr that has these words in it."""
        async with asyncio.timeout(PATIENCE):
            async for line in self._errors():
                if words in line:
                    return line
        raise AssertionError(f"it ended without saying: {words}")

    async def end(self) -> Ended:
        """End its input, and wait for its end."""
        async with asyncio.timeout(PATIENCE):
            out, err = await self.process.communicate(b"")  # which closes it
        assert self.process.returncode is not None
        return Ended(self.process.returncode, out, err.decode())

    async def kill(self) -> None:
        """End it with SIGKILL, if it still runs."""
        if self.process.returncode is None:
            self.process.kill()
            await self.process.wait()

    async def _errors(self) -> AsyncIterator[str]:
        assert self.process.stderr is not None
        async for line in self.process.stderr:
            yield line.decode()
