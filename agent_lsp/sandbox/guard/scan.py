"""What is to be protected and hidden in a workspace, wherever it lies; and what a command made there that it must not.

Mounts protect what is there when a command begins. A protected name that it gives to something new, in a folder
below a root, is found when it has ended, also in a folder that it has closed to whoever looks.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from agent_lsp.files.repositories import hooks, looks_like_repository
from agent_lsp.sandbox.guard.protected_names import ProtectedNames

MOST_FOLDERS = 20_000
NOT_ENTERED = {".git", "node_modules", "site-packages", "__pycache__"}
"""Installed packages bring such names along, git has a `HEAD` in many places, and nobody opens these as a workspace."""

_REPOSITORY = ".git"
_ENVIRONMENT, _PROGRAMS = "pyvenv.cfg", ("bin", "Scripts")
"""What makes a folder an environment of Python, and where the programs of one lie (PEP 405)."""
_HERE = ProtectedNames([""])

_Identity = tuple[int | str, ...]
"""An entry, and its folder and name there: what a link leads to, and what acts on an entry, depend on them; and a disk
may give the number of what was removed to something else."""
Keeps = Callable[[str, bool], bool]
"""Whether the user keeps an absolute path from the agent, which is a folder or not."""
OpensUp = Callable[[str], bool]
"""Opens a folder that is closed to its owner; whether it did."""


@dataclass(frozen=True, slots=True)
class Scan:
    """What was found below the roots, by absolute path. `complete` is False where there was too much.

    `protected` are the entries with a protected name; `identities` are these and every `.git`, which is a repository
    only as a whole. `pipes` are named pipes and sockets. `closed` are folders of the user's that could not be looked
    into, `opened` those that had to be opened for it.
    """

    protected: tuple[str, ...]
    identities: Mapping[str, _Identity]
    hidden: tuple[str, ...] = ()
    pipes: tuple[str, ...] = ()
    closed: tuple[str, ...] = ()
    opened: tuple[str, ...] = ()
    complete: bool = True


def survey(
    roots: Sequence[str],
    names: ProtectedNames,
    keeps: Keeps | None = None,
    *,
    opens_up: OpensUp = lambda _: False,
    most_folders: int = MOST_FOLDERS,
) -> Scan:
    """Looks through the roots for protected names, which hold in every folder, and everywhere for what is kept."""
    look = _Look(roots, names, opens_up)
    hidden, pipes = list[str](), list[str]()
    waiting, seen = [(root, True) for root in roots], 0
    while waiting and seen < most_folders:
        seen += 1
        folder, named = waiting.pop()
        entries = look.listed(folder)
        if named:
            look.into(folder, {entry.name for entry in entries})
        for entry in entries:
            is_folder = entry.is_dir(follow_symlinks=False)
            if keeps and keeps(entry.path, is_folder):
                hidden.append(entry.path)
                continue
            if named and (rests := names.after(entry.name)):
                look.at(entry, rests)
            named_within = named and entry.name not in NOT_ENTERED
            if is_folder and (named_within or keeps):
                waiting.append((entry.path, named_within))
            elif not (is_folder or entry.is_file(follow_symlinks=False) or entry.is_symlink()):
                pipes.append(entry.path)
    return Scan(
        tuple(dict.fromkeys(one.path for one in look.found if one.ends)),
        {one.path: one.identity for one in look.found},
        tuple(hidden),
        tuple(pipes),
        tuple(dict.fromkeys(look.closed)),
        tuple(look.opened),
        not waiting,
    )


def forbidden(before: Scan, after: Scan) -> list[str]:
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


class _Look:
    """What one look through the roots has found."""

    def __init__(self, roots: Sequence[str], names: ProtectedNames, opens_up: OpensUp) -> None:
        self._roots, self._names, self._opens_up = roots, names, opens_up
        self.found: list[_Found] = []
        self.closed: list[str] = []
        self.opened: list[str] = []

    def listed(self, folder: str) -> list[os.DirEntry[str]]:
        if not os.access(folder, os.R_OK | os.X_OK) and _is_ours(folder):
            (self.opened if self._opens_up(folder) else self.closed).append(folder)
        try:
            with os.scandir(folder) as entries:
                return list(entries)
        except OSError:  # gone, closed, or another user's
            return []

    def into(self, folder: str, names: set[str]) -> None:
        """What a folder holds because of what it is, whatever its name."""
        if looks_like_repository(names):
            inside = self._followed(folder, self._names.after(_REPOSITORY))
            self.found += [one for one in inside if one.path != folder]  # which may be a root
        if _ENVIRONMENT in names:
            for programs in names.intersection(_PROGRAMS):
                self.found += self._followed(os.path.join(folder, programs), [_HERE])

    def at(self, entry: os.DirEntry[str], rests: Sequence[ProtectedNames]) -> None:
        """What a folder holds because of its name."""
        self.found += self._followed(entry.path, rests)
        if entry.name == _REPOSITORY:
            self.found += self._hooks(entry.path)

    def _hooks(self, path: str) -> Iterator[_Found]:
        """What git runs for a `.git` and lies elsewhere in the workspace."""
        with suppress(OSError):
            for real in {os.path.realpath(hook) for hook in hooks(Path(path))}:
                if any(real.startswith(f"{root.rstrip('/')}/") for root in self._roots):
                    yield from self._followed(real, [_HERE])

    def _followed(self, path: str, rests: Sequence[ProtectedNames]) -> Iterator[_Found]:
        """An entry, and those that the rests of names lead to from it."""
        try:
            status, holder = os.lstat(path), os.stat(os.path.dirname(path))
        except OSError:
            return
        folder = stat.S_ISDIR(status.st_mode)
        name = os.path.basename(path)
        identity = (status.st_dev, status.st_ino, stat.S_IFMT(status.st_mode), holder.st_dev, holder.st_ino, name)
        ends = not folder or any(rest.ends for rest in rests)
        if ends or name.casefold() == _REPOSITORY:
            yield _Found(path, identity, ends)
        for entry in self.listed(path) if folder and any(rest.lead_on for rest in rests) else ():
            if further := [deeper for rest in rests for deeper in rest.after(entry.name)]:
                yield from self._followed(entry.path, further)


def _is_ours(path: str) -> bool:
    try:
        return os.lstat(path).st_uid == os.geteuid()
    except OSError:
        return False
