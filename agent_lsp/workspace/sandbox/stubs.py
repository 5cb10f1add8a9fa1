"""Empty folders where protected entries are missing, so that something can be mounted there while a command runs.

A folder, not a file: git neither shows nor adds an empty one, an empty `.git` is no repository, and removing it fails
by itself when somebody put something in. Only `.git/commondir`, by which a repository says that its configuration lies
elsewhere, is a file that says it lies here: git would end at a folder, or at an empty file.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress

from agent_lsp.workspace.sandbox.mounts import DECOY, Kind, Mount

_HERE = b".\n"


class Stubs:
    """The stubs of all commands that run; the last one that needs a stub takes it away."""

    def __init__(self, tell: Callable[[Iterable[str]], None]) -> None:
        """`tell` hears which stubs there are, so that somebody who outlives us can remove them."""
        self._needed: Counter[str] = Counter()
        self._tell = tell

    @contextmanager
    def standing(self, planned: Sequence[Mount]) -> Iterator[None]:
        """Whoever mounts something makes the folder for it; here it is taken away. Raises OSError."""
        folders = [mount.path for mount in planned if mount.kind is Kind.MISSING]
        decoys = [mount.path for mount in planned if mount.kind is Kind.DECOY]
        for path in decoys:
            if not self.has(path):
                _make(path)
        self._needed.update((*folders, *decoys))
        try:
            if folders:
                self._tell(self._needed)
            yield
        finally:
            for path in (*folders, *decoys):
                self._drop(path)
            if folders:
                self._tell(self._needed)

    def has(self, path: str) -> bool:
        """Whether what is at a path is only a stub."""
        return self._needed[path] > 0

    def _drop(self, path: str) -> None:
        self._needed[path] -= 1
        if self.has(path):
            return
        del self._needed[path]
        with suppress(OSError):  # somebody put something in, or took it away
            if path.endswith(DECOY):
                _unmake(path)
            else:
                os.rmdir(path)


def _make(path: str) -> None:
    with open(path, "xb") as file:
        file.write(_HERE)


def _unmake(path: str) -> None:
    with open(path, "rb") as file:
        ours = file.read() == _HERE
    if ours:
        os.unlink(path)
