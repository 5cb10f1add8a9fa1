"""Protected entries that a level cannot guard: as they were before a command, and made so again after it."""

from __future__ import annotations

import errno
import os
import shutil
import stat
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from agent_lsp.workspace import door
from agent_lsp.workspace.location import Location, PathRefused
from agent_lsp.workspace.roots import Roots
from agent_lsp.workspace.sandbox import SandboxRefused

_MOST_BYTES, _MOST_ENTRIES = 16 << 20, 2_000
_AT_NAME = getattr(os, "O_PATH", 0) and os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW
"""A folder that may be closed is opened as a name only, which Linux alone has."""


@dataclass(frozen=True, slots=True)
class _Entry:
    """A file's bytes, a link's target; empty for a folder."""

    mode: int
    data: bytes = b""


Kept = Mapping[str, Mapping[str, _Entry]]
"""Each protected path with everything at it and below, by absolute path; nothing where it is missing."""


def kept(paths: Iterable[str]) -> Kept:
    """Reads what is there. Raises SandboxRefused when it is too much to be kept."""
    room = [_MOST_BYTES, _MOST_ENTRIES]
    return {path: dict(_read(path, room)) for path in paths}


class Store:
    """Where entries go that are taken back, for they may be somebody's who worked while the command ran."""

    def __init__(self, folder: Path, new_name: Callable[[], str]) -> None:
        self._folder, self._new_name = folder, new_name

    def take(self, path: str, workspace: Roots) -> str | None:
        """Moves an entry with all that is in it here, and says where; None where something stands against it."""
        target = self._folder / self._new_name()
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            with _holding(workspace.find(path)) as (folder, name), _changeable(folder):
                _open_up(folder, name)
                try:
                    os.rename(name, target, src_dir_fd=folder)
                except OSError as error:
                    if error.errno != errno.EXDEV:
                        raise
                    _carry(folder, name, target)
        except (OSError, PathRefused):
            return None
        return str(target)

    def put_back(self, before: Kept, workspace: Roots) -> Iterator[tuple[str, str | None]]:
        """Makes entries what they were; each that was not, with where it is now. Nothing may be running."""
        for path, entries in before.items():
            now = dict(_read(path, [2 * _MOST_BYTES, 2 * _MOST_ENTRIES], strict=False))
            if now == entries:
                continue
            yield path, self.take(path, workspace) if now else None
            for place, entry in sorted(entries.items()):
                _make(workspace.find(place), entry)


def open_up(path: str, workspace: Roots) -> bool:
    """Gives a folder's owner all rights to it; whether that could be done."""
    try:
        with _holding(workspace.find(path)) as (folder, name):
            return _open_up(folder, name)
    except (OSError, PathRefused):
        return False


def _open_up(folder: int, name: str) -> bool:
    """Does so with a folder in another; false where it is none, or has them already."""
    if not _AT_NAME:
        return False
    try:
        descriptor = os.open(name, _AT_NAME, dir_fd=folder)
    except NotADirectoryError:
        return False
    try:
        mode = stat.S_IMODE(os.fstat(descriptor).st_mode)
        if mode & stat.S_IRWXU != stat.S_IRWXU:
            os.chmod(f"/proc/self/fd/{descriptor}", mode | stat.S_IRWXU)
            return True
        return False
    finally:
        os.close(descriptor)


@contextmanager
def _changeable(folder: int) -> Iterator[None]:
    """Lets its owner change what is in a folder, for the while."""
    mode = stat.S_IMODE(os.fstat(folder).st_mode)
    if mode & stat.S_IRWXU == stat.S_IRWXU:
        yield
        return
    os.fchmod(folder, mode | stat.S_IRWXU)
    try:
        yield
    finally:
        os.fchmod(folder, mode)


def _carry(folder: int, name: str, target: Path) -> None:
    """Moves an entry to another disk; the folder that holds it is known by descriptor only."""
    place = os.path.join(f"/proc/self/fd/{folder}", name)
    if os.path.isdir(place) and not os.path.islink(place):
        shutil.copytree(place, target, symlinks=True)
        shutil.rmtree(name, dir_fd=folder)
    else:
        shutil.copy2(place, target, follow_symlinks=False)
        os.unlink(name, dir_fd=folder)


def _read(path: str, room: list[int], *, strict: bool = True) -> Iterator[tuple[str, _Entry]]:
    try:
        status = os.lstat(path)
    except OSError:
        return
    room[1] -= 1
    room[0] -= status.st_size if stat.S_ISREG(status.st_mode) else 0
    if min(room) < 0:
        if strict:
            raise SandboxRefused(f"{path} is too large to be protected at this level of sandbox")
        return
    try:
        names = sorted(os.listdir(path)) if stat.S_ISDIR(status.st_mode) else []
        entry = _Entry(status.st_mode, _data(path, status.st_mode))
    except FileNotFoundError:  # it went just now, as git's locks do
        return
    if stat.S_IFMT(status.st_mode) in {stat.S_IFREG, stat.S_IFLNK, stat.S_IFDIR}:
        yield path, entry
    for name in names:
        yield from _read(os.path.join(path, name), room, strict=strict)


def _data(path: str, mode: int) -> bytes:
    if stat.S_ISREG(mode):
        with open(path, "rb") as file:
            return file.read()
    return os.fsencode(os.readlink(path)) if stat.S_ISLNK(mode) else b""


def _make(location: Location, entry: _Entry) -> None:
    with _holding(location) as (folder, name):
        if stat.S_ISDIR(entry.mode):
            os.mkdir(name, stat.S_IMODE(entry.mode), dir_fd=folder)
        elif stat.S_ISLNK(entry.mode):
            os.symlink(entry.data, os.fsencode(name), dir_fd=folder)
        else:
            descriptor = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600, dir_fd=folder)
            with open(descriptor, "wb") as file:
                file.write(entry.data)
                os.fchmod(file.fileno(), stat.S_IMODE(entry.mode))


@contextmanager
def _holding(location: Location) -> Iterator[tuple[int, str]]:
    """The folder that holds a path, by descriptor beneath its root, and the name in it."""
    parent, name = os.path.split(location.relative)
    holder = Location(location.root, parent, parent or ".")
    with door.opened(holder, os.O_RDONLY | os.O_DIRECTORY) as descriptor:
        yield descriptor, name
