"""Anthropic's Messages: wire ↔ values."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

from pydantic import BaseModel, ConfigDict

from agent_lsp.conversation.messages import (
    AssistantMessage,
    Image,
    Message,
    Notice,
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
from agent_lsp.models import BadResponse, Chunk, ConnectionLost, Request, TextChunk, ThinkingChunk
from agent_lsp.models.wire.body import WrittenOnce, written_once
from agent_lsp.models.wire.refusals import broken_off, error_message
from agent_lsp.models.wire.replay import arguments_object, fitting_id, fitting_name, paired
from agent_lsp.models.wire.wire_model import Count, Wire, read_event

VERSION = "2023-06-01"
_STOPS = {
    "max_tokens": StopReason.MAX_TOKENS,
    "model_context_window_exceeded": StopReason.MAX_TOKENS,
    "refusal": StopReason.REFUSAL,
}
_CACHED = {"cache_control": {"type": "ephemeral"}}
_ID = re.compile(r"[a-zA-Z0-9_-]{1,64}")
Json = dict[str, object]


class _Wire(BaseModel):
    model_config = ConfigDict(extra="ignore")


class _OutputDetails(_Wire):
    thinking_tokens: Count = None


class _Usage(_Wire):
    input_tokens: Count = None
    cache_read_input_tokens: Count = None
    cache_creation_input_tokens: Count = None
    output_tokens: Count = None
    output_tokens_details: _OutputDetails | None = None


class _Message(_Wire):
    usage: _Usage | None = None
    content: list[Json] | None = None
    stop_reason: str | None = None


class _Delta(_Wire):
    type: str | None = None
    text: str | None = None
    thinking: str | None = None
    signature: str | None = None
    partial_json: str | None = None
    stop_reason: str | None = None


class _Event(_Wire):
    type: str | None = None
    index: int | None = None
    message: _Message | str | None = None
    content_block: Json | None = None
    delta: _Delta | None = None
    usage: _Usage | None = None
    error: object = None


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
    blocks: list[_Block] = field(default_factory=list)
    by_index: dict[int, _Block] = field(default_factory=dict)
    usage: Usage = field(default_factory=Usage)
    stop: str = ""
    ended: bool = False

    @property
    def finished(self) -> bool:
        return self.ended or bool(self.stop)

    def take(self, data: str, host: str) -> list[Chunk]:
        if data.strip() == "[DONE]":  # some servers say it here too
            return []
        event = read_event(_Event, data, host)
        if event.type == "error" or (event.error and not event.type):
            code = event.error.get("type") if isinstance(event.error, dict) else None
            raise broken_off(host, error_message(data) or data[:200], code)
        match event.type:
            case "message":
                return self._whole(read_event(_Message, data, host))
            case "message_start" if isinstance(event.message, _Message):
                self._count(event.message.usage)
            case "content_block_start" if event.content_block is not None:
                return self._start(event.index or 0, event.content_block)
            case "content_block_delta" if event.delta:
                return self._delta(event.index or 0, event.delta)
            case "content_block_stop" if block := self.by_index.get(event.index or 0):
                block.stopped = True
            case "message_delta":
                self.stop = (event.delta.stop_reason if event.delta else None) or self.stop
                self._count(event.usage)
            case "message_stop":
                self.ended = True
        return []

    def _whole(self, message: _Message) -> list[Chunk]:
        """An answer that was not streamed."""
        chunks = [chunk for index, block in enumerate(message.content or []) for chunk in self._start(index, block)]
        self._count(message.usage)
        self.stop, self.ended = message.stop_reason or "", True
        return chunks

    def _start(self, index: int, start: Json) -> list[Chunk]:
        known = self.by_index.get(index)
        if known and not known.start:  # its deltas came first
            known.start = start
        else:
            self._add(index, _Block(start))
        words = str(start.get("text") or "")
        return [TextChunk(words)] if start.get("type") == "text" and words else []

    def _add(self, index: int, block: _Block) -> _Block:
        self.blocks.append(block)
        self.by_index[index] = block
        return block

    def _delta(self, index: int, delta: _Delta) -> list[Chunk]:
        block = self.by_index.get(index) or self._add(index, _Block({}))
        block.text.append(delta.text or delta.thinking or delta.partial_json or "")
        block.signature.append(delta.signature or "")
        if delta.text:
            block.start = block.start or {"type": "text"}
            return [TextChunk(delta.text)]
        return [ThinkingChunk(delta.thinking)] if delta.thinking else []

    def _count(self, usage: _Usage | None) -> None:
        """The numbers are running totals: the last one given of each counts."""
        if usage is None:
            return
        known = self.usage
        details = usage.output_tokens_details or _OutputDetails()
        self.usage = Usage(
            input_tokens=_last(usage.input_tokens, known.input_tokens),
            cache_read_tokens=_last(usage.cache_read_input_tokens, known.cache_read_tokens),
            cache_write_tokens=_last(usage.cache_creation_input_tokens, known.cache_write_tokens),
            output_tokens=_last(usage.output_tokens, known.output_tokens),
            reasoning_tokens=_last(details.thinking_tokens, known.reasoning_tokens),
        )

    def message(self, host: str) -> AssistantMessage:
        if not self.finished:
            where = "in the middle of its answer" if self.blocks else "before it answered"
            raise ConnectionLost(f"{host} broke off {where}")
        stop = _STOPS.get(self.stop, StopReason.END_TURN)
        if self.blocks and stop is StopReason.MAX_TOKENS and _says_nothing(self.blocks[-1]):
            self.blocks.pop()
        parts = tuple(part for block in self.blocks if (part := _part(block)))
        if any(isinstance(part, ToolCall) and not part.tool for part in parts):
            raise BadResponse(f"{host} sent a tool call without a name")
        return AssistantMessage(parts, self.model, self.usage, stop)


def _says_nothing(block: _Block) -> bool:
    """Whether it is a call that was cut off before it said what it wants."""
    return block.start.get("type") == "tool_use" and not block.start.get("input") and not "".join(block.text)


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
            raw: Json = {**start, "thinking": thought}
            if signature := str(start.get("signature") or "") + "".join(block.signature):
                raw["signature"] = signature
            return Thinking(thought, json.dumps(raw))
        case "tool_use":
            given = json.dumps(start["input"]) if start.get("input") else "{}"
            return ToolCall(str(start.get("id") or ""), str(start.get("name") or ""), text or given)
        case None:  # deltas of what was never announced
            return None
        case _:  # redacted thinking, and what is yet to come: sent back as it was
            return Thinking("", json.dumps(start))


def request_body(request: Request, model: str, host: str) -> Json:
    """The JSON of a request. Cache markers stand behind tools and instructions, and behind the two newest turns.

    At most four are taken; what they mark must not change, and what does not change stands first.
    """
    body: Json = {"model": model, "max_tokens": request.max_output_tokens, "stream": True}
    if request.tools:
        body["tools"] = [
            {"name": tool.name, "description": tool.description, "input_schema": dict(tool.schema)}
            for tool in request.tools
        ]
    if request.system.strip():
        body["system"] = [{"type": "text", "text": request.system, **_CACHED}]
    messages = _merged([*map(_written(f"anthropic:{model}", host), paired(request.messages))])
    for place in [place for place, message in enumerate(messages) if message["role"] == "user"][-2:]:
        messages[place] = _marked(messages[place])
    return {**body, "messages": messages}


@lru_cache(8)
def _written(name: str, host: str) -> Callable[[Message], Json]:
    return written_once(lambda message: WrittenOnce(_message(message, name, host)))


def _marked(message: Json) -> Json:
    content = message["content"]
    assert isinstance(content, list)  # noqa: S101 - built below
    return {**message, "content": [*content[:-1], {**content[-1], **_CACHED}]}


def _message(message: Message, name: str, host: str) -> Json:
    match message:
        case UserMessage():
            texts = [text for text in (message.context, message.text) if text.strip()] or ["(empty)"]
            return {"role": "user", "content": [{"type": "text", "text": text} for text in texts]}
        case Notice():
            return {"role": "user", "content": [{"type": "text", "text": message.marked}]}
        case AssistantMessage():
            return {"role": "assistant", "content": _said(message, host, own=message.model == name)}
        case ToolMessage():
            return {"role": "user", "content": [_result(result) for result in message.results]}


def _said(message: AssistantMessage, host: str, *, own: bool) -> list[Json]:
    """Its blocks; nothing where it only thought, which is refused."""
    blocks = [block for part in message.parts if (block := _block(part, host, own=own))]
    return blocks if any(block["type"] in {"text", "tool_use"} for block in blocks) else []


def _block(part: Text | Thinking | ToolCall, host: str, *, own: bool) -> Json | None:
    """A part as it goes back; thoughts only to the model that had them, for they are signed."""
    match part:
        case Text():
            return {"type": "text", "text": part.text} if part.text.strip() else None
        case Thinking():
            raw: Json = json.loads(part.raw) if own and part.raw else {}
            unsigned = raw.get("type") == "thinking" and not raw.get("signature")  # it was cut off
            return None if not raw or (unsigned and host.endswith("anthropic.com")) else raw
        case ToolCall():
            arguments = arguments_object(part.arguments) or {}
            return {"type": "tool_use", "id": _id(part.id), "name": fitting_name(part.tool), "input": arguments}


def _result(result: ToolResult) -> Json:
    text = result.fenced if result.fenced.strip() else "(empty)"
    images = [_image(image) for image in result.images]
    content = [{"type": "text", "text": text}, *images] if images else text
    wire: Json = {"type": "tool_result", "tool_use_id": _id(result.call_id), "content": content}
    return wire if result.status is ResultStatus.DONE else {**wire, "is_error": True}


def _image(image: Image) -> Json:
    return {"type": "image", "source": {"type": "base64", "media_type": image.media_type, "data": image.base64}}


def _id(call_id: str) -> str:
    """Ids of other vendors' calls in the letters that this one takes."""
    return fitting_id(call_id, _ID, 40)


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
