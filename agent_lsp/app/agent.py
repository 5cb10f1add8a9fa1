"""The facade: all that a door may ask of one daemon."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from agent_lsp.agent.context import shown_beside
from agent_lsp.app.composition import Parts, compose
from agent_lsp.app.refusals import as_agent_errors
from agent_lsp.app.status import status
from agent_lsp.app.to_contract import changes_answer, estimate_answer, restore_answer, session_answer, stored_session
from agent_lsp.app.workspace_trust import WorkspaceTrust
from agent_lsp.contract.answers import (
    BranchAnswer,
    ChangesAnswer,
    EstimateAnswer,
    RestoreAnswer,
    SessionAnswer,
    StatusAnswer,
    StoredSession,
)
from agent_lsp.contract.from_actions import approval
from agent_lsp.contract.from_entries import session_entry
from agent_lsp.conversation.actions import ApprovalRequest, Decision
from agent_lsp.conversation.events import Watcher
from agent_lsp.files.editor import Editor
from agent_lsp.models import ModelError
from agent_lsp.session import GO_ON, Asked, AskUser, SessionError, TurnRequest
from agent_lsp.settings.loading import Loaded
from agent_lsp.settings.settings import SettingsError
from agent_lsp.undo.content_store import StoreBounds

_DAY = 86_400.0


def open_agent(
    environment: Mapping[str, str],
    folders: Sequence[str],
    editor: Editor,
    *,
    flags: Mapping[str, Any] | None = None,  # Any: words of the command line
    ask_editor: Callable[[], Mapping[str, Any]] = dict,  # Any: JSON from the editor
) -> Agent:
    """Open a workspace for one user. Raises AgentError."""
    with as_agent_errors():
        return Agent(compose(environment, folders, editor, flags=flags, ask_editor=ask_editor))


class Agent:
    """One workspace with its sessions. Methods raise AgentError, and SessionError for parameters that are wrong."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    @property
    def state(self) -> Path:
        """The folder in which the daemon keeps what is its own."""
        return self._parts.state

    @property
    def trust(self) -> WorkspaceTrust:
        """The user's trust in what the workspace sets."""
        return self._parts.trust

    def settings(self) -> Loaded:
        """Return the settings as they stand now. Raises SettingsError."""
        return self._parts.settings()

    def change_folders(self, folders: Sequence[str]) -> tuple[str, ...]:
        """Take the folders that are open now, for running turns too; return those that are not on this machine."""
        missing = self._parts.workspace.roots.replace(folders)
        self._parts.turns.change_folders()
        for session in self._parts.sessions.all():
            session.change_folders(self._parts.workspace.folders)
        return missing

    def shown_beside(self, path: str, lines: tuple[int, int] | None, selected: str, diagnostics: Sequence[str]) -> str:
        """Return for the model what an editor shows beside a prompt; nothing of a file that the user keeps from it."""
        if self._parts.workspace.files.keeps(path):
            return "[The user is looking at a file that they keep from you]"
        return shown_beside(path, lines, selected, diagnostics)

    def watch(self, show: Watcher) -> None:
        """Show every event of every session from now on, without secrets; `show` must not wait."""
        self._parts.watchers.add(show)

    async def ask(self, order: TurnRequest, session_id: str | None = None) -> Asked:
        """Take a prompt, in that session or in a new one.

        A turn that this began has not run yet: its first event comes after the caller has awaited something.
        """
        if not order.prompt.strip():
            raise SessionError("the prompt is empty: say what the agent should do")
        sessions = self._parts.sessions
        with as_agent_errors():
            session = await (sessions.get(session_id) if session_id else sessions.new(order.prompt))
            asked = session.ask(order)
            if asked.joined:
                await session.keep_joined(order)
        return asked

    async def go_on(self, session_id: str, ask_user: AskUser) -> Asked:
        """Go on where a turn of that session stopped at a limit."""
        return await self.ask(TurnRequest(GO_ON, ask_user), session_id)

    async def estimate(self, order: TurnRequest, session_id: str | None = None) -> EstimateAnswer:
        """Return what a turn may cost, in that session or in a new one; nothing is sent."""
        with as_agent_errors():
            session = await self._parts.sessions.get(session_id) if session_id else None
            return estimate_answer(await self._parts.turns.estimate(order, session.messages if session else ()))

    def cancel(self, turn_id: str | None = None, session_id: str | None = None) -> tuple[str, ...]:
        """Cancel one turn, those of one session, or all; return the ids of those that ran or waited."""
        sessions = self._parts.sessions.all()
        meant = [session for session in sessions if not session_id or session.id == session_id]
        return tuple(turn for session in meant for turn in session.cancel(turn_id))

    def pending(self) -> tuple[ApprovalRequest, ...]:
        """Return all questions that wait for an answer."""
        return tuple(request for session in self._parts.sessions.all() for request in session.approvals.pending)

    def decide(self, approval_id: str, decision: Decision) -> None:
        """Answer an open question. Raises SessionError."""
        self._parts.sessions.decide(approval_id, decision)

    async def status(self) -> StatusAnswer:
        """Return what the daemon says of itself. Settings that are wrong are told as a `problem`."""
        return await status(self._parts)

    async def sessions(self) -> tuple[StoredSession, ...]:
        """Return the stored sessions of this workspace, newest first."""
        with as_agent_errors():
            return tuple(map(stored_session, await self._parts.sessions.stored()))

    async def session(self, session_id: str, after: int = 0) -> SessionAnswer:
        """Return a session's entries after one, and its open questions."""
        with as_agent_errors():
            conversation = await self._parts.sessions.read(session_id)
        entries = tuple(session_entry(entry) for entry in conversation.entries if entry.seq > after)
        asked = [request for request in self.pending() if request.session_id == session_id]
        pending = [await asyncio.to_thread(approval, request) for request in asked]  # a large diff takes its time
        return session_answer(session_id, conversation, entries, tuple(pending))

    async def changes(self, session_id: str, entry_id: int) -> ChangesAnswer:
        """Return what an entry changed in texts, hunk by hunk."""
        with as_agent_errors():
            conversation = await self._parts.sessions.read(session_id)
            return changes_answer(await self._parts.undo.history.hunks(conversation, entry_id))

    async def undo(self, session_id: str, entry_id: int | None = None, hunks: Sequence[str] = ()) -> RestoreAnswer:
        """Take back what a turn or call changed; by default the last turn that was not taken back yet."""
        with as_agent_errors():
            session = await self._parts.sessions.get(session_id)
            return restore_answer(await self._parts.undo.history.undo(session, entry_id, hunks))

    async def redo(self, session_id: str, entry_id: int | None = None, hunks: Sequence[str] = ()) -> RestoreAnswer:
        """Make again what was taken back: the last time, or by that `undone` entry."""
        with as_agent_errors():
            session = await self._parts.sessions.get(session_id)
            return restore_answer(await self._parts.undo.history.redo(session, entry_id, hunks))

    async def branch(self, session_id: str, entry_id: int, *, restore_files: bool = False) -> BranchAnswer:
        """Go on from an entry in a session of its own, with the files as they were then if `restore_files`."""
        sessions = self._parts.sessions
        with as_agent_errors():
            source = await sessions.get(session_id)
            if restore_files:
                source.must_be_idle()
            branch = await sessions.branch(session_id, entry_id)
            if not restore_files:
                return BranchAnswer(session_id=branch.id)
            answer = restore_answer(await self._parts.undo.history.restore_for_branch(source, branch, entry_id))
        return BranchAnswer(session_id=branch.id, restored=answer.restored, kept=answer.kept)

    async def warm(self) -> None:
        """Build what the first turn needs, so that it need not wait."""
        with contextlib.suppress(ModelError, SettingsError):  # the first turn says it better
            await self._parts.turns.warm()

    async def prune(self) -> None:
        """Remove copies of files that are too old or too many, but none that the last turns need; not during turns.

        Raises OSError, SettingsError.
        """
        sessions = self._parts.sessions.all()
        if any(session.turn_ids for session in sessions):
            return
        settings = self.settings().settings
        bounds = StoreBounds(settings.checkpoint_days * _DAY, settings.checkpoint_megabytes << 20)
        await self._parts.undo.copies.prune((session.conversation for session in sessions), bounds)

    async def close(self) -> None:
        """End all turns and processes, and leave the journal in order."""
        parts = self._parts
        await parts.sessions.close()
        await parts.workspace.changes.close()
        parts.undo.objects.close()
        await parts.models.cache.close()
        await parts.workspace.processes.close()
        parts.workspace.sandboxes.close()
        await parts.journal.close()
        parts.log.close()
