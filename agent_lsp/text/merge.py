"""Two changes of one text made together: three-way, by hunks."""

from __future__ import annotations

from agent_lsp.conversation.actions import FileChange, Hunk
from agent_lsp.text.diffs import applied, compared, lines_of

_MOST_SHOWN = 2_000


class Conflict(Exception):
    """Both sides changed the same lines; the message shows both."""


def merged(change: FileChange, now: str) -> str:
    """The text with the change and with what makes `now` of its `before`. Hunks that are equal are made once.

    Raises Conflict where hunks overlap or touch. Takes as long as `compared`: call it in a thread above 64 KB.
    """
    base, after = change.before or "", change.after or ""
    if now == base:
        return after
    theirs = compared(base, now)
    ours = [hunk for hunk in change.hunks or compared(base, after) if not any(_same(hunk, other) for other in theirs)]
    clashes = [(hunk, other) for hunk in ours for other in theirs if _touch(hunk, other)]
    if clashes:
        raise Conflict("".join(_shown(*clash) for clash in clashes)[:_MOST_SHOWN])
    return applied(base, sorted([*ours, *theirs], key=lambda hunk: hunk.old_start))


def stands(change: FileChange, now: str) -> bool:
    """Whether `now` is a text to which the change was made, and nothing in the lines that it made since.

    Takes as long as `compared`: call it in a thread above 64 KB.
    """
    before, after = change.before or "", change.after or ""
    if distance(now, before) <= distance(now, after):
        return False
    since = compared(after, now)
    return not any(_in_lines_of(hunk, other) for hunk in change.hunks or compared(before, after) for other in since)


def differences(wanted: str, now: str) -> str:
    """Both sides of the lines that are not as they were wanted. Takes as long as `compared`."""
    shown = (_sides(hunk.new_start, hunk.new, hunk.old) for hunk in compared(wanted, now))
    return "".join(shown)[:_MOST_SHOWN]


def distance(one: str, other: str) -> int:
    """How many lines differ. Takes as long as `compared`."""
    return sum(len(lines_of(hunk.old)) + len(lines_of(hunk.new)) for hunk in compared(one, other))


def _same(one: Hunk, other: Hunk) -> bool:
    return (one.old_start, one.old, one.new) == (other.old_start, other.old, other.new)


def _touch(one: Hunk, other: Hunk) -> bool:
    """Whether no unchanged line lies between: then nobody can tell in which order the two belong."""
    return one.old_start <= _end(other) and other.old_start <= _end(one)


def _end(hunk: Hunk) -> int:
    return hunk.old_start + len(lines_of(hunk.old))


def _in_lines_of(made: Hunk, since: Hunk) -> bool:
    """Whether a later hunk is among the lines that another one made, or at the place whose lines it took away."""
    end, since_end = made.new_start + len(lines_of(made.new)), _end(since)
    if not made.new:
        return since.old_start <= end and made.new_start <= since_end
    return since.old_start < end and made.new_start < since_end


def _shown(ours: Hunk, theirs: Hunk) -> str:
    return _sides(theirs.new_start, theirs.new, ours.new)


def _sides(line: int, now: str, wanted: str) -> str:
    return f"[now, from line {line}:]\n{_whole(now)}[you wanted:]\n{_whole(wanted)}"


def _whole(text: str) -> str:
    if not text:
        return "(nothing)\n"
    return text if text.endswith(("\n", "\r")) else f"{text}\n"
