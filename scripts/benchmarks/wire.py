"""What a streamed token costs on its way through a wire protocol's adapter, beside bare httpx on the same bytes."""

from __future__ import annotations

import asyncio
import gc
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import aclosing, asynccontextmanager
from pathlib import Path

import httpx

from agent_lsp.conversation.messages import UserMessage
from agent_lsp.models import Completed, Request
from agent_lsp.models.wire.http import new_client
from agent_lsp.models.wire.wire_model import WireModel
from tests.models.wires import KITS, Kit

from .bench import Bench, Side
from .client import BenchError
from .streams import TOKENS, Kind
from .table import Row

_PROJECT = Path(__file__).resolve().parents[2]
_MOST_OF_FLOOR = 2
_REQUEST = Request("Be brief.", (UserMessage("Talk."),), (), 2 * TOKENS)
Read = Callable[[], Awaitable[None]]


async def wire(bench: Bench) -> list[Row]:
    """CPU and wall time for each of 20,000 tokens: `WireModel.stream` to its last chunk, beside the floor.

    The floor is `aiter_lines` of the client that the daemon uses, each line thrown away: no event is put together,
    no JSON read, no silence timed. Both read the same stream, in turn, from a server in a process of its own.
    """
    rows = []
    async with _serving() as url:
        for kind in Kind:
            for kit in KITS.values():
                rows += await _compared(f"wire {kit.wire.protocol}, {kind}", kit, f"{url}/{kind}", bench.runs)
    return rows


async def _compared(name: str, kit: Kit, url: str, runs: int) -> list[Row]:
    model, client = kit.model(url), new_client()
    reads: dict[Side, Read] = {Side.OURS: lambda: _ours(model), Side.FLOOR: lambda: _floor(client, url + kit.wire.path)}
    busy: dict[Side, list[float]] = {side: [] for side in Side}
    wall: dict[Side, list[float]] = {side: [] for side in Side}
    for run in range(runs + 1):
        for side in Side:
            cpu, seconds = await _microseconds_a_token(reads[side])
            if run:  # the very first of each only opens the connection
                busy[side].append(cpu)
                wall[side].append(seconds)
    await model.close()
    await client.aclose()
    return [
        Row(f"{name}: CPU a token", busy[Side.OURS], busy[Side.FLOOR], "µs", most_of_floor=_MOST_OF_FLOOR),
        Row(f"{name}: wall a token", wall[Side.OURS], wall[Side.FLOOR], "µs", most_of_floor=_MOST_OF_FLOOR),
    ]


async def _microseconds_a_token(read: Read) -> tuple[float, float]:
    """CPU time of this process, and time by the clock."""
    gc.collect()
    cpu, began = time.process_time_ns(), time.perf_counter_ns()
    await read()
    ended, cpu_ended = time.perf_counter_ns(), time.process_time_ns()
    return (cpu_ended - cpu) / 1e3 / TOKENS, (ended - began) / 1e3 / TOKENS


async def _ours(model: WireModel) -> None:
    tokens = 0
    async with aclosing(model.stream(_REQUEST)) as chunks:
        async for chunk in chunks:
            if isinstance(chunk, Completed):
                tokens = chunk.message.usage.output_tokens
    if tokens != TOKENS:
        raise BenchError(f"of {TOKENS} tokens {tokens} were counted")


async def _floor(client: httpx.AsyncClient, url: str) -> None:
    lines = 0
    async with client.stream("POST", url, content=b"{}") as response:
        async for _ in response.aiter_lines():
            lines += 1
    if lines < 2 * TOKENS:
        raise BenchError(f"of {TOKENS} events and their empty lines {lines} came")


@asynccontextmanager
async def _serving() -> AsyncIterator[str]:
    argv = (sys.executable, "-m", "scripts.benchmarks.streams")
    server = await asyncio.create_subprocess_exec(*argv, cwd=_PROJECT, stdout=asyncio.subprocess.PIPE)
    try:
        assert server.stdout
        port = await server.stdout.readline()
        if not port:
            raise BenchError("the server of streams did not start")
        yield f"http://127.0.0.1:{int(port)}"
    finally:
        if server.returncode is None:
            server.terminate()
        await server.wait()
