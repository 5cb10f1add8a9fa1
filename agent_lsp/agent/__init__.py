"""How it decides: a turn, with all that it is handed."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from agent_lsp.agent.budget import Budget
from agent_lsp.agent.gate import Gate
from agent_lsp.agent.record import Record
from agent_lsp.agent.workbench import Workbench
from agent_lsp.conversation.estimate import Estimate
from agent_lsp.conversation.events import Emit
from agent_lsp.conversation.messages import Notice, StopReason
from agent_lsp.models import Model

TakeNotices = Callable[[], Awaitable[Notice | None]]
"""What the model should know before its next step, each thing once."""


@dataclass(frozen=True, slots=True)
class Turn:
    """One turn: its names, its record, who answers, what it may use, what its calls may do and what they work with."""

    id: str
    session_id: str
    record: Record
    model: Model
    system: str
    budget: Budget
    estimate: Estimate
    news: TakeNotices
    gate: Gate
    workbench: Workbench
    emit: Emit
    new_id: Callable[[str], str]


@dataclass(frozen=True, slots=True)
class Ending:
    """Why a turn ended, with its last words; `error_kind` and `error` where something kept it from its end."""

    stop_reason: StopReason
    text: str = ""
    error_kind: str = ""
    error: str = ""
