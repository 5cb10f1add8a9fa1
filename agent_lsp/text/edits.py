"""Texts replaced, exactly once or everywhere, else but for blanks, or refused with the nearest place."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches

from agent_lsp.text.diffs import applied, compared, lines_of
from agent_lsp.text.matching import Ambiguous, Match, replaced_but_for_blanks

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


@dataclass(frozen=True, slots=True)
class Replaced:
    """The text after all replacements; `notes` show the lines that were matched but for blanks."""

    text: str
    notes: tuple[str, ...] = ()


def replaced(text: str, replacements: Sequence[Replacement]) -> Replaced:
    """The text after all replacements, one after another. Raises EditRefused, naming the one that does not fit."""
    notes: list[str] = []
    for number, replacement in enumerate(replacements, 1):
        which = f"edit {number}: " if len(replacements) > 1 else ""
        made = _replaced_once(text, replacement, which)
        if isinstance(made, Match):
            notes.append(f"{which}old_text was matched but for blanks; replaced were the lines\n{made.shown}")
        text = made if isinstance(made, str) else made.text
    return Replaced(text, tuple(notes))


def _replaced_once(text: str, replacement: Replacement, which: str) -> str | Match:
    if not replacement.old:
        raise EditRefused(f"{which}old_text is empty: quote the text to replace, or use write_file for a new file")
    if replacement.old == replacement.new:
        raise EditRefused(f"{which}old_text and new_text are the same")
    old, new = _in_the_line_ends_of(text, replacement)
    count = text.count(old)
    if count == 0:
        return _replaced_but_for_blanks(text, replacement, which)
    if count > 1 and not replacement.everywhere:
        places = ", ".join(str(line) for line in _lines_with(text, old))
        raise EditRefused(
            f"{which}old_text is in the file {count} times (lines {places}): quote more of what stands around it,"
            " or set all to true"
        )
    return text.replace(old, new)


def _in_the_line_ends_of(text: str, replacement: Replacement) -> tuple[str, str]:
    """Both texts with CR LF where that is how `old` stands in a text: an LF at its start may be half of one."""
    old, new = with_line_ends(replacement.old, "\r\n"), with_line_ends(replacement.new, "\r\n")
    mostly = line_end_of(text) == "\r\n"
    if "\r\n" in text and (replacement.old not in text or (mostly and old in text)):
        return old, new
    return replacement.old, replacement.new


def _replaced_but_for_blanks(text: str, replacement: Replacement, which: str) -> Match:
    try:
        match = None if replacement.everywhere else replaced_but_for_blanks(text, replacement.old, replacement.new)
    except Ambiguous as ambiguous:
        places = ", ".join(str(line) for line in ambiguous.lines[:_MOST_PLACES])
        raise EditRefused(
            f"{which}old_text is not in the file; but for blanks it is, at lines {places}: copy the right one exactly"
        ) from ambiguous
    if match is None:
        raise EditRefused(f"{which}old_text is not in the file.{_nearest(text, replacement.old)}")
    return match


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


def rewritten(text: str, content: str) -> str:
    """`content` in the line ends of `text`: lines that are in both keep theirs, others get that of most lines."""
    end = line_end_of(text)
    if with_line_ends(text, end) == text:
        return with_line_ends(content, end)
    hunks = compared(with_line_ends(text, "\n"), with_line_ends(content, "\n"))
    return applied(text, [replace(hunk, new=with_line_ends(hunk.new, end)) for hunk in hunks])


def with_line_ends(text: str, end: str) -> str:
    """The text with all its line ends made `end`."""
    return _LINE_END.sub(end, text)


def line_end_of(text: str) -> str:
    """The line end that a text uses: CR LF if more than half of its lines have it, else LF."""
    return "\r\n" if text.count("\r\n") * 2 > text.count("\n") else "\n"
