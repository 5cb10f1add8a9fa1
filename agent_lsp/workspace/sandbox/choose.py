"""Which level confines commands here: the strongest that holds when it is tried, at the first command."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from agent_lsp.processes import Processes
from agent_lsp.workspace.sandbox import Level, Sandbox, SandboxRefused
from agent_lsp.workspace.sandbox.bubblewrap import Bubblewrap
from agent_lsp.workspace.sandbox.container import Container
from agent_lsp.workspace.sandbox.landlock import Landlock
from agent_lsp.workspace.sandbox.limits import DEFAULT, Bounds, Limits
from agent_lsp.workspace.sandbox.none import Unconfined
from agent_lsp.workspace.sandbox.probe import failing
from agent_lsp.workspace.sandbox.programs import trusted
from agent_lsp.workspace.sandbox.seatbelt import Seatbelt
from agent_lsp.workspace.sandbox.seccomp import program
from agent_lsp.workspace.sandbox.stubs import Stubs
from agent_lsp.workspace.sandbox.within import PERL

_PROGRAM_MISSING = "bubblewrap is not installed"
REMEDY = "install bubblewrap; or allow commands without a sandbox by unsandboxedCommands = true in your own settings"
"""What helps where nothing confines."""


@dataclass(frozen=True, slots=True)
class Found:
    """The level that holds here, and why each stronger one does not, a line each."""

    sandbox: Sandbox
    not_held: tuple[str, ...] = ()

    @property
    def level(self) -> Level:
        return self.sandbox.level


@dataclass(frozen=True, slots=True)
class Machine:
    """What is at hand: where programs lie (as PATH has it), our Python, and an image, if the user wants a container.

    `most_seconds` is what a command may take.
    """

    path: str
    python: str
    image: str | None = None
    most_seconds: float = 600.0
    limits: Limits = DEFAULT


class Sandboxes:
    """Finds the level that holds, once; `close` takes away what limits need."""

    def __init__(self, folder: Path, roots: Sequence[str], processes: Processes, machine: Machine) -> None:
        """`folder` is ours alone; in it levels are tried."""
        self._folder, self._roots, self._processes, self._machine = folder, tuple(roots), processes, machine
        self._stubs = Stubs(processes.remove_at_death)
        self._bounds: Bounds | None = None
        self._found: Found | None = None
        self._lock = asyncio.Lock()

    @property
    def known(self) -> Found | None:
        """What was found; None before the first command."""
        return self._found

    async def found(self) -> Found:
        """The strongest level that holds when it is tried; `Level.NONE` when none does."""
        async with self._lock:
            if self._found is None:
                self._found = await self._tried()
            return self._found

    def close(self) -> None:
        if self._bounds:
            self._bounds.close()

    async def _tried(self) -> Found:
        not_held: dict[str, str] = {}  # a level by its problem, of two with the same the weaker
        for name, made in self._candidates():
            try:
                sandbox = made()
                problem = await failing(sandbox, self._processes, self._folder, self._python(sandbox.level))
            except (SandboxRefused, OSError) as error:
                problem = str(error)
            else:
                if not problem:
                    return Found(sandbox, _lines(not_held))
            not_held[problem] = name
        return Found(Unconfined(), _lines(not_held))

    def _candidates(self) -> Iterator[tuple[str, Callable[[], Sandbox]]]:
        """By name, the strongest first."""
        if self._machine.image is not None:
            yield Level.CONTAINER, self._container
        elif sys.platform == "darwin":
            yield Level.SEATBELT, Seatbelt
        elif sys.platform == "linux":
            yield f"{Level.BUBBLEWRAP} with Landlock", self._bubblewrap_with_landlock
            yield Level.BUBBLEWRAP, self._bubblewrap
            yield Level.LANDLOCK, self._landlock

    def _python(self, level: Level) -> str:
        """A container has its own; others run ours, which is not in a virtual environment that they may hide."""
        return "python3" if level is Level.CONTAINER else self._machine.python

    def _bubblewrap_with_landlock(self) -> Sandbox:
        perl = trusted(PERL, self._machine.path, self._roots)
        if perl is None:
            raise SandboxRefused("perl is not installed")
        return self._bubblewrap(perl)

    def _bubblewrap(self, perl: str | None = None) -> Sandbox:
        bwrap = trusted("bwrap", self._machine.path, self._roots)
        if bwrap is None:
            raise SandboxRefused(_PROGRAM_MISSING)
        return Bubblewrap(bwrap, self._folder, program(network=True), self._limited(), self._stubs, perl)

    def _landlock(self) -> Sandbox:
        return Landlock(
            self._machine.python, self._folder, program(network=False), self._limited(), self._machine.limits
        )

    def _container(self) -> Sandbox:
        machine = self._machine
        assert machine.image is not None  # noqa: S101 - only then is it a candidate
        engine = trusted("docker", machine.path, self._roots) or trusted("podman", machine.path, self._roots)
        if engine is None:
            raise SandboxRefused("neither docker nor podman is installed")
        seconds, limits = machine.most_seconds, machine.limits
        return Container(engine, machine.image, self._folder, self._stubs, most_seconds=seconds, limits=limits)

    def _limited(self) -> Bounds:
        if self._bounds is None:
            self._bounds = Bounds(self._machine.limits)
        return self._bounds


def _lines(not_held: Mapping[str, str]) -> tuple[str, ...]:
    return tuple(f"{name}: {problem}" for problem, name in not_held.items())
