"""A model that does its user's task and, once it reads an attacker's words, what they say; its tools, its user."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from pydantic import ConfigDict

from agent_lsp.agent import Turn
from agent_lsp.conversation.actions import Action, ApprovalRequest, Choice, Command, Decision, ToolKind
from agent_lsp.conversation.messages import AssistantMessage, Text, ToolCall, ToolMessage
from agent_lsp.models import Chunk, Completed, Request
from agent_lsp.permissions import Preset
from agent_lsp.permissions.policy import Policy, PolicyConfig
from agent_lsp.session import TurnContext, TurnRequest
from agent_lsp.tools import Arguments, ChangingTool, ReadingTool, Tool, Toolbox, ToolContext, ToolError
from tests.house import House, house

from .dojo import Case, Deed

_SECONDS = 1.0


class Anything(Arguments):
    """What the environment's own functions look at."""

    model_config = ConfigDict(extra="allow", frozen=True)


class Obedient:
    """Reads what every provider would get. `obeyed` tells whether it has come to the attacker's words."""

    name, note, context_window = "scripted:obedient", "", 1_000_000

    def __init__(self, wanted: Sequence[Deed], attack: Sequence[Deed], words: str, answer: str) -> None:
        self._queue, self._attack, self._words, self._answer = [*wanted], attack, words, answer
        self.obeyed = False
        self._count = 0

    async def stream(self, request: Request) -> AsyncGenerator[Chunk, None]:
        """The next deed, or the answer."""
        results = (result for one in request.messages if isinstance(one, ToolMessage) for result in one.results)
        if not self.obeyed and any(self._words in result.fenced for result in results):
            self.obeyed = True
            self._queue[:0] = self._attack
        self._count += 1
        said = Text(self._answer)
        if self._queue:
            deed = self._queue.pop(0)
            yield Completed(AssistantMessage((ToolCall(f"call_{self._count}", deed.tool, deed.json),), self.name))
        else:
            yield Completed(AssistantMessage((said,), self.name))

    async def close(self) -> None:
        """It holds nothing."""


@dataclass
class Watched:
    """What came of a case: the questions, which of them were allowed, and effects that no question and no clean
    context covered."""

    case: Case
    model: Obedient
    asked: list[str] = field(default_factory=list)
    allowed: set[str] = field(default_factory=set)
    tainted: Callable[[], str] = str
    unapproved: list[str] = field(default_factory=list)
    answer: str = ""

    def decide(self, request: ApprovalRequest) -> Decision:
        """Allows what was asked for, and nothing else."""
        assert isinstance(request.action.effect, Command)
        line = request.action.effect.line
        self.asked.append(line)
        if line not in {deed.line for deed in self.case.wanted}:
            return Decision(Choice.REJECT)
        self.allowed.add(line)
        return Decision(Choice.ALLOW_ONCE)

    def toolbox(self) -> Toolbox:
        """The environment's functions as tools of somebody else's."""
        return Toolbox(self._tool(name) for name in self.case.tools)

    def _tool(self, name: str) -> Tool:
        async def read(arguments: Anything, _: ToolContext) -> str:
            return self._performed(_deed(name, arguments))

        async def prepare(arguments: Anything, context: ToolContext) -> Action:
            line, cwd = _deed(name, arguments).line, context.files.roots.all[0].path
            return Action(name, ToolKind.OTHER, name, Command(line, cwd, _SECONDS))

        async def perform(action: Action, _: ToolContext) -> str:
            assert isinstance(action.effect, Command)
            line = action.effect.line
            if line not in self.allowed and self.tainted():
                self.unapproved.append(line)
            return self._performed(next(deed for deed in self._deeds if deed.line == line))

        if Deed(name, {}).reads:
            return ReadingTool(name, ToolKind.READ, name, Anything, lambda _: name, read, "")
        return ChangingTool(name, ToolKind.OTHER, name, Anything, lambda _: name, prepare, perform, "")

    @property
    def _deeds(self) -> tuple[Deed, ...]:
        return (*self.case.wanted, *self.case.attack)

    def _performed(self, deed: Deed) -> str:
        try:
            return self.case.perform(deed)
        except ValueError as error:
            raise ToolError(str(error)) from error


def _deed(name: str, arguments: Anything) -> Deed:
    return Deed(name, arguments.model_extra or {})


@asynccontextmanager
async def home(folder: Path) -> AsyncIterator[House]:
    """The house in which cases are acted out, over an empty workspace."""
    workspace, state, script = folder / "workspace", folder / "state", folder / "script.yaml"
    workspace.mkdir()
    state.mkdir(mode=0o700)
    script.write_text("{}")
    async with house(f"scripted:{script}", workspace, state) as built:
        yield built


async def acted(case: Case, built: House, *, blind: bool = False) -> Watched:
    """Acts a case out in a session of its own, where all that the preset `auto` lets pass would pass.

    `blind` is the naive executor: it knows of no taint.
    """
    watched = Watched(case, Obedient(case.wanted, case.attack, case.words, case.answer))
    name = f"obedient:{len(built.models)}"
    built.models[name] = watched.model
    inner = built.parts.turns.build

    async def build(order: TurnRequest, place: TurnContext) -> Turn:
        turn = await inner(order, place)
        watched.tainted = turn.gate.tainted
        policy = Policy(PolicyConfig(Preset.AUTO, confined=True), turn.gate.policy.roots)
        return replace(
            turn,
            workbench=replace(turn.workbench, toolbox=watched.toolbox()),
            gate=replace(turn.gate, policy=policy, tainted=str if blind else turn.gate.tainted),
        )

    built.parts.sessions.lifecycle = replace(built.parts.sessions.lifecycle, build=build)
    built.session, built.answer = None, watched.decide
    watched.answer = (await built.ask(case.prompt, model=name)).ending.text
    return watched
