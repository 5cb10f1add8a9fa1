"""What others change in files that a model has seen: noticed as it happens, told before the model's next step."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar
from weakref import WeakSet

from watchfiles import awatch

from agent_lsp.awareness.read_tracker import ReadTracker
from agent_lsp.conversation.messages import Notice
from agent_lsp.files.files import Files
from agent_lsp.files.location import PathRefused, Root
from agent_lsp.files.openat import real_path
from agent_lsp.files.overlay import Buffer

_DEBOUNCE_MS, _STEP_MS = 200, 20
_MOST_TOLD = 20
_COARSEST_NS = 2_000_000_000
"""The coarsest times of a disk (FAT): what changes again within them may keep its stamp."""
_log = logging.getLogger(__name__)

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class _Stamp:
    """What tells, without reading it, that a file is another; `changed` is its newest time, 0 where it has none."""

    what: tuple[object, ...]
    changed: int = 0


@dataclass(frozen=True, slots=True)
class _Look:
    """The stamps of the files that were seen, as they were from `began` on (nanoseconds since the epoch)."""

    began: int
    stamps: dict[str, _Stamp]


class ChangeWatcher:
    """Watches the folders of the files that were seen, those alone and nothing below them, for all sessions."""

    def __init__(self, files: Files, *, clock: Callable[[], int] = time.time_ns) -> None:
        """`clock` tells nanoseconds since the epoch, as files' times are."""
        self._files, self._clock = files, clock
        self._sessions = WeakSet[ChangeNotices]()  # a session that is closed is told nothing any more
        self._watched: dict[str, tuple[int, int]] = {}
        self._task: asyncio.Task[None] | None = None
        self._lock = asyncio.Lock()

    def news_of(self, seen: ReadTracker) -> ChangeNotices:
        """What a session is to be told, from now on."""
        news = ChangeNotices(self._files, seen, self, self._clock)
        self._sessions.add(news)
        return news

    async def look(self, looked: Callable[[], T]) -> T | None:
        """What is found on the disk, `looked` at in a thread while all folders are watched; None where none is.

        Where other folders are watched now, a file may have changed in the gap of which its stamp does not tell.
        """
        async with self._lock:
            while True:
                folders = self._folders()
                if not folders and not self._watched:
                    return None
                identities, found = await asyncio.to_thread(lambda: (_identities(folders), looked()))  # noqa: B023 - awaited
                if identities == self._watched:
                    return found
                await self._watch_instead(identities)

    def _folders(self) -> set[str]:
        return {os.path.dirname(path) for news in self._sessions for path in news.seen.paths}

    async def _watch_instead(self, identities: dict[str, tuple[int, int]]) -> None:
        await self.close()
        self._watched = identities
        if identities:
            self._task = asyncio.create_task(self._watching(sorted(identities)))
            await asyncio.sleep(0)  # it is on before anybody looks
        for news in self._sessions:
            news.flag_unsettled()

    async def close(self) -> None:
        """Ends the watching."""
        if self._task:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
        self._task, self._watched = None, {}

    async def _watching(self, folders: Sequence[str]) -> None:
        try:
            async for changes in awatch(
                *folders, watch_filter=None, recursive=False, debounce=_DEBOUNCE_MS, step=_STEP_MS
            ):
                for news in self._sessions:
                    news.flag({path for _, path in changes})
        except Exception:  # too many watches, a folder that is gone, …: stamps tell of nearly all changes too
            _log.exception("changes on disk are not watched")


class ChangeNotices:
    """What changed in the files that one session's model saw, each change once.

    A file is compared where its stamp is another, which tells of changes that the watching has not told yet, or where
    it was flagged, which tells of those that leave the stamp alone on disks with coarse times.
    """

    def __init__(self, files: Files, seen: ReadTracker, changes: ChangeWatcher, clock: Callable[[], int]) -> None:
        self.seen = seen
        self._files, self._changes, self._clock = files, changes, clock
        self._stamps: dict[str, _Stamp] = {}
        self._looked = 0
        self._flagged: set[str] = set()
        self._folders = files.roots.all

    def flag(self, paths: Iterable[str]) -> None:
        """These may have changed."""
        self._flagged |= {*paths} & {*self.seen.paths}

    def flag_unsettled(self) -> None:
        """Those that had changed just before they were looked at may have changed again and kept their stamp."""
        self._flagged |= {path for path, stamp in self._stamps.items() if self._looked - stamp.changed < _COARSEST_NS}

    async def __call__(self) -> Notice | None:
        buffers = self._files.buffers()
        found = await self._changes.look(lambda: self._look(buffers))
        before, self._folders = self._folders, self._files.roots.all
        self._flag_beneath({root.path for root in before} ^ {root.path for root in self._folders})
        told = []
        for path in self._candidates(found or _Look(self._clock(), {})):
            text = await self._text(path)
            if what := await asyncio.to_thread(self.seen.news, path, text):
                told.append(f"{self._shown(path)} ({what})")
        sentences = (*_of_folders(before, self._folders), *_of_files(told))
        return Notice(" ".join(sentences)) if sentences else None

    def _flag_beneath(self, folders: Collection[str]) -> None:
        """What lies in a folder that came or went can be read from now on, or no longer, and keeps its stamp."""
        self.flag(path for path in self.seen.paths if any(path.startswith(f"{one.rstrip('/')}/") for one in folders))

    def _look(self, buffers: Sequence[Buffer]) -> _Look:
        open_texts, began = {real_path(buffer.path): buffer.text for buffer in buffers}, self._clock()
        return _Look(began, {path: _stamp(path, open_texts) for path in self.seen.paths})

    def _candidates(self, now: _Look) -> list[str]:
        """The files to compare; what was flagged by now is told after that look."""
        flagged, self._flagged = self._flagged, set()
        found = [path for path, stamp in now.stamps.items() if path in flagged or self._stamps.get(path) != stamp]
        self._looked, self._stamps = now.began, now.stamps
        return found

    async def _text(self, path: str) -> str | None:
        try:
            return (await self._files.read(path)).text
        except PathRefused:
            return None

    def _shown(self, path: str) -> str:
        try:
            shown = self._files.roots.find(path).shown
        except PathRefused:
            shown = path
        return shown if shown.isprintable() else repr(shown)


def _of_folders(before: Sequence[Root], now: Sequence[Root]) -> Iterator[str]:
    if before != now:
        names = ", ".join(root.path for root in now) or "none"
        begin = " Paths begin with the folder's last name." if len(now) > 1 else ""
        yield f"the workspace folders are now: {names}.{begin}"


def _of_files(told: Sequence[str]) -> Iterator[str]:
    more = f" and {len(told) - _MOST_TOLD} more" if len(told) > _MOST_TOLD else ""
    if told:
        yield f"changed by the user or a program since you last saw it: {', '.join(told[:_MOST_TOLD])}{more}."
        yield "Read again what you still need."


def _stamp(path: str, open_texts: dict[str, str]) -> _Stamp:
    text = open_texts.get(real_path(path))
    if text is not None:
        return _Stamp(("open", hash(text)))
    try:
        status = os.stat(path)
    except OSError as error:
        return _Stamp(("gone", error.errno))
    times = status.st_mtime_ns, status.st_ctime_ns
    return _Stamp((status.st_dev, status.st_ino, status.st_size, *times), max(times))


def _identities(folders: Iterable[str]) -> dict[str, tuple[int, int]]:
    """The folders that there are; one that was made anew is another."""
    found: dict[str, tuple[int, int]] = {}
    for folder in folders:
        with contextlib.suppress(OSError):
            status = os.stat(folder)
            found[folder] = status.st_dev, status.st_ino
    return found
