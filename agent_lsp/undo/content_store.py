"""Contents of files by their digest: kept on disk, bounded by age and size, shared by all daemons of a user."""

from __future__ import annotations

import fcntl
import os
import secrets
import time
import zlib
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from threading import Lock

from agent_lsp.files.digest import digest_of
from agent_lsp.undo.fsync import sync, sync_all

_FAST = 1
"""zlib's level: source code gets a third smaller still at 6, in four times the time."""
_FEW = 8
"""Objects up to which each is synced by itself; more are synced with their file system at once."""
_UNFINISHED_SECONDS = 3_600.0
_HOUR, _DAY = 3_600.0, 86_400.0


class NotKept(Exception):
    """Contents could not be put on disk; the message names the folder and the remedy."""


@dataclass(frozen=True, slots=True)
class StoreBounds:
    """How long objects are kept after they were last needed, in seconds, and how many bytes all may take."""

    seconds: float
    most_bytes: int


class ContentStore:
    """Immutable contents. What `keep` has returned from survives a kill and a power loss."""

    def __init__(self, folder: Path, *, clock: Callable[[], float] = time.time) -> None:
        """`folder` is made with the first object."""
        self._folder, self._clock = folder, clock
        self._leases: dict[str, int] = {}
        self._leasing = Lock()
        self._there: set[str] = set()
        self._looked: tuple[str, float] | None = None

    def keep(self, contents: Iterable[bytes]) -> None:
        """Puts contents on disk; those that are there already count as needed anew. Blocks. Raises NotKept."""
        with self._explained(), self._locked(fcntl.LOCK_SH):
            self._write([(digest_of(data), data) for data in contents])

    def find(self, digest: str) -> bytes | None:
        """The content, None when it is no longer kept, was damaged, or cannot be read. Blocks."""
        try:
            data = zlib.decompress(self._file(digest).read_bytes())
        except (OSError, zlib.error):
            return None
        return data if digest_of(data) == digest else None

    def has(self, digest: str) -> bool:
        """Whether a content is kept."""
        return self._file(digest).exists()

    def renew(self, digests: Collection[str]) -> set[str]:
        """Counts objects as needed anew, to the day; returns those that are not kept. Blocks. Raises NotKept."""
        with self._explained(), self._locked(fcntl.LOCK_SH):
            looked = self._pruned(), self._clock() // _HOUR
            if looked != self._looked:  # else what was there then is there still
                self._looked, self._there = looked, set()
            unsure = {*digests} - self._there
            lost = {digest for digest in unsure if not self._renewed(digest)}
            self._there |= unsure - lost
            return lost

    def name(self, name: str, digest: str) -> None:
        """Gives an object a name, which is a file's; whoever had it loses it. Blocks. Raises NotKept."""
        with self._explained(), self._locked(fcntl.LOCK_SH):
            self._replace(self._folder / "names" / name, digest)

    def named(self, name: str) -> str:
        """The digest of the object of that name, empty where there is none. Blocks."""
        try:
            return (self._folder / "names" / name).read_text("ascii")
        except (OSError, ValueError):
            return ""

    def need(self, digests: Collection[str]) -> None:
        """Keeps these from being removed while this process lives, and no longer those of the call before.

        Blocks. Raises OSError.
        """
        with self._locked(fcntl.LOCK_SH), self._leasing:
            self._lease("now", digests)

    def need_from_now_on(self, digests: Collection[str]) -> None:
        """Keeps these, too, from being removed while this process lives. Blocks. Raises OSError."""
        with self._locked(fcntl.LOCK_SH), self._leasing:
            known = _read(self._leases["for good"]) if "for good" in self._leases else set[str]()
            if not known.issuperset(digests):
                self._lease("for good", known.union(digests))

    def _lease(self, name: str, digests: Collection[str]) -> None:
        """Writes a list of what is needed, on disk and not in memory: it may be long."""
        if name not in self._leases:
            (self._folder / "needed").mkdir(mode=0o700, exist_ok=True)
            file = self._folder / "needed" / secrets.token_hex(8)
            self._leases[name] = os.open(file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            fcntl.flock(self._leases[name], fcntl.LOCK_EX)
        written = "\n".join(digests).encode()
        os.pwrite(self._leases[name], written, 0)
        os.ftruncate(self._leases[name], len(written))

    def prune(self, bounds: StoreBounds) -> None:
        """Removes what is too old, then the oldest until the rest fits; never what a live process needs. Blocks."""
        if not self._folder.is_dir():
            return
        with self._locked(fcntl.LOCK_EX):
            self._remove_unfinished()
            needed = self._needed()
            found = sorted(self._all())
            total, removed = sum(size for _, size, _ in found), list[Path]()
            for changed, size, file in found:
                old = changed < self._clock() - bounds.seconds
                if (old or total > bounds.most_bytes) and _digest(file) not in needed:
                    removed.append(file)
                    total -= size
            if removed:
                self._replace(self._folder / "pruned", secrets.token_hex(8))
            for file in removed:
                file.unlink()

    def close(self) -> None:
        """Needs nothing any more."""
        for lease in self._leases.values():
            os.close(lease)
        self._leases.clear()

    def _needed(self) -> set[str]:
        """What live processes need: the kernel has let go of the locks of those that died."""
        needed: set[str] = set()
        for file in (self._folder / "needed").glob("*"):
            with file.open("rb") as lease:
                try:
                    fcntl.flock(lease, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except BlockingIOError:
                    needed.update(lease.read().decode().split())
                else:
                    file.unlink()
        return needed

    def _write(self, contents: list[tuple[str, bytes]]) -> None:
        fresh: dict[Path, Path] = {}
        for digest, data in contents:
            file = self._file(digest)
            if file in fresh or _renewed(file, self._clock()):
                continue
            file.parent.mkdir(mode=0o700, exist_ok=True)
            fresh[file] = self._temporary(data, sync=len(contents) <= _FEW)
        many = len(contents) > _FEW
        if many and fresh:
            sync_all(self._folder)
        for file, temporary in fresh.items():
            temporary.rename(file)
        if many and fresh:
            sync_all(self._folder)
            return
        for folder in {self._folder, *(file.parent for file in fresh)} if fresh else ():
            sync(folder)

    def _renewed(self, digest: str) -> bool:
        file = f"{self._folder}/{digest[:2]}/{digest[2:]}"  # pathlib would take longer than the disk
        with suppress(FileNotFoundError):
            if os.stat(file).st_mtime > self._clock() - _DAY:
                return True
        return _renewed(file, self._clock())

    def _temporary(self, data: bytes, *, sync: bool) -> Path:
        temporary = self._folder / "new" / secrets.token_hex(8)
        temporary.parent.mkdir(mode=0o700, exist_ok=True)
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(zlib.compress(data, _FAST))
            file.flush()
            os.utime(file.fileno(), (self._clock(), self._clock()))
            if sync:
                os.fsync(file.fileno())
        return temporary

    def _pruned(self) -> str:
        """Another word after each time that objects were removed, or the whole folder was."""
        file = self._folder / "pruned"
        with suppress(FileNotFoundError):
            return file.read_text("ascii")
        self._replace(file, word := secrets.token_hex(8))
        return word

    def _replace(self, file: Path, text: str) -> None:
        temporary = self._folder / "new" / secrets.token_hex(8)
        for folder in (temporary.parent, file.parent):
            folder.mkdir(mode=0o700, exist_ok=True)
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "w", encoding="ascii") as opened:
            opened.write(text)
        temporary.rename(file)

    def _remove_unfinished(self) -> None:
        """What daemons left that were killed while they wrote."""
        for file in (self._folder / "new").glob("*"):
            if file.stat().st_mtime < self._clock() - _UNFINISHED_SECONDS:
                file.unlink()

    def _all(self) -> Iterator[tuple[float, int, Path]]:
        for file in self._folder.glob("??/*"):
            status = file.stat()
            yield status.st_mtime, status.st_size, file

    def _file(self, digest: str) -> Path:
        return self._folder / digest[:2] / digest[2:]

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise NotKept(
                f"no copy can be kept in {self._folder} ({error.strerror}): make room there, or set"
                " AGENT_LSP_STATE_DIR to another folder"
            ) from error

    @contextmanager
    def _locked(self, how: int) -> Iterator[None]:
        """Those who keep are many, one prunes: what is found to be there must still be there afterwards."""
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = os.open(self._folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(lock, how)
            yield
        finally:
            os.close(lock)


def _read(lease: int) -> set[str]:
    return set(os.pread(lease, os.fstat(lease).st_size, 0).decode().split())


def _digest(file: Path) -> str:
    return file.parent.name + file.name


def _renewed(file: Path | str, now: float) -> bool:
    """Whether the object is there; its age begins anew."""
    with suppress(FileNotFoundError):
        os.utime(file, (now, now))
        return True
    return False
