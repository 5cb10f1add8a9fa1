"""Texts replaced, exactly once or everywhere, or refused with the nearest place."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import get_close_matches

from agent_lsp.conversation.diffs import lines_of

_MOST_LINES, _MOST_COMPARED = 4_000, 200
"""Lines among which the nearest one is looked for, and characters of each that are compared."""
_MOST_PLACES = 10
_LINE_END = re.compile(r"\r\n|\n|\r")


class EditRefused(Exception):
    """An edit does not fit the text; the message tells the model what to do about it."""


@dataclass(frozen=True, slots=True)
class Replacement:
    """`old` becomes `new`, once or `everywhere`."""

    old: str
    new: str
    everywhere: bool = False


def replaced(text: str, replacements: Sequence[Replacement]) -> str:
    """The text after all replacements, one after another. Raises EditRefused, naming the one that does not fit."""
    for number, replacement in enumerate(replacements, 1):
        text = _replaced_once(text, replacement, f"edit {number}: " if len(replacements) > 1 else "")
    return text


def _replaced_once(text: str, replacement: Replacement, which: str) -> str:
    if not replacement.old:
        raise EditRefused(f"{which}old_text is empty: quote the text to replace, or use write_file for a new file")
    if replacement.old == replacement.new:
        raise EditRefused(f"{which}old_text and new_text are the same")
    old, new = replacement.old, replacement.new
    if (old not in text and "\r\n" in text) or ("\n" not in old and line_end_of(text) == "\r\n"):
        old, new = with_line_ends(old, "\r\n"), with_line_ends(new, "\r\n")
    count = text.count(old)
    if count == 0:
        raise EditRefused(f"{which}old_text is not in the file.{_nearest(text, replacement.old)}")
    if count > 1 and not replacement.everywhere:
        places = ", ".join(str(line) for line in _lines_with(text, old))
        raise EditRefused(
            f"{which}old_text is in the file {count} times (lines {places}): quote more of what stands around it,"
            " or set all to true"
        )
    return text.replace(old, new)


def _nearest(text: str, old: str) -> str:
    wanted = next((line.strip() for line in lines_of(old) if line.strip()), "")[:_MOST_COMPARED]
    lines = [line.strip()[:_MOST_COMPARED] for line in lines_of(text)[:_MOST_LINES]]
    near = get_close_matches(wanted, lines, n=1, cutoff=0.6) if wanted else []
    if not near:
        return " Read the file again."
    return f" The nearest to its first line is line {lines.index(near[0]) + 1}: {near[0]!r}. Copy the text exactly."


def _lines_with(text: str, old: str) -> list[int]:
    """The lines in which the first ten occurrences begin."""
    found: list[int] = []
    place, line, counted = text.find(old), 1, 0
    while place >= 0 and len(found) < _MOST_PLACES:
        line, counted = line + len(_LINE_END.findall(text, counted, place)), place
        found.append(line)
        place = text.find(old, place + len(old))
    return found


def with_line_ends(text: str, end: str) -> str:
    """The text with all its line ends made `end`."""
    return _LINE_END.sub(end, text)


def line_end_of(text: str) -> str:
    """The line end that a text uses: CR LF if more than half of its lines have it, else LF."""
    return "\r\n" if text.count("\r\n") * 2 > text.count("\n") else "\n"
