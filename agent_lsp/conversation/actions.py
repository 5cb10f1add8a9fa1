"""What a tool call would do, exactly; how a user is asked about it, and what the user said."""

from __future__ import annotations

import hashlib
import posixpath
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, fields, is_dataclass
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
    FETCH = "fetch"
    OTHER = "other"

    @property
    def side_by_side(self) -> bool:
        """Whether neighbouring calls of this kind may run at the same time."""
        return self in {ToolKind.READ, ToolKind.SEARCH, ToolKind.FETCH}


@dataclass(frozen=True, slots=True)
class Hunk:
    """Lines of `old` at 1-based line `old_start` become `new` at line `new_start`."""

    id: str
    old_start: int
    old: str
    new_start: int
    new: str


@dataclass(frozen=True, slots=True)
class Target:
    """Where a path leads: the absolute path without links, and in words what acts on the file that stands there.

    `acts` is empty for an ordinary file; whatever acts on a file by itself (git, an editor, a shell) protects it.
    `own` says, in words, what of agent-lsp itself the file belongs to, which only the user changes; mostly empty.
    """

    path: str
    acts: str = ""
    own: str = ""


@dataclass(frozen=True, slots=True)
class WorkspacePath:
    """A path beneath a workspace folder: `root` is absolute, `relative` has no `..` and no leading slash.

    `shown` is the path as users and the model read it.
    """

    root: str
    relative: str
    shown: str

    @property
    def path(self) -> str:
        """The absolute path."""
        return posixpath.join(self.root, self.relative) if self.relative else self.root


@dataclass(frozen=True, slots=True)
class FileChange:
    """One file's text before and after. None as `before` creates the file, None as `after` deletes it.

    `location` is where the path was found to lead; whoever uses it checks it again. `version` is the editor's
    document version that `before` was read from, None where no editor holds the file open.
    `hunks` together turn `before` into `after`. Where a file that is no text is deleted, `sha256` (hex) names its
    bytes, and `before` only says in words what they are. `target` is None until it was looked at where the path leads.
    """

    location: WorkspacePath
    before: str | None
    after: str | None
    version: int | None = None
    hunks: tuple[Hunk, ...] = ()
    sha256: str = ""
    target: Target | None = None

    @property
    def path(self) -> str:
        """The absolute path."""
        return self.location.path

    @property
    def shown(self) -> str:
        """The path as users and the model read it."""
        return self.location.shown


@dataclass(frozen=True, slots=True)
class FileMove:
    """A file gets another path; `sha256` (hex) names its bytes, so that a change in between is noticed.

    `target` and `new_target` are None until it was looked at where the paths lead.
    """

    path: str
    shown: str
    new_path: str
    new_shown: str
    sha256: str
    target: Target | None = None
    new_target: Target | None = None


@dataclass(frozen=True, slots=True)
class Command:
    """A shell line, the absolute folder it runs in, and the seconds it may take.

    `unsaved` names the files whose unsaved text in the editor the command will not see; a command that is not
    `confined` runs outside the sandbox, and one that `reads` cannot change anything there.
    """

    line: str
    cwd: str
    timeout_seconds: float
    unsaved: tuple[str, ...] = ()
    confined: bool = True
    reads: bool = False


@dataclass(frozen=True, slots=True)
class ServerUse:
    """Prompts, and the files they lead to, go to a model server that was found on this machine."""

    program: str
    base_url: str
    model: str


@dataclass(frozen=True, slots=True)
class Fetch:
    """What stands at an address of the web is read; `url` is in canonical form."""

    url: str


@dataclass(frozen=True, slots=True)
class WebSearch:
    """A query goes to the search engine at the host `via`; at most `limit` results are told."""

    query: str
    via: str
    limit: int


Effect = FileChange | FileMove | Command | ServerUse | Fetch | WebSearch


@dataclass(frozen=True)  # without slots, so that the digest of a large text is made once
class Action:
    """Exactly what one tool call would do: judged, shown, digested, remembered and performed as one value.

    `note` is what the model should know of how it was understood, told with the result.
    """

    tool: str
    kind: ToolKind
    title: str
    effect: Effect
    note: str = ""

    @cached_property
    def digest(self) -> str:
        """SHA-256, in hex, over every field: two actions with one digest do the same thing."""
        hasher = hashlib.sha256()
        for part in _spelled((self.tool, self.kind, self.title, self.effect)):
            hasher.update(part)
        return hasher.hexdigest()


def _spelled(value: object) -> Iterator[bytes]:
    """The bytes of a value, each with its type and length before it, so that no two values have the same."""
    match value:
        case str():
            text = value.encode("utf-8", "surrogatepass")
            yield b"s%d:" % len(text)
            yield text
        case tuple():
            yield b"t%d:" % len(value)
            for one in value:
                yield from _spelled(one)
        case None | bool() | int() | float():
            yield f"{type(value).__name__}{value!r};".encode()
        case _ if is_dataclass(value):
            yield from _spelled((type(value).__name__, *(getattr(value, one.name) for one in fields(value))))
        case _:
            raise TypeError(f"no digest of a {type(value).__name__}")


class Choice(StrEnum):
    """The answers to an approval."""

    ALLOW_ONCE = "allow_once"
    ALLOW_SESSION = "allow_session"
    ALLOW_ALWAYS = "allow_always"
    REJECT = "reject"


@dataclass(frozen=True, slots=True)
class ApprovalRequest:
    """A question to the user. `expires_at` is in seconds since the epoch.

    `taint` says, in words, where untrusted text came from that the conversation has read; empty where there is none.
    """

    id: str
    session_id: str
    turn_id: str
    call_id: str
    action: Action
    reason: str
    expires_at: float
    choices: tuple[Choice, ...] = (Choice.REJECT, Choice.ALLOW_ONCE, Choice.ALLOW_SESSION)
    taint: str = ""


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
