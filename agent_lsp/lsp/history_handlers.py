"""The commands on sessions' past: what was said and changed, undo, redo, branch."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from agent_lsp.app.composition import App
from agent_lsp.contract.answers import (
    BranchAnswer,
    ChangesAnswer,
    RestoreAnswer,
    SessionAnswer,
    StoredSession,
    UndoPoints,
)
from agent_lsp.contract.from_actions import approval
from agent_lsp.contract.from_entries import session_entry
from agent_lsp.contract.names import CommandName
from agent_lsp.contract.params import BranchParams, ChangesParams, HistoryParams, SessionParams
from agent_lsp.journal.journal import JournalError
from agent_lsp.lsp.server import Refused
from agent_lsp.session.answers import changes_answer, restore_answer, stored_session, undo_points
from agent_lsp.session.history import Restored
from agent_lsp.undo.objects import NotKept


class HistoryCommands:
    """What a client may ask of the past of its sessions."""

    def __init__(self, app: App) -> None:
        self._app = app
        self.all: dict[str, Callable[[Any], Awaitable[object]]] = {  # Any: each takes its own params
            CommandName.BRANCH: self._branch,
            CommandName.CHANGES: self._changes,
            CommandName.REDO: self._redo,
            CommandName.SESSION: self._session,
            CommandName.SESSIONS: self._sessions,
            CommandName.UNDO: self._undo,
        }

    async def _session(self, params: SessionParams) -> SessionAnswer:
        conversation = await self._app.sessions.read(params.session_id)
        entries = tuple(session_entry(entry) for entry in conversation.entries if entry.seq > params.after)
        pending = [
            await asyncio.to_thread(approval, request)
            for session in self._app.sessions.all()
            if session.id == params.session_id
            for request in session.approvals.pending
        ]
        points = undo_points(params.session_id, conversation) or UndoPoints(session_id="")
        return SessionAnswer(
            entries=entries,
            pending_approvals=tuple(pending),
            session_id=points.session_id,
            undo=points.undo,
            redo=points.redo,
        )

    async def _sessions(self, _: object) -> tuple[StoredSession, ...]:
        return tuple(map(stored_session, await self._app.stored_sessions()))

    async def _undo(self, params: HistoryParams) -> RestoreAnswer:
        return await self._restored(self._app.history.undo, params)

    async def _redo(self, params: HistoryParams) -> RestoreAnswer:
        return await self._restored(self._app.history.redo, params)

    async def _restored(self, bring_back: Callable[..., Awaitable[Restored]], params: HistoryParams) -> RestoreAnswer:
        try:
            session = await self._app.sessions.get(params.session_id)
            return restore_answer(await bring_back(session, params.entry_id, params.hunks))
        except (JournalError, NotKept) as error:
            raise _refused(error) from error

    async def _changes(self, params: ChangesParams) -> ChangesAnswer:
        conversation = await self._app.sessions.read(params.session_id)
        return changes_answer(await self._app.history.hunks(conversation, params.entry_id))

    async def _branch(self, params: BranchParams) -> BranchAnswer:
        try:
            source = await self._app.sessions.get(params.session_id)
            if params.restore_files:
                source.must_be_idle()
            branch = await self._app.sessions.branch(params.session_id, params.entry_id)
            if not params.restore_files:
                return BranchAnswer(session_id=branch.id)
            restored = await self._app.history.restore_for_branch(source, branch, params.entry_id)
        except (JournalError, NotKept) as error:
            raise _refused(error) from error
        answer = restore_answer(restored)
        return BranchAnswer(session_id=branch.id, restored=answer.restored, kept=answer.kept)


def _refused(error: JournalError | NotKept) -> Refused:
    return Refused("journal" if isinstance(error, JournalError) else "checkpoints", str(error))
