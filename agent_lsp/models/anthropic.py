"""Anthropic's Messages: wire ↔ values."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from pydantic import BaseModel, ConfigDict, ValidationError

from agent_lsp.conversation.messages import (
    AssistantMessage,
    Message,
    ResultStatus,
    StopReason,
    Text,
    Thinking,
    ToolCall,
    ToolMessage,
    ToolResult,
    Usage,
    UserMessage,
)
from agent_lsp.models import (
    BadResponse,
    Chunk,
    ConnectionLost,
    ContextTooLong,
    ModelError,
    Passing,
    RateLimited,
    Request,
    TextChunk,
    ThinkingChunk,
)
from agent_lsp.models.http import error_message, is_overflow
from agent_lsp.models.wire_model import Wire

VERSION = "2023-06-01"
_STOPS = {
    "max_tokens": StopReason.MAX_TOKENS,
    "model_context_window_exceeded": StopReason.MAX_TOKENS,
    "refusal": StopReason.REFUSAL,
}
_CACHED = {"cache_control": {"type": "ephemeral"}}
_ODD_IN_ID = re.compile(r"[^a-zA-Z0-9_-]")
Json = dict[str, object]


class _Wire(BaseModel):
    model_config = ConfigDict(extra="allow")


class _Usage(_Wire):
    input_tokens: int | None = None
    cache_read_input_tokens: int | None = None
    cache_creation_input_tokens: int | None = None
    output_tokens: int | None = None


class _Message(_Wire):
    usage: _Usage | None = None
    content: list[dict[str, object]] | None = None
    stop_reason: str | None = None


class _Delta(_Wire):
    type: str = ""
    text: str = ""
    thinking: str = ""
    signature: str = ""
    partial_json: str = ""
    stop_reason: str | None = None


class _Event(_Wire):
    type: str = ""
    index: int = 0
    message: _Message | None = None
    content_block: dict[str, object] | None = None
    delta: _Delta | None = None
    usage: _Usage | None = None
    error: dict[str, object] | None = None


@dataclass
class _Block:
    """A block of content while its deltas arrive; `start` is the block as it was announced."""

    start: Json
    text: list[str] = field(default_factory=list)
    signature: list[str] = field(default_factory=list)
    stopped: bool = False


@dataclass
class _Answer:
    model: str
    blocks: dict[int, _Block] = field(default_factory=dict)
    usage: Usage = field(default_factory=Usage)
    stop: str = ""
    ended: bool = False

    def take(self, data: str, host: str) -> list[Chunk]:
        try:
            event = _Event.model_validate_json(data)
        except ValidationError as error:
            raise BadResponse(f"{host} sent an event that cannot be read: {data[:200]}") from error
        match event.type:
            case "message":
                return self._whole(data, host)
            case "message_start" if event.message:
                self._count(event.message.usage)
            case "content_block_start" if event.content_block is not None:
                return self._start(event.index, event.content_block)
            case "content_block_delta" if event.delta:
                return self._delta(event.index, event.delta)
            case "content_block_stop" if event.index in self.blocks:
                self.blocks[event.index].stopped = True
            case "message_delta":
                self.stop = (event.delta.stop_reason if event.delta else None) or self.stop
                self._count(event.usage)
            case "message_stop":
                self.ended = True
            case "error":
                raise _stream_error(event.error or {}, data, host)
        return []

    def _whole(self, data: str, host: str) -> list[Chunk]:
        """An answer that was not streamed."""
        message = _Message.model_validate_json(data)
        chunks: list[Chunk] = []
        for index, block in enumerate(message.content or []):
            chunks += self._start(index, block)
            self.blocks[index].stopped = True
        self._count(message.usage)
        self.stop, self.ended = message.stop_reason or "", True
        if not self.blocks:
            raise BadResponse(f"{host} answered with nothing")
        return chunks

    def _start(self, index: int, block: Json) -> list[Chunk]:
        self.blocks[index] = _Block(block)
        words = str(block.get("text") or "")
        return [TextChunk(words)] if block.get("type") == "text" and words else []

    def _delta(self, index: int, delta: _Delta) -> list[Chunk]:
        block = self.blocks.setdefault(index, _Block({"type": "text", "text": ""}))
        block.text.append(delta.text or delta.thinking or delta.partial_json)
        block.signature.append(delta.signature)
        if delta.text:
            return [TextChunk(delta.text)]
        return [ThinkingChunk(delta.thinking)] if delta.thinking else []

    def _count(self, usage: _Usage | None) -> None:
        """The numbers are running totals: the last one given of each counts."""
        if usage is None:
            return
        known = self.usage
        self.usage = Usage(
            input_tokens=_last(usage.input_tokens, known.input_tokens),
            cache_read_tokens=_last(usage.cache_read_input_tokens, known.cache_read_tokens),
            cache_write_tokens=_last(usage.cache_creation_input_tokens, known.cache_write_tokens),
            output_tokens=_last(usage.output_tokens, known.output_tokens),
        )

    def message(self, host: str) -> AssistantMessage:
        if not self.ended and not self.stop:
            where = "in the middle of its answer" if self.blocks else "before it answered"
            raise ConnectionLost(f"{host} broke off {where}")
        parts = tuple(part for _, block in sorted(self.blocks.items()) if (part := _part(block)))
        return AssistantMessage(parts, self.model, self.usage, _STOPS.get(self.stop, StopReason.END_TURN))


def _last(given: int | None, known: int) -> int:
    return known if given is None else given


def _part(block: _Block) -> Text | Thinking | ToolCall | None:
    start, text = block.start, "".join(block.text)
    match start.get("type"):
        case "text":
            words = str(start.get("text") or "") + text
            return Text(words) if words else None
        case "thinking":
            thought = str(start.get("thinking") or "") + text
            signature = str(start.get("signature") or "") + "".join(block.signature)
            return Thinking(thought, json.dumps({**start, "thinking": thought, "signature": signature}))
        case "tool_use":
            given = json.dumps(start["input"]) if start.get("input") else "{}"
            return ToolCall(str(start.get("id") or ""), str(start.get("name") or ""), text or given)
        case _:  # redacted thinking, and what is yet to come: sent back as it was
            return Thinking("", json.dumps(start))


def _stream_error(error: Json, data: str, host: str) -> ModelError:
    message = f"{host} broke the answer off: {error_message(data) or data[:200]}"
    if is_overflow(message):
        return ContextTooLong(message)
    match error.get("type"):
        case "rate_limit_error":
            return RateLimited(message)
        case "invalid_request_error" | "authentication_error" | "permission_error" | "not_found_error":
            return BadResponse(message)
        case _:
            return Passing(message)


def request_body(request: Request, model: str, host: str) -> Json:  # noqa: ARG001 - every wire protocol's shape
    """The JSON of a request. Cache markers stand behind tools and instructions, and behind the two newest turns."""
    name = f"anthropic:{model}"
    messages = _merged([_message(message, name) for message in request.messages])
    users = [message for message in messages if message["role"] == "user"]
    for message in users[-2:]:
        content = message["content"]
        assert isinstance(content, list)  # noqa: S101 - built below
        content[-1] = {**content[-1], **_CACHED}
    body: Json = {
        "model": model,
        "max_tokens": request.max_output_tokens,
        "stream": True,
        "system": [{"type": "text", "text": request.system, **_CACHED}],
        "messages": messages,
    }
    if request.tools:
        body["tools"] = [
            {"name": tool.name, "description": tool.description, "input_schema": dict(tool.schema)}
            for tool in request.tools
        ]
    return body


def _message(message: Message, name: str) -> Json:
    match message:
        case UserMessage():
            texts = [text for text in (message.context, message.text) if text.strip()]
            return {"role": "user", "content": [{"type": "text", "text": text} for text in texts]}
        case AssistantMessage():
            blocks = [block for part in message.parts if (block := _block(part, own=message.model == name))]
            return {"role": "assistant", "content": blocks}
        case ToolMessage():
            return {"role": "user", "content": [_result(result) for result in message.results]}


def _block(part: Text | Thinking | ToolCall, *, own: bool) -> Json | None:
    """A part as it goes back; thoughts only to the model that had them, for they are signed."""
    match part:
        case Text():
            return {"type": "text", "text": part.text.rstrip()} if part.text.strip() else None
        case Thinking():
            raw: Json = json.loads(part.raw) if own and part.raw else {}
            return raw or None
        case ToolCall():
            return {"type": "tool_use", "id": _id(part.id), "name": part.tool, "input": _object(part.arguments)}


def _result(result: ToolResult) -> Json:
    wire: Json = {"type": "tool_result", "tool_use_id": _id(result.call_id), "content": result.text or "(empty)"}
    return wire if result.status is ResultStatus.DONE else {**wire, "is_error": True}


def _id(call_id: str) -> str:
    """Ids of other vendors' calls in the letters that this one takes."""
    return _ODD_IN_ID.sub("_", call_id)


def _object(arguments: str) -> Json:
    """Arguments as an object; what a model wrote wrongly was answered with an error, and is left out here."""
    try:
        value = json.loads(arguments)
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


def _merged(messages: Sequence[Json]) -> list[Json]:
    """Neighbours of one role as one message, empty ones left out, for roles must take turns."""
    merged: list[Json] = []
    for message in messages:
        content = message["content"]
        assert isinstance(content, list)  # noqa: S101 - built above
        if not content:
            continue
        if merged and merged[-1]["role"] == message["role"]:
            before = merged[-1]["content"]
            assert isinstance(before, list)  # noqa: S101 - likewise
            merged[-1] = {"role": message["role"], "content": [*before, *content]}
        else:
            merged.append(message)
    return merged


WIRE = Wire(protocol="anthropic", path="/v1/messages", body=request_body, answer=lambda name, _: _Answer(name))
"""Anthropic's own, and servers that speak as it does."""
