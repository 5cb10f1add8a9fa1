"""Unsaved editor buffers over disk: the text that the user sees."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from agent_lsp.files.openat import real_path


@dataclass(frozen=True, slots=True)
class Buffer:
    """A document that an editor holds open. `path` is absolute, `uri` as the editor writes it."""

    path: str
    uri: str
    text: str
    version: int


class Overlay:
    """The open documents, as whoever holds them tells at the moment of asking."""

    def __init__(self, buffers: Callable[[], Iterable[Buffer]] = tuple) -> None:
        self._buffers = buffers

    def all(self) -> tuple[Buffer, ...]:
        return tuple(self._buffers())

    def find(self, path: str, *, real: str = "") -> Buffer | None:
        """The open document at `path`, also when the editor reaches it through a linked folder.

        Where a disk does not tell upper from lower case, also when the editor writes its name otherwise. `real` is the
        path without links, where that is known by now.
        """
        buffers = self.all()
        for buffer in buffers:
            if buffer.path == path:
                return buffer
        real = real or (real_path(path) if buffers else "")
        for buffer in buffers:
            theirs = real_path(buffer.path)
            if theirs == real or (theirs.casefold() == real.casefold() and _one_file(theirs, real)):
                return buffer
        return None


def _one_file(path: str, other: str) -> bool:
    try:
        return Path(path).samefile(other)
    except OSError:
        return False
