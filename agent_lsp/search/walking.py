"""Search and listing where ripgrep is missing: a slower walk of our own, for words only."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator

from agent_lsp.files import disk
from agent_lsp.files.disk import Binary
from agent_lsp.files.location import Location, PathRefused
from agent_lsp.search import globs
from agent_lsp.search.found import MOST_MATCHES, Query, SearchLine, SearchRefused, clipped
from agent_lsp.text.diffs import lines_of

_SKIPPED = {".git", "node_modules", "__pycache__", ".venv"}


def walked(place: Location, glob: str | None = None) -> Iterator[str]:
    """Relative paths of files below a folder, sorted, links not followed (`.gitignore` is not read here)."""
    shown = place.root.rules.judge()
    for folder, folders, names in os.walk(place.path):
        folders[:] = sorted(name for name in folders if name not in _SKIPPED)
        for name in sorted(name for name in names if not os.path.islink(os.path.join(folder, name))):
            relative = os.path.relpath(os.path.join(folder, name), place.root.path)
            if (glob is None or globs.matches(relative, glob)) and shown(relative):
                yield relative


def find_below(query: Query, skipped: set[str]) -> tuple[list[SearchLine], bool]:
    """The lines that match in all files but those; True where others were left out. Raises SearchRefused."""
    matches = _matcher(query)
    found: list[SearchLine] = []
    count = 0
    for relative in walked(query.place, query.glob):
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
        lines = _found(query, matches, prefix + relative, content.text)
        count += sum(line.matched for line in lines)
        found += lines
        if count > MOST_MATCHES:
            return found, True
    return found, False


def find_in(query: Query, shown: str, text: str) -> list[SearchLine]:
    """The lines of one text that match. Raises SearchRefused."""
    return _found(query, _matcher(query), shown, text)


def _found(query: Query, matches: Callable[[str], bool], shown: str, text: str) -> list[SearchLine]:
    lines = [line.rstrip("\r\n") for line in lines_of(text)]
    hits = {index for index, line in enumerate(lines) if matches(line)}
    around = {near for hit in hits for near in range(hit - query.context_lines, hit + query.context_lines + 1)}
    wanted = sorted(index for index in hits | around if 0 <= index < len(lines))
    return [SearchLine(shown, index + 1, clipped(lines[index]), index in hits) for index in wanted]


def _matcher(query: Query) -> Callable[[str], bool]:
    if query.regex:  # Python's could run for hours on a bad pattern, and hold everything else up
        raise SearchRefused("regular expressions need ripgrep, which is not installed: search for words instead")
    pattern = re.compile(re.escape(query.pattern), 0 if query.case_sensitive else re.IGNORECASE)
    return lambda line: pattern.search(line) is not None
