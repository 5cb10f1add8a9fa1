"""What one client is told of all turns: events, progress, and one line at the end."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any

from agent_lsp.contract.codec import encode
from agent_lsp.contract.from_events import agent_event
from agent_lsp.contract.handshake import ClientOptions
from agent_lsp.contract.names import NOTIFICATION_EVENT, Surface
from agent_lsp.conversation import events
from agent_lsp.conversation.events import EventEnvelope
from agent_lsp.conversation.messages import StopReason
from agent_lsp.lsp.last_line import last_line
from agent_lsp.lsp.progress import Progress, Token, shows_progress
from agent_lsp.lsp.transport import ClientError, Server
from agent_lsp.session import Asked

_OFFER_SECONDS = 600.0
_STOP_HERE, _GO_ON = "Stop here", "Go on"


@dataclass
class ClientView:
    """What one client sees of all turns: events, if it takes them, progress, and one line at the end."""

    server: Server
    options: ClientOptions
    go_on: Callable[[str], Awaitable[object]]
    progress: dict[str, Progress] = field(default_factory=dict)
    partial: dict[str, Token] = field(default_factory=dict)
    tasks: set[asyncio.Task[None]] = field(default_factory=set)
    noted: set[str] = field(default_factory=set)

    def follow(self, asked: Asked, work_done: Token | None, partial: Token | None) -> None:
        """Tokens that the client gave for a turn, kept until its end: one that is cancelled may never begin."""
        turn_id = asked.turn_id
        asked.finished.add_done_callback(lambda _: self._forget(turn_id))
        if work_done is not None:
            self.progress[turn_id] = Progress(self.server.protocol, work_done, ready=True)
        if partial is not None:
            self.partial[turn_id] = partial

    def turn_of(self, token: Token) -> str | None:
        """The turn that a progress token stands for."""
        return next((turn for turn, progress in self.progress.items() if progress.token == token), None)

    def show(self, seen: EventEnvelope) -> None:
        """Sends what this client takes of an event. Deltas are left out while the client does not keep up."""
        protocol = self.server.protocol
        if protocol.writer.full and isinstance(
            seen.event, (events.TextDelta, events.ThinkingDelta, events.ToolCallOutput)
        ):
            return
        if self.options.events:
            protocol.tell(NOTIFICATION_EVENT, encode(agent_event(seen)))
        if (token := self.partial.get(seen.turn_id)) is not None:
            protocol.tell("$/progress", {"token": token, "value": encode(agent_event(seen))})
        if isinstance(seen.event, events.TurnStarted):
            self._begin(seen.turn_id)
            self._note(seen.event.note)
        if progress := self.progress.get(seen.turn_id):
            progress.show(seen)
        if isinstance(seen.event, events.TurnFinished):
            self._end(seen, seen.event)

    def _begin(self, turn_id: str) -> None:
        if turn_id in self.progress or Surface.PROGRESS in self.options.renders or not shows_progress(self.server):
            return
        progress = Progress(self.server.protocol, turn_id, ready=False)
        self.progress[turn_id] = progress
        self._start(progress.create())

    def _note(self, note: str) -> None:
        """What a client without a view of its own should know of a model, once."""
        if note and note not in self.noted and not self.options.events:
            self.noted.add(note)
            self.server.protocol.tell("window/showMessage", {"type": 3, "message": f"Agent: {note}"})

    def _end(self, seen: EventEnvelope, event: events.TurnFinished) -> None:
        self._forget(seen.turn_id)
        if not self.options.events and Surface.CHAT not in self.options.renders:
            self._say(seen, event)

    def _forget(self, turn_id: str) -> None:
        self.progress.pop(turn_id, None)
        self.partial.pop(turn_id, None)

    def _say(self, seen: EventEnvelope, event: events.TurnFinished) -> None:
        kind, message = last_line(event)
        if event.stop_reason is StopReason.BUDGET_SPENT:
            self._start(self._offer_to_go_on(seen.session_id, kind, message))
        else:
            self.server.protocol.tell("window/showMessage", {"type": kind, "message": message})

    async def _offer_to_go_on(self, session_id: str, kind: int, message: str) -> None:
        """A limit ended the turn: one action goes on, with the turn's limits anew."""
        actions = [{"title": _STOP_HERE}, {"title": _GO_ON}]
        params = {"type": kind, "message": message, "actions": actions}
        try:
            answer = await self.server.protocol.request("window/showMessageRequest", params, seconds=_OFFER_SECONDS)
        except ClientError:
            self.server.protocol.tell("window/showMessage", {"type": kind, "message": message})
            return
        if isinstance(answer, dict) and answer.get("title") == _GO_ON:
            await self.go_on(session_id)

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)
