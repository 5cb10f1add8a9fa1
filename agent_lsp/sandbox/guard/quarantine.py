"""Protected entries that a level cannot guard: as they were before a command, and made so again after it."""

from __future__ import annotations

import errno
import os
import shutil
import stat
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from agent_lsp.files.openat import open_beneath, rename_to_unused
from agent_lsp.sandbox import SandboxRefused
from agent_lsp.sandbox.trusted_programs import beneath

_MOST_BYTES, _MOST_ENTRIES = 16 << 20, 2_000
_NO_FOLDER = {errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.EXDEV}
_AT_NAME = getattr(os, "O_PATH", 0) and os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW
"""A folder that may be closed is opened as a name only, which Linux alone has."""


@dataclass(frozen=True, slots=True)
class BackupEntry:
    """A file's bytes, a link's target; empty for a folder."""

    mode: int
    data: bytes = b""


Backup = Mapping[str, Mapping[str, BackupEntry]]
"""Each protected path with everything at it and below, by absolute path; nothing where it is missing."""


def kept(paths: Iterable[str]) -> Backup:
    """Reads what is there. Raises SandboxRefused when it is too much to be kept."""
    room = [_MOST_BYTES, _MOST_ENTRIES]
    return {path: dict(_read(path, room)) for path in paths}


@dataclass(frozen=True, slots=True)
class PutBack:
    """An entry that was not what it had been; `kept_at` is where that lies now, None where it had only gone.

    `done` is False where something stood against it.
    """

    path: str
    kept_at: str | None
    done: bool


class Quarantine:
    """Where entries go that are taken back, for they may be somebody's who worked while the command ran.

    They are taken from beneath the workspace's roots, whatever the user keeps from the agent there.
    """

    def __init__(self, folder: Path, new_name: Callable[[], str]) -> None:
        self._folder, self._new_name = folder, new_name

    def take(self, path: str, roots: Sequence[str]) -> str | None:
        """Moves an entry with all that is in it here, and says where; None where something stands against it.

        What cannot be carried from another disk stays beside its place, by a name that nothing acts on.
        """
        target = self._folder / self._new_name()
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            with _holding(path, roots) as (folder, name), _changeable(folder):
                _open_up(folder, name)
                try:
                    os.rename(name, target, src_dir_fd=folder)
                except OSError as error:
                    if error.errno != errno.EXDEV:
                        raise
                    if not _carried(folder, name, target):
                        beside = f"taken-back-{target.name}"
                        rename_to_unused((folder, name), (folder, beside))
                        return os.path.join(os.path.dirname(path), beside)
        except OSError:
            return None
        return str(target)

    def put_back(self, before: Backup, roots: Sequence[str]) -> Iterator[PutBack]:
        """Makes entries what they were; tells of each that was not. Nothing may be running."""
        for path, entries in sorted(before.items()):
            if _is_still(path, entries):
                continue
            taken = None
            try:
                if entries:
                    self._make_holders(path, roots)
                if _is_still(path, entries):
                    continue
                taken = self.take(path, roots) if os.path.lexists(path) else None
                for place, entry in sorted(entries.items()):
                    _make(place, entry, roots)
                for place, entry in sorted(entries.items(), reverse=True):
                    if stat.S_ISDIR(entry.mode):
                        with _opened(place, roots) as folder:
                            os.fchmod(folder, stat.S_IMODE(entry.mode))
            except OSError:
                yield PutBack(path, taken, done=False)
            else:
                yield PutBack(path, taken, done=bool(entries) or taken is not None)

    def _make_holders(self, path: str, roots: Sequence[str]) -> None:
        """Sees to it that there are the folders that hold a path beneath its root; takes what stands in their place."""
        root = _root_of(path, roots)
        place = root
        for part in os.path.relpath(os.path.dirname(path), root).split("/"):
            place = os.path.join(place, part) if part != "." else place
            open_up(place, roots)
            try:
                with _opened(place, roots):
                    continue
            except OSError as error:
                if error.errno not in _NO_FOLDER:
                    raise
            self.take(place, roots)
            with _holding(place, roots) as (folder, name):
                os.mkdir(name, dir_fd=folder)


def open_up(path: str, roots: Sequence[str]) -> bool:
    """Gives a folder's owner all rights to it; whether that could be done."""
    try:
        with _holding(path, roots) as (folder, name):
            return _open_up(folder, name)
    except OSError:
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


def _carried(folder: int, name: str, target: Path) -> bool:
    """Moves an entry to another disk, unless it is too large, too deep or has pipes in it."""
    place = os.path.join(f"/proc/self/fd/{folder}", name)
    try:
        if os.path.isdir(place) and not os.path.islink(place):
            shutil.copytree(place, target, symlinks=True)
            shutil.rmtree(name, dir_fd=folder)
        else:
            shutil.copy2(place, target, follow_symlinks=False)
            os.unlink(name, dir_fd=folder)
    except (OSError, RecursionError):
        return False
    return True


def _is_still(path: str, entries: Mapping[str, BackupEntry]) -> bool:
    """Whether a path has what it had; what cannot be read, or is too much, is something else."""
    try:
        return dict(_read(path, [_MOST_BYTES, _MOST_ENTRIES])) == entries
    except (OSError, SandboxRefused):
        return False


def _read(path: str, room: list[int]) -> Iterator[tuple[str, BackupEntry]]:
    waiting = [path]
    while waiting:  # a command can make more folders in each other than Python recurses
        place = waiting.pop()
        try:
            status = os.lstat(place)
        except OSError:
            continue
        room[1] -= 1
        room[0] -= status.st_size if stat.S_ISREG(status.st_mode) else 0
        if min(room) < 0:
            raise SandboxRefused(f"{path} is too large to be protected at this level of sandbox")
        try:
            names = os.listdir(place) if stat.S_ISDIR(status.st_mode) else []
            entry = BackupEntry(status.st_mode, _data(place, status.st_mode))
        except FileNotFoundError:  # it went just now, as git's locks do
            continue
        if place == path or stat.S_IFMT(status.st_mode) in {stat.S_IFREG, stat.S_IFLNK, stat.S_IFDIR}:
            yield place, entry
        waiting += (os.path.join(place, name) for name in names)


def _data(path: str, mode: int) -> bytes:
    if stat.S_ISREG(mode):
        with open(path, "rb") as file:
            return file.read()
    return os.fsencode(os.readlink(path)) if stat.S_ISLNK(mode) else b""


def _make(path: str, entry: BackupEntry, roots: Sequence[str]) -> None:
    with _holding(path, roots) as (folder, name):
        if stat.S_ISDIR(entry.mode):
            os.mkdir(name, stat.S_IRWXU, dir_fd=folder)
        elif stat.S_ISFIFO(entry.mode):
            os.mkfifo(name, stat.S_IMODE(entry.mode), dir_fd=folder)
        elif stat.S_ISLNK(entry.mode):
            os.symlink(entry.data, os.fsencode(name), dir_fd=folder)
        else:
            descriptor = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600, dir_fd=folder)
            with open(descriptor, "wb") as file:
                file.write(entry.data)
                os.fchmod(file.fileno(), stat.S_IMODE(entry.mode))


@contextmanager
def _holding(path: str, roots: Sequence[str]) -> Iterator[tuple[int, str]]:
    """The folder that holds a path, by descriptor beneath its root, and the name in it. Raises OSError."""
    holder, name = os.path.split(path)
    with _opened(holder, roots) as folder:
        yield folder, name


@contextmanager
def _opened(folder: str, roots: Sequence[str]) -> Iterator[int]:
    root = _root_of(folder, roots)
    descriptor = open_beneath(root, os.path.relpath(folder, root), os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _root_of(path: str, roots: Sequence[str]) -> str:
    """The deepest root that a path lies in. Raises OSError: none."""
    holding = [root for root in roots if beneath(path, [root])]
    if not holding:
        raise FileNotFoundError(errno.ENOENT, "it lies beneath no root", path)
    return max(holding, key=len)
