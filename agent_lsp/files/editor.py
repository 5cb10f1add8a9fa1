"""The Editor: what holds documents open, and what the agent may ask of it."""

from __future__ import annotations

from typing import Protocol

from agent_lsp.conversation.actions import FileChange
from agent_lsp.files.overlay import Buffer, Overlay


class EditorRefused(Exception):
    """The editor did not do it; the message says what it did instead. Nothing was changed behind its back."""


class Editor(Protocol):
    """Something that may hold documents open."""

    @property
    def overlay(self) -> Overlay:
        """The documents it holds open, unsaved text included."""

    async def apply(self, change: FileChange, buffer: Buffer) -> None:
        """Makes an open document's text `change.after`, in one undo step, and sees that it is so.

        Raises EditorRefused when the text moved meanwhile or the editor holds another text afterwards.
        """


class NoEditor:
    """Nothing is open: all changes go to disk."""

    def __init__(self) -> None:
        self.overlay = Overlay()

    async def apply(self, change: FileChange, buffer: Buffer) -> None:  # noqa: ARG002 - the protocol's shape
        raise EditorRefused(f"no editor holds {change.shown} open")
