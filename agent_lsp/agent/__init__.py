"""How it decides: a turn, with all that it is handed."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from agent_lsp.agent.budget import Budget
from agent_lsp.conversation.actions import Approve
from agent_lsp.conversation.entries import Content
from agent_lsp.conversation.events import Emit
from agent_lsp.conversation.journal import Paid
from agent_lsp.conversation.ledger import Estimate, PastTurn
from agent_lsp.conversation.messages import Message, Notice, StopReason, UserMessage
from agent_lsp.models import Model
from agent_lsp.permissions import Preset
from agent_lsp.permissions.policy import Policy
from agent_lsp.permissions.secrets import Secrets
from agent_lsp.tools import Toolbox, ToolContext
from agent_lsp.workspace.checkpoints import Checkpoints
from agent_lsp.workspace.origins import Origins
from agent_lsp.workspace.targets import Targets


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


News = Callable[[], Awaitable[Notice | None]]
"""What the model should know before its next step, each thing once."""


@dataclass(frozen=True, slots=True)
class Turn:
    """One turn: its names, its joints, and what its tools may use. Approvals expire after `approval_seconds`.

    `tainted` says where untrusted text came from that is in the context by now; empty for none.
    `mark` is the turn's random word, which no text from outside can know. `begun` has the ids of calls whose actions
    began.
    """

    id: str
    session_id: str
    record: Record
    model: Model
    toolbox: Toolbox
    tools: ToolContext
    checkpoints: Checkpoints
    news: News
    targets: Targets
    policy: Policy
    preset: Preset | None
    budget: Budget
    estimate: Estimate
    approve: Approve
    emit: Emit
    secrets: Secrets
    system: str
    most_characters: int
    approval_seconds: float
    new_id: Callable[[str], str]
    now: Callable[[], float]
    origins: Origins
    mark: str
    tainted: Callable[[], str]
    begun: set[str] = field(default_factory=set)


@dataclass(frozen=True, slots=True)
class Ending:
    """Why a turn ended, with its last words; `error_kind` and `error` where something kept it from its end."""

    stop_reason: StopReason
    text: str = ""
    error_kind: str = ""
    error: str = ""
