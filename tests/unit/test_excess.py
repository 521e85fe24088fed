# ruff: noqa: E501 - what others say stands here as they say it
"""Which refusals say that a request is too large, in whose words, and with which numbers."""

from __future__ import annotations

import time

import pytest

from core.models.too_large import Excess, excess_of

TOO_LARGE: list[tuple[str, int, bool, Excess]] = [
    (
        "prompt is too long: 209436 tokens > 200000 maximum",
        400,
        True,
        Excess(size=209436, limit=200000),
    ),
    (
        "input length and `max_tokens` exceed context limit: 188240 + 21333 > 200000, decrease input length or `max_tokens` and try again",
        400,
        True,
        Excess(size=188240, limit=200000),
    ),
    ("Prompt is too long", 413, True, Excess()),
    ("Input is too long for requested model.", 400, True, Excess()),
    (
        "Too many input tokens. Max input tokens: 8192, request input token count: 9000",
        400,
        True,
        Excess(size=9000, limit=8192),
    ),
    (
        "The model's maximum context length is 200000 tokens, but the input has 210000 tokens",
        400,
        True,
        Excess(size=210000, limit=200000),
    ),
    (
        'litellm.BadRequestError: litellm.ContextWindowExceededError: AnthropicError - {"type":"error","error":{"type":"invalid_request_error","message":"prompt is too long: 209353 tokens > 199999 maximum"}}',
        400,
        False,
        Excess(size=209353, limit=199999),
    ),
    (
        "This model's maximum context length is 128000 tokens. However, your messages resulted in 204308 tokens. Please reduce the length of the messages. invalid_request_error messages context_length_exceeded",
        400,
        True,
        Excess(size=204308, limit=128000),
    ),
    (
        "This model's maximum context length is 8191 tokens, however you requested 10346 tokens (10346 in your prompt; 5 for the completion). Please reduce your prompt; or completion length.",
        400,
        True,
        Excess(size=10346, limit=8191),
    ),
    (
        'This endpoint\'s maximum context length is 32768 tokens. However, you requested about 42832 tokens (42832 of text input). Please reduce the length of either one, or use the "middle-out" transform',
        400,
        True,
        Excess(size=42832, limit=32768),
    ),
    (
        "Your input exceeds the context window of this model. Please adjust your input and try again.",
        400,
        True,
        Excess(),
    ),
    (
        "Requested token count exceeds the model's maximum context length of 131072 tokens. You requested a total of 133000 tokens",
        400,
        True,
        Excess(size=133000, limit=131072),
    ),
    (
        "Input length (265330) exceeds model's maximum context length (262144).",
        400,
        True,
        Excess(size=265330, limit=262144),
    ),
    (
        "The input token count (1196265) exceeds the maximum number of tokens allowed (1048575)",
        400,
        True,
        Excess(size=1196265, limit=1048575),
    ),
    (
        "The input token count exceeds the maximum number of tokens allowed 1048576.",
        400,
        True,
        Excess(limit=1048576),
    ),
    (
        "This model's maximum prompt length is 131072 but the request contains 537812 tokens",
        400,
        True,
        Excess(size=537812, limit=131072),
    ),
    (
        "Please reduce the length of the messages or completion. Current length is 132784 while limit is 131000",
        400,
        True,
        Excess(size=132784, limit=131000),
    ),
    (
        "Input length 72054 exceeds the maximum length 65536.",
        400,
        True,
        Excess(size=72054, limit=65536),
    ),
    (
        "Input length 70000 exceeds the maximum allowed input length of 65,536 tokens.",
        400,
        True,
        Excess(size=70000, limit=65536),
    ),
    (
        "The input (9000 tokens) is longer than the model's context length (8192 tokens).",
        400,
        True,
        Excess(size=9000, limit=8192),
    ),
    (
        "request (67311 tokens) exceeds the available context size (65536 tokens), try increasing it",
        400,
        True,
        Excess(size=67311, limit=65536),
    ),
    (
        "the request exceeds the available context size, try increasing it exceed_context_size_error n_prompt_tokens: 4343 n_ctx: 4096",
        400,
        False,
        Excess(size=4343, limit=4096),
    ),
    (
        "The number of tokens to keep from the initial prompt is greater than the context length (n_keep: 5000>= n_ctx: 4096)",
        400,
        True,
        Excess(limit=4096),
    ),
    (
        "prompt token count of 140000 exceeds the limit of 128000",
        400,
        True,
        Excess(size=140000, limit=128000),
    ),
    ("invalid params, context window exceeds limit (2013)", 400, True, Excess()),
    (
        "Your request exceeded model token limit: 262144 (requested: 270000)",
        400,
        True,
        Excess(size=270000, limit=262144),
    ),
    (
        "Prompt has 9,000 tokens, but the configured context size is 8,192 tokens",
        400,
        True,
        Excess(size=9000, limit=8192),
    ),
    (
        "Prompt contains 40000 tokens and is too large for model with 32768 maximum context length",
        400,
        True,
        Excess(size=40000, limit=32768),
    ),
    ("Range of input length should be [1, 129024]", 400, False, Excess(limit=129024)),
    ("prompt too long; exceeded max context length by 500 tokens", 400, True, Excess()),
    ("Context size has been exceeded.", 500, False, Excess()),
    (
        "`inputs` tokens + `max_new_tokens` must be <= 2048. Given: 3474 `inputs` tokens and 60 `max_new_tokens`",
        422,
        True,
        Excess(size=3474, limit=2048),
    ),
    (
        "You passed 202753 input tokens and requested 0 output tokens. However, the model's context length is only 202752 tokens, resulting in a maximum input length of 202752 tokens.",
        400,
        True,
        Excess(size=202753, limit=202752),
    ),
    (
        "This model's maximum context length is 32768 tokens. However, you requested 4096 output tokens and your prompt contains 30000 input tokens, for a total of 34096 tokens.",
        400,
        True,
        Excess(size=34096, limit=32768),
    ),
    (
        "Input tokens exceed the configured limit of 272000 tokens. Your messages resulted in 509178 tokens.",
        400,
        True,
        Excess(size=509178, limit=272000),
    ),
    ("AWS Bedrock Error: The request payload size has exceed context limit.", 400, True, Excess()),
    ("Extra usage is required for long context requests.", 429, False, Excess(limit=200000)),
    (
        "The long context beta is not yet available for this subscription.",
        400,
        True,
        Excess(limit=200000),
    ),
    (
        "Request too large for gpt-4o in organization org-1234 on tokens per min (TPM): Limit 30000, Requested 45000. The input or output tokens must be reduced in order to run successfully.",
        429,
        False,
        Excess(size=45000, limit=30000),
    ),
    ("Request exceeds the maximum size", 413, True, Excess(in_bytes=True)),
    (
        "<html><head><title>413 Request Entity Too Large</title></head><body><center>nginx</center></body></html>",
        413,
        True,
        Excess(in_bytes=True),
    ),
    ("Request body too large. The max size is 4194304 bytes", 400, True, Excess(in_bytes=True)),
    (
        "max_tokens: 64000 > 32000, which is the maximum allowed number of output tokens for claude-x",
        400,
        True,
        Excess(answer_limit=32000),
    ),
    (
        "max_tokens is too large: 32768. This model supports at most 16384 completion tokens, whereas you provided 32768.",
        400,
        True,
        Excess(answer_limit=16384),
    ),
    (
        "`max_tokens` must be less than or equal to `8192`, the maximum value for `max_tokens` is less than the `context_window` for this model",
        400,
        True,
        Excess(answer_limit=8192),
    ),
    (
        "The maximum tokens you requested exceeds the model limit of 32768",
        400,
        True,
        Excess(answer_limit=32768),
    ),
    ("Conversation is longer than what this model can hold, shorten it", 400, True, Excess()),
    (
        "The conversation history has 12,345 tokens which is more than 8,000",
        400,
        True,
        Excess(size=12345, limit=8000),
    ),
    (
        "Input validation error: `inputs` must have less than 2000 tokens. Given: 2600",
        422,
        True,
        Excess(size=2600, limit=2000),
    ),
    (
        "Error code: 400 - maximum context length exceeded (code 1261)",
        400,
        True,
        Excess(),
    ),
    ("Usage credits are required for long context requests.", 429, False, Excess(limit=200000)),
    (
        "Prompt too long: 5152 tokens exceeds max_seq_len 2048",
        400,
        True,
        Excess(size=5152, limit=2048),
    ),
    (
        "Unable to submit request because the input token count is 32825 but model only supports up to 32768. Reduce the input token count and try again.",
        400,
        True,
        Excess(size=32825, limit=32768),
    ),
    (
        "Trying to keep the first 5000 tokens when context the overflows. However, the model is loaded with context length of only 4096 tokens, which is not enough.",
        400,
        True,
        Excess(size=5000, limit=4096),
    ),
    (
        "messages: too many total text bytes: 9423741 > 9000000",
        400,
        True,
        Excess(size=9423741, limit=9000000),
    ),
    ("input_tokens_limit_exceeded", 400, True, Excess()),
    (
        "The total number of tokens in the messages (12,345) surpasses the model's capacity of 8,192",
        400,
        True,
        Excess(size=12345, limit=8192),
    ),
    (
        "You have exceeded the context window: used 201234 of 200000 tokens",
        400,
        True,
        Excess(size=201234, limit=200000),
    ),
    (
        "The maximum number of input tokens for this model is 100000; got 123456",
        400,
        True,
        Excess(size=123456, limit=100000),
    ),
    ("max_completion_tokens too large: reduce to 4096", 400, True, Excess(answer_limit=4096)),
]
"""What is said, the status, whether it refuses the request, and what it says."""

SOMETHING_ELSE: list[tuple[str, int, bool]] = [
    ("image exceeds 5 MB maximum: 6000000 bytes > 5242880 bytes", 400, True),
    (
        "messages.7.content.2.image.source.base64.data: At least one of the image dimensions exceed max allowed size: 8000 pixels",
        400,
        True,
    ),
    ("too many images and documents: 104 + 1 > 100", 400, True),
    ("Too much media: 0 document pages + 103 images > 100", 400, True),
    ("A maximum of 100 PDF pages may be provided.", 400, True),
    ("ThrottlingException: Too many tokens, please wait before trying again.", 429, False),
    (
        "This request would exceed your organization's rate limit of 30,000 input tokens per minute",
        429,
        False,
    ),
    ("Overloaded", 529, False),
    ("Internal server error", 500, False),
    ("invalid x-api-key", 401, False),
    ("model: claude-9", 404, False),
    ("Your credit balance is too low to access the Anthropic API", 400, True),
    ("messages: text content blocks must be non-empty", 400, True),
    ("thinking.budget_tokens: Input should be greater than or equal to 1024", 400, True),
    ("metadata.user_id: String should have at most 256 characters", 400, True),
    ("We have reached your specified API usage limits.", 400, True),
    ("", 400, True),
    ("Bad Request", 400, True),
    ("tools.0.name: String should match pattern", 400, True),
    ("Too many requests, request was too large a burst", 429, False),
    ("Quota exceeded for requests per minute per base model", 429, False),
]


@pytest.mark.parametrize(("said", "status", "refused", "excess"), TOO_LARGE)
def test_every_wording_is_known_and_its_numbers_are_told_apart(
    said: str, status: int, refused: bool, excess: Excess
) -> None:
    assert excess_of(said, status, refused=refused) == excess
    assert excess_of(said.upper(), status, refused=refused) == excess


@pytest.mark.parametrize(("said", "status", "refused"), SOMETHING_ELSE)
def test_what_is_something_else_is_not_taken_for_it(said: str, status: int, refused: bool) -> None:
    assert excess_of(said, status, refused=refused) is None


@pytest.mark.parametrize(
    "unit", ["prompt ", "max ", "1 ", "1,", "limit", "(", "maximum context ", "exceed prompt "]
)
def test_a_gateway_that_quotes_everything_takes_no_time(unit: str) -> None:
    start = time.process_time()
    excess_of(unit * 200_000, 400, refused=True)
    assert time.process_time() - start < 1


def test_numbers_of_any_length_are_numbers() -> None:
    assert excess_of("prompt is too long: " + "9" * 5000, 400, refused=True) is not None
