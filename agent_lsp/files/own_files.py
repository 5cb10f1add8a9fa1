"""What is agent-lsp's own on this machine: what nothing of the agent may read or change, by whatever name it goes."""

from __future__ import annotations

import os
import stat
import unicodedata
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import suppress
from enum import StrEnum
from functools import cached_property, lru_cache

from agent_lsp.files.mount_points import other_places

_MOST_LINKS = 40
"""A path with more of them leads nowhere on Linux (path_resolution(7))."""
_MANY = ("checkpoints", "sandbox", "taken-back")
"""Folders of the state that hold copies of the user's files, and too many to look through."""

Identity = tuple[int, int]
"""Device and inode."""


class Part(StrEnum):
    """What of agent-lsp a path belongs to, in words."""

    SETTINGS = "agent-lsp's own settings"
    STATE = "agent-lsp's own state"
    INSTALLATION = "agent-lsp's own installation"


class Own:
    """The places that are agent-lsp's own, there or not.

    Settings and state can neither be read nor changed, the installation can only be read. A change in `checkout`, the
    folder that an editable installation runs from, is for the user to decide each time.

    A path is judged by its name, by the inodes of what is there, and by the folder that holds it; a file with several
    names by its inode. Links on the way to a path must be resolved before it is judged.
    """

    def __init__(
        self,
        *,
        settings: Iterable[str] = (),
        state: Iterable[str] = (),
        installation: Iterable[str] = (),
        code: str = "",
        checkout: str = "",
    ) -> None:
        """All are absolute paths; `code` is the folder of our package."""
        self._private = {
            **dict.fromkeys(_with_links_within(state), Part.STATE),
            **dict.fromkeys(_with_links_within(settings), Part.SETTINGS),
        }
        self._code = code
        self._installed = tuple(dict.fromkeys((*installation, *([code] if code else []))))
        self._checkout = (checkout,) if checkout else ()
        self._private_names = {name: part for path, part in self._private.items() for name in _names(path)}
        self._installed_names = tuple(name for path in self._installed for name in _names(path))
        self._folded = {_folded(name): part for name, part in self._private_names.items()}

    def private(self) -> tuple[str, ...]:
        """Every name of settings and state as links lead and mounts are now."""
        names = [*self._private_names, *(name for path in self._private for name in _names(path))]
        return tuple(dict.fromkeys((*names, *other_places(names))))

    def installed(self) -> tuple[str, ...]:
        """Every name of the installation, a checkout's too, as links lead and mounts are now."""
        names = [*self._installed_names, *(name for path in self._installed for name in _names(path))]
        return tuple(dict.fromkeys((*names, *other_places(names))))

    def linked_files(self) -> tuple[frozenset[Identity], frozenset[Identity]]:
        """The files of settings and state that have other names elsewhere, and those of the installation."""
        return frozenset(self._linked_private()), frozenset(self._linked_installed)

    def named(self, path: str) -> Part | None:
        """What a path belongs to of what cannot be read, by its name alone. Does not touch the disk."""
        folded = _folded(path)
        return next((part for one, part in self._folded.items() if _beneath(folded, one)), None)

    def unreadable(self, root: str, path: str, status: os.stat_result | None = None) -> Part | None:
        """What it belongs to, if nothing at a path may be read; `status` is that of what was opened there.

        `path` is relative to `root`; folders above that are judged by name only.
        """
        return self._unreadable(_Judged(root, path, status)) if self._private else None

    def unchangeable(self, root: str, path: str, status: os.stat_result | None = None) -> Part | None:
        """As `unreadable`, if nothing at a path may be changed."""
        judged = _Judged(root, path, status)
        if part := self._unreadable(judged):
            return part
        return None if self._asks(judged) else self._installation(judged)

    def asks(self, path: str) -> str:
        """Why the user decides each time on a change at an absolute path, in words; empty where that is not so."""
        return _CHECKOUT if self._asks(_Judged("/", path)) else ""

    def holding(self, path: str) -> Part | None:
        """What an absolute path belongs to, of the installation in a checkout too."""
        judged = _Judged("/", path)
        return self._unreadable(judged) or self._installation(judged)

    def _unreadable(self, judged: _Judged) -> Part | None:
        if name := judged.among(self._private_names):
            return self._private_names[name]
        if judged.linked and (other := self._linked_private().get(judged.linked)):
            return self.named(other) or Part.STATE
        return None

    def _asks(self, judged: _Judged) -> bool:
        if not self._checkout:
            return False
        within = self._code.startswith(f"{self._checkout[0]}/")
        return bool(judged.among(self._checkout) or (within and judged.linked and judged.linked in self._linked_code))

    def _installation(self, judged: _Judged) -> Part | None:
        found = judged.among(self._installed_names) or (judged.linked and judged.linked in self._linked_installed)
        return Part.INSTALLATION if found else None

    def leads_to(self, path: str) -> Part | None:
        """What lies below a path, which so cannot be given to anything else."""
        folded = f"{_folded(path).rstrip('/')}/"
        if part := next((part for one, part in self._folded.items() if one.startswith(folded)), None):
            return part
        below = any(_folded(name).startswith(folded) for name in self._installed_names)
        return Part.INSTALLATION if below else None

    def _linked_private(self) -> dict[Identity, str]:
        state = (name for name, part in self._private_names.items() if part is Part.STATE)
        return _linked_files(self._private_names, {os.path.join(name, many) for name in state for many in _MANY})

    @property
    def _linked_code(self) -> Mapping[Identity, str]:
        return _linked_for_good((self._code,)) if self._code else {}

    @property
    def _linked_installed(self) -> Mapping[Identity, str]:
        """Of our package and all that it imports: installers link environments to one cache."""
        return _linked_for_good(self._installed_names)


_CHECKOUT = "agent-lsp runs from it, outside the sandbox"


class _Judged:
    """What a path is, as far as names of ours can tell, looked at once and no more than is needed."""

    def __init__(self, root: str, path: str, status: os.stat_result | None = None) -> None:
        self._root, self._parts = root, [part for part in path.split("/") if part]
        self._path = "/".join([root.rstrip("/"), *self._parts])
        self._status = status or _status(self._path)

    def among(self, names: Iterable[str]) -> str:
        """The first of some names that stands for this path or a folder above it; empty for none."""
        folded = _folded(self._path)
        return next((name for name in names if _beneath(folded, _folded(name)) or self._is_at(name)), "")

    @property
    def linked(self) -> Identity | None:
        """The identity of a file with several names."""
        status = self._status
        several = status and stat.S_ISREG(status.st_mode) and status.st_nlink > 1
        return (status.st_dev, status.st_ino) if status and several else None

    def _is_at(self, name: str) -> bool:
        """Whether it is the same as what has that name, or lies in it, by whatever path."""
        try:
            status = os.lstat(name)
        except OSError:
            return self._is_entry(name)
        if not stat.S_ISLNK(status.st_mode):
            return (status.st_dev, status.st_ino) in self._identities
        return _identity(name) in self._identities or self._is_entry(name)

    def _is_entry(self, name: str) -> bool:
        """Whether a step of it is an entry of that name in the same folder."""
        folder, _, entry = name.rpartition("/")
        identity = _identity(folder or "/")
        return identity is not None and (identity, _folded(entry)) in self._entries

    @cached_property
    def _folders(self) -> list[Identity | None]:
        """The root, and each folder on the way to the path, as far as there are any."""
        found: list[Identity | None] = []
        place = self._root.rstrip("/")
        for part in self._parts:
            found.append(_identity(place or "/"))
            place = f"{place}/{part}"
        return found

    @cached_property
    def _identities(self) -> set[Identity]:
        own = {(self._status.st_dev, self._status.st_ino)} if self._status else set()
        return {*own, *filter(None, self._folders)}

    @cached_property
    def _entries(self) -> set[tuple[Identity | None, str]]:
        return {(folder, _folded(part)) for folder, part in zip(self._folders, self._parts, strict=True)}


def _with_links_within(folders: Iterable[str]) -> Iterator[str]:
    """Folders, and what links in them lead to: a settings file may lie among the user's others."""
    for folder in folders:
        yield folder
        with suppress(OSError), os.scandir(folder) as entries:
            yield from [entry.path for entry in entries if entry.is_symlink()]


def _names(path: str) -> dict[str, None]:
    """A path by every name on the way to what it leads to."""
    found = {path: None}
    for _ in range(_MOST_LINKS):
        if os.path.basename(path) in {"", ".", ".."}:
            break
        holder = os.path.realpath(os.path.dirname(path))
        path = os.path.join(holder, os.path.basename(path))
        found[path] = None
        try:
            path = os.path.join(holder, os.readlink(path))
        except OSError:  # it is no link
            return found
    found[os.path.realpath(path)] = None
    return found


@lru_cache(maxsize=8)
def _linked_for_good(paths: tuple[str, ...]) -> Mapping[Identity, str]:
    """As `_linked_files`, looked for once: a new version in its place is not what runs, and there are many files."""
    return _linked_files(paths)


def _linked_files(paths: Iterable[str], left_out: Collection[str] = ()) -> dict[Identity, str]:
    """The files at and below paths that have names elsewhere, too, each by one of those here."""
    linked: dict[Identity, tuple[str, int]] = {}
    entries: defaultdict[Identity, set[tuple[Identity | None, str]]] = defaultdict(set)
    waiting, seen = list(paths), set[Identity]()
    while waiting:
        path = waiting.pop()
        with suppress(OSError):
            status = os.lstat(path)
            identity = (status.st_dev, status.st_ino)
            if stat.S_ISDIR(status.st_mode) and identity not in seen:
                seen.add(identity)
                waiting += [one for name in os.listdir(path) if (one := os.path.join(path, name)) not in left_out]
            elif stat.S_ISREG(status.st_mode) and status.st_nlink > 1:
                linked[identity] = (path, status.st_nlink)
                entries[identity].add((_identity(os.path.dirname(path)), os.path.basename(path)))
    return {identity: path for identity, (path, names) in linked.items() if len(entries[identity]) < names}


def _beneath(path: str, place: str) -> bool:
    return path == place or path.startswith(f"{place}/")


@lru_cache(maxsize=1 << 12)  # our own names again and again
def _folded(path: str) -> str:
    """As the loosest file systems compare names."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", path).casefold())


def _identity(path: str) -> Identity | None:
    status = _status(path)
    return (status.st_dev, status.st_ino) if status else None


def _status(path: str) -> os.stat_result | None:
    try:
        return os.stat(path)
    except (OSError, ValueError):
        return None


NOTHING = Own()
"""Where nothing is held back, for what the user does in a terminal."""
