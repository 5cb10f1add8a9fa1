"""Figures of the process: its start, its memory, its stalls, its installed size."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import time
import venv
from pathlib import Path

from .bench import Bench, Side, milliseconds
from .client import Client
from .mock import Call, Tokens
from .table import Row

_PROJECT = Path(__file__).resolve().parents[2]
_START_RUNS = 3
_LARGE = "large.txt"
_LARGE_BYTES = 20_000_000
_BETWEEN_PINGS = 0.005
_INSTALL_SECONDS = 300
_FEW_SESSIONS, _MANY_SESSIONS = 10, 1_000
_SESSION_RUNS = 2


async def start(bench: Bench) -> list[Row]:
    """Spawn → `initialize` answered, one after the other; the very first of each only fills the caches."""
    taken: dict[Side, list[float]] = {side: [] for side in Side}
    for _ in range(bench.runs * _START_RUNS + 1):
        for side in Side:
            async with bench.spawned(side) as client:
                answer = await client.initialize()
                taken[side].append(milliseconds(answer.at - client.spawned))
    ours, floor = taken[Side.OURS][1:], taken[Side.FLOOR][1:]
    return [Row("spawn → initialize answered", ours, floor, most_of_floor=1.15)]


async def memory(bench: Bench) -> list[Row]:
    """Resident memory two seconds after one turn (VmRSS of the daemon's own process)."""
    taken: dict[Side, list[float]] = {side: [] for side in Side}
    try:
        for _ in range(bench.runs):
            for side in Side:
                async with bench.running(side) as client:
                    await asyncio.sleep(2)
                    taken[side].append(_resident_megabytes(client.pid))
    except FileNotFoundError:
        return [Row("resident after one turn", note="skipped: there is no /proc here")]
    return [Row("resident after one turn", taken[Side.OURS], taken[Side.FLOOR], "MB", most=70)]


async def sessions(bench: Bench) -> list[Row]:
    """Resident memory after a turn in each of ten sessions, and after a turn in each of a thousand."""
    taken: dict[int, list[float]] = {_FEW_SESSIONS: [], _MANY_SESSIONS: []}
    try:
        for _ in range(min(bench.runs, _SESSION_RUNS)):
            async with bench.running(Side.OURS) as client:
                for number in range(1, _MANY_SESSIONS + 1):
                    await client.ask("Say something.")
                    await client.turn_ended()
                    if number in taken:
                        await asyncio.sleep(2)
                        taken[number].append(_resident_megabytes(client.pid))
    except FileNotFoundError:
        return [Row("resident after many sessions", note="skipped: there is no /proc here")]
    growth = [many / few for few, many in zip(*taken.values(), strict=True)]
    return [
        *(Row(f"resident after {number:,} sessions", megabytes, unit="MB") for number, megabytes in taken.items()),
        Row(f"  {_MANY_SESSIONS:,} / {_FEW_SESSIONS}", growth, unit="", most=1.05),
    ]


def _resident_megabytes(pid: int) -> float:
    status = Path(f"/proc/{pid}/status").read_text()
    line = next(line for line in status.splitlines() if line.startswith("VmRSS:"))
    return int(line.split()[1]) / 1024


async def stall(bench: Bench) -> list[Row]:
    """The longest round trip of `agent.status`, sent every 5 ms, while a tool works on a 20 MB file."""
    large = bench.workspace / _LARGE
    line = "some words of a large file, among them a number: "
    count = _LARGE_BYTES // (len(line) + 8)
    large.write_text("".join(f"{line}{number:07d}\n" for number in range(count)))
    reads, searches, idle = [], [], []
    for _ in range(bench.runs):
        async with bench.running(Side.OURS) as client:
            idle.append(max(await _round_trips(client, asyncio.create_task(asyncio.sleep(1)))))
            reads.append(await _stalled(bench, client, Call("read_file", {"path": _LARGE})))
            searches.append(await _stalled(bench, client, Call("search", {"pattern": "number: 00001"})))
    large.unlink()
    return [
        Row("stall of the loop: idle", idle),
        Row("  while 20 MB are read", reads, most=20),
        Row("  while 20 MB are searched", searches, most=20),
    ]


async def _stalled(bench: Bench, client: Client, call: Call) -> float:
    bench.mock.answer(lambda number: Tokens(1) if number else call)
    turn = asyncio.create_task(_turn(client))
    return max(await _round_trips(client, turn))


async def _turn(client: Client) -> None:
    await client.ask("Look into the large file.")
    await client.turn_ended()


async def _round_trips(client: Client, until: asyncio.Task[None]) -> list[float]:
    """Milliseconds of each; the next is sent without waiting for the last."""
    pings = []
    while not until.done():
        pings.append(asyncio.create_task(_ping(client)))
        await asyncio.sleep(_BETWEEN_PINGS)
    await until
    return list(await asyncio.gather(*pings))


async def _ping(client: Client) -> float:
    sent = time.monotonic_ns()
    answer = await client.command("agent.status", {})
    return milliseconds(answer.at - sent)


async def size(bench: Bench) -> list[Row]:
    """What an install without extras takes, compiled files and all; pip and setuptools are not in it."""
    name = "installed without extras"
    environment = bench.folder / "environment"
    venv.create(environment, with_pip=False)
    before = _megabytes(environment)
    constraints = _PROJECT / "constraints.txt"
    limits = ["--constraint", str(constraints)] if constraints.exists() else []
    argv = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check"]
    argv += ["--python", str(environment / "bin" / "python"), "install", *limits, str(_PROJECT)]
    try:
        done = await asyncio.to_thread(
            subprocess.run, argv, capture_output=True, text=True, check=False, timeout=_INSTALL_SECONDS
        )
    except subprocess.TimeoutExpired:
        return [Row(name, note=f"skipped: pip was not done after {_INSTALL_SECONDS} s (is there a network?)")]
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["no word from pip"])[-1]
        return [Row(name, note=f"skipped: pip could not install it here (is there a network?): {last[:200]}")]
    return [Row(name, [_megabytes(environment) - before], unit="MB", most=40)]


def _megabytes(folder: Path) -> float:
    """The sizes of all files below a folder, in units of 2^20 bytes."""
    return sum(file.lstat().st_size for file in folder.rglob("*") if not file.is_dir()) / (1 << 20)
