"""A turn's `$/progress`: begun, reported and ended in the client's own progress display."""

from __future__ import annotations

from dataclasses import dataclass, field

from agent_lsp.conversation import events
from agent_lsp.conversation.events import EventEnvelope
from agent_lsp.lsp.last_line import outcome
from agent_lsp.lsp.transport import ClientError, Json, Protocol, Server
from agent_lsp.text.visible import visible

_CREATE_SECONDS = 10.0
_TITLE = 60
Token = str | int
"""A progress token (LSP 3.17)."""


@dataclass
class Progress:
    """One turn's `$/progress`: begun, reported, ended, on the client's token or on one that it was asked to create."""

    protocol: Protocol
    token: Token
    ready: bool
    waiting: list[Json] = field(default_factory=list)
    gone: bool = False

    async def create(self) -> None:
        """Asks the client for the token; what was to be shown meanwhile is shown then."""
        try:
            await self.protocol.request(
                "window/workDoneProgress/create", {"token": self.token}, seconds=_CREATE_SECONDS
            )
        except ClientError:
            self.gone = True
            return
        self.ready = True
        for value in self.waiting:
            self._send(value)

    def show(self, seen: EventEnvelope) -> None:
        """Shows what progress has of an event."""
        if value := _progress(seen.event):
            if self.ready:
                self._send(value)
            elif not self.gone:
                self.waiting.append(value)

    def _send(self, value: Json) -> None:
        self.protocol.tell("$/progress", {"token": self.token, "value": value})


def _progress(event: events.Event) -> Json | None:
    match event:
        case events.TurnStarted():
            title = visible(" ".join(event.prompt.split()))[:_TITLE]
            return {
                "kind": "begin",
                "title": f"Agent: {title}",
                "cancellable": True,
                "message": visible(event.model),
            }
        case events.ToolCallStarted():
            return {"kind": "report", "message": visible(event.title)[:200]}
        case events.ApprovalRequested():
            return {
                "kind": "report",
                "message": f"waits for you: {visible(event.request.action.title)}"[:200],
            }
        case events.UsageUpdated():
            return {"kind": "report", "message": f"step {event.usage.steps}, {event.usage.tokens:,} tokens"}
        case events.Retrying():
            return {
                "kind": "report",
                "message": f"{visible(event.reason)[:150]}; again in {event.seconds:.1f} s",
            }
        case events.TurnFinished():
            return {"kind": "end", "message": outcome(event)}
        case _:
            return None


def shows_progress(server: Server) -> bool:
    """Return whether the client displays progress."""
    window = server.client_capabilities.window
    return bool(window and window.work_done_progress)
