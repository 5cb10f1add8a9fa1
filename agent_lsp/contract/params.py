"""The params of each command and request that a client sends."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from agent_lsp.contract.approvals import ApprovalAnswer
from agent_lsp.contract.codec import INLINED, JsonObject, Natural
from agent_lsp.permissions import Preset


@dataclass(frozen=True, slots=True, kw_only=True)
class Position:
    """A zero-based position, in the units of the negotiated encoding (LSP 3.17)."""

    line: Natural
    character: Natural


@dataclass(frozen=True, slots=True, kw_only=True)
class Range:
    """From `start` up to but without `end`."""

    start: Position
    end: Position


@dataclass(frozen=True, slots=True, kw_only=True)
class AskContext:
    """What the editor shows beside a prompt: a file, a part of it, and diagnostics on it."""

    uri: str | None = None
    range: Range | None = None
    diagnostics: Annotated[tuple[JsonObject, ...], "LSP's `Diagnostic` objects."] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class AskParams:
    """What the user asks, and what the editor shows with it."""

    prompt: str
    session_id: Annotated[str | None, "The session to go on with; a new one if missing."] = None
    context: AskContext | None = None
    preset: Annotated[Preset | None, "For this turn, if it is tighter than the one in force."] = None
    model: Annotated[str | None, "For this turn, as `protocol:model`."] = None
    queue: Annotated[bool, "Whether to wait until the running turn has ended, instead of joining it."] = False
    wait: Annotated[bool, "Whether to answer when the turn has ended, instead of at once."] = False
    work_done_token: Annotated[str | int | None, "The token for `$/progress` of this turn."] = None
    partial_result_token: Annotated[str | int | None, "The token for `$/progress` whose values are events."] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CancelParams:
    """A turn, or a session whose turns end. Without both, all turns of this client end."""

    turn_id: str | None = None
    session_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DecideParams:
    """The answer to an open question, from wherever the user gave it."""

    approval_id: str
    answer: Annotated[ApprovalAnswer, INLINED]


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionParams:
    """A session whose entries are asked for."""

    session_id: str
    after: Annotated[int, "Only entries with a larger `seq` are answered."] = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryParams:
    """The changes of the last turn, of the turn or call that an entry belongs to, or some hunks of a call."""

    session_id: str
    entry_id: Annotated[int | None, "The `seq` of an entry."] = None
    hunks: Annotated[tuple[str, ...], "Ids of hunks of that entry; all if missing."] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangesParams:
    """An entry of kind `filesChanged`, `undone` or `redone`."""

    session_id: str
    entry_id: Annotated[int, "The `seq` of the entry."]


@dataclass(frozen=True, slots=True, kw_only=True)
class BranchParams:
    """The entry that a new session goes on from."""

    session_id: str
    entry_id: Annotated[int, "The `seq` of the entry."]
    restore_files: Annotated[bool, "Whether files are brought back to what they were then."] = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ContinueParams:
    """A session whose last turn ended before it was done."""

    session_id: str
    wait: Annotated[bool, "Whether to answer when the turn has ended, instead of at once."] = False


@dataclass(frozen=True, slots=True, kw_only=True)
class TrustParams:
    """Without `digest` and `forget`, the files are only shown."""

    digest: Annotated[str | None, "The digest of what was shown: exactly that is trusted."] = None
    forget: Annotated[bool, "Whether to trust nothing of this workspace any more."] = False


@dataclass(frozen=True, slots=True, kw_only=True)
class NoParams:
    """Nothing."""
