"""How it decides: a turn, with all that it is handed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from agent_lsp.agent.budget import Budget
from agent_lsp.conversation.actions import Approve
from agent_lsp.conversation.entries import Content
from agent_lsp.conversation.events import Emit
from agent_lsp.conversation.journal import Paid
from agent_lsp.conversation.ledger import Estimate, PastTurn
from agent_lsp.conversation.messages import Message, StopReason, UserMessage
from agent_lsp.models import Model
from agent_lsp.permissions import Preset
from agent_lsp.permissions.policy import Policy
from agent_lsp.tools import Toolbox, ToolContext


class Record(Protocol):
    """What a turn reads and writes of its conversation."""

    @property
    def messages(self) -> Sequence[Message]:
        """What was said, oldest first."""

    async def append(self, *contents: Content, paid: Paid = Paid(), used: PastTurn | None = None) -> None:
        """Writes entries, with what was paid and at a turn's end what it used; they are on disk when it returns.

        A write once begun is finished even if cancelled.
        """

    def take_joined(self) -> tuple[UserMessage, ...]:
        """The prompts that came in since the last time."""


@dataclass(frozen=True, slots=True)
class Turn:
    """One turn: its names, its joints, and what its tools may use. Approvals expire after `approval_seconds`."""

    id: str
    session_id: str
    record: Record
    model: Model
    toolbox: Toolbox
    tools: ToolContext
    policy: Policy
    preset: Preset | None
    budget: Budget
    estimate: Estimate
    approve: Approve
    emit: Emit
    system: str
    most_characters: int
    approval_seconds: float
    new_id: Callable[[str], str]
    now: Callable[[], float]


@dataclass(frozen=True, slots=True)
class Ending:
    """Why a turn ended, with its last words; `error_kind` and `error` where something kept it from its end."""

    stop_reason: StopReason
    text: str = ""
    error_kind: str = ""
    error: str = ""
