"""What a usage cost."""

from __future__ import annotations

import pytest

from agent_lsp.conversation.messages import Usage
from agent_lsp.models.pricing import Price, listed_window, price_of


def test_what_runs_on_the_users_machine_is_free() -> None:
    used = Usage(input_tokens=1_000_000, output_tokens=1_000_000)

    assert [price_of(protocol, "m").cost(used) for protocol in ("bundled", "scripted")] == [0, 0]


def test_a_known_name_has_its_list_price_behind_any_address() -> None:
    used = Usage(input_tokens=1_000_000, output_tokens=1_000_000)
    plain, routed = (price_of("openai-chat", name).cost(used) for name in ("gpt-4o", "openai/gpt-4o"))

    assert plain is not None
    assert plain > 1
    assert routed == plain


def test_cached_tokens_cost_less_than_fresh_ones_and_count_once() -> None:
    price = Price("gpt-4o")
    fresh, cached = price.cost(Usage(input_tokens=1_000)), price.cost(Usage(cache_read_tokens=1_000))

    assert fresh is not None
    assert cached is not None
    assert 0 < cached < fresh
    assert price.cost(Usage(input_tokens=1_000, cache_read_tokens=1_000)) == pytest.approx(fresh + cached)


def test_an_unknown_model_has_no_price_and_no_window() -> None:
    assert price_of("openai-chat", "my-own-model").cost(Usage(input_tokens=1)) is None
    assert listed_window("my-own-model") is None


def test_a_known_model_has_its_window() -> None:
    assert listed_window("openai/gpt-4o") == 128_000
