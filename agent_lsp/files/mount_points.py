"""Other names that mounts give to a path: what is held by one name could be reached by another."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

_MOUNTS = Path("/proc/self/mountinfo")
_ESCAPED = re.compile(rb"\\([0-7]{3})")
"""How the system writes a blank, a tab, a line end and a backslash (proc(5))."""


@dataclass(frozen=True, slots=True)
class _Mount:
    """What of a file system, its `root` there, stands at a `point`."""

    device: str
    root: str
    point: str


def other_places(paths: Iterable[str]) -> tuple[str, ...]:
    """The places where what is at some absolute paths, or a part of it, is mounted a second time."""
    mounts = _mounts()
    if len({mount.device for mount in mounts}) == len(mounts):  # nothing is mounted twice
        return ()
    return tuple(dict.fromkeys(place for path in paths for place in _places(path, mounts)))


def _places(path: str, mounts: list[_Mount]) -> Iterator[str]:
    holders = [mount for mount in mounts if _beneath(path, mount.point)]
    if not holders:
        return
    home = max(reversed(holders), key=lambda mount: len(mount.point))  # of two at one point the last is on top
    inner = _joined(home.root, _rest(path, home.point))
    for mount in mounts:
        if mount is home or mount.device != home.device:
            continue
        if _beneath(inner, mount.root):
            place, here = _joined(mount.point, _rest(inner, mount.root)), path
        elif _beneath(mount.root, inner):
            place, here = mount.point, _joined(path, _rest(mount.root, inner))
        else:
            continue
        if _identity(place) == _identity(here):  # else something else is mounted on top
            yield place


def _mounts() -> list[_Mount]:
    """All that is mounted, in order; nothing where the system does not tell."""
    try:
        lines = _MOUNTS.read_bytes().splitlines()
    except OSError:
        return []
    fields = [line.split(b" ") for line in lines]
    return [_Mount(*(_text(one) for one in line[2:5])) for line in fields if len(line) > 5]


def _text(field: bytes) -> str:
    return os.fsdecode(_ESCAPED.sub(lambda found: bytes([int(found[1], 8)]), field))


def _beneath(path: str, place: str) -> bool:
    return path == place or path.startswith(f"{place.rstrip('/')}/")


def _rest(path: str, place: str) -> str:
    return path[len(place.rstrip("/")) :].strip("/")


def _joined(place: str, rest: str) -> str:
    return f"{place.rstrip('/')}/{rest}".rstrip("/") or "/"


def _identity(path: str) -> tuple[int, int] | None:
    try:
        status = os.lstat(path)
    except OSError:
        return None
    return status.st_dev, status.st_ino
