"""A turn: steps until the model asks for no tool."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence

from agent_lsp.agent import Ending, Turn
from agent_lsp.agent.budget import BudgetSpent
from agent_lsp.agent.call import Call
from agent_lsp.agent.model_request import ask_model
from agent_lsp.conversation.entries import Said
from agent_lsp.conversation.events import PromptJoined
from agent_lsp.conversation.messages import StopReason, ToolCall, ToolMessage
from agent_lsp.models import ModelError

_SIDE_BY_SIDE = 8


async def run_turn(turn: Turn) -> Ending:
    """Runs a turn whose prompt stands in the record already. Only a cancellation and a bug are raised."""
    try:
        async with turn.budget.deadline:
            return await _steps(turn)
    except BudgetSpent as error:
        return Ending(StopReason.BUDGET_SPENT, error_kind="budget_spent", error=str(error))
    except ModelError as error:
        return Ending(StopReason.FAILED, error_kind=error.kind, error=str(error))


async def _steps(turn: Turn) -> Ending:
    while True:
        await _tell_news(turn)
        answer = await ask_model(turn)
        if answer.calls and await _perform(turn, answer.calls):
            return Ending(StopReason.CANCELLED, answer.text)
        if not await _joined(turn) and not answer.calls:
            return Ending(answer.stop, answer.text)


async def _tell_news(turn: Turn) -> None:
    if notice := await turn.news():
        await turn.record.append(Said(notice))


async def _joined(turn: Turn) -> bool:
    prompts = turn.record.take_joined()
    for prompt in prompts:
        await turn.record.append(Said(prompt))
        turn.emit(PromptJoined(prompt.text))
    return bool(prompts)


async def _perform(turn: Turn, asked: Sequence[ToolCall]) -> bool:
    """Performs the calls in the model's order; whether the user wants the turn to end."""
    calls = [Call(one, turn) for one in asked]
    try:
        for run in _runs(calls):
            await _side_by_side(turn, run)
            if any(call.stop for call in run):
                return True
        return False
    finally:
        await turn.record.append(Said(ToolMessage(tuple(call.result for call in calls))))


def _runs(calls: Sequence[Call]) -> Iterator[list[Call]]:
    """Neighbours that may run side by side, at most eight; every other call alone."""
    run: list[Call] = []
    for call in calls:
        if not call.runs_beside_others:
            if run:
                yield run
            yield [call]
            run = []
            continue
        run.append(call)
        if len(run) == _SIDE_BY_SIDE:
            yield run
            run = []
    if run:
        yield run


async def _side_by_side(turn: Turn, calls: Sequence[Call]) -> None:
    for _ in calls:
        turn.budget.account.charge_call()
    if len(calls) == 1:
        await calls[0].perform()
        return
    async with asyncio.TaskGroup() as group:
        for call in calls:
            group.create_task(call.perform())
