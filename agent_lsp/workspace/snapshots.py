"""What all files of the workspace are before a command, and which of them it changed.

Only files that version control does not ignore are looked at, links not at all. A file is read again only if its
times, size or identity have changed since it was read last.
"""

from __future__ import annotations

import asyncio
import json
import os
import stat
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from agent_lsp.conversation.entries import FileChanged, FileVersion
from agent_lsp.workspace import door
from agent_lsp.workspace.files import Files
from agent_lsp.workspace.found import SearchRefused
from agent_lsp.workspace.held import text_of
from agent_lsp.workspace.location import Location, PathRefused, Root
from agent_lsp.workspace.objects import NotKept, Objects, digest_of
from agent_lsp.workspace.search import Search

_BATCH_BYTES, _BATCH_FILES = 8 << 20, 500
_UNSETTLED_NS = 100_000_000
"""A file changed more recently than this may change again without another time stamp: it is not remembered."""

_Stamp = tuple[int, int, int, int, int]
_Places = dict[str, tuple[Root, str]]
"""Absolute paths, each with its root and its path below that."""


@dataclass(frozen=True, slots=True)
class Effort:
    """What one look may cost: files stated, then bytes and seconds of reading. What is over it has no copy."""

    files: int = 100_000
    most_bytes: int = 256 << 20
    seconds: float = 3.0


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Every file's version by its absolute path; one that was not read has an empty digest.

    `digest` is that of the same as text among the objects, `unwatched` are the roots with more files than that,
    `unsettled` the files that were changed a moment before: they may change again and keep their stamp.
    """

    files: Mapping[str, FileVersion]
    stamps: Mapping[str, _Stamp]
    unsettled: frozenset[str]
    unwatched: tuple[str, ...]
    digest: str


class Snapshots:
    """Looks at all files of the workspace, and remembers what it has read."""

    def __init__(
        self,
        files: Files,
        search: Search,
        objects: Objects,
        effort: Effort = Effort(),
        *,
        clock: Callable[[], int] = time.time_ns,
    ) -> None:
        """`clock` tells nanoseconds since the epoch, as files' times are."""
        self._files, self._search, self._objects, self._effort, self._clock = files, search, objects, effort, clock
        self._read: dict[str, tuple[_Stamp, str]] = {}

    async def take(self) -> Snapshot:
        """All files as they are now, with copies of those that are not kept yet."""
        places, unwatched = await self._places()
        return await asyncio.to_thread(self._taken, places, unwatched)

    async def differences(self, before: Snapshot) -> tuple[FileChanged, ...]:
        """What has changed since, by whomever; not sure of are files that the editor holds in just that state."""
        places, _ = await self._places()
        opened = {path: text for path, (_, text) in self._files.unsaved_texts().items()}
        changes = await asyncio.to_thread(self._compared, before, places)
        return await asyncio.to_thread(lambda: tuple(self._judged(one, opened.get(path)) for path, one in changes))

    def _judged(self, change: FileChanged, opened: str | None) -> FileChanged:
        """An editor that holds what is on disk now has read it from there, or it was the user who saved it."""
        if opened is None or change.after is None or text_of(self._objects.find(change.after.digest)) != opened:
            return change
        return replace(change, sure=False)

    async def _places(self) -> tuple[_Places, tuple[str, ...]]:
        found: _Places = {}
        unwatched = []
        for root in self._files.roots.all:
            place = Location(root, "", ".")
            if not door.is_folder(place):  # deleted while it is open
                continue
            try:
                names, complete = await self._search.names(place)
            except SearchRefused:
                names, complete = (), False
            room = self._effort.files - len(found)
            found |= {os.path.join(root.path, name): (root, name) for name in names[:room]}
            if not complete or len(names) > room:
                unwatched.append(place.uri)
        return found, tuple(unwatched)

    def _taken(self, places: _Places, unwatched: tuple[str, ...]) -> Snapshot:
        taken, stamps = self._clock(), _stamps(places)
        digests = self._digests(stamps, places)
        files = {path: FileVersion(digests.get(path, ""), stat.S_IMODE(stamp[-1])) for path, stamp in stamps.items()}
        unsettled = frozenset(path for path, stamp in stamps.items() if not _settled(stamp, taken))
        snapshot = Snapshot(files, stamps, unsettled, unwatched, "")
        digest = self._written(snapshot)
        return replace(snapshot, digest=digest, unwatched=unwatched if digest else self._everywhere())

    def _everywhere(self) -> tuple[str, ...]:
        return tuple(Location(root, "", ".").uri for root in self._files.roots.all)

    async def since(self, digest: str) -> tuple[FileChanged, ...]:
        """What is not as it was in a snapshot that a killed daemon left; nobody knows who changed it."""
        places, _ = await self._places()
        return await asyncio.to_thread(self._since, digest, places)

    def _since(self, digest: str, places: _Places) -> tuple[FileChanged, ...]:
        data = self._objects.find(digest)
        if data is None:
            return ()
        return tuple(replace(change, sure=False) for _, change in self._compared(_read(data), places))

    def _written(self, snapshot: Snapshot) -> str:
        """The digest under which a snapshot is kept, empty if there is no room for it."""
        stamps, unsettled = snapshot.stamps, snapshot.unsettled
        rows = [[path, one.digest, path in unsettled, *stamps[path]] for path, one in sorted(snapshot.files.items())]
        data = json.dumps(rows).encode()
        try:
            self._objects.keep([data])
        except NotKept:
            return ""
        return digest_of(data)

    def _compared(self, before: Snapshot, places: _Places) -> list[tuple[str, FileChanged]]:
        stamps = _stamps(places)
        moved = {
            path: stamp
            for path, stamp in stamps.items()
            if before.stamps.get(path) != stamp or path in before.unsettled
        }
        digests = self._digests(moved, places)
        changes = []
        for path, stamp in moved.items():
            old, new = before.files.get(path), FileVersion(digests.get(path, ""), stat.S_IMODE(stamp[-1]))
            both_known = old and old.digest and new.digest
            if old != new if both_known else before.stamps.get(path) != stamp:
                changes.append((path, FileChanged(Path(path).as_uri(), old, new)))
        gone = [path for path in before.files if path not in stamps and _stamp(path) is None]
        changes += [(path, FileChanged(Path(path).as_uri(), before.files[path], None)) for path in gone]
        return sorted(changes)

    def _digests(self, stamps: Mapping[str, _Stamp], places: _Places) -> dict[str, str]:
        """Each file's digest, of which a copy is kept; the newest are read first, until the effort is spent."""
        known = {path: read[1] for path, stamp in stamps.items() if (read := self._read.get(path)) and read[0] == stamp}
        digests: dict[str, str] = {}
        with suppress(NotKept):  # what has no copy is named by undo; the command may be what makes room
            lost = self._objects.renew(set(known.values()))
            digests = {path: digest for path, digest in known.items() if digest not in lost} if lost else known
            missing = sorted((path for path in stamps if path not in digests), key=lambda path: -stamps[path][0])
            for batch in self._batches(missing, places):
                self._objects.keep(batch.values())
                for path, data in batch.items():
                    digests[path] = digest_of(data)
                    self._remember(path, stamps[path], digests[path])
        return digests

    def _remember(self, path: str, stamp: _Stamp, digest: str) -> None:
        if _settled(stamp, self._clock()):
            self._read[path] = stamp, digest

    def _batches(self, paths: Iterable[str], places: _Places) -> Iterator[dict[str, bytes]]:
        """Contents, as many as one sync is worth, until bytes or seconds are spent."""
        deadline, left = time.monotonic() + self._effort.seconds, self._effort.most_bytes
        batch: dict[str, bytes] = {}
        size = 0
        for path in paths:
            if left - size <= 0 or time.monotonic() >= deadline:
                break
            root, name = places[path]
            with suppress(PathRefused):
                batch[path] = door.read(Location(root, name, name)).data
                size += len(batch[path])
            if size > _BATCH_BYTES or len(batch) >= _BATCH_FILES:
                yield batch
                left -= size
                batch, size = {}, 0
        if batch:
            yield batch


def _read(data: bytes) -> Snapshot:
    files, stamps, unsettled = {}, {}, set()
    for path, digest, lately, *stamp in json.loads(data):
        files[path] = FileVersion(digest, stat.S_IMODE(stamp[-1]))
        stamps[path] = (stamp[0], stamp[1], stamp[2], stamp[3], stamp[4])
        if lately:
            unsettled.add(path)
    return Snapshot(files, stamps, frozenset(unsettled), (), digest_of(data))


def _stamps(paths: Iterable[str]) -> dict[str, _Stamp]:
    return {path: stamp for path in paths if (stamp := _stamp(path))}


def _stamp(path: str) -> _Stamp | None:
    """None for what is not there, or no regular file."""
    try:
        status = os.lstat(path)
    except OSError:
        return None
    if not stat.S_ISREG(status.st_mode):
        return None
    return status.st_mtime_ns, status.st_size, status.st_ino, status.st_ctime_ns, status.st_mode


def _settled(stamp: _Stamp, now: int) -> bool:
    return now - max(stamp[0], stamp[3]) > _UNSETTLED_NS
