"""What a turn may cost, and what turns have cost, as values."""

from __future__ import annotations

from dataclasses import dataclass

from agent_lsp.conversation.messages import Usage


@dataclass(frozen=True, slots=True)
class Estimate:
    """What a turn may cost, in USD: None where no price is known. `basis` says what it was made from."""

    input_tokens: int
    low: float | None
    likely: float | None
    high: float | None
    basis: str

    def held(self, usd: float | None) -> bool | None:
        """Whether a turn cost between low and high; None where there is nothing to compare, or all of it was free."""
        if usd is None or self.low is None or not self.high:
            return None
        return self.low <= usd <= self.high


@dataclass(frozen=True, slots=True)
class PastTurn:
    """What a finished turn used; `usd` None where no price was known; `estimate` only if it came to its end."""

    id: str
    session: str
    model: str
    usage: Usage
    usd: float | None
    estimate: Estimate | None = None
