"""Every process the daemon starts: own group, closed stdin, listed environment, ends with us."""

from __future__ import annotations

import asyncio
import contextlib
import os
import secrets
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from agent_lsp.processes.pipes import HeadAndTail, Pipes, exited
from agent_lsp.processes.tree import MARK, adopt_orphans, alive, children, is_zombie, kill_tree, state

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
[ "$ordered" ] || xargs -0 env <"/dev/fd/$2" 2>/dev/null
"""
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
        self._last = -1
        adopt_orphans()

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
        mark, kept, timed_out = self._mark(), HeadAndTail(most_bytes), False
        self._start_guard()
        # Not asyncio's: its wait() may last until the last holder of the pipe is gone.
        process = subprocess.Popen(  # noqa: ASYNC220 - asyncio starts processes by this very call
            argv,
            cwd=cwd,
            env={**(environment() if env is None else env), MARK: mark},
            stdin=subprocess.DEVNULL if stdin is None else subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            pass_fds=pass_fds,
        )
        self._running.add(process.pid)
        self._tell_guard("add", process.pid)
        pipes = Pipes(process, stdin or b"", [kept.add, output])
        try:
            async with asyncio.timeout(timeout_seconds):
                await exited(process)
        except TimeoutError:
            timed_out = True
        finally:
            tree = kill_tree(process.pid, mark)
            await asyncio.shield(self._bury(process, mark, tree, pipes))
        return Ended(process.returncode, kept.joined(), kept.left_out, timed_out)

    async def start(self, argv: Sequence[str], *, env: Mapping[str, str]) -> asyncio.subprocess.Process:
        """A long-lived child with pipes to its standard input and output, which must end when its input does.

        Our own death ends its input, so that it can tidy up and needs no guard.
        """
        return await asyncio.create_subprocess_exec(
            *argv,
            env={**env, MARK: self._mark()},
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

    def run_at_death(self, argv: Sequence[str]) -> None:
        """The program that the guard runs when we are killed, in place of any before."""
        self._start_guard()
        data = b"\0".join(map(os.fsencode, argv))
        os.pwrite(self._last, data, 0)
        os.ftruncate(self._last, len(data))

    async def close(self) -> None:
        """Ends the guard."""
        if self._guard:
            guard, self._guard = self._guard, None
            _write_line(guard, "end")
            await exited(guard)
            guard.wait()
            os.close(self._last)

    async def _bury(self, process: subprocess.Popen[bytes], mark: str, tree: set[int], pipes: Pipes) -> None:
        """Waits for the deaths in a killed tree, reads what is left in its output and takes the bodies away."""
        end = time.monotonic() + _DEATH_SECONDS
        while process.poll() is None or alive(tree := tree | kill_tree(process.pid, mark)):
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
        now, zombies = time.monotonic(), set(filter(is_zombie, children(os.getpid()))) - self._running
        self._zombies = {pid: self._zombies.get(pid, now) for pid in zombies}
        for pid, since in self._zombies.items():
            if pid in tree or state(pid)[1] != pid or now - since > _BODY_SECONDS:
                with contextlib.suppress(ChildProcessError):
                    os.waitpid(pid, os.WNOHANG)

    def _mark(self) -> str:
        self._number += 1
        return f"{self._marks}{self._number}"

    def _start_guard(self) -> None:
        if self._guard is None:
            with tempfile.TemporaryFile() as file:
                self._last = os.dup(file.fileno())
            self._guard = subprocess.Popen(
                ["/bin/sh", "-c", _GUARD, "sh", f"{MARK}={self._marks}", str(self._last)],
                env={},
                pass_fds=[self._last],
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
