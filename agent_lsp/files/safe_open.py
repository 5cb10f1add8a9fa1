"""The one door to files: bytes are read and written beneath a root, by descriptor and without a race, or refused.

Every open starts at a root's own descriptor; what is open then, and not its name, is held against the ignore rules.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import PurePosixPath

from agent_lsp.files import atomic_write
from agent_lsp.files.location import Location, Moved, NotThere, PathRefused
from agent_lsp.files.openat import open_beneath, place_of, rename_to_unused

MOST_BYTES = 50 << 20
_NAME_ONLY = getattr(os, "O_PATH", os.O_RDONLY | os.O_NONBLOCK)


@dataclass(frozen=True, slots=True)
class FileContent:
    """A file's bytes and permission bits."""

    data: bytes
    mode: int


def read(location: Location) -> FileContent:
    """The content of a regular file. Raises NotThere or PathRefused. Blocks: call it in a thread when large."""
    with opened(location, os.O_RDONLY | os.O_NONBLOCK) as descriptor, _explained(location):
        return _content(location, descriptor)


def _content(location: Location, descriptor: int) -> FileContent:
    status = os.fstat(descriptor)
    _must_be_file(location, status)
    with os.fdopen(os.dup(descriptor), "rb") as file:
        data = file.read(MOST_BYTES + 1)
    if len(data) > MOST_BYTES:  # it grew meanwhile, or its size was no size
        raise PathRefused(_too_large(location, len(data)))
    return FileContent(data, stat.S_IMODE(status.st_mode))


def write(
    location: Location, data: bytes, *, over: FileContent | None = None, mode: int | None = None, by_user: bool = False
) -> None:
    """Puts a file in place in one atomic step, making its folders.

    With `over` it replaces exactly that, links included; without, it is a new file. `mode` are other permission bits
    than those of `over`, or than the usual. Only `by_user` are the rules of what is kept changed too. Raises Moved
    where something else stands there, and PathRefused, also when a new file's name is taken.
    """
    name = os.path.basename(location.relative)
    with _folder(location, make=True, by_user=by_user) as folder, _explained(location):
        if over is None:
            atomic_write.create(folder, name, data, mode)
        else:
            atomic_write.replace(folder, name, data, over.mode if mode is None else mode, _expected(location, over))


def delete(location: Location, expected: FileContent, *, by_user: bool = False) -> None:
    """Removes exactly that file, as `write`. Raises Moved where it is another, NotThere or PathRefused."""
    with _folder(location, make=False, by_user=by_user) as folder, _explained(location):
        atomic_write.remove(folder, os.path.basename(location.relative), _expected(location, expected))


def _expected(location: Location, content: FileContent) -> Callable[[str], None]:
    """Looks at what stands beside a location, under another name, and raises Moved if it is not that content."""

    def check(name: str) -> None:
        beside = os.path.join(os.path.dirname(location.relative), name)
        descriptor = open_beneath(location.root.path, beside, os.O_RDONLY | os.O_NONBLOCK)
        try:
            location.root.rules.must_not_be_changed_as_own(beside, os.fstat(descriptor))
            found = _content(location, descriptor)
        finally:
            os.close(descriptor)
        if found != content:
            raise Moved(f"'{location.shown}' was changed by somebody else at this moment")

    return check


def move(source: Location, target: Location) -> None:
    """Renames a file, making the target's folders. Raises PathRefused; an existing target is never replaced."""
    with _folder(source, make=False) as old, _folder(target, make=True) as new, _explained(target):
        try:
            rename_to_unused((old, os.path.basename(source.relative)), (new, os.path.basename(target.relative)))
        except OSError as error:
            if error.errno != errno.EXDEV:
                raise
            raise PathRefused(f"'{target.shown}' is on another disk: write it there, then delete it here") from error
        os.fsync(new)
        os.fsync(old)


def exists(location: Location) -> bool:
    """Whether anything, a dangling link included, stands at a path beneath its root."""
    if not location.relative:
        return True
    try:
        with opened(_holder(location), os.O_RDONLY | os.O_DIRECTORY) as folder, _explained(location):
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
        descriptor = open_beneath(location.root.path, location.relative or ".", flags)
    try:
        _must_be_allowed(location, descriptor)
        yield descriptor
    finally:
        os.close(descriptor)


@contextmanager
def _folder(location: Location, *, make: bool, by_user: bool = False) -> Iterator[int]:
    """The descriptor of the folder that holds a path."""
    if not location.relative:
        raise PathRefused("the workspace folder itself cannot be changed")
    holder = _holder(location)
    if make:
        _make_folders(holder, by_user=by_user)
    with opened(holder, os.O_RDONLY | os.O_DIRECTORY) as descriptor:
        if by_user:
            _must_be_itself(holder, descriptor)
        place = os.path.join(_inside(holder, descriptor), os.path.basename(location.relative))
        rules = location.root.rules
        (rules.must_allow if by_user else rules.must_be_changeable)(place)
        rules.must_not_be_changed_as_own(place)
        yield descriptor


def _must_be_itself(location: Location, descriptor: int) -> None:
    """Raises PathRefused for a folder that was opened through a link.

    What is brought back is brought back to where it was: a link made since could lead to what nobody was asked about.
    """
    if _inside(location, descriptor) != location.relative:
        raise PathRefused(f"'{location.shown}' leads elsewhere by now, through a link")


def _holder(location: Location) -> Location:
    return Location(location.root, os.path.dirname(location.relative), os.path.dirname(location.shown) or ".")


def _must_be_allowed(location: Location, descriptor: int) -> None:
    """Whatever name it was opened by: a link inside the root is no way around the rules."""
    location.root.rules.must_not_be_read_as_own(_inside(location, descriptor), os.fstat(descriptor))
    if location.root.rules.any:
        location.root.rules.must_allow(_inside(location, descriptor))


def _inside(location: Location, descriptor: int) -> str:
    """Where beneath its root an open file or folder really stands."""
    place, root = place_of(descriptor), location.root.path.rstrip("/") + "/"
    if place and f"{place}/" == root:
        return ""
    if place is None or not place.startswith(root):  # the system does not tell, or the root was renamed
        return location.relative
    return place.removeprefix(root)


def _make_folders(location: Location, *, by_user: bool) -> None:
    made = ""
    for part in PurePosixPath(location.relative).parts:
        above = Location(location.root, made, location.shown)
        made = os.path.join(made, part)
        with opened(above, os.O_RDONLY | os.O_DIRECTORY) as descriptor, _explained(location), suppress(FileExistsError):
            if not _has(descriptor, part):
                if by_user:
                    _must_be_itself(above, descriptor)
                location.root.rules.must_not_be_changed_as_own(os.path.join(_inside(above, descriptor), part))
                os.mkdir(part, dir_fd=descriptor)


def _has(folder: int, name: str) -> bool:
    try:
        os.stat(name, dir_fd=folder, follow_symlinks=False)
    except FileNotFoundError:
        return False
    return True


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
        if not os.path.isdir(location.root.path):
            raise NotThere(f"the workspace folder is gone: {location.root.path}") from error
        raise NotThere(f"not found: '{location.shown}'") from error
    except FileExistsError as error:
        raise PathRefused(f"'{location.shown}' exists already") from error
    except OSError as error:
        if error.errno == errno.ELOOP and _goes_round(location):
            raise PathRefused(f"'{location.shown}' is a link that leads round in a circle") from error
        if error.errno in {errno.EXDEV, errno.ELOOP}:
            raise PathRefused(f"'{location.shown}' leads outside the workspace through a link") from error
        raise PathRefused(f"'{location.shown}': {error.strerror}") from error


def _goes_round(location: Location) -> bool:
    """Whether the system, which follows every link, ends nowhere; else it was us who did not."""
    try:
        os.stat(os.path.join(location.root.path, location.relative))
    except OSError as error:
        return error.errno == errno.ELOOP
    return False
