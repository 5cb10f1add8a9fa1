"""What the editor shows beside a prompt: lines, the selected text, diagnostics."""

from __future__ import annotations

from typing import Any

from pygls.workspace import TextDocument

from agent_lsp.contract.params import AskContext, Range


def beside(context: AskContext, document: TextDocument | None) -> tuple[tuple[int, int] | None, str, tuple[str, ...]]:
    """Return what the editor showed beside a prompt: lines (1-based, both ends), their text and diagnostics."""
    lines: tuple[int, int] | None = None
    selected = ""
    if context.range:
        lines = context.range.start.line + 1, context.range.end.line + 1
        selected = _selected(document, context.range) if document else ""
    return lines, selected, tuple(map(_diagnostic, context.diagnostics))


def _selected(document: TextDocument, shown: Range) -> str:
    text: list[str] = list(document.lines)[shown.start.line : shown.end.line + 1]
    if not text:
        return ""
    units = document.position_codec
    if shown.end.line - shown.start.line < len(text):
        text[-1] = text[-1][: _characters(units, text[-1], shown.end.character)]
    text[0] = text[0][_characters(units, text[0], shown.start.character) :]
    return "".join(text)


def _characters(codec: Any, line: str, units: int) -> int:  # Any: pygls' codec
    """How many characters of a line make so many units of the client's encoding."""
    taken = 0
    for index, char in enumerate(line):
        if taken >= units:
            return index
        taken += codec.client_num_units(char)
    return len(line)


def _diagnostic(raw: Any) -> str:  # Any: LSP's JSON
    match raw:
        case {"range": {"start": {"line": int(line)}}}:
            place = f"line {line + 1}: "
        case _:
            place = ""
    return f"{place}{raw.get('source') or 'diagnostic'}: {raw.get('message', '')}"
