"""A light LSP client: frames off a pipe, each stamped when its bytes arrive; approvals answered at once."""

from __future__ import annotations

import asyncio
import json
import os
import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

Json = dict[str, Any]  # Any: a JSON tree

_TOKEN = re.compile(r"t(\d{5}) ")
_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Answer:
    """The answer to a request, and when it came (nanoseconds of the monotonic clock)."""

    result: Any  # Any: the daemon's JSON
    at: int


class BenchError(Exception):
    """A figure could not be taken; the message says why."""


class Client(asyncio.SubprocessProtocol):
    """One daemon with its client. `seen` has the moment at which each numbered token of the turn was shown."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._buffer = bytearray()
        self._number = 0
        self._answers: dict[int, asyncio.Future[Answer]] = {}
        self._exited = asyncio.Event()
        self._ended = asyncio.Event()
        self._stop_reason = ""
        self.spawned = 0
        self.seen: dict[int, int] = {}
        self.stderr = b""

    @classmethod
    async def spawn(cls, argv: Sequence[str], environment: Mapping[str, str], folder: Path) -> Client:
        """Starts the program; `spawned` is the moment before."""
        client, spawned = cls(folder), time.monotonic_ns()
        loop = asyncio.get_running_loop()
        await loop.subprocess_exec(lambda: client, *argv, env=dict(environment), cwd=folder)
        client.spawned = spawned
        return client

    @property
    def pid(self) -> int:
        return int(self._transport.get_pid() or 0)

    async def initialize(self) -> Answer:
        """The handshake up to `initialized`; the answer to `initialize`."""
        uri = self._folder.as_uri()
        answer = await self.request(
            "initialize",
            {
                "processId": os.getpid(),
                "rootUri": uri,
                "workspaceFolders": [{"uri": uri, "name": self._folder.name}],
                "capabilities": {},
                "initializationOptions": {"agent": {"protocol": 1, "events": True, "approvals": True}},
            },
        )
        self._send({"method": "initialized", "params": {}})
        return answer

    async def command(self, name: str, argument: Json) -> Answer:
        return await self.request("workspace/executeCommand", {"command": name, "arguments": [argument]})

    async def request(self, method: str, params: Json | None) -> Answer:
        """Raises BenchError when the daemon dies or says nothing for a minute."""
        self._number += 1
        answer: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self._answers[self._number] = answer
        self._send({"id": self._number, "method": method, "params": params})
        answered: Answer = await self._timely(answer, method)
        return answered

    async def ask(self, prompt: str, **more: object) -> int:
        """Begins a turn; the moment before it was sent."""
        self.seen.clear()
        self._ended.clear()
        sent = time.monotonic_ns()
        await self.command("agent.ask", {"prompt": prompt, **more})
        return sent

    async def turn_ended(self) -> str:
        """Waits for the turn's end; its stop reason. Raises BenchError."""
        await self._timely(self._ended.wait(), "the turn")
        if self._stop_reason == "failed":
            raise BenchError("a turn failed")
        return self._stop_reason

    async def stop(self) -> None:
        """By the book, and by force if that does not end it."""
        if not self._exited.is_set():
            await self.request("shutdown", None)
            self._send({"method": "exit", "params": None})
        try:
            await asyncio.wait_for(self._exited.wait(), 5)
        except TimeoutError:
            self._transport.kill()
            await self._exited.wait()
        self._transport.close()

    async def _timely(self, awaited: Any, what: str) -> Any:  # Any: what asyncio.wait_for takes and returns
        try:
            return await asyncio.wait_for(awaited, _SECONDS)
        except TimeoutError:
            said = self.stderr.decode(errors="replace")[-1000:]
            raise BenchError(f"{what}: nothing within {_SECONDS:g} s. {said}") from None

    def _send(self, message: Json) -> None:
        body = json.dumps({"jsonrpc": "2.0", **message}).encode()
        self._input.write(b"Content-Length: %d\r\n\r\n" % len(body) + body)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.SubprocessTransport)
        self._transport = transport
        pipe = transport.get_pipe_transport(0)
        assert isinstance(pipe, asyncio.WriteTransport)
        self._input = pipe

    def process_exited(self) -> None:
        self._exited.set()
        words = (
            f"the daemon ended with {self._transport.get_returncode()}. {self.stderr.decode(errors='replace')[-1000:]}"
        )
        for answer in self._answers.values():
            if not answer.done():
                answer.set_exception(BenchError(words))

    def pipe_data_received(self, fd: int, data: bytes) -> None:
        now = time.monotonic_ns()
        if fd != 1:
            self.stderr += data
            return
        self._buffer += data
        start = 0
        while (end := self._buffer.find(b"\r\n\r\n", start)) >= 0:
            length = _content_length(self._buffer[start:end])
            if len(self._buffer) < end + 4 + length:
                break
            self._take(json.loads(self._buffer[end + 4 : end + 4 + length]), now)
            start = end + 4 + length
        del self._buffer[:start]

    def _take(self, message: Json, now: int) -> None:
        match message:
            case {"method": "agent/event", "params": event}:
                self._event(event, now)
            case {"method": "agent/requestApproval", "id": number}:
                self._send({"id": number, "result": {"decision": "allow_session"}})
            case {"method": _, "id": number}:
                self._send({"id": number, "error": {"code": -32601, "message": "not here"}})
            case {"id": int(number)} if number in self._answers:
                self._answered(self._answers.pop(number), message, now)

    def _answered(self, answer: asyncio.Future[Answer], message: Json, now: int) -> None:
        if answer.done():
            return
        if "error" in message:
            answer.set_exception(BenchError(message["error"]["message"]))
        else:
            answer.set_result(Answer(message.get("result"), now))

    def _event(self, event: Json, now: int) -> None:
        if event["kind"] == "textDelta":
            for number in _TOKEN.findall(event["text"]):
                self.seen[int(number)] = now
        elif event["kind"] == "turnFinished":
            self._stop_reason = event.get("stopReason", "")
            self._ended.set()


def _content_length(header: bytes | bytearray) -> int:
    match = re.search(rb"content-length:\s*(\d+)", bytes(header), re.IGNORECASE)
    if match is None:
        raise BenchError(f"the daemon wrote something that is no frame: {bytes(header[:200])!r}")
    return int(match[1])
