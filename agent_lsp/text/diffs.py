"""A change's lines: compared into hunks, some hunks of many kept, printed as a unified diff."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import replace
from difflib import SequenceMatcher

from agent_lsp.conversation.actions import FileChange, Hunk

_LINE = re.compile(r"[^\r\n]*(?:\r\n|\n|\r)|[^\r\n]+\Z")
_MOST_COMPARED = 4_000
"""Lines on either side beyond which a changed region is one hunk: comparing takes their product in time."""
_MOST_PAIRS = 200_000
"""Pairs of equal lines beyond which frequent lines are no longer compared (difflib's `autojunk`)."""

_Span = tuple[int, int, int, int]
"""Lines `[a:b]` of the old text become lines `[c:d]` of the new one, counted from 0."""


def lines_of(text: str) -> list[str]:
    """The lines with their ends; CR LF, LF and CR end a line and nothing else does (LSP 3.17, text documents)."""
    return [line[0] for line in _LINE.finditer(text)]  # not `findall`: it lets no other thread run before its end


def compared(before: str, after: str) -> tuple[Hunk, ...]:
    """The hunks that turn `before` into `after`. Time is bounded; call it in a thread above 64 KB."""
    old, new = lines_of(before), lines_of(after)
    return tuple(
        Hunk(str(number), a + 1, "".join(old[a:b]), c + 1, "".join(new[c:d]))
        for number, (a, b, c, d) in enumerate(_spans_between(old, new), 1)
    )


def _spans_between(old: Sequence[str], new: Sequence[str]) -> list[_Span]:
    same = _same_start(old, new)
    tail = _same_start(old[same:][::-1], new[same:][::-1])
    middle = old[same : len(old) - tail], new[same : len(new) - tail]
    return [(same + a, same + b, same + c, same + d) for a, b, c, d in _spans(*middle)]


def _same_start(old: Sequence[str], new: Sequence[str]) -> int:
    for index, (one, other) in enumerate(zip(old, new, strict=False)):
        if one != other:
            return index
    return min(len(old), len(new))


def _spans(old: Sequence[str], new: Sequence[str]) -> list[_Span]:
    if not old and not new:
        return []
    if max(len(old), len(new)) > _MOST_COMPARED:
        return [(0, len(old), 0, len(new))]
    often = Counter(new)
    many = sum(count * often[line] for line, count in Counter(old).items()) > _MOST_PAIRS
    matcher = SequenceMatcher(None, old, new, autojunk=many)
    return [(a, b, c, d) for tag, a, b, c, d in matcher.get_opcodes() if tag != "equal"]


def with_hunks(change: FileChange, kept: Collection[str]) -> FileChange:
    """The smaller change that makes only the hunks with these ids; creating and deleting are made whole.

    Raises ValueError for an id the change does not have.
    """
    unknown = set(kept) - {hunk.id for hunk in change.hunks}
    if unknown:
        raise ValueError(f"no hunk {min(unknown)!r}; hunks are: {', '.join(h.id for h in change.hunks)}")
    if change.before is None or change.after is None or len(set(kept)) == len(change.hunks):
        return change
    chosen = _placed(hunk for hunk in change.hunks if hunk.id in kept)
    return replace(change, after=applied(change.before, chosen), hunks=chosen)


def _placed(hunks: Iterable[Hunk]) -> tuple[Hunk, ...]:
    """Hunks with the places that their new lines get when the others are not made."""
    placed, shift = [], 0
    for hunk in hunks:
        placed.append(replace(hunk, new_start=hunk.old_start + shift))
        shift += len(lines_of(hunk.new)) - len(lines_of(hunk.old))
    return tuple(placed)


def applied(before: str, hunks: Sequence[Hunk]) -> str:
    """The text that hunks, in order of place and apart from one another, make of `before`."""
    lines, done, made = lines_of(before), 0, []
    for hunk in hunks:
        made += [*lines[done : hunk.old_start - 1], hunk.new]
        done = hunk.old_start - 1 + len(lines_of(hunk.old))
    return "".join(made + lines[done:])


def unified(change: FileChange, *, context: int = 3) -> str:
    """The change as a unified diff, as `diff -u` would print it: there only LF ends a line."""
    return "".join(printed(change, context=context))


def printed(change: FileChange, *, context: int = 3) -> Iterator[str]:
    """The lines of a unified diff, one after another; nobody else waits while a large one is made in a thread."""
    yield _named("---", "a", change, change.before)
    yield _named("+++", "b", change, change.after)
    old, new = list(_split(change.before or "")), list(_split(change.after or ""))
    for group in _grouped(_whole_lines(change, old, new), context):
        yield from _group(group, old, new, context)


def _split(text: str) -> Iterator[str]:
    at = 0
    while at < len(text):
        end = text.find("\n", at) + 1 or len(text)
        yield text[at:end]
        at = end


def _named(mark: str, side: str, change: FileChange, text: str | None) -> str:
    """The line that names a file, quoted and ended with a tab where git does so."""
    if text is None:
        return f"{mark} /dev/null\n"
    name = f"{side}/{change.shown}"
    if re.search(r'[\x00-\x1f\x7f"\\]', name):
        return f'{mark} "{"".join(map(_quoted, name))}"\n'
    return f"{mark} {name}\t\n" if " " in name else f"{mark} {name}\n"


def _quoted(char: str) -> str:
    if char in '"\\':
        return f"\\{char}"
    return (
        {"\n": "\\n", "\t": "\\t", "\r": "\\r"}.get(char, f"\\{ord(char):03o}")
        if char < " " or char == "\x7f"
        else char
    )


def _whole_lines(change: FileChange, old: Sequence[str], new: Sequence[str]) -> list[_Span]:
    """The hunks as spans; where a CR alone ends lines, the texts are compared anew in lines that LF ends."""
    if any("\r" in text and re.search(r"\r(?!\n)", text) for text in (change.before, change.after) if text):
        return _spans_between(old, new)
    return [_span(hunk) for hunk in change.hunks]


def _span(hunk: Hunk) -> _Span:
    a, c = hunk.old_start - 1, hunk.new_start - 1
    return a, a + len(lines_of(hunk.old)), c, c + len(lines_of(hunk.new))


def _grouped(spans: Sequence[_Span], context: int) -> list[list[_Span]]:
    groups: list[list[_Span]] = []
    for span in spans:
        if groups and span[0] - groups[-1][-1][1] <= 2 * context:
            groups[-1].append(span)
        else:
            groups.append([span])
    return groups


def _group(group: Sequence[_Span], old: Sequence[str], new: Sequence[str], context: int) -> Iterator[str]:
    before = min(context, group[0][0])
    after = min(context, len(old) - group[-1][1])
    first, last = group[0][0] - before, group[-1][1] + after
    yield f"@@ -{_range(first, last)} +{_range(group[0][2] - before, group[-1][3] + after)} @@\n"
    at = first
    for a, b, c, d in group:
        yield from (_marked(" ", line) for line in old[at:a])
        yield from (_marked("-", line) for line in old[a:b])
        yield from (_marked("+", line) for line in new[c:d])
        at = b
    yield from (_marked(" ", line) for line in old[at:last])


def _range(first: int, last: int) -> str:
    return f"{first + (last > first)},{last - first}"


def _marked(mark: str, line: str) -> str:
    return f"{mark}{line}" if line.endswith("\n") else f"{mark}{line}\n\\ No newline at end of file\n"
