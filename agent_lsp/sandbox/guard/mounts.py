"""Which mounts give a command its view, the shallow ones first, for a deeper one must lie on top."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from enum import IntEnum

from agent_lsp.sandbox import SandboxRefused, SandboxView
from agent_lsp.sandbox.guard.placeholder_file import DECOY

_EMPTY_IN_SANDBOX = ("/tmp", "/var/tmp", "/run")  # noqa: S108 - they are hidden, not used
_NO_ROOTS = ("/proc/", "/dev/", "/sys/")
_MOST = 2_000
"""A command line with more mounts would take a second to set up."""


class Kind(IntEnum):
    """What stands at a path; of two at one path the greater holds."""

    LINK = -1
    EMPTY = 0
    WRITABLE = 1
    PINNED = 2
    READ_ONLY = 3
    BUFFER = 4
    MISSING = 5
    DECOY = 6
    HIDDEN_FILE = 7
    HIDDEN_FOLDER = 8
    CLOSED_FOLDER = 9


@dataclass(frozen=True, slots=True)
class Mount:
    """One path of the view. PINNED is as writable as what holds it, but can be neither renamed nor removed.

    LINK is a symbolic link on the way to a protected entry: nothing can be mounted on it. DECOY is a missing file that
    must not be an empty folder: see `placeholders.py`. A CLOSED_FOLDER is a hidden one in which no name can be
    looked up.
    """

    path: str
    kind: Kind


def mounts(view: SandboxView, vacant: Callable[[str], bool]) -> tuple[Mount, ...]:
    """What to mount for a view, as the disk is now; what is vacant is missing. Raises SandboxRefused: too many."""
    for root in view.roots:
        if f"{root}/".startswith(_NO_ROOTS) or root == "/":
            raise SandboxRefused(f"{root} as a workspace leaves nothing to be protected from a command: open a folder")
    found: dict[str, Kind] = {}
    for mount in _wished(view, vacant):
        found[mount.path] = max(mount.kind, found.get(mount.path, mount.kind))
    for folder in _holders_of_links(view):
        found[folder] = max(Kind.READ_ONLY, found.get(folder, Kind.READ_ONLY))
        for entry in _folders_in(folder) if found[folder] is Kind.READ_ONLY else ():
            found[entry] = max(Kind.WRITABLE, found.get(entry, Kind.WRITABLE), key=_strength)
    if len(found) > _MOST:
        raise SandboxRefused(f"{len(found)} paths are protected, hidden or unsaved; the sandbox takes {_MOST}")
    visible = _without_what_lies_in_hidden(_without_what_is_held_anyway(found), view.roots)
    ordered = sorted(visible.items(), key=lambda one: (one[0].rstrip("/").count("/"), one[0]))
    return tuple(Mount(path, kind) for path, kind in ordered)


def mode(path: str) -> int:
    """The permissions of a file, which its unsaved text has as well. Raises SandboxRefused: it is gone."""
    try:
        return os.stat(path).st_mode & 0o777
    except OSError as error:
        raise SandboxRefused(f"{path} went away while the command was prepared: try again") from error


def _wished(view: SandboxView, vacant: Callable[[str], bool]) -> Iterator[Mount]:
    for path in _EMPTY_IN_SANDBOX:
        if os.path.realpath(path) == path and os.path.isdir(path):
            yield Mount(path, Kind.EMPTY)
    for root in view.roots:
        yield Mount(root, Kind.WRITABLE if view.writes else Kind.READ_ONLY)
    own = (*view.fixed, *view.withheld) if view.writes else ()
    for path in (*view.protected, *own):
        yield from _guard(path, view.roots, vacant)
    for path in view.buffers:
        yield Mount(path, Kind.BUFFER)
    for path in (*view.hidden, *view.withheld):
        yield from _hiding(path, view)


def _guard(path: str, roots: tuple[str, ...], vacant: Callable[[str], bool]) -> Iterator[Mount]:
    """A protected entry with what holds it, from its root down to itself or to the first that is missing.

    Where a link is on the way, what it leads to is guarded. What lies beneath no root is read-only anyway.
    """
    root = max((root for root in roots if path.startswith(f"{root.rstrip('/')}/")), key=len, default=None)
    if root is None:
        return
    place = root
    parts = path.removeprefix(root).strip("/").split("/")
    for number, part in enumerate(parts):
        place = f"{place.rstrip('/')}/{part}"
        status = None if vacant(place) else _status(place)
        if status is None:
            yield Mount(place, Kind.DECOY if place.endswith(DECOY) else Kind.MISSING)
            return
        if stat.S_ISLNK(status.st_mode):
            yield Mount(place, Kind.LINK)
            target = os.path.realpath(place)
            if os.path.exists(target) and target != root:
                yield from _guard(target, roots, vacant)
            return
        if number + 1 == len(parts) or not stat.S_ISDIR(status.st_mode):
            yield Mount(place, Kind.READ_ONLY)
            return
        yield Mount(place, Kind.PINNED)


def _holders_of_links(view: SandboxView) -> list[str]:
    """The folders in which a link leads on to agent-lsp's own places, the shallow ones first.

    Nothing can be mounted on a link, so its folder is made read-only, and the folders in that writable again.
    """
    own = (*view.fixed, *view.withheld) if view.writes else ()
    found = {os.path.dirname(place) for path in own for place in (path, *_holders(path)) if os.path.islink(place)}
    return sorted(folder for folder in found if folder in view.roots or _beneath(folder, view.roots))


def _folders_in(folder: str) -> list[str]:
    with suppress(OSError), os.scandir(folder) as entries:
        return [entry.path for entry in entries if entry.is_dir(follow_symlinks=False)]
    return []


def _strength(kind: Kind) -> Kind:
    """What is pinned in a folder that is read-only must be said to be writable."""
    return Kind.LINK if kind is Kind.PINNED else kind


def _status(path: str) -> os.stat_result | None:
    try:
        return os.lstat(path)
    except (FileNotFoundError, NotADirectoryError):
        return None


def _hiding(path: str, view: SandboxView) -> Iterator[Mount]:
    """A hidden entry with what holds it in a root: moved along with that, the next command would find it by another
    name."""
    real = os.path.realpath(path)
    if not os.path.exists(real):
        return
    for place in _holders(real):
        if _beneath(place, view.roots):
            yield Mount(place, Kind.PINNED)
    if not os.path.isdir(real):
        yield Mount(real, Kind.HIDDEN_FILE)
        return
    closed = view.for_git and _beneath(real, view.roots) and not any(_beneath(root, [real]) for root in view.roots)
    yield Mount(real, Kind.CLOSED_FOLDER if closed else Kind.HIDDEN_FOLDER)


def _beneath(path: str, folders: Iterable[str]) -> bool:
    return any(path.startswith(f"{folder.rstrip('/')}/") for folder in folders)


_HELD_ANYWAY = {Kind.LINK, Kind.PINNED, Kind.READ_ONLY}


def _without_what_is_held_anyway(found: Mapping[str, Kind]) -> dict[str, Kind]:
    """What lies beneath something read-only can be neither changed nor renamed; and pinned it could be written to."""

    def held(path: str) -> bool:
        kinds = (found.get(place) for place in _holders(path))
        return next((one for one in kinds if one in {Kind.READ_ONLY, Kind.WRITABLE}), None) is Kind.READ_ONLY

    return {path: kind for path, kind in found.items() if kind not in _HELD_ANYWAY or not held(path)}


def _holders(path: str) -> Iterator[str]:
    """The folders that an absolute path lies in, the nearest first."""
    while path := path.rpartition("/")[0]:
        yield path


def _without_what_lies_in_hidden(found: Mapping[str, Kind], roots: tuple[str, ...]) -> dict[str, Kind]:
    """Only a root, and what lies in that, comes up again within a hidden folder."""
    hidden = [path for path, kind in found.items() if kind >= Kind.HIDDEN_FOLDER]

    def stays(path: str) -> bool:
        holders = [folder for folder in hidden if path.startswith(f"{folder}/")]
        deepest = max(holders, key=len, default="")
        return not deepest or any(
            len(root) > len(deepest) and (path == root or path.startswith(f"{root}/")) for root in roots
        )

    return {path: kind for path, kind in found.items() if stays(path)}
