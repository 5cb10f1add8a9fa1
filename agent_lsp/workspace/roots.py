"""Workspace roots: a path is resolved beneath one of them, by descriptor and without a race, or refused.

Every open starts at a root's own descriptor. On Linux `openat2` with `RESOLVE_BENEATH` lets the kernel judge
the whole path at once; elsewhere each component is opened by itself and links are refused. No string test
decides anything.
"""

from __future__ import annotations

import ctypes
import errno
import os
import secrets
import stat
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from itertools import chain, count
from pathlib import Path, PurePosixPath
from urllib.parse import unquote_to_bytes, urlsplit

MOST_BYTES = 50 << 20
_OPENAT2 = 437  # one number on all architectures, linux/unistd.h
_NOREPLACE = 1  # RENAME_NOREPLACE, linux/fs.h
_NAME_ONLY = getattr(os, "O_PATH", os.O_RDONLY | os.O_NONBLOCK)
_BENEATH = 0x08 | 0x02  # RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS, linux/openat2.h


class PathRefused(Exception):
    """A path cannot be used; the message names it and says why, in words for the model and the user."""


class NotThere(PathRefused):
    """There is no such file or folder."""


@dataclass(frozen=True, slots=True)
class Root:
    """A folder the client opened. `name` is how paths beneath it begin where there are several roots."""

    name: str
    path: str


@dataclass(frozen=True, slots=True)
class Location:
    """A path beneath a root: `relative` has no `..` and no leading slash; it is empty for the root itself."""

    root: Root
    relative: str
    shown: str

    @property
    def path(self) -> str:
        return os.path.join(self.root.path, self.relative) if self.relative else self.root.path

    @property
    def uri(self) -> str:
        return Path(self.path).as_uri()


@dataclass(frozen=True, slots=True)
class Content:
    """A file's bytes and permission bits."""

    data: bytes
    mode: int


class Roots:
    """The folders of one workspace; they come from the editor and from nobody else."""

    def __init__(self, folders: Sequence[str]) -> None:
        """`folders` are absolute paths. Raises PathRefused for one that does not exist or is no folder."""
        if not folders:
            raise PathRefused("no workspace folder is open: open a folder, then ask again")
        roots: dict[str, Root] = {}
        for folder in folders:
            real = os.path.realpath(folder)
            if not os.path.isdir(real):
                raise PathRefused(f"the workspace folder {folder} does not exist or is no folder")
            roots.setdefault(real, Root(_unused_name(os.path.basename(real) or real, roots.values()), real))
        self.all: tuple[Root, ...] = tuple(roots.values())

    def find(self, path: str) -> Location:
        """Where `path` points: relative to a root, `root-name/…` where there are several, or absolute beneath one.

        Raises PathRefused. The result is a name only; opening it is what proves that it lies inside.
        """
        if "\0" in path:
            raise PathRefused("a path cannot contain a NUL character")
        try:
            os.fsencode(path)
        except UnicodeEncodeError:
            raise PathRefused(f"the path {path!r} has half a surrogate pair: no file is named so") from None
        if os.path.isabs(path):
            return self._absolute(os.path.normpath(path))
        if len(self.all) == 1:
            return self._beneath(self.all[0], path)
        first, _, rest = path.removeprefix("./").partition("/")
        for root in self.all:
            if root.name == first:
                return self._beneath(root, rest)
        names = ", ".join(root.name for root in self.all)
        raise PathRefused(f"'{path}' must begin with a workspace folder: {names}")

    def _absolute(self, path: str) -> Location:
        for candidate in (path, _real_folder(path)):
            for root in sorted(self.all, key=lambda root: -len(root.path)):
                if candidate == root.path or candidate.startswith(root.path.rstrip("/") + "/"):
                    return self._beneath(root, os.path.relpath(candidate, root.path))
        folders = ", ".join(root.path for root in self.all)
        raise PathRefused(f"'{path}' lies outside the workspace ({folders})")

    def _beneath(self, root: Root, relative: str) -> Location:
        inside = os.path.normpath(relative or ".")
        if inside == ".." or inside.startswith("../"):
            raise PathRefused(f"'{relative}' lies outside the workspace ({root.path})")
        inside = "" if inside == "." else inside
        shown = inside or "."
        return Location(root, inside, shown if len(self.all) == 1 else str(PurePosixPath(root.name, inside)))


def _unused_name(base: str, roots: Iterable[Root]) -> str:
    taken = {root.name for root in roots}
    numbered = (f"{base}-{number}" for number in count(2))
    return next(name for name in chain([base], numbered) if name not in taken)


def path_of(uri: str) -> str | None:
    """The path of a `file:` URI, None for any other. Bytes that are no UTF-8 come as Python's file names have them."""
    try:
        parts = urlsplit(uri)
    except ValueError:
        return None
    if parts.scheme != "file" or parts.netloc not in {"", "localhost"}:
        return None
    return os.fsdecode(unquote_to_bytes(parts.path))


def read(location: Location) -> Content:
    """The content of a regular file. Raises NotThere or PathRefused. Blocks: call it in a thread when large."""
    with opened(location, os.O_RDONLY | os.O_NONBLOCK) as descriptor:
        status = os.fstat(descriptor)
        _must_be_file(location, status)
        with os.fdopen(os.dup(descriptor), "rb") as file:
            data = file.read(MOST_BYTES + 1)
        if len(data) > MOST_BYTES:  # it grew meanwhile, or its size was no size
            raise PathRefused(_too_large(location, len(data)))
        return Content(data, stat.S_IMODE(status.st_mode))


def write(
    location: Location, data: bytes, *, mode: int | None = None, still: Callable[[], object] = lambda: None
) -> None:
    """Puts a file in place in one atomic step, making its folders.

    With `mode`, its permission bits, it replaces what stands there, links included; without, it is a new file.
    `still` is called at the last moment and raises if it must not be done any more. Raises PathRefused, also
    when a new file's name is taken.
    """
    name = os.path.basename(location.relative)
    with _folder(location, make=True) as folder:
        temporary = f".agent-lsp-{secrets.token_hex(8)}"
        with _explained(location):
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
            descriptor = os.open(temporary, flags, 0o666 if mode is None else 0o600, dir_fd=folder)
            try:
                with os.fdopen(descriptor, "wb") as file:
                    file.write(data)
                    file.flush()
                    if mode is not None:
                        os.fchmod(file.fileno(), mode)
                    os.fsync(file.fileno())
                still()
                if mode is None:
                    _rename_to_unused((folder, temporary), (folder, name))
                else:
                    os.rename(temporary, name, src_dir_fd=folder, dst_dir_fd=folder)
            except BaseException:
                with suppress(OSError):
                    os.unlink(temporary, dir_fd=folder)
                raise
            os.fsync(folder)


def delete(location: Location) -> None:
    """Removes a file. Raises NotThere or PathRefused."""
    with _folder(location, make=False) as folder, _explained(location):
        os.unlink(os.path.basename(location.relative), dir_fd=folder)
        os.fsync(folder)


def move(source: Location, target: Location) -> None:
    """Renames a file, making the target's folders. Raises PathRefused; an existing target is never replaced."""
    with _folder(source, make=False) as old, _folder(target, make=True) as new, _explained(target):
        try:
            _rename_to_unused((old, os.path.basename(source.relative)), (new, os.path.basename(target.relative)))
        except OSError as error:
            if error.errno != errno.EXDEV:
                raise
            raise PathRefused(f"'{target.shown}' is on another disk: write it there, then delete it here") from error
        os.fsync(new)
        os.fsync(old)


def _rename_to_unused(source: tuple[int, str], target: tuple[int, str]) -> None:
    """Renames within folders' descriptors. Raises FileExistsError; where the system cannot tell, it looks first."""
    renameat2 = getattr(_libc, "renameat2", None)
    if renameat2:
        if renameat2(source[0], os.fsencode(source[1]), target[0], os.fsencode(target[1]), _NOREPLACE) == 0:
            return
        number = ctypes.get_errno()
        if number not in {errno.ENOSYS, errno.EINVAL}:  # a file system that does not know the flag says EINVAL
            raise OSError(number, os.strerror(number), target[1])
    with suppress(FileNotFoundError):
        os.stat(target[1], dir_fd=target[0], follow_symlinks=False)
        raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), target[1])
    os.rename(source[1], target[1], src_dir_fd=source[0], dst_dir_fd=target[0])


def exists(location: Location) -> bool:
    """Whether anything, a dangling link included, stands at a path beneath its root."""
    if not location.relative:
        return True
    try:
        with _folder(location, make=False) as folder, _explained(location):
            os.stat(os.path.basename(location.relative), dir_fd=folder, follow_symlinks=False)
    except NotThere:
        return False
    return True


def must_lie_inside(location: Location) -> None:
    """Raises PathRefused for a path that leads outside its root through a link; it need not be there."""
    with suppress(NotThere), opened(location, _NAME_ONLY):
        pass


def is_folder(location: Location) -> bool:
    """Whether a folder stands at a path beneath its root. Raises PathRefused for a path that leads outside."""
    try:
        with opened(location, os.O_RDONLY | os.O_DIRECTORY | os.O_NONBLOCK):
            return True
    except PathRefused as refused:
        if isinstance(refused, NotThere) or isinstance(refused.__cause__, NotADirectoryError):
            return False
        raise


@contextmanager
def opened(location: Location, flags: int) -> Iterator[int]:
    """A descriptor for a path beneath its root, closed at the end. Raises NotThere or PathRefused."""
    with _explained(location):
        descriptor = _open_beneath(location.root.path, location.relative or ".", flags | os.O_CLOEXEC)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


@contextmanager
def _folder(location: Location, *, make: bool) -> Iterator[int]:
    """The descriptor of the folder that holds a path."""
    if not location.relative:
        raise PathRefused("the workspace folder itself cannot be changed")
    parent = os.path.dirname(location.relative)
    holder = Location(location.root, parent, os.path.dirname(location.shown) or ".")
    if make:
        _make_folders(holder)
    with opened(holder, os.O_RDONLY | os.O_DIRECTORY) as descriptor:
        yield descriptor


def _make_folders(location: Location) -> None:
    made = ""
    for part in PurePosixPath(location.relative).parts:
        above = Location(location.root, made, location.shown)
        made = os.path.join(made, part)
        with opened(above, os.O_RDONLY | os.O_DIRECTORY) as descriptor, _explained(location), suppress(FileExistsError):
            os.mkdir(part, dir_fd=descriptor)


def _must_be_file(location: Location, status: os.stat_result) -> None:
    if stat.S_ISDIR(status.st_mode):
        raise PathRefused(f"'{location.shown}' is a folder: use list_files")
    if not stat.S_ISREG(status.st_mode):
        raise PathRefused(f"'{location.shown}' is no regular file but a device, pipe or socket")
    if status.st_size > MOST_BYTES:
        raise PathRefused(_too_large(location, status.st_size))


def _too_large(location: Location, size: int) -> str:
    return f"'{location.shown}' has {size >> 20} MB; at most {MOST_BYTES >> 20} MB are read: search it instead"


@contextmanager
def _explained(location: Location) -> Iterator[None]:
    try:
        yield
    except FileNotFoundError as error:
        raise NotThere(f"not found: '{location.shown}'") from error
    except FileExistsError as error:
        raise PathRefused(f"'{location.shown}' exists already") from error
    except OSError as error:
        if error.errno in {errno.EXDEV, errno.ELOOP}:
            raise PathRefused(f"'{location.shown}' leads outside the workspace through a link") from error
        raise PathRefused(f"'{location.shown}': {error.strerror}") from error


class _OpenHow(ctypes.Structure):
    _fields_ = (("flags", ctypes.c_uint64), ("mode", ctypes.c_uint64), ("resolve", ctypes.c_uint64))


_libc = ctypes.CDLL(None, use_errno=True)


def _open_beneath(root: str, relative: str, flags: int) -> int:
    holder = os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        if sys.platform == "linux":
            with suppress(NotImplementedError):
                return _openat2(holder, relative, flags)
        return _open_by_component(holder, relative, flags)
    finally:
        os.close(holder)


def _openat2(holder: int, relative: str, flags: int) -> int:
    how = _OpenHow(flags, 0, _BENEATH)
    for _ in range(16):  # EAGAIN: something was renamed meanwhile, and the kernel would rather judge again
        found = _libc.syscall(_OPENAT2, holder, os.fsencode(relative), ctypes.byref(how), ctypes.sizeof(how))
        if found >= 0:
            return int(found)
        number = ctypes.get_errno()
        if number in {errno.ENOSYS, errno.EPERM}:  # old kernels; containers whose filter does not know the call
            raise NotImplementedError
        if number != errno.EAGAIN:
            break
    raise OSError(number, os.strerror(number), relative)


def _open_by_component(holder: int, relative: str, flags: int) -> int:
    *folders, last = PurePosixPath(relative).parts or (".",)
    current = os.dup(holder)
    try:
        for name in folders:
            below = os.open(name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=current)
            os.close(current)
            current = below
        return os.open(last, flags | os.O_NOFOLLOW, dir_fd=current)
    finally:
        os.close(current)


def _real_folder(path: str) -> str:
    """`path` with the links of its folder resolved, for clients that name a root by another path to it."""
    return os.path.join(os.path.realpath(os.path.dirname(path)), os.path.basename(path))
