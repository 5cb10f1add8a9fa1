"""argv → the figures asked for → one table. It prints and asserts nothing."""

from __future__ import annotations

import argparse
import asyncio
import os
import platform
import sys
import time
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from . import checkpoints, resources, turns, workspace
from . import sandbox as sandboxes
from .bench import Bench, Others, make_workspace, milliseconds
from .client import BenchError
from .mock import Mock
from .table import Row, lines
from .wire import wire

FIGURES: dict[str, Callable[[Bench], Awaitable[list[Row]]]] = {
    "start": resources.start,
    "ask": turns.ask,
    "steps": turns.steps,
    "growth": turns.growth,
    "tokens": turns.tokens,
    "burst": turns.burst,
    "cancel": turns.cancel,
    "wire": wire,
    "memory": resources.memory,
    "sessions": resources.sessions,
    "stall": resources.stall,
    "checkpoint": checkpoints.checkpoint,
    "beneath": workspace.beneath,
    "many": workspace.many,
    "sandbox": sandboxes.sandbox,
    "size": resources.size,
}
_NOISE = 0.35
_SYNCS = 50


def main(argv: Sequence[str]) -> int:
    """Returns 0, also when an aim is missed: who judges reads the table."""
    parser = argparse.ArgumentParser(prog="scripts/bench", description="The daemon's own cost, beside the floor.")
    parser.add_argument("figures", nargs="*", metavar="FIGURE", help=f"of: {' '.join(FIGURES)} (default: all)")
    parser.add_argument("--runs", type=int, default=5, metavar="N", help="how often each is taken (default: 5)")
    words = parser.parse_args(argv)
    if unknown := [name for name in words.figures if name not in FIGURES]:
        parser.error(f"no figure '{unknown[0]}'; figures are: {', '.join(FIGURES)}")
    asyncio.run(_bench(words.figures or list(FIGURES), max(1, words.runs)))
    return 0


async def _bench(names: Sequence[str], runs: int) -> None:
    mock = Mock()
    with TemporaryDirectory(prefix="agent-lsp-bench-") as folder:
        bench = Bench(mock, await mock.open(), Path(folder), runs)
        make_workspace(bench.workspace)
        print(f"Python {platform.python_version()}, {os.cpu_count()} cores, {runs} runs", end="")
        print(f", fsync of the folder used: {_sync_milliseconds(bench.folder):.2f} ms\n")
        rows = [row for name in names for row in await _figure(name, bench)]
    mock.close()
    print(*lines(rows), sep="\n")


async def _figure(name: str, bench: Bench) -> list[Row]:
    print(f"{name} …", end=" ", flush=True, file=sys.stderr)
    others, began = Others(), time.monotonic()
    try:
        rows = await FIGURES[name](bench)
    except BenchError as error:
        rows = [Row(name, note=f"failed: {error}")]
    busy = others.cores()
    print(f"{time.monotonic() - began:.0f} s{_noise(busy)}", file=sys.stderr)
    return rows


def _noise(busy: float | None) -> str:
    if busy is None:
        return ""
    return f", others used {busy:.2f} cores" + (": NOISY, take it again" if busy > _NOISE else "")


def _sync_milliseconds(folder: Path) -> float:
    """The median of what it costs to have a few bytes on disk: the journal does that before each request."""
    taken = []
    with (folder / "sync").open("wb", buffering=0) as file:
        for _ in range(_SYNCS):
            began = time.monotonic_ns()
            file.write(b"x" * 200)
            os.fsync(file.fileno())
            taken.append(milliseconds(time.monotonic_ns() - began))
    return median(taken)
