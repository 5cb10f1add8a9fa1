"""Fit a result into its limit: head, tail, how much was cut, and how the rest can be read."""

from __future__ import annotations


def fit(text: str, most: int, rest: str) -> str:
    """At most about `most` characters of a text, whole lines where that is possible; `rest` tells how to see more."""
    if len(text) <= most:
        return text
    head = _to_line_end(text[: most * 2 // 3])
    tail = _from_line_start(text[len(text) - most // 3 :])
    cut = len(text) - len(head) - len(tail)
    lines = text.count("\n", len(head), len(text) - len(tail))
    return f"{head}\n[… {cut} of {len(text)} characters ({lines} lines) are left out here. {rest}]\n{tail}"


def _to_line_end(text: str) -> str:
    end = text.rfind("\n")
    return text[:end] if end > len(text) // 2 else text


def _from_line_start(text: str) -> str:
    start = text.find("\n")
    return text[start + 1 :] if 0 <= start < len(text) // 2 else text
