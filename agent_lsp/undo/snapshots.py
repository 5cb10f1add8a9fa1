"""What all files of the workspace are before a command, and which of them it changed.

Only files that version control does not ignore are looked at, links not at all. A file is read again only if its
times, size or identity have changed since it was read last.
"""

from __future__ import annotations

import asyncio
import os
import stat
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace

from agent_lsp.conversation.entries import FileChanged, FileVersion
from agent_lsp.conversation.uris import uri_of
from agent_lsp.files import safe_open
from agent_lsp.files.digest import digest_of
from agent_lsp.files.file_state import text_of
from agent_lsp.files.files import Files
from agent_lsp.files.location import Location, PathRefused, Root
from agent_lsp.search.found import SearchRefused
from agent_lsp.search.search import Search
from agent_lsp.undo.content_store import ContentStore, NotKept
from agent_lsp.undo.workspace_state import Snapshot, Stamp, decoded, encoded, settled, stamp_of, stamps_of

_BATCH_BYTES, _BATCH_FILES = 8 << 20, 500
_FORMAT = "1"
"""Of what is written of a snapshot: one that an earlier program wrote in another is not taken for it."""

_Places = dict[str, tuple[Root, str]]
"""Absolute paths, each with its root and its path below that."""


@dataclass(frozen=True, slots=True)
class Effort:
    """What one look may cost: files stated, then bytes and seconds of reading. What is over it has no copy."""

    files: int = 100_000
    most_bytes: int = 256 << 20
    seconds: float = 3.0


class Snapshots:
    """Looks at all files of the workspace, and remembers what it has read."""

    def __init__(
        self,
        files: Files,
        search: Search,
        objects: ContentStore,
        effort: Effort = Effort(),
        *,
        clock: Callable[[], int] = time.time_ns,
    ) -> None:
        """`clock` tells nanoseconds since the epoch, as files' times are."""
        self._files, self._search, self._objects, self._effort, self._clock = files, search, objects, effort, clock
        self._read: dict[str, tuple[Stamp, str]] = {}
        self._recalled: set[str] = set()
        self._last: Snapshot | None = None

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
            if not safe_open.is_folder(place):  # deleted while it is open
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
        self._recall()
        taken, stamps = self._clock(), stamps_of(places)
        if self._last and self._is_as_it_was(self._last, stamps):
            return replace(self._last, unwatched=unwatched)
        digests = self._digests(stamps, places)
        files = {path: FileVersion(digests.get(path, ""), stat.S_IMODE(stamp[-1])) for path, stamp in stamps.items()}
        unsettled = frozenset(path for path, stamp in stamps.items() if not settled(stamp, taken))
        snapshot = Snapshot(files, stamps, unsettled, unwatched, "")
        digest = self._written(snapshot)
        snapshot = replace(snapshot, digest=digest, unwatched=unwatched if digest else self._everywhere())
        self._last = snapshot if snapshot.whole else None
        return snapshot

    def _is_as_it_was(self, last: Snapshot, stamps: Mapping[str, Stamp]) -> bool:
        with suppress(NotKept):
            return stamps == last.stamps and not self._objects.renew(last.digests)
        return False

    def _recall(self) -> None:
        """What a daemon before this one has read of these folders need not be read again."""
        name = self._name()
        if name in self._recalled:
            return
        self._recalled.add(name)
        digest = self._objects.named(name)
        if data := self._objects.find(digest):
            before = decoded(data, digest)
            stamps = {path: stamp for path, stamp in before.stamps.items() if path not in before.unsettled}
            known = {path: (stamp, before.files[path].digest) for path, stamp in stamps.items()}
            self._read = {path: read for path, read in known.items() if read[1]} | self._read

    def _name(self) -> str:
        """Under which the newest snapshot of these folders is found."""
        return digest_of(
            "\0".join([_FORMAT, *(root.path for root in self._files.roots.all)]).encode("utf-8", "surrogateescape")
        )

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
        return tuple(replace(change, sure=False) for _, change in self._compared(decoded(data, digest), places))

    def _written(self, snapshot: Snapshot) -> str:
        """The digest under which a snapshot is kept, empty if there is no room for it."""
        data = encoded(snapshot)
        digest = digest_of(data)
        try:
            self._objects.keep([data])
            self._objects.name(self._name(), digest)
        except NotKept:
            return ""
        return digest

    def _compared(self, before: Snapshot, places: _Places) -> list[tuple[str, FileChanged]]:
        stamps = stamps_of(places)
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
                changes.append((path, FileChanged(uri_of(path), old, new)))
        gone = [path for path in before.files if path not in stamps and stamp_of(path) is None]
        changes += [(path, FileChanged(uri_of(path), before.files[path], None)) for path in gone]
        return sorted(changes)

    def _digests(self, stamps: Mapping[str, Stamp], places: _Places) -> dict[str, str]:
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

    def _remember(self, path: str, stamp: Stamp, digest: str) -> None:
        if settled(stamp, self._clock()):
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
                batch[path] = safe_open.read(Location(root, name, name)).data
                size += len(batch[path])
            if size > _BATCH_BYTES or len(batch) >= _BATCH_FILES:
                yield batch
                left -= size
                batch, size = {}, 0
        if batch:
            yield batch
