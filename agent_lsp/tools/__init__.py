"""What it can do: a tool, the context it works in, how it fails, and the box that holds them all."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from pydantic import BaseModel, ConfigDict

from agent_lsp.conversation.actions import Action, ToolKind
from agent_lsp.processes import Processes
from agent_lsp.workspace.files import Files
from agent_lsp.workspace.ripgrep import Search


class ToolError(Exception):
    """What the model may mend: the message tells it what is wrong and what to do."""


class Arguments(BaseModel):
    """The base of all argument models: unknown names are refused, so that a typo is noticed."""

    model_config = ConfigDict(extra="forbid", frozen=True)


A = TypeVar("A", bound=Arguments)


@dataclass(frozen=True, slots=True)
class ToolContext:
    """What tools may use. `output` shows what a running command prints."""

    files: Files
    search: Search
    processes: Processes
    output: Callable[[str], None] = lambda _: None


@dataclass(frozen=True, slots=True)
class ReadingTool(Generic[A]):
    """A tool without side effects: it only performs. `rest` tells the model how to see what was cut off."""

    name: str
    kind: ToolKind
    description: str
    arguments: type[A]
    title: Callable[[A], str]
    perform: Callable[[A, ToolContext], Awaitable[str]]
    rest: str


@dataclass(frozen=True, slots=True)
class ChangingTool(Generic[A]):
    """A tool that can change something: `prepare` says exactly what would happen, `perform` does that only."""

    name: str
    kind: ToolKind
    description: str
    arguments: type[A]
    title: Callable[[A], str]
    prepare: Callable[[A, ToolContext], Awaitable[Action]]
    perform: Callable[[Action, ToolContext], Awaitable[str]]
    rest: str


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
