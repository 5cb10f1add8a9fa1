"""The answers of commands and requests."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from agent_lsp.contract.approvals import Approval, FileDiff, PendingApproval
from agent_lsp.contract.codec import INLINED
from agent_lsp.contract.entries import SessionEntry
from agent_lsp.contract.usage import EstimateOutcome, TurnCost, TurnError, TurnUsage
from agent_lsp.conversation.messages import StopReason
from agent_lsp.permissions import Preset


@dataclass(frozen=True, slots=True, kw_only=True)
class AskStarted:
    """The answer at once, without `wait`."""

    turn_id: str
    session_id: str
    joined: Annotated[bool, "Whether the prompt joined a turn that was running."] = False


@dataclass(frozen=True, slots=True, kw_only=True)
class AskFinished:
    """The answer when the turn has ended, with `wait`."""

    turn_id: str
    session_id: str
    text: Annotated[str, "The last answer of the model."]
    stop_reason: StopReason
    usage: TurnUsage
    cost: Annotated[TurnCost, INLINED]
    estimate: EstimateOutcome | None = None
    error: TurnError | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AskRefused:
    """The answer where no turn could begin; `turnId` and `sessionId` are empty."""

    turn_id: str
    session_id: str
    stop_reason: Literal[StopReason.FAILED] = StopReason.FAILED
    error: TurnError


AskAnswer = AskFinished | AskRefused | AskStarted


@dataclass(frozen=True, slots=True, kw_only=True)
class CancelAnswer:
    """The turns that were cancelled."""

    cancelled: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class EmptyAnswer:
    """Done; there is nothing to say."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CostRange:
    """USD; null where no price is known."""

    low: float | None
    likely: float | None
    high: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class EstimateAnswer:
    """What a turn may cost."""

    input_tokens: int
    cost: CostRange
    basis: Annotated[str, "What it was made from, in words."]
    cost_unknown: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class UndoPoints:
    """The entries whose changes the next undo and redo of a session are about."""

    session_id: str
    undo: Annotated[int | None, "The `seq` of the entry; missing where there is nothing to undo."] = None
    redo: Annotated[int | None, "The `seq` of the entry; missing where there is nothing to redo."] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionAnswer:
    """The entries of a session on its current path, its open questions, and what undo and redo are about next."""

    entries: tuple[SessionEntry, ...]
    pending_approvals: tuple[Approval, ...]
    session_id: Annotated[str, "There where `undo` or `redo` is."] = ""
    undo: Annotated[int | None, "The `seq` of the entry; missing where there is nothing to undo."] = None
    redo: Annotated[int | None, "The `seq` of the entry; missing where there is nothing to redo."] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredSession:
    """One of the sessions of this workspace."""

    session_id: str
    title: str
    updated_at: Annotated[str, "RFC 3339, UTC."]
    cost: Annotated[float, "USD."]
    head: Annotated[int | None, "The `seq` of its last entry."]


@dataclass(frozen=True, slots=True, kw_only=True)
class TurnLimits:
    """The limits of a turn, and of a day's money; costs in USD."""

    max_steps: int
    max_tool_calls: int
    max_tokens: int
    max_seconds: float
    max_cost: float
    max_cost_per_day: float


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusAnswer:
    """What the daemon says of itself."""

    version: str
    model: str | None
    problem: Annotated[str, "Why there is no model, or which setting is wrong."] = ""
    preset: Preset
    sandbox: Annotated[str, "The level that commands run in."]
    waits_for_trust: Annotated[str, "One line on what of the workspace has no effect until it is trusted."] = ""
    limits: TurnLimits
    cost_today: Annotated[
        float | None, "USD of all your sessions since midnight UTC, by list price; null if the journal cannot be read."
    ]
    undo: tuple[UndoPoints, ...]
    turns: Annotated[tuple[str, ...], "Ids of the turns that run or wait."]
    pending_approvals: tuple[PendingApproval, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class UnrestoredFile:
    """A file that was left as it is, or not brought back as far as was asked, and why."""

    uri: str
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RestoreAnswer:
    """The files that were brought back, and those that were not."""

    restored: Annotated[tuple[str, ...], "URIs."]
    kept: tuple[UnrestoredFile, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangesAnswer:
    """What an entry changed, hunk by hunk."""

    diff: tuple[FileDiff, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class BranchAnswer:
    """The new session, and with `restoreFiles` which files were brought back."""

    session_id: str
    restored: Annotated[tuple[str, ...] | None, "URIs."] = None
    kept: tuple[UnrestoredFile, ...] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ProjectFile:
    """A file of the workspace that acts on the agent once it is trusted."""

    uri: str
    text: Annotated[str, "Escaped, so that nothing in it deceives a reader."]
    problem: Annotated[str, "What of it has no effect, and why."] = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class TrustAnswer:
    """The files of the workspace that would act on the agent, and whether the user trusts them."""

    trusted: bool
    digest: Annotated[str, "Of all the files; empty where there are none."]
    files: tuple[ProjectFile, ...]
    changed: Annotated[tuple[str, ...], "URIs of what is not as it was when it was trusted."]
