"""One request to an endpoint, with all that came back of it: bytes and times, and what the adapter read in them."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import aclosing
from dataclasses import dataclass, field

import httpx

from agent_lsp.conversation.messages import AssistantMessage, Thinking, Usage
from agent_lsp.models import BadResponse, Completed, ModelError, Request, TextChunk, ThinkingChunk, TimedOut
from agent_lsp.models.wire.http import Endpoint, Patience, new_client
from agent_lsp.models.wire.sse import SseDecoder
from agent_lsp.models.wire.wire_model import Wire, WireModel

Json = dict[str, object]
_MOST_BYTES = 64 << 20
Clock = Callable[[], float]


@dataclass(frozen=True, slots=True)
class Exchange:
    """A request and its answer. `status` is 0 where none came; times are in seconds since it was sent.

    `end` is the answer as the adapter reads it, or its failure; None where we closed the connection.
    """

    request: Request
    status: int
    headers: Mapping[str, str]
    pieces: tuple[tuple[float, bytes], ...]
    shown: tuple[tuple[float, TextChunk | ThinkingChunk], ...]
    end: AssistantMessage | ModelError | None

    @property
    def answer(self) -> AssistantMessage | None:
        return self.end if isinstance(self.end, AssistantMessage) else None

    @property
    def error(self) -> ModelError | None:
        return self.end if isinstance(self.end, ModelError) else None

    @property
    def thoughts(self) -> tuple[Thinking, ...]:
        parts = self.answer.parts if self.answer else ()
        return tuple(part for part in parts if isinstance(part, Thinking))

    @property
    def first_seconds(self) -> float:
        """When the first bytes came; 0 where none did."""
        return self.pieces[0][0] if self.pieces else 0.0

    @property
    def usage(self) -> Usage:
        return self.answer.usage if self.answer else Usage()

    @property
    def read_tokens(self) -> int:
        """Tokens of the request as the endpoint counted them, those of its cache included."""
        return self.usage.input_tokens + self.usage.cache_read_tokens + self.usage.cache_write_tokens

    @property
    def body(self) -> bytes:
        """All that came, unpacked; empty where it cannot be."""
        raw = b"".join(piece for _, piece in self.pieces)
        try:
            return httpx.Response(200, headers=_packing(self.headers), content=raw).content
        except httpx.DecodingError:
            return b""

    @property
    def streamed(self) -> bool:
        """Whether it came as server-sent events."""
        return self.body.lstrip()[:1] not in {b"{", b"[", b"<"}

    @property
    def events(self) -> list[Json]:
        """The JSON objects of its events; a plain JSON answer is one."""
        return [value for data in self.data if isinstance(value := _parsed(data), dict)]

    @property
    def data(self) -> list[str]:
        """The data of each event, as text."""
        if not self.streamed:
            return [self.body.decode("utf-8", "replace")]
        decoder = SseDecoder()
        return [*decoder.feed(self.body), *decoder.end()]


def _packing(headers: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in headers.items() if name.lower() == "content-encoding"}


def _parsed(data: str) -> object:
    try:
        return json.loads(data)
    except (ValueError, RecursionError):
        return None


@dataclass
class _Tape:
    """What is heard on the line while one request is answered."""

    clock: Clock
    began: float
    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    pieces: list[tuple[float, bytes]] = field(default_factory=list)
    kept: int = 0

    @property
    def now(self) -> float:
        return self.clock() - self.began

    async def hear(self, response: httpx.Response) -> None:
        """The hook of the HTTP client: what follows passes through this tape."""
        self.status, self.headers = response.status_code, dict(response.headers)
        assert isinstance(response.stream, httpx.AsyncByteStream)  # noqa: S101 - an async client's always is
        response.stream = _Heard(response.stream, self)

    def keep(self, piece: bytes) -> None:
        """Raises BadResponse for more than an answer can have: comments between events are no end to it."""
        self.pieces.append((self.now, piece))
        self.kept += len(piece)
        if self.kept > _MOST_BYTES:
            raise BadResponse("it does not stop: it sent more than 64 MB")


class _Heard(httpx.AsyncByteStream):
    def __init__(self, stream: httpx.AsyncByteStream, tape: _Tape) -> None:
        self._stream, self._tape = stream, tape

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for piece in self._stream:
            self._tape.keep(piece)
            yield piece

    async def aclose(self) -> None:
        await self._stream.aclose()


@dataclass(frozen=True, slots=True)
class Connection:
    """An endpoint and how it is spoken to; `longest` are the seconds that one answer may take, to its last word."""

    wire: Wire
    endpoint: Endpoint
    model: str
    patience: Patience = Patience(120, 60)
    longest: float = 600.0
    clock: Clock = time.monotonic

    async def ask(self, request: Request, *, leave: bool = False) -> Exchange:
        """Sends one request over a connection of its own; with `leave`, hangs up at the first words."""
        tape, shown = _Tape(self.clock, self.clock()), []
        client = new_client()
        client.event_hooks = {"response": [tape.hear]}
        model = WireModel(self.wire, self.endpoint, self.model, context_window=0, patience=self.patience, client=client)
        end: AssistantMessage | ModelError | None = None
        try:
            async with asyncio.timeout(self.longest), aclosing(model.stream(request)) as chunks:
                async for chunk in chunks:
                    match chunk:
                        case Completed():
                            end = chunk.message
                        case TextChunk() | ThinkingChunk():
                            shown.append((tape.now, chunk))
                    if leave and shown:
                        break
        except TimeoutError:
            end = TimedOut(f"its answer had no end within {self.longest:g} s")
        except ModelError as error:
            end = error
        finally:
            await model.close()
        return Exchange(request, tape.status, tape.headers, tuple(tape.pieces), tuple(shown), end)
