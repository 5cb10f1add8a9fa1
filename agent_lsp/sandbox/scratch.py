"""Folders that a command needs for itself, in a folder of ours; what killed daemons left of them is cleared away."""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory

from agent_lsp.sandbox.guard import placeholder_file

_PREFIX = "scratch-"


@contextmanager
def scratch(folder: Path) -> Iterator[str]:
    """A new folder, locked while it is needed, by which others know it from what is left over. Raises OSError."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    while True:
        made = TemporaryDirectory(dir=folder, prefix=_PREFIX, ignore_cleanup_errors=True)
        with made as path, _locked(path) as ours:
            if ours:  # nobody took it for left over before it was locked
                yield path
                return


def clear(folder: Path) -> None:
    """Removes what no daemon needs any more."""
    for left in folder.glob(f"{_PREFIX}*"):
        with suppress(OSError), _locked(str(left)) as unneeded:
            if unneeded:
                shutil.rmtree(left, ignore_errors=True)


@contextmanager
def _locked(path: str) -> Iterator[bool]:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    except FileNotFoundError:
        yield False
        return
    try:
        yield placeholder_file.locked(descriptor, fcntl.LOCK_EX) and placeholder_file.stands(descriptor, path)
    finally:
        os.close(descriptor)
