"""A server of long streams, for a process of its own: each wire protocol's answer of many tokens, written beforehand.

Run as a module; it prints its port and serves until it is ended. The path's first part is the kind of answer, its end
that of a protocol. Each event is an HTTP chunk, as providers send them; all of them are written at once.
"""

from __future__ import annotations

import asyncio
from enum import StrEnum

from tests.models.wires import KITS, Call, Kit, Said, Words

TOKENS = 20_000
_HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"


class Kind(StrEnum):
    """What the tokens of a stream are: words, or fragments of the arguments of one tool call."""

    TEXT = "text"
    ARGUMENTS = "arguments"


def answer(kind: Kind) -> Said:
    """The answer of a stream."""
    words = [f"t{number:05d} " for number in range(TOKENS)]
    if kind is Kind.TEXT:
        return Said((Words(words),), output=TOKENS)
    return Said((Call("call_1", "write_file", ['{"content":"', *words[2:], '"}']),), "tools", output=TOKENS)


def _body(kit: Kit, kind: Kind) -> bytes:
    return b"".join(b"%x\r\n%b\r\n" % (len(event), event) for event in kit.streamed(answer(kind))) + b"0\r\n\r\n"


class _Connection(asyncio.Protocol):
    def __init__(self, bodies: dict[bytes, bytes]) -> None:
        self._bodies, self._asked = bodies, bytearray()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._asked += data
        if self._asked.endswith(b"}"):  # the end of its body: one request at a time, and small
            path = bytes(self._asked).split(b" ", 2)[1]
            self._asked.clear()
            self._transport.write(_HEAD + self._bodies[path])


async def _serve() -> None:
    bodies = {f"/{kind}{kit.wire.path}".encode(): _body(kit, kind) for kit in KITS.values() for kind in Kind}
    server = await asyncio.get_running_loop().create_server(lambda: _Connection(bodies), "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(_serve())
