"""A live conversation: what a door orders, and what it is told when the turn is over."""

from __future__ import annotations

from asyncio import Future
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from agent_lsp.agent import Ending, Turn
from agent_lsp.agent.record import Record
from agent_lsp.awareness.change_notices import ChangeNotices
from agent_lsp.conversation.actions import ApprovalRequest, Approve, Decision
from agent_lsp.conversation.estimate import Estimate
from agent_lsp.conversation.events import Emit
from agent_lsp.conversation.messages import Usage
from agent_lsp.conversation.tree import Conversation
from agent_lsp.permissions import Preset
from agent_lsp.permissions.policy import Policy

AskUser = Callable[[ApprovalRequest], Awaitable[Decision | None]]
"""How a client is asked. None: it could not be asked there, and the question stays open for `decide`."""


GO_ON = "Go on where you stopped."
"""The prompt of `agent.continue`."""


class SessionError(Exception):
    """A session cannot do what was asked; the message names it and the remedy."""


class TurnRefused(Exception):
    """A turn cannot begin; the message is one line with the remedy, `kind` the wire value of `error.kind`."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind


@dataclass(frozen=True, slots=True)
class TurnRequest:
    """What a client asked for: a prompt, what its editor showed, and for this turn only a preset and a model."""

    prompt: str
    ask_user: AskUser
    context: str = ""
    preset: Preset | None = None
    model: str | None = None
    queue: bool = False


@dataclass(frozen=True, slots=True)
class Spent:
    """What a session has used before this turn; `cost` in USD."""

    usage: Usage
    cost: float


@dataclass(frozen=True, slots=True)
class SessionState:
    """What a session knows while it is open: what the user allowed, and what its model saw and is to be told."""

    policy: Policy
    news: ChangeNotices


@dataclass(frozen=True, slots=True)
class TurnContext:
    """Where a turn runs: what the session hands to whoever builds it."""

    turn_id: str
    session_id: str
    state: SessionState
    record: Record
    approve: Approve
    emit: Emit
    spent: Spent


@dataclass(frozen=True, slots=True)
class Lifecycle:
    """What is called in the life of a session: before its first turn, for each turn, and before it is closed.

    `begin` makes what it knows, `build` the turn of an order (raises ModelError when no model can answer it,
    TurnRefused). `closing` keeps what must last longer (raises OSError: then the session stays open).
    """

    begin: Callable[[], SessionState]
    build: Callable[[TurnRequest, TurnContext], Awaitable[Turn]]
    closing: Callable[[Conversation], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Finished:
    """How a turn went; `cost` in USD, None where no price is known; `estimate` only of one that came to its end."""

    turn_id: str
    session_id: str
    ending: Ending
    usage: Usage
    cost: float | None
    estimate: Estimate | None = None


@dataclass(frozen=True, slots=True)
class Asked:
    """A prompt that was taken: its turn's and session's ids, whether it joined a running turn, and the turn's end."""

    turn_id: str
    session_id: str
    joined: bool
    finished: Future[Finished]
