"""A chat-completions server on loopback that answers as it is told, and notes when: a model that takes no time."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

Json = dict[str, Any]  # Any: a JSON tree

_HEAD = (
    b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ncache-control: no-cache\r\n"
    b"transfer-encoding: chunked\r\n\r\n"
)
_TOKENS_AT_ONCE = 50


@dataclass(frozen=True, slots=True)
class Tokens:
    """An answer of numbered tokens, `gap` seconds apart; without a gap they come as fast as they can be written."""

    count: int
    gap: float = 0


@dataclass(frozen=True, slots=True)
class Call:
    """An answer that calls one tool."""

    tool: str
    arguments: Mapping[str, object]


Answer = Tokens | Call
Plan = Callable[[int], Answer]
"""The answer to the request with this number, counted from 0 in each plan."""


def _unset() -> asyncio.Future[int]:
    return asyncio.get_running_loop().create_future()


@dataclass(slots=True)
class Exchange:
    """One request and its answer, with moments in nanoseconds of the monotonic clock."""

    received: int
    request_bytes: int
    first: int = 0
    last: int = 0
    tokens: list[int] = field(default_factory=list)
    closed: asyncio.Future[int] = field(default_factory=_unset)


def token(number: int) -> str:
    return f"t{number:05d} "


class Mock:
    """The server. `answer` sets what it answers from now on; `requests` has each exchange as its request comes."""

    def __init__(self) -> None:
        self._plan: Plan = lambda _: Tokens(1)
        self.requests: asyncio.Queue[Exchange] = asyncio.Queue()
        self._server: asyncio.Server | None = None
        self._count = 0

    async def open(self) -> str:
        """Listens; the base URL for clients."""
        self._server = await asyncio.get_running_loop().create_server(lambda: _Connection(self), "127.0.0.1", 0)
        return f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}/v1"

    def close(self) -> None:
        if self._server:
            self._server.close()

    def answer(self, plan: Plan) -> None:
        """Answers by `plan`; its requests are counted from 0, and older ones are forgotten."""
        self._plan, self.requests, self._count = plan, asyncio.Queue(), 0

    def begin(self, received: int, request_bytes: int) -> tuple[Exchange, Answer]:
        exchange, answer = Exchange(received, request_bytes), self._plan(self._count)
        self._count += 1
        self.requests.put_nowait(exchange)
        return exchange, answer


class _Connection(asyncio.Protocol):
    def __init__(self, mock: Mock) -> None:
        self._mock = mock
        self._buffer, self._awaited = bytearray(), -1
        self._exchange: Exchange | None = None
        self._task: asyncio.Task[None] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def connection_lost(self, _: Exception | None) -> None:
        now = time.monotonic_ns()
        if self._exchange and not self._exchange.closed.done():
            self._exchange.closed.set_result(now)
        if self._task:
            self._task.cancel()

    def data_received(self, data: bytes) -> None:
        now = time.monotonic_ns()
        self._buffer += data
        if self._awaited < 0:
            head, end, _ = bytes(self._buffer).partition(b"\r\n\r\n")
            if not end:
                return
            self._awaited = len(head) + len(end) + _content_length(head)
        if len(self._buffer) >= self._awaited:
            del self._buffer[: self._awaited]
            exchange, answer = self._mock.begin(now, self._awaited)
            self._exchange, self._awaited = exchange, -1
            self._task = asyncio.create_task(self._reply(exchange, answer))

    async def _reply(self, exchange: Exchange, answer: Answer) -> None:
        exchange.first = time.monotonic_ns()
        self._transport.write(_HEAD)
        match answer:
            case Call():
                self._transport.write(_chunk(_called(answer)) + _end("tool_calls"))
            case Tokens(count, 0):
                await self._burst(exchange, count)
            case Tokens(count, gap):
                await self._stream(exchange, count, gap)
        exchange.last = time.monotonic_ns()

    async def _burst(self, exchange: Exchange, count: int) -> None:
        chunks = [_chunk({"content": token(number)}) for number in range(count)]
        for start in range(0, count, _TOKENS_AT_ONCE):
            exchange.tokens += [time.monotonic_ns()] * len(chunks[start : start + _TOKENS_AT_ONCE])
            self._transport.write(b"".join(chunks[start : start + _TOKENS_AT_ONCE]))
            await asyncio.sleep(0)
        self._transport.write(_end("stop"))

    async def _stream(self, exchange: Exchange, count: int, gap: float) -> None:
        for number in range(count):
            await asyncio.sleep(gap)
            if self._transport.is_closing():
                return
            chunk = _chunk({"content": token(number)})
            exchange.tokens.append(time.monotonic_ns())
            self._transport.write(chunk)
        self._transport.write(_end("stop"))


def _content_length(head: bytes) -> int:
    fields = dict(line.lower().split(b":", 1) for line in head.split(b"\r\n")[1:])
    return int(fields.get(b"content-length", 0))


def _called(call: Call) -> Json:
    function = {"name": call.tool, "arguments": json.dumps(call.arguments)}
    identity = f"call_{time.monotonic_ns()}"
    return {"tool_calls": [{"index": 0, "id": identity, "type": "function", "function": function}]}


def _chunk(delta: Json, finish: str | None = None, **more: object) -> bytes:
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    event = {"id": "bench", "object": "chat.completion.chunk", "model": "bench", "choices": [choice], **more}
    return _framed(b"data: " + json.dumps(event).encode() + b"\n\n")


def _end(finish: str) -> bytes:
    usage = {"prompt_tokens": 100, "completion_tokens": 10, "total_tokens": 110}
    return _chunk({}, finish, usage=usage) + _framed(b"data: [DONE]\n\n") + b"0\r\n\r\n"


def _framed(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)
