"""Keys taken out of our own environment, also out of what `/proc` shows of it."""

from __future__ import annotations

import ctypes
import os
import re
from collections.abc import Iterable
from pathlib import Path

_STAT = Path("/proc/self/stat")
_ENV_START = 47  # the field after the command's name is the third; env_start is the fiftieth (proc_pid_stat(5))


def taken(names: Iterable[str]) -> dict[str, str]:
    """The environment as it was; from here on no child inherits these variables, and nobody reads them in `/proc`.

    Without a `/proc`, as on macOS, only the first holds: there one user's processes read each other's anyway.
    """
    found = dict(os.environ)
    wiped = tuple(name for name in names if os.environ.pop(name, None))
    if wiped and _STAT.exists():
        _wipe(wiped)
    return found


def _wipe(names: Iterable[str]) -> None:
    """Writes over the values where the kernel put them at the start: removing a variable leaves them there."""
    fields = _STAT.read_text("utf-8", "replace").rpartition(")")[2].split()
    start, end = int(fields[_ENV_START]), int(fields[_ENV_START + 1])
    if not start:  # the kernel does not tell
        return
    block = ctypes.string_at(start, end - start)
    for name in names:
        for value in re.finditer(rb"(?:\A|\0)" + re.escape(name.encode()) + rb"=([^\0]*)", block):
            ctypes.memset(start + value.start(1), 0, len(value[1]))
