"""Every process the daemon starts: own group, closed stdin, listed environment, ends with us."""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

_PASSED_ON = (
    "PATH",
    "HOME",
    "USER",
    "LOGNAME",
    "SHELL",
    "LANG",
    "LC_ALL",
    "LC_CTYPE",
    "TERM",
    "TMPDIR",
    "TZ",
    "VIRTUAL_ENV",
)
_MARK = "AGENT_LSP_PROCESS"
_GUARD = """
trap '' INT TERM HUP
groups=
while read -r word group; do
  case $word in
    add) groups="$groups $group" ;;
    drop) kept=; for one in $groups; do [ "$one" = "$group" ] || kept="$kept $one"; done; groups=$kept ;;
  esac
done
for one in $groups; do kill -KILL "-$one" 2>/dev/null; done
"""
_PR_SET_CHILD_SUBREAPER = 36  # linux/prctl.h


@dataclass(frozen=True, slots=True)
class Ended:
    """How a process ended. `code` is negative for a signal; `left_out` counts the bytes beyond the limit."""

    code: int
    output: bytes
    left_out: int
    timed_out: bool


def environment(extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """The few variables that a child may know, no key among them."""
    listed = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
    return {**listed, **(extra or {})}


class Processes:
    """Starts processes for one daemon and sees to it that none outlives it, not even after `kill -9`.

    A guard, a shell that waits at the end of a pipe, kills the groups still known to it when the daemon is
    gone. On Linux the daemon also adopts orphans of its children, and finds them by a mark in their
    environment.
    """

    def __init__(self) -> None:
        self._guard: asyncio.subprocess.Process | None = None
        self._number = 0
        _adopt_orphans()

    async def run(
        self,
        argv: Sequence[str],
        *,
        cwd: str,
        timeout_seconds: float,
        most_bytes: int,
        env: Mapping[str, str] | None = None,
        stdin: bytes | None = None,
        output: Callable[[bytes], None] = lambda _: None,
    ) -> Ended:
        """Runs a program to its end, standard error joined to its output; kills its whole tree on time-out or cancel.

        Of the output the first and the last `most_bytes / 2` are kept. Raises OSError when it cannot start.
        """
        mark = self._mark()
        process = await asyncio.create_subprocess_exec(
            *argv,
            cwd=cwd,
            env={**(environment() if env is None else env), _MARK: mark},
            stdin=asyncio.subprocess.PIPE if stdin is not None else asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            start_new_session=True,
        )
        kept, timed_out = _HeadAndTail(most_bytes), False
        try:
            await self._tell_guard("add", process.pid)
            async with asyncio.timeout(timeout_seconds):
                await asyncio.gather(_write(process, stdin), _read(process, kept, output))
                await process.wait()
        except TimeoutError:
            timed_out = True
        finally:
            _kill_tree(process.pid, mark)
            await asyncio.shield(process.wait())
            await self._tell_guard("drop", process.pid)
        return Ended(process.returncode or 0, kept.joined(), kept.left_out, timed_out)

    async def start(
        self, argv: Sequence[str], *, env: Mapping[str, str], stderr: int = subprocess.DEVNULL
    ) -> asyncio.subprocess.Process:
        """A long-lived child with pipes to its standard input and output; it ends with the daemon."""
        process = await asyncio.create_subprocess_exec(
            *argv,
            env={**env, _MARK: self._mark()},
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=stderr,
            start_new_session=True,
        )
        await self._tell_guard("add", process.pid)
        return process

    async def stop(self, process: asyncio.subprocess.Process) -> None:
        """Ends a child that `start` began."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        await process.wait()
        await self._tell_guard("drop", process.pid)

    async def close(self) -> None:
        """Ends the guard."""
        if self._guard and self._guard.stdin:
            self._guard.stdin.close()
            await self._guard.wait()
            self._guard = None

    def _mark(self) -> str:
        self._number += 1
        return f"{os.getpid()}.{self._number}"

    async def _tell_guard(self, word: str, group: int) -> None:
        if self._guard is None:
            self._guard = await asyncio.create_subprocess_exec(
                "/bin/sh",
                "-c",
                _GUARD,
                env={},
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.DEVNULL,
                stderr=asyncio.subprocess.DEVNULL,
                start_new_session=True,
            )
        assert self._guard.stdin  # noqa: S101 - a pipe was asked for
        self._guard.stdin.write(f"{word} {group}\n".encode())


class _HeadAndTail:
    """Keeps the first and the last half of what it is given, within a number of bytes."""

    def __init__(self, most: int) -> None:
        self._half = most // 2
        self._head, self._tail, self.left_out = bytearray(), bytearray(), 0

    def add(self, piece: bytes) -> None:
        room = self._half - len(self._head)
        if room > 0:
            self._head += piece[:room]
            piece = piece[room:]
        self._tail += piece
        if (over := len(self._tail) - self._half) > 0:
            del self._tail[:over]
            self.left_out += over

    def joined(self) -> bytes:
        cut = f"\n[… {self.left_out} bytes left out …]\n".encode() if self.left_out else b""
        return bytes(self._head) + cut + bytes(self._tail)


async def _write(process: asyncio.subprocess.Process, data: bytes | None) -> None:
    if data is None or process.stdin is None:
        return
    with contextlib.suppress(BrokenPipeError, ConnectionResetError):
        process.stdin.write(data)
        await process.stdin.drain()
    process.stdin.close()


async def _read(
    process: asyncio.subprocess.Process, kept: _HeadAndTail, output: Callable[[bytes], None]
) -> None:
    assert process.stdout  # noqa: S101 - a pipe was asked for
    while piece := await process.stdout.read(64 << 10):
        kept.add(piece)
        output(piece)


def _kill_tree(group: int, mark: str) -> None:
    """The group, and then whatever left the group but still carries the mark."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(group, signal.SIGKILL)
    while strays := _marked(mark):
        for pid in strays:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)


def _marked(mark: str) -> list[int]:
    """Live processes, other than zombies, whose environment carries the mark (Linux only)."""
    return [pid for pid in _descendants(os.getpid()) if _environ(pid).find(f"{_MARK}={mark}\0".encode()) >= 0]


def _descendants(pid: int) -> list[int]:
    found: list[int] = []
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        with contextlib.suppress(OSError):
            for child in map(int, task.read_text().split()):
                found += [child, *_descendants(child)]
    return found


def _environ(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/environ").read_bytes() + b"\0"
    except OSError:
        return b""


def _adopt_orphans() -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
