"""Prices: what a usage cost in USD, and how much a model can read."""

from __future__ import annotations

from dataclasses import dataclass

from agent_lsp.conversation.messages import Usage

FREE_PROTOCOLS = frozenset({"bundled", "scripted"})


@dataclass(frozen=True, slots=True)
class Price:
    """What a model is known by: `free`, or its name in the table of list prices."""

    model: str
    free: bool = False

    def cost(self, usage: Usage) -> float | None:
        """USD for one answer's usage, by list price; None where no price is known."""
        if self.free:
            return 0.0
        # The table takes a tenth of a second to import: only who pays needs it.
        from genai_prices import Usage as Priced
        from genai_prices import calc_price

        priced = Priced(
            input_tokens=usage.input_tokens + usage.cache_read_tokens + usage.cache_write_tokens,
            cache_read_tokens=usage.cache_read_tokens,
            cache_write_tokens=usage.cache_write_tokens,
            output_tokens=usage.output_tokens,
        )
        try:
            return float(calc_price(priced, model_ref=self.table_name).total_price)
        except LookupError:
            return None

    @property
    def table_name(self) -> str:
        """The name without a vendor's prefix: `openai/gpt-5` → `gpt-5`."""
        return self.model.rsplit("/", 1)[-1]


def price_of(protocol: str, model: str) -> Price:
    """How `model` behind `protocol` is priced; what runs on the user's own machine is free."""
    return Price(model, free=protocol in FREE_PROTOCOLS)


def listed_window(model: str) -> int | None:
    """The context window, in tokens, that the table of list prices has for a model."""
    from genai_prices.data_snapshot import get_snapshot  # as above

    try:
        _, found = get_snapshot().find_provider_model(Price(model).table_name, None, None, None)
    except LookupError:
        return None
    return found.context_window
