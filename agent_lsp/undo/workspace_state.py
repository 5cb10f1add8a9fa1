"""The state of all files of a workspace at one moment, and how it is written down."""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from agent_lsp.conversation.entries import FileVersion

_UNSETTLED_NS = 100_000_000
"""A file changed more recently than this may change again without another time stamp."""

Stamp = tuple[int, int, int, int, int]
"""Time of the last write, size, inode, time of the last change, mode; the times in nanoseconds since the epoch."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Every file's version by its absolute path; one that was not read has an empty digest.

    `digest` is that of the same as text among the objects, `unwatched` are the roots with more files than are looked
    at, `unsettled` the files that were changed a moment before: they may change again and keep their stamp.
    """

    files: Mapping[str, FileVersion]
    stamps: Mapping[str, Stamp]
    unsettled: frozenset[str]
    unwatched: tuple[str, ...]
    digest: str

    @property
    def whole(self) -> bool:
        """Whether all files were read, and none of them may have changed since and kept its stamp."""
        return bool(self.digest) and not self.unsettled and all(one.digest for one in self.files.values())

    @property
    def digests(self) -> set[str]:
        """Those of the contents that were read, and of itself."""
        return {self.digest, *(one.digest for one in self.files.values())} - {""}


def encoded(snapshot: Snapshot) -> bytes:
    """The files of a snapshot as text."""
    stamps, unsettled = snapshot.stamps, snapshot.unsettled
    rows = [[path, one.digest, path in unsettled, *stamps[path]] for path, one in sorted(snapshot.files.items())]
    return json.dumps(rows).encode()


def decoded(data: bytes, digest: str) -> Snapshot:
    """The snapshot that was written down so."""
    files, stamps, unsettled = {}, {}, set()
    for path, content, lately, *stamp in json.loads(data):
        files[path] = FileVersion(content, stat.S_IMODE(stamp[-1]))
        stamps[path] = (stamp[0], stamp[1], stamp[2], stamp[3], stamp[4])
        if lately:
            unsettled.add(path)
    return Snapshot(files, stamps, frozenset(unsettled), (), digest)


def stamps_of(paths: Iterable[str]) -> dict[str, Stamp]:
    """The stamps of the regular files among these."""
    return {path: stamp for path in paths if (stamp := stamp_of(path))}


def stamp_of(path: str) -> Stamp | None:
    """None for what is not there, or no regular file."""
    try:
        status = os.lstat(path)
    except OSError:
        return None
    if not stat.S_ISREG(status.st_mode):
        return None
    return status.st_mtime_ns, status.st_size, status.st_ino, status.st_ctime_ns, status.st_mode


def settled(stamp: Stamp, now: int) -> bool:
    """Whether a file that has this stamp has not changed since; `now` in nanoseconds since the epoch."""
    return now - max(stamp[0], stamp[3]) > _UNSETTLED_NS
