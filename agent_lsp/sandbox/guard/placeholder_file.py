"""A stub as it lies on the disk: told from what is the user's, and taken away by whoever needs it last.

Each command that needs a stub has it locked, so that the daemons of a workspace need not know of one another, and
nothing is left of one that was killed. As a program, which takes the standard library only, it clears a killed
daemon's stubs away.
"""

from __future__ import annotations

import fcntl
import os
import stat
import sys
from contextlib import suppress

DECOY = "/.git/commondir"
HERE = b".\n"
"""What a decoy holds."""
MODE = stat.S_ISVTX | stat.S_IRWXU
"""What mkdir(2) gives a stub, and nobody gives a folder of theirs."""
_PERMISSIONS = 0o777
_FLAGS = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


def vacant(path: str) -> bool:
    """Whether there is nothing at a path but maybe a stub, needed or left over, which acts on nothing."""
    try:
        mode = os.lstat(path).st_mode
        if path.endswith(DECOY):
            return stat.S_ISREG(mode) and _is_decoy(path)
        return stat.S_ISDIR(mode) and _is_marked(mode) and not os.listdir(path)
    except (FileNotFoundError, NotADirectoryError):
        return True
    except OSError:
        return False


def opened(path: str) -> int:
    """A descriptor of a stub, by which it is locked. Raises OSError."""
    return os.open(path, _FLAGS if path.endswith(DECOY) else _FLAGS | os.O_DIRECTORY)


def locked(descriptor: int, how: int) -> bool:
    """Whether it could be locked at once; on a disk without locks everything can."""
    try:
        fcntl.flock(descriptor, how | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        pass
    return True


def stands(descriptor: int, path: str) -> bool:
    """Whether an open stub is still what is at its path."""
    try:
        return os.path.samestat(os.fstat(descriptor), os.lstat(path))
    except OSError:
        return False


def let_go(descriptor: int, path: str) -> None:
    """Takes a stub away unless another command needs it, or somebody put something in; closes its descriptor."""
    try:
        # Of those who let go at the same time the kernel gives the lock to the last (flock(2): one lock is dropped
        # before the other is asked for).
        if locked(descriptor, fcntl.LOCK_EX) and stands(descriptor, path):
            _remove(descriptor, path)
    finally:
        os.close(descriptor)


def clear(path: str) -> None:
    """Takes a stub away that nobody needs, if there is one."""
    with suppress(OSError):
        let_go(opened(path), path)


def _remove(descriptor: int, path: str) -> None:
    with suppress(FileNotFoundError):
        if not path.endswith(DECOY):
            try:
                os.rmdir(path)
            except OSError:  # somebody put something in: now it is theirs
                if _is_marked(os.fstat(descriptor).st_mode):
                    os.fchmod(descriptor, os.stat(os.path.dirname(path)).st_mode & _PERMISSIONS)
        elif _is_decoy(path):
            os.unlink(path)


def _is_marked(mode: int) -> bool:
    return mode & (stat.S_ISVTX | _PERMISSIONS) == MODE


def _is_decoy(path: str) -> bool:
    with open(path, "rb") as file:
        return file.read(len(HERE) + 1) == HERE


if __name__ == "__main__":
    for stub in sys.argv[1:]:
        clear(stub)
