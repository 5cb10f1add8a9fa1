"""The log: one JSON object a line, without secrets and without what files or prompts contain."""

from __future__ import annotations

import json
import logging
import os
import traceback
from collections.abc import Callable
from datetime import UTC, datetime
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import IO, Any

from agent_lsp.conversation import events
from agent_lsp.conversation.events import EventEnvelope

_MOST_BYTES, _KEPT = 10 << 20, 3


class EventLog:
    """Writes what happens to `file` (mode 0600, rotated at 10 MB): a watcher, and the handler of our loggers."""

    def __init__(self, file: Path, clean: Callable[[str], str] = lambda text: text) -> None:
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._handler = _PrivateFile(file, maxBytes=_MOST_BYTES, backupCount=_KEPT, encoding="utf-8", delay=True)
        self._handler.setFormatter(_Lines(clean))
        self._logger = logging.getLogger("agent_lsp")
        self._logger.addHandler(self._handler)
        self._logger.setLevel(logging.INFO)
        self._logger.propagate = False
        logging.getLogger("pygls").addHandler(self._handler)

    def watch(self, seen: EventEnvelope) -> None:
        """Logs an event of a turn; deltas and output are not logged."""
        data = _data(seen.event)
        if data is not None:
            self.write(type(seen.event).__name__, {"turnId": seen.turn_id, **data}, conversation_id=seen.session_id)

    def write(self, event: str, data: dict[str, Any], *, conversation_id: str = "") -> None:  # Any: JSON
        """Logs something that happened."""
        self._logger.info(event, extra={"data": data, "conversation_id": conversation_id})

    def close(self) -> None:
        self._logger.removeHandler(self._handler)
        logging.getLogger("pygls").removeHandler(self._handler)
        self._handler.close()


class _PrivateFile(RotatingFileHandler):
    def shouldRollover(self, record: logging.LogRecord) -> bool:  # noqa: ARG002, N802 - the base class's signature
        """The base class looks for the file anew at each line, three times a step; a line too many is no harm."""
        return self.stream is not None and os.fstat(self.stream.fileno()).st_size >= self.maxBytes

    def _open(self) -> IO[Any]:  # type: ignore[override]  # Any: what the base class says of its own stream
        return os.fdopen(
            os.open(self.baseFilename, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), "a", encoding="utf-8"
        )


class _Lines(logging.Formatter):
    def __init__(self, clean: Callable[[str], str]) -> None:
        super().__init__()
        self._clean = clean

    def format(self, record: logging.LogRecord) -> str:
        data = getattr(record, "data", None)
        if data is None:
            data = {"level": record.levelname, "logger": record.name, "message": record.getMessage()}
        if record.exc_info:
            data = {**data, "traceback": _traceback(record.exc_info[1])}
        line = {
            "timestamp": datetime.fromtimestamp(record.created, UTC)
            .isoformat(timespec="milliseconds")
            .replace("+00:00", "Z"),
            "conversation_id": getattr(record, "conversation_id", ""),
            "event": record.msg if hasattr(record, "data") else "log",
            "data": self._cleaned(data),
        }
        return json.dumps(line, ensure_ascii=True)

    def _cleaned(self, value: Any) -> Any:  # Any: a JSON tree
        match value:
            case str():
                return self._clean(value)
            case dict():
                return {name: self._cleaned(inner) for name, inner in value.items()}
            case list() | tuple():
                return [self._cleaned(inner) for inner in value]
            case _:
                return value


def _traceback(error: BaseException | None) -> str:
    """The stack and the error's type and words, but no values of variables."""
    return "".join(traceback.format_exception(error)) if error else ""


def _data(event: events.Event) -> dict[str, Any] | None:  # Any: JSON
    match event:
        case events.TurnStarted():
            return {"model": event.model}
        case events.ToolCallStarted():
            return {"callId": event.call_id, "tool": event.tool}
        case events.ToolCallFinished():
            return {"callId": event.call_id, "tool": event.tool, "status": event.status}
        case events.ApprovalRequested():
            action = event.request.action
            return {"approvalId": event.request.id, "tool": action.tool, "digest": action.digest}
        case events.ApprovalDecided():
            decision = event.decision
            return {
                "approvalId": event.approval_id,
                "decision": decision.choice,
                "answered": decision.answered,
            }
        case events.UsageUpdated():
            return {"tokens": event.usage.tokens, "cost": event.cost}
        case events.Retrying():
            return {"attempt": event.attempt, "seconds": event.seconds}
        case events.TurnFinished():
            ended = {"stopReason": event.stop_reason, "tokens": event.usage.tokens, "cost": event.cost}
            return {**ended, "errorKind": event.error_kind} if event.error else ended
        case events.TextDelta() | events.ThinkingDelta() | events.ToolCallOutput() | events.PromptJoined():
            return None
