"""Search and listing with ripgrep, unsaved buffers on top; a slower walk of our own where ripgrep is missing."""

from __future__ import annotations

import asyncio
import base64
import json
import os
import re
import shutil
import sys
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from pathlib import Path

from agent_lsp.conversation.diffs import lines_of
from agent_lsp.processes import Ended, Processes
from agent_lsp.workspace import disk, globs, roots
from agent_lsp.workspace.disk import Binary, Document
from agent_lsp.workspace.files import Files
from agent_lsp.workspace.roots import Location, PathRefused, Roots

MOST_MATCHES, MOST_LISTED, _MOST_LINE = 500, 2_000, 400
_SECONDS, _MOST_BYTES = 60.0, 16 << 20
_SKIPPED = {".git", "node_modules", "__pycache__", ".venv"}


class SearchRefused(Exception):
    """The pattern or the place cannot be searched; the message says why."""


@dataclass(frozen=True, slots=True)
class Query:
    """What to look for: a regular expression if `regex`, else the words themselves."""

    pattern: str
    place: Location
    glob: str | None = None
    regex: bool = False
    case_sensitive: bool = True
    context_lines: int = 0


@dataclass(frozen=True, slots=True)
class Line:
    """A line found, or one beside it (`matched` False). `number` is 1-based."""

    shown: str
    number: int
    text: str
    matched: bool


@dataclass(frozen=True, slots=True)
class Found:
    """Lines in order of path; `left_out` when there are more matches than were looked for."""

    lines: tuple[Line, ...]
    left_out: bool


@dataclass(frozen=True, slots=True)
class Listing:
    """Paths as users read them; folders end in a slash. Where it is not `complete`, yet more were not looked at."""

    paths: tuple[str, ...]
    left_out: int
    complete: bool = True


def program() -> str | None:
    """The ripgrep to use: on PATH, else the one beside this interpreter."""
    beside = Path(sys.executable).parent / "rg"
    return shutil.which("rg") or (str(beside) if beside.is_file() else None)


class Search:
    """Searches and lists one workspace."""

    def __init__(self, files: Files, processes: Processes, ripgrep: str | None) -> None:
        self._files, self._processes, self._ripgrep = files, processes, ripgrep

    async def find(self, query: Query) -> Found:
        """The lines that match, read as the user sees them. Raises SearchRefused or PathRefused."""
        query = replace(query, place=self._files.real(query.place))
        roots.must_lie_inside(query.place)
        open_texts = {
            path: (location, text)
            for path, (location, text) in self._files.unsaved_texts().items()
            if _within(location, query.place) and _wanted(location, query)
        }
        lines: list[Line] = []
        left_out = False
        if query.place.path not in open_texts:
            lines, left_out = await self._find_on_disk(query, set(open_texts))
        for location, text in open_texts.values():
            lines += await self._find_in_text(query, location, text)
        return _bounded(_sorted(lines), left_out)

    async def _find_on_disk(self, query: Query, skipped: set[str]) -> tuple[list[Line], bool]:
        if not await asyncio.to_thread(roots.is_folder, query.place):
            content = await asyncio.to_thread(disk.read, query.place)
            if isinstance(content, Binary):
                return [], False
            return await self._find_in_text(query, query.place, content.text), False
        if self._ripgrep is None:
            matcher = _matcher(query)
            return await asyncio.to_thread(_walk_and_find, query, matcher, skipped)
        argv = [
            self._ripgrep,
            *_flags(query),
            *_rules(query.place),
            "--",
            query.pattern,
            f"./{query.place.relative or '.'}",
        ]
        ended, allowed = await asyncio.gather(self._run(argv, query.place.root.path), self._not_ignored(query))
        shown = query.place.root.rules.judge()
        lines = [
            line
            for line in _parsed(ended.output, query.place)
            if (path := _path(line.shown, query.place)) not in skipped
            and (allowed is None or path in allowed)
            and shown(os.path.relpath(path, query.place.root.path))
        ]
        left_out = ended.left_out > 0 or sum(line.matched for line in lines) > MOST_MATCHES
        return await asyncio.to_thread(_read_by_us, _bounded(_sorted(lines), left_out).lines, query.place), left_out

    async def _not_ignored(self, query: Query) -> set[str] | None:
        """The paths that a search with a glob may look at, for ripgrep's globs bring ignored files back; None: all."""
        if query.glob is None:
            return None
        ended = await self._run(self._listing(query.place), query.place.root.path)
        if ended.left_out:
            return None
        inside = (os.path.normpath(name) for name in os.fsdecode(ended.output).split("\0") if name)
        return {os.path.join(query.place.root.path, name) for name in inside if globs.matches(name, query.glob)}

    async def _find_in_text(self, query: Query, location: Location, text: str) -> list[Line]:
        if self._ripgrep is None:
            matcher = _matcher(query)
            return await asyncio.to_thread(_find_in, query, matcher, location.shown, text)
        argv = [self._ripgrep, *_flags(query, text_only=True), "--", query.pattern, "-"]
        ended = await self._run(argv, query.place.root.path, stdin=text.encode("utf-8", "replace"))
        lines = _parsed(ended.output, query.place)
        return [Line(location.shown, line.number, line.text, line.matched) for line in lines]

    def _listing(self, place: Location) -> list[str]:
        assert self._ripgrep  # noqa: S101 - only asked where there is one
        flags = ["--files", "--no-config", "--hidden", "--glob", "!.git", "--null"]
        return [self._ripgrep, *flags, *_rules(place), f"./{place.relative or '.'}"]

    async def names(self, place: Location) -> tuple[tuple[str, ...], bool]:
        """As `files`, but every path, relative to the root; False where there are more than can be listed.

        Then one path, where the others were cut out, is none.
        """
        if self._ripgrep is None:
            return tuple(await asyncio.to_thread(lambda: sorted(_walk(place, None)))), True
        ended = await self._run(self._listing(place), place.root.path)
        names = [os.path.normpath(name) for name in os.fsdecode(ended.output).split("\0") if name]
        allowed = await asyncio.to_thread(lambda: tuple(filter(place.root.rules.judge(), names)))
        return allowed, not ended.left_out

    async def files(self, place: Location, *, glob: str | None = None, depth: int | None = None) -> Listing:
        """The files below a folder that version control does not ignore. Raises PathRefused."""
        place = self._files.real(place)
        roots.must_lie_inside(place)
        names, complete = await self.names(place)
        listing = await asyncio.to_thread(lambda: _listing(place, sorted(names), glob, depth))
        return await asyncio.to_thread(_there, replace(listing, complete=complete), self._files.roots)

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


def _flags(query: Query, *, text_only: bool = False) -> list[str]:
    flags = ["--json", "--no-config", "--no-messages", "--max-columns", "0", "--crlf"]
    flags += ["--hidden", "--max-count", str(MOST_MATCHES)]
    flags += [] if query.regex else ["--fixed-strings"]
    flags += [] if query.case_sensitive else ["--ignore-case"]
    flags += ["--context", str(query.context_lines)] if query.context_lines else []
    flags += ["--glob", query.glob] if query.glob and not text_only else []
    return [*flags, "--glob", "!.git"]  # the last that matches decides


def _rules(place: Location) -> list[str]:
    """The flags for what the user keeps from the agent; what else decides over files may bring some back."""
    files = [flag for path in place.root.rules.paths for flag in ("--ignore-file", path)]
    return [*files, "--ignore-file-case-insensitive"] if files else []


def _parsed(output: bytes, place: Location) -> Iterator[Line]:
    for raw in output.split(b"\n"):
        if not raw.startswith((b'{"type":"match"', b'{"type":"context"')):
            continue
        try:
            event = json.loads(raw)
        except ValueError:  # the line where the output was cut
            continue
        data = event["data"]
        path = os.path.normpath(os.fsdecode(_bytes(data["path"])))
        shown = path if place.shown == (place.relative or ".") else os.path.join(place.root.name, path)
        text = _text(data["lines"]).rstrip("\r\n")
        yield Line(shown, data["line_number"] or 0, _clipped(text), event["type"] == "match")


def _read_by_us(lines: Sequence[Line], place: Location) -> list[Line]:
    """The lines as they stand beneath the root: the program that found them may have been led outside."""
    read: list[Line] = []
    for shown, group in groupby(lines, key=lambda line: line.shown):
        inside = os.path.relpath(_path(shown, place), place.root.path)
        try:
            content = disk.read(Location(place.root, inside, shown))
        except PathRefused:
            continue
        if isinstance(content, Document):
            found = {line.number: line for line in group}
            texts = _numbered_lines(content.text, found)
            read += [replace(found[number], text=_clipped(text)) for number, text in texts]
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
        return roots.exists(workspace_roots.find(path))
    except PathRefused:
        return False


def _text(data: dict[str, str]) -> str:
    """A line; one that is no UTF-8 as `encodings` reads such files."""
    return data["text"] if "text" in data else base64.b64decode(data["bytes"]).decode("latin-1")


def _bytes(data: dict[str, str]) -> bytes:
    return data["text"].encode() if "text" in data else base64.b64decode(data["bytes"])


def _path(shown: str, place: Location) -> str:
    inside = shown if place.shown == (place.relative or ".") else shown.partition("/")[2]
    return os.path.join(place.root.path, inside)


def _clipped(text: str) -> str:
    return text if len(text) <= _MOST_LINE else f"{text[:_MOST_LINE]}… ({len(text)} characters)"


def _bounded(lines: list[Line], left_out: bool) -> Found:  # noqa: FBT001 - a fact, not a switch
    matches = 0
    for index, line in enumerate(lines):
        matches += line.matched
        if matches > MOST_MATCHES:
            return Found(tuple(lines[:index]), left_out=True)
    return Found(tuple(lines), left_out)


def _sorted(lines: Iterable[Line]) -> list[Line]:
    return sorted(lines, key=lambda line: (line.shown, line.number))


def _within(location: Location, place: Location) -> bool:
    if location.root != place.root:
        return False
    return (
        not place.relative or location.relative == place.relative or location.relative.startswith(place.relative + "/")
    )


def _wanted(location: Location, query: Query) -> bool:
    if query.glob is None:
        return True
    return globs.matches(location.relative, query.glob)


def _listing(place: Location, names: Iterable[str], glob: str | None, depth: int | None) -> Listing:
    """Files, and for those deeper than `depth` the folder at that depth."""
    kept: dict[str, None] = {}
    for name in names:
        below = os.path.relpath(name, place.relative) if place.relative else name
        if glob and not (globs.matches(below, glob) or globs.matches(name, glob)):
            continue
        parts = below.split(os.sep)
        shortened = "/".join(parts[:depth]) + "/" if depth and len(parts) > depth else below
        kept[shortened if place.shown == "." else os.path.join(place.shown, shortened)] = None
    paths = tuple(kept)
    return Listing(paths[:MOST_LISTED], max(0, len(paths) - MOST_LISTED))


def _walk(place: Location, glob: str | None) -> Iterator[str]:
    """Relative paths of files below a folder, sorted, links not followed (`.gitignore` is not read here)."""
    shown = place.root.rules.judge()
    for folder, folders, names in os.walk(place.path):
        folders[:] = sorted(name for name in folders if name not in _SKIPPED)
        for name in sorted(name for name in names if not os.path.islink(os.path.join(folder, name))):
            relative = os.path.relpath(os.path.join(folder, name), place.root.path)
            if (glob is None or globs.matches(relative, glob)) and shown(relative):
                yield relative


def _matcher(query: Query) -> Callable[[str], bool]:
    if query.regex:  # Python's could run for hours on a bad pattern, and hold everything else up
        raise SearchRefused("regular expressions need ripgrep, which is not installed: search for words instead")
    pattern = re.compile(re.escape(query.pattern), 0 if query.case_sensitive else re.IGNORECASE)
    return lambda line: pattern.search(line) is not None


def _walk_and_find(query: Query, matches: Callable[[str], bool], skipped: set[str]) -> tuple[list[Line], bool]:
    found: list[Line] = []
    count = 0
    for relative in _walk(query.place, query.glob):
        location = Location(query.place.root, relative, relative)
        if location.path in skipped:
            continue
        try:
            content = disk.read(location)
        except PathRefused:
            continue
        if isinstance(content, Binary):
            continue
        prefix = "" if query.place.shown == (query.place.relative or ".") else f"{query.place.root.name}/"
        lines = _find_in(query, matches, prefix + relative, content.text)
        count += sum(line.matched for line in lines)
        found += lines
        if count > MOST_MATCHES:
            return found, True
    return found, False


def _find_in(query: Query, matches: Callable[[str], bool], shown: str, text: str) -> list[Line]:
    lines = [line.rstrip("\r\n") for line in lines_of(text)]
    hits = {index for index, line in enumerate(lines) if matches(line)}
    around = {near for hit in hits for near in range(hit - query.context_lines, hit + query.context_lines + 1)}
    wanted = sorted(index for index in hits | around if 0 <= index < len(lines))
    return [Line(shown, index + 1, _clipped(lines[index]), index in hits) for index in wanted]
