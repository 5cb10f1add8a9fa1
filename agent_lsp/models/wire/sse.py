"""Server-sent events: bytes off the wire → the text of each event's data."""

from __future__ import annotations

from agent_lsp.models import BadResponse

_MOST = 32 << 20
"""Bytes that one line, or one event, may have: more is no answer of a language model."""
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


class SseDecoder:
    """Feeds on bytes cut anywhere; splits on CR LF, LF or CR as the HTML standard says (section 9.2)."""

    def __init__(self) -> None:
        self._begun: list[bytes] = []
        self._begun_bytes = 0
        self._after_cr = False
        self._first = True
        self._data: list[str] = []
        self._data_bytes = 0

    def feed(self, piece: bytes) -> list[str]:
        """The events that `piece` completed. Raises BadResponse when a line or an event has no end."""
        if self._after_cr and piece:  # its line ended with the CR
            piece, self._after_cr = piece.removeprefix(b"\n"), False
        if not piece:
            return []
        lines = piece.splitlines()  # of bytes: at LF, CR LF and CR alone
        rest = b"" if piece.endswith((b"\n", b"\r")) else lines.pop()
        self._after_cr = piece.endswith(b"\r")
        if lines and (self._begun or self._first):
            lines[0] = self._whole(lines[0])
        if rest:
            self._begin(rest)
        return self._events(lines)

    def end(self) -> list[str]:
        """The event that the end of the stream completes, for servers that leave out the last empty line."""
        return self._events([self._whole(b""), b""])

    def _begin(self, rest: bytes) -> None:
        self._begun.append(rest)
        self._begun_bytes += len(rest)
        if self._begun_bytes > _MOST:
            raise BadResponse("the provider sent a line of more than 32 MB")

    def _whole(self, end: bytes) -> bytes:
        line = b"".join((*self._begun, end))
        self._begun, self._begun_bytes = [], 0
        if self._first:
            self._first, line = False, line.removeprefix(_BYTE_ORDER_MARK)
        return line

    def _events(self, lines: list[bytes]) -> list[str]:
        events = []
        for line in lines:
            if line.startswith(b"data:"):
                self._add(line[5:].removeprefix(b" "))
            elif not line and self._data:
                events.append("\n".join(self._data))
                self._data, self._data_bytes = [], 0
        return events

    def _add(self, data: bytes) -> None:
        self._data.append(data.decode("utf-8", "replace"))
        self._data_bytes += len(data) + 1
        if self._data_bytes > _MOST:
            raise BadResponse("the provider sent an event of more than 32 MB")
