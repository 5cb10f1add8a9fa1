"""The JSON text of a request, of which all but the newest messages was written before."""

from __future__ import annotations

import json
from collections.abc import Mapping

_MOST_KEPT = 64 << 10
"""Characters of a message whose text is kept: longer ones are pictures, which have it once already."""


class WrittenOnce(dict[str, object]):
    """JSON of a message that does not change any more, with its text once that was made."""

    __slots__ = ("text",)
    text: str


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
