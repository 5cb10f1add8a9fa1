"""The account of one turn: what may be used, what was used, and the time that is left."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

from agent_lsp.conversation.actions import Limits
from agent_lsp.conversation.messages import Usage
from agent_lsp.models.pricing import Price


class BudgetSpent(Exception):
    """A limit is reached; the message names it and its figures."""


class Budget:
    """Holds a turn's limits against its usage. A request is refused before it is sent, not after."""

    def __init__(self, limits: Limits, price: Price, *, spent_today: float = 0, cost_per_day: float = 25) -> None:
        """`spent_today` and `cost_per_day` in USD."""
        self.limits, self.price = limits, price
        self._spent_today, self._cost_per_day = spent_today, cost_per_day
        self.deadline = Deadline(limits.seconds)
        self.usage = Usage()
        self.cost: float | None = 0.0

    def reserve(self, worst: Usage) -> None:
        """Raises BudgetSpent when a request that uses `worst` could pass a limit."""
        _must_fit("steps", self.usage.steps + 1, self.limits.steps)
        _must_fit("tokens", self.usage.tokens + worst.tokens, self.limits.tokens)
        worst_cost = self.price.cost(worst)
        spent = self.cost or 0.0
        if worst_cost is not None:
            _must_be_paid("maxCost", worst_cost, spent, self.limits.cost)
            _must_be_paid("maxCostPerDay", worst_cost, self._spent_today + spent, self._cost_per_day)

    def charge(self, usage: Usage) -> float:
        """Adds an answer's usage as one step. Returns its cost in USD, 0 where no price is known."""
        self.usage += usage + Usage(steps=1)
        cost = self.price.cost(usage)
        self.cost = None if cost is None or self.cost is None else self.cost + cost
        return cost or 0.0

    def charge_call(self) -> None:
        """Counts one tool call. Raises BudgetSpent when it is one too many."""
        _must_fit("tool calls", self.usage.tool_calls + 1, self.limits.tool_calls)
        self.usage += Usage(tool_calls=1)


_SETTINGS = {"steps": "maxSteps", "tokens": "maxTokens", "tool calls": "maxToolCalls"}


def _must_be_paid(setting: str, worst: float, spent: float, limit: float) -> None:
    if spent + worst > limit:
        raise BudgetSpent(
            f"the next request could cost ${worst:.2f}; ${spent:.2f} of {setting}, ${limit:.2f}, are spent"
        )


def _must_fit(what: str, needed: int, limit: int) -> None:
    if needed > limit:
        raise BudgetSpent(f"the turn would need {needed:,} {what}; {_SETTINGS[what]} is {limit:,}")


class Deadline:
    """Seconds of work. It stands still while the user is asked. Use it once, as a context manager."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._timeout = asyncio.timeout(None)

    async def __aenter__(self) -> None:
        await self._timeout.__aenter__()
        self._timeout.reschedule(asyncio.get_running_loop().time() + self.seconds)

    async def __aexit__(self, *error: object) -> None:
        try:
            await self._timeout.__aexit__(*error)  # type: ignore[arg-type]  # what the interpreter handed us
        except TimeoutError:
            raise BudgetSpent(f"the turn has worked for maxSeconds, {self.seconds:g} s") from None

    @contextmanager
    def paused(self) -> Iterator[None]:
        """The time in here does not count."""
        clock, due = asyncio.get_running_loop().time, self._timeout.when()
        if due is None or self._timeout.expired():
            yield
            return
        left = due - clock()
        self._timeout.reschedule(None)
        try:
            yield
        finally:
            self._timeout.reschedule(clock() + left)
