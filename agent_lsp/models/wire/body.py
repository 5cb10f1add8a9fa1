"""The JSON text of a request, of which all but the newest messages was written before."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import TypeVar

from agent_lsp.conversation.messages import Message, ToolMessage
from agent_lsp.conversation.once import OncePerValue

T = TypeVar("T")

_MOST_KEPT = 64 << 10
"""Characters of a message whose text is kept."""


class WrittenOnce(dict[str, object]):
    """JSON of a message that does not change any more, with its text once that was made."""

    __slots__ = ("text",)
    text: str


def written_once(write: Callable[[Message], T]) -> Callable[[Message], T]:
    """A writer of messages that writes each once, but those with pictures anew: the result holds a copy of them."""
    once = OncePerValue(write)
    return lambda message: write(message) if _has_images(message) else once(message)


@OncePerValue
def _has_images(message: Message) -> bool:
    return isinstance(message, ToolMessage) and bool(message.images)


def encoded(body: Mapping[str, object]) -> bytes:
    """The body as UTF-8. Half surrogate pairs, as in names of files that are not UTF-8, cannot be sent."""
    fields = (f"{_dumped(name)}:{_field(value)}" for name, value in body.items())
    return f"{{{','.join(fields)}}}".encode("utf-8", "replace")


def _field(value: object) -> str:
    return f"[{','.join(map(_item, value))}]" if isinstance(value, list) else _dumped(value)


def _item(item: object) -> str:
    if not isinstance(item, WrittenOnce):
        return _dumped(item)
    try:
        return item.text
    except AttributeError:
        text = _dumped(item)
        if len(text) <= _MOST_KEPT:
            item.text = text
        return text


_dumped = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode
