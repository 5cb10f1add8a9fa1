"""Events: all that a client can see of a turn."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from agent_lsp.contract.codec import INLINED
from agent_lsp.contract.names import EventKind
from agent_lsp.contract.usage import EstimateOutcome, TurnCost, TurnError, TurnUsage
from agent_lsp.conversation.actions import Choice, ToolKind
from agent_lsp.conversation.messages import ResultStatus, StopReason


@dataclass(frozen=True, slots=True, kw_only=True)
class TurnStartedEvent:
    """A turn began."""

    kind: Literal[EventKind.TURN_STARTED] = EventKind.TURN_STARTED
    prompt: str
    model: str
    note: Annotated[str, "What the user should know of the model."] = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class PromptJoinedEvent:
    """Words of the user reached the running turn."""

    kind: Literal[EventKind.PROMPT_JOINED] = EventKind.PROMPT_JOINED
    prompt: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TextDeltaEvent:
    """More of the answer."""

    kind: Literal[EventKind.TEXT_DELTA] = EventKind.TEXT_DELTA
    text: str
    offset: Annotated[int, "Characters (code points) of this message before `text`."]


@dataclass(frozen=True, slots=True, kw_only=True)
class ThinkingDeltaEvent:
    """More of what the model thinks aloud."""

    kind: Literal[EventKind.THINKING_DELTA] = EventKind.THINKING_DELTA
    text: str
    offset: Annotated[int, "Characters (code points) before `text`."]


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolCallStartedEvent:
    """The daemon looks at a call of the model."""

    kind: Literal[EventKind.TOOL_CALL_STARTED] = EventKind.TOOL_CALL_STARTED
    call_id: str
    tool: str
    tool_kind: ToolKind
    title: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolCallOutputEvent:
    """A running call printed something."""

    kind: Literal[EventKind.TOOL_CALL_OUTPUT] = EventKind.TOOL_CALL_OUTPUT
    call_id: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolCallFinishedEvent:
    """A call ended. Each call that started has one, cancelled turns included."""

    kind: Literal[EventKind.TOOL_CALL_FINISHED] = EventKind.TOOL_CALL_FINISHED
    call_id: str
    tool: str
    title: str
    status: ResultStatus
    result: Annotated[str, "The first line of what the model is told."]


@dataclass(frozen=True, slots=True, kw_only=True)
class ApprovalRequestedEvent:
    """The user is asked."""

    kind: Literal[EventKind.APPROVAL_REQUESTED] = EventKind.APPROVAL_REQUESTED
    approval_id: str
    call_id: str
    title: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ApprovalDecidedEvent:
    """A question is settled."""

    kind: Literal[EventKind.APPROVAL_DECIDED] = EventKind.APPROVAL_DECIDED
    approval_id: str
    call_id: str
    decision: Choice
    answered: Annotated[bool, "False where nobody answered."]


@dataclass(frozen=True, slots=True, kw_only=True)
class UsageUpdatedEvent:
    """The turn's sums after a step."""

    kind: Literal[EventKind.USAGE_UPDATED] = EventKind.USAGE_UPDATED
    usage: TurnUsage
    cost: Annotated[TurnCost, INLINED]


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryingEvent:
    """A request to the model failed in a passing way and is sent again."""

    kind: Literal[EventKind.RETRYING] = EventKind.RETRYING
    reason: str
    attempt: int
    attempts: int
    seconds: Annotated[float, "How long the daemon waits before that."]


@dataclass(frozen=True, slots=True, kw_only=True)
class TurnFinishedEvent:
    """A turn ended."""

    kind: Literal[EventKind.TURN_FINISHED] = EventKind.TURN_FINISHED
    stop_reason: StopReason
    usage: TurnUsage
    cost: Annotated[TurnCost, INLINED]
    estimate: EstimateOutcome | None = None
    error: TurnError | None = None


EventBody = (
    TurnStartedEvent
    | PromptJoinedEvent
    | TextDeltaEvent
    | ThinkingDeltaEvent
    | ToolCallStartedEvent
    | ToolCallOutputEvent
    | ToolCallFinishedEvent
    | ApprovalRequestedEvent
    | ApprovalDecidedEvent
    | UsageUpdatedEvent
    | RetryingEvent
    | TurnFinishedEvent
)


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentEvent:
    """An event. Everything of a turn lies between its `turnStarted` and its `turnFinished`."""

    session_id: str
    turn_id: str
    seq: Annotated[int, "The number of the last entry written before it."]
    body: Annotated[EventBody, INLINED]
