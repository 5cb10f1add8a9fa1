"""What is to be protected and hidden in a workspace, wherever it lies; and what a command made there that it must not.

Mounts protect what is there when a command begins. A protected name that it gives to something new, in a folder
below a root, is found when it has ended.
"""

from __future__ import annotations

import os
import stat
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from agent_lsp.workspace.repositories import hooks, looks_like_repository

MOST_FOLDERS = 20_000
_NOT_ENTERED = {".git", "node_modules", "site-packages", "__pycache__"}
"""Installed packages bring such names along, and nobody opens them as a workspace."""

_REPOSITORY = ".git"
_Identity = tuple[int, int, int]
Keeps = Callable[[str, bool], bool]
"""Whether the user keeps an absolute path from the agent, which is a folder or not."""


@dataclass(frozen=True, slots=True)
class Survey:
    """What was found below the roots, by absolute path. `complete` is False where there was too much.

    `protected` are the entries with a protected name; `identities` are these and, of a name such as `.git/hooks`, those
    that have its first parts.
    """

    protected: tuple[str, ...]
    identities: Mapping[str, _Identity]
    hidden: tuple[str, ...] = ()
    complete: bool = True


def survey(
    roots: Sequence[str], names: Sequence[str], keeps: Keeps | None = None, most_folders: int = MOST_FOLDERS
) -> Survey:
    """Looks through the roots. `names` are relative, as `.git/hooks`; they hold in every folder, in any case."""
    wanted = _by_first([name.casefold().split("/") for name in names])
    found: list[_Found] = []
    hidden: list[str] = []
    waiting, seen = list(roots), 0
    while waiting and seen < most_folders:
        seen += 1
        folder = waiting.pop()
        entries = _listed(folder)
        if looks_like_repository(entry.name for entry in entries):
            found += [*_followed(folder, wanted.get(_REPOSITORY, ()))][1:]  # not the folder, which may be a root
        for entry in entries:
            if keeps and keeps(entry.path, entry.is_dir(follow_symlinks=False)):
                hidden.append(entry.path)
                continue
            if rests := wanted.get(entry.name.casefold()):
                found += _followed(entry.path, rests)
            if entry.name == _REPOSITORY:
                found += _hooks(entry.path, roots)
            if entry.is_dir(follow_symlinks=False) and (keeps or entry.name not in _NOT_ENTERED):
                waiting.append(entry.path)
    ends = tuple(one.path for one in found if one.ends)
    return Survey(ends, {one.path: one.identity for one in found}, tuple(hidden), not waiting)


def forbidden(before: Survey, after: Survey) -> list[str]:
    """The protected entries that are others than before, the uppermost of each.

    What was moved along with a folder that holds it is the same as before.
    """
    old, known = before.identities, set(before.identities.values())
    new = [path for path, one in after.identities.items() if old.get(path) != one and one not in known]
    return sorted(path for path in new if not any(path.startswith(f"{other}/") for other in new))


@dataclass(frozen=True, slots=True)
class _Found:
    """`ends` tells whether it has a whole protected name, or is no folder and so has no place for the rest of one."""

    path: str
    identity: _Identity
    ends: bool


def _hooks(path: str, roots: Sequence[str]) -> Iterator[_Found]:
    """What git runs for a `.git` and lies elsewhere in the workspace."""
    with suppress(OSError):
        for real in {os.path.realpath(hook) for hook in hooks(Path(path))}:
            if any(real.startswith(f"{root.rstrip('/')}/") for root in roots):
                yield from _followed(real, [()])


def _listed(folder: str) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            return list(entries)
    except OSError:  # gone, or not ours to read
        return []


def _followed(path: str, rests: Sequence[Sequence[str]]) -> Iterator[_Found]:
    """An entry, and those that the rests of names lead to from it."""
    try:
        status = os.lstat(path)
    except OSError:
        return
    folder = stat.S_ISDIR(status.st_mode)
    identity = (status.st_dev, status.st_ino, stat.S_IFMT(status.st_mode))
    yield _Found(path, identity, not folder or not all(rests))
    deeper = _by_first([rest for rest in rests if rest])
    for entry in _listed(path) if folder and deeper else ():
        if further := deeper.get(entry.name.casefold()):
            yield from _followed(entry.path, further)


def _by_first(names: Sequence[Sequence[str]]) -> dict[str, list[Sequence[str]]]:
    """The rests of names by their first parts."""
    rests: dict[str, list[Sequence[str]]] = defaultdict(list)
    for first, *rest in names:
        rests[first].append(rest)
    return rests
