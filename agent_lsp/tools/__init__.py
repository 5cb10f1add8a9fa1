"""What it can do: a tool, the context it works in, how it fails, and the box that holds them all."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from pydantic import BaseModel, ConfigDict

from agent_lsp.awareness.read_tracker import ReadTracker
from agent_lsp.commands.commands import Commands
from agent_lsp.conversation.actions import Action, FileChange, ToolKind
from agent_lsp.conversation.messages import Image, Provenance
from agent_lsp.files.files import Files
from agent_lsp.search.search import Search
from agent_lsp.web import Web


class ToolError(Exception):
    """What the model may mend: the message tells it what is wrong and what to do."""


class NothingRead(ToolError):
    """The tool came to nothing before it read anything of others: the message holds the daemon's words only."""


class Arguments(BaseModel):
    """The base of all argument models: unknown names are refused, so that a typo is noticed."""

    model_config = ConfigDict(extra="forbid", frozen=True)


A = TypeVar("A", bound=Arguments)


@dataclass(frozen=True, slots=True)
class ToolContext:
    """What tools may use. `output` shows what a running command prints; `seen` is the session's."""

    files: Files
    search: Search
    commands: Commands
    web: Web
    output: Callable[[str], None] = lambda _: None
    seen: ReadTracker = field(default_factory=ReadTracker)


@dataclass(frozen=True, slots=True)
class Shown:
    """A result with pictures, `text` says what they are.

    `paths` are files that it shows beside the one that was asked for, `names` those that it only names.
    """

    text: str
    images: tuple[Image, ...] = ()
    paths: tuple[str, ...] = ()
    names: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Done:
    """What was performed, and the file's change as it was `made`: others may have changed the file meanwhile."""

    text: str
    made: FileChange


@dataclass(frozen=True, slots=True)
class ReadingTool(Generic[A]):
    """A tool without side effects: it only performs. `rest` tells the model how to see what was cut off.

    `provenance` is that of its results: of PROJECT each file is looked at, whether it is the project's own.
    """

    name: str
    kind: ToolKind
    description: str
    arguments: type[A]
    title: Callable[[A], str]
    perform: Callable[[A, ToolContext], Awaitable[str | Shown]]
    rest: str
    provenance: Provenance = Provenance.OUTSIDE


@dataclass(frozen=True, slots=True)
class ChangingTool(Generic[A]):
    """A tool that can change something: `prepare` says exactly what would happen, `perform` does that only."""

    name: str
    kind: ToolKind
    description: str
    arguments: type[A]
    title: Callable[[A], str]
    prepare: Callable[[A, ToolContext], Awaitable[Action]]
    perform: Callable[[Action, ToolContext], Awaitable[str | Done]]
    rest: str
    provenance: Provenance = Provenance.OUTSIDE


Tool = ReadingTool[Any] | ChangingTool[Any]  # Any: a box holds tools of all argument types


class Toolbox:
    """Tools by name, in a fixed order: what a model is told must not change between steps."""

    def __init__(self, tools: Iterable[Tool]) -> None:
        self._tools = {tool.name: tool for tool in tools}

    def find(self, name: str) -> Tool:
        """The tool. Raises ToolError that names those there are."""
        if name not in self._tools:
            raise ToolError(f"no tool '{name}'; tools are: {', '.join(self._tools)}")
        return self._tools[name]

    def all(self) -> tuple[Tool, ...]:
        return tuple(self._tools.values())
