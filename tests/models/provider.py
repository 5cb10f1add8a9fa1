"""A provider on loopback: says, byte by byte, what a test tells it to, and remembers what it was asked."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any, Self


class Hang:
    """Says nothing more and keeps the connection."""


class Disconnect:
    """Closes the connection in the middle."""


@dataclass(frozen=True)
class Reply:
    """One answer: the body in pieces, each flushed, with pauses in seconds, a hang or a disconnect between them.

    Without a `head` not even the status is sent.
    """

    pieces: Sequence[bytes | float | type[Hang] | type[Disconnect]] = ()
    status: int = 200
    headers: dict[str, str] = field(default_factory=lambda: {"content-type": "text/event-stream"})
    chunked: bool = True
    head: bool = True


@dataclass
class Asked:
    """One request as it came. `gone` is set when the client closes the connection."""

    line: str
    headers: dict[str, str]
    body: dict[str, Any]
    connection: int
    gone: asyncio.Event = field(default_factory=asyncio.Event)


def plain(value: object, status: int = 200) -> Reply:
    """An answer that is no stream."""
    return Reply((json.dumps(value).encode(),), status, {"content-type": "application/json"})


class Provider:
    """Answers each request with the next reply, or what makes one of the request; with the last one for ever."""

    def __init__(self, *replies: Reply | Callable[[Asked], Reply]) -> None:
        self.asked: list[Asked] = []
        self.url = ""
        self._replies = list(replies)
        self._connections = 0
        self._tasks: set[asyncio.Task[None]] = set()

    async def wait_asked(self, count: int) -> None:
        """Until so many requests came."""
        while len(self.asked) < count:
            await asyncio.sleep(0.001)

    def reply_to(self, asked: Asked) -> Reply:
        """What is answered."""
        planned = self._replies.pop(0) if len(self._replies) > 1 else self._replies[0]
        return planned if isinstance(planned, Reply) else planned(asked)

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[Self]:
        server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"
        try:
            yield self
        finally:
            server.close()
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task
        self._tasks.add(task)
        self._connections += 1
        number = self._connections
        try:
            with suppress(
                ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError
            ):  # asyncio logs the last
                while await self._answer(reader, writer, number):
                    pass
        finally:
            writer.close()
            with suppress(ConnectionError, asyncio.CancelledError):
                await writer.wait_closed()
            self._tasks.discard(task)

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, number: int) -> bool:
        line, *raw = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").rstrip().split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (one.partition(":") for one in raw)}
        body = json.loads(await reader.readexactly(int(headers.get("content-length", 0))) or b"null")
        self.asked.append(asked := Asked(line, headers, body, number))
        reply = self.reply_to(asked)
        sending = asyncio.create_task(_send(writer, reply))
        leaving = asyncio.create_task(reader.read(1))
        await asyncio.wait({sending, leaving}, return_when=asyncio.FIRST_COMPLETED)
        if not sending.done():  # the client has nothing to say now: it left
            asked.gone.set()
        for task in (sending, leaving):
            task.cancel()
        results = await asyncio.gather(sending, leaving, return_exceptions=True)
        return results[0] is True and reply.chunked


async def _send(writer: asyncio.StreamWriter, reply: Reply) -> bool:
    ends = {"transfer-encoding": "chunked"} if reply.chunked else {"connection": "close"}
    head = "".join(f"{name}: {value}\r\n" for name, value in {**reply.headers, **ends}.items())
    writer.write(f"HTTP/1.1 {reply.status} Status\r\n{head}\r\n".encode("latin-1") if reply.head else b"")
    for piece in reply.pieces:
        match piece:
            case bytes():
                writer.write(b"%x\r\n%s\r\n" % (len(piece), piece) if reply.chunked else piece)
                await writer.drain()
                await asyncio.sleep(0)
            case float() | int():
                await asyncio.sleep(piece)
            case _ if piece is Hang:
                await asyncio.Event().wait()
            case _:
                return False
    writer.write(b"0\r\n\r\n" if reply.chunked else b"")
    await writer.drain()
    return True


def event(**fields: object) -> bytes:
    """One server-sent event with these fields as JSON."""
    return f"data: {json.dumps(fields, ensure_ascii=False)}\n\n".encode()


def delta(finish: str | None = None, **fields: object) -> bytes:
    """One event with a delta."""
    return event(choices=[{"index": 0, "delta": fields, "finish_reason": finish}])


DONE = b"data: [DONE]\n\n"
HELLO = (delta(role="assistant", content=""), delta(content="Hel"), delta(content="lo"), delta("stop"), DONE)
