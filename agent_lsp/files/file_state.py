"""What editor and disk hold at a path, as bytes, and another content put in its place."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from agent_lsp.conversation.entries import FileVersion
from agent_lsp.files import encodings, safe_open
from agent_lsp.files.digest import digest_of
from agent_lsp.files.disk import TextFile
from agent_lsp.files.editor import EditorRefused
from agent_lsp.files.encodings import CannotHold, Encoding
from agent_lsp.files.files import Files
from agent_lsp.files.location import Location, NotThere
from agent_lsp.files.overlay import Buffer
from agent_lsp.files.safe_open import FileContent

_NEW_MODE = 0o644
"""Permission bits of what only an editor holds yet."""


@dataclass(frozen=True, slots=True)
class FileState:
    """A path's file on disk and its open document; None: there is none."""

    location: Location
    disk: FileContent | None
    buffer: Buffer | None

    @property
    def data(self) -> bytes | None:
        """The content as the user sees it."""
        if self.buffer:
            return self.bytes_of(self.buffer.text)
        return self.disk.data if self.disk else None

    def bytes_of(self, text: str) -> bytes:
        """A text as this file has it, in the encoding of what is on disk."""
        found = encodings.decoded(self.disk.data) if self.disk else None
        try:
            return encodings.encoded(text, found.encoding if found else Encoding.UTF_8)
        except CannotHold:  # an editor may hold what it could not save so
            return text.encode("utf-8", "surrogatepass")

    @property
    def mode(self) -> int:
        return self.disk.mode if self.disk else _NEW_MODE

    @property
    def version(self) -> FileVersion | None:
        """The content that the user sees, by its digest."""
        return version_of(self.data, self.mode)

    @property
    def on_disk(self) -> FileVersion | None:
        """The content that programs see, by its digest."""
        return version_of(self.disk.data if self.disk else None, self.mode)


def version_of(data: bytes | None, mode: int) -> FileVersion | None:
    """A content by its digest; None for None."""
    return None if data is None else FileVersion(digest_of(data), mode)


def text_of(data: bytes | None) -> str | None:
    """The text that a content is, None where it is none."""
    found = None if data is None else encodings.decoded(data)
    return found.text if found else None


async def look(files: Files, path: str) -> FileState:
    """What is at a path now. Raises PathRefused where that cannot be read."""
    return await look_at(files, files.roots.find(path))


async def look_at(files: Files, location: Location) -> FileState:
    """What is at a location now. Raises PathRefused where that cannot be read."""
    buffer = files.buffer(location)
    return FileState(location, await asyncio.to_thread(_on_disk, location), buffer)


async def put_into_editor(files: Files, held: FileState, data: bytes) -> None:
    """Gives an open document another text, in one undo step. Raises ChangedMeanwhile or EditorRefused."""
    assert held.buffer  # noqa: S101 - only asked where there is one
    text = text_of(data)
    if text is None or held.bytes_of(text) != data:
        raise EditorRefused("it is open in the editor, and what it was is no text of its encoding: close it first")
    document = TextFile(held.location, held.buffer.text, held.buffer.version)
    await files.perform(await files.change(held.location, document, text))


async def put_on_disk(held: FileState, data: bytes | None, mode: int) -> None:
    """Replaces the file in one step, None removes it: a user undoes or redoes.

    Raises PathRefused, also where it is another meanwhile.
    """
    await asyncio.to_thread(_replace, held, data, mode)


def _replace(held: FileState, data: bytes | None, mode: int) -> None:
    if data is not None:
        safe_open.write(held.location, data, over=held.disk, mode=mode, by_user=True)
    elif held.disk:
        safe_open.delete(held.location, held.disk, by_user=True)


def _on_disk(location: Location) -> FileContent | None:
    try:
        return safe_open.read(location)
    except NotThere:
        return None
