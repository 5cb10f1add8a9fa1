"""The whole house behind the doors, in process: a scripted model, a real workspace, a user who answers."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from agent_lsp.app.agent import Agent
from agent_lsp.app.composition import Parts, compose
from agent_lsp.conversation.actions import ApprovalRequest, Choice, Decision
from agent_lsp.conversation.events import Event, EventEnvelope
from agent_lsp.conversation.messages import Message
from agent_lsp.files.editor import Editor, NoEditor
from agent_lsp.session import Finished, TurnRequest
from agent_lsp.session.session import Session

Answer = Callable[[ApprovalRequest], Decision | None]


def allow(_: ApprovalRequest) -> Decision:
    return Decision(Choice.ALLOW_ONCE)


def reject(_: ApprovalRequest) -> Decision:
    return Decision(Choice.REJECT, "not like this")


@dataclass
class House:
    """An agent with one open session, and what it is made of; `seen` are all events, `asked` all questions."""

    parts: Parts
    answer: Answer = allow
    seen: list[EventEnvelope] = field(default_factory=list)
    asked: list[ApprovalRequest] = field(default_factory=list)
    session: Session | None = None

    def __post_init__(self) -> None:
        self.agent = Agent(self.parts)
        self.agent.watch(self.seen.append)

    async def ask(self, prompt: str = "go", **order: Any) -> Finished:
        session = await self.open()
        return await (await self.agent.ask(TurnRequest(prompt, self.door, **order), session.id)).finished

    async def open(self) -> Session:
        if self.session is None:
            self.session = await self.parts.sessions.new("test")
        return self.session

    async def door(self, request: ApprovalRequest) -> Decision | None:
        self.asked.append(request)
        return self.answer(request)

    @property
    def events(self) -> list[Event]:
        return [seen.event for seen in self.seen]

    def kinds(self) -> list[str]:
        return [type(event).__name__ for event in self.events]

    @property
    def messages(self) -> tuple[Message, ...]:
        assert self.session
        return self.session.conversation.messages


@asynccontextmanager
async def house(
    model: str, workspace: Path, state: Path, editor: Editor | None = None, /, **settings: Any
) -> AsyncIterator[House]:
    environment = {"AGENT_LSP_MODEL": model, "AGENT_LSP_STATE_DIR": str(state)}
    async with closing(compose(environment, [str(workspace)], editor or NoEditor(), flags=settings)) as built:
        yield built


@asynccontextmanager
async def closing(parts: Parts) -> AsyncIterator[House]:
    """A house of these parts, which is closed at the end."""
    built = House(parts)
    try:
        yield built
    finally:
        await built.agent.close()
