"""Frames in and out: each message behind a header with its length (LSP 3.17, base protocol), bounded and guarded."""

from __future__ import annotations

import json
import logging
import queue
import threading
import time
from collections.abc import Callable
from typing import BinaryIO

MOST_FRAME_BYTES = 64 << 20
_MOST_WAITING_BYTES = 8 << 20
_DEAF_SECONDS = 30.0
_log = logging.getLogger(__name__)


class Writer:
    """Sends frames from a thread of its own, so that a client that does not read blocks nothing."""

    def __init__(self, raw: BinaryIO, deaf: Callable[[], None]) -> None:
        """`deaf` is called once when the client has read nothing for 30 seconds while much is waiting."""
        self._raw, self._deaf, self._left = raw, deaf, False
        self._queue: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        self._waiting, self._moved = 0, time.monotonic()
        self._lock = threading.Lock()
        self._thread = threading.Thread(target=self._pump, name="writer", daemon=True)
        self._thread.start()

    @property
    def full(self) -> bool:
        """Whether so much is waiting that what can be missed should be left out."""
        return self._waiting > _MOST_WAITING_BYTES

    def write(self, frame: bytes) -> None:
        with self._lock:
            if self._waiting == 0:
                self._moved = time.monotonic()
            self._waiting += len(frame)
        self._queue.put(frame)

    def check(self) -> None:
        """Leaves a client that has read nothing for 30 seconds while much is waiting; called every few seconds."""
        if self.full and not self._left and time.monotonic() - self._moved > _DEAF_SECONDS:
            self._left = True
            _log.warning("the client has read nothing for %g s: leaving it", _DEAF_SECONDS)
            self._deaf()

    def close(self, seconds: float = 2) -> None:
        """Sends what is waiting, for a while."""
        self._queue.put(None)
        self._thread.join(seconds)

    def _pump(self) -> None:
        while (frame := self._queue.get()) is not None:
            try:
                self._raw.write(frame)
                self._raw.flush()
            except (OSError, ValueError):
                return
            with self._lock:
                self._waiting -= len(frame)
                self._moved = time.monotonic()


class BadFrame(Exception):
    """A frame that is no message; `fatal` when the stream cannot be read on after it."""

    def __init__(self, message: str, *, fatal: bool = False) -> None:
        super().__init__(message)
        self.fatal = fatal


def read_frames(stream: BinaryIO, take: Callable[[object], None], end: Callable[[], None]) -> None:
    """Hands each message, or the BadFrame in its place, to `take`; at the end of the stream calls `end`."""
    while True:
        try:
            length = _read_header(stream)
            if length is None:
                break
            body = _read_body(stream, length)
            if body is None:
                break
            take(_parsed(body))
        except BadFrame as error:
            take(error)
            if error.fatal:
                break
        except (OSError, ValueError):  # gone, or closed on our side
            break
    end()


def _read_header(stream: BinaryIO) -> int | None:
    """The length that a header announces; None at the end of the stream."""
    lengths: set[int] = set()
    while True:
        line = stream.readline(8192)
        if not line:
            return None
        if line in {b"\r\n", b"\n"}:
            if len(lengths) > 1:
                raise BadFrame("a header announces two lengths", fatal=True)
            if lengths:
                return lengths.pop()
            continue
        name, _, value = line.partition(b":")
        if name.strip().lower() == b"content-length":
            if not (value.strip().isdigit() and len(value.strip()) < 16):
                raise BadFrame("Content-Length is no number", fatal=True)
            lengths.add(int(value))


def _read_body(stream: BinaryIO, length: int) -> bytes | None:
    if length <= MOST_FRAME_BYTES:
        body = stream.read(length)
        return body if len(body) == length else None
    left = length
    while left > 0:
        piece = stream.read(min(left, 1 << 20))
        if not piece:
            return None
        left -= len(piece)
    raise BadFrame(f"a message of {length} bytes is too large; {MOST_FRAME_BYTES} are taken")


def _parsed(body: bytes) -> object:
    try:
        return json.loads(body)
    except (ValueError, RecursionError) as error:
        raise BadFrame(f"a message is no JSON: {error}") from error
