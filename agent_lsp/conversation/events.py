"""Events: all that a client can see of a turn.

Order: everything of a turn lies between `TurnStarted` and `TurnFinished`. Within a step come the deltas of
the answer, then for each call `ToolCallStarted`, perhaps `ApprovalRequested` and `ApprovalDecided`, any
`ToolCallOutput`, and `ToolCallFinished`; then `UsageUpdated`. Each start has its finish, cancelled turns
included. A slow watcher may lose deltas, never the others.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from agent_lsp.conversation.actions import ApprovalRequest, Decision, ToolKind
from agent_lsp.conversation.estimate import Estimate
from agent_lsp.conversation.messages import ResultStatus, StopReason, Usage


@dataclass(frozen=True, slots=True)
class TurnStarted:
    """A turn began; `note` is what the user should know of the model, empty where there is nothing to say."""

    prompt: str
    model: str
    note: str = ""


@dataclass(frozen=True, slots=True)
class PromptJoined:
    """Words of the user reached the running turn."""

    prompt: str


@dataclass(frozen=True, slots=True)
class TextDelta:
    """More of the answer; `offset` counts the characters of this message before it."""

    text: str
    offset: int


@dataclass(frozen=True, slots=True)
class ThinkingDelta:
    """More of what the model thinks aloud; `offset` counts the characters before it."""

    text: str
    offset: int


@dataclass(frozen=True, slots=True)
class ToolCallStarted:
    """A call of the model is being looked at."""

    call_id: str
    tool: str
    kind: ToolKind
    title: str


@dataclass(frozen=True, slots=True)
class ToolCallOutput:
    """A running call printed something."""

    call_id: str
    text: str


@dataclass(frozen=True, slots=True)
class ToolCallFinished:
    """A call ended; `text` is the first line of what the model is told."""

    call_id: str
    tool: str
    title: str
    status: ResultStatus
    text: str


@dataclass(frozen=True, slots=True)
class ApprovalRequested:
    """The user is being asked."""

    request: ApprovalRequest


@dataclass(frozen=True, slots=True)
class ApprovalDecided:
    """A question was settled."""

    approval_id: str
    call_id: str
    decision: Decision


@dataclass(frozen=True, slots=True)
class UsageUpdated:
    """The turn's sum after a step; `cost` in USD, None where no price is known."""

    usage: Usage
    cost: float | None


@dataclass(frozen=True, slots=True)
class Retrying:
    """A model request failed in a passing way and is sent again after `seconds`."""

    reason: str
    attempt: int
    attempts: int
    seconds: float


@dataclass(frozen=True, slots=True)
class TurnFinished:
    """A turn ended. `text` is the last answer; `error_kind` and `error` say why a turn failed or was cut.

    `estimate` is what was thought before that it would cost; only of turns that came to their end.
    """

    stop_reason: StopReason
    usage: Usage
    cost: float | None
    text: str = ""
    error_kind: str = ""
    error: str = ""
    estimate: Estimate | None = None


Event = (
    TurnStarted
    | PromptJoined
    | TextDelta
    | ThinkingDelta
    | ToolCallStarted
    | ToolCallOutput
    | ToolCallFinished
    | ApprovalRequested
    | ApprovalDecided
    | UsageUpdated
    | Retrying
    | TurnFinished
)

Emit = Callable[[Event], None]
"""Shows an event to whoever watches. Never waits, cannot fail."""


@dataclass(frozen=True, slots=True)
class EventEnvelope:
    """An event with where it belongs: `seq` is the number of the last entry written before it."""

    session_id: str
    turn_id: str
    seq: int
    event: Event


Watcher = Callable[[EventEnvelope], None]
