"""OpenAI's Responses, without state on the server: wire ↔ values."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import chain

from pydantic import BaseModel, ConfigDict, Field

from agent_lsp.conversation.messages import (
    AssistantMessage,
    Message,
    Notice,
    StopReason,
    Text,
    Thinking,
    ToolCall,
    ToolMessage,
    ToolResult,
    Usage,
    UserMessage,
)
from agent_lsp.models import BadResponse, Chunk, ConnectionLost, ModelError, Request, TextChunk, ThinkingChunk
from agent_lsp.models.wire.body import WrittenOnce, written_once
from agent_lsp.models.wire.refusals import broken_off
from agent_lsp.models.wire.replay import data_url, fitting_arguments, fitting_id, fitting_name, paired
from agent_lsp.models.wire.wire_model import Count, Wire, read_event

_TEXT = {"response.output_text.delta", "response.refusal.delta"}
_THOUGHT = {"response.reasoning_summary_text.delta", "response.reasoning_text.delta"}
_SHOWN = _TEXT | _THOUGHT
_ENDS = {"response.completed", "response.incomplete", "response.failed", "response.cancelled"}
_STOPS = {"content_filter": StopReason.REFUSAL}
_ID = re.compile(r"[\w.:-]{1,64}", re.ASCII)
_UNREASONING = ("gpt-3", "gpt-4", "chatgpt")
"""Models of these names answer 400 to who asks for encrypted reasoning."""
Json = dict[str, object]


class _Wire(BaseModel):
    model_config = ConfigDict(extra="ignore")


class _InputDetails(_Wire):
    cached_tokens: Count = None
    cache_write_tokens: Count = None


class _OutputDetails(_Wire):
    reasoning_tokens: Count = None


class _Usage(_Wire):
    input_tokens: Count = None
    output_tokens: Count = None
    input_tokens_details: _InputDetails | None = None
    output_tokens_details: _OutputDetails | None = None


class _Error(_Wire):
    code: str | int | None = None
    type: str | None = None
    message: str | None = None


class _Incomplete(_Wire):
    reason: str | None = None


class _Response(_Wire):
    status: str | None = None
    output: list[Json] | None = None
    usage: _Usage | None = None
    error: _Error | str | None = None
    incomplete_details: _Incomplete | None = None


class _Event(_Wire):
    type: str | None = None
    what: str | None = Field(None, alias="object")
    output_index: int | None = None
    item_id: str | None = None
    delta: str | None = None
    arguments: str | None = None
    item: Json | None = None
    response: _Response | None = None
    code: str | int | None = None
    message: str | None = None
    error: _Error | str | None = None


@dataclass
class _Item:
    """An item of the output: as announced, its deltas, and as it was when done."""

    start: Json
    text: list[str] = field(default_factory=list)
    arguments: list[str] = field(default_factory=list)
    done: Json | None = None

    @property
    def wire(self) -> Json:
        return self.done or self.start


@dataclass
class _Answer:
    model: str
    items: dict[int | str, _Item] = field(default_factory=dict)
    usage: Usage = field(default_factory=Usage)
    stop: StopReason | None = None

    @property
    def ended(self) -> bool:
        return self.stop is not None

    @property
    def finished(self) -> bool:
        return self.ended

    def take(self, data: str, host: str) -> list[Chunk]:
        if data.strip() == "[DONE]":  # some servers say it here too
            return []
        event = read_event(_Event, data, host)
        if event.type == "error" or (event.error and not event.type and event.what != "response"):
            raise _stream_error(event.error or _Error(code=event.code, message=event.message), host)
        if event.what == "response":  # an answer that was not streamed
            return self._end(read_event(_Response, data, host), "", host)
        if event.type in _ENDS:
            return self._end(event.response or _Response(), event.type or "", host)
        return self._part(event)

    def _part(self, event: _Event) -> list[Chunk]:
        match event.type:
            case "response.output_item.added" if event.item is not None:
                item = self._item(event)
                item.start = item.start or event.item
            case "response.output_item.done" if event.item is not None:
                self._item(event).done = event.item
            case "response.function_call_arguments.delta":
                self._item(event).arguments.append(event.delta or "")
            case "response.function_call_arguments.done" if event.arguments is not None:
                self._item(event).arguments = [event.arguments]
            case "response.reasoning_summary_part.added" if (item := self._item(event)).text:
                item.text.append("\n\n")
                return [ThinkingChunk("\n\n")]
            case str() as kind if event.delta and kind in _SHOWN:
                self._item(event).text.append(event.delta)
                return [TextChunk(event.delta) if kind in _TEXT else ThinkingChunk(event.delta)]
        return []

    def _item(self, event: _Event) -> _Item:
        """By its place; some servers tell only its id."""
        named = (event.item or {}).get("id") or event.item_id or ""
        place = event.output_index if event.output_index is not None else str(named)
        return self.items.setdefault(place, _Item({}))

    def _end(self, response: _Response, kind: str, host: str) -> list[Chunk]:
        broken = kind in {"response.failed", "response.cancelled"} or response.status in {"failed", "cancelled"}
        if broken or (response.error and not response.output):
            raise _stream_error(response.error or _Error(), host)
        chunks = [chunk for item in self._new(response.output or []) for chunk in self._late(item)]
        self.usage = _usage(response.usage or _Usage())
        reason = response.incomplete_details.reason if response.incomplete_details else None
        cut = kind == "response.incomplete" or response.status == "incomplete"
        self.stop = _STOPS.get(reason or "", StopReason.MAX_TOKENS if cut else StopReason.END_TURN)
        return chunks

    def _new(self, output: list[Json]) -> list[Json]:
        """What only the last event tells of: the n-th of a type is the n-th of that type that was streamed."""
        streamed: dict[object, list[_Item]] = {}
        for known in self.items.values():
            streamed.setdefault(known.wire.get("type") or "message", []).append(known)
        new = []
        for item in output:
            if known_ones := streamed.get(item.get("type")):
                known = known_ones.pop(0)
                known.done = known.done or item
            else:
                new.append(item)
        return new

    def _late(self, item: Json) -> list[Chunk]:
        self.items[f"late {len(self.items)}"] = _Item(item, done=item)
        words = _words(item) if item.get("type") == "message" else ""
        return [TextChunk(words)] if words else []

    def message(self, host: str) -> AssistantMessage:
        if self.stop is None:
            where = "in the middle of its answer" if self.items else "before it answered"
            raise ConnectionLost(f"{host} broke off {where}")
        items = list(self.items.values())
        if items and self.stop is StopReason.MAX_TOKENS and _says_nothing(items[-1]):
            items.pop()
        parts = tuple(part for item in items if (part := _value(item)))
        if any(isinstance(part, ToolCall) and not part.tool for part in parts):
            raise BadResponse(f"{host} sent a tool call without a name")
        return AssistantMessage(parts, self.model, self.usage, self.stop)


def _says_nothing(item: _Item) -> bool:
    """Whether it is a call that was cut off before it said what it wants."""
    return item.wire.get("type") == "function_call" and not _arguments(item)


def _arguments(item: _Item) -> str:
    given = item.wire.get("arguments") or "".join(item.arguments)
    return given if isinstance(given, str) else json.dumps(given)


def _value(item: _Item) -> Text | Thinking | ToolCall | None:
    wire = item.wire
    match wire.get("type"):
        case "message" | None:
            words = "".join(item.text) or _words(wire)
            return Text(words, json.dumps({"phase": wire["phase"]}) if wire.get("phase") else "") if words else None
        case "function_call":
            call_id = str(wire.get("call_id") or wire.get("id") or "")
            return ToolCall(call_id, str(wire.get("name") or ""), _arguments(item) or "{}")
        case "reasoning":  # as announced, its encrypted content may be half of it
            return Thinking("".join(item.text) or _thought(wire), json.dumps(wire) if item.done else "")
        case _:  # what is yet to come: sent back as it was
            return Thinking("", json.dumps(wire))


def _thought(item: Json) -> str:
    parts = item.get("summary") or item.get("content") or []
    return (
        "\n\n".join(str(p.get("text") or "") for p in parts if isinstance(p, dict)) if isinstance(parts, list) else ""
    )


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


def _stream_error(error: _Error | str, host: str) -> ModelError:
    if isinstance(error, str):
        error = _Error(message=error)
    return broken_off(host, error.message or str(error.code or "no reason given"), error.code, error.type)


def request_body(request: Request, model: str, host: str) -> Json:  # noqa: ARG001 - every wire protocol's shape
    """The JSON of a request: nothing is stored at the provider's, so reasoning travels encrypted.

    What does not change stands first, so that a provider's cache finds the request before in this one.
    """
    body: Json = {
        "model": model,
        "stream": True,
        "store": False,
        "max_output_tokens": request.max_output_tokens,
    }
    if request.conversation:
        body["prompt_cache_key"] = request.conversation
    if not model.startswith(_UNREASONING):
        body["include"] = ["reasoning.encrypted_content"]
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
    items = list(chain.from_iterable(map(_written(f"openai-responses:{model}"), paired(request.messages))))
    return {**body, "instructions": request.system, "input": items}


@lru_cache(8)
def _written(name: str) -> Callable[[Message], list[WrittenOnce]]:
    return written_once(lambda message: [WrittenOnce(item) for item in _items(message, name)])


def _items(message: Message, name: str) -> list[Json]:
    match message:
        case UserMessage():
            text = "\n\n".join(filter(None, (message.context, message.text)))
            return [{"type": "message", "role": "user", "content": [{"type": "input_text", "text": text}]}]
        case Notice():
            content = [{"type": "input_text", "text": message.marked}]
            return [{"type": "message", "role": "user", "content": content}]
        case AssistantMessage() if message.calls or message.text:  # reasoning alone is refused
            return [item for part in message.parts if (item := _item(part, own=message.model == name))]
        case AssistantMessage():
            return []
        case ToolMessage():
            return [
                {"type": "function_call_output", "call_id": _id(result.call_id), "output": _output(result)}
                for result in message.results
            ]


def _output(result: ToolResult) -> str | list[Json]:
    text = result.fenced
    images: list[Json] = [{"type": "input_image", "image_url": data_url(image)} for image in result.images]
    return [{"type": "input_text", "text": text}, *images] if images else text


def _item(part: Text | Thinking | ToolCall, *, own: bool) -> Json | None:
    """A part as it goes back; reasoning only to the model that it was encrypted for, and only with its content."""
    match part:
        case Text():
            content = [{"type": "output_text", "text": part.text}]
            phase = json.loads(part.raw) if own and part.raw else {}  # commentary before calls, or the final answer
            return {"type": "message", "role": "assistant", "content": content, **phase} if part.text else None
        case Thinking():
            raw: Json = json.loads(part.raw) if own and part.raw else {}
            hollow = raw.get("type") == "reasoning" and not (raw.get("encrypted_content") or raw.get("content"))
            return None if hollow else raw or None
        case ToolCall():
            name, arguments = fitting_name(part.tool), fitting_arguments(part.arguments)
            return {"type": "function_call", "call_id": _id(part.id), "name": name, "arguments": arguments}


def _id(call_id: str) -> str:
    return fitting_id(call_id, _ID, 40)


WIRE = Wire(protocol="openai-responses", path="/responses", body=request_body, answer=lambda name, _: _Answer(name))
"""The conversation is sent whole each time, reasoning encrypted."""
