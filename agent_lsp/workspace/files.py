"""The files as the user sees them: read over the overlay, changed through the editor or atomically on disk."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from difflib import get_close_matches

from agent_lsp.conversation.actions import FileChange, FileMove, Hunk
from agent_lsp.conversation.diffs import compared
from agent_lsp.workspace import roots
from agent_lsp.workspace.editor import Editor, EditorRefused
from agent_lsp.workspace.overlay import Buffer
from agent_lsp.workspace.roots import Location, NotThere, PathRefused, Roots

_ON_THE_LOOP = 64 << 10
"""Characters up to which a text is compared on the event loop; more goes to a thread."""


class ChangedMeanwhile(Exception):
    """A file is not as it was when the change was computed; nothing was written."""


@dataclass(frozen=True, slots=True)
class Document:
    """A text with where it stands. `version` is the editor's, None for a file that no editor holds open.

    `exact` is False when the bytes are no UTF-8: the text is readable but cannot be written back.
    """

    location: Location
    text: str
    version: int | None
    exact: bool = True


class Files:
    """The workspace's files for tools: every path goes through the roots, every text through the overlay."""

    def __init__(self, workspace_roots: Roots, editor: Editor) -> None:
        self.roots, self._editor = workspace_roots, editor

    async def read(self, path: str) -> Document:
        """The text at a path, unsaved changes included. Raises NotThere (with the nearest names) or PathRefused."""
        location = self.roots.find(path)
        if buffer := self._buffer(location):
            return Document(location, buffer.text, buffer.version)
        return await asyncio.to_thread(_from_disk, location)

    async def read_if_there(self, path: str) -> Document | Location:
        """The document at a path, or the location where none is yet. Raises PathRefused."""
        try:
            return await self.read(path)
        except NotThere:
            return self.roots.find(path)

    async def change(self, location: Location, document: Document | None, after: str | None) -> FileChange:
        """The change that gives a file another text (None deletes it), with its hunks; nothing is done yet."""
        if document is not None and not document.exact:
            raise PathRefused(f"'{location.shown}' is not UTF-8: it can be read, not edited")
        before = document.text if document else None
        hunks = await _compared(before or "", after or "")
        version = document.version if document else None
        return FileChange(location.path, location.shown, before, after, version, hunks)

    async def perform(self, change: FileChange) -> str:
        """Makes the change and no other; says in a few words where. Raises ChangedMeanwhile or EditorRefused."""
        location = self.roots.find(change.path)
        buffer = self._buffer(location)
        if buffer and change.after is not None:
            if buffer.text != change.before:
                raise ChangedMeanwhile(_changed(location))
            await self._editor.apply(change, buffer)
            return "in the editor's buffer, not saved yet"
        await asyncio.to_thread(self._on_disk, location, change, buffer)
        return "on disk"

    async def perform_move(self, move: FileMove) -> None:
        """Renames the file. Raises ChangedMeanwhile, EditorRefused or PathRefused."""
        source, target = self.roots.find(move.path), self.roots.find(move.new_path)
        if self._buffer(target):
            raise EditorRefused(
                f"'{target.shown}' is open in the editor: ask the user to close it, or take another name"
            )
        buffer = self._buffer(source)
        await asyncio.to_thread(self._move, source, target, move.text, buffer)

    async def unsaved(self) -> tuple[str, ...]:
        """The files beneath the roots whose text in the editor is not what is on disk, as shown to users."""
        opened = list(self._open())
        return await asyncio.to_thread(
            lambda: tuple(sorted(location.shown for location, buffer in opened if not _saved(location, buffer)))
        )

    def unsaved_texts(self) -> dict[str, tuple[Location, str]]:
        """The open texts beneath the roots, by absolute path."""
        return {location.path: (location, buffer.text) for location, buffer in self._open()}

    def _open(self) -> Iterator[tuple[Location, Buffer]]:
        for buffer in self._editor.overlay.all():
            with suppress(PathRefused):
                location = self.roots.find(buffer.path)
                roots.must_lie_inside(location)
                yield location, buffer

    def _buffer(self, location: Location) -> Buffer | None:
        """The open document at a location. Raises PathRefused where a link leads to one outside the roots."""
        buffer = self._editor.overlay.find(location.path)
        if buffer:
            roots.must_lie_inside(location)
        return buffer

    def _on_disk(self, location: Location, change: FileChange, buffer: Buffer | None) -> None:
        mode = _must_still_hold(location, change.before, buffer)
        if change.after is None:
            roots.delete(location)
        else:
            data = _bytes_of(location, change.after)
            # Looked at again after the slow part: a save meanwhile must not be lost.
            roots.write(location, data, mode=mode, still=lambda: _must_still_hold(location, change.before, buffer))

    def _move(self, source: Location, target: Location, text: str, buffer: Buffer | None) -> None:
        _must_still_hold(source, text, buffer)
        roots.move(source, target)


def _must_still_hold(location: Location, text: str | None, buffer: Buffer | None) -> int | None:
    """The mode bits of the file, None where there is none. Raises when disk or editor hold something else."""
    if text is None:
        if roots.exists(location):
            raise ChangedMeanwhile(f"'{location.shown}' was created by somebody else meanwhile: read it first")
        return None
    content = roots.read(location)
    if buffer and not _same(content.data, buffer.text):
        raise EditorRefused(f"'{location.shown}' has unsaved changes in the editor: ask the user to save or close it")
    if not _same(content.data, text):
        raise ChangedMeanwhile(_changed(location))
    return content.mode


def _bytes_of(location: Location, text: str) -> bytes:
    try:
        return text.encode()
    except UnicodeEncodeError as error:
        raise PathRefused(
            f"the text for '{location.shown}' has half a surrogate pair, which no file can hold"
        ) from error


def _changed(location: Location) -> str:
    return f"'{location.shown}' was changed by somebody else meanwhile: read it again, then decide anew"


def _saved(location: Location, buffer: Buffer) -> bool:
    try:
        return _same(roots.read(location).data, buffer.text)
    except PathRefused:
        return False


def _same(data: bytes, text: str) -> bool:
    return data == text.encode("utf-8", "surrogatepass")


def _from_disk(location: Location) -> Document:
    try:
        data = roots.read(location).data
    except NotThere as error:
        raise NotThere(f"not found: '{location.shown}'.{nearest(location)}") from error
    if b"\0" in data[:8192]:
        raise PathRefused(f"'{location.shown}' is a binary file of {len(data)} bytes: use a command for it")
    try:
        return Document(location, data.decode(), None)
    except UnicodeDecodeError:
        return Document(location, data.decode("utf-8", "replace"), None, exact=False)


def nearest(location: Location) -> str:
    """A sentence with the names in the same folder that look most alike; empty where none does."""
    folder, name = os.path.split(location.relative)
    holder = Location(location.root, folder, folder)
    try:
        with roots.opened(holder, os.O_RDONLY | os.O_DIRECTORY) as descriptor:
            names = os.listdir(descriptor)
    except PathRefused:
        return f" There is no folder '{os.path.dirname(location.shown)}'."
    near = get_close_matches(name, names, n=3, cutoff=0.5)
    prefix = os.path.dirname(location.shown)
    return f" Nearest: {', '.join(os.path.join(prefix, one) for one in near)}." if near else ""


async def _compared(before: str, after: str) -> tuple[Hunk, ...]:
    if len(before) + len(after) <= _ON_THE_LOOP:
        return compared(before, after)
    return await asyncio.to_thread(compared, before, after)
