"""Events → notifications; a turn's progress; what an editor shows beside a prompt."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any

from pygls.workspace import TextDocument

from agent_lsp.contract.codec import encode
from agent_lsp.contract.from_events import agent_event
from agent_lsp.contract.handshake import ClientOptions
from agent_lsp.contract.names import NOTIFICATION_EVENT, Surface
from agent_lsp.contract.params import AskContext, Range
from agent_lsp.conversation import events
from agent_lsp.conversation.events import EventEnvelope
from agent_lsp.conversation.messages import StopReason
from agent_lsp.lsp.transport import ClientError, Json, Protocol, Server
from agent_lsp.permissions.approval import visible

_CREATE_SECONDS = 10.0
_OFFER_SECONDS = 600.0
_STOP_HERE, _GO_ON = "Stop here", "Go on"
_TITLE = 60
Token = str | int


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


def outcome(event: events.TurnFinished) -> str:
    """How a turn ended, in one line."""
    money = "" if not event.cost else f", ${event.cost:.4f}"
    if event.error:
        return visible(f"{event.stop_reason}: {event.error}{money}")
    words = {StopReason.END_TURN: "done", StopReason.CANCELLED: "cancelled"}.get(event.stop_reason, event.stop_reason)
    return f"{words}{money}"


def last_line(event: events.TurnFinished) -> tuple[int, str]:
    """The `window/showMessage` (type, message) that a client without a view of its own is shown at the end."""
    answer = visible(" ".join(event.text.split()))[:300]
    if event.stop_reason is StopReason.END_TURN and answer:
        return 3, f"Agent: {without_links(answer)}"
    kind = {StopReason.END_TURN: 3, StopReason.CANCELLED: 3, StopReason.FAILED: 1}.get(event.stop_reason, 2)
    return kind, f"Agent: {without_links(outcome(event))}"


def without_links(shown: str) -> str:
    """Text for a message box, in the notation of `visible`: some editors make `[words](address)` a link there.

    They would show the words and hide where it leads, and of a command what it says.
    """
    return shown.replace("](", "]\\x28")


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

    def follow(self, turn_id: str, work_done: Token | None, partial: Token | None) -> None:
        """Tokens that the client gave for a turn."""
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
        if turn_id in self.progress or Surface.PROGRESS in self.options.renders or not _shows_progress(self.server):
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
        self.progress.pop(seen.turn_id, None)
        self.partial.pop(seen.turn_id, None)
        if not self.options.events and Surface.CHAT not in self.options.renders:
            self._say(seen, event)

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


def _shows_progress(server: Server) -> bool:
    window = server.client_capabilities.window
    return bool(window and window.work_done_progress)


def beside(context: AskContext, document: TextDocument | None) -> tuple[tuple[int, int] | None, str, tuple[str, ...]]:
    """Return what the editor showed beside a prompt: lines (1-based, both ends), their text and diagnostics."""
    lines: tuple[int, int] | None = None
    selected = ""
    if context.range:
        lines = context.range.start.line + 1, context.range.end.line + 1
        selected = _selected(document, context.range) if document else ""
    return lines, selected, tuple(map(_diagnostic, context.diagnostics))


def _selected(document: TextDocument, shown: Range) -> str:
    text: list[str] = list(document.lines)[shown.start.line : shown.end.line + 1]
    if not text:
        return ""
    units = document.position_codec
    if shown.end.line - shown.start.line < len(text):
        text[-1] = text[-1][: _characters(units, text[-1], shown.end.character)]
    text[0] = text[0][_characters(units, text[0], shown.start.character) :]
    return "".join(text)


def _characters(codec: Any, line: str, units: int) -> int:  # Any: pygls' codec
    """How many characters of a line make so many units of the client's encoding."""
    taken = 0
    for index, char in enumerate(line):
        if taken >= units:
            return index
        taken += codec.client_num_units(char)
    return len(line)


def _diagnostic(raw: Any) -> str:  # Any: LSP's JSON
    match raw:
        case {"range": {"start": {"line": int(line)}}}:
            place = f"line {line + 1}: "
        case _:
            place = ""
    return f"{place}{raw.get('source') or 'diagnostic'}: {raw.get('message', '')}"
