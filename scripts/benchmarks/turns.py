"""Figures of a turn: the first request, steps, tokens, a burst, cancel."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from itertools import pairwise
from pathlib import Path
from statistics import median

from agent_lsp.processes.tree import alive

from .bench import SMALL, Bench, Side, milliseconds
from .client import BenchError, Client
from .mock import Answer, Call, Plan, Tokens
from .table import Row, percentile

_STEPS, _MANY_STEPS = 100, 1_000
_EDGE, _MANY_EDGE = 10, 50
_WARM_ASKS, _GROWTH_RUNS = 10, 2
_TOKENS, _GAP = 150, 0.02
_BURST = 5_000
_CANCELLED_AFTER = 25


async def ask(bench: Bench) -> list[Row]:
    """`agent.ask` → request complete at the mock: the first, one second after `initialized`, and warm ones."""
    first: dict[Side, list[float]] = {side: [] for side in Side}
    warm: dict[Side, list[float]] = {side: [] for side in Side}
    for _ in range(bench.runs):
        for side in Side:
            async with bench.spawned(side) as client:
                await client.initialize()
                await asyncio.sleep(1)
                first[side].append(await _asked(bench, client))
                warm[side].append(median([await _asked(bench, client) for _ in range(_WARM_ASKS)]))
    return [
        Row("first ask → request", first[Side.OURS], first[Side.FLOOR], most=15),
        Row("warm ask → request", warm[Side.OURS], warm[Side.FLOOR], most=4),
    ]


async def _asked(bench: Bench, client: Client) -> float:
    bench.mock.answer(lambda _: Tokens(1))
    sent = await client.ask("Say something.")
    exchange = await bench.mock.requests.get()
    await client.turn_ended()
    await asyncio.sleep(0.05)  # a user does not ask in the moment in which the last turn ends
    return milliseconds(exchange.received - sent)


async def steps(bench: Bench) -> list[Row]:
    """Last byte of an answer that calls a tool → the next request complete, for 100 steps."""
    rows = []
    for name, call, most in (
        ("read", Call("read_file", {"path": SMALL}), 4),
        ("shell", Call("run_command", {"command": "true"}), 6),
    ):
        taken: dict[Side, list[list[float]]] = {side: [] for side in Side}
        for _ in range(bench.runs):
            for side in Side:
                async with bench.running(side) as client:
                    taken[side].append(await _stepped(bench, client, call, _STEPS))
        ours, floor = ([median(run) for run in taken[side]] for side in (Side.OURS, Side.FLOOR))
        growth = {side: [_growth(run, _EDGE) for run in taken[side]] for side in Side}
        rows.append(Row(f"step that calls a {name}", ours, floor, most=most))
        rows.append(
            Row(f"  last {_EDGE} / first {_EDGE} of {_STEPS}", growth[Side.OURS], growth[Side.FLOOR], "", most=1.2)
        )
    return rows


async def growth(bench: Bench) -> list[Row]:
    """The last steps of a turn of 1,000 that read, beside its first; the floor's requests grow without end."""
    grown: dict[Side, list[float]] = {side: [] for side in Side}
    for _ in range(min(bench.runs, _GROWTH_RUNS)):
        for side in Side:
            async with bench.running(side) as client:
                run = await _stepped(bench, client, Call("read_file", {"path": SMALL}), _MANY_STEPS)
                grown[side].append(_growth(run, _MANY_EDGE))
    name = f"read step, last {_MANY_EDGE} / first {_MANY_EDGE} of {_MANY_STEPS:,}"
    return [Row(name, grown[Side.OURS], grown[Side.FLOOR], "", most=1.5)]


def _growth(run: Sequence[float], edge: int) -> float:
    return median(run[-edge:]) / median(run[:edge])


async def _stepped(bench: Bench, client: Client, call: Call, count: int) -> list[float]:
    bench.mock.answer(_calls(count, call))
    await client.ask("Work.")
    exchanges = [await bench.mock.requests.get() for _ in range(count + 1)]
    await client.turn_ended()
    return [milliseconds(after.received - before.last) for before, after in pairwise(exchanges)]


def _calls(count: int, call: Call) -> Plan:
    def plan(number: int) -> Answer:
        return call if number < count else Tokens(1)

    return plan


async def tokens(bench: Bench) -> list[Row]:
    """Token written by the mock → shown to the client."""
    halves: dict[Side, list[float]] = {side: [] for side in Side}
    most: dict[Side, list[float]] = {side: [] for side in Side}
    for _ in range(bench.runs):
        for side in Side:
            async with bench.running(side) as client:
                delays = await _delays(bench, client)
            halves[side].append(percentile(delays, 0.5))
            most[side].append(percentile(delays, 0.99))
    return [
        Row("token → client, p50", halves[Side.OURS], halves[Side.FLOOR], most=1),
        Row("token → client, p99", most[Side.OURS], most[Side.FLOOR], most=3),
    ]


async def _delays(bench: Bench, client: Client) -> list[float]:
    bench.mock.answer(lambda _: Tokens(_TOKENS, _GAP))
    await client.ask("Talk.")
    exchange = await bench.mock.requests.get()
    await client.turn_ended()
    _all_shown(client, _TOKENS)
    return [milliseconds(client.seen[number] - written) for number, written in enumerate(exchange.tokens)]


async def burst(bench: Bench) -> list[Row]:
    """First byte of 5,000 tokens, written as fast as they go → the last one shown."""
    taken: dict[Side, list[float]] = {side: [] for side in Side}
    for _ in range(bench.runs):
        for side in Side:
            async with bench.running(side) as client:
                bench.mock.answer(lambda _: Tokens(_BURST))
                await client.ask("Talk fast.")
                exchange = await bench.mock.requests.get()
                await client.turn_ended()
                _all_shown(client, _BURST)
                taken[side].append(milliseconds(max(client.seen.values()) - exchange.first))
    return [Row(f"burst of {_BURST:,} tokens", taken[Side.OURS], taken[Side.FLOOR], most_of_floor=1.5)]


def _all_shown(client: Client, count: int) -> None:
    if len(client.seen) != count:
        raise BenchError(f"of {count} tokens {len(client.seen)} were shown")


async def cancel(bench: Bench) -> list[Row]:
    """`agent.cancel` → the model's connection closed; and → what a shell had started dead."""
    closed: dict[Side, list[float]] = {side: [] for side in Side}
    dead = []
    for _ in range(bench.runs):
        for side in Side:
            async with bench.running(side) as client:
                closed[side].append(await _closed(bench, client))
                if side is Side.OURS:
                    dead.append(await _dead(bench, client))
    return [
        Row("cancel → connection closed", closed[Side.OURS], closed[Side.FLOOR], most=10),
        Row("cancel → shell's child dead", dead, most=100),
    ]


async def _closed(bench: Bench, client: Client) -> float:
    bench.mock.answer(lambda _: Tokens(10_000, _GAP))
    await client.ask("Talk for ever.")
    exchange = await bench.mock.requests.get()
    await _until(lambda: len(client.seen) >= _CANCELLED_AFTER, pause=_GAP / 3)
    sent = time.monotonic_ns()
    await client.command("agent.cancel", {})
    closed = await asyncio.wait_for(exchange.closed, 10)
    await client.turn_ended()
    return milliseconds(closed - sent)


async def _dead(bench: Bench, client: Client) -> float:
    note = bench.workspace / "child"
    note.unlink(missing_ok=True)
    sleep = f"sleep 60.{time.monotonic_ns()}"
    bench.mock.answer(lambda _: Call("run_command", {"command": f"{sleep} & echo begun > {note.name}; wait"}))
    await client.ask("Sleep.")
    await _until(lambda: note.exists() and bool(_running(sleep)), pause=0.01)
    child = _running(sleep)[0]
    sent = time.monotonic_ns()
    await client.command("agent.cancel", {})
    try:
        await _until(lambda: not alive([child]), pause=0.0005)
    except BenchError:
        os.kill(child, signal.SIGKILL)
        raise
    died = time.monotonic_ns()
    await client.turn_ended()
    return milliseconds(died - sent)


def _running(line: str) -> list[int]:
    """The processes that run a command line; in the sandbox they have other numbers, and tell those."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if (process / "cmdline").read_bytes() == line.replace(" ", "\0").encode() + b"\0":
                found.append(int(process.name))
    return found


async def _until(true: Callable[[], bool], *, pause: float) -> None:
    """Waits until it is true. Raises BenchError after 10 s."""
    deadline = time.monotonic() + 10
    while not true():
        if time.monotonic() > deadline:
            raise BenchError("what was waited for did not happen within 10 s")
        await asyncio.sleep(pause)
