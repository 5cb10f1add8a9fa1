"""The changes to files on a conversation's path, and which of them are taken back."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from agent_lsp.conversation.entries import Entry, FilesChanged, Redone, TurnEnded, Undone
from agent_lsp.conversation.uris import path_of


@dataclass(frozen=True, slots=True)
class ChangeSet:
    """Changes made at once: by a call, an undo or a redo. `what` is the last word of the entries `seq` to `last`."""

    seq: int
    last: int
    what: FilesChanged | Undone | Redone


def change_sets(entries: Iterable[Entry]) -> tuple[ChangeSet, ...]:
    """All changes on a path, oldest first, each as it was last written."""
    found: dict[tuple[str, str], ChangeSet] = {}
    for entry in entries:
        what = entry.content
        if isinstance(what, FilesChanged | Undone | Redone):
            key = what.turn_id, what.call_id if isinstance(what, FilesChanged) else what.id
            first = found.get(key)
            found[key] = ChangeSet(first.seq if first else entry.seq, entry.seq, what)
    return tuple(found.values())


def undone_entries(sets: Sequence[ChangeSet]) -> set[int]:
    """The `seq` of the entries, of calls or turns, whose changes are taken back now."""
    by_seq = {one.seq: one.what for one in sets}
    gone: set[int] = set()
    for one in sets:
        match one.what:
            case Undone(changes=changes, hunks=()) if changes:
                gone.add(one.what.of)
            case Redone(changes=changes, hunks=()) if changes and isinstance(undone := by_seq.get(one.what.of), Undone):
                gone.discard(undone.of)
            case _:
                pass
    return gone


def needed_digests(entries: Sequence[Entry], turns: int) -> set[str]:
    """The contents that it takes to undo, and to redo, what the last turns that changed anything changed."""
    sets = change_sets(entries)
    last = list(dict.fromkeys(one.what.turn_id for one in reversed(sets) if one.what.turn_id))[:turns]
    whats = [one.what for one in sets if one.what.turn_id in {*last, ""}]
    versions = [version for what in whats for change in what.changes for version in (change.before, change.after)]
    snapshots = {what.snapshot for what in whats if isinstance(what, FilesChanged) and what.snapshot}
    return snapshots | {version.digest for version in versions if version and version.digest}


def origin_of(one: ChangeSet, sets: Sequence[ChangeSet]) -> int:
    """The entry whose changes an undo or redo is about."""
    if isinstance(one.what, FilesChanged):
        return one.seq
    about = next((other for other in sets if other.seq == one.what.of), None)
    return origin_of(about, sets) if about else one.what.of


def told_to_the_model(entries: Sequence[Entry]) -> str:
    """What the user took back or made again since the last turn, in words for the model; empty for nothing."""
    ended = max((entry.seq for entry in entries if isinstance(entry.content, TurnEnded)), default=0)
    lines = [
        _told(one.what) for one in change_sets(entries) if one.seq > ended and one.what.changes and one.what.turn_id
    ]
    return " ".join(line for line in lines if line)


def _told(what: FilesChanged | Undone | Redone) -> str:
    paths = ", ".join(path_of(change.uri) or change.uri for change in what.changes)
    match what:
        case Undone():
            return f"the user undid changes of yours; these files are as they were before: {paths}."
        case Redone():
            return f"the user made undone changes of yours again: {paths}."
        case FilesChanged():
            return ""
