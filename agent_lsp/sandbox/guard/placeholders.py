"""Empty folders where protected entries are missing, so that something can be mounted there while a command runs.

A folder, not a file: git neither shows nor adds an empty one, an empty `.git` is no repository, and removing it fails
by itself when somebody put something in. Only `.git/commondir`, by which a repository says that its configuration lies
elsewhere, is a file that says it lies here: git would end at a folder, or at an empty file.

There is no way without: what is missing cannot be mounted on, and whatever acts on these names would do so at once.
A placeholder that is removed takes the mounts of all commands with it, so each of them has it locked: see
`placeholder_file.py`.
"""

from __future__ import annotations

import errno
import fcntl
import os
import secrets
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from threading import Lock

from agent_lsp.files.openat import rename_to_unused
from agent_lsp.sandbox.guard import placeholder_file
from agent_lsp.sandbox.guard.mounts import Kind, Mount
from agent_lsp.sandbox.trusted_programs import beneath

_TRIES, _PAUSE_SECONDS = 50, 0.001


class Placeholders:
    """The stubs of all commands that run here, of whatever daemon; the last one that needs a stub takes it away."""

    def __init__(self, at_death: Callable[[Sequence[str]], None]) -> None:
        """`at_death` hears what is to be run by somebody who outlives us, so that no stub does."""
        self._needed: Counter[str] = Counter()
        self._at_death = at_death
        self._lock = Lock()  # commands begin on the event loop and are settled in threads

    def vacant(self, path: str) -> bool:
        """Whether there is nothing at a path but maybe a stub; on a disk without modes only our own are known."""
        return path in self._needed or placeholder_file.vacant(path)

    @contextmanager
    def standing(self, planned: Sequence[Mount]) -> Iterator[Callable[[str], bool]]:
        """Gives what tells whether a mount on a stub has been over a path all the while, so that no command can have
        made what is there. Raises OSError."""
        paths = [mount.path for mount in planned if mount.kind in {Kind.MISSING, Kind.DECOY}]
        held: dict[str, int] = {}

        def covers(path: str) -> bool:
            place = path
            while place and place not in held:
                place = place.rpartition("/")[0]
            return place in held and placeholder_file.stands(held[place], place)

        with ExitStack() as stack:
            if paths:
                stack.enter_context(self._needing(paths))
            for path in paths:
                held[path] = _held(path)
                stack.callback(placeholder_file.let_go, held[path], path)
            yield covers

    @contextmanager
    def _needing(self, paths: Iterable[str]) -> Iterator[None]:
        with self._lock:
            self._needed.update(paths)
            self._tell()
        try:
            yield
        finally:
            with self._lock:
                self._needed.subtract(paths)
                self._needed = +self._needed
                self._tell()

    def _tell(self) -> None:
        program = (sys.executable, "-I", "-S", placeholder_file.__file__)
        self._at_death((*program, *self._needed) if self._needed else ())


def clear(names: Iterable[str], roots: Iterable[str], places: Iterable[str] = ()) -> None:
    """Takes away what is left in the roots of daemons that could not do so, such as at a loss of power.

    `names` are relative to each root, `places` are absolute paths.
    """
    for root in roots:
        for place in (*(os.path.join(root, name) for name in names), *(one for one in places if beneath(one, [root]))):
            while place != root:
                if placeholder_file.vacant(place):
                    placeholder_file.clear(place)
                place = os.path.dirname(place)  # noqa: PLW2901 - what holds it may be a stub, too


def _held(path: str) -> int:
    """A stub, made unless there is one, with a lock that others may have as well. Raises OSError."""
    for _ in range(_TRIES):
        with suppress(FileExistsError, FileNotFoundError):
            _make(path)
        with suppress(FileNotFoundError):
            descriptor = placeholder_file.opened(path)
            if placeholder_file.locked(descriptor, fcntl.LOCK_SH) and placeholder_file.stands(descriptor, path):
                return descriptor
            os.close(descriptor)
        time.sleep(_PAUSE_SECONDS)  # somebody is taking it away
    raise OSError(errno.EBUSY, "it comes and goes, or is locked", path)


def _make(path: str) -> None:
    if not path.endswith(placeholder_file.DECOY):
        os.mkdir(path, placeholder_file.MODE)
        return
    name = os.path.basename(path)
    folder = os.open(os.path.dirname(path), os.O_RDONLY | os.O_DIRECTORY)
    try:
        made = f"{name}-{secrets.token_hex(4)}"  # git would end at a file that is empty as yet
        descriptor = os.open(made, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644, dir_fd=folder)
        with open(descriptor, "wb") as file:
            file.write(placeholder_file.HERE)
        try:
            rename_to_unused((folder, made), (folder, name))
        except OSError:
            os.unlink(made, dir_fd=folder)
            raise
    finally:
        os.close(folder)
