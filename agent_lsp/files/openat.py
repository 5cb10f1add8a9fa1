"""The system calls beneath a root: a path opened by the kernel's own judgement, a rename that replaces nothing.

On Linux `openat2` with `RESOLVE_BENEATH` lets the kernel judge the whole path at once; elsewhere each component is
opened by itself and links are refused. No string test decides anything.
"""

from __future__ import annotations

import ctypes
import errno
import os
import stat
import sys
from contextlib import suppress
from pathlib import PurePosixPath

_OPENAT2 = 437  # one number on all architectures, linux/unistd.h
_NOREPLACE = 1  # RENAME_NOREPLACE, linux/fs.h
_EXCHANGE = 2  # RENAME_EXCHANGE, linux/fs.h
_NO_FLAGS = {errno.ENOSYS, errno.EINVAL}  # a file system that does not know the flags says EINVAL
_BENEATH = 0x08 | 0x02  # RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS, linux/openat2.h
_DELETED = " (deleted)"


class _OpenHow(ctypes.Structure):
    _fields_ = (("flags", ctypes.c_uint64), ("mode", ctypes.c_uint64), ("resolve", ctypes.c_uint64))


_libc = ctypes.CDLL(None, use_errno=True)


def open_beneath(root: str, relative: str, flags: int) -> int:
    """A descriptor for a path beneath the folder `root`, which may not be a link itself; closed on exec.

    Raises OSError: `EXDEV` or `ELOOP` where a link leads outside, or where links cannot be judged.
    """
    flags |= os.O_CLOEXEC
    holder = os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        if sys.platform == "linux":
            with suppress(NotImplementedError):
                return _openat2(holder, relative, flags)
        return open_by_component(holder, relative, flags)
    finally:
        os.close(holder)


def real_path(path: str) -> str:
    """The path with its links resolved; as it is where somebody changes them at this moment."""
    try:
        return os.path.realpath(path)
    except OSError:  # a link that was none a moment later
        return path


def place_of(descriptor: int) -> str | None:
    """The absolute path of what is open, links resolved; None where the system does not tell."""
    try:
        path = os.readlink(f"/proc/self/fd/{descriptor}")
    except OSError:
        return None
    return path.removesuffix(_DELETED) if path.startswith("/") else None


def exchange(folder: int, one: str, other: str) -> bool:
    """Lets two names within a folder's descriptor change places; False where the system cannot. Raises OSError."""
    renameat2 = getattr(_libc, "renameat2", None)
    if renameat2 is None:
        return False
    if renameat2(folder, os.fsencode(one), folder, os.fsencode(other), _EXCHANGE) == 0:
        return True
    number = ctypes.get_errno()
    if number in _NO_FLAGS:
        return False
    raise OSError(number, os.strerror(number), other)


def rename_to_unused(source: tuple[int, str], target: tuple[int, str]) -> None:
    """Renames within folders' descriptors. Raises FileExistsError; where the system cannot tell, it looks first."""
    renameat2 = getattr(_libc, "renameat2", None)
    if renameat2:
        if renameat2(source[0], os.fsencode(source[1]), target[0], os.fsencode(target[1]), _NOREPLACE) == 0:
            return
        number = ctypes.get_errno()
        if number not in _NO_FLAGS:
            raise OSError(number, os.strerror(number), target[1])
    with suppress(FileNotFoundError):
        os.stat(target[1], dir_fd=target[0], follow_symlinks=False)
        raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), target[1])
    os.rename(source[1], target[1], src_dir_fd=source[0], dst_dir_fd=target[0])


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


def open_by_component(holder: int, relative: str, flags: int) -> int:
    """As `open_beneath`, from a folder's descriptor and with no help of the kernel: no link is followed at all."""
    *folders, last = PurePosixPath(relative).parts or (".",)
    if os.path.isabs(relative) or ".." in (*folders, last):
        raise OSError(errno.EXDEV, os.strerror(errno.EXDEV), relative)
    current = os.dup(holder)
    try:
        for name in folders:
            below = os.open(name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=current)
            os.close(current)
            current = below
        return _no_link(os.open(last, flags | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=current), last)
    finally:
        os.close(current)


def _no_link(descriptor: int, name: str) -> int:
    """What is open, unless it is a link itself, which `O_PATH` opens. Raises OSError."""
    if not stat.S_ISLNK(os.fstat(descriptor).st_mode):
        return descriptor
    os.close(descriptor)
    raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), name)
