"""A file put in place, replaced or removed in one step: old or new at every moment, and only what was expected.

What is replaced is looked at after it was taken out of its place, when nobody else can change it there any more. If it
is not what was expected, it is put back. Names are relative to a folder's descriptor.
"""

from __future__ import annotations

import errno
import os
import secrets
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress

from agent_lsp.files.openat import exchange, rename_to_unused

_NO_SUCH_FILES = {errno.EOPNOTSUPP, errno.EISDIR, errno.EINVAL, errno.ENOENT}
"""What file systems without unnamed files say, and systems without /proc."""

Check = Callable[[str], None]
"""Looks at the file of that name in the folder, and raises if it is not what was expected."""


def create(folder: int, name: str, data: bytes, mode: int | None) -> None:
    """Puts a new file in place; None as `mode` means the usual permission bits. Raises FileExistsError, OSError."""
    with _temporary(folder, data, mode) as temporary:
        rename_to_unused((folder, temporary), (folder, name))
    os.fsync(folder)


def replace(folder: int, name: str, data: bytes, mode: int, check: Check) -> None:
    """Puts another file in the place of what stands there, links included. Raises what `check` raises, OSError."""
    with _temporary(folder, data, mode) as temporary, _Identities(folder) as identities:
        ours = identities.of(temporary)
        if exchange(folder, temporary, name):
            try:
                check(temporary)
            except BaseException:
                _put_back(identities, temporary, name, ours)
                raise
            os.unlink(temporary, dir_fd=folder)
        else:  # a system that cannot: what is saved between these two is lost
            check(name)
            os.rename(temporary, name, src_dir_fd=folder, dst_dir_fd=folder)
    os.fsync(folder)


def remove(folder: int, name: str, check: Check) -> None:
    """Removes a file. Raises what `check` raises, OSError."""
    temporary = _unused_name()
    os.rename(name, temporary, src_dir_fd=folder, dst_dir_fd=folder)
    try:
        check(temporary)
        os.unlink(temporary, dir_fd=folder)
    except BaseException:
        with suppress(FileExistsError):  # a newer one has come into its place
            rename_to_unused((folder, temporary), (folder, name))
        raise
    os.fsync(folder)


class _Identities(ExitStack):
    """Which file a name stands for; those that were asked about are kept open, so that no other gets their number."""

    def __init__(self, folder: int) -> None:
        super().__init__()
        self.folder = folder

    def of(self, name: str) -> tuple[int, int]:
        descriptor = os.open(
            name, getattr(os, "O_PATH", os.O_RDONLY) | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=self.folder
        )
        self.callback(os.close, descriptor)
        status = os.fstat(descriptor)
        return status.st_dev, status.st_ino


def _put_back(identities: _Identities, temporary: str, name: str, placed: tuple[int, int]) -> None:
    """Back into its place with what `placed` has driven out of it; what was saved there since goes before that."""
    out = identities.of(temporary)
    while True:
        exchange(identities.folder, temporary, name)
        driven_out = identities.of(temporary)
        if driven_out == placed:
            return
        placed, out = out, driven_out


@contextmanager
def _temporary(folder: int, data: bytes, mode: int | None) -> Iterator[str]:
    """The name of a file with that content, which is on disk; if it is still there in the end, it is removed."""
    name = _unused_name()
    try:
        _write(folder, name, data, mode)
        yield name
    finally:
        with suppress(OSError):
            os.unlink(name, dir_fd=folder)


def _write(folder: int, name: str, data: bytes, mode: int | None) -> None:
    """The file has no name until it is whole, where the system can do so: a kill leaves nothing behind."""
    bits = 0o666 if mode is None else 0o600
    descriptor, named = _without_name(folder, bits), False
    if descriptor is None:
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        descriptor, named = os.open(name, flags, bits, dir_fd=folder), True
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
        file.flush()
        if mode is not None:
            os.fchmod(file.fileno(), mode)
        os.fsync(file.fileno())
        if not named:
            os.link(f"/proc/self/fd/{file.fileno()}", name, dst_dir_fd=folder, follow_symlinks=True)


def _without_name(folder: int, bits: int) -> int | None:
    flag = getattr(os, "O_TMPFILE", None)
    if flag is None or not os.path.isdir("/proc/self/fd"):
        return None
    try:
        return os.open(".", os.O_WRONLY | flag | os.O_CLOEXEC, bits, dir_fd=folder)
    except OSError as error:
        if error.errno in _NO_SUCH_FILES:
            return None
        raise


def _unused_name() -> str:
    return f".agent-lsp-{secrets.token_hex(8)}"
