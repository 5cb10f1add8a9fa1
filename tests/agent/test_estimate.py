"""What a turn may cost is told before it begins, and held against what it did cost."""

from __future__ import annotations

from agent_lsp.agent.estimate import estimated
from agent_lsp.conversation.estimate import Estimate, PastTurn
from agent_lsp.conversation.messages import Usage, UserMessage
from agent_lsp.journal.ledger import Score, score
from agent_lsp.models import Request
from agent_lsp.models.pricing import Price

ASK = Request("system " * 300, (UserMessage("hello"),), (), 16_384)
PRICE = Price("gpt-5-mini")


def past(*costs: float) -> list[PastTurn]:
    used = Usage(input_tokens=1_000, output_tokens=400, steps=2)
    return [PastTurn(f"t{number}", "s", "m", used, cost) for number, cost in enumerate(costs)]


def test_without_history_it_says_so_and_goes_by_steps() -> None:
    guess = estimated(ASK, PRICE, [])
    assert guess.low is not None
    assert guess.likely is not None
    assert guess.high is not None
    assert 0 < guess.low < guess.likely < guess.high
    assert "no history" in guess.basis


def test_with_history_it_goes_by_what_turns_have_cost() -> None:
    guess = estimated(ASK, PRICE, past(*(n / 100 for n in range(1, 12))))
    assert guess.likely is not None
    assert 0.05 < guess.likely < 0.13
    assert guess.basis == "11 past turns of this model"


def test_a_context_larger_than_usual_costs_more() -> None:
    usual = estimated(ASK, PRICE, past(*[0.01] * 9))
    large = estimated(Request("word " * 50_000, (), (), 100), PRICE, past(*[0.01] * 9))
    assert (large.likely or 0) > (usual.likely or 0)


def test_what_has_no_price_is_said_and_what_is_free_costs_nothing() -> None:
    unknown = estimated(ASK, Price("nobody-knows-this"), [])
    assert (unknown.likely, unknown.basis) == (None, "no price is known for this model")
    assert estimated(ASK, Price("", free=True), past(*[0.0] * 9)).high == 0.0


def finished(usd: float | None, low: float | None, likely: float | None, high: float | None) -> PastTurn:
    used = Usage(input_tokens=1_000, output_tokens=400, steps=2)
    return PastTurn("t", "s", "m", used, usd, Estimate(0, low, likely, high, "kept with the turn"))


def test_each_turn_scores_its_estimate_by_its_range_and_its_likely_cost() -> None:
    turns = [finished(0.02, 0.01, 0.02, 0.04), finished(0.08, 0.01, 0.02, 0.04), finished(0.01, 0.01, 0.02, 0.04)]

    assert score(turns) == Score(turns=3, held=2, off=1.0)


def test_what_cannot_be_compared_is_no_score() -> None:
    free, unknown, broken_off = finished(0, 0, 0, 0), finished(None, None, None, None), past(0.01)[0]

    assert score([free, unknown, broken_off, finished(0.01, None, None, None)]) is None
    assert score([free, finished(0.03, 0.01, 0.02, 0.04)]) == Score(turns=1, held=1, off=1.5)


def test_an_estimate_says_how_good_those_before_it_were() -> None:
    guess = estimated(ASK, PRICE, [finished(0.01 * n, 0.01, 0.02, 0.04) for n in range(1, 7)])

    assert guess.basis == "6 past turns of this model; 4 of the last 6 estimates held"
