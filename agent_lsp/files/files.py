"""The files as the user sees them: read over the overlay, changed through the editor or atomically on disk."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import ParamSpec, TypeVar

from agent_lsp.conversation.actions import FileChange, FileMove
from agent_lsp.files import disk, safe_open
from agent_lsp.files.agentignore import Ignored
from agent_lsp.files.disk import Binary, ChangedMeanwhile, TextFile
from agent_lsp.files.editor import Editor, EditorRefused
from agent_lsp.files.encodings import Encoding
from agent_lsp.files.location import Location, NotThere, PathRefused
from agent_lsp.files.openat import real_path
from agent_lsp.files.overlay import Buffer
from agent_lsp.files.roots import Roots
from agent_lsp.text.diffs import compared
from agent_lsp.text.merge import distance

_ON_THE_LOOP = 64 << 10
"""Characters up to which texts are compared on the event loop; more goes to a thread."""
_MOST_TRIES = 8
"""Edits of an open document that somebody types in all the time; an editor that answers at once has few to refuse."""
_IN_EDITOR, _ON_DISK = "in the editor's buffer, not saved yet", "on disk"

P = ParamSpec("P")
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Performed:
    """What a change came to: `where` in a few words, and the change that was `made`.

    That is another than was asked for where somebody else had changed the file meanwhile and both were kept.
    """

    where: str
    made: FileChange


class Files:
    """The workspace's files for tools: every path goes through the roots, every text through the overlay."""

    def __init__(self, workspace_roots: Roots, editor: Editor) -> None:
        self.roots, self._editor = workspace_roots, editor

    async def read(self, path: str) -> TextFile:
        """The text at a path, unsaved changes included. Raises NotThere (with the nearest names) or PathRefused."""
        content = await self.read_any(path)
        if isinstance(content, Binary):
            raise PathRefused(content.refusal)
        return content

    async def read_any(self, path: str) -> TextFile | Binary:
        """As `read`, but what is no text is not refused. Through a link it is the file that the link leads to."""
        location = self.real(self.roots.find(path))
        if buffer := self.buffer(location, real=location.path):
            return TextFile(location, buffer.text, buffer.version)
        return await asyncio.to_thread(disk.read, location)

    async def read_if_there(self, path: str) -> TextFile | Location:
        """The document at a path, or the location where none is yet. Raises PathRefused."""
        try:
            return await self.read(path)
        except NotThere:
            return self.real(self.roots.find(path))

    async def change(self, location: Location, document: TextFile | None, after: str | None) -> FileChange:
        """The change that gives a file another text (None deletes it), with its hunks; nothing is done yet.

        Raises PathRefused for a text that the file's encoding cannot hold, and for a file that only the user changes.
        """
        location.root.rules.must_be_changeable(location.relative)
        before, version = (document.text, document.version) if document else (None, None)
        if after is not None and version is None:
            encoding, mode = (document.encoding, document.mode) if document else (Encoding.UTF_8, None)
            await asyncio.to_thread(disk.must_be_writable, location, after, encoding, mode)
        hunks = await _off_the_loop(compared, before or "", after or "")
        return FileChange(location.value, before, after, version, hunks)

    async def deletion(self, path: str) -> FileChange:
        """The change that deletes a file or link, text or not; nothing is done yet. Raises NotThere or PathRefused."""
        location, content = self.roots.find(path), await self.read_any(path)
        if isinstance(content, TextFile):
            return await self.change(location, content, None)
        words = f"(a binary file of {len(content.data)} bytes)\n"
        return FileChange(location.value, words, None, hunks=compared(words, ""), sha256=content.sha256)

    async def move(self, path: str, target: Location) -> FileMove:
        """The move of a file as it is on disk; nothing is done yet. Raises NotThere or PathRefused, also for a link."""
        source = self.roots.find(path)
        sha256 = await asyncio.to_thread(disk.sha256_of, source)
        return FileMove(source.path, source.shown, target.path, target.shown, sha256)

    async def perform(self, change: FileChange) -> Performed:
        """Makes the change and no other, merged with what somebody else changed since it was computed.

        Raises ChangedMeanwhile where both changed the same lines, EditorRefused or PathRefused.
        """
        location = self.roots.again(change.location)
        real = self.real(location)
        real.root.rules.must_be_changeable(real.relative)  # also in the editor, which only we hold to the rules
        buffer = self.buffer(location, real=real.path)
        if change.after is None:
            await asyncio.to_thread(_delete, location, change, buffer)
            return Performed(_ON_DISK, change)
        if buffer:
            return Performed(_IN_EDITOR, await self._change_buffer(location, change, buffer))
        return Performed(_ON_DISK, await asyncio.to_thread(disk.write, location, change))

    async def perform_move(self, move: FileMove) -> None:
        """Renames the file. Raises ChangedMeanwhile, EditorRefused or PathRefused."""
        source, target = self.roots.find(move.path), self.roots.find(move.new_path)
        if self.buffer(target):
            raise EditorRefused(
                f"'{target.shown}' is open in the editor: ask the user to close it, or take another name"
            )
        await asyncio.to_thread(_move, source, target, move.sha256, self.buffer(source))

    def keeps(self, path: str) -> bool:
        """Whether what stands at an absolute path is kept from the agent, by whatever name it goes.

        What is agent-lsp's own is wherever it lies, such as the settings, which the user looks at beside a workspace.
        """
        if self.roots.own.unreadable("/", real_path(path)):
            return True
        for name in (path, real_path(path)):
            try:
                self.roots.find(name)
            except Ignored:
                return True
            except PathRefused:  # outside the workspace the user's rules say nothing
                continue
        return False

    async def unsaved(self) -> tuple[str, ...]:
        """The files beneath the roots whose text in the editor is not what is on disk, as shown to users."""
        opened = list(self._open())
        return await asyncio.to_thread(
            lambda: tuple(
                sorted(location.shown for location, buffer in opened if not disk.holds(location, buffer.text))
            )
        )

    def buffers(self) -> tuple[Buffer, ...]:
        """All documents that the editor holds open, wherever they are."""
        return self._editor.overlay.all()

    def unsaved_texts(self) -> dict[str, tuple[Location, str]]:
        """The open texts beneath the roots, by absolute path."""
        return {location.path: (location, buffer.text) for location, buffer in self._open()}

    def _open(self) -> Iterator[tuple[Location, Buffer]]:
        for buffer in self._editor.overlay.all():
            with suppress(PathRefused):
                location = self.roots.find(buffer.path)
                safe_open.must_lie_inside(location)
                yield self.real(location), buffer

    def real(self, location: Location) -> Location:
        """Where the links on the way lead: what is edited and searched is that, and the links stay.

        Raises PathRefused where that is outside, or not for the agent.
        """
        real = real_path(location.path)
        if real == location.path:
            return location
        safe_open.must_lie_inside(location)
        return self.roots.find(real)

    def buffer(self, location: Location, *, real: str = "") -> Buffer | None:
        """The open document at a location, whose path without links is `real` where that is known by now.

        Raises PathRefused where a link leads to one that is not for the agent.
        """
        buffer = self._editor.overlay.find(location.path, real=real)
        if buffer:
            safe_open.must_lie_inside(location)
            self.roots.find(real_path(buffer.path))
        return buffer

    async def _change_buffer(self, location: Location, change: FileChange, buffer: Buffer) -> FileChange:
        """The change as it was made; whoever types meanwhile is merged with again."""
        for _ in range(_MOST_TRIES):
            wanted = await _off_the_loop(_merged, location, change, buffer)
            try:
                await self._apply(wanted, buffer)
            except EditorRefused:
                now = self.buffer(location)
                if now is None or now == buffer:
                    raise
                if not await _off_the_loop(_nearer, now.text, buffer.text, wanted.after or ""):
                    raise  # the edit was made, and something else with it: only the user can tell what looks wrong
                buffer = now
            else:
                return wanted
        raise EditorRefused(f"'{location.shown}' is being changed all the time: nothing was written; try again later")

    async def _apply(self, change: FileChange, buffer: Buffer) -> None:
        if change.after != buffer.text:
            await self._editor.apply(change, buffer)


def _merged(location: Location, change: FileChange, buffer: Buffer) -> FileChange:
    """The change as it is to be made to what the editor holds. Raises ChangedMeanwhile."""
    if buffer.text == change.before:
        return change
    if change.before is None:
        raise ChangedMeanwhile(f"'{location.shown}' was created by somebody else meanwhile: read it first")
    return replace(disk.merged(location, change, buffer.text), version=buffer.version)


def _nearer(text: str, one: str, other: str) -> bool:
    return distance(text, one) < distance(text, other)


def _delete(location: Location, change: FileChange, buffer: Buffer | None) -> None:
    _must_be_saved(location, buffer)
    disk.delete(location, change)


def _move(source: Location, target: Location, sha256: str, buffer: Buffer | None) -> None:
    _must_be_saved(source, buffer)
    disk.move(source, target, sha256)


def _must_be_saved(location: Location, buffer: Buffer | None) -> None:
    if buffer and not disk.holds(location, buffer.text):
        raise EditorRefused(f"'{location.shown}' has unsaved changes in the editor: ask the user to save or close it")


async def _off_the_loop(work: Callable[P, T], *arguments: P.args, **named: P.kwargs) -> T:
    """The result of comparing what is among the arguments: in a thread where that may take long."""
    if sum(map(_characters, arguments)) <= _ON_THE_LOOP:
        return work(*arguments, **named)
    return await asyncio.to_thread(work, *arguments, **named)


def _characters(argument: object) -> int:
    match argument:
        case str():
            return len(argument)
        case FileChange():
            return len(argument.before or "") + len(argument.after or "")
        case Buffer():
            return len(argument.text)
        case _:
            return 0
