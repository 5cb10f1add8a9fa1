"""Which level confines commands here: the strongest that holds when it is tried, at the first command."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from agent_lsp.processes.run import Processes
from agent_lsp.sandbox import Level, Sandbox, SandboxRefused
from agent_lsp.sandbox.guard.placeholders import Placeholders
from agent_lsp.sandbox.levels.bubblewrap import Bubblewrap
from agent_lsp.sandbox.levels.container import Container
from agent_lsp.sandbox.levels.engines import Engine, engines
from agent_lsp.sandbox.levels.landlock import Landlock
from agent_lsp.sandbox.levels.landlock_in_bwrap import PERL
from agent_lsp.sandbox.levels.none import Unconfined
from agent_lsp.sandbox.levels.seatbelt import Seatbelt
from agent_lsp.sandbox.levels.seccomp import program
from agent_lsp.sandbox.limits import DEFAULT, ResourceBounds, ResourceLimits
from agent_lsp.sandbox.probe import failing
from agent_lsp.sandbox.scratch import clear
from agent_lsp.sandbox.trusted_programs import trusted

_PROGRAM_MISSING = "bubblewrap is not installed"
_ALLOW = "allow commands without a sandbox by unsandboxedCommands = true in your own settings"
_REMEDY = f"install bubblewrap; or {_ALLOW}"
_REMEDY_OF_IMAGES = (
    "start docker or podman and get the image that sandboxImage names, which must have sh, timeout and python3;"
    f" or take sandboxImage out of the settings; or {_ALLOW}"
)


@dataclass(frozen=True, slots=True)
class LevelFound:
    """The level that holds here, why each stronger one does not, a line each, and what helps if none does."""

    sandbox: Sandbox
    not_held: tuple[str, ...] = ()
    remedy: str = _REMEDY

    @property
    def level(self) -> Level:
        return self.sandbox.level


@dataclass(frozen=True, slots=True)
class Machine:
    """What is at hand: where programs lie (as PATH has it), our Python, and an image, if the user wants a container.

    `most_seconds` is what a command may take, `engine_variables` what an engine of containers may know.
    """

    path: str
    python: str
    image: str | None = None
    most_seconds: float = 600.0
    limits: ResourceLimits = DEFAULT
    engine_variables: Mapping[str, str] = field(default_factory=dict)


class Sandboxes:
    """Finds the level that holds, once; `close` takes away what limits need."""

    def __init__(self, folder: Path, roots: Sequence[str], processes: Processes, machine: Machine) -> None:
        """`folder` is ours alone; in it levels are tried."""
        self._folder, self._roots, self._processes, self._machine = folder, tuple(roots), processes, machine
        self._stubs = Placeholders(processes.run_at_death)
        self._bounds: ResourceBounds | None = None
        self._found: LevelFound | None = None
        self._lock = asyncio.Lock()

    @property
    def known(self) -> LevelFound | None:
        """What was found; None before the first command."""
        return self._found

    async def found(self) -> LevelFound:
        """The strongest level that holds when it is tried; `Level.NONE` when none does."""
        async with self._lock:
            if self._found is None:
                self._found = await self._tried()
            return self._found

    def close(self) -> None:
        if self._bounds:
            self._bounds.close()

    async def _tried(self) -> LevelFound:
        await asyncio.to_thread(clear, self._folder)
        not_held: dict[str, str] = {}  # a level by its problem, of two with the same the weaker
        for name, made in self._candidates():
            try:
                sandbox = made()
                problem = await failing(sandbox, self._processes, self._folder, self._python(sandbox.level))
            except (SandboxRefused, OSError) as error:
                problem = str(error)
            else:
                if not problem:
                    return LevelFound(sandbox, _lines(not_held))
            not_held[problem] = name
        remedy = _REMEDY if self._machine.image is None else _REMEDY_OF_IMAGES
        return LevelFound(Unconfined(), _lines(not_held), remedy)

    def _candidates(self) -> Iterator[tuple[str, Callable[[], Sandbox]]]:
        """Each by the name that a user reads, the strongest first."""
        if self._machine.image is not None:
            yield from self._containers(self._machine.image)
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

    def _containers(self, image: str) -> Iterator[tuple[str, Callable[[], Sandbox]]]:
        machine = self._machine
        found = tuple(engines(machine.path, self._roots, machine.limits, machine.engine_variables))
        for engine in found:
            yield f"{Level.CONTAINER} by {engine.name}", partial(self._container, engine, image)
        if not found:
            yield Level.CONTAINER, _without_engine

    def _container(self, engine: Engine, image: str) -> Sandbox:
        filtered = program(network=True)
        if filtered is None:
            raise SandboxRefused("a container needs a filter of system calls, and this machine's are not known")
        seconds = self._machine.most_seconds
        return Container(engine, image, self._folder, filtered, self._stubs, most_seconds=seconds)

    def _limited(self) -> ResourceBounds:
        if self._bounds is None:
            self._bounds = ResourceBounds(self._machine.limits)
        return self._bounds


def _lines(not_held: Mapping[str, str]) -> tuple[str, ...]:
    return tuple(f"{name}: {problem}" for problem, name in not_held.items())


def _without_engine() -> Sandbox:
    raise SandboxRefused("neither docker nor podman is installed")
