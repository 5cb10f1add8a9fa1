"""Empty folders where protected entries are missing, so that something can be mounted there while a command runs.

A folder, not a file: git neither shows nor adds an empty one, an empty `.git` is no repository, and removing it fails
by itself when somebody put something in. Only `.git/commondir`, by which a repository says that its configuration lies
elsewhere, is a file that says it lies here: git would end at a folder, or at an empty file.
"""

from __future__ import annotations

import os
import stat
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


def stands_in(path: str) -> bool:
    """Whether what is at a path may be a stub of another command, whose mount would go with it; it acts on nothing."""
    try:
        if path.endswith(DECOY):
            return _is_decoy(path)
        return not os.path.islink(path) and not os.listdir(path)
    except OSError:
        return False


def _make(path: str) -> None:
    with open(path, "xb") as file:
        file.write(_HERE)


def _unmake(path: str) -> None:
    if _is_decoy(path):
        os.unlink(path)


def _is_decoy(path: str) -> bool:
    if not stat.S_ISREG(os.lstat(path).st_mode):
        return False
    with open(path, "rb") as file:
        return file.read(len(_HERE) + 1) == _HERE
