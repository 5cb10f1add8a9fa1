"""Search and listing, unsaved buffers on top; ripgrep finds, and what it found is read again beneath the root."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
from itertools import groupby

from agent_lsp.files import disk, safe_open
from agent_lsp.files.disk import Binary, TextFile
from agent_lsp.files.files import Files
from agent_lsp.files.location import Location, PathRefused
from agent_lsp.files.roots import Roots
from agent_lsp.processes.run import Ended, Processes
from agent_lsp.search import globs, ripgrep, walking
from agent_lsp.search.found import (
    Listing,
    Query,
    SearchLine,
    SearchRefused,
    SearchResult,
    bounded,
    clipped,
    listed,
    path_of_shown,
)

_SECONDS, _MOST_BYTES = 60.0, 16 << 20


class Search:
    """Searches and lists one workspace."""

    def __init__(self, files: Files, processes: Processes, program: str | None) -> None:
        """`program` is ripgrep's, None where it is missing."""
        self._files, self._processes, self._ripgrep = files, processes, program

    async def find(self, query: Query) -> SearchResult:
        """The lines that match, read as the user sees them. Raises SearchRefused or PathRefused."""
        query = replace(query, place=self._files.real(query.place))
        safe_open.must_lie_inside(query.place)
        open_texts = {
            path: (location, text)
            for path, (location, text) in self._files.unsaved_texts().items()
            if query.covers(location)
        }
        lines: list[SearchLine] = []
        left_out = False
        if query.place.path not in open_texts:
            lines, left_out = await self._find_on_disk(query, set(open_texts))
        for location, text in open_texts.values():
            lines += await self._find_in_text(query, location, text)
        return bounded(lines, left_out)

    async def _find_on_disk(self, query: Query, skipped: set[str]) -> tuple[list[SearchLine], bool]:
        if not await asyncio.to_thread(safe_open.is_folder, query.place):
            content = await asyncio.to_thread(disk.read, query.place)
            if isinstance(content, Binary):
                return [], False
            return await self._find_in_text(query, query.place, content.text), False
        if self._ripgrep is None:
            return await asyncio.to_thread(walking.find_below, query, skipped)
        argv = ripgrep.find(self._ripgrep, query)
        ended, allowed = await asyncio.gather(self._run(argv, query.place.root.path), self._not_ignored(query))
        shown = query.place.root.rules.judge()
        lines = [
            line
            for line in ripgrep.lines(ended.output, query.place)
            if (path := path_of_shown(line.shown, query.place)) not in skipped
            and (allowed is None or path in allowed)
            and shown(os.path.relpath(path, query.place.root.path))
        ]
        found = bounded(lines, ended.left_out > 0)
        return await asyncio.to_thread(_read_by_us, found.lines, query.place), found.left_out

    async def _not_ignored(self, query: Query) -> set[str] | None:
        """The paths that a search with a glob may look at, for ripgrep's globs bring ignored files back; None: all."""
        if query.glob is None:
            return None
        ended = await self._listed(query.place)
        if ended.left_out:
            return None
        inside = (name for name in ripgrep.names(ended.output) if globs.matches(name, query.glob))
        return {os.path.join(query.place.root.path, name) for name in inside}

    async def _find_in_text(self, query: Query, location: Location, text: str) -> list[SearchLine]:
        if self._ripgrep is None:
            return await asyncio.to_thread(walking.find_in, query, location.shown, text)
        argv = ripgrep.find_in_input(self._ripgrep, query)
        ended = await self._run(argv, query.place.root.path, stdin=text.encode("utf-8", "replace"))
        lines = ripgrep.lines(ended.output, query.place)
        return [SearchLine(location.shown, line.number, line.text, line.matched) for line in lines]

    async def names(self, place: Location) -> tuple[tuple[str, ...], bool]:
        """As `files`, but every path, relative to the root; False where there are more than can be listed.

        Then one path, where the others were cut out, is none.
        """
        if self._ripgrep is None:
            return tuple(await asyncio.to_thread(lambda: sorted(walking.walked(place)))), True
        ended = await self._listed(place)
        names = ripgrep.names(ended.output)
        allowed = await asyncio.to_thread(lambda: tuple(filter(place.root.rules.judge(), names)))
        return allowed, not ended.left_out

    async def files(self, place: Location, *, glob: str | None = None, depth: int | None = None) -> Listing:
        """The files below a folder that version control does not ignore. Raises PathRefused."""
        place = self._files.real(place)
        safe_open.must_lie_inside(place)
        names, complete = await self.names(place)
        listing = await asyncio.to_thread(lambda: listed(place, sorted(names), glob, depth))
        return await asyncio.to_thread(_there, replace(listing, complete=complete), self._files.roots)

    async def _listed(self, place: Location) -> Ended:
        assert self._ripgrep  # noqa: S101 - only asked where there is one
        return await self._run(ripgrep.listing(self._ripgrep, place), place.root.path)

    async def _run(self, argv: list[str], cwd: str, stdin: bytes | None = None) -> Ended:
        try:
            ended = await self._processes.run(
                argv, cwd=cwd, timeout_seconds=_SECONDS, most_bytes=_MOST_BYTES, stdin=stdin
            )
        except OSError as error:  # a workspace folder may be gone
            raise SearchRefused(f"the search could not be started in {cwd}: {error.strerror}") from error
        if ended.timed_out:
            raise SearchRefused(f"the search took longer than {_SECONDS:.0f} s: search a smaller folder")
        if ended.code == 2 and not ended.output.startswith(b'{"type"'):
            raise SearchRefused(ended.output.decode("utf-8", "replace").strip()[:500])
        return ended


def _read_by_us(lines: Sequence[SearchLine], place: Location) -> list[SearchLine]:
    """The lines as they stand beneath the root: the program that found them may have been led outside."""
    read: list[SearchLine] = []
    for shown, group in groupby(lines, key=lambda line: line.shown):
        inside = os.path.relpath(path_of_shown(shown, place), place.root.path)
        try:
            content = disk.read(Location(place.root, inside, shown))
        except PathRefused:
            continue
        if isinstance(content, TextFile):
            found = {line.number: line for line in group}
            texts = _numbered_lines(content.text, found)
            read += [replace(found[number], text=clipped(text)) for number, text in texts]
    return read


def _numbered_lines(text: str, numbers: Collection[int]) -> Iterator[tuple[int, str]]:
    """Those lines of a text, counted from 1 and in order; found one by one, so that other threads run meanwhile."""
    start = 0
    for number in range(1, max(numbers, default=0) + 1):
        end = text.find("\n", start)
        if number in numbers:
            yield number, text[start : end if end >= 0 else len(text)].rstrip("\r")
        if end < 0:
            return
        start = end + 1


def _there(listing: Listing, workspace_roots: Roots) -> Listing:
    """Without what is not beneath a root: the program that lists may have been led outside."""
    return replace(listing, paths=tuple(path for path in listing.paths if _exists(path, workspace_roots)))


def _exists(path: str, workspace_roots: Roots) -> bool:
    try:
        return safe_open.exists(workspace_roots.find(path))
    except PathRefused:
        return False
