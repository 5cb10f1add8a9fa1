"""Search and listing with ripgrep, unsaved buffers on top; a slower walk of our own where ripgrep is missing."""

from __future__ import annotations

import asyncio
import base64
import fnmatch
import json
import os
import re
import shutil
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from agent_lsp.conversation.diffs import lines_of
from agent_lsp.processes import Processes
from agent_lsp.workspace import roots
from agent_lsp.workspace.files import Files
from agent_lsp.workspace.roots import Location, PathRefused

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
    """Paths as users read them; folders end in a slash."""

    paths: tuple[str, ...]
    left_out: int


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
        lines.sort(key=lambda line: (line.shown, line.number))
        return _bounded(lines, left_out)

    async def _find_on_disk(self, query: Query, skipped: set[str]) -> tuple[list[Line], bool]:
        if self._ripgrep is None:
            matcher = _matcher(query)
            return await asyncio.to_thread(_walk_and_find, query, matcher, skipped)
        target = query.place.relative or "."
        argv = [self._ripgrep, *_flags(query), "--", query.pattern, f"./{target}"]
        ended = await self._run(argv, query.place.root.path)
        lines = [line for line in _parsed(ended, query.place) if _path(line, query.place) not in skipped]
        return lines, sum(line.matched for line in lines) > MOST_MATCHES

    async def _find_in_text(self, query: Query, location: Location, text: str) -> list[Line]:
        if self._ripgrep is None:
            return await asyncio.to_thread(_find_in, query, _matcher(query), location.shown, text)
        argv = [self._ripgrep, *_flags(query, text_only=True), "--", query.pattern, "-"]
        output = await self._run(argv, query.place.root.path, stdin=text.encode("utf-8", "replace"))
        return [Line(location.shown, line.number, line.text, line.matched) for line in _parsed(output, query.place)]

    async def files(self, place: Location, *, glob: str | None = None, depth: int | None = None) -> Listing:
        """The files below a folder that version control does not ignore. Raises PathRefused."""
        if self._ripgrep is None:
            names = await asyncio.to_thread(lambda: list(_walk(place, None)))
        else:
            argv = [self._ripgrep, "--files", "--no-config", "--hidden", "--glob", "!.git"]
            argv += ["--null", f"./{place.relative or '.'}"]
            output = await self._run(argv, place.root.path)
            names = sorted(os.path.normpath(name) for name in os.fsdecode(output).split("\0") if name)
        return _listing(place, names, glob, depth)

    async def _run(self, argv: list[str], cwd: str, stdin: bytes | None = None) -> bytes:
        ended = await self._processes.run(argv, cwd=cwd, timeout_seconds=_SECONDS, most_bytes=_MOST_BYTES, stdin=stdin)
        if ended.timed_out:
            raise SearchRefused(f"the search took longer than {_SECONDS:.0f} s: search a smaller folder")
        if ended.code == 2 and not ended.output.startswith(b'{"type"'):
            raise SearchRefused(ended.output.decode("utf-8", "replace").strip()[:500])
        return ended.output


def _flags(query: Query, *, text_only: bool = False) -> list[str]:
    flags = ["--json", "--no-config", "--no-messages", "--max-columns", "0", "--crlf"]
    flags += ["--hidden", "--glob", "!.git", "--max-count", str(MOST_MATCHES)]
    flags += [] if query.regex else ["--fixed-strings"]
    flags += [] if query.case_sensitive else ["--ignore-case"]
    flags += ["--context", str(query.context_lines)] if query.context_lines else []
    flags += ["--glob", query.glob] if query.glob and not text_only else []
    return flags


def _parsed(output: bytes, place: Location) -> Iterator[Line]:
    for raw in output.split(b"\n"):
        if not raw.startswith((b'{"type":"match"', b'{"type":"context"')):
            continue
        try:
            event = json.loads(raw)
        except ValueError:  # the line where the output was cut
            continue
        data = event["data"]
        path = os.path.normpath(_text(data["path"]))
        shown = path if place.shown == (place.relative or ".") else os.path.join(place.root.name, path)
        text = _text(data["lines"]).rstrip("\r\n")
        yield Line(shown, data["line_number"] or 0, _clipped(text), event["type"] == "match")


def _text(data: dict[str, str]) -> str:
    if "text" in data:
        return data["text"]
    return base64.b64decode(data["bytes"]).decode("utf-8", "replace")


def _path(line: Line, place: Location) -> str:
    inside = line.shown if place.shown == (place.relative or ".") else line.shown.partition("/")[2]
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


def _within(location: Location, place: Location) -> bool:
    if location.root != place.root:
        return False
    return (
        not place.relative or location.relative == place.relative or location.relative.startswith(place.relative + "/")
    )


def _wanted(location: Location, query: Query) -> bool:
    if query.glob is None:
        return True
    return _globbed(location.relative, query.glob)


def _globbed(relative: str, glob: str) -> bool:
    """As ripgrep's `--glob`: a pattern without a slash is for the name, one with a slash for the path."""
    if glob.startswith("!"):
        return not _globbed(relative, glob[1:])
    options = [glob]
    if match := re.search(r"\{([^{}]*)\}", glob):
        options = [glob[: match.start()] + part + glob[match.end() :] for part in match.group(1).split(",")]
    name = os.path.basename(relative)
    return any(
        fnmatch.fnmatchcase(relative if "/" in option else name, option.removeprefix("/").replace("**/", "*"))
        or fnmatch.fnmatchcase(relative, option.removeprefix("/").replace("**/", ""))
        for option in options
    )


def _listing(place: Location, names: Iterable[str], glob: str | None, depth: int | None) -> Listing:
    """Files, and for those deeper than `depth` the folder at that depth."""
    kept: dict[str, None] = {}
    for name in names:
        below = os.path.relpath(name, place.relative) if place.relative else name
        if glob and not (_globbed(below, glob) or _globbed(name, glob)):
            continue
        parts = below.split(os.sep)
        shortened = "/".join(parts[:depth]) + "/" if depth and len(parts) > depth else below
        kept[shortened if place.shown == "." else os.path.join(place.shown, shortened)] = None
    paths = tuple(kept)
    return Listing(paths[:MOST_LISTED], max(0, len(paths) - MOST_LISTED))


def _walk(place: Location, glob: str | None) -> Iterator[str]:
    """Relative paths of files below a folder, sorted, links not followed (ignore files are not read here)."""
    for folder, folders, names in os.walk(place.path):
        folders[:] = sorted(name for name in folders if name not in _SKIPPED)
        for name in sorted(names):
            relative = os.path.relpath(os.path.join(folder, name), place.root.path)
            if glob is None or _globbed(relative, glob):
                yield relative


def _matcher(query: Query) -> Callable[[str], bool]:
    flags = 0 if query.case_sensitive else re.IGNORECASE
    try:
        pattern = re.compile(query.pattern if query.regex else re.escape(query.pattern), flags)
    except re.error as error:
        raise SearchRefused(f"the pattern is no regular expression: {error}") from error
    return lambda line: pattern.search(line) is not None


def _walk_and_find(query: Query, matches: Callable[[str], bool], skipped: set[str]) -> tuple[list[Line], bool]:
    found: list[Line] = []
    count = 0
    alone = [query.place.relative] if not roots.is_folder(query.place) else _walk(query.place, query.glob)
    for relative in alone:
        location = Location(query.place.root, relative, relative)
        if location.path in skipped:
            continue
        try:
            data = roots.read(location).data
        except PathRefused:
            continue
        if b"\0" in data[:8192]:
            continue
        prefix = "" if query.place.shown == (query.place.relative or ".") else f"{query.place.root.name}/"
        lines = _find_in(query, matches, prefix + relative, data.decode("utf-8", "replace"))
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
