"""Budgets bind before money is spent: in the turn, the session and the day, side by side and across daemons."""

from __future__ import annotations

import asyncio
import json
import random
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from agent_lsp.agent.budget import OF_SESSION, Account, Budget, BudgetSpent, LimitNames
from agent_lsp.agent.context import most_tokens
from agent_lsp.conversation.actions import Limits
from agent_lsp.conversation.entries import Said
from agent_lsp.conversation.messages import AssistantMessage, StopReason, Thinking, Usage, UserMessage
from agent_lsp.journal.journal import Journal
from agent_lsp.models import Request
from agent_lsp.models.pricing import Price
from tests.conftest import call
from tests.house import house

Script = Callable[..., str]
LIMITS = Limits()
PRICE = Price("gpt-5-mini")
FREE = Price("", free=True)
ASK = Request("system", (UserMessage("hello"),), (), 16_384)
WORST = PRICE.cost(Usage(input_tokens=most_tokens(ASK, "gpt-5-mini"), output_tokens=16_384)) or 0.0


class Endless:
    """A ledger without a cap."""

    async def reserve(self, reservation: str, usd: float, cap: float) -> float | None:  # noqa: ARG002 - a Ledger's
        return None


def budget(
    ledger: object, *, limits: Limits = LIMITS, price: Price = PRICE, per_day: float = 25, **more: object
) -> Budget:
    numbers = iter(range(10**9))
    account = Account(limits, LimitNames(), more.get("parent"))  # type: ignore[arg-type]  # an Account or None
    seed = random.random()
    return Budget(
        account,
        price,
        ledger,  # type: ignore[arg-type]  # a Journal, or the Endless one
        cost_per_day=per_day,
        seconds=60,
        new_id=lambda what: f"{what}_{seed}_{next(numbers)}",
    )


async def test_a_reservation_holds_the_worst_until_it_is_settled_with_what_was_used() -> None:
    purse = budget(Endless(), limits=Limits(cost=WORST * 1.01))
    held = await purse.reserve(ASK)
    assert held.usd == pytest.approx(WORST)
    with pytest.raises(BudgetSpent, match=r"of maxCost"):
        await purse.reserve(ASK)
    purse.settle(held, Usage(input_tokens=10, output_tokens=5))
    assert purse.usage == Usage(input_tokens=10, output_tokens=5, steps=1)
    assert purse.cost == PRICE.cost(Usage(input_tokens=10, output_tokens=5))
    await purse.reserve(ASK)


class Full:
    """A ledger whose day is spent, until it is not."""

    spent: float | None = 25.0

    async def reserve(self, reservation: str, usd: float, cap: float) -> float | None:  # noqa: ARG002 - a Ledger's
        return self.spent


async def test_what_the_day_has_no_room_for_is_held_nowhere() -> None:
    day = Full()
    purse = budget(day, limits=Limits(cost=WORST * 1.01))
    with pytest.raises(BudgetSpent, match=r"of maxCostPerDay"):
        await purse.reserve(ASK)
    day.spent = None
    assert (await purse.reserve(ASK)).usd == pytest.approx(WORST)


async def test_a_request_that_does_not_fit_is_sent_with_a_shorter_answer() -> None:
    purse = budget(Endless(), limits=Limits(cost=WORST / 3))
    held = await purse.reserve(ASK)
    assert 1_024 <= held.request.max_output_tokens < ASK.max_output_tokens
    assert held.usd <= WORST / 3


async def test_a_request_without_usage_is_charged_whole_and_a_refused_one_not_at_all() -> None:
    purse = budget(Endless())
    paid = purse.charge_whole(await purse.reserve(ASK))
    assert paid.usd == pytest.approx(WORST)
    assert purse.give_back(await purse.reserve(ASK)).usd == 0
    assert purse.cost == pytest.approx(WORST)


async def test_an_answer_whose_provider_does_not_say_what_it_used_is_a_step_and_charged_whole() -> None:
    purse = budget(Endless())
    held = await purse.reserve(ASK)
    assert purse.settle(held, None).usd == pytest.approx(WORST)
    assert purse.usage == Usage(input_tokens=held.tokens, steps=1)
    assert purse.cost == pytest.approx(WORST)


async def test_what_is_charged_whole_at_an_unknown_price_leaves_the_cost_unknown() -> None:
    purse = budget(Endless(), price=Price("a-model-of-nobody"))
    purse.charge_whole(await purse.reserve(ASK))
    assert purse.cost is None


async def test_the_sessions_account_binds_all_its_turns() -> None:
    session = Account(Limits(tokens=40_000, cost=10**6), OF_SESSION)
    first, second = (budget(Endless(), parent=session) for _ in range(2))
    held = await first.reserve(ASK)
    await second.reserve(ASK)
    with pytest.raises(BudgetSpent, match="maxTokensPerSession"):
        await first.reserve(Request("x" * 10_000, (), (), 1_024))
    first.settle(held, Usage(input_tokens=1))
    await first.reserve(ASK)


@pytest.mark.parametrize("seed", range(3))
async def test_the_days_sum_never_passes_its_cap_with_turns_side_by_side_in_two_daemons(
    tmp_path: Path, seed: int
) -> None:
    dice, cap = random.Random(seed), WORST * 7
    journals = [Journal(tmp_path / "journal.sqlite3") for _ in range(2)]
    real, reasons = 0.0, set[bool]()

    async def turn(number: int) -> None:
        nonlocal real
        journal = journals[number % 2]
        session, head = f"s{number}", None
        await journal.create(session, workspace="w", title="t")
        purse = budget(journal, per_day=cap, limits=Limits(cost=10**6))
        while True:
            try:
                held = await purse.reserve(ASK)
            except BudgetSpent as error:
                reasons.add("maxCostPerDay" in str(error))
                return
            await asyncio.sleep(dice.random() / 500)
            used = Usage(input_tokens=dice.randrange(400), output_tokens=dice.randrange(held.request.max_output_tokens))
            whole = dice.random() < 0.2
            paid = purse.charge_whole(held) if whole else purse.settle(held, used)
            real += paid.usd
            written = await journal.append(session, head, (Said(UserMessage("x")),), paid=paid)
            head = written[-1].seq

    await asyncio.gather(*(turn(number) for number in range(8)))
    spent = await journals[0].spent_today()
    for journal in journals:
        await journal.close()
    assert reasons == {True}
    assert spent == pytest.approx(real)
    assert cap * 0.5 < spent <= cap


async def test_what_a_killed_daemon_had_set_aside_is_charged_by_the_next(tmp_path: Path) -> None:
    program = (
        "import asyncio, os, signal, sys\nfrom pathlib import Path\n"
        "from agent_lsp.journal.journal import Journal\n"
        "async def main():\n    await Journal(Path(sys.argv[1])).reserve('r', 2.0, 25.0)\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\nasyncio.run(main())\n"
    )
    file = tmp_path / "journal.sqlite3"
    subprocess.run([sys.executable, "-c", program, str(file)], check=False)
    journal = Journal(file)
    assert await journal.reserve("next", 23.5, 25.0) == 2.0
    assert await journal.reserve("next", 22.5, 25.0) is None
    assert await journal.spent_today() == 2.0
    await journal.close()


async def test_the_bound_is_above_what_any_tokenizer_makes_of_a_request() -> None:
    nasty = Request("\U0001f600" * 500, (UserMessage("\u0000\u200b" * 300),), (), 10)
    assert most_tokens(nasty, "m") >= len(("\U0001f600" * 500 + "\u0000\u200b" * 300).encode())


async def test_the_bound_counts_the_thoughts_that_a_model_gets_back() -> None:
    thoughts = "\U0001f600" * 5_000
    answer = AssistantMessage((Thinking("", json.dumps({"thinking": thoughts}, ensure_ascii=False)),), "m")
    asked = Request("", (UserMessage("go"), answer), (), 0)

    assert most_tokens(asked, "m") >= len(thoughts.encode())


async def test_a_turn_that_a_limit_ended_can_be_gone_on_with(workspace: Path, state: Path, script: Script) -> None:
    model = script(*[{"calls": [call("list_files")]}] * 3, when={"Go on where": [{"text": "Finished."}]})
    async with house(model, workspace, state, maxSteps=2) as home:
        assert (await home.ask()).ending.stop_reason is StopReason.BUDGET_SPENT
        assert (await home.ask("Go on where you stopped.")).ending.text == "Finished."


async def test_a_sessions_limit_counts_its_earlier_turns_also_after_a_restart(
    workspace: Path, state: Path, script: Script
) -> None:
    model = script({"text": "ok", "usage": {"input_tokens": 30_000}})
    limits = {"maxTokensPerSession": 36_000}
    async with house(model, workspace, state, **limits) as home:
        assert (await home.ask()).ending.stop_reason is StopReason.END_TURN
        assert home.session
        session = home.session.id
    async with house(model, workspace, state, **limits) as home:
        home.session = await home.parts.sessions.get(session)
        done = await home.ask()
        assert done.ending.stop_reason is StopReason.BUDGET_SPENT
        assert "maxTokensPerSession" in done.ending.error
