"""Confined by Landlock and a filter of system calls: weaker than namespaces, for Linux without bubblewrap.

What it leaves: a command may change mode, owner and times of the user's files anywhere, sees which names and processes
there are, and protected entries within a root can only be looked at when it has ended. It is refused to root, whose
commands could still read what belongs to other processes.

A right for a folder is one for all that is in it. So where agent-lsp's own places lie in a root, a command gets rights
for what lies around them, and can make nothing new in the folders that hold them.
"""

from __future__ import annotations

import json
import os
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from agent_lsp.sandbox import Launch, Level, SandboxRefused, SandboxView
from agent_lsp.sandbox.limits import DEFAULT, ResourceBounds, ResourceLimits
from agent_lsp.sandbox.scratch import scratch

_LAUNCHER = Path(__file__).with_name("landlock_launcher.py")
_TEMPORARY = ("/tmp", "/var/tmp", "/run", "/dev/shm")  # noqa: S108 - they are hidden, not used
_MOST = 20_000
_DEVICES = ("/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom")


class Landlock:
    """Starts commands by way of a launcher that gives up its own rights."""

    level = Level.LANDLOCK
    shows_buffers = False
    keeps_all = False

    def __init__(
        self,
        python: str,
        folder: Path,
        filter_program: bytes | None,
        bounds: ResourceBounds,
        limits: ResourceLimits = DEFAULT,
    ) -> None:
        """`python` runs the launcher; `folder` is where each command gets a folder of its own for passing files.

        Raises SandboxRefused to root.
        """
        if os.geteuid() == 0:
            raise SandboxRefused("Landlock does not hold root: run the editor as an ordinary user")
        if filter_program is None:
            raise SandboxRefused("Landlock needs a filter of system calls, and this machine's are not known")
        self._python, self._folder, self._filter = python, folder, filter_program
        self._bounds, self._limits = bounds, limits

    @contextmanager
    def launch(self, argv: Sequence[str], *, cwd: str, view: SandboxView) -> Iterator[Launch]:  # noqa: ARG002 - the protocol's
        """As the protocol says."""
        with scratch(self._folder) as temporary:
            withheld, fixed = set(view.withheld), set(view.fixed)
            hidden = {os.path.realpath(path) for path in (*view.hidden, *withheld, *_TEMPORARY)}
            writable = [place for root in view.roots if view.writes for place in _around(root, withheld | fixed, ())]
            readable = [place for root in view.roots for place in _around(root, withheld, ())]
            rules = {
                "readable": [*_around("/", hidden - set(view.roots), view.roots), *readable, temporary],
                "writable": [*writable, temporary],
                "devices": [path for path in _DEVICES if os.path.exists(path)],
                "filter": self._filter.hex(),
                "processes": 4 * self._limits.processes,  # of all this user runs: there is no namespace to count in
                "memory": self._limits.memory_bytes,
            }
            descriptor = os.memfd_create("agent-lsp")
            try:
                os.write(descriptor, json.dumps(rules).encode())
                launcher = [self._python, "-I", "-S", str(_LAUNCHER), str(descriptor), *argv]
                variables = {**view.variables, "TMPDIR": temporary}
                yield Launch(tuple(self._bounds.outside(launcher)), (descriptor,), variables, view.protected)
            finally:
                os.close(descriptor)


def _around(folder: str, hidden: Collection[str], roots: Collection[str]) -> list[str]:
    """What can be named in place of a folder so that everything in it is meant but the hidden."""
    found: list[str] = []
    waiting = [folder]
    while waiting:
        place = waiting.pop()
        if place in hidden:
            continue
        if not any(one.startswith(f"{place.rstrip('/')}/") for one in hidden):
            found.append(place)
            continue
        if len(found) + len(waiting) > _MOST:
            raise SandboxRefused(f"too much lies around hidden paths in {place}")
        try:
            waiting += [entry.path for entry in os.scandir(place) if entry.path not in roots]
        except (PermissionError, FileNotFoundError, NotADirectoryError):  # not ours to read, or gone meanwhile
            continue
    return found
