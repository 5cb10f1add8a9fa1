"""Prices: what a usage cost in USD, and how much a model can read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from pydantic import BaseModel, ConfigDict, Field

from agent_lsp.conversation.messages import Usage

FREE_PROTOCOLS = frozenset({"bundled", "scripted"})
_MILLION, _USUAL = 1_000_000, 1_000
_DEAREST = 1_000_000.0
"""USD for a million tokens: a dollar a token. Infinity times no token would be no number, and no limit would hold."""


class OwnPrice(BaseModel):
    """A row of the user's own table: USD for a million tokens, and the window in tokens.

    What a cache does costs as much as fresh input where nothing else is said.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    input: float = Field(ge=0, le=_DEAREST)
    output: float = Field(ge=0, le=_DEAREST)
    cache_read: float | None = Field(None, alias="cacheRead", ge=0, le=_DEAREST)
    cache_write: float | None = Field(None, alias="cacheWrite", ge=0, le=_DEAREST)
    context_window: int | None = Field(None, alias="contextWindow", ge=2_048)

    def cost(self, usage: Usage) -> float:
        """USD for one answer's usage."""
        read = self.input if self.cache_read is None else self.cache_read
        written = self.input if self.cache_write is None else self.cache_write
        sums = (
            usage.input_tokens * self.input,
            usage.cache_read_tokens * read,
            usage.cache_write_tokens * written,
            usage.output_tokens * self.output,
        )
        return sum(sums) / _MILLION


@dataclass(frozen=True, slots=True)
class Price:
    """What a model is known by: `free`, its row of the user's own table, or its name in the table of list prices."""

    model: str
    free: bool = False
    own: OwnPrice | None = None

    def cost(self, usage: Usage) -> float | None:
        """USD for one answer's usage, by list price; None where no price is known."""
        if self.free:
            return 0.0
        if self.own:
            return self.own.cost(usage)
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

    def worst_cost(self, read: int, written: int) -> float:
        """USD for so many tokens at their dearest: fresh, or all of the input through the cache; 0 if none is known."""
        inputs = (Usage(input_tokens=read), Usage(cache_read_tokens=read), Usage(cache_write_tokens=read))
        return max(self.cost(used + Usage(output_tokens=written)) or 0.0 for used in inputs)

    @property
    def table_name(self) -> str:
        """The name without a vendor's prefix: `openai/gpt-5` → `gpt-5`."""
        return self.model.rsplit("/", 1)[-1]

    @property
    def own_window(self) -> int | None:
        """The context window, in tokens, that the user's own table has."""
        return self.own.context_window if self.own else None

    @property
    def words(self) -> str:
        """The price in words, for a million tokens in requests of usual length: some cost more when they are long."""
        read, written = (self.cost(used) for used in (Usage(input_tokens=_USUAL), Usage(output_tokens=_USUAL)))
        if read is None or written is None:
            return "nobody knows what: it is counted by tokens"
        times = _MILLION / _USUAL
        return f"${read * times:,.2f} in and ${written * times:,.2f} out for a million tokens"


def price_of(protocol: str, model: str, own: Mapping[str, OwnPrice] = {}) -> Price:
    """How `model` behind `protocol` is priced: by the user's own table first; what runs in the daemon is free."""
    names = (f"{protocol}:{model}", model, model.rsplit("/", 1)[-1])
    row = next((own[name] for name in names if name in own), None)
    return Price(model, free=protocol in FREE_PROTOCOLS, own=row)


def listed_window(model: str) -> int | None:
    """The context window, in tokens, that the table of list prices has for a model."""
    from genai_prices.data_snapshot import get_snapshot  # as above

    try:
        _, found = get_snapshot().find_provider_model(Price(model).table_name, None, None, None)
    except LookupError:
        return None
    return found.context_window
