"""Where a passage stands whose blanks are not quite the file's, and its replacement in the file's own blanks."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from itertools import pairwise

from agent_lsp.text.diffs import lines_of

_BLANKS = " \t"
_MOST_SHOWN = 12


class Ambiguous(Exception):
    """The passage fits in several places; `lines` are the first lines of them, 1-based."""

    def __init__(self, lines: Sequence[int]) -> None:
        super().__init__()
        self.lines = lines


@dataclass(frozen=True, slots=True)
class Match:
    """The text after the replacement, and the lines that were matched as they stood, with their numbers."""

    text: str
    shown: str


def replaced_but_for_blanks(text: str, old: str, new: str) -> Match | None:
    """Whole lines that are those of `old` but for indentation, trailing blanks and line ends, replaced by `new`.

    None where there are none, or where nobody can tell how `new` is to be indented. Lines that `new` has as `old` has
    them stay as they stand in the file. Raises Ambiguous.
    """
    if not _end(old):  # the last line's end is neither quoted nor replaced: the same as if it were both
        old, new = f"{old}\n", f"{new}\n"
    lines, wanted = lines_of(text), lines_of(old)
    places = _places(lines, wanted)
    if len(places) > 1:
        raise Ambiguous([place + 1 for place in places])
    if not places:
        return None
    place, end = places[0], places[0] + len(wanted)
    made = _rewritten(lines[place:end], wanted, lines_of(new), _line_end(lines[place:end], lines))
    if made is None:
        return None
    return Match("".join([*lines[:place], made, *lines[end:]]), _numbered(lines[place:end], place + 1))


def _places(lines: Sequence[str], wanted: Sequence[str]) -> list[int]:
    key, bare = [line.strip() for line in wanted], [line.strip() for line in lines]
    if not any(key):
        return []
    last = len(bare) - len(key)
    return [at for at in range(last + 1) if bare[at] == key[0] and bare[at : at + len(key)] == key]


def _rewritten(found: Sequence[str], wanted: Sequence[str], new: Sequence[str], end: str) -> str | None:
    indents = _indents(wanted, found)
    if indents is None:
        return None
    made: list[str] = []
    matcher = SequenceMatcher(None, [_plain(line) for line in wanted], [_plain(line) for line in new], autojunk=False)
    for tag, a, b, c, d in matcher.get_opcodes():
        if tag == "equal":
            made += found[a:b]
            continue
        for line in new[c:d]:
            indent = _indent_for(_indent(line), indents)
            if indent is None and line.strip():
                return None
            made.append(_written(line, indent or "", end))
    text = "".join(made)
    return text if _end(found[-1]) else text.removesuffix(_end(text))


def _indents(wanted: Iterable[str], found: Iterable[str]) -> dict[str, str] | None:
    """The file's indentation for each of the passage's; None where one stands for several."""
    indents: dict[str, str] = {}
    for line, theirs in zip(wanted, found, strict=True):
        if line.strip() and indents.setdefault(_indent(line), _indent(theirs)) != _indent(theirs):
            return None
    return indents


def _indent_for(indent: str, indents: Mapping[str, str]) -> str | None:
    """The file's indentation for one that may not stand in the passage: deeper or less deep than one that does."""
    if indent in indents:
        return indents[indent]
    inner = max((known for known in indents if indent.startswith(known)), key=len, default=None)
    if inner is not None:
        return indents[inner] + _scaled(indent[len(inner) :], indents)
    outer = min((known for known in indents if known.startswith(indent)), key=len, default=None)
    if outer is None:
        return None
    less = _scaled(outer[len(indent) :], indents)
    return indents[outer].removesuffix(less) if indents[outer].endswith(less) else None


def _scaled(blanks: str, indents: Mapping[str, str]) -> str:
    """Blanks of the passage as the file writes as many levels."""
    known = sorted(indents.items(), key=lambda pair: len(pair[0]))
    if len(known) == 1 and known[0][0] and known[0][1][-1:] not in {"", known[0][0][-1]}:
        known.insert(0, ("", ""))  # tabs for spaces: both begin at the margin
    for (less, theirs_less), (more, theirs_more) in pairwise(known):
        ours, theirs = len(more) - len(less), len(theirs_more) - len(theirs_less)
        if theirs > 0 and len(blanks) * theirs % ours == 0:
            return theirs_more[-1] * (len(blanks) * theirs // ours)
    return blanks


def _written(line: str, indent: str, end: str) -> str:
    body = line.strip("\r\n").lstrip(_BLANKS)
    return (indent + body if body else "") + (end if _end(line) else "")


def _plain(line: str) -> str:
    return line.rstrip("\r\n") + ("\n" if _end(line) else "")


def _indent(line: str) -> str:
    return line[: len(line) - len(line.lstrip(_BLANKS))]


def _end(text: str) -> str:
    """The line end at a text's very end."""
    return next((end for end in ("\r\n", "\n", "\r") if text.endswith(end)), "")


def _line_end(found: Sequence[str], lines: Sequence[str]) -> str:
    return next((end for line in (*found, *lines) if (end := _end(line))), "\n")


def _numbered(lines: Sequence[str], first: int) -> str:
    shown = [f"{number}\t{line.rstrip()}" for number, line in enumerate(lines[:_MOST_SHOWN], first)]
    return "\n".join([*shown, "…"] if len(lines) > _MOST_SHOWN else shown)
