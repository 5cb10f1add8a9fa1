"""Questions to the user, and the answers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from agent_lsp.conversation.actions import Choice, ToolKind


@dataclass(frozen=True, slots=True, kw_only=True)
class DiffHunk:
    """Lines of `old` at line `oldStart` (from 1 on) become `new` at line `newStart`."""

    id: str
    old_start: int
    old: str
    new_start: int
    new: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FileDiff:
    """What changes in one file."""

    uri: str
    hunks: tuple[DiffHunk, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Approval:
    """A question to the user about one action. `title` and `detail` come escaped, `diff` and `command` do not."""

    approval_id: str
    session_id: str
    turn_id: str
    tool: str
    kind: ToolKind
    title: str
    detail: str
    uri: Annotated[str | None, "The file that moves, or that changes by more than is shown."] = None
    diff: tuple[FileDiff, ...] | None = None
    new_uri: Annotated[str | None, "Where the file moves to."] = None
    command: str | None = None
    cwd: str | None = None
    url: str | None = None
    query: str | None = None
    via: Annotated[str | None, "The host of the search engine that gets `query`."] = None
    reason: Annotated[str, "Why the user is asked."]
    digest: Annotated[str, "SHA-256 of the action, in hexadecimal."]
    expires_at: Annotated[str, "When nobody having answered counts as a no; RFC 3339, UTC."]
    choices: tuple[Choice, ...]
    session_rule: Annotated[str, "What `allow_session` allows."]
    always_rule: Annotated[str, "What `allow_always` writes, in full; empty where it is not offered."]
    taint: Annotated[str, "Where untrusted text came from that the agent has read."] = ""
    length: Annotated[int, "Characters of all of it, where `detail` has only both ends and `diff` is missing."] = 0
    document: Annotated[str | None, "The URI of all of it, where `detail` has only both ends."] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ApprovalAnswer:
    """The user's answer to a question. Whatever is not of this shape rejects."""

    decision: Choice
    feedback: Annotated[str, "What the agent is told with it."] = ""
    hunks: Annotated[tuple[str, ...] | None, "Ids of the hunks that are allowed; all if missing."] = None
    stop: Annotated[bool, "Whether the turn ends after this answer."] = False


@dataclass(frozen=True, slots=True, kw_only=True)
class PendingApproval:
    """An open question, in short."""

    approval_id: str
    turn_id: str
    title: str
