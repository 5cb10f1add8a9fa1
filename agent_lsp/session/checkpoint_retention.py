"""Which copies of changed files sessions need: what undo and redo of their last turns take."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

from agent_lsp.conversation.tree import Conversation
from agent_lsp.undo.change_history import needed_digests
from agent_lsp.undo.content_store import ContentStore, StoreBounds

_TURNS_TO_UNDO = 5
"""Turns of a session that this process opened whose copies it never removes, however old or large."""


class CheckpointRetention:
    """Keeps copies for the last turns of sessions, those that were closed meanwhile included, and removes others."""

    def __init__(self, objects: ContentStore) -> None:
        self._objects = objects

    async def keep_for_closed(self, conversation: Conversation) -> None:
        """Keeps what a session needs that is about to be closed. Raises OSError."""
        if needed := _needed(conversation):
            await asyncio.to_thread(self._objects.need_from_now_on, needed)

    async def prune(self, conversations: Iterable[Conversation], bounds: StoreBounds) -> None:
        """Removes what is out of bounds and what no session of this process, open or closed, needs. Raises OSError."""
        needed = [_needed(conversation) for conversation in conversations]
        if needed:
            await asyncio.to_thread(self._objects.need, set[str]().union(*needed))
        await asyncio.to_thread(self._objects.prune, bounds)


def _needed(conversation: Conversation) -> set[str]:
    return needed_digests(conversation.entries, _TURNS_TO_UNDO)
