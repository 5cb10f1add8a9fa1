"""Every process the daemon starts: own group, closed stdin, listed environment, ends with us."""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import os
import secrets
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
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
_STOP_SECONDS = 2.0
_GUARD = """
trap '' INT TERM HUP
groups= ordered=
while read -r word group; do
  case $word in
    add) groups="$groups $group" ;;
    drop) kept=; for one in $groups; do [ "$one" = "$group" ] || kept="$kept $one"; done; groups=$kept ;;
    end) ordered=yes; break ;;
  esac
done
for one in $groups; do kill -KILL "-$one" 2>/dev/null; done
[ "$ordered" ] || for file in $(grep -lsF "$1" /proc/[0-9]*/environ); do
  file=${file#/proc/}; kill -KILL "${file%/environ}" 2>/dev/null
done
xargs -0 rmdir -- <"/dev/fd/$2" 2>/dev/null
"""
_PR_SET_CHILD_SUBREAPER = 36  # linux/prctl.h
_DRAIN_SECONDS, _DEATH_SECONDS, _BODY_SECONDS = 0.5, 2.0, 0.25


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
    gone. On Linux the daemon also adopts orphans of its children, and it and the guard find those that left
    their group by a mark in their environment.
    """

    def __init__(self) -> None:
        self._guard: subprocess.Popen[bytes] | None = None
        self._marks = f"{os.getpid()}-{secrets.token_hex(8)}."
        self._number = 0
        self._running: set[int] = set()
        self._zombies: dict[int, float] = {}
        self._folders = -1
        _adopt_orphans()

    async def run(  # noqa: PLR0913 - each says one thing about the process
        self,
        argv: Sequence[str],
        *,
        cwd: str,
        timeout_seconds: float,
        most_bytes: int,
        env: Mapping[str, str] | None = None,
        stdin: bytes | None = None,
        output: Callable[[bytes], None] = lambda _: None,
        pass_fds: Sequence[int] = (),
    ) -> Ended:
        """Runs a program to its end, standard error joined to its output; then kills what is left of its tree.

        The end is that of the program itself, whoever still holds its output open, or time-out or cancel. Of the
        output the first and the last `most_bytes / 2` are kept. Raises OSError when it cannot start.
        """
        mark, kept, timed_out = self._mark(), _HeadAndTail(most_bytes), False
        self._start_guard()
        # Not asyncio's: its wait() may last until the last holder of the pipe is gone.
        process = subprocess.Popen(  # noqa: ASYNC220 - asyncio starts processes by this very call
            argv,
            cwd=cwd,
            env={**(environment() if env is None else env), _MARK: mark},
            stdin=subprocess.DEVNULL if stdin is None else subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            pass_fds=pass_fds,
        )
        self._running.add(process.pid)
        self._tell_guard("add", process.pid)
        pipes = _Pipes(process, stdin or b"", [kept.add, output])
        try:
            async with asyncio.timeout(timeout_seconds):
                await _exited(process)
        except TimeoutError:
            timed_out = True
        finally:
            tree = _kill_tree(process.pid, mark)
            await asyncio.shield(self._bury(process, mark, tree, pipes))
        return Ended(process.returncode, kept.joined(), kept.left_out, timed_out)

    async def start(self, argv: Sequence[str], *, env: Mapping[str, str]) -> asyncio.subprocess.Process:
        """A long-lived child with pipes to its standard input and output, which must end when its input does.

        Our own death ends its input, so that it can tidy up and needs no guard.
        """
        return await asyncio.create_subprocess_exec(
            *argv,
            env={**env, _MARK: self._mark()},
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            start_new_session=True,
        )

    async def stop(self, process: asyncio.subprocess.Process) -> None:
        """Ends a child that `start` began: by the end of its input, and after two seconds by force."""
        if process.stdin:
            process.stdin.close()
        try:
            async with asyncio.timeout(_STOP_SECONDS):
                await process.wait()
        except TimeoutError:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            await process.wait()

    def remove_at_death(self, folders: Iterable[str]) -> None:
        """The folders that the guard takes away, if they are empty, when we are killed; they replace those before."""
        self._start_guard()
        data = b"\0".join(map(os.fsencode, folders))
        os.pwrite(self._folders, data, 0)
        os.ftruncate(self._folders, len(data))

    async def close(self) -> None:
        """Ends the guard."""
        if self._guard:
            guard, self._guard = self._guard, None
            _write_line(guard, "end")
            await _exited(guard)
            guard.wait()
            os.close(self._folders)

    async def _bury(self, process: subprocess.Popen[bytes], mark: str, tree: set[int], pipes: _Pipes) -> None:
        """Waits for the deaths in a killed tree, reads what is left in its output and takes the bodies away."""
        end = time.monotonic() + _DEATH_SECONDS
        while process.poll() is None or _alive(tree := tree | _kill_tree(process.pid, mark)):
            if time.monotonic() > end:  # a process in uninterruptible sleep dies when it wakes
                break
            await asyncio.sleep(0.001)
        await pipes.drained(_DRAIN_SECONDS)
        self._running.discard(process.pid)
        self._reap_adopted(tree)
        self._tell_guard("drop", process.pid)

    def _reap_adopted(self, tree: Iterable[int]) -> None:
        """Reaps the adopted: members of a tree, whoever is not the head of its session, and who long is a zombie.

        What heads its session may be a child that another part of the daemon started and waits for.
        """
        now, zombies = time.monotonic(), set(filter(_is_zombie, _children(os.getpid()))) - self._running
        self._zombies = {pid: self._zombies.get(pid, now) for pid in zombies}
        for pid, since in self._zombies.items():
            if pid in tree or _state(pid)[1] != pid or now - since > _BODY_SECONDS:
                with contextlib.suppress(ChildProcessError):
                    os.waitpid(pid, os.WNOHANG)

    def _mark(self) -> str:
        self._number += 1
        return f"{self._marks}{self._number}"

    def _start_guard(self) -> None:
        if self._guard is None:
            with tempfile.TemporaryFile() as file:
                self._folders = os.dup(file.fileno())
            self._guard = subprocess.Popen(
                ["/bin/sh", "-c", _GUARD, "sh", f"{_MARK}={self._marks}", str(self._folders)],
                env={},
                pass_fds=[self._folders],
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
                bufsize=0,
            )

    def _tell_guard(self, word: str, group: int) -> None:
        if self._guard:
            _write_line(self._guard, f"{word} {group}")


def _write_line(guard: subprocess.Popen[bytes], line: str) -> None:
    assert guard.stdin  # noqa: S101 - a pipe was asked for
    with contextlib.suppress(BrokenPipeError):  # somebody killed it
        guard.stdin.write(f"{line}\n".encode())
        if line == "end":
            guard.stdin.close()


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


_Takers = Sequence[Callable[[bytes], None]]


class _Pipes:
    """A child's output, handed on as it comes, and its input, written as it is taken."""

    def __init__(self, process: subprocess.Popen[bytes], data: bytes, takers: _Takers) -> None:
        self._loop, self._process, self._takers = asyncio.get_running_loop(), process, takers
        self._end, self._data = self._loop.create_future(), memoryview(data)
        assert process.stdout  # noqa: S101 - a pipe was asked for
        os.set_blocking(process.stdout.fileno(), False)
        self._loop.add_reader(process.stdout.fileno(), self._read)
        if process.stdin:
            os.set_blocking(process.stdin.fileno(), False)
            self._loop.add_writer(process.stdin.fileno(), self._write)

    async def drained(self, seconds: float) -> None:
        """Reads to the end of the output, or as long as it may last, and closes both."""
        try:
            async with asyncio.timeout(seconds):
                await self._end
        except TimeoutError:
            pass  # a process that is not ours was handed the pipe
        finally:
            self._close_input()
            self._close_output()

    def _read(self) -> None:
        assert self._process.stdout  # noqa: S101 - likewise
        try:
            piece = os.read(self._process.stdout.fileno(), 64 << 10)
        except BlockingIOError:
            return
        if not piece:
            self._close_output()
        for take in self._takers if piece else ():
            take(piece)

    def _write(self) -> None:
        assert self._process.stdin  # noqa: S101 - only called when there is one
        try:
            self._data = self._data[os.write(self._process.stdin.fileno(), self._data) :]
        except BlockingIOError:
            return
        except BrokenPipeError:
            self._data = self._data[:0]
        if not self._data:
            self._close_input()

    def _close_output(self) -> None:
        if self._process.stdout and not self._process.stdout.closed:
            self._loop.remove_reader(self._process.stdout.fileno())
            self._process.stdout.close()
        if not self._end.done():
            self._end.set_result(None)

    def _close_input(self) -> None:
        if self._process.stdin and not self._process.stdin.closed:
            self._loop.remove_writer(self._process.stdin.fileno())
            self._process.stdin.close()


async def _exited(process: subprocess.Popen[bytes]) -> None:
    """Waits until a process has ended; it is not reaped yet, so that its number still stands for its group."""
    try:
        descriptor = os.pidfd_open(process.pid)
    except (AttributeError, OSError):  # not Linux, or older than 5.3
        while process.poll() is None:  # noqa: ASYNC110 - there is nothing to wait on
            await asyncio.sleep(0.01)
        return
    loop = asyncio.get_running_loop()
    ended = loop.create_future()
    loop.add_reader(descriptor, ended.set_result, None)
    try:
        await ended
    finally:
        loop.remove_reader(descriptor)
        os.close(descriptor)


def _kill_tree(leader: int, mark: str) -> set[int]:
    """Kills a group, what descends from its leader, and what left both but still carries the mark (Linux)."""
    tree = {pid for pid in _descendants(os.getpid()) if mark.encode() in _marks(pid)} | set(_descendants(leader))
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(leader, signal.SIGKILL)
    for pid in tree - {leader}:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(pid, signal.SIGKILL)
    return tree - {leader}


def _alive(pids: Iterable[int]) -> bool:
    return any(_state(pid)[0] not in "ZX" for pid in pids)


def _is_zombie(pid: int) -> bool:
    return _state(pid)[0] == "Z"


def _children(pid: int) -> list[int]:
    found: list[int] = []
    try:
        threads = [thread.name for thread in Path(f"/proc/{pid}/task").iterdir()]
    except OSError:  # it is gone, and may have gone just now: a glob would raise then
        return []
    for thread in threads:
        with contextlib.suppress(OSError):
            found += map(int, Path(f"/proc/{pid}/task/{thread}/children").read_text().split())
    return found


def _descendants(pid: int) -> list[int]:
    return [one for child in _children(pid) for one in (child, *_descendants(child))]


def _state(pid: int) -> tuple[str, int]:
    """The letter of a process's state, X when it is gone, and its session (proc_pid_stat(5))."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()
    except OSError:
        return "X", 0
    return fields[0].decode(), int(fields[3])


def _marks(pid: int) -> list[bytes]:
    try:
        names = Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    except OSError:
        return []
    return [name.partition(b"=")[2] for name in names if name.startswith(f"{_MARK}=".encode())]


def _adopt_orphans() -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
