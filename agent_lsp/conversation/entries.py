"""Entries: what lasts of a conversation. Appended, never rewritten."""

from __future__ import annotations

from dataclasses import dataclass

from agent_lsp.conversation.actions import Choice
from agent_lsp.conversation.messages import Message, StopReason, Usage, UserMessage


@dataclass(frozen=True, slots=True)
class TurnBegan:
    """A turn began; the user's message follows."""

    turn_id: str
    model: str


@dataclass(frozen=True, slots=True)
class Said:
    """A message became part of the history."""

    message: Message


@dataclass(frozen=True, slots=True)
class PromptTaken:
    """Words for the running turn were accepted; they are said, as a message, before its next step."""

    message: UserMessage


@dataclass(frozen=True, slots=True)
class Decided:
    """The user, or nobody in time, answered a question. A record only: permission is never read from it."""

    approval_id: str
    call_id: str
    title: str
    digest: str
    choice: Choice
    feedback: str
    answered: bool


@dataclass(frozen=True, slots=True)
class CallBegan:
    """A call with a side effect is about to be performed: without a result after it, its outcome is unknown."""

    call_id: str
    digest: str


@dataclass(frozen=True, slots=True)
class TurnEnded:
    """A turn ended; `cost` in USD, None where no price was known."""

    turn_id: str
    stop_reason: StopReason
    usage: Usage
    cost: float | None
    error: str = ""


Content = TurnBegan | Said | PromptTaken | Decided | CallBegan | TurnEnded


@dataclass(frozen=True, slots=True)
class Entry:
    """`seq` rises through the whole journal; `at` is in seconds since the epoch."""

    seq: int
    parent: int | None
    at: float
    content: Content
