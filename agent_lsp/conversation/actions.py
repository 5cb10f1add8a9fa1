"""What a tool call would do, exactly; how a user is asked about it, and what the user said."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass
from enum import StrEnum
from functools import cached_property


class ToolKind(StrEnum):
    """What sort of thing a tool does; parallelism and defaults of policy follow from it."""

    READ = "read"
    EDIT = "edit"
    DELETE = "delete"
    MOVE = "move"
    SEARCH = "search"
    EXECUTE = "execute"
    THINK = "think"
    FETCH = "fetch"
    OTHER = "other"

    @property
    def side_by_side(self) -> bool:
        """Whether neighbouring calls of this kind may run at the same time."""
        return self in {ToolKind.READ, ToolKind.SEARCH, ToolKind.THINK, ToolKind.FETCH}


@dataclass(frozen=True, slots=True)
class Hunk:
    """Lines of `old` at 1-based line `old_start` become `new` at line `new_start`."""

    id: str
    old_start: int
    old: str
    new_start: int
    new: str


@dataclass(frozen=True, slots=True)
class FileChange:
    """One file's text before and after. None as `before` creates the file, None as `after` deletes it.

    `path` is the resolved absolute path; `shown` is the path as users and the model read it; `version` is
    the editor's document version that `before` was read from, None where no editor holds the file open.
    `hunks` together turn `before` into `after`.
    """

    path: str
    shown: str
    before: str | None
    after: str | None
    version: int | None = None
    hunks: tuple[Hunk, ...] = ()


@dataclass(frozen=True, slots=True)
class FileMove:
    """A file gets another path; its content is `text`, so that a change in between is noticed."""

    path: str
    shown: str
    new_path: str
    new_shown: str
    text: str


@dataclass(frozen=True, slots=True)
class Command:
    """A shell line, the absolute folder it runs in, and the seconds it may take.

    `unsaved` names the files whose unsaved text in the editor the command will not see.
    """

    line: str
    cwd: str
    timeout_seconds: float
    unsaved: tuple[str, ...] = ()


Effect = FileChange | FileMove | Command


@dataclass(frozen=True)  # without slots, so that the digest of a large text is made once
class Action:
    """Exactly what one tool call would do: judged, shown, digested, remembered and performed as one value."""

    tool: str
    kind: ToolKind
    title: str
    effect: Effect

    @cached_property
    def digest(self) -> str:
        """SHA-256, in hex, over every field: two actions with one digest do the same thing."""
        effect = {"is": type(self.effect).__name__, **asdict(self.effect)}
        canonical = json.dumps([self.tool, self.kind, effect], sort_keys=True, ensure_ascii=True)
        return hashlib.sha256(canonical.encode()).hexdigest()


class Choice(StrEnum):
    """The answers to an approval."""

    ALLOW_ONCE = "allow_once"
    ALLOW_SESSION = "allow_session"
    ALLOW_ALWAYS = "allow_always"
    REJECT = "reject"


@dataclass(frozen=True, slots=True)
class ApprovalRequest:
    """A question to the user. `expires_at` is in seconds since the epoch."""

    id: str
    session_id: str
    turn_id: str
    call_id: str
    action: Action
    reason: str
    expires_at: float
    choices: tuple[Choice, ...] = (Choice.REJECT, Choice.ALLOW_ONCE, Choice.ALLOW_SESSION)


@dataclass(frozen=True, slots=True)
class Decision:
    """The answer. `hunks` None means all of them; `answered` is False when nobody said anything.

    `stop` ends the turn after this answer.
    """

    choice: Choice
    feedback: str = ""
    hunks: tuple[str, ...] | None = None
    stop: bool = False
    answered: bool = True

    @property
    def allowed(self) -> bool:
        return self.choice is not Choice.REJECT


Approve = Callable[[ApprovalRequest], Awaitable[Decision]]
"""Asks the user. Never raises but for cancellation: whatever goes wrong is a rejection."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What one turn may use: `seconds` do not count waiting for the user; `cost` is in USD."""

    steps: int = 50
    tool_calls: int = 200
    tokens: int = 500_000
    seconds: float = 1_800
    cost: float = 5.0
