"""The commands on sessions' past: what was said and changed, undo, redo, branch."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from agent_lsp.app import App
from agent_lsp.conversation.journal import JournalError
from agent_lsp.lsp.contract import BranchParams, ChangesParams, HistoryParams, SessionParams
from agent_lsp.lsp.server import Refused
from agent_lsp.session import wire
from agent_lsp.session.history import Restored
from agent_lsp.workspace.objects import NotKept


class HistoryCommands:
    """What a client may ask of the past of its sessions."""

    def __init__(self, app: App) -> None:
        self._app = app
        self.all: dict[str, Callable[[Any], Awaitable[object]]] = {  # Any: each takes its own params
            "agent.branch": self._branch,
            "agent.changes": self._changes,
            "agent.redo": self._redo,
            "agent.session": self._session,
            "agent.sessions": self._sessions,
            "agent.undo": self._undo,
        }

    async def _session(self, params: SessionParams) -> object:
        conversation = await self._app.sessions.read(params.session_id)
        entries = [wire.entry(entry) for entry in conversation.entries if entry.seq > params.after]
        pending = [
            await asyncio.to_thread(wire.question, request)
            for session in self._app.sessions.all()
            if session.id == params.session_id
            for request in session.approvals.pending
        ]
        return {"entries": entries, "pendingApprovals": pending, **wire.at_hand(params.session_id, conversation)}

    async def _sessions(self, _: object) -> object:
        return [wire.summary(summary) for summary in await self._app.stored_sessions()]

    async def _undo(self, params: HistoryParams) -> object:
        return await self._restored(self._app.history.undo, params)

    async def _redo(self, params: HistoryParams) -> object:
        return await self._restored(self._app.history.redo, params)

    async def _restored(self, bring_back: Callable[..., Awaitable[Restored]], params: HistoryParams) -> object:
        try:
            session = await self._app.sessions.get(params.session_id)
            return wire.restored(await bring_back(session, params.entry_id, params.hunks))
        except (JournalError, NotKept) as error:
            raise _refused(error) from error

    async def _changes(self, params: ChangesParams) -> object:
        conversation = await self._app.sessions.read(params.session_id)
        return {"diff": wire.hunks(await self._app.history.hunks(conversation, params.entry_id))}

    async def _branch(self, params: BranchParams) -> object:
        try:
            source = await self._app.sessions.get(params.session_id)
            if params.restore_files:
                source.must_be_idle()
            branch = await self._app.sessions.branch(params.session_id, params.entry_id)
            if not params.restore_files:
                return {"sessionId": branch.id}
            restored = await self._app.history.restore_for_branch(source, branch, params.entry_id)
        except (JournalError, NotKept) as error:
            raise _refused(error) from error
        return {"sessionId": branch.id, **wire.restored(restored)}


def _refused(error: JournalError | NotKept) -> Refused:
    return Refused("journal" if isinstance(error, JournalError) else "checkpoints", str(error))
