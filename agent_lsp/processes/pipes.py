"""A child's output and input, bounded and as they come, and its end."""

from __future__ import annotations

import asyncio
import os
import subprocess
from collections.abc import Callable, Sequence


class HeadAndTail:
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


class Pipes:
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


async def exited(process: subprocess.Popen[bytes]) -> None:
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
