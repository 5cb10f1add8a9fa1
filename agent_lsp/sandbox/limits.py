"""How much a command may use: processes and memory, by a control group where one can be made, else by rlimits.

One group holds all commands of a daemon. Time and output are limited by whoever runs the command.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

_GROUPS = Path("/sys/fs/cgroup")
_NAME = "agent-lsp-"
_JOIN = 'ulimit -c 0; while [ "$1" != -- ]; do echo 0 >"$1" || exit 125; shift; done; shift; exec "$@"'
_RESTRICT = 'ulimit -c 0; ulimit -d "$1"; { ulimit -u "$2" || ulimit -p "$2"; } 2>/dev/null; shift 2; exec "$@"'
"""Shells name the limit of processes `-u` or `-p`."""


@dataclass(frozen=True, slots=True)
class ResourceLimits:
    """Bounds on all commands of a daemon together; on each process or user where there is no control group."""

    processes: int = 1_024
    memory_bytes: int = max(1 << 30, os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2)


DEFAULT = ResourceLimits()


class ResourceBounds:
    """Puts commands within limits. Used from one thread; `close` takes the control group away."""

    def __init__(self, limits: ResourceLimits = DEFAULT, groups: Path = _GROUPS) -> None:
        self._limits = limits
        self._groups = tuple(_made(limits, groups))

    @property
    def by_group(self) -> bool:
        """Whether a control group holds them, so that root is held too."""
        return bool(self._groups)

    def outside(self, argv: Sequence[str]) -> list[str]:
        """The command that starts a confinement, within the control group."""
        if not self._groups:
            return list(argv)
        return ["/bin/sh", "-c", _JOIN, "sh", *(str(group / "cgroup.procs") for group in self._groups), "--", *argv]

    def inside(self, argv: Sequence[str]) -> list[str]:
        """The command within a confinement, within rlimits: a namespace of its own counts its own processes only."""
        if self._groups:
            return list(argv)
        kilobytes, processes = self._limits.memory_bytes >> 10, self._limits.processes
        return ["/bin/sh", "-c", _RESTRICT, "sh", str(kilobytes), str(processes), *argv]

    def close(self) -> None:
        for group in self._groups:
            with suppress(OSError):  # a process in uninterruptible sleep is still in it
                group.rmdir()
        self._groups = ()


def _made(limits: ResourceLimits, groups: Path) -> Iterator[Path]:
    """The groups that hold both limits, none if any cannot be made."""
    wanted = {"pids": ("pids.max", limits.processes), "memory": ("memory.limit_in_bytes", limits.memory_bytes)}
    try:
        places = _places(groups)
        if "" in places:
            parent = places[""].parent
            _sweep(parent)
            yield _group(parent, {"pids.max": limits.processes, "memory.max": limits.memory_bytes})
            return
        made = []
        for controller, (file, value) in wanted.items():
            _sweep(places[controller])
            made.append(_group(places[controller], {file: value}))
    except (OSError, KeyError):
        return
    yield from made


def _places(groups: Path) -> dict[str, Path]:
    """Our own group in each hierarchy, by its controller; "" is the unified one, if it has the controllers."""
    found = {}
    for line in Path("/proc/self/cgroup").read_text().splitlines():
        _, controllers, path = line.split(":", 2)
        for controller in controllers.split(",") if controllers else ():
            found[controller] = groups / controller / path.lstrip("/")
        if not controllers:
            own = groups / path.lstrip("/")
            with suppress(OSError):
                if {"pids", "memory"} <= set((own.parent / "cgroup.subtree_control").read_text().split()):
                    found[""] = own
    return found


def _group(parent: Path, values: dict[str, int]) -> Path:
    """Raises OSError when it cannot be made; then there is none."""
    group = parent / f"{_NAME}{os.getpid()}"
    group.mkdir(exist_ok=True)
    try:
        for file, value in values.items():
            (group / file).write_text(str(value))
        if not os.access(group / "cgroup.procs", os.W_OK):
            raise PermissionError(group)
    except OSError:
        group.rmdir()
        raise
    return group


def _sweep(parent: Path) -> None:
    """Takes away the groups of daemons that were killed."""
    for group in parent.glob(f"{_NAME}*"):
        if not os.path.exists(f"/proc/{group.name.removeprefix(_NAME)}"):
            with suppress(OSError):
                group.rmdir()
