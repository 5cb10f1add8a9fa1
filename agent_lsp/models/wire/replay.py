"""What any provider takes back of a conversation: calls with their results; ids, names and arguments in form."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache

from agent_lsp.conversation.messages import OWN, AssistantMessage, Image, Message, ResultStatus, ToolMessage, ToolResult
from agent_lsp.conversation.once import OncePerValue

_ODD_IN_NAME = re.compile(r"[^a-zA-Z0-9_-]")
_MOST_NAME = 64
"""Characters of a tool's name, for OpenAI and most that follow it; Anthropic takes 128."""
_NO_RESULT = "(the call was not finished)"


def paired(messages: Sequence[Message]) -> list[Message]:
    """The messages with exactly one result for each call, right behind it.

    Every provider refuses a history, for ever, for one call without result or one result without call.
    """
    whole: list[Message] = []
    for place, message in enumerate(messages):
        if isinstance(message, ToolMessage):
            continue
        whole.append(message)
        if isinstance(message, AssistantMessage) and _call_ids(message):
            after = messages[place + 1] if place + 1 < len(messages) else None
            if isinstance(after, ToolMessage) and _result_ids(after) == _call_ids(message):
                whole.append(after)
            else:
                results = after.results if isinstance(after, ToolMessage) else ()
                whole.append(_results(message, {result.call_id: result for result in results}))
    return whole


@OncePerValue
def _call_ids(message: AssistantMessage) -> tuple[str, ...]:
    return tuple(call.id for call in message.calls)


@OncePerValue
def _result_ids(message: ToolMessage) -> tuple[str, ...]:
    return tuple(result.call_id for result in message.results)


def _results(message: AssistantMessage, known: dict[str, ToolResult]) -> ToolMessage:
    missing = ToolResult("", _NO_RESULT, ResultStatus.CANCELLED, origin=OWN)
    return ToolMessage(tuple(known.get(call.id) or replace(missing, call_id=call.id) for call in message.calls))


def fitting_id(call_id: str, form: re.Pattern[str], length: int) -> str:
    """The id itself where it has the form, else one of `length` letters and digits that is always the same for it."""
    if form.fullmatch(call_id):
        return call_id
    return hashlib.sha256(call_id.encode("utf-8", "replace")).hexdigest()[:length]


def fitting_name(tool: str) -> str:
    """A tool's name as providers take it back, also one that a model made up."""
    return _ODD_IN_NAME.sub("_", tool)[:_MOST_NAME] or "unknown"


@lru_cache(4_096)  # each step sends all calls again
def fitting_arguments(arguments: str) -> str:
    """Arguments as they were written where they are a JSON object, else `{}`.

    Some refuse a whole history for one that is none; what was wrong with it stands in the call's result.
    """
    return arguments if arguments_object(arguments) is not None else "{}"


def arguments_object(arguments: str) -> dict[str, object] | None:
    """The JSON object that the text is, None where it is none (`NaN` is no JSON)."""
    try:
        value = json.loads(arguments, parse_constant=_refuse)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def data_url(image: Image) -> str:
    """The image as a URL that holds it (RFC 2397)."""
    return f"data:{image.media_type};base64,{image.base64}"


def _refuse(constant: str) -> None:
    raise ValueError(constant)
