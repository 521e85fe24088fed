"""The estimate of a request's tokens against what a model reports, and what a wrong one costs.

    python -m tests.benchmarks.tokens

prints JSON on stdout. The bot's own turns run (in-memory store, the real Claude SDK over a real
socket) against a fake of Claude that counts by a tokenizer which the bot does not know:

- `classes`: by classes of characters as the ruler does, but with other costs for each: words by
  their length, digits one by one, dear emoji, cheap base64.
- `o200k`: the real BPE of OpenAI's models, from the data of the package `bpe_openai`.
- `syllables`: a merge of vowels and consonants, which makes long words dear.

`estimates`: a thread of each of eight kinds of text, and three that change their kind with each
turn, all in one process and in turns. The figure is the largest deviation of the bot's estimate
from the reported prompt, in percent, in the turns 4 to 14; `first` is that of turn 1.

`limits`: a window of 16,000 tokens, the model's own count offered or not (as by most gateways).
`ended` counts turns that were not answered although their message fits; it has to be 0. `refused`
counts requests that the model refused as too large; each is planned again in the same turn.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import contextlib
import gzip
import importlib.util
import json
import logging
import re
import sys
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any

from core.domain.message import ThreadKey
from core.domain.session import AnswerKind
from core.turn.planning import PromptPlanner
from tests.chat import chatting
from tests.fakes.claude import Talk

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from core.turn.planning import Prompt
    from tests.chat import Chat

TURNS = 14
AFTER = 3
"""Turns after which the estimate has to be right."""
BOUNDS = {"base64": 10.0, "emoji": 10.0}
"""Percent; 5 for all other kinds."""
WINDOW, BUDGET = 16_000, 15_200

# --- texts --------------------------------------------------------------------------------------

SENTENCES = {
    "English": [
        "I booked a table for six at the Italian place near the station.",
        "Could you check with Tom whether he needs a ride home afterwards?",
        "The last train leaves at 11:40, and nobody should be stuck in town.",
        "By the way, I finished the book that you lent me last month!",
        "We should order the cake in advance, or simply bake one ourselves.",
        "My sister's flight was delayed, so she will not arrive before midnight.",
        "Thanks; that sounds good to me, let's talk about the rest tomorrow.",
    ],
    "German": [
        "Ich habe für sechs Personen einen Tisch in der Nähe des Bahnhofs reserviert.",
        "Könntest du mit Thomas klären, ob er eine Mitfahrgelegenheit braucht?",
        "Der letzte Zug fährt um 23:40 Uhr, und niemand soll in der Stadt festsitzen.",
        "Übrigens habe ich das Buch, das du mir geliehen hast, zu Ende gelesen!",
        "Die Haftpflichtversicherung übernimmt vermutlich den Wasserschaden im Keller.",
        "Sag mir bitte Bescheid, was du vom Plan fürs Wochenende hältst.",
    ],
    "Chinese": [
        "我在火车站附近的意大利餐馆订了六个人的位子。",
        "你能不能问问托马斯要不要搭车？",  # noqa: RUF001
        "最后一班火车晚上十一点四十分开，我不想让任何人困在城里。",  # noqa: RUF001
        "对了，你上个月借给我的那本书我看完了，结尾比我想象的好得多。",  # noqa: RUF001
        "服务器昨天晚上又出了故障，运维团队正在排查原因。",  # noqa: RUF001
    ],
    "Japanese": [
        "駅の近くのイタリア料理店に六人分の席を予約しました。",
        "トーマスさんに車で送ってほしいかどうか確認してもらえますか。",
        "最終電車は23時40分に出るので、誰も町に取り残されないようにしたいです。",
        "先月貸してくれた本を読み終えました。結末は思っていたよりずっとよかったです。",
        "ハンバーガーとコーヒーを注文したら、アイスクリームがついてきました。",
    ],
}


def prose(kind: str) -> Callable[[Random, int], str]:
    def text(random: Random, length: int) -> str:
        found = ""
        while len(found) < length:
            found += random.choice(SENTENCES[kind]) + ("" if kind == "Chinese" else " ")
        return found

    return text


def code(random: Random, length: int) -> str:
    source = Path(asyncio.__file__).with_name("tasks.py").read_text(encoding="utf-8")
    start = random.randrange(len(source) - length)
    return "```python\n" + source[start : start + length] + "\n```"


def digits(random: Random, length: int) -> str:
    lines: list[str] = []
    while sum(map(len, lines)) < length:
        lines.append(
            f"2026-11-{random.randrange(1, 30):02} {random.randrange(24):02}:"
            f"{random.randrange(60):02}:{random.random() * 60:06.3f} [worker-{random.randrange(9)}]"
            f" 10.{random.randrange(256)}.{random.randrange(256)}.7 took "
            f"{random.random() * 900:.2f} ms, {random.randrange(10**7)} bytes"
        )
    return "\n".join(lines)


def base64_text(random: Random, length: int) -> str:
    return base64.b64encode(random.randbytes(length * 3 // 4)).decode()


def emoji(random: Random, length: int) -> str:
    signs = "😀😂👍🎉🔥😍🙏✨🥳💡🚀🍕🐈🌍🎸🧩"
    return "".join(random.choice(signs) for _ in range(max(length // 8, 8)))


KINDS: dict[str, Callable[[Random, int], str]] = {
    **{kind: prose(kind) for kind in SENTENCES},
    "code": code,
    "digits": digits,
    "base64": base64_text,
    "emoji": emoji,
}
MIXED = {
    "English and German": ("English", "German"),
    "Chinese and code": ("Chinese", "code"),
    "all eight": tuple(KINDS),
}

# --- tokenizers ---------------------------------------------------------------------------------

_CLASSES = re.compile(
    r"(?P<dense>(?=[A-Za-z+/=]*\d)[A-Za-z0-9+/=]{24,})|(?P<word>[A-Za-z\u00c0-\u024f]+)|(?P<digit>\d)"
    r"|(?P<han>[\u4e00-\u9fff])|(?P<kana>[\u3040-\u30ff])|(?P<sign>[!-/:-@\[-`{-~])"
    r"|(?P<emoji>[\u2600-\u27bf\U0001f000-\U0001faff])|(?P<blank>\s+)|(?P<rest>.)",
    re.DOTALL,
)
_COSTS = {"digit": 0.8, "han": 1.05, "kana": 0.7, "sign": 0.7, "emoji": 3.0, "rest": 1.5}


def by_classes(text: str) -> float:
    """Count by classes of characters; nothing here is taken from the ruler."""
    tokens = 0.0
    for found in _CLASSES.finditer(text):
        kind, length = found.lastgroup or "", found.end() - found.start()
        if kind == "dense":
            tokens += length / 1.6
        elif kind == "word":
            tokens += -(-length // 5) + (0 if found[0].isascii() else 1)
        else:
            tokens += _COSTS.get(kind, 0.0)
    return tokens


_SYLLABLES = re.compile(
    r"[b-df-hj-np-tv-z]{0,2}[aeiouyäöü]{1,2}|[A-Za-z]|\d{1,2}|[^\sA-Za-z\d]", re.IGNORECASE
)


def by_syllables(text: str) -> float:
    """Count by syllables, and everything beyond ASCII by its bytes."""
    found = _SYLLABLES.findall(text)
    return sum(1.0 if part.isascii() else 0.55 * len(part.encode()) for part in found)


def o200k() -> Callable[[str], float] | None:
    """Return the count by o200k_base; None if its ranks are not on this machine."""
    package = importlib.util.find_spec("bpe_openai")  # found, not imported: only its data counts
    if package is None or package.origin is None:
        return None
    import tiktoken  # noqa: PLC0415 - only here

    from core.memory.tokens import _PATTERN  # noqa: PLC0415 - the pattern of these ranks

    packed = Path(package.origin).parent / "data" / "o200k_base.tiktoken.gz"
    pairs = (line.split() for line in gzip.decompress(packed.read_bytes()).splitlines())
    ranks = {base64.b64decode(token): int(rank) for token, rank in pairs}
    encoding = tiktoken.Encoding(
        name="o200k_base", pat_str=_PATTERN, mergeable_ranks=ranks, special_tokens={}
    )
    return lambda text: float(len(encoding.encode_ordinary(text)))


def tokenizers() -> dict[str, Callable[[str], float]]:
    """Return the tokenizers that there are, by name."""
    found = {"classes": by_classes, "o200k": o200k(), "syllables": by_syllables}
    return {name: count for name, count in found.items() if count is not None}


# --- the estimate -------------------------------------------------------------------------------


@contextlib.contextmanager
def watched() -> Iterator[dict[ThreadKey, int]]:
    """Yield the bot's estimate of the last request that it planned in each thread."""
    planned: dict[ThreadKey, int] = {}
    original = PromptPlanner.plan

    def plan(self: PromptPlanner, *args: Any, **how: Any) -> Prompt:
        prompt = original(self, *args, **how)
        planned[prompt.session.thread] = prompt.tokens
        return prompt

    PromptPlanner.plan = plan  # type: ignore[method-assign]
    try:
        yield planned
    finally:
        PromptPlanner.plan = original  # type: ignore[method-assign]


async def estimates(tokenizer: Callable[[str], float], seed: int) -> dict[str, dict[str, Any]]:
    """Return by how much the estimates deviate, by the kind of thread."""
    random = Random(seed)
    kinds = {**{kind: (kind,) for kind in KINDS}, **MIXED}
    errors: dict[str, list[float]] = {name: [] for name in kinds}
    async with chatting(limit=10**7, budget=900_000, tokenizer=tokenizer) as chat:
        with watched() as planned:
            for turn in range(TURNS):
                for name, changing in kinds.items():
                    write = KINDS[changing[turn % len(changing)]]
                    thread = ThreadKey("fake", "place", name)
                    chat.claude.next(Talk(write(random, random.randrange(200, 900))))
                    answer = await chat.say(
                        write(random, random.randrange(100, 700)), thread=thread
                    )
                    assert answer.usage is not None, answer.text
                    errors[name].append(100 * (planned[thread] / answer.usage.prompt - 1))
    return {name: figures(name, found) for name, found in errors.items()}


def figures(name: str, errors: list[float]) -> dict[str, Any]:
    """Return the figures of one thread."""
    settled = errors[AFTER:]
    worst = max(settled, key=abs)
    bound = max(BOUNDS.get(kind, 5.0) for kind in MIXED.get(name, (name,)))
    return {
        "first": round(errors[0], 1),
        "mean": round(sum(settled) / len(settled), 1),
        "worst": round(worst, 1),
        "bound": bound,
        "holds": abs(worst) <= bound,
    }


# --- the limit ----------------------------------------------------------------------------------


async def growing_base64(chat: Chat, random: Random) -> int:
    """Return how many of 60 turns failed in which the messages get longer and longer."""
    texts = (base64_text(random, 60 * n) for n in range(1, 61))
    return sum([await failed(chat, f"Look at this: {text}") for text in texts])


async def german(chat: Chat, random: Random) -> int:
    """Return how many short messages failed after one of 40 KB."""
    await failed(chat, prose("German")(random, 40_000))
    return sum([await failed(chat, "hello") for _ in range(4)])


async def emoji_only(chat: Chat, random: Random) -> int:
    """Return how many short messages failed, each after a large one of nothing but emoji."""
    count = 0
    for _ in range(5):
        await failed(chat, emoji(random, 24_000))
        count += await failed(chat, "hello")
    return count


async def one_base64(chat: Chat, random: Random) -> int:
    """Return how many messages failed after one of 25 KB of base64."""
    await failed(chat, base64_text(random, 25_000))
    return sum([await failed(chat, prose("English")(random, 200)) for _ in range(8)])


async def failed(chat: Chat, text: str) -> int:
    """Say a text; return 1 if it was not answered, and 0 if it was."""
    answer = await chat.say(text)
    return int(answer.kind is not AnswerKind.ANSWER)


SCENES = {
    "growing base64": growing_base64,
    "German, 40 KB": german,
    "emoji": emoji_only,
    "base64, 25 KB": one_base64,
}


async def limits(tokenizer: Callable[[str], float], seed: int) -> dict[str, dict[str, int]]:
    """Return what became of the threads in a small window."""
    found: dict[str, dict[str, int]] = {}
    for counts in (True, False):
        for name, scene in SCENES.items():
            how = {"limit": WINDOW, "budget": BUDGET, "tokenizer": tokenizer, "counts": counts}
            async with chatting(**how) as chat:  # type: ignore[arg-type]
                ended = await scene(chat, Random(seed))
                found[f"{name}, {'counted' if counts else 'uncounted'}"] = {
                    "ended": ended,
                    "requests": len(chat.claude.requests),
                    "refused": len(chat.claude.refused),
                    "counts": len(chat.claude.counted),
                }
    return found


async def main() -> int:
    """Measure, print the figures, and return 1 if one of them is not as it should be."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=_AsWritten)
    parser.add_argument("--seed", type=int, default=1, help="for the texts")
    options = parser.parse_args()
    logging.basicConfig(level=logging.ERROR)
    report: dict[str, Any] = {"estimates": {}, "limits": {}}
    for name, tokenizer in tokenizers().items():
        report["estimates"][name] = await estimates(tokenizer, options.seed)
        report["limits"][name] = await limits(tokenizer, options.seed)
    print(json.dumps(report, indent=2, ensure_ascii=False))  # noqa: T201 - this is its output
    right = all(each["holds"] for found in report["estimates"].values() for each in found.values())
    alive = not any(each["ended"] for found in report["limits"].values() for each in found.values())
    return 0 if right and alive else 1


class _AsWritten(argparse.RawDescriptionHelpFormatter):
    """Shows the description as it is written."""


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
