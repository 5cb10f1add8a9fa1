"""The processes of this machine that belong together, as Linux tells them in /proc; elsewhere there are none."""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import sys
from collections.abc import Iterable

MARK = "AGENT_LSP_PROCESS"
"""The variable in whose value processes that left their group can still be told."""
_PIECE = 1 << 16
_PR_SET_CHILD_SUBREAPER = 36  # linux/prctl.h


def kill_tree(leader: int, mark: str) -> set[int]:
    """Kills a group, what descends from its leader, and what left both but still carries the mark (Linux)."""
    tree = {pid for pid in descendants(os.getpid()) if mark.encode() in _marks(pid)} | set(descendants(leader))
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(leader, signal.SIGKILL)
    for pid in tree - {leader}:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(pid, signal.SIGKILL)
    return tree - {leader}


def alive(pids: Iterable[int]) -> bool:
    """Whether one of them is there and no zombie."""
    return any(state(pid)[0] not in "ZX" for pid in pids)


def is_zombie(pid: int) -> bool:
    """Whether it has ended and nobody has waited for it."""
    return state(pid)[0] == "Z"


def children(pid: int) -> list[int]:
    """Those that it, or a thread of it, has started or adopted; none where it is gone."""
    try:
        threads = os.listdir(f"/proc/{pid}/task")  # noqa: PTH208 - as above, names are enough
    except OSError:  # it is gone
        return []
    return [int(child) for thread in threads for child in _read(f"/proc/{pid}/task/{thread}/children").split()]


def descendants(pid: int) -> list[int]:
    """Its children, and theirs, each after its parent."""
    found, waiting = dict[int, None](), [pid]
    while waiting:  # a chain of them may be longer than Python recurses
        started = [child for child in children(waiting.pop()) if child not in found]
        found |= dict.fromkeys(started)
        waiting += started
    return list(found)


def state(pid: int) -> tuple[str, int]:
    """The letter of a process's state, X when it is gone, and its session (proc_pid_stat(5))."""
    fields = _read(f"/proc/{pid}/stat").rpartition(b")")[2].split()
    return (fields[0].decode(), int(fields[3])) if fields else ("X", 0)


def _marks(pid: int) -> list[bytes]:
    names = _read(f"/proc/{pid}/environ").split(b"\0")
    return [name.partition(b"=")[2] for name in names if name.startswith(f"{MARK}=".encode())]


def _read(file: str) -> bytes:
    """A file of /proc; empty when its process is gone, or another's. Each command reads dozens of them."""
    try:
        descriptor = os.open(file, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return b""
    pieces = []
    try:
        while piece := os.read(descriptor, _PIECE):
            pieces.append(piece)
    except OSError:
        return b""
    finally:
        os.close(descriptor)
    return b"".join(pieces)


def adopt_orphans() -> None:
    """Makes what our children leave behind our own children (prctl(2))."""
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
