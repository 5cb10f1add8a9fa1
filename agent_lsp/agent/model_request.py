"""One request to the model and its answer: reserved before, shown as it comes, on disk and settled after."""

from __future__ import annotations

from contextlib import aclosing
from dataclasses import dataclass, field, replace

from agent_lsp.agent import Turn, context
from agent_lsp.agent.budget import NOTHING, Reservation
from agent_lsp.conversation.entries import Said
from agent_lsp.conversation.events import Retrying, TextDelta, ThinkingDelta, UsageUpdated
from agent_lsp.conversation.messages import AssistantMessage, StopReason, Text, ToolCall
from agent_lsp.models import (
    BadResponse,
    Chunk,
    Completed,
    ModelError,
    Request,
    RetryChunk,
    SentAgain,
    TextChunk,
    ThinkingChunk,
)


async def ask_model(turn: Turn) -> AssistantMessage:
    """Sends the conversation and returns the answer, which is on record. Raises BudgetSpent, ModelError."""
    asking = _Asking(turn, await turn.budget.reserve(_request(turn)))
    done = await asking.streamed()
    answer = _named(done.message, turn)
    paid = turn.budget.settle(asking.reservation, answer.usage if done.counted else None)
    await turn.record.append(Said(answer), paid=paid)
    turn.emit(UsageUpdated(turn.budget.usage, turn.budget.cost))
    return answer


def _request(turn: Turn) -> Request:
    tools, window = turn.workbench.toolbox.all(), turn.model.context_window
    request = context.build(turn.record.messages, system=turn.system, tools=tools, window=window)
    return replace(request, conversation=turn.session_id)


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
        """Keep the text that the user saw in the history, and charge what the provider may have used."""
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
    seen = set[str]()
    parts = []
    for part in answer.parts:
        if isinstance(part, ToolCall) and (not part.id or part.id in seen or turn.record.has_call(part.id)):
            part = replace(part, id=turn.new_id("call"))  # noqa: PLW2901 - the part, named
        if isinstance(part, ToolCall):
            seen.add(part.id)
        parts.append(part)
    return replace(answer, parts=tuple(parts))
