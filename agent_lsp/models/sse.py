"""Server-sent events: bytes off the wire → the text of each event's data."""

from __future__ import annotations

from agent_lsp.models import BadResponse

_MOST = 32 << 20
"""Bytes that one line may have: more is no answer of a language model."""


class SseDecoder:
    """Feeds on bytes cut anywhere; splits on CR LF, LF or CR as the HTML standard says (section 9.2)."""

    def __init__(self) -> None:
        self._rest = b""
        self._data: list[str] = []

    def feed(self, piece: bytes) -> list[str]:
        """The events that `piece` completed. Raises BadResponse when a line has no end."""
        *lines, self._rest = (self._rest + piece).replace(b"\r\n", b"\n").split(b"\n")
        if len(self._rest) > _MOST:
            raise BadResponse("the provider sent a line of more than 32 MB")
        return [event for line in lines if (event := self._line(line.rstrip(b"\r"))) is not None]

    def end(self) -> list[str]:
        """The event that the end of the stream completes, for servers that leave out the last empty line."""
        events = [self._line(self._rest.rstrip(b"\r")), self._line(b"")]
        self._rest = b""
        return [event for event in events if event is not None]

    def _line(self, line: bytes) -> str | None:
        if not line:
            data, self._data = self._data, []
            return "\n".join(data) if data else None
        if line.startswith(b"data:"):
            self._data.append(line[5:].removeprefix(b" ").decode("utf-8", "replace"))
        return None
