"""A turn: steps until the model asks for no tool."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field, replace

from agent_lsp.agent import Ending, Turn, context
from agent_lsp.agent.budget import NOTHING, BudgetSpent, Reservation
from agent_lsp.agent.call import Outcome, cancelled, perform_call, runs_beside_others
from agent_lsp.conversation.entries import Said
from agent_lsp.conversation.events import PromptJoined, Retrying, TextDelta, ThinkingDelta, UsageUpdated
from agent_lsp.conversation.messages import (
    AssistantMessage,
    StopReason,
    Text,
    ToolCall,
    ToolMessage,
    ToolResult,
)
from agent_lsp.models import (
    BadResponse,
    Chunk,
    Completed,
    ModelError,
    RetryChunk,
    SentAgain,
    TextChunk,
    ThinkingChunk,
)

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
        answer = await _answer(turn)
        if answer.calls and await _act(turn, answer.calls):
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


async def _answer(turn: Turn) -> AssistantMessage:
    """One request and its answer: reserved before, on disk and settled after."""
    request = context.build(
        turn.record.messages, system=turn.system, tools=turn.toolbox.all(), window=turn.model.context_window
    )
    request = replace(request, conversation=turn.session_id)
    asking = _Asking(turn, await turn.budget.reserve(request))
    done = await asking.streamed()
    answer = _named(done.message, turn)
    paid = turn.budget.settle(asking.reservation, answer.usage if done.counted else None)
    await turn.record.append(Said(answer), paid=paid)
    turn.emit(UsageUpdated(turn.budget.usage, turn.budget.cost))
    return answer


@dataclass(slots=True)
class _Asking:
    """A request under way: what is set aside for it, and what was shown of its answer."""

    turn: Turn
    reservation: Reservation
    text: list[str] = field(default_factory=list)
    characters: int = 0
    thought: int = 0

    async def streamed(self) -> Completed:
        turn, request = self.turn, self.reservation.request
        try:
            async with aclosing(turn.model.stream(request)) as chunks:
                async for chunk in chunks:
                    if isinstance(chunk, Completed):
                        return chunk
                    if isinstance(chunk, RetryChunk):
                        await self._failed(chunk)
                    if isinstance(chunk, SentAgain):
                        self.reservation = await turn.budget.reserve(request)
                    self._show(chunk)
            raise BadResponse(f"{turn.model.name} ended its answer without a last word")  # noqa: TRY301 - charged too
        except BaseException as error:
            await self._broken_off(error)
            raise

    async def _failed(self, retry: RetryChunk) -> None:
        """The attempt that failed is paid for; nothing is set aside while the next one waits."""
        budget = self.turn.budget
        paid = budget.charge_whole(self.reservation) if retry.may_have_cost else budget.give_back(self.reservation)
        self.reservation = NOTHING
        await self.turn.record.append(paid=paid)

    async def _broken_off(self, error: BaseException) -> None:
        """What the user has seen stays in the history, and what may have been used is charged."""
        budget = self.turn.budget
        refused = isinstance(error, ModelError) and not error.may_have_cost
        paid = budget.give_back(self.reservation) if refused else budget.charge_whole(self.reservation)
        said = AssistantMessage((Text("".join(self.text)),), self.turn.model.name, stop=StopReason.CANCELLED)
        await self.turn.record.append(*((Said(said),) if self.text else ()), paid=paid)

    def _show(self, chunk: Chunk) -> None:
        match chunk:
            case TextChunk():
                self.turn.emit(TextDelta(chunk.text, self.characters))
                self.text.append(chunk.text)
                self.characters += len(chunk.text)
            case ThinkingChunk():
                self.turn.emit(ThinkingDelta(chunk.text, self.thought))
                self.thought += len(chunk.text)
            case RetryChunk():
                self.turn.emit(Retrying(chunk.reason, chunk.attempt, chunk.attempts, chunk.seconds))
            case SentAgain() | Completed():
                pass


def _named(answer: AssistantMessage, turn: Turn) -> AssistantMessage:
    """The answer with a call id of its own for each call: servers leave them out, or use one twice."""
    seen = {c.id for m in turn.record.messages if isinstance(m, AssistantMessage) for c in m.calls}
    parts = []
    for part in answer.parts:
        if isinstance(part, ToolCall) and (not part.id or part.id in seen):
            part = replace(part, id=turn.new_id("call"))  # noqa: PLW2901 - the part, named
        if isinstance(part, ToolCall):
            seen.add(part.id)
        parts.append(part)
    return replace(answer, parts=tuple(parts))


async def _act(turn: Turn, calls: Sequence[ToolCall]) -> bool:
    """Performs the calls in the model's order; whether the user wants the turn to end."""
    results: dict[str, ToolResult] = {}
    try:
        for run in _runs(turn, calls):
            outcomes = await _side_by_side(turn, run)
            results.update({outcome.result.call_id: outcome.result for outcome in outcomes})
            if any(outcome.stop for outcome in outcomes):
                return True
        return False
    finally:
        told = tuple(results.get(call.id) or cancelled(call, turn) for call in calls)
        await turn.record.append(Said(ToolMessage(told)))


def _runs(turn: Turn, calls: Sequence[ToolCall]) -> Iterator[list[ToolCall]]:
    """Neighbours that may run side by side, at most eight; every other call alone."""
    run: list[ToolCall] = []
    for call in calls:
        if not runs_beside_others(call, turn):
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


async def _side_by_side(turn: Turn, calls: Sequence[ToolCall]) -> list[Outcome]:
    for _ in calls:
        turn.budget.account.charge_call()
    if len(calls) == 1:
        return [await perform_call(calls[0], turn)]
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(perform_call(call, turn)) for call in calls]
    return [task.result() for task in tasks]
