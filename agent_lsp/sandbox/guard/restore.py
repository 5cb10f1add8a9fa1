"""What a command did to what only the user may change: found when it has ended, and put back or taken away."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from agent_lsp.sandbox.guard import placeholder_file
from agent_lsp.sandbox.guard.protected_names import ProtectedNames
from agent_lsp.sandbox.guard.quarantine import Backup, Quarantine, open_up
from agent_lsp.sandbox.guard.scan import MOST_FOLDERS, Keeps, OpensUp, Scan, forbidden, survey


@dataclass(frozen=True, slots=True)
class Enforced:
    """By absolute path: what was taken back, with where it is now, None where the entry had only gone; `left` are
    those that could not be. `after` is what there was when the command had ended."""

    taken: Mapping[str, str | None]
    left: tuple[str, ...]
    after: Scan


def settled(
    store: Quarantine,
    roots: Sequence[str],
    names: ProtectedNames,
    *,
    before: Scan,
    guarded: Backup,
    covers: Callable[[str], bool],
    keeps: Keeps | None,
) -> Enforced:
    """Makes the guarded what it was, and takes away what else was made that only the user may make.

    Nothing may be running. `roots` are those of the command: a folder that was opened meanwhile is nothing it made.
    What was hidden from it is as it was; what it gave such a name is its own, and looked through.
    What `covers` holds of was made by others, and another command may have a stub where it had none.
    """
    hidden = frozenset(before.hidden)
    put_back = tuple(store.put_back(guarded, roots))
    # What it had the time to make there is time to see.
    most = sys.maxsize if before.complete else MOST_FOLDERS
    kept_back = keeps and (lambda path, _: path in hidden)
    after = survey(roots, names, kept_back, opens_up=_opens_up(before, roots), most_folders=most)
    taken = {one.path: one.kept_at for one in put_back if one.done}
    left = [one.path for one in put_back if not one.done]
    for path in forbidden(before, after):
        if path in taken or path in left or covers(path):
            continue
        if placeholder_file.vacant(path):
            placeholder_file.clear(path)
            continue
        if place := store.take(path, roots):
            taken[path] = place
        else:
            left.append(path)
    return Enforced(taken, tuple(left), after)


def _opens_up(before: Scan, roots: Sequence[str]) -> OpensUp:
    """What the command has closed is opened, what the user had closed stays so."""
    closed = frozenset(before.closed)
    return lambda folder: folder not in closed and open_up(folder, roots)
