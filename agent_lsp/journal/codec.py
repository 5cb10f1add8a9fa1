"""Entries as JSON text and back. Unknown fields are dropped, missing ones take their default."""

from __future__ import annotations

import json
from dataclasses import fields, is_dataclass
from enum import StrEnum
from functools import cache
from typing import Any, get_type_hints

from agent_lsp.conversation import entries, messages
from agent_lsp.conversation.entries import Content

_CLASSES: dict[str, type[Any]] = {  # Any: classes of different shapes under one table
    cls.__name__: cls
    for cls in (
        entries.TurnBegan,
        entries.Said,
        entries.PromptTaken,
        entries.Decided,
        entries.CallBegan,
        entries.FileVersion,
        entries.FileChanged,
        entries.FilesChanged,
        entries.Undone,
        entries.Redone,
        entries.TurnEnded,
        messages.UserMessage,
        messages.AssistantMessage,
        messages.ToolMessage,
        messages.Notice,
        messages.Text,
        messages.Thinking,
        messages.ToolCall,
        messages.ToolResult,
        messages.Origin,
        messages.Image,
        messages.Usage,
    )
}


def encode(content: Content) -> str:
    """One line of JSON in which every object names its class under `is`."""
    return json.dumps(_plain(content), ensure_ascii=False, separators=(",", ":"))


def decode(line: str) -> Content:
    """The content that `encode` wrote. Raises ValueError when it is none that this version knows."""
    try:
        value = _value(json.loads(line))
    except TypeError as error:
        raise ValueError(f"an entry with something missing or amiss ({error}): {line[:80]}") from error
    if not isinstance(value, Content):
        raise ValueError(f"not an entry: {line[:80]}")  # noqa: TRY004 - what is wrong is the text
    return value


def _plain(value: Any) -> Any:  # Any: a JSON tree
    if is_dataclass(value):
        named = {f.name: _plain(getattr(value, f.name)) for f in fields(value)}
        return {"is": type(value).__name__, **named}
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode()  # a lone surrogate from a model would not be storable
    return value


def _value(plain: Any) -> Any:  # Any: a JSON tree
    if isinstance(plain, list):
        return tuple(_value(item) for item in plain)
    if not isinstance(plain, dict):
        return plain
    cls = _CLASSES.get(plain.get("is", ""))
    if cls is None:
        raise ValueError(f"unknown entry {plain.get('is')!r}")
    enums = _enums(plain["is"])
    known = {f.name for f in fields(cls)} & plain.keys()
    return cls(**{name: enums.get(name, _value)(plain[name]) for name in known})


@cache
def _enums(name: str) -> dict[str, type[StrEnum]]:
    hints = get_type_hints(_CLASSES[name])
    return {name: hint for name, hint in hints.items() if isinstance(hint, type) and issubclass(hint, StrEnum)}
