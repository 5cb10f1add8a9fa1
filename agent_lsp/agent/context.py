"""What the model sees in a step. It always fits the model's window, or the turn ends with the figures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import cache

from agent_lsp.agent.images import images_of, with_newest_images, without_oldest_images
from agent_lsp.conversation.messages import OWN, AssistantMessage, Message, Notice, ToolMessage, ToolResult, UserMessage
from agent_lsp.conversation.once import OncePerValue
from agent_lsp.models import ContextTooLong, Request, ToolSpec
from agent_lsp.models.image_tokens import billed_tokens, image_tokens
from agent_lsp.tools import Tool

_BYTES_PER_TOKEN = 3
"""Fewer than any common tokenizer makes of English or code (about 4): an estimate that errs to the safe side."""
_MESSAGE_TOKENS = 8
_AROUND = 1_000
_MOST_OUTPUT = 16_384
_SHORTENED = "[this older result was left out to make room; call the tool again if it is needed]"


def build(
    messages: Sequence[Message],
    *,
    system: str,
    tools: Sequence[Tool],
    window: int,
    output_tokens: int | None = None,
) -> Request:
    """The request for the next step. Raises ContextTooLong when the newest turn alone does not fit.

    Where the path outgrows the window, the oldest images go, then the oldest results become one line each, then the
    oldest turns go.
    """
    output = output_tokens or min(_MOST_OUTPUT, window // 4)
    specs = tuple(_spec(tool) for tool in tools)
    fixed = tokens_of(system) + sum(map(_spec_tokens, specs))
    fitting = _fitted(with_newest_images(messages), window - output - fixed, window)
    return Request(system, tuple(fitting), specs, output)


def tokens_of(text: str) -> int:
    """Tokens a text has at most, as far as its bytes tell."""
    return len(text.encode("utf-8", "replace")) // _BYTES_PER_TOKEN + 1


@OncePerValue
def _spec_tokens(spec: ToolSpec) -> int:
    return tokens_of(f"{spec.name}{spec.description}{spec.schema}")


def request_tokens(request: Request) -> int:
    """Tokens of a whole request, likely somewhat fewer than this."""
    tools = sum(map(_spec_tokens, request.tools))
    return tokens_of(request.system) + tools + _total(request.messages)


def most_tokens(request: Request, model: str) -> int:
    """Tokens that a request to `model` can have at the very most: no tokenizer makes more than one of a byte.

    What a model thought goes back to it, too. A thousand more are for what providers put around it (chat templates, the
    instructions for tool use). Images have what the dearest rule counts.
    """
    images = images_of(request.messages)
    words = request_tokens(request) - sum(image_tokens(image) for image in images)
    words += sum(_raw_tokens.each(request.messages))
    return words * _BYTES_PER_TOKEN + _AROUND + sum(billed_tokens(image, model) for image in images)


def result_limit(window: int, most: int) -> int:
    """Characters that one result may have: `most`, or a quarter of the window if that is less."""
    return min(most, window * _BYTES_PER_TOKEN // 4)


def _fitted(messages: list[Message], room: int, window: int) -> list[Message]:
    total = _total(messages)
    if total <= room:
        return messages
    step = max(room // 4, 1)
    most = total + (room - total) // step * step  # in large steps, so that the prefix stays the same for a while
    messages = _with_fewer_images(messages, most, len(images_of(messages[:-1])))
    over = _total(messages) - most
    newest = _start_of_newest_turn(messages)
    for index, message in enumerate(messages[:-1]):
        if over <= 0:
            return messages
        if isinstance(message, ToolMessage):
            messages[index] = _shortened(message)
            over -= _size(message) - _size(messages[index])
    while newest > 0 and _total(messages) > room:
        following = next((i for i in range(1, newest + 1) if isinstance(messages[i], UserMessage)), newest)
        messages, newest = messages[following:], newest - following
    messages = _with_fewer_images(messages, room, len(images_of(messages)))
    over = _total(messages) - room
    if over > 0 and isinstance(messages[-1], ToolMessage):
        messages[-1] = _trimmed(messages[-1], over)
    total = _total(messages)
    if total > room:
        raise ContextTooLong(
            f"the prompt and what belongs to it have about {total:,} tokens; of the model's window of {window:,}"
            f" {max(room, 0):,} are left for them: ask with less, or choose a model with a larger window"
        )
    return messages


def _total(messages: Sequence[Message]) -> int:
    return sum(_size.each(messages))


def _with_fewer_images(messages: list[Message], most: int, removable: int) -> list[Message]:
    """The messages without as many of their oldest images as must go to come to `most` tokens, if that can be."""
    fewer = messages
    for count in range(1, removable + 1):
        if _total(fewer) <= most:
            break
        fewer = without_oldest_images(messages, count)
    return fewer


def _start_of_newest_turn(messages: Sequence[Message]) -> int:
    return max((i for i, message in enumerate(messages) if isinstance(message, UserMessage)), default=0)


def _trimmed(message: ToolMessage, over: int) -> ToolMessage:
    """The newest results, of which only the last that fit are kept whole: calls side by side may fill a window."""
    results = list(message.results)
    for index, result in enumerate(results):
        if over <= 0:
            break
        results[index] = _shorter(result)
        over -= tokens_of(result.fenced) - tokens_of(results[index].fenced)
    return ToolMessage(tuple(results))


@OncePerValue
def _shortened(message: ToolMessage) -> ToolMessage:
    return ToolMessage(tuple(_shorter(result) for result in message.results))


def _shorter(result: ToolResult) -> ToolResult:
    return (
        result
        if len(result.text) <= len(_SHORTENED)
        else replace(result, text=_SHORTENED, images=(), origin=OWN, remark="")
    )


def _counted(message: Message) -> int:
    match message:
        case UserMessage():
            return _MESSAGE_TOKENS + tokens_of(message.text) + tokens_of(message.context)
        case AssistantMessage():
            calls = sum(_MESSAGE_TOKENS + tokens_of(call.tool + call.arguments) for call in message.calls)
            return _MESSAGE_TOKENS + tokens_of(message.text) + calls
        case Notice():
            return _MESSAGE_TOKENS + tokens_of(message.marked)
        case ToolMessage():
            words = sum(_MESSAGE_TOKENS + tokens_of(result.fenced) for result in message.results)
            return words + sum(image_tokens(image) for image in message.images)


_size = OncePerValue(_counted)
"""Tokens of a message."""


@OncePerValue
def _raw_tokens(message: Message) -> int:
    """Tokens of what the model's own provider gets back beside the words of an answer: thoughts and signatures."""
    return (
        sum(tokens_of(part.raw) for part in message.parts if part.raw) if isinstance(message, AssistantMessage) else 0
    )


@cache  # pydantic takes 0.3 ms for a schema, and every step needs them all
def _spec(tool: Tool) -> ToolSpec:
    """The tool with the JSON Schema of its arguments, without what a model does not need."""
    return ToolSpec(tool.name, tool.description, _plain(tool.arguments.model_json_schema()))


def _plain(schema: dict[str, object]) -> dict[str, object]:
    definitions = schema.get("$defs", {})
    return {key: value for key, value in _slim(schema, definitions).items() if key != "$defs"}


def _slim(schema: dict[str, object], definitions: object) -> dict[str, object]:
    if "$ref" in schema and isinstance(definitions, dict):
        return _slim(definitions[str(schema["$ref"]).rsplit("/", 1)[-1]], definitions)
    options = schema.get("anyOf")
    if isinstance(options, list) and len(options) == 2 and {"type": "null"} in options:
        kept = next(option for option in options if option != {"type": "null"})
        schema = {**{key: value for key, value in schema.items() if key != "anyOf"}, **kept}
    slim: dict[str, object] = {}
    for key, value in schema.items():
        if key in {"title", "default", "additionalProperties"}:
            continue
        if key == "properties" and isinstance(value, dict):
            slim[key] = {name: _slim(inner, definitions) for name, inner in value.items()}
        elif isinstance(value, dict) and key == "items":
            slim[key] = _slim(value, definitions)
        else:
            slim[key] = value
    return slim


def shown_beside(path: str, lines: tuple[int, int] | None, selected: str, diagnostics: Sequence[str]) -> str:
    """What the user's editor shows beside a prompt: a file, selected lines (1-based, both ends) and diagnostics."""
    told = [f"[The user is looking at {path}" + (f", lines {lines[0]} to {lines[1]}" if lines else "") + "]"]
    if selected.strip():
        told.append(f"[Selected text:]\n{selected}")
    if diagnostics:
        told.append("[Diagnostics there:]\n" + "\n".join(diagnostics))
    return "\n".join(told)
