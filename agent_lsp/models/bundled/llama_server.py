"""llama.cpp in a child process: started when first asked, reached through a unix socket with a key."""

from __future__ import annotations

import asyncio
import json
import os
import secrets
import shutil
import sys
import tempfile
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from dataclasses import dataclass
from pathlib import Path

import httpx

from agent_lsp.models import NoModel
from agent_lsp.models.bundled.download import LLAMA_MISSING
from agent_lsp.models.wire.http import CONNECT_SECONDS, Endpoint, post_events
from agent_lsp.processes.run import Processes, environment

_HOST = "bundled-model"
_SOCKET = "s.sock"  # llama.cpp takes only what ends so for a unix socket
_MOST_SOCKET_BYTES = 103
"""`sun_path` has 108 bytes on Linux and 104 on macOS, the ending NUL among them (unix(7), unix(4))."""
_START_SECONDS = 120.0
_CHILD = Path(__file__).with_name("llama_child.py")


@dataclass(frozen=True, slots=True)
class Running:
    """A live server: its process, the folder of its socket, its key and the client that reaches it."""

    process: asyncio.subprocess.Process
    socket: Path
    key: str
    client: httpx.AsyncClient


class LlamaServer:
    """The child process. It dies with this one; its folder is its owner's only; no TCP port is opened."""

    def __init__(self, model_file: Path, state_dir: Path, window: int, processes: Processes) -> None:
        self._model_file, self._state_dir, self._window = model_file, state_dir, window
        self._processes = processes
        self._running: Running | None = None
        self._starting = asyncio.Lock()

    @property
    def running(self) -> Running | None:
        """The server, where it was started and has not died since."""
        alive = self._running and self._running.process.returncode is None
        return self._running if alive else None

    async def events(self, body: Mapping[str, object]) -> AsyncGenerator[str, None]:
        """The data of each event of an answer to a chat completion. Raises ModelError.

        Closing the generator closes the connection, which stops llama.cpp.
        """
        running = await self._start()
        endpoint = Endpoint(f"http://{_HOST}/v1", {"authorization": f"Bearer {running.key}"})
        async with aclosing(post_events(running.client, endpoint, "/chat/completions", body)) as events:
            async for event in events:
                yield event

    async def close(self) -> None:
        """Ends the child."""
        async with self._starting:
            running, self._running = self._running, None
            if running:
                await running.client.aclose()
                await self._processes.stop(running.process)
                shutil.rmtree(running.socket.parent, ignore_errors=True)

    async def _start(self) -> Running:
        async with self._starting:
            if self.running:
                return self.running
            if self._running:
                await self._running.client.aclose()
                shutil.rmtree(self._running.socket.parent, ignore_errors=True)
            self._running = await self._started()
            return self._running

    async def _started(self) -> Running:
        if not self._model_file.is_file():
            raise NoModel(f"the bundled model is not installed ({self._model_file}): run `agent-lsp model install`")
        socket, key = socket_folder(self._state_dir) / _SOCKET, secrets.token_urlsafe(32)
        orders = {"model": str(self._model_file), "socket": str(socket), "key": key, "window": self._window}
        process = None
        try:
            # -P: else a file in the folder where the daemon was started could stand in for a library.
            process = await self._processes.start([sys.executable, "-P", str(_CHILD)], env=environment())
            _judge(await _answer(process, orders))
        except BaseException:
            if process:
                await asyncio.shield(self._processes.stop(process))
            shutil.rmtree(socket.parent, ignore_errors=True)
            raise
        return Running(process, socket, key, _client(socket))


def socket_folder(state_dir: Path) -> Path:
    """A new folder, its owner's only, in `state_dir`; in the system's temporary one if paths get too long."""
    state_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    folder = Path(tempfile.mkdtemp(dir=state_dir, prefix="llama-"))
    if len(os.fsencode(folder / _SOCKET)) <= _MOST_SOCKET_BYTES:
        return folder
    folder.rmdir()
    return Path(tempfile.mkdtemp(prefix="agent-lsp-"))


async def _answer(process: asyncio.subprocess.Process, orders: Mapping[str, object]) -> dict[str, str]:
    assert process.stdin  # noqa: S101 - a pipe was asked for
    assert process.stdout  # noqa: S101 - likewise
    try:
        process.stdin.write(json.dumps(orders).encode() + b"\n")
        async with asyncio.timeout(_START_SECONDS):
            line = await process.stdout.readline()
    except TimeoutError:
        return {"failed": f"it was not ready after {_START_SECONDS:.0f} s"}
    if not line:
        return {"failed": f"it ended with code {await process.wait()}"}
    answer: dict[str, str] = json.loads(line)
    return answer


def _judge(answer: Mapping[str, str]) -> None:
    if "missing" in answer:
        raise NoModel(f"{LLAMA_MISSING} ({answer['missing']})")
    if "failed" in answer:
        raise NoModel(
            f"llama.cpp could not start with the bundled model: {answer['failed']} "
            "(`agent-lsp model install` checks the file and fetches it anew)"
        )


def _client(socket: Path) -> httpx.AsyncClient:
    # No connection is kept: llama.cpp closes idle ones, and a request that crosses that is lost.
    transport = httpx.AsyncHTTPTransport(uds=str(socket), limits=httpx.Limits(max_keepalive_connections=0))
    return httpx.AsyncClient(transport=transport, timeout=httpx.Timeout(None, connect=CONNECT_SECONDS))
