"""Money, tokens, steps, calls and seconds: what may be used, what was, and what is set aside for a request.

Before a request is sent, the worst it can cost is reserved on the turn's account, on its parents' (the
session's), and in the ledger of the day; a request that does not fit is sent with a shorter answer, or not at
all. Afterwards the reservation is settled with what was really used, or charged whole where nobody says.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Protocol

from agent_lsp.agent.context import most_tokens
from agent_lsp.conversation.actions import Limits
from agent_lsp.conversation.messages import Usage
from agent_lsp.journal.journal import Paid
from agent_lsp.models import Request
from agent_lsp.models.pricing import Price

_LEAST_OUTPUT = 1_024
"""Tokens of answer below which a request is not worth sending."""


class BudgetSpent(Exception):
    """A limit is reached; the message names it and its figures."""


class Ledger(Protocol):
    """What holds a day's money for all daemons of a user."""

    async def reserve(self, reservation: str, usd: float, cap: float) -> float | None:
        """Sets USD aside within `cap`; else tells the day's sum that stands in the way."""


class Account:
    """Usage against limits, and that of its parents: what is reserved or charged here counts there too."""

    def __init__(
        self, limits: Limits, names: LimitNames, parent: Account | None = None, *, used: Usage | None = None
    ) -> None:
        self.limits, self.usage, self.cost, self.parent = limits, used or Usage(), 0.0, parent
        self._names = names
        self._held_tokens, self._held_cost = 0, 0.0

    def hold(self, tokens: int, cost: float) -> None:
        """Sets aside. Raises BudgetSpent, and then holds nothing anywhere."""
        self._must_fit(tokens, cost)
        if self.parent:
            self.parent.hold(tokens, cost)
        self._held_tokens += tokens
        self._held_cost += cost

    def release(self, tokens: int, cost: float) -> None:
        """Gives up what was set aside."""
        self._held_tokens -= tokens
        self._held_cost -= cost
        if self.parent:
            self.parent.release(tokens, cost)

    def charge(self, usage: Usage, cost: float) -> None:
        """Adds what was used."""
        self.usage += usage
        self.cost += cost
        if self.parent:
            self.parent.charge(usage, cost)

    def charge_call(self) -> None:
        """Counts one tool call. Raises BudgetSpent when it is one too many."""
        needed, limit = self.usage.tool_calls + 1, self.limits.tool_calls
        if needed > limit:
            raise BudgetSpent(f"this would be tool call {needed:,}; {self._names.tool_calls} is {limit:,}")
        self.charge(Usage(tool_calls=1), 0.0)

    def _must_fit(self, tokens: int, cost: float) -> None:
        step, limits, names = self.usage.steps + 1, self.limits, self._names
        if step > limits.steps:
            raise BudgetSpent(f"this would be step {step:,}; {names.steps} is {limits.steps:,}")
        used = self.usage.tokens + self._held_tokens
        if used + tokens > limits.tokens:
            raise BudgetSpent(
                f"the next request could use {tokens:,} tokens; {used:,} of {names.tokens}, {limits.tokens:,}, are used"
            )
        if cost:
            _must_be_paid(names.cost, cost, self.cost + self._held_cost, limits.cost)


@dataclass(frozen=True, slots=True)
class LimitNames:
    """The settings that an account's limits come from, for messages."""

    steps: str = "maxSteps"
    tool_calls: str = "maxToolCalls"
    tokens: str = "maxTokens"
    cost: str = "maxCost"


OF_SESSION = LimitNames(tokens="maxTokensPerSession", cost="maxCostPerSession")


@dataclass(frozen=True, slots=True)
class Reservation:
    """What is set aside for one request: at most so many tokens and USD; `id` names it in the ledger, if at all."""

    request: Request
    tokens: int
    usd: float
    id: str


NOTHING = Reservation(Request("", (), (), 0), 0, 0.0, "")
"""What is set aside between two attempts."""


class Budget:
    """The account of one turn, its price and its time. `cost` is None once something of unknown price was used."""

    def __init__(
        self,
        account: Account,
        price: Price,
        ledger: Ledger,
        *,
        cost_per_day: float,
        seconds: float,
        new_id: Callable[[str], str],
    ) -> None:
        """`cost_per_day` in USD."""
        self.account, self.price, self.deadline = account, price, Deadline(seconds)
        self._ledger, self._cost_per_day, self._new_id = ledger, cost_per_day, new_id
        self._unknown = False

    @property
    def usage(self) -> Usage:
        return self.account.usage

    @property
    def cost(self) -> float | None:
        return None if self._unknown else self.account.cost

    async def reserve(self, request: Request) -> Reservation:
        """Sets aside the worst that the request can use, with a shorter answer if it must be.

        Raises BudgetSpent when not even a short answer fits.
        """
        output = request.max_output_tokens
        while True:
            fitted = replace(request, max_output_tokens=output)
            try:
                return await self._reserve(fitted)
            except BudgetSpent:
                if output <= _LEAST_OUTPUT:
                    raise
                output = max(_LEAST_OUTPUT, output // 2)

    async def _reserve(self, request: Request) -> Reservation:
        read, written = most_tokens(request, self.price.table_name), request.max_output_tokens
        usd = self.price.worst_cost(read, written)
        self.account.hold(read + written, usd)
        reservation = Reservation(request, read + written, usd, self._new_id("reservation") if usd else "")
        try:
            await self._hold_for_the_day(reservation)
        except BaseException:
            self.account.release(reservation.tokens, usd)
            raise
        return reservation

    async def _hold_for_the_day(self, reservation: Reservation) -> None:
        if not reservation.id:
            return
        spent = await self._ledger.reserve(reservation.id, reservation.usd, self._cost_per_day)
        if spent is not None:
            _must_be_paid("maxCostPerDay", reservation.usd, spent, self._cost_per_day)

    def settle(self, reservation: Reservation, usage: Usage | None) -> Paid:
        """Charges what an answer has used, as one step; all that was set aside where its provider did not say.

        The ledger is charged by whoever writes the answer down.
        """
        if usage is None:
            self.account.charge(Usage(steps=1), 0.0)
            return self.charge_whole(reservation)
        self.account.release(reservation.tokens, reservation.usd)
        cost = self.price.cost(usage)
        self._unknown = self._unknown or cost is None
        self.account.charge(usage + Usage(steps=1), cost or 0.0)
        return Paid(cost or 0.0, reservation.id)

    def charge_whole(self, reservation: Reservation) -> Paid:
        """Charges all that was set aside: the request was sent, and nobody says what it used."""
        self.account.release(reservation.tokens, reservation.usd)
        self._unknown = self._unknown or self.price.cost(Usage()) is None
        self.account.charge(Usage(input_tokens=reservation.tokens), reservation.usd)
        return Paid(reservation.usd, reservation.id)

    def give_back(self, reservation: Reservation) -> Paid:
        """Charges nothing: the provider refused the request before it did anything."""
        self.account.release(reservation.tokens, reservation.usd)
        return Paid(0.0, reservation.id)


def _must_be_paid(setting: str, worst: float, spent: float, limit: float) -> None:
    if spent + worst > limit:
        raise BudgetSpent(
            f"the next request could cost ${worst:.2f}; ${spent:.2f} of {setting}, ${limit:.2f}, are spent or set aside"
        )


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
