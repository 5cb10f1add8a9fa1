"""The commands on sessions' past: what was said and changed, undo, redo, branch."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from agent_lsp.app.agent import Agent
from agent_lsp.contract.answers import BranchAnswer, ChangesAnswer, RestoreAnswer, SessionAnswer, StoredSession
from agent_lsp.contract.names import CommandName
from agent_lsp.contract.params import BranchParams, ChangesParams, HistoryParams, SessionParams


class HistoryCommands:
    """What a client may ask of the past of its sessions."""

    def __init__(self, agent: Agent) -> None:
        self._agent = agent
        self.all: dict[str, Callable[[Any], Awaitable[object]]] = {  # Any: each takes its own params
            CommandName.BRANCH: self._branch,
            CommandName.CHANGES: self._changes,
            CommandName.REDO: self._redo,
            CommandName.SESSION: self._session,
            CommandName.SESSIONS: self._sessions,
            CommandName.UNDO: self._undo,
        }

    async def _session(self, params: SessionParams) -> SessionAnswer:
        return await self._agent.session(params.session_id, params.after)

    async def _sessions(self, _: object) -> tuple[StoredSession, ...]:
        return await self._agent.sessions()

    async def _undo(self, params: HistoryParams) -> RestoreAnswer:
        return await self._agent.undo(params.session_id, params.entry_id, params.hunks)

    async def _redo(self, params: HistoryParams) -> RestoreAnswer:
        return await self._agent.redo(params.session_id, params.entry_id, params.hunks)

    async def _changes(self, params: ChangesParams) -> ChangesAnswer:
        return await self._agent.changes(params.session_id, params.entry_id)

    async def _branch(self, params: BranchParams) -> BranchAnswer:
        return await self._agent.branch(params.session_id, params.entry_id, restore_files=params.restore_files)
