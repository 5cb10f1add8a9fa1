"""Workspace roots: a path is resolved beneath one of them, by descriptor and without a race, or refused.

Every open starts at a root's own descriptor; what is open then, and not its name, is held against the ignore rules.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from itertools import chain, count
from pathlib import Path, PurePosixPath
from urllib.parse import unquote_to_bytes, urlsplit

from agent_lsp.workspace import replacing
from agent_lsp.workspace.beneath import open_beneath, place_of, real_path, rename_to_unused
from agent_lsp.workspace.ignore import PathRefused as PathRefused  # noqa: PLC0414 - the word of this door
from agent_lsp.workspace.ignore import Rules

MOST_BYTES = 50 << 20
_NAME_ONLY = getattr(os, "O_PATH", os.O_RDONLY | os.O_NONBLOCK)


class NotThere(PathRefused):
    """There is no such file or folder."""


class Moved(PathRefused):
    """Something else stands there than was expected; it was left as it is."""


@dataclass(frozen=True, slots=True)
class Root:
    """A folder the client opened. `name` is how paths beneath it begin where there are several roots.

    `rules` say what the user keeps from the agent there.
    """

    name: str
    path: str
    rules: Rules = field(compare=False, repr=False)


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

    def __init__(self, folders: Iterable[str]) -> None:
        """`folders` are absolute paths. Raises PathRefused for one that does not exist or is no folder."""
        self.all: tuple[Root, ...] = ()
        if missing := self.replace(folders):
            raise PathRefused(f"the workspace folder {missing[0]} does not exist or is no folder")
        self.places()

    def replace(self, folders: Iterable[str]) -> tuple[str, ...]:
        """Takes the folders that the client has open now; returns those that do not exist or are none.

        A folder that stays keeps its name. What was found beneath one that goes is refused from then on.
        """
        known = {root.path: root for root in self.all}
        kept = {real: known[real] for folder in folders if (real := real_path(folder)) in known}
        roots: dict[str, Root] = {}
        missing = []
        for folder in folders:
            real = real_path(folder)
            if os.path.isdir(real):
                name = _unused_name(os.path.basename(real) or real, [*kept.values(), *roots.values()])
                roots.setdefault(real, kept.get(real) or Root(name, real, Rules(real)))
            else:
                missing.append(folder)
        self.all = tuple(roots.values())
        return tuple(missing)

    def places(self) -> tuple[Location, ...]:
        """The roots themselves. Raises PathRefused where there is none."""
        if not self.all:
            raise PathRefused("no workspace folder is open: open a folder, then ask again")
        return tuple(self._beneath(root, "") for root in self.all)

    def present(self) -> tuple[Location, ...]:
        """Those roots that are still there: a folder may be deleted while it is open. Raises PathRefused for none."""
        if there := tuple(place for place in self.places() if is_folder(place)):
            return there
        raise NotThere(f"the workspace folder is gone: {', '.join(root.path for root in self.all)}")

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
        first_place, *others = self.places()
        if os.path.isabs(path):
            return self._absolute(os.path.normpath(path))
        if not others:
            return self._beneath(first_place.root, path)
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
        inside = os.path.normpath(relative.lstrip("/") or ".")
        if inside == ".." or inside.startswith("../"):
            raise PathRefused(f"'{relative}' lies outside the workspace ({root.path})")
        inside = "" if inside == "." else inside
        root.rules.must_allow(inside)
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
    path = os.fsdecode(unquote_to_bytes(parts.path))
    if parts.scheme != "file" or parts.netloc not in {"", "localhost"} or not path.startswith("/") or "\0" in path:
        return None
    return path


def read(location: Location) -> Content:
    """The content of a regular file. Raises NotThere or PathRefused. Blocks: call it in a thread when large."""
    with opened(location, os.O_RDONLY | os.O_NONBLOCK) as descriptor, _explained(location):
        return _content(location, descriptor)


def _content(location: Location, descriptor: int) -> Content:
    status = os.fstat(descriptor)
    _must_be_file(location, status)
    with os.fdopen(os.dup(descriptor), "rb") as file:
        data = file.read(MOST_BYTES + 1)
    if len(data) > MOST_BYTES:  # it grew meanwhile, or its size was no size
        raise PathRefused(_too_large(location, len(data)))
    return Content(data, stat.S_IMODE(status.st_mode))


def write(
    location: Location, data: bytes, *, over: Content | None = None, mode: int | None = None, by_user: bool = False
) -> None:
    """Puts a file in place in one atomic step, making its folders.

    With `over` it replaces exactly that, links included; without, it is a new file. `mode` are other permission bits
    than those of `over`, or than the usual. Only `by_user` are the rules of what is kept changed too. Raises Moved
    where something else stands there, and PathRefused, also when a new file's name is taken.
    """
    name = os.path.basename(location.relative)
    with _folder(location, make=True, by_user=by_user) as folder, _explained(location):
        if over is None:
            replacing.create(folder, name, data, mode)
        else:
            replacing.replace(folder, name, data, over.mode if mode is None else mode, _expected(location, over))


def delete(location: Location, expected: Content, *, by_user: bool = False) -> None:
    """Removes exactly that file, as `write`. Raises Moved where it is another, NotThere or PathRefused."""
    with _folder(location, make=False, by_user=by_user) as folder, _explained(location):
        replacing.remove(folder, os.path.basename(location.relative), _expected(location, expected))


def _expected(location: Location, content: Content) -> Callable[[str], None]:
    """Looks at what stands beside a location, under another name, and raises Moved if it is not that content."""

    def check(name: str) -> None:
        beside = os.path.join(os.path.dirname(location.relative), name)
        descriptor = open_beneath(location.root.path, beside, os.O_RDONLY | os.O_NONBLOCK)
        try:
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
        _make_folders(holder)
    with opened(holder, os.O_RDONLY | os.O_DIRECTORY) as descriptor:
        place = os.path.join(_inside(holder, descriptor), os.path.basename(location.relative))
        rules = location.root.rules
        (rules.must_allow if by_user else rules.must_be_changeable)(place)
        yield descriptor


def _holder(location: Location) -> Location:
    return Location(location.root, os.path.dirname(location.relative), os.path.dirname(location.shown) or ".")


def _must_be_allowed(location: Location, descriptor: int) -> None:
    """Whatever name it was opened by: a link inside the root is no way around the rules."""
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


def _real_folder(path: str) -> str:
    """`path` with the links of its folder resolved, for clients that name a root by another path to it."""
    return os.path.join(real_path(os.path.dirname(path)), os.path.basename(path))
