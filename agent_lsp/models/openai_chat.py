"""OpenAI's Chat Completions and its tolerant family: wire ↔ values."""

from __future__ import annotations

import json
from dataclasses import dataclass, field

from pydantic import BaseModel, ConfigDict, ValidationError

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
    BadResponse,
    Chunk,
    ConnectionLost,
    ContextTooLong,
    ModelError,
    Passing,
    Request,
    TextChunk,
    ThinkingChunk,
    ToolSpec,
)
from agent_lsp.models.http import error_message, is_overflow, refusal
from agent_lsp.models.wire_model import Wire

_STOPS = {
    "length": StopReason.MAX_TOKENS,
    "content_filter": StopReason.REFUSAL,
}


class _Wire(BaseModel):
    model_config = ConfigDict(extra="ignore")


class _Function(_Wire):
    name: str | None = None
    arguments: str | dict[str, object] | None = None


class _CallFragment(_Wire):
    index: int | None = None
    id: str | None = None
    function: _Function | None = None


class _Part(_Wire):
    text: str | None = None


class _Delta(_Wire):
    content: str | list[_Part] | None = None
    reasoning_content: str | None = None
    reasoning: str | None = None
    refusal: str | None = None
    tool_calls: list[_CallFragment] | None = None


class _Choice(_Wire):
    delta: _Delta | None = None
    message: _Delta | None = None
    finish_reason: str | None = None


class _Details(_Wire):
    cached_tokens: int | None = None
    reasoning_tokens: int | None = None


class _Usage(_Wire):
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    prompt_tokens_details: _Details | None = None
    completion_tokens_details: _Details | None = None


class _Event(_Wire):
    choices: list[_Choice] | None = None
    usage: _Usage | None = None
    error: object = None


@dataclass
class _Call:
    id: str = ""
    name: str = ""
    arguments: list[str] = field(default_factory=list)


@dataclass
class _Answer:
    """An answer while its fragments arrive."""

    model: str
    number: int
    text: list[str] = field(default_factory=list)
    thinking: list[str] = field(default_factory=list)
    calls: list[_Call] = field(default_factory=list)
    by_index: dict[int, _Call] = field(default_factory=dict)
    usage: Usage = field(default_factory=Usage)
    finish: str = ""
    ended: bool = False

    def take(self, data: str, host: str) -> list[Chunk]:
        if data.strip() == "[DONE]":
            self.ended = True
            return []
        try:
            event = _Event.model_validate_json(data)
        except ValidationError as error:
            raise BadResponse(f"{host} sent an event that cannot be read: {data[:200]}") from error
        if event.error:
            raise _stream_error(event.error, data, host)
        if event.usage:
            self.usage = _usage(event.usage)
        return [chunk for choice in (event.choices or [])[:1] for chunk in self._choice(choice)]

    def _choice(self, choice: _Choice) -> list[Chunk]:
        self.finish = choice.finish_reason or self.finish
        delta = choice.delta or choice.message or _Delta()
        for fragment in delta.tool_calls or []:
            self._fragment(fragment)
        chunks: list[Chunk] = []
        if thought := delta.reasoning_content or delta.reasoning:
            self.thinking.append(thought)
            chunks.append(ThinkingChunk(thought))
        if words := _words(delta.content) or delta.refusal:
            self.text.append(words)
            chunks.append(TextChunk(words))
        return chunks

    def _fragment(self, fragment: _CallFragment) -> None:
        call = self._call_of(fragment)
        call.id = call.id or fragment.id or ""
        function = fragment.function or _Function()
        call.name = call.name or function.name or ""
        arguments = function.arguments
        if isinstance(arguments, dict):
            arguments = json.dumps(arguments)
        if arguments:
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
        if not self.finish and not self.ended and self.calls:
            raise ConnectionLost(f"{host} broke off in the middle of a tool call")
        thinking = (Thinking("".join(self.thinking)),) if self.thinking else ()
        text = (Text("".join(self.text)),) if self.text else ()
        calls = tuple(
            ToolCall(call.id or f"call_{self.number}_{place}", call.name, "".join(call.arguments) or "{}")
            for place, call in enumerate(self.calls)
            if call.name
        )
        stop = _STOPS.get(self.finish, StopReason.END_TURN)
        return AssistantMessage((*thinking, *text, *calls), self.model, self.usage, stop)


def _words(content: str | list[_Part] | None) -> str:
    return "".join(part.text or "" for part in content) if isinstance(content, list) else content or ""


def _usage(wire: _Usage) -> Usage:
    cached = (wire.prompt_tokens_details or _Details()).cached_tokens or 0
    return Usage(
        input_tokens=max(0, (wire.prompt_tokens or 0) - cached),
        cache_read_tokens=cached,
        output_tokens=wire.completion_tokens or 0,
        reasoning_tokens=(wire.completion_tokens_details or _Details()).reasoning_tokens or 0,
    )


def _stream_error(error: object, data: str, host: str) -> ModelError:
    message = error_message(data) or data[:200]
    if isinstance(error, dict) and isinstance(code := error.get("code"), int) and code >= 400:
        return refusal(code, {}, message, host)
    if is_overflow(message):
        return ContextTooLong(f"{host}: {message}")
    return Passing(f"{host} broke the answer off: {message}")


def request_body(request: Request, model: str, host: str) -> dict[str, object]:
    """The JSON of a request. `max_completion_tokens` is what OpenAI itself wants, the family has `max_tokens`."""
    limit = "max_completion_tokens" if host.endswith("openai.com") else "max_tokens"
    messages: list[dict[str, object]] = [{"role": "system", "content": request.system}]
    for message in request.messages:
        messages.extend(_messages(message))
    body: dict[str, object] = {
        "model": model,
        "messages": messages,
        "stream": True,
        "stream_options": {"include_usage": True},
        limit: request.max_output_tokens,
    }
    if request.tools:
        body["tools"] = [_tool(tool) for tool in request.tools]
    return body


def _tool(tool: ToolSpec) -> dict[str, object]:
    function = {"name": tool.name, "description": tool.description, "parameters": dict(tool.schema)}
    return {"type": "function", "function": function}


def _messages(message: Message) -> list[dict[str, object]]:
    match message:
        case UserMessage():
            return [{"role": "user", "content": "\n\n".join(filter(None, (message.context, message.text)))}]
        case AssistantMessage():
            return [_assistant(message)] if message.text or message.calls else []
        case ToolMessage():
            return [
                {"role": "tool", "tool_call_id": result.call_id, "content": result.text or "(empty)"}
                for result in message.results
            ]


def _assistant(message: AssistantMessage) -> dict[str, object]:
    wire: dict[str, object] = {"role": "assistant", "content": message.text or None}
    if message.calls:
        wire["tool_calls"] = [
            {"id": call.id, "type": "function", "function": {"name": call.tool, "arguments": _replayed(call.arguments)}}
            for call in message.calls
        ]
    return wire


def _replayed(arguments: str) -> str:
    """Arguments as servers take them back: some refuse a whole history for one call that is no JSON object."""
    try:
        return arguments if isinstance(json.loads(arguments), dict) else "{}"
    except ValueError:
        return "{}"


WIRE = Wire(
    protocol="openai-chat",
    path="/chat/completions",
    body=request_body,
    answer=lambda name, request: _Answer(name, len(request.messages)),
)
"""OpenAI, OpenRouter, vLLM, llama.cpp, LM Studio, Ollama, Mistral, …"""
