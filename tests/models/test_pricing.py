"""What a usage cost."""

from __future__ import annotations

import pytest

from agent_lsp.conversation.messages import Usage
from agent_lsp.models.model_factory import VENDORS
from agent_lsp.models.pricing import OwnPrice, Price, listed_window, price_of


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


MINE = OwnPrice.model_validate({"input": 2, "output": 10, "cacheRead": 0.5, "contextWindow": 9_000})
USED = Usage(input_tokens=1_000_000, cache_read_tokens=1_000_000, cache_write_tokens=1_000_000, output_tokens=1_000_000)


@pytest.mark.parametrize("name", ["openai-chat:acme/gpt-4o", "acme/gpt-4o", "gpt-4o"])
def test_the_users_own_table_goes_first_by_any_of_a_models_names(name: str) -> None:
    price = price_of("openai-chat", "acme/gpt-4o", {name: MINE})

    assert (price.cost(USED), price.own_window) == (2 + 0.5 + 2 + 10, 9_000)


def test_another_models_row_changes_nothing() -> None:
    assert price_of("openai-chat", "gpt-4o", {"gpt-4": MINE}) == price_of("openai-chat", "gpt-4o")


def test_a_price_is_told_in_words() -> None:
    assert price_of("openai-chat", "m", {"m": MINE}).words == "$2.00 in and $10.00 out for a million tokens"
    assert price_of("openai-chat", "m").words == "nobody knows what: it is counted by tokens"


def test_the_default_models_are_in_the_table() -> None:
    for vendor in VENDORS.values():
        assert Price(vendor.default_model).cost(USED)
        assert listed_window(vendor.default_model)


@pytest.mark.parametrize("dearest", ["input", "cacheRead", "cacheWrite"])
def test_the_worst_cost_is_at_the_dearest_that_input_can_be(dearest: str) -> None:
    row = {"input": 1, "cacheRead": 1, "cacheWrite": 1, "output": 2, dearest: 5}

    assert price_of("openai-chat", "m", {"m": OwnPrice.model_validate(row)}).worst_cost(1_000_000, 1_000_000) == 7
