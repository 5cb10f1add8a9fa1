"""What is searched for and what is found, as values, within bounds."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass

from agent_lsp.files.location import Location
from agent_lsp.search import globs

MOST_MATCHES, MOST_LISTED, _MOST_LINE = 500, 2_000, 400


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

    def covers(self, location: Location) -> bool:
        """Whether a file lies in the place and, by its name, is one of those that are searched."""
        place = self.place
        inside = location.relative.startswith(f"{place.relative}/") if place.relative else True
        if location.root != place.root or not (inside or location.relative == place.relative):
            return False
        return self.glob is None or globs.matches(location.relative, self.glob)


@dataclass(frozen=True, slots=True)
class SearchLine:
    """A line found, or one beside it (`matched` False). `number` is 1-based."""

    shown: str
    number: int
    text: str
    matched: bool


@dataclass(frozen=True, slots=True)
class SearchResult:
    """Lines in order of path; `left_out` when there are more matches than were looked for."""

    lines: tuple[SearchLine, ...]
    left_out: bool


@dataclass(frozen=True, slots=True)
class Listing:
    """Paths as users read them; folders end in a slash. Where it is not `complete`, yet more were not looked at."""

    paths: tuple[str, ...]
    left_out: int
    complete: bool = True


def bounded(lines: Iterable[SearchLine], left_out: bool) -> SearchResult:  # noqa: FBT001 - a fact, not a switch
    """The lines in order, as far as there may be; `left_out` says that others were not looked for."""
    kept, matches = sorted(lines, key=lambda line: (line.shown, line.number)), 0
    for index, line in enumerate(kept):
        matches += line.matched
        if matches > MOST_MATCHES:
            return SearchResult(tuple(kept[:index]), left_out=True)
    return SearchResult(tuple(kept), left_out)


def listed(place: Location, names: Iterable[str], glob: str | None, depth: int | None) -> Listing:
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


def clipped(text: str) -> str:
    """A line as far as it is shown."""
    return text if len(text) <= _MOST_LINE else f"{text[:_MOST_LINE]}… ({len(text)} characters)"


def path_of_shown(shown: str, place: Location) -> str:
    """The absolute path that a line of this place is shown under."""
    inside = shown if place.shown == (place.relative or ".") else shown.partition("/")[2]
    return os.path.join(place.root.path, inside)
