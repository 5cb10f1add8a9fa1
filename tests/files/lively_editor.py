"""An editor whose user types whenever it is least welcome."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from enum import Enum, auto

from agent_lsp.conversation.actions import FileChange
from agent_lsp.files.editor import EditorRefused
from agent_lsp.files.overlay import Buffer, Overlay
from agent_lsp.text.merge import stands


class Mood(Enum):
    """What happens while the editor applies an edit."""

    QUIET = auto()
    TYPES_BEFORE = auto()
    TYPES_AFTER = auto()
    REFUSES = auto()
    CLAIMS = auto()


class LivelyEditor:
    """An editor whose user does not wait for the agent. It raises what the real one raises."""

    def __init__(self) -> None:
        self.buffer: Buffer | None = None
        self.mood = Mood.QUIET
        self.type: Callable[[], None] = lambda: None
        self.overlay = Overlay(lambda: (self.buffer,) if self.buffer else ())

    async def apply(self, change: FileChange, buffer: Buffer) -> None:
        mood, self.mood = self.mood, Mood.QUIET
        if mood is Mood.TYPES_BEFORE:
            self.type()
        if mood in {Mood.REFUSES, Mood.CLAIMS} or self.buffer is None or self.buffer.version != buffer.version:
            raise EditorRefused("stale")
        self.hold(change.after or "")
        if mood is Mood.TYPES_AFTER:
            self.type()
            if not stands(change, self.buffer.text):
                raise EditorRefused("has another text now")

    def hold(self, text: str) -> None:
        assert self.buffer
        self.buffer = replace(self.buffer, text=text, version=self.buffer.version + 1)
