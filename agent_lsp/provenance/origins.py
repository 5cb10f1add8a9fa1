"""Whose words a file holds: the project's own, or those of others whom nobody here has chosen to trust."""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path, PurePath
from typing import Protocol

from agent_lsp.conversation.messages import Origin, Provenance
from agent_lsp.conversation.uris import path_of
from agent_lsp.files.file_state import look, text_of
from agent_lsp.files.files import Files
from agent_lsp.files.location import Location, PathRefused
from agent_lsp.files.openat import real_path
from agent_lsp.provenance import gitignore
from agent_lsp.provenance.passages import PassageText

_DEPENDENCIES = frozenset(
    {
        "node_modules",
        "bower_components",
        "jspm_packages",
        "site-packages",
        "dist-packages",
        ".venv",
        "venv",
        ".tox",
        ".nox",
        ".eggs",
        "vendor",
        "third_party",
        "pods",
        "carthage",
        "deps",
        "target",
        ".cargo",
        ".gradle",
        ".m2",
        ".yarn",
        ".pnpm-store",
        ".terraform",
    }
)
"""Folders that tools of many languages put the work of others into."""
_PROGRAMS = frozenset({"bin", ".bin", "scripts"})
"""Folders whose files are run, not read."""
_OF_THE_MACHINE = frozenset({"usr", "etc", "bin", "sbin", "lib", "lib64", "opt", "nix", "dev", "proc", "sys"})
"""Folders at the top whose files came with the system, or with programs that the user installed."""
_QUOTES = re.compile(r"[\\'\"]")
_WORD = re.compile(r"[^\s'\"=:;,|&<>()]+")
_PROGRAM = re.compile(
    r"(?:^|[;&|(\n])\s*(?:(?:\w+=[^\s;&|]*|exec|time|nice|timeout\s+[\w.]+)\s+)*([^\s'\"=:;,|&<>()]+)"
)
"""Where a program stands in a line, as a rule; of a word elsewhere it is not known that it is only run."""
_MOST_NAMED, _MOST_WORDS = 3, 1_000
_MOST_WRITTEN, _MOST_COMPARED = 500, 1 << 20
"""Files, and characters, that what a command printed is compared with: the latest."""
_DEPENDENCY, _IGNORED, _WRITTEN = "a dependency", "git leaves it out", "written after untrusted text was read"
_ELSEWHERE = "it lies outside the workspace"


class Written(Protocol):
    """Knows the files that were written after untrusted text was read."""

    async def tainted(self, files: Sequence[tuple[str, str]]) -> Sequence[bool]:
        """Whether each is one of them: its URI, and its content's SHA-256 in hex, empty where that is not known."""

    async def any_tainted(self) -> bool:
        """Whether there are any."""

    async def uris(self) -> Sequence[str]:
        """Where they were written, the latest last."""


class Origins:
    """Tells where the text of files comes from."""

    def __init__(self, files: Files, written: Written) -> None:
        self._files, self._written = files, written

    async def of(self, paths: Iterable[str]) -> Origin:
        """The origin of a text made of these files, by paths as tools take them: untrusted if one is."""
        places = [*self._places(paths)]
        return _told(await self._foreign(places))

    async def of_names(self, paths: Iterable[str]) -> Origin:
        """The origin of a text that only names these files."""
        places = [*self._places(paths)]
        return _told(await self._among_written(places, names=True))

    async def of_line(self, line: str, cwd: str) -> Origin:
        """The origin of what a command prints that can read only what is there, by the files that its line names."""
        words = [cwd, *dict.fromkeys(_WORD.findall(line) + _WORD.findall(_QUOTES.sub("", line)))]
        run = frozenset(_PROGRAM.findall(line))
        places, found = await asyncio.to_thread(self._named, words[:_MOST_WORDS], cwd, run)
        found = found or await self._among_written(places, names=False)
        return _told(found) if found else Origin(Provenance.PROJECT, f"a command: {line}")

    def _named(self, words: Sequence[str], cwd: str, run: frozenset[str]) -> tuple[Sequence[Location], dict[str, str]]:
        """The files that words of a line name, and why they are not the project's own, by their names. Blocks."""
        paths = [*_readable(words, cwd, run)]
        places = [*self._places(paths)]
        return places, self._outside(paths) or self._by_place(places)

    async def of_output(self, text: str) -> Origin:
        """The origin of what a command printed: untrusted if it repeats a passage of a file that was written so."""
        if not await self._written.any_tainted():
            return Origin(Provenance.PROJECT, "a command")
        paths = [path for uri in await self._written.uris() if (path := path_of(uri))]
        places = [place for place in self._places(paths) if self._is_inside(place.path)]
        printed = PassageText(
            text if len(text) <= _MOST_COMPARED else text[: _MOST_COMPARED // 2] + text[-_MOST_COMPARED // 2 :]
        )
        room, found = _MOST_COMPARED, dict[str, str]()
        for place in reversed(places[-_MOST_WRITTEN:]):
            words = await self._words_at(place)
            if len(words) > room:
                continue
            room -= len(words)
            if await asyncio.to_thread(printed.repeats, words):
                found |= await self._among_written([place], names=False)
        return _told(found)

    async def _words_at(self, place: Location) -> str:
        """The text that programs see at a place, with the one that the user sees if that is another."""
        with suppress(PathRefused):
            held = await look(self._files, place.path)
            contents = {held.data, held.disk.data if held.disk else None}
            return "\n".join(text for data in contents if (text := text_of(data)))
        return ""

    def _outside(self, paths: Sequence[str]) -> dict[str, str]:
        """Why files are nobody's here that a command reads, and no tool: they lie outside, also by way of a link."""
        reals = ((path, real_path(path)) for path in paths)
        return {path: _ELSEWHERE for path, real in reals if not (self._is_inside(real) or _is_installed(real))}

    def _is_inside(self, real: str) -> bool:
        with suppress(PathRefused):
            return bool(self._files.roots.find(real).root)
        return False

    def _places(self, paths: Iterable[str]) -> Iterator[Location]:
        for path in dict.fromkeys(paths):
            with suppress(PathRefused):  # it is not read either
                yield self._files.roots.find(path)

    async def _foreign(self, places: Sequence[Location]) -> dict[str, str]:
        """Why files are not the project's own, by their names, for those that are not."""
        if not places:
            return {}
        found = await asyncio.to_thread(self._by_place, places)
        return found or await self._among_written(places, names=False)

    def _by_place(self, places: Sequence[Location]) -> dict[str, str]:
        judged = gitignore.judge()
        found = {place.shown: self._why(place, judged) for place in places}
        return {shown: why for shown, why in found.items() if why}

    def _why(self, place: Location, judged: gitignore.Judge) -> str:
        real = real_path(place.path)
        elsewhere = () if real == place.path else self._parts(real)
        parts = {part.casefold() for part in (*PurePath(place.relative).parts, *elsewhere)}
        if parts & _DEPENDENCIES:
            return _DEPENDENCY
        return _IGNORED if judged(place.path) or judged(real) else ""

    def _parts(self, real: str) -> tuple[str, ...]:
        with suppress(PathRefused):
            return PurePath(self._files.roots.find(real).relative).parts
        return PurePath(real).parts

    async def _among_written(self, places: Sequence[Location], *, names: bool) -> dict[str, str]:
        if not places or not await self._written.any_tainted():
            return {}
        asked = [(place.shown, *one) for place in places for one in await self._contents(place, names=names)]
        known = await self._written.tainted([(uri, digest) for _, uri, digest in asked])
        return {shown: _WRITTEN for (shown, *_), tainted in zip(asked, known, strict=True) if tainted}

    async def _contents(self, place: Location, *, names: bool) -> set[tuple[str, str]]:
        """The URIs of a place, with what editor and disk hold there."""
        uris = {place.uri, self._files.real(place).uri}
        digests = {""}
        if not names:
            with suppress(PathRefused):
                held = await look(self._files, place.path)
                digests = {version.digest for version in (held.version, held.on_disk) if version} or digests
        return {(uri, digest) for uri in uris for digest in digests}


def _told(foreign: dict[str, str]) -> Origin:
    if not foreign:
        return Origin(Provenance.PROJECT, "files of the project")
    named = [f"{shown} ({why})" for shown, why in foreign.items()]
    more = f" and {len(named) - _MOST_NAMED} more" if len(named) > _MOST_NAMED else ""
    return Origin(Provenance.FOREIGN, ", ".join(named[:_MOST_NAMED]) + more)


def _readable(words: Iterable[str], cwd: str, run: frozenset[str]) -> Iterator[str]:
    """The absolute paths among a line's words: files, and folders of dependencies, but no program that is `run`."""
    for word in words:
        path = Path(os.path.normpath(Path(cwd, word)))
        if "\0" in word or (word in run and _is_program(path)):
            continue
        if os.path.isfile(path) or any(map(_holds_dependencies, (path, *path.parents))):  # noqa: PTH113 - as below
            yield str(path)


def _holds_dependencies(path: Path) -> bool:
    return path.name.casefold() in _DEPENDENCIES and os.path.isdir(path)  # noqa: PTH112 - Path's own raises for what is too long for a name


def _is_installed(path: str) -> bool:
    return not _OF_THE_MACHINE.isdisjoint(PurePath(path).parts[1:2])


def _is_program(path: Path) -> bool:
    return path.parent.name.casefold() in _PROGRAMS or os.access(path, os.X_OK)
