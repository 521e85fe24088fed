"""What is known of models."""

from __future__ import annotations

from datetime import date
from typing import get_args

import pytest
from anthropic.types import Model
from hypothesis import given
from hypothesis import strategies as st

from core.domain.session import Usage
from core.models.catalog import (
    SUGGESTED,
    Tokenizer,
    cost,
    known_models,
    retirement,
    spec_of,
)

MILLION = 1_000_000


@pytest.mark.parametrize("model", known_models())
def test_table_makes_sense(model: str) -> None:
    spec = spec_of(model)
    assert 0 < spec.price.cache_read < spec.price.input < spec.price.cache_write
    assert spec.price.input < spec.price.output
    assert spec.output_limit < spec.input_limit
    assert 512 <= spec.cache_minimum <= 4096


def test_table_has_every_model_of_the_sdk() -> None:
    literals, _ = get_args(Model)
    ids = set(get_args(literals)) - {"claude-mythos-preview"}  # which is gone
    assert {model for model in ids if spec_of(model).name == model} == set()


def test_what_is_suggested_is_known_and_stays() -> None:
    for model in SUGGESTED:
        assert model in known_models()
        assert retirement(model, date(2100, 1, 1)) is None


@pytest.mark.parametrize(
    "model",
    [
        "claude-haiku-4-5-20251001",
        "claude-haiku-4-5@20251001",
        "anthropic/claude-haiku-4-5",
        "us.anthropic.claude-haiku-4-5-20251001-v1:0",
    ],
)
def test_a_model_by_its_other_names(model: str) -> None:
    assert spec_of(model) is spec_of("claude-haiku-4-5")


@pytest.mark.parametrize("model", ["claude-opus-5-6", "claude-opus-55", "gpt-9", "", "claude-"])
def test_unknown_model_is_guessed_carefully(model: str) -> None:
    spec = spec_of(model)
    for known in map(spec_of, known_models()):
        assert spec.input_limit <= known.input_limit
        assert spec.output_limit <= known.output_limit
        assert spec.price.input >= known.price.input
        assert spec.cache_minimum >= known.cache_minimum


@given(st.text())
def test_no_name_fails(model: str) -> None:
    assert spec_of(model)


def test_older_tokenizer() -> None:
    older = {model for model in known_models() if spec_of(model).tokenizer is Tokenizer.OLDER}
    assert older == {
        "claude-opus-4-6",
        "claude-sonnet-4-6",
        "claude-opus-4-5",
        "claude-haiku-4-5",
        "claude-sonnet-4-5",
    }


def test_cost() -> None:
    usage = Usage(input=MILLION, output=MILLION, cache_read=MILLION, cache_write=MILLION)
    assert cost(usage, spec_of("claude-sonnet-5-5")) == pytest.approx(2 + 10 + 0.10 + 2.50)
    assert cost(usage, spec_of("claude-opus-5-5")) == pytest.approx(4 + 20 + 0.20 + 5)
    assert cost(usage, spec_of("claude-haiku-4-5")) == pytest.approx(1 + 5 + 0.10 + 1.25)
    assert cost(Usage(), spec_of("claude-haiku-4-5")) == 0


def test_cost_of_a_long_prompt() -> None:
    spec = spec_of("claude-haiku-5-5")
    most = Usage(input=50_000, cache_read=50_000, output=MILLION)
    more = Usage(input=50_000, cache_read=50_001, output=MILLION)
    assert cost(most, spec) == pytest.approx(0.005 + 0.0005 + 0.50)
    assert cost(more, spec) == pytest.approx(0.025 + 0.0025 + 2.50, rel=1e-4)


def test_retirement() -> None:
    before = retirement("claude-sonnet-4-5-20250929", date(2026, 11, 29))
    after = retirement("claude-sonnet-4-5", date(2026, 11, 30))
    assert before is not None
    assert after is not None
    assert before.startswith("Claude Sonnet 4.5 retires on 2026-11-30: set CHATBOT_MODEL to")
    assert "retired on" in after
