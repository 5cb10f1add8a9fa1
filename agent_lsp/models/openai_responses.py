"""OpenAI's Responses, without state on the server: wire ↔ values."""

from __future__ import annotations

import json
from dataclasses import dataclass, field

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from agent_lsp.conversation.messages import (
    AssistantMessage,
    Message,
    StopReason,
    Text,
    Thinking,
    ToolCall,
    ToolMessage,
    Usage,
    UserMessage,
)
from agent_lsp.models import (
    BadRequest,
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
from agent_lsp.models.http import is_overflow
from agent_lsp.models.wire_model import Wire

_TEXT = {"response.output_text.delta", "response.refusal.delta"}
_THOUGHT = {"response.reasoning_summary_text.delta", "response.reasoning_text.delta"}
_ENDS = {"response.completed", "response.incomplete", "response.failed"}
Json = dict[str, object]


class _Wire(BaseModel):
    model_config = ConfigDict(extra="ignore")


class _InputDetails(_Wire):
    cached_tokens: int | None = None
    cache_write_tokens: int | None = None


class _OutputDetails(_Wire):
    reasoning_tokens: int | None = None


class _Usage(_Wire):
    input_tokens: int | None = None
    output_tokens: int | None = None
    input_tokens_details: _InputDetails | None = None
    output_tokens_details: _OutputDetails | None = None


class _Error(_Wire):
    code: str | None = None
    type: str | None = None
    message: str | None = None


class _Incomplete(_Wire):
    reason: str | None = None


class _Response(_Wire):
    status: str | None = None
    output: list[dict[str, object]] | None = None
    usage: _Usage | None = None
    error: _Error | None = None
    incomplete_details: _Incomplete | None = None


class _Event(_Wire):
    type: str = ""
    what: str = Field("", alias="object")
    output_index: int = 0
    delta: str = ""
    arguments: str | None = None
    item: dict[str, object] | None = None
    response: _Response | None = None
    code: str | None = None
    message: str | None = None
    error: _Error | None = None


@dataclass
class _Item:
    """An item of the output: as announced, its deltas, and as it was when done."""

    start: Json
    text: list[str] = field(default_factory=list)
    arguments: list[str] = field(default_factory=list)
    done: Json | None = None


@dataclass
class _Answer:
    model: str
    items: dict[int, _Item] = field(default_factory=dict)
    usage: Usage = field(default_factory=Usage)
    stop: StopReason | None = None

    @property
    def ended(self) -> bool:
        return self.stop is not None

    def take(self, data: str, host: str) -> list[Chunk]:
        if data.strip() == "[DONE]":  # some servers say it here too
            return []
        try:
            event = _Event.model_validate_json(data)
        except ValidationError as error:
            raise BadResponse(f"{host} sent an event that cannot be read: {data[:200]}") from error
        if event.type == "error" or (event.error and not event.type):
            raise _stream_error(event.error or _Error(code=event.code, message=event.message), host)
        if event.what == "response":  # an answer that was not streamed
            return self._end(_Response.model_validate_json(data), host)
        if event.type in _ENDS and event.response:
            return self._end(event.response, host)
        return self._part(event)

    def _part(self, event: _Event) -> list[Chunk]:
        item = self.items.setdefault(event.output_index, _Item(event.item or {}))
        if event.type == "response.output_item.done":
            item.done = event.item
        elif event.type in _TEXT and event.delta:
            item.text.append(event.delta)
            return [TextChunk(event.delta)]
        elif event.type in _THOUGHT and event.delta:
            item.text.append(event.delta)
            return [ThinkingChunk(event.delta)]
        elif event.type == "response.function_call_arguments.delta":
            item.arguments.append(event.delta)
        elif event.type == "response.function_call_arguments.done" and event.arguments is not None:
            item.arguments = [event.arguments]
        return []

    def _end(self, response: _Response, host: str) -> list[Chunk]:
        if response.error and (response.status == "failed" or not response.output):
            raise _stream_error(response.error, host)
        chunks: list[Chunk] = []
        for index, item in enumerate(response.output or []):
            known = self.items.setdefault(index, _Item(item))
            if item.get("type") == "message" and not known.text and not known.done and (words := _words(item)):
                chunks.append(TextChunk(words))
            known.done = known.done or item
        self.usage = _usage(response.usage or _Usage())
        reason = response.incomplete_details.reason if response.incomplete_details else None
        self.stop = {"max_output_tokens": StopReason.MAX_TOKENS, "content_filter": StopReason.REFUSAL}.get(
            reason or "", StopReason.END_TURN
        )
        return chunks

    def message(self, host: str) -> AssistantMessage:
        if self.stop is None:
            where = "in the middle of its answer" if self.items else "before it answered"
            raise ConnectionLost(f"{host} broke off {where}")
        parts = tuple(part for _, item in sorted(self.items.items()) if (part := _value(item)))
        return AssistantMessage(parts, self.model, self.usage, self.stop)


def _value(item: _Item) -> Text | Thinking | ToolCall | None:
    wire = item.done or item.start
    match wire.get("type"):
        case "message" | None:
            words = "".join(item.text) or _words(wire)
            return Text(words) if words else None
        case "function_call":
            arguments = str(wire.get("arguments") or "") or "".join(item.arguments) or "{}"
            return ToolCall(str(wire.get("call_id") or ""), str(wire.get("name") or ""), arguments)
        case "reasoning":
            return Thinking("".join(item.text), json.dumps(wire))
        case _:  # what is yet to come: sent back as it was
            return Thinking("", json.dumps(wire))


def _words(item: Json) -> str:
    content = item.get("content")
    parts = content if isinstance(content, list) else []
    return "".join(str(part.get("text") or part.get("refusal") or "") for part in parts if isinstance(part, dict))


def _usage(wire: _Usage) -> Usage:
    """What was read from or written to the cache is part of `input_tokens` here, and is taken out."""
    details = wire.input_tokens_details or _InputDetails()
    read, written = details.cached_tokens or 0, details.cache_write_tokens or 0
    return Usage(
        input_tokens=max(0, (wire.input_tokens or 0) - read - written),
        cache_read_tokens=read,
        cache_write_tokens=written,
        output_tokens=wire.output_tokens or 0,
        reasoning_tokens=(wire.output_tokens_details or _OutputDetails()).reasoning_tokens or 0,
    )


def _stream_error(error: _Error, host: str) -> ModelError:
    """An error inside the stream. A spent quota comes as a rate limit and does not pass."""
    message = f"{host} broke the answer off: {error.message or error.code or 'no reason given'}"
    code = error.code or error.type or ""
    if code == "context_length_exceeded" or is_overflow(message):
        return ContextTooLong(message)
    if code == "insufficient_quota":
        return BadRequest(message)
    if code == "rate_limit_exceeded":
        return RateLimited(message)
    if code.startswith("invalid_"):
        return BadRequest(message)
    return Passing(message)


def request_body(request: Request, model: str, host: str) -> Json:  # noqa: ARG001 - every wire protocol's shape
    """The JSON of a request: nothing is stored at the provider's, so reasoning travels encrypted."""
    items: list[Json] = []
    for message in request.messages:
        items.extend(_items(message, f"openai-responses:{model}"))
    body: Json = {
        "model": model,
        "instructions": request.system,
        "input": items,
        "stream": True,
        "store": False,
        "include": ["reasoning.encrypted_content"],
        "max_output_tokens": request.max_output_tokens,
    }
    if request.tools:
        body["tools"] = [
            {
                "type": "function",
                "name": tool.name,
                "description": tool.description,
                "parameters": dict(tool.schema),
                "strict": False,  # strict would make optional arguments required
            }
            for tool in request.tools
        ]
    return body


def _items(message: Message, name: str) -> list[Json]:
    match message:
        case UserMessage():
            text = "\n\n".join(filter(None, (message.context, message.text)))
            return [{"type": "message", "role": "user", "content": [{"type": "input_text", "text": text}]}]
        case AssistantMessage():
            return [item for part in message.parts if (item := _item(part, own=message.model == name))]
        case ToolMessage():
            return [
                {"type": "function_call_output", "call_id": result.call_id, "output": result.text or "(empty)"}
                for result in message.results
            ]


def _item(part: Text | Thinking | ToolCall, *, own: bool) -> Json | None:
    """A part as it goes back; reasoning only to the model that it was encrypted for."""
    match part:
        case Text():
            content = [{"type": "output_text", "text": part.text}]
            return {"type": "message", "role": "assistant", "content": content} if part.text else None
        case Thinking():
            raw: Json = json.loads(part.raw) if own and part.raw else {}
            return raw or None
        case ToolCall():
            return {"type": "function_call", "call_id": part.id, "name": part.tool, "arguments": part.arguments}


WIRE = Wire(protocol="openai-responses", path="/responses", body=request_body, answer=lambda name, _: _Answer(name))
"""The conversation is sent whole each time, reasoning encrypted."""
