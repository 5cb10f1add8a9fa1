"""The whole house behind the doors, in process: a scripted model, a real workspace, a user who answers."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
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
from agent_lsp.models import Model
from agent_lsp.models.image_support import ModelWithImages
from agent_lsp.models.model_cache import MakeModel, Priced, priced_model
from agent_lsp.models.model_factory import Access, Surroundings
from agent_lsp.models.pricing import Price
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
    models: dict[str, Model] = field(default_factory=dict)
    """Models by the names that `ask` may give as `model`, besides those that the settings lead to."""

    def __post_init__(self) -> None:
        self.agent = Agent(self.parts)
        self.agent.watch(self.seen.append)

    async def ask(self, prompt: str = "go", **order: Any) -> Finished:
        session = await self.open()
        return await (await self.agent.ask(TurnRequest(prompt, self.ask_user, **order), session.id)).finished

    async def open(self) -> Session:
        if self.session is None:
            self.session = await self.parts.sessions.new("test")
        return self.session

    async def ask_user(self, request: ApprovalRequest) -> Decision | None:
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
    environment, models = {"AGENT_LSP_MODEL": model, "AGENT_LSP_STATE_DIR": str(state)}, dict[str, Model]()
    door = editor or NoEditor()
    parts = compose(environment, [str(workspace)], door, flags=settings, make_model=made_of(models))
    async with closing(parts, models) as built:
        yield built


def made_of(models: Mapping[str, Model]) -> MakeModel:
    """Makes those models by their names, free of charge, and all others as the daemon does."""

    async def made(name: str, access: Access, around: Surroundings) -> Priced:
        if model := models.get(name):
            return Priced(ModelWithImages(model), Price(name, free=True))
        return await priced_model(name, access, around)

    return made


@asynccontextmanager
async def closing(parts: Parts, models: dict[str, Model] | None = None) -> AsyncIterator[House]:
    """A house of these parts, which is closed at the end."""
    built = House(parts, models={} if models is None else models)
    try:
        yield built
    finally:
        await built.agent.close()
