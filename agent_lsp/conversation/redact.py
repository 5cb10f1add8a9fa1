"""Entries and events with their words cleaned: what people and models wrote, and none of what programs need exactly."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields, is_dataclass, replace
from typing import Any, TypeVar

from agent_lsp.conversation.events import ApprovalRequested, TextDelta, ThinkingDelta

_WORDS = {
    "text",
    "context",
    "arguments",
    "title",
    "feedback",
    "error",
    "prompt",
    "reason",
    "note",
    "remark",
    "source",
    "taint",
}
"""Fields in which somebody may have written anything. What is not among them: ids, digests, pictures, `raw`."""
_EXACT = (ApprovalRequested, TextDelta, ThinkingDelta)
"""A question shows the very bytes that run; deltas say their offsets, and their model was told no secret."""

T = TypeVar("T")


def cleaned(value: T, clean: Callable[[str], str]) -> T:
    """The same value; itself where nothing in it changes."""
    if isinstance(value, tuple):
        items = tuple(cleaned(item, clean) for item in value)
        return items if any(a is not b for a, b in zip(items, value, strict=True)) else value  # type: ignore[return-value]  # a tuple for a tuple
    if not is_dataclass(value) or isinstance(value, (type, *_EXACT)):
        return value
    changed: dict[str, Any] = {}  # Any: fields of all types
    for field in fields(value):
        before = getattr(value, field.name)
        after = clean(before) if field.name in _WORDS and isinstance(before, str) else cleaned(before, clean)
        if after is not before and after != before:
            changed[field.name] = after
    return replace(value, **changed) if changed else value
