"""Running a command confined: what it may see and change, and how a level makes it so."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol


class SandboxRefused(Exception):
    """A command cannot be confined as it must be, so it is not run; the message says why, and the remedy."""


class Level(StrEnum):
    """How a command is confined, the strongest first."""

    BUBBLEWRAP = "bubblewrap"
    CONTAINER = "container"
    SEATBELT = "seatbelt"
    LANDLOCK = "landlock"
    NONE = "none"

    @property
    def confines(self) -> bool:
        return self is not Level.NONE


@dataclass(frozen=True, slots=True)
class SandboxView:
    """What a command sees of the machine; all paths are absolute, `roots` are resolved.

    Of all that exists only `roots` can be written to, and these only if it `writes`. `protected` entries cannot be
    changed, replaced or created, whether they exist or not. `hidden` ones cannot be read. Of agent-lsp's own places
    `withheld` ones are protected and hidden, `fixed` ones protected, at every level while the command runs. `buffers`
    are contents that stand read-only in place of the files of that path. In a view `for_git` a name in a hidden folder
    of a root is refused and not missing, for git takes for deleted what is missing. `variables` go into its
    environment.
    """

    roots: tuple[str, ...]
    protected: tuple[str, ...] = ()
    hidden: tuple[str, ...] = ()
    withheld: tuple[str, ...] = ()
    fixed: tuple[str, ...] = ()
    buffers: Mapping[str, bytes] = field(default_factory=dict)
    writes: bool = True
    for_git: bool = False
    variables: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Launch:
    """What to start in place of a command: a program, the descriptors it inherits, variables beside the listed ones.

    `unguarded` are the protected entries that can only be looked at when it has ended. `afterwards` is a program to
    run then, however it ended. `covers` tells, until the context ends, whether something was mounted over a path all
    the while, so that no command can have made what is there. A command that ends by a signal may end with 128 + its
    number.
    """

    argv: tuple[str, ...]
    pass_fds: tuple[int, ...] = ()
    variables: Mapping[str, str] = field(default_factory=dict)
    unguarded: tuple[str, ...] = ()
    afterwards: tuple[str, ...] = ()
    covers: Callable[[str], bool] = lambda _: False


class Sandbox(Protocol):
    """A level at work."""

    @property
    def level(self) -> Level:
        """Which one it is."""

    @property
    def shows_buffers(self) -> bool:
        """Whether commands see the buffers of a view."""

    @property
    def keeps_all(self) -> bool:
        """Whether a command that may not write changes nothing at all: no mode or time, nor what reads a named pipe."""

    def launch(self, argv: Sequence[str], *, cwd: str, view: SandboxView) -> AbstractContextManager[Launch]:
        """What to start; what it needs beside is there until the context ends. Raises SandboxRefused, OSError."""
