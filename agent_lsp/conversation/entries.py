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


@dataclass(frozen=True, slots=True)
class FileVersion:
    """What a path held: SHA-256 (hex) of the content, empty if it was not read; permission bits."""

    digest: str
    mode: int


@dataclass(frozen=True, slots=True)
class FileChanged:
    """A file of that URI before and after; None: it was not there. Names that are no UTF-8 survive in a URI.

    `sure` is False where somebody else may have made the change.
    """

    uri: str
    before: FileVersion | None
    after: FileVersion | None
    sure: bool = True


@dataclass(frozen=True, slots=True)
class FilesChanged:
    """What a call changes; written before it does, and again if something else became of it: the last one counts.

    `snapshot` is the digest of what all files were before a command whose changes nobody has looked at yet: it runs,
    or was killed with its daemon. `unwatched` are URIs of folders of which not all files were looked at. `taint` says
    what untrusted text the call may have written into files, empty for none.
    """

    call_id: str
    turn_id: str
    changes: tuple[FileChanged, ...]
    snapshot: str = ""
    unwatched: tuple[str, ...] = ()
    taint: str = ""


@dataclass(frozen=True, slots=True)
class Undone:
    """Changes were taken back; written before and again afterwards with what was restored: of one id the last counts.

    `of` is the `seq` of the entry whose changes they were: a call's, or a turn's first. `turn_id` is empty for
    those of several turns, taken back for a branch; `hunks` are those chosen, none for all.
    """

    id: str
    of: int
    turn_id: str
    changes: tuple[FileChanged, ...]
    hunks: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Redone:
    """Changes that were taken back were made again; written as `Undone`, `of` is the entry of what it undoes."""

    id: str
    of: int
    turn_id: str
    changes: tuple[FileChanged, ...]
    hunks: tuple[str, ...] = ()


Content = TurnBegan | Said | PromptTaken | Decided | CallBegan | FilesChanged | Undone | Redone | TurnEnded


@dataclass(frozen=True, slots=True)
class Entry:
    """`seq` rises through the whole journal; `at` is in seconds since the epoch."""

    seq: int
    parent: int | None
    at: float
    content: Content
