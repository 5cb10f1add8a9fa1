"""Server-sent events: bytes off the wire → the text of each event's data."""

from __future__ import annotations

import re

from agent_lsp.models import BadResponse

_LINE_END = re.compile(rb"\r\n|\n|\r")
_MOST = 32 << 20
"""Bytes that one line may have: more is no answer of a language model."""


class SseDecoder:
    """Feeds on bytes cut anywhere; splits on CR LF, LF or CR as the HTML standard says (section 9.2)."""

    def __init__(self) -> None:
        self._line_parts: list[bytes] = []
        self._after_cr = False
        self._first = True
        self._data: list[str] = []

    def feed(self, piece: bytes) -> list[str]:
        """The events that `piece` completed. Raises BadResponse when a line has no end."""
        if not piece:
            return []
        if self._after_cr:  # its line ended with the CR
            piece = piece.removeprefix(b"\n")
        self._after_cr = piece.endswith(b"\r")
        *ends, rest = _LINE_END.split(piece)
        events = [self._line(self._taken(end)) for end in ends]
        self._line_parts.append(rest)
        if sum(map(len, self._line_parts)) > _MOST:
            raise BadResponse("the provider sent a line of more than 32 MB")
        return [event for event in events if event is not None]

    def end(self) -> list[str]:
        """The event that the end of the stream completes, for servers that leave out the last empty line."""
        events = [self._line(self._taken(b"")), self._line(b"")]
        return [event for event in events if event is not None]

    def _taken(self, end: bytes) -> bytes:
        parts, self._line_parts = self._line_parts, []
        return b"".join(parts) + end

    def _line(self, line: bytes) -> str | None:
        if self._first:
            self._first, line = False, line.removeprefix(b"\xef\xbb\xbf")
        if not line:
            data, self._data = self._data, []
            return "\n".join(data) if data else None
        if line.startswith(b"data:"):
            self._data.append(line[5:].removeprefix(b" ").decode("utf-8", "replace"))
        return None
