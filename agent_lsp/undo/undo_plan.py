"""The way back over changes to files, as values: how far it leads, what stands in it, and what is left alone."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from agent_lsp.conversation.actions import Hunk
from agent_lsp.conversation.entries import FileChanged, FileVersion
from agent_lsp.text.diffs import applied, compared, lines_of

SO_ALREADY = "it is like that already"
CHANGED = "it was changed since"
PARTLY = "it was changed between the agent's own changes: only those after that were taken back"
NO_COPY = "no copy was kept: there was no time or room for it, or it is too old"
UNWATCHED = "it has more files than are looked at when a command runs: what it changed in the others is not known"
UNSURE = "who changed it is not certain: it was open in the editor, or the daemon was killed, while a command ran"


@dataclass(frozen=True, slots=True)
class Skipped:
    """A file that was left as it is, or not brought back as far as was asked, and why."""

    uri: str
    why: str


@dataclass(frozen=True, slots=True)
class UndoPlan:
    """What is to be changed: from what is there now to what was there once; and what is left alone.

    `moved` has the two ends of each moved file, both ways: it is brought back or left, never doubled, never lost.
    """

    steps: tuple[FileChanged, ...]
    kept: tuple[Skipped, ...]
    moved: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class FileHunks:
    """What a change made `after` of a text, hunk by hunk."""

    uri: str
    after: str
    hunks: tuple[Hunk, ...]


def same(one: FileVersion | None, other: FileVersion | None) -> bool:
    """Whether two versions have one content; what was not read is never the same."""
    if one is None or other is None:
        return one is other
    return one.digest == other.digest != ""


def way_back(
    links: Sequence[FileChanged], present: FileVersion | None, *, unsure: bool
) -> tuple[FileVersion | None, str]:
    """How far back a file's changes, the oldest first, lead from what is there; and what stands in the way, if any."""
    at = present
    for link in reversed(links):
        if same(link.after, at):
            if not link.sure and not unsure:
                return at, UNSURE
            if link.before and not link.before.digest:
                return at, NO_COPY
            at = _before(link, at)
        elif link.after and not link.after.digest:
            return at, NO_COPY
        elif not same(link.before, at):
            return at, CHANGED if at == present else PARTLY
    return at, ""


def _before(link: FileChanged, at: FileVersion | None) -> FileVersion | None:
    """What was there before a change; permission bits that the user has set since stay."""
    if link.before is None or at is None or link.after is None or at.mode == link.after.mode:
        return link.before
    return replace(link.before, mode=at.mode)


def without(hunks: Sequence[Hunk], after: str, present: str) -> str | None:
    """`present` without the hunks that led to `after`; None where lines in or beside them were changed since."""
    back = [Hunk(hunk.id, hunk.new_start, hunk.new, 0, hunk.old) for hunk in hunks]
    since = compared(after, present)
    if any(_touch(one, other) for one in back for other in since):
        return None
    return applied(after, sorted([*back, *since], key=lambda hunk: hunk.old_start))


def _touch(one: Hunk, other: Hunk) -> bool:
    first, second = sorted((one, other), key=lambda hunk: hunk.old_start)
    return second.old_start <= first.old_start + len(lines_of(first.old))


def by_uri(sets: Iterable[Sequence[FileChanged]]) -> dict[str, list[FileChanged]]:
    """Each file's changes, the oldest first."""
    found: dict[str, list[FileChanged]] = {}
    for changes in sets:
        for change in changes:
            found.setdefault(change.uri, []).append(change)
    return found


def with_moves_whole(plan: UndoPlan) -> UndoPlan:
    """The plan without the one end of a move of which the other is left."""
    left = {kept.uri for kept in plan.kept if kept.why != SO_ALREADY}
    tied = {step.uri: plan.moved[step.uri] for step in plan.steps if plan.moved.get(step.uri) in left}
    steps = tuple(step for step in plan.steps if step.uri not in tied)
    return replace(
        plan, steps=steps, kept=plan.kept + tuple(Skipped(uri, moved_too(other)) for uri, other in tied.items())
    )


def moved_too(other: str) -> str:
    """Why one end of a move is left: for the other is."""
    return f"it was moved, and its other place is kept as it is: {other}"


def moves(changes: Sequence[FileChanged]) -> Iterator[tuple[str, str]]:
    """The two ends of each move among changes that were made at once, both ways."""
    gone: Mapping[str, str] = {one.before.digest: one.uri for one in changes if one.before and one.after is None}
    for one in changes:
        if one.before is None and one.after and (source := gone.get(one.after.digest)):
            yield one.uri, source
            yield source, one.uri
