"""One file on disk: read as what it is, and changed only from what the change was computed from."""

from __future__ import annotations

import hashlib
import os
from contextlib import suppress
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from pathlib import Path

from agent_lsp.conversation.actions import FileChange
from agent_lsp.files import encodings, safe_open
from agent_lsp.files.encodings import CannotHold, Encoding
from agent_lsp.files.location import Location, Moved, NotThere, PathRefused
from agent_lsp.text import merge
from agent_lsp.text.diffs import compared

_ANY_MAY_WRITE = 0o222
_MOST_TRIES = 3


class ChangedMeanwhile(Exception):
    """A file is not as it was when the change was computed; nothing was written."""


@dataclass(frozen=True, slots=True)
class TextFile:
    """A text with where it stands. `version` is the editor's, None for a file that no editor holds open.

    `mode` are the permission bits of a file that was read from disk.
    """

    location: Location
    text: str
    version: int | None
    encoding: Encoding = Encoding.UTF_8
    mode: int | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class Binary:
    """A file that is no text."""

    location: Location
    data: bytes

    @property
    def sha256(self) -> str:
        return _sha256(self.data)

    @property
    def refusal(self) -> str:
        """What a model that wanted a text is told."""
        return f"'{self.location.shown}' is a binary file of {len(self.data)} bytes: use a command for it"


def read(location: Location) -> TextFile | Binary:
    """The file as it is. Raises NotThere, which names the nearest, or PathRefused."""
    content = _content(location)
    found = encodings.decoded(content.data)
    if found is None:
        return Binary(location, content.data)
    return TextFile(location, found.text, None, found.encoding, content.mode)


def sha256_of(location: Location) -> str:
    """The digest, in hex, of the bytes of a file that may be moved.

    Raises NotThere, which names the nearest, or PathRefused, also for a link: most lead nowhere from another folder.
    """
    if Path(location.path).is_symlink():
        raise PathRefused(f"'{location.shown}' is a link: move what it leads to, or make a new link by a command")
    return _sha256(_content(location).data)


def _content(location: Location) -> safe_open.FileContent:
    try:
        return safe_open.read(location)
    except NotThere as error:
        raise NotThere(f"not found: '{location.shown}'.{nearest(location)}") from error


def holds(location: Location, text: str) -> bool:
    """Whether a file's text is this one."""
    try:
        content = read(location)
    except PathRefused:
        return False
    return isinstance(content, TextFile) and content.text == text


def must_be_writable(location: Location, text: str, encoding: Encoding, mode: int | None) -> None:
    """Raises PathRefused for a text that a file in this encoding cannot hold, and for a file that is read-only.

    Its folder would let us put another in its place; that it is read-only is somebody's wish. `mode` is the file's
    where it was read by now.
    """
    if mode is None:
        with suppress(NotThere), safe_open.opened(location, os.O_RDONLY | os.O_NONBLOCK) as descriptor:
            mode = os.fstat(descriptor).st_mode
    if mode is not None and not mode & _ANY_MAY_WRITE:
        raise PathRefused(f"'{location.shown}' is read-only: ask the user whether to make it writable (chmod u+w)")
    _bytes(location, text, encoding)


def write(location: Location, change: FileChange) -> FileChange:
    """Makes a change, merged with what somebody else changed meanwhile; the change as it was made.

    Raises ChangedMeanwhile where both changed the same lines, PathRefused.
    """
    for _ in range(_MOST_TRIES):
        with suppress(Moved):
            return _write_once(location, change)
    raise ChangedMeanwhile(_changed(location))


def delete(location: Location, change: FileChange) -> None:
    """Deletes the file that the change was computed from. Raises ChangedMeanwhile, NotThere or PathRefused."""
    content = safe_open.read(location)
    found = encodings.decoded(content.data)
    now = ("", found.text) if found else (_sha256(content.data), None)
    if now != (change.sha256, None if change.sha256 else change.before):
        raise ChangedMeanwhile(_changed(location))
    try:
        safe_open.delete(location, content)
    except Moved as moved:
        raise ChangedMeanwhile(_changed(location)) from moved


def move(source: Location, target: Location, sha256: str) -> None:
    """Renames the file whose bytes have that digest. Raises ChangedMeanwhile, NotThere or PathRefused."""
    if sha256_of(source) != sha256:
        raise ChangedMeanwhile(_changed(source))
    safe_open.move(source, target)


def _write_once(location: Location, change: FileChange) -> FileChange:
    assert change.after is not None  # noqa: S101 - deletions do not come here
    if change.before is None:
        _create(location, change.after)
        return change
    content = safe_open.read(location)
    found = encodings.decoded(content.data)
    if found is None:
        raise ChangedMeanwhile(_changed(location))
    made = merged(location, change, found.text)
    data = _bytes(location, made.after or "", found.encoding)
    safe_open.write(location, data, over=content)
    return made


def _create(location: Location, text: str) -> None:
    data = _bytes(location, text, Encoding.UTF_8)
    if safe_open.exists(location):
        raise ChangedMeanwhile(f"'{location.shown}' was created by somebody else meanwhile: read it first")
    safe_open.write(location, data)


def merged(location: Location, change: FileChange, now: str) -> FileChange:
    """The change as it is to be made to a file whose text is `now`. Raises ChangedMeanwhile with both sides."""
    if now == change.before:
        return change
    try:
        after = merge.merged(change, now)
    except merge.Conflict as conflict:
        raise ChangedMeanwhile(
            f"'{location.shown}' was changed by somebody else meanwhile, in lines that you change too; nothing was"
            f" written. Decide anew:\n{conflict}"
        ) from conflict
    return replace(change, before=now, after=after, hunks=compared(now, after))


def _changed(location: Location) -> str:
    return f"'{location.shown}' was changed by somebody else meanwhile: read it again, then decide anew"


def _bytes(location: Location, text: str, encoding: Encoding) -> bytes:
    try:
        return encodings.encoded(text, encoding)
    except CannotHold as error:
        raise PathRefused(f"'{location.shown}' cannot be written: {error}") from error


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def nearest(location: Location) -> str:
    """A sentence with the names in the same folder that look most alike; empty where none does."""
    folder, name = os.path.split(location.relative)
    holder = Location(location.root, folder, folder)
    try:
        with safe_open.opened(holder, os.O_RDONLY | os.O_DIRECTORY) as descriptor:
            shown = location.root.rules.judge()
            names = [one for one in os.listdir(descriptor) if shown(os.path.join(folder, one))]
    except PathRefused:
        return f" There is no folder '{os.path.dirname(location.shown)}'." if folder else ""
    near = get_close_matches(name, names, n=3, cutoff=0.5)
    prefix = os.path.dirname(location.shown)
    return f" Nearest: {', '.join(os.path.join(prefix, one) for one in near)}." if near else ""
