"""Commands over a real workspace, in a real sandbox, or in none: the naive executor that every test must catch."""

from __future__ import annotations

import itertools
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import ClassVar

from agent_lsp.app.sandbox_setup import PROTECTED, base_python
from agent_lsp.commands.commands import CommandRules, Commands
from agent_lsp.files.files import Files
from agent_lsp.processes.run import Processes
from agent_lsp.sandbox import Level
from agent_lsp.sandbox.choose import LevelFound, Machine, Sandboxes
from agent_lsp.sandbox.guard.quarantine import Quarantine
from agent_lsp.sandbox.limits import DEFAULT, ResourceLimits

PYTHON = base_python()
_EMPTY = ("/tmp", "/var/tmp", "/run", "/dev")
"""Where commands have folders of their own, so that they do not see those of the machine."""


def folder_in_sight() -> TemporaryDirectory[str]:
    """A new folder where commands see what the machine has: in the home, which some containers have below /tmp."""
    for place in (Path.home(), Path("/opt"), Path("/srv"), Path(__file__).parents[2]):
        resolved = place.resolve()
        if os.access(resolved, os.W_OK) and not any(resolved.is_relative_to(one) for one in _EMPTY):
            return TemporaryDirectory(dir=resolved, prefix=".agent-lsp-test-")
    raise AssertionError("no folder of this machine can be written to but temporary ones: set HOME to another")


class FoundBefore(Sandboxes):
    """Tries the levels of a machine once for all tests of a worker: if the strongest held, it is taken from then on."""

    _held: ClassVar[set[tuple[str, str, str | None, ResourceLimits]]] = set()

    async def _tried(self) -> LevelFound:
        machine = self._machine
        known = (machine.path, machine.python, machine.image, machine.limits)
        if known in self._held:
            _, strongest = next(self._candidates())
            return LevelFound(strongest())
        found = await super()._tried()
        if found.level is not Level.NONE and not found.not_held:
            self._held.add(known)
        return found


@asynccontextmanager
async def commands(
    files: Files,
    processes: Processes,
    state: Path,
    rules: CommandRules | None = None,
    *,
    limits: ResourceLimits = DEFAULT,
    python: str = PYTHON,
    machine: Machine | None = None,
) -> AsyncIterator[Commands]:
    """Runs commands as the daemon does."""
    tried = machine or Machine(os.environ["PATH"], python, limits=limits)
    sandboxes = FoundBefore(state / "sandbox", [root.path for root in files.roots.all], processes, tried)
    names = (f"entry-{number}" for number in itertools.count())
    try:
        yield Commands(
            files,
            processes,
            sandboxes,
            Quarantine(state / "taken-back", lambda: next(names)),
            rules or CommandRules(PROTECTED, (str(state),)),
        )
    finally:
        sandboxes.close()


def working_in(folder: Path) -> list[int]:
    """The processes of this machine, in whatever namespace, whose working folder is this one."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if (process / "cwd").readlink() == folder and "State:\tZ" not in (process / "status").read_text():
                found.append(int(process.name))
    return found
