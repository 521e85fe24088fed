"""How much the fake of the Claude API takes, and in whose words it refuses more.

Each wording is one that people reported: Anthropic's own, those of the clouds that serve Claude,
and of gateways and local servers that speak the Messages API. The numbers in it are true, as
theirs are; some name none.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

Body: TypeAlias = dict[str, Any]
Words: TypeAlias = Callable[[int, int, int], Body]
"""A body, of the prompt's tokens, the answer's room and the limit."""


@dataclass(frozen=True, slots=True)
class Wording:
    """What is said of a request that is too large."""

    words: Words
    status: int = 400
    with_answer: bool = True
    """The answer's room counts as well."""


def bytes_of(text: str) -> float:
    """Count as if all text were English."""
    return len(text.encode()) / 2.83


def heavy(text: str) -> float:
    """Count text as Claude does whose letters are rare: more than its bytes tell."""
    return sum(0.6 if char.isascii() and not char.isalpha() else 0.35 for char in text) + sum(
        2.2 for char in text if ord(char) > 0x2FFF
    )


@dataclass(frozen=True, slots=True)
class Limit:
    """The most that is taken, counted in a way that nobody outside knows."""

    tokens: int
    wording: Wording
    tokenizer: Callable[[str], float] = bytes_of

    def refuses(self, size: int, answer: int) -> tuple[int, Body] | None:
        """Return the status and body of a refusal; None for what is taken."""
        if size + (answer if self.wording.with_answer else 0) <= self.tokens:
            return None
        return self.wording.status, self.wording.words(size, answer, self.tokens)


def _anthropic(message: str) -> Body:
    error = {"type": "invalid_request_error", "message": message}
    return {"type": "error", "error": error, "request_id": "req_011CVjxiYzEFcAQC4Fk87zw2"}


def _openai(message: str, code: str = "context_length_exceeded") -> Body:
    kind = "invalid_request_error"
    return {"error": {"message": message, "type": kind, "param": "messages", "code": code}}


WORDINGS: dict[str, Wording] = {
    "Anthropic": Wording(
        lambda n, _, most: _anthropic(f"prompt is too long: {n} tokens > {most} maximum"),
        with_answer=False,
    ),
    "Anthropic, with the answer's room": Wording(
        lambda n, room, most: _anthropic(
            f"input length and `max_tokens` exceed context limit: {n} + {room} > {most}, "
            "decrease input length or `max_tokens` and try again"
        )
    ),
    "Vertex": Wording(lambda *_: _anthropic("Prompt is too long"), 413),
    "Bedrock": Wording(lambda *_: {"message": "Input is too long for requested model."}),
    "Bedrock, older models": Wording(
        lambda n, _, most: {
            "message": f"Too many input tokens. Max input tokens: {most}, request input token "
            f"count: {n}"
        }
    ),
    "litellm before Claude": Wording(
        lambda n, _, most: {
            "error": {
                "message": "litellm.BadRequestError: litellm.ContextWindowExceededError: "
                "AnthropicException - "
                + json.dumps(_anthropic(f"prompt is too long: {n} tokens > {most} maximum")),
                "type": "None",
                "param": "None",
                "code": "400",
            }
        },
        with_answer=False,
    ),
    "OpenAI": Wording(
        lambda n, room, most: _openai(
            f"This model's maximum context length is {most} tokens. However, your messages "
            f"resulted in {n + room} tokens. Please reduce the length of the messages."
        )
    ),
    "OpenAI, by the window": Wording(
        lambda *_: _openai("Your input exceeds the context window of this model.")
    ),
    "OpenRouter": Wording(
        lambda n, room, most: _openai(
            f"This endpoint's maximum context length is {most} tokens. However, you requested "
            f"about {n + room} tokens ({n} of text input, {room} in the output). Please reduce "
            'the length of either one, or use the "middle-out" transform.',
            code="400",
        )
    ),
    "vLLM": Wording(
        lambda n, room, most: {
            "object": "error",
            "message": f"This model's maximum context length is {most:,} tokens. However, you "
            f"requested {room} output tokens and your prompt contains at least {n} input tokens, "
            f"for a total of at least {n + room} tokens.",
            "type": "BadRequestError",
            "code": 400,
        }
    ),
    "llama.cpp": Wording(
        lambda n, _, most: {
            "error": {
                "code": 400,
                "message": f"request ({n} tokens) exceeds the available context size ({most} "
                "tokens), try increasing it",
                "type": "exceed_context_size_error",
                "n_prompt_tokens": n,
                "n_ctx": most,
            }
        }
    ),
    "llama.cpp, as a fault": Wording(
        lambda *_: {
            "error": {
                "code": 500,
                "message": "Context size has been exceeded.",
                "type": "server_error",
            }
        },
        500,
    ),
    "Gemini": Wording(
        lambda n, _, most: {
            "error": {
                "code": 400,
                "message": f"The input token count ({n}) exceeds the maximum number of tokens "
                f"allowed ({most}).",
                "status": "INVALID_ARGUMENT",
            }
        }
    ),
    "a plan without long context": Wording(
        lambda *_: {
            "type": "error",
            "error": {
                "type": "rate_limit_error",
                "message": "Extra usage is required for long context requests.",
            },
        },
        429,
    ),
    "a plan without usage credits": Wording(
        lambda *_: {
            "type": "error",
            "error": {
                "type": "rate_limit_error",
                "message": "Usage credits are required for long context requests.",
            },
        },
        429,
    ),
    "tokens a minute": Wording(
        lambda n, room, most: {
            "error": {
                "message": "Request too large for claude in organization org-a1 on tokens per "
                f"min (TPM): Limit {most}, Requested {n + room}. The input or output tokens must "
                "be reduced in order to run successfully.",
                "type": "tokens",
                "code": "rate_limit_exceeded",
            }
        },
        429,
    ),
    "a proxy's page": Wording(
        lambda *_: {"": "<html><title>413 Request Entity Too Large</title></html>"}, 413
    ),
    "nobody's words": Wording(
        lambda *_: {"error": {"message": "Diese Unterhaltung passt nicht mehr hinein."}}
    ),
}
"""By who says so."""
