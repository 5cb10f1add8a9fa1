"""OpenAI's Chat Completions and its tolerant family: wire ↔ values.

Two things that a vendor wants back go to the model that wrote them, and to no other: what stood beside a call
(`extra_content`: Gemini answers 400 when its thought signature is missing), and the thoughts before a call
(`reasoning_content`: DeepSeek answers 400 without; OpenRouter's `reasoning_details`). Thoughts before a mere answer
stay out: the vendors that take them ignore them, others refuse the field.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import chain

from pydantic import BaseModel, ConfigDict

from agent_lsp.conversation.messages import (
    AssistantMessage,
    Message,
    Notice,
    StopReason,
    Text,
    Thinking,
    ToolCall,
    ToolMessage,
    Usage,
    UserMessage,
)
from agent_lsp.conversation.once import OncePerValue
from agent_lsp.models import (
    BadResponse,
    Chunk,
    ConnectionLost,
    ModelError,
    Passing,
    Request,
    TextChunk,
    ThinkingChunk,
    ToolSpec,
)
from agent_lsp.models.wire.body import WrittenOnce, written_once
from agent_lsp.models.wire.refusals import broken_off, error_message
from agent_lsp.models.wire.replay import arguments_object, data_url, fitting_arguments, fitting_id, fitting_name, paired
from agent_lsp.models.wire.wire_model import Count, Wire, read_event

_STOPS = {
    "length": StopReason.MAX_TOKENS,
    "content_filter": StopReason.REFUSAL,
}
_ID = re.compile(r"[\w.:-]{1,40}", re.ASCII)
_MISTRAL_ID = re.compile(r"[a-zA-Z0-9]{9}")
_UNSIGNED = {"google": {"thought_signature": "skip_thought_signature_validator"}}
"""For Gemini, in place of the signature of a call that another model made (ai.google.dev, "Thought signatures")."""
Json = dict[str, object]


class _Wire(BaseModel):
    model_config = ConfigDict(extra="ignore")


class _Function(_Wire):
    name: str | None = None
    arguments: str | dict[str, object] | None = None


class _CallFragment(_Wire):
    index: int | None = None
    id: str | None = None
    function: _Function | None = None
    extra_content: Json | None = None


class _Part(_Wire):
    text: str | None = None


class _Delta(_Wire):
    content: str | list[_Part] | None = None
    reasoning_content: str | None = None
    reasoning: str | None = None
    reasoning_details: list[Json] | None = None
    refusal: str | None = None
    tool_calls: list[_CallFragment] | None = None


class _Details(_Wire):
    cached_tokens: Count = None
    cache_write_tokens: Count = None
    reasoning_tokens: Count = None


class _Usage(_Wire):
    prompt_tokens: Count = None
    completion_tokens: Count = None
    prompt_cache_hit_tokens: Count = None
    prompt_tokens_details: _Details | None = None
    completion_tokens_details: _Details | None = None


class _Choice(_Wire):
    delta: _Delta | None = None
    message: _Delta | None = None
    finish_reason: str | None = None
    usage: _Usage | None = None


class _Event(_Wire):
    choices: list[_Choice] | None = None
    usage: _Usage | None = None
    error: object = None


@dataclass
class _Call:
    id: str = ""
    name: str = ""
    arguments: list[str] = field(default_factory=list)
    extra: Json | None = None


@dataclass
class _Answer:
    """An answer while its fragments arrive."""

    model: str
    number: int
    text: list[str] = field(default_factory=list)
    thinking: list[str] = field(default_factory=list)
    reasoning: str = ""
    details: list[Json] = field(default_factory=list)
    calls: list[_Call] = field(default_factory=list)
    by_index: dict[int, _Call] = field(default_factory=dict)
    usage: Usage = field(default_factory=Usage)
    finish: str = ""
    ended: bool = False

    @property
    def finished(self) -> bool:
        return self.ended or bool(self.finish)

    def take(self, data: str, host: str) -> list[Chunk]:
        if data.strip() == "[DONE]":
            self.ended = True
            return []
        event = read_event(_Event, data, host)
        if event.error:
            raise _stream_error(event.error, data, host)
        for choice in (event.choices or [])[:1]:
            if usage := event.usage or choice.usage:
                self.usage = _usage(usage)
            return self._choice(choice, host)
        if event.usage:
            self.usage = _usage(event.usage)
        return []

    def _choice(self, choice: _Choice, host: str) -> list[Chunk]:
        self.finish = choice.finish_reason or self.finish
        if self.finish == "error":
            raise Passing(f"{host} broke the answer off without a reason")
        delta = choice.delta or (None if self.text or self.calls else choice.message) or _Delta()
        for fragment in delta.tool_calls or []:
            self._fragment(fragment)
        chunks: list[Chunk] = []
        if thought := delta.reasoning_content or delta.reasoning:
            self.reasoning = "reasoning_content" if delta.reasoning_content else self.reasoning
            self.thinking.append(thought)
            chunks.append(ThinkingChunk(thought))
        for detail in delta.reasoning_details or []:
            self._detail(detail)
        if words := _words(delta.content) or delta.refusal:
            self.text.append(words)
            chunks.append(TextChunk(words))
        return chunks

    def _detail(self, detail: Json) -> None:
        """OpenRouter streams its reasoning blocks in pieces, of which neighbours of one kind are one block."""
        last = self.details[-1] if self.details else {}
        if not last or any(last.get(key) != detail.get(key) for key in ("type", "index")):
            self.details.append(detail)
            return
        for key, value in detail.items():
            known = last.get(key)
            joined = isinstance(value, str) and isinstance(known, str) and key in {"text", "summary", "data"}
            last[key] = f"{known}{value}" if joined else known if value is None else value

    def _fragment(self, fragment: _CallFragment) -> None:
        call = self._call_of(fragment)
        call.id = call.id or fragment.id or ""
        function = fragment.function or _Function()
        call.name = call.name or function.name or ""
        arguments = function.arguments
        if isinstance(arguments, dict):
            arguments = json.dumps(arguments)
        if call.extra is None:
            call.extra = fragment.extra_content
        if arguments and not (fragment.id and function.name and _is_again(arguments, call)):
            call.arguments.append(arguments)

    def _call_of(self, fragment: _CallFragment) -> _Call:
        """Fragments belong together by index; servers that send none start a call with a new id, or a name."""
        name = fragment.function.name if fragment.function else None
        if fragment.index is not None:
            known = self.by_index.get(fragment.index)
            another = known and fragment.id and known.id and fragment.id != known.id and name
            if known and not another:
                return known
        elif self.calls and (fragment.id == self.calls[-1].id if fragment.id else not name):
            return self.calls[-1]
        call = _Call()
        self.calls.append(call)
        if fragment.index is not None:
            self.by_index[fragment.index] = call
        return call

    def message(self, host: str) -> AssistantMessage:
        if not (self.finish or self.text or self.calls):
            raise ConnectionLost(f"{host} ended the answer before it began")
        if not self.finished:  # one of the two ends says that it is whole; without either, half would pass for all
            raise ConnectionLost(f"{host} broke off in the middle of {'a tool call' if self.calls else 'its answer'}")
        stop = _STOPS.get(self.finish, StopReason.END_TURN)
        if self.calls and stop is StopReason.MAX_TOKENS and not self.calls[-1].arguments:
            self.calls.pop()  # cut off before it said what it wants
        text = (Text("".join(self.text)),) if self.text else ()
        calls = tuple(self._call(call, place) for place, call in enumerate(self.calls) if call.name)
        if self.calls and not (calls or text):
            raise BadResponse(f"{host} sent a tool call without a name")
        return AssistantMessage((*self._thinking(), *text, *calls), self.model, self.usage, stop)

    def _thinking(self) -> tuple[Thinking, ...]:
        thoughts = "".join(self.thinking)
        raw: Json = {self.reasoning: thoughts} if self.reasoning else {}
        if self.details:
            raw["reasoning_details"] = self.details
        return (Thinking(thoughts, json.dumps(raw) if raw else ""),) if thoughts or raw else ()

    def _call(self, call: _Call, place: int) -> ToolCall:
        raw = json.dumps({"extra_content": call.extra}) if call.extra else ""
        return ToolCall(call.id or f"call_{self.number}_{place}", call.name, "".join(call.arguments) or "{}", raw)


def _is_again(arguments: str, call: _Call) -> bool:
    """Whether a server says a whole call a second time."""
    return "".join(call.arguments) == arguments and arguments_object(arguments) is not None


def _words(content: str | list[_Part] | None) -> str:
    return "".join(part.text or "" for part in content) if isinstance(content, list) else content or ""


def _usage(wire: _Usage) -> Usage:
    """What was read from or written to the cache is part of `prompt_tokens`, and is taken out."""
    details = wire.prompt_tokens_details or _Details()
    cached, written = details.cached_tokens or wire.prompt_cache_hit_tokens or 0, details.cache_write_tokens or 0
    return Usage(
        input_tokens=max(0, (wire.prompt_tokens or 0) - cached - written),
        cache_read_tokens=cached,
        cache_write_tokens=written,
        output_tokens=wire.completion_tokens or 0,
        reasoning_tokens=(wire.completion_tokens_details or _Details()).reasoning_tokens or 0,
    )


def _stream_error(error: object, data: str, host: str) -> ModelError:
    codes = [error.get("code"), error.get("type")] if isinstance(error, dict) else []
    return broken_off(host, error_message(data) or data[:200], *codes)


def request_body(request: Request, model: str, host: str) -> Json:
    """The JSON of a request. `max_completion_tokens` is what OpenAI itself wants, the family has `max_tokens`.

    What does not change stands first, so that a provider's cache finds the request before in this one.
    """
    limit = "max_completion_tokens" if host.endswith("openai.com") else "max_tokens"
    body: Json = {
        "model": model,
        "stream": True,
        "stream_options": {"include_usage": True},
        limit: request.max_output_tokens,
    }
    if request.tools:
        body["tools"] = [*map(_tool, request.tools)]
    messages: list[Json] = [{"role": "system", "content": request.system}]
    messages.extend(chain.from_iterable(map(_written(f"openai-chat:{model}", host), paired(request.messages))))
    return {**body, "messages": messages}


@lru_cache(8)
def _written(name: str, host: str) -> Callable[[Message], list[WrittenOnce]]:
    return written_once(lambda message: [WrittenOnce(one) for one in _messages(message, name, host)])


@OncePerValue
def _tool(tool: ToolSpec) -> WrittenOnce:
    function = {"name": tool.name, "description": tool.description, "parameters": dict(tool.schema)}
    return WrittenOnce(type="function", function=function)


def _messages(message: Message, name: str, host: str) -> list[Json]:
    match message:
        case UserMessage():
            return [{"role": "user", "content": "\n\n".join(filter(None, (message.context, message.text)))}]
        case Notice():
            return [{"role": "user", "content": message.marked}]
        case AssistantMessage():
            return [_assistant(message, host, own=message.model == name)] if message.text or message.calls else []
        case ToolMessage():
            results: list[Json] = [
                {"role": "tool", "tool_call_id": _id(result.call_id, host), "content": result.fenced}
                for result in message.results
            ]
            return [*results, _images(message, host)] if message.images else results


def _images(message: ToolMessage, host: str) -> Json:
    """What the results show, as a user's message: in a tool's, images are refused."""
    parts: list[Json] = []
    for result in message.results:
        if result.images:
            parts.append({"type": "text", "text": f"[The picture that call {_id(result.call_id, host)} shows]"})
        parts += [{"type": "image_url", "image_url": {"url": data_url(image)}} for image in result.images]
    return {"role": "user", "content": parts}


def _assistant(message: AssistantMessage, host: str, *, own: bool) -> Json:
    wire: Json = {"role": "assistant", "content": message.text or None}
    if not message.calls:
        return wire
    if own:
        for part in message.parts:
            wire |= json.loads(part.raw) if isinstance(part, Thinking) and part.raw else {}
    wire["tool_calls"] = calls = [_call(call, host, own=own) for call in message.calls]
    if host.endswith("googleapis.com") and not any("extra_content" in call for call in calls):
        calls[0]["extra_content"] = _UNSIGNED
    if host.endswith("deepseek.com"):
        wire.setdefault("reasoning_content", "")  # it wants the field with each call, also with those of others
    return wire


def _call(call: ToolCall, host: str, *, own: bool) -> Json:
    function = {"name": fitting_name(call.tool), "arguments": fitting_arguments(call.arguments)}
    beside: Json = json.loads(call.raw) if own and call.raw else {}
    return {"id": _id(call.id, host), "type": "function", "function": function, **beside}


def _id(call_id: str, host: str) -> str:
    """The id in the form that a vendor takes: OpenAI at most 40 characters, Mistral nine letters and digits."""
    if host.endswith("mistral.ai"):
        return fitting_id(call_id, _MISTRAL_ID, 9)
    return fitting_id(call_id, _ID, 40)


WIRE = Wire(
    protocol="openai-chat",
    path="/chat/completions",
    body=request_body,
    answer=lambda name, request: _Answer(name, len(request.messages)),
)
"""OpenAI, OpenRouter, vLLM, llama.cpp, LM Studio, Ollama, Mistral, …"""
