"""What a turn used and cost, and why it failed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated


@dataclass(frozen=True, slots=True, kw_only=True)
class TurnUsage:
    """Counts of tokens, tool calls and steps."""

    input_tokens: Annotated[int, "Those neither read from nor written to a cache."]
    cache_read_tokens: int
    cache_write_tokens: int
    output_tokens: int
    reasoning_tokens: Annotated[int, "A part of `outputTokens`."]
    tool_calls: int
    steps: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TurnCost:
    """What a turn cost."""

    cost: Annotated[float | None, "USD; null where no price is known."]
    cost_unknown: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class EstimateOutcome:
    """What a turn was estimated to cost, in USD, and whether that was right."""

    low: float | None
    likely: float | None
    high: float | None
    held: Annotated[bool, "Whether it cost between `low` and `high`."]


@dataclass(frozen=True, slots=True, kw_only=True)
class TurnError:
    """Why a turn failed or was cut."""

    kind: str
    message: str
