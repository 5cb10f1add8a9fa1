"""Programs that the daemon itself starts: never one that the workspace, or somebody else, could have put there."""

from __future__ import annotations

import os
import stat
from collections.abc import Sequence

_SYSTEM = ("/usr/bin", "/bin", "/usr/local/bin", "/usr/sbin", "/opt/homebrew/bin")


def trusted(name: str, path: str, roots: Sequence[str]) -> str | None:
    """The absolute path of a program: from the system's folders first, then from those of `path` (as PATH is).

    A folder beneath a root does not count, nor does a relative one; the file must be ours or root's, and others
    must not be able to write to it or to its folder.
    """
    for folder in (*_SYSTEM, *path.split(os.pathsep)):
        candidate = os.path.join(folder, name)
        if os.path.isabs(folder) and _usable(candidate) and not beneath(os.path.realpath(candidate), roots):
            return candidate
    return None


def search_path(path: str, roots: Sequence[str]) -> str:
    """A PATH without relative folders, in which those beneath a root come last: none of its programs is a system's."""
    folders = [folder for folder in path.split(os.pathsep) if os.path.isabs(folder)]
    return os.pathsep.join(sorted(folders, key=lambda folder: beneath(os.path.realpath(folder), roots)))


def _usable(file: str) -> bool:
    real = os.path.realpath(file)
    try:
        holders = [os.stat(real), os.stat(os.path.dirname(real))]
    except OSError:
        return False
    return (
        stat.S_ISREG(holders[0].st_mode)
        and os.access(real, os.X_OK)
        and all(one.st_uid in {0, os.getuid()} and not one.st_mode & stat.S_IWOTH for one in holders)
    )


def beneath(path: str, roots: Sequence[str]) -> bool:
    """Whether an absolute path is one of the roots, or lies below one, by its name."""
    return any(path == root or path.startswith(f"{root.rstrip('/')}/") for root in roots)
