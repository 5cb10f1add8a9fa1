"""Other names of protected files: by a hard link, what is mounted over one name could be written to by another."""

from __future__ import annotations

import os
import stat
from collections.abc import Collection, Iterator, Sequence
from contextlib import suppress

_OBJECTS = "objects"
"""What git never writes twice, in a `.git` or for a submodule in it."""
_BYTECODE = "__pycache__"
Identity = tuple[int, int]
"""Device and inode."""


def other_names(roots: Sequence[str], protected: Collection[str], not_entered: Collection[str]) -> tuple[str, ...]:
    """The files below the roots that are a protected one, or one in a protected folder, by another name."""
    linked = {identity for path in protected for file in _files(path) if (identity := _linked(file))}
    return tuple(name for name in names_of(linked, roots, not_entered) if name not in protected)


def names_of(linked: Collection[Identity], roots: Sequence[str], not_entered: Collection[str] = ()) -> tuple[str, ...]:
    """The names below the roots of files that have several, told by device and inode."""
    if not linked:  # nearly always
        return ()
    numbers = {number for _, number in linked}
    return tuple(
        entry.path
        for entry in _entries(roots, not_entered)
        if entry.inode() in numbers and _linked(entry.path) in linked
    )


def gathered(files: Collection[str], roots: Collection[str]) -> tuple[str, ...]:
    """The same files, a folder below the roots in place of those in it where it holds nothing else but bytecode."""
    meant = set(files)
    folders = {folder for file in files for folder in _folders(file, roots)}
    for folder in sorted(folders, key=lambda one: -one.count("/")):
        with suppress(OSError), os.scandir(folder) as entries:
            if all(entry.path in meant or entry.name == _BYTECODE for entry in entries):
                meant.add(folder)
    return tuple(sorted(path for path in meant if os.path.dirname(path) not in meant))


def _folders(path: str, roots: Collection[str]) -> Iterator[str]:
    """Those that a path lies in, up to a root."""
    while (path := os.path.dirname(path)) not in roots and path != "/":
        yield path


def _files(path: str) -> Iterator[str]:
    yield path
    for folder, folders, files in os.walk(path):
        folders[:] = [name for name in folders if name != _OBJECTS]
        yield from (f"{folder}/{name}" for name in files)


def _entries(roots: Sequence[str], not_entered: Collection[str]) -> Iterator[os.DirEntry[str]]:
    waiting = list(roots)
    while waiting:
        try:
            with os.scandir(waiting.pop()) as entries:
                found = list(entries)
        except OSError:  # gone, or closed to us
            continue
        waiting += (one.path for one in found if one.is_dir(follow_symlinks=False) and one.name not in not_entered)
        yield from found


def _linked(path: str) -> Identity | None:
    """The device and number of a file with several names."""
    try:
        status = os.lstat(path)
    except OSError:
        return None
    several = stat.S_ISREG(status.st_mode) and status.st_nlink > 1
    return (status.st_dev, status.st_ino) if several else None
