"""A change's lines: compared into hunks, some hunks of many kept, printed as a unified diff."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import replace
from difflib import SequenceMatcher

from agent_lsp.conversation.actions import FileChange, Hunk

_LINE = re.compile(r"[^\r\n]*(?:\r\n|\n|\r)|[^\r\n]+\Z")
_MOST_COMPARED = 4_000
"""Lines on either side beyond which a changed region is one hunk: comparing takes their product in time."""


def lines_of(text: str) -> list[str]:
    """The lines with their ends; CR LF, LF and CR end a line and nothing else does (LSP 3.17, text documents)."""
    return _LINE.findall(text)


def compared(before: str, after: str) -> tuple[Hunk, ...]:
    """The hunks that turn `before` into `after`. Time is bounded; call it in a thread above 64 KB."""
    old, new = lines_of(before), lines_of(after)
    same = _same_start(old, new)
    tail = _same_start(old[same:][::-1], new[same:][::-1])
    middle = old[same : len(old) - tail], new[same : len(new) - tail]
    spans = _spans(*middle)
    return tuple(
        Hunk(
            id=str(number),
            old_start=same + a + 1,
            old="".join(middle[0][a:b]),
            new_start=same + c + 1,
            new="".join(middle[1][c:d]),
        )
        for number, (a, b, c, d) in enumerate(spans, 1)
    )


def _same_start(old: Sequence[str], new: Sequence[str]) -> int:
    for index, (one, other) in enumerate(zip(old, new, strict=False)):
        if one != other:
            return index
    return min(len(old), len(new))


def _spans(old: list[str], new: list[str]) -> list[tuple[int, int, int, int]]:
    if not old and not new:
        return []
    if max(len(old), len(new)) > _MOST_COMPARED:
        return [(0, len(old), 0, len(new))]
    matcher = SequenceMatcher(None, old, new, autojunk=False)
    return [(a, b, c, d) for tag, a, b, c, d in matcher.get_opcodes() if tag != "equal"]


def with_hunks(change: FileChange, kept: Collection[str]) -> FileChange:
    """The smaller change that makes only the hunks with these ids. Raises ValueError for an id it does not have."""
    unknown = set(kept) - {hunk.id for hunk in change.hunks}
    if unknown:
        raise ValueError(f"no hunk {sorted(unknown)[0]!r}; hunks are: {', '.join(h.id for h in change.hunks)}")
    if change.before is None or change.after is None or len(set(kept)) == len(change.hunks):
        return change
    chosen = tuple(hunk for hunk in change.hunks if hunk.id in kept)
    return replace(change, after=_apply(change.before, chosen), hunks=chosen)


def _apply(before: str, hunks: Sequence[Hunk]) -> str:
    lines, done, made = lines_of(before), 0, []
    for hunk in hunks:
        made += lines[done : hunk.old_start - 1] + [hunk.new]
        done = hunk.old_start - 1 + len(lines_of(hunk.old))
    return "".join(made + lines[done:])


def unified(change: FileChange, *, context: int = 3) -> str:
    """The change as a unified diff, as `diff -u` would print it."""
    before = lines_of(change.before or "")
    old_name = "/dev/null" if change.before is None else f"a/{change.shown}"
    new_name = "/dev/null" if change.after is None else f"b/{change.shown}"
    printed = [f"--- {old_name}\n", f"+++ {new_name}\n"]
    for group in _grouped(change.hunks, context):
        printed += _group(group, before, context)
    return "".join(printed)


def _grouped(hunks: Sequence[Hunk], context: int) -> list[list[Hunk]]:
    groups: list[list[Hunk]] = []
    for hunk in hunks:
        if groups and hunk.old_start - _end(groups[-1][-1]) <= 2 * context:
            groups[-1].append(hunk)
        else:
            groups.append([hunk])
    return groups


def _end(hunk: Hunk) -> int:
    return hunk.old_start + len(lines_of(hunk.old))


def _group(group: Sequence[Hunk], before: Sequence[str], context: int) -> list[str]:
    first = max(1, group[0].old_start - context)
    last = min(len(before), _end(group[-1]) - 1 + context)
    body, at, removed, added = [], first, 0, 0
    for hunk in group:
        body += [_marked(" ", line) for line in before[at - 1 : hunk.old_start - 1]]
        body += [_marked("-", line) for line in lines_of(hunk.old)]
        body += [_marked("+", line) for line in lines_of(hunk.new)]
        removed, added = removed + len(lines_of(hunk.old)), added + len(lines_of(hunk.new))
        at = _end(hunk)
    body += [_marked(" ", line) for line in before[at - 1 : last]]
    old_count = last - first + 1
    new_first = group[0].new_start - (group[0].old_start - first)
    return [f"@@ -{_range(first, old_count)} +{_range(new_first, old_count - removed + added)} @@\n", *body]


def _range(first: int, count: int) -> str:
    return f"{first - (not count)},{count}"


def _marked(mark: str, line: str) -> str:
    text = line.rstrip("\r\n")
    if line.endswith("\r\n"):
        text += "\r"
    return f"{mark}{text}\n" if line[-1:] in "\r\n" else f"{mark}{text}\n\\ No newline at end of file\n"
