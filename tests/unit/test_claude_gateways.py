"""What gateways and clouds before Claude answer, in words and shapes of their own.

Each body is one that people reported, or that the vendor documents; the id names the source.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import pytest

from core.domain.errors import (
    ModelBusyError,
    ModelError,
    ModelInterruptedError,
    ModelRefusedError,
    PromptRefusedError,
)
from core.models.claude import ClaudeModel
from core.models.port import Completion, StopReason
from core.models.refusal_words import words_of_its_own
from tests.fakes.claude import FakeClaude, Raw, Refusal, Whole
from tests.unit.test_claude import SECRET, a_request, a_stream, answer

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.fakes.claude import Answer

KEY_ = "Claude refused the API key"
MODEL_ = "Claude has no model called claude-sonnet-5-5"
RIGHT = "This API key may not use claude-sonnet-5-5"
ADDRESS = "There is no Claude at this address"
ACCOUNT = "Claude refuses every call"
MONEY = "Claude's account can't pay"
LIMIT = "Claude's spend limit is reached"
OFF = "Claude's account is disabled"


@pytest.fixture
async def claude() -> AsyncIterator[FakeClaude]:
    async with FakeClaude() as server:
        yield server


@pytest.fixture
async def model(claude: FakeClaude) -> AsyncIterator[ClaudeModel]:
    model = ClaudeModel(claude.key, base_url=claude.url, read_timeout=5)
    yield model
    await model.close()


async def failure(claude: FakeClaude, model: ClaudeModel, fault: Answer) -> ModelError:
    claude.next(fault)
    with pytest.raises(ModelError) as caught:
        await answer(model, a_request())
    return caught.value


def a_body(message: str, kind: str | None = "None", code: object = None) -> dict[str, Any]:
    """Return an error as OpenAI and LiteLLM shape it."""
    return {"error": {"message": message, "type": kind, "param": "None", "code": code}}


def own(message: str, kind: str = "invalid_request_error") -> dict[str, Any]:
    """Return an error as Anthropic shapes it."""
    return {"type": "error", "error": {"type": kind, "message": message}, "request_id": "req_1"}


REFUSED: dict[str, tuple[int, Any, str]] = {
    "LiteLLM, no key": (401, a_body("No api key passed in.", "auth_error", "401"), KEY_),
    "LiteLLM, model": (
        400,
        a_body("400: Invalid model name passed in model=x", code="400"),
        MODEL_,
    ),
    "LiteLLM, right": (
        403,
        a_body("Key not allowed to access model.", "key_model_access_denied", "403"),
        RIGHT,
    ),
    "LiteLLM, budget": (
        400,
        a_body("Budget has been exceeded! Current cost: 1.2, Max budget: 1.0", "budget_exceeded"),
        LIMIT,
    ),
    "LiteLLM, budget as a rate": (429, a_body("ExceededBudget: over budget, add credit"), MONEY),
    "OpenAI, quota": (
        429,
        a_body(
            "You exceeded your current quota, please check your plan and billing details.",
            "insufficient_quota",
            "insufficient_quota",
        ),
        MONEY,
    ),
    "OpenAI, model": (
        404,
        a_body("The model `x` does not exist", "invalid_request_error", "model_not_found"),
        MODEL_,
    ),
    "OpenRouter, credit": (402, {"error": {"code": 402, "message": "Insufficient credits"}}, MONEY),
    "OpenRouter, free models": (
        429,
        a_body("Rate limit exceeded: free-models-per-day. Add 10 credits to unlock 1000"),
        MONEY,
    ),
    "OpenRouter, model": (400, a_body("x is not a valid model ID"), MODEL_),
    "OpenRouter, endpoints": (404, a_body("No endpoints found for model x"), MODEL_),
    "Bedrock, model": (400, {"message": "The provided model identifier is invalid."}, MODEL_),
    "Bedrock, right": (
        403,
        {"message": "You don't have access to the model with the specified model ID."},
        RIGHT,
    ),
    "AWS's API gateway": (403, {"message": "Forbidden"}, ACCOUNT),
    "Vertex, model": (
        404,
        {"error": {"code": 404, "message": "Publisher Model `x` was not found.", "status": "N"}},
        MODEL_,
    ),
    "Ollama": (404, own("model 'x' not found", "not_found_error"), MODEL_),
    "FastAPI's own": (404, {"detail": "Not Found"}, ADDRESS),
    "Anthropic's own, of a path": (404, own("Not Found", "not_found_error"), ADDRESS),
    "a web server": (405, "<html>405 Not Allowed", ADDRESS),
    "Python's web server": (501, "<html>Unsupported method ('POST')", ADDRESS),
    "Cloudflare, blocked": (403, "<html>Sorry, you have been blocked: model", ACCOUNT),
    "region": (403, own("Request not allowed", "forbidden"), ACCOUNT),
    "organization": (400, own("This organization has been disabled."), OFF),
    "organization, as a right": (
        403,
        own("Your organization is disabled", "permission_error"),
        OFF,
    ),
    "usage limits": (400, own("You have reached your specified API usage limits."), LIMIT),
    "credit as a rate": (429, own("Your credit balance is too low", "rate_limit_error"), MONEY),
    "a type that is no text": (403, {"error": {"type": ["x"], "message": {"a": 1}}}, ACCOUNT),
    "a body that is a list": (401, [1, "no"], KEY_),
    "an error that is a text": (402, {"error": "pay"}, MONEY),
}


@pytest.mark.parametrize(("status", "body", "words"), REFUSED.values(), ids=REFUSED)
async def test_a_refusal_names_its_cause(
    claude: FakeClaude, model: ClaudeModel, status: int, body: Any, words: str
) -> None:
    page = isinstance(body, str)
    fault = Refusal(status, message=body) if page else Refusal(status, body=body)
    error = await failure(claude, model, fault)
    assert type(error) is ModelRefusedError
    assert str(error).startswith(words)


PASSING: dict[str, tuple[int, Any]] = {
    "no words": (429, own("", "rate_limit_error")),
    "a kind of rate": (429, own("This would exceed your organization's limit", "rate_limit_error")),
    "OpenAI, of a minute": (
        429,
        a_body(
            "Rate limit reached for x on tokens per min. Please try again in 6ms. You can increase "
            "your rate limit by adding a payment method at https://x.example/account/billing.",
            "tokens",
            "rate_limit_exceeded",
        ),
    ),
    "an address with billing in it": (429, a_body("Slow down: https://x.example/billing")),
    "Bedrock": (429, {"message": "Too many requests, please wait before trying again."}),
    "Bedrock, the model": (424, {"message": "The request failed while processing the model."}),
    "Vertex": (429, {"error": {"code": 429, "message": "Resource exhausted", "status": "R"}}),
    "Cloudflare, no origin": (521, "<html>Web server is down"),
    "a gateway that ends the call": (499, {"detail": "client closed"}),
}


@pytest.mark.parametrize(("status", "body"), PASSING.values(), ids=PASSING)
async def test_what_passes_is_tried_again(
    claude: FakeClaude, model: ClaudeModel, status: int, body: Any
) -> None:
    page = isinstance(body, str)
    fault = Refusal(status, message=body) if page else Refusal(status, body=body)
    assert isinstance(await failure(claude, model, fault), ModelBusyError)


async def test_a_limit_that_names_a_time_ends_then(claude: FakeClaude, model: ClaudeModel) -> None:
    fault = Refusal(429, body=a_body("add credit"), headers={"retry-after": "9"})
    error = await failure(claude, model, fault)
    assert isinstance(error, ModelBusyError)
    assert error.retry_after == 9


IN_STREAM: dict[str, tuple[Raw, type[ModelError], str]] = {
    "an unknown type": (Raw((own("Sorry.", "nap_error"),)), ModelBusyError, "internal error"),
    "LiteLLM's status": (Raw((a_body("no", "x", "401"),), named=False), ModelRefusedError, KEY_),
    "OpenRouter's status": (
        Raw(({"error": {"code": 502, "message": "Provider disconnected"}},), named=False),
        ModelBusyError,
        "internal error",
    ),
    "spent": (Raw((own("credit balance is low", "billing_error"),)), ModelRefusedError, MONEY),
    "a type of its own": (
        Raw(({"type": "error", "error": {"type": "bad", "status": 403}},)),
        ModelRefusedError,
        ACCOUNT,
    ),
    "plain text": (Raw((b"oh no",), named=False), ModelInterruptedError, "can't be read"),
}


@pytest.mark.parametrize(("raw", "kind", "words"), IN_STREAM.values(), ids=IN_STREAM)
async def test_an_error_in_a_stream(
    claude: FakeClaude, model: ClaudeModel, raw: Raw, kind: type[ModelError], words: str
) -> None:
    error = await failure(claude, model, raw)
    assert type(error) is kind
    assert words in str(error)


async def test_a_stream_without_names_of_events(claude: FakeClaude, model: ClaudeModel) -> None:
    claude.next(Raw((*a_stream().events, b"[DONE]"), named=False))
    assert await answer(model, a_request()) == ("Hi", Completion(stop=StopReason.END))


async def test_a_page_is_no_answer(claude: FakeClaude, model: ClaudeModel) -> None:
    error = await failure(claude, model, Whole("<html>Please log in", "text/html"))
    assert type(error) is ModelRefusedError
    assert str(error).startswith(ADDRESS)


async def test_a_gateway_that_can_not_stream(claude: FakeClaude, model: ClaudeModel) -> None:
    content = [{"type": "thinking"}, {"type": "text", "text": "Hi"}]
    whole = {"type": "message", "content": content, "stop_reason": "max_tokens"}
    claude.next(Whole(whole))
    assert await answer(model, a_request()) == ("Hi", Completion(stop=StopReason.LENGTH))
    error = await failure(claude, model, Whole(a_body("no", "x", "401")))
    assert str(error).startswith(KEY_)
    assert isinstance(await failure(claude, model, Whole("{")), ModelInterruptedError)
    assert isinstance(await failure(claude, model, Whole({"ok": True})), ModelBusyError)


# --- the log ---------------------------------------------------------------------------------


async def test_the_log_says_why(
    claude: FakeClaude, model: ClaudeModel, caplog: pytest.LogCaptureFixture
) -> None:
    said = f"messages.0: {SECRET} has a role that is not permitted"
    error = await failure(claude, model, Refusal(400, "invalid_request_error", said))
    assert isinstance(error, PromptRefusedError)
    assert str(error) == "Claude can't take this request (req_fake): the log says why."
    (line,) = [each for each in caplog.records if each.name == "core.models.claude"]
    assert line.levelno == logging.WARNING
    assert line.getMessage() == (
        "Claude refuses a request (HTTP 400 invalid_request_error req_fake): "
        "messages.0: the prompt … should … has a role that is not permitted"
    )


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("This organization has been disabled.", "This organization has been disabled."),
        ('text: "meet me at noon" is invalid', 'text: "… at …" is invalid'),
        ("meet me, noon, meet", "…"),
        ("received key sk-ant-api03-abcdefgh and Bearer abcdefghij", "received key … and …"),
        ("h\\u00fcbsch is not permitted", "… is not permitted"),
        ("0123456789abcdef0123456789abcdef", "…"),
        ("<html><b>Forbidden</b>\n\nby policy", "Forbidden by policy"),
        ("", ""),
        ("MEET ME", "…"),
    ],
)
def test_words_of_the_request_are_left_out(said: str, shown: str) -> None:
    assert words_of_its_own(said, ["Let us meet: me and Bo, at noon. hübsch"]) == shown
