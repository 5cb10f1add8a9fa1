"""One answer, written down as each of the three wire protocols streams it."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from agent_lsp.models.wire import anthropic, openai_chat, openai_responses
from agent_lsp.models.wire.http import Endpoint, Patience
from agent_lsp.models.wire.wire_model import Wire, WireModel
from tests.models.provider import DONE, delta, event


@dataclass(frozen=True)
class Words:
    """Text, in the pieces that it is streamed in."""

    pieces: Sequence[str]


@dataclass(frozen=True)
class Thought:
    """Thinking, in pieces, and the seal (signature, encrypted content) that its provider puts on it."""

    pieces: Sequence[str]
    seal: str = "seal=="


@dataclass(frozen=True)
class Call:
    """A tool call, its arguments in pieces."""

    id: str
    name: str
    pieces: Sequence[str]


@dataclass(frozen=True)
class Said:
    """A whole answer. `stop` is one of end, tools, length, refusal; the counts are ours: no cached ones in `fresh`."""

    parts: Sequence[Words | Thought | Call]
    stop: str = "end"
    fresh: int = 10
    read: int = 0
    written: int = 0
    output: int = 5
    reasoning: int = 0


class Streamed(Protocol):
    """Writes an answer as events."""

    def __call__(self, said: Said) -> list[bytes]: ...


def chat(said: Said) -> list[bytes]:
    events = [delta(role="assistant", content="")]
    index = -1
    for part in said.parts:
        match part:
            case Words():
                events += [delta(content=piece) for piece in part.pieces]
            case Thought():
                events += [delta(reasoning_content=piece) for piece in part.pieces]
            case Call():
                index += 1
                start = {"index": index, "id": part.id, "type": "function"}
                events.append(delta(tool_calls=[{**start, "function": {"name": part.name, "arguments": ""}}]))
                events += [
                    delta(tool_calls=[{"index": index, "function": {"arguments": piece}}]) for piece in part.pieces
                ]
    stops = {"end": "stop", "tools": "tool_calls", "length": "length", "refusal": "content_filter"}
    prompt = said.fresh + said.read + said.written
    usage = {
        "prompt_tokens": prompt,
        "completion_tokens": said.output,
        "total_tokens": prompt + said.output,
        "prompt_tokens_details": {"cached_tokens": said.read, "cache_write_tokens": said.written},
        "completion_tokens_details": {"reasoning_tokens": said.reasoning},
    }
    whole = [*events, delta(stops[said.stop]), event(choices=[], usage=usage)]
    head = {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m"}
    return [*(_with(one, head) for one in whole), DONE]


def _with(one: bytes, more: dict[str, object]) -> bytes:
    return event(**more, **json.loads(one.removeprefix(b"data: ")))


def named(**fields: Any) -> bytes:
    """An event whose type stands in its `event:` line too."""
    return f"event: {fields['type']}\n".encode() + event(**fields)


def messages(said: Said) -> list[bytes]:
    usage = {
        "input_tokens": said.fresh,
        "cache_read_input_tokens": said.read,
        "cache_creation_input_tokens": said.written,
        "output_tokens": 1,
    }
    message = {"id": "msg_1", "type": "message", "role": "assistant", "content": [], "model": "m"}
    start = {**message, "stop_reason": None, "stop_sequence": None, "usage": usage}
    events = [named(type="message_start", message=start), named(type="ping")]
    for index, part in enumerate(said.parts):
        block, deltas = _block(part)
        events.append(named(type="content_block_start", index=index, content_block=block))
        events += [named(type="content_block_delta", index=index, delta=one) for one in deltas]
        events.append(named(type="content_block_stop", index=index))
    stops = {"end": "end_turn", "tools": "tool_use", "length": "max_tokens", "refusal": "refusal"}
    last = {"output_tokens": said.output, "output_tokens_details": {"thinking_tokens": said.reasoning}}
    stop = {"stop_reason": stops[said.stop], "stop_sequence": None}
    return [*events, named(type="message_delta", delta=stop, usage=last), named(type="message_stop")]


def _block(part: Words | Thought | Call) -> tuple[dict[str, object], list[dict[str, object]]]:
    match part:
        case Words():
            return {"type": "text", "text": ""}, [{"type": "text_delta", "text": piece} for piece in part.pieces]
        case Thought():
            thoughts: list[dict[str, object]] = [{"type": "thinking_delta", "thinking": one} for one in part.pieces]
            sealed: dict[str, object] = {"type": "signature_delta", "signature": part.seal}
            return {"type": "thinking", "thinking": "", "signature": ""}, [*thoughts, sealed]
        case Call():
            start: dict[str, object] = {"type": "tool_use", "id": part.id, "name": part.name, "input": {}}
            return start, [{"type": "input_json_delta", "partial_json": piece} for piece in part.pieces]


def responses(said: Said) -> list[bytes]:
    base = {"id": "resp_1", "object": "response", "created_at": 1, "model": "m", "tools": [], "tool_choice": "auto"}
    base |= {"parallel_tool_calls": True, "error": None, "incomplete_details": None, "metadata": {}}
    going = {**base, "status": "in_progress", "output": [], "usage": None}
    events: list[dict[str, Any]] = [
        {"type": f"response.{name}", "response": going} for name in ("created", "in_progress")
    ]
    items = []
    for index, part in enumerate(said.parts):
        one, item = _item(part, index)
        events += one
        items.append(item)
    count = said.fresh + said.read + said.written
    usage = {
        "input_tokens": count,
        "input_tokens_details": {"cached_tokens": said.read, "cache_write_tokens": said.written},
        "output_tokens": said.output,
        "output_tokens_details": {"reasoning_tokens": said.reasoning},
        "total_tokens": count + said.output,
    }
    reason = {"length": "max_output_tokens", "refusal": "content_filter"}.get(said.stop)
    status = "incomplete" if reason else "completed"
    details = {"reason": reason} if reason else None
    whole = {**base, "status": status, "output": items, "usage": usage, "incomplete_details": details}
    events.append({"type": f"response.{status}", "response": whole})
    return [named(sequence_number=number, **fields) for number, fields in enumerate(events)]


def _item(part: Words | Thought | Call, index: int) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    place: dict[str, Any] = {"output_index": index, "item_id": f"item_{index}"}
    middle: list[dict[str, Any]]
    match part:
        case Words():
            text = {"type": "output_text", "text": "".join(part.pieces), "annotations": []}
            item = {"type": "message", "role": "assistant", "status": "completed", "content": [text]}
            inside = {**place, "content_index": 0}
            middle = [
                {"type": "response.content_part.added", **inside, "part": {**text, "text": ""}},
                *(
                    {"type": "response.output_text.delta", **inside, "delta": piece, "logprobs": []}
                    for piece in part.pieces
                ),
                {"type": "response.output_text.done", **inside, "text": text["text"], "logprobs": []},
                {"type": "response.content_part.done", **inside, "part": text},
            ]
            start = {**item, "status": "in_progress", "content": []}
        case Thought():
            summary = {"type": "summary_text", "text": "".join(part.pieces)}
            item = {"type": "reasoning", "summary": [summary], "encrypted_content": part.seal}
            inside = {**place, "summary_index": 0}
            middle = [
                {"type": "response.reasoning_summary_part.added", **inside, "part": {**summary, "text": ""}},
                *({"type": "response.reasoning_summary_text.delta", **inside, "delta": one} for one in part.pieces),
                {"type": "response.reasoning_summary_text.done", **inside, "text": summary["text"]},
                {"type": "response.reasoning_summary_part.done", **inside, "part": summary},
            ]
            start = {**item, "summary": [], "encrypted_content": "half"}
        case Call():
            arguments = "".join(part.pieces)
            item = {"type": "function_call", "call_id": part.id, "name": part.name, "arguments": arguments}
            item["status"] = "completed"
            middle = [
                *({"type": "response.function_call_arguments.delta", **place, "delta": one} for one in part.pieces),
                {"type": "response.function_call_arguments.done", **place, "name": part.name, "arguments": arguments},
            ]
            start = {**item, "status": "in_progress", "arguments": ""}
    item, start = {"id": f"item_{index}", **item}, {"id": f"item_{index}", **start}
    added = {"type": "response.output_item.added", "output_index": index, "item": start}
    return [added, *middle, {"type": "response.output_item.done", "output_index": index, "item": item}], item


def uncounted(one: bytes) -> bytes:
    """An event without what it says of usage."""
    head, _, data = one.partition(b"data: ")
    if one == DONE:
        return one
    fields = json.loads(data, object_hook=lambda inner: {name: inner[name] for name in inner if name != "usage"})
    return head + event(**fields)


@dataclass(frozen=True)
class Kit:
    """A protocol with all that a test needs to play its provider."""

    wire: Wire
    streamed: Streamed
    error: Callable[[str, str], bytes]
    """message, code → the event of an error inside a stream."""
    last: int
    """How many events at the end of a stream only end it."""
    headers: dict[str, str] = field(default_factory=lambda: {"authorization": "Bearer secret-key"})

    def model(self, url: str, patience: Patience = Patience()) -> WireModel:
        return WireModel(self.wire, Endpoint(url, self.headers), "m", context_window=8_000, patience=patience)


CHAT = Kit(openai_chat.WIRE, chat, lambda message, code: event(error={"message": message, "code": code}), 3)
MESSAGES = Kit(
    anthropic.WIRE,
    messages,
    lambda message, code: named(type="error", error={"type": code, "message": message}),
    2,
    {"x-api-key": "secret-key", "anthropic-version": "2023-06-01"},
)
RESPONSES = Kit(
    openai_responses.WIRE,
    responses,
    lambda message, code: named(type="error", code=code, message=message, param=None, sequence_number=9),
    1,
)
KITS = {kit.wire.protocol: kit for kit in (CHAT, MESSAGES, RESPONSES)}
