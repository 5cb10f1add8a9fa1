"""Values of sessions and of undo → answers of the contract."""

from __future__ import annotations

from collections.abc import Sequence

from agent_lsp.contract.answers import (
    AskFinished,
    ChangesAnswer,
    CostRange,
    EstimateAnswer,
    RestoreAnswer,
    SessionAnswer,
    StoredSession,
    UndoPoints,
    UnrestoredFile,
)
from agent_lsp.contract.approvals import Approval
from agent_lsp.contract.entries import SessionEntry
from agent_lsp.contract.from_actions import file_diff
from agent_lsp.contract.from_entries import moment
from agent_lsp.contract.from_events import estimate_outcome, turn_cost, turn_error, turn_usage
from agent_lsp.conversation.estimate import Estimate
from agent_lsp.conversation.tree import Conversation
from agent_lsp.journal.journal import SessionSummary
from agent_lsp.session import Finished
from agent_lsp.session.history import Restored, redoable, undoable
from agent_lsp.undo.undo_plan import FileHunks


def ask_finished(done: Finished) -> AskFinished:
    """The answer to an ask that waited."""
    ending = done.ending
    return AskFinished(
        turn_id=done.turn_id,
        session_id=done.session_id,
        text=ending.text,
        stop_reason=ending.stop_reason,
        usage=turn_usage(done.usage),
        cost=turn_cost(done.cost),
        estimate=estimate_outcome(done.estimate, done.cost),
        error=turn_error(ending.error_kind, ending.error),
    )


def estimate_answer(guess: Estimate) -> EstimateAnswer:
    """The answer of `agent.estimate`."""
    return EstimateAnswer(
        input_tokens=guess.input_tokens,
        cost=CostRange(low=guess.low, likely=guess.likely, high=guess.high),
        basis=guess.basis,
        cost_unknown=guess.likely is None,
    )


def stored_session(session: SessionSummary) -> StoredSession:
    """One of the answer of `agent.sessions`."""
    return StoredSession(
        session_id=session.id,
        title=session.title,
        updated_at=moment(session.updated_at),
        cost=session.cost,
        head=session.head,
    )


def session_answer(
    session_id: str, conversation: Conversation, entries: tuple[SessionEntry, ...], pending: tuple[Approval, ...]
) -> SessionAnswer:
    """The answer of `agent.session`."""
    points = undo_points(session_id, conversation) or UndoPoints(session_id="")
    return SessionAnswer(
        entries=entries,
        pending_approvals=pending,
        session_id=points.session_id,
        undo=points.undo,
        redo=points.redo,
    )


def undo_points(session_id: str, conversation: Conversation) -> UndoPoints | None:
    """The entries that the next undo and redo of a session are about; None where there are none."""
    undo, redo = undoable(conversation), redoable(conversation)
    return None if undo is None and redo is None else UndoPoints(session_id=session_id, undo=undo, redo=redo)


def restore_answer(outcome: Restored) -> RestoreAnswer:
    """The answer of `agent.undo` and `agent.redo`."""
    kept = tuple(UnrestoredFile(uri=one.uri, why=one.why) for one in outcome.kept)
    return RestoreAnswer(restored=outcome.restored, kept=kept)


def changes_answer(files: Sequence[FileHunks]) -> ChangesAnswer:
    """The answer of `agent.changes`."""
    return ChangesAnswer(diff=tuple(file_diff(file.uri, file.hunks) for file in files))
