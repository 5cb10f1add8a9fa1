"""Events of a conversation as values of the contract; every door sends the same."""

from __future__ import annotations

from typing import assert_never

from agent_lsp.contract.events import (
    AgentEvent,
    ApprovalDecidedEvent,
    ApprovalRequestedEvent,
    EventBody,
    PromptJoinedEvent,
    RetryingEvent,
    TextDeltaEvent,
    ThinkingDeltaEvent,
    ToolCallFinishedEvent,
    ToolCallOutputEvent,
    ToolCallStartedEvent,
    TurnFinishedEvent,
    TurnStartedEvent,
    UsageUpdatedEvent,
)
from agent_lsp.contract.usage import EstimateOutcome, TurnCost, TurnError, TurnUsage
from agent_lsp.conversation import events
from agent_lsp.conversation.estimate import Estimate
from agent_lsp.conversation.events import EventEnvelope
from agent_lsp.conversation.messages import Usage
from agent_lsp.permissions.approval import title


def agent_event(seen: EventEnvelope) -> AgentEvent:
    """The params of `agent/event`."""
    return AgentEvent(session_id=seen.session_id, turn_id=seen.turn_id, seq=seen.seq, body=_body(seen.event))


def turn_usage(used: Usage) -> TurnUsage:
    """Counts of tokens, calls and steps."""
    return TurnUsage(
        input_tokens=used.input_tokens,
        cache_read_tokens=used.cache_read_tokens,
        cache_write_tokens=used.cache_write_tokens,
        output_tokens=used.output_tokens,
        reasoning_tokens=used.reasoning_tokens,
        tool_calls=used.tool_calls,
        steps=used.steps,
    )


def turn_cost(usd: float | None) -> TurnCost:
    """A cost in USD, None where no price is known."""
    return TurnCost(cost=usd, cost_unknown=usd is None)


def turn_error(kind: str, message: str) -> TurnError | None:
    """Why a turn failed; None where there is no message."""
    return TurnError(kind=kind, message=message) if message else None


def estimate_outcome(guess: Estimate | None, usd: float | None) -> EstimateOutcome | None:
    """What a turn was estimated to cost, and whether that was right; None where that cannot be said."""
    if guess is None or (held := guess.held(usd)) is None:
        return None
    return EstimateOutcome(low=guess.low, likely=guess.likely, high=guess.high, held=held)


def _body(shown: events.Event) -> EventBody:  # noqa: C901, PLR0912 - one case for each kind of event
    match shown:
        case events.TurnStarted():
            return TurnStartedEvent(prompt=shown.prompt, model=shown.model, note=shown.note)
        case events.PromptJoined():
            return PromptJoinedEvent(prompt=shown.prompt)
        case events.TextDelta():
            return TextDeltaEvent(text=shown.text, offset=shown.offset)
        case events.ThinkingDelta():
            return ThinkingDeltaEvent(text=shown.text, offset=shown.offset)
        case events.ToolCallStarted():
            return ToolCallStartedEvent(call_id=shown.call_id, tool=shown.tool, tool_kind=shown.kind, title=shown.title)
        case events.ToolCallOutput():
            return ToolCallOutputEvent(call_id=shown.call_id, text=shown.text)
        case events.ToolCallFinished():
            return ToolCallFinishedEvent(
                call_id=shown.call_id, tool=shown.tool, title=shown.title, status=shown.status, result=shown.text
            )
        case events.ApprovalRequested():
            request = shown.request
            return ApprovalRequestedEvent(approval_id=request.id, call_id=request.call_id, title=title(request.action))
        case events.ApprovalDecided():
            decision = shown.decision
            return ApprovalDecidedEvent(
                approval_id=shown.approval_id,
                call_id=shown.call_id,
                decision=decision.choice,
                answered=decision.answered,
            )
        case events.UsageUpdated():
            return UsageUpdatedEvent(usage=turn_usage(shown.usage), cost=turn_cost(shown.cost))
        case events.Retrying():
            return RetryingEvent(
                reason=shown.reason, attempt=shown.attempt, attempts=shown.attempts, seconds=shown.seconds
            )
        case events.TurnFinished():
            return TurnFinishedEvent(
                stop_reason=shown.stop_reason,
                usage=turn_usage(shown.usage),
                cost=turn_cost(shown.cost),
                estimate=estimate_outcome(shown.estimate, shown.cost),
                error=turn_error(shown.error_kind, shown.error),
            )
        case _:
            assert_never(shown)
