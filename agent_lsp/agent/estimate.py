"""What a turn may cost, told before it begins: from the built context and from past turns of the same model."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median, quantiles

from agent_lsp.agent.context import request_tokens
from agent_lsp.conversation.estimate import Estimate, PastTurn
from agent_lsp.conversation.messages import Usage
from agent_lsp.journal.ledger import score
from agent_lsp.models import Request
from agent_lsp.models.pricing import Price

_ENOUGH = 5
_MUCH_LARGER = 2.0
"""Times the input of a usual step from which on a context is no usual one: below, our count of it is not that exact."""
_STEPS = (1, 4, 20)
"""Steps of a short, a usual and a long turn, where there is no history."""
_OUTPUT = 400
"""Tokens of answer that a usual step has, where there is no history."""
_RATHER = 3 / 4
"""What the context's own estimate, which errs to the safe side, likely comes to."""


def estimated(request: Request, price: Price, past: Sequence[PastTurn]) -> Estimate:
    """Low, likely and high USD of a turn that begins with `request`; tenth, half and nine tenths of past turns."""
    tokens = int(request_tokens(request) * _RATHER)
    one_step = price.cost(Usage(input_tokens=tokens, output_tokens=_OUTPUT))
    if one_step is None:
        return Estimate(tokens, None, None, None, "no price is known for this model")
    costs = [turn.usd for turn in past if turn.usd is not None]
    if len(costs) < _ENOUGH:
        low, likely, high = (_cost_of(tokens, steps, price) for steps in _STEPS)
        return Estimate(tokens, low, likely, high, "no history of this model yet: 1, 4 and 20 steps")
    tenths = quantiles(costs, n=10, method="inclusive")
    larger = tokens / max(1.0, median(_input_of_a_step(turn) for turn in past))
    scale = larger if larger > _MUCH_LARGER else 1.0
    low, likely, high = (cost * scale for cost in (tenths[0], tenths[4], tenths[8]))
    return Estimate(tokens, low, likely, high, f"{len(costs)} past turns of this model{_scored(past)}")


def _scored(past: Sequence[PastTurn]) -> str:
    scored = score(past)
    return f"; {scored.held} of the last {scored.turns} estimates held" if scored else ""


def _cost_of(tokens: int, steps: int, price: Price) -> float:
    """Each step reads what the ones before it wrote, and as much again from tools."""
    read = sum(tokens + 2 * _OUTPUT * step for step in range(steps))
    return price.cost(Usage(input_tokens=read, output_tokens=_OUTPUT * steps)) or 0.0


def _input_of_a_step(turn: PastTurn) -> float:
    return turn.usage.input_tokens / max(1, turn.usage.steps)
