"""Unsaved editor buffers over disk: the text that the user sees."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass


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

    def find(self, path: str) -> Buffer | None:
        """The open document at `path`, also when the editor reaches it through a linked folder."""
        buffers = self.all()
        for buffer in buffers:
            if buffer.path == path:
                return buffer
        real = os.path.realpath(path)
        return next((buffer for buffer in buffers if os.path.realpath(buffer.path) == real), None)
