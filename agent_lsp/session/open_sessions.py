"""The sessions open in this process, by id; those that nobody uses are closed."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress
from weakref import WeakValueDictionary

from agent_lsp.conversation.actions import Decision
from agent_lsp.conversation.tree import Conversation
from agent_lsp.journal.journal import Journal, SessionSummary
from agent_lsp.session import Lifecycle, SessionError
from agent_lsp.session.session import Session
from agent_lsp.session.watchers import Watchers

MOST_IDLE = 16
"""Sessions that stay open though nothing happens in them: those used last."""
_TITLE = 80
_log = logging.getLogger(__name__)


class OpenSessions:
    """Opens sessions on the journal and finds them again; each is open once.

    Whoever still holds one that was closed holds the one that the next to ask for it gets.
    """

    def __init__(
        self,
        journal: Journal,
        workspace: str,
        *,
        lifecycle: Lifecycle,
        watchers: Watchers,
        new_id: Callable[[str], str],
        now: Callable[[], float],
    ) -> None:
        self._journal, self._workspace = journal, workspace
        self.lifecycle = lifecycle
        self._watchers, self._new_id, self._now = watchers, new_id, now
        self._known = WeakValueDictionary[str, Session]()
        self._open: dict[str, Session] = {}
        """The one used last at the end."""
        self._opening = asyncio.Lock()

    async def new(self, prompt: str) -> Session:
        """A new session whose title is the prompt's first line."""
        session_id = self._new_id("session")
        title = next((line.strip() for line in prompt.splitlines() if line.strip()), "")[:_TITLE]
        await self._journal.create(session_id, workspace=self._workspace, title=title)
        return await self._used(self._opened(session_id, Conversation()))

    async def get(self, session_id: str) -> Session:
        """The session, from memory or the journal. Raises SessionError when there is none, JournalError when busy."""
        async with self._opening:  # who comes second gets the session when what a kill left open is closed
            session = await self._found(session_id)
        return await self._used(session)

    async def _found(self, session_id: str) -> Session:
        if session := self._known.get(session_id):
            await session.refresh()
            return session
        session = self._opened(session_id, await self.read(session_id))
        try:
            await session.recover()
        except BaseException:
            self._known.pop(session_id, None)
            raise
        return session

    async def branch(self, session_id: str, seq: int) -> Session:
        """A new session that goes on from an entry of another. Raises SessionError, JournalError."""
        await self.get(session_id)
        branch_id = self._new_id("session")
        conversation = await self._journal.branch(session_id, branch_id, seq)
        if conversation is None:
            raise SessionError(f"session {session_id} has no entry {seq}: agent.session tells its entries")
        session = self._opened(branch_id, conversation)
        await session.begin_branch()
        return await self._used(session)

    async def read(self, session_id: str) -> Conversation:
        """A session's conversation as it is stored, without opening it. Raises SessionError when there is none."""
        if session := self._known.get(session_id):
            await session.refresh()
            return session.conversation
        conversation = None
        with suppress(UnicodeEncodeError):  # half a surrogate pair, as JSON may hold, is in no id
            conversation = await self._journal.load(session_id)
        if conversation is None:
            raise SessionError(f"no session {session_id}: its id is told when a session begins, and by agent.sessions")
        return conversation

    async def stored(self) -> tuple[SessionSummary, ...]:
        """The sessions of this workspace, newest first, whether they are open or not."""
        return await self._journal.sessions(self._workspace)

    def all(self) -> tuple[Session, ...]:
        return tuple(self._known.values())

    def decide(self, approval_id: str, decision: Decision) -> None:
        """Settles an open question of any session. Raises SessionError."""
        for session in self.all():
            if any(request.id == approval_id for request in session.approvals.pending):
                return session.approvals.decide(approval_id, decision)
        raise SessionError(f"no question {approval_id} is open: it was answered, cancelled or timed out")

    async def close(self) -> None:
        """Cancels all turns and waits for their records."""
        await asyncio.gather(*(session.close() for session in self.all()))

    def _opened(self, session_id: str, conversation: Conversation) -> Session:
        session = Session(
            session_id,
            conversation,
            self._journal,
            lifecycle=self.lifecycle,
            watchers=self._watchers,
            new_id=self._new_id,
            now=self._now,
        )
        self._known[session_id] = session
        return session

    async def _used(self, session: Session) -> Session:
        """The session, which is the one used last from now on."""
        await self._close_unused()
        self._open.pop(session.id, None)
        self._open[session.id] = session
        return session

    async def _close_unused(self) -> None:
        """Closes those that were used longest ago; whoever asks for one again gets it from the journal."""
        idle = [session for session in self._open.values() if session.can_be_closed]
        for session in idle[:-MOST_IDLE]:
            try:
                await self.lifecycle.closing(session.conversation)
            except OSError:
                _log.exception("session %s stays open", session.id)
                return
            if session.can_be_closed:  # by now
                self._open.pop(session.id, None)
