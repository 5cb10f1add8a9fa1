"""Figures of the workspace: an open beneath a root, and what 50,000 files cost a search, a start and a turn."""

from __future__ import annotations

import asyncio
import os
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

from agent_lsp.files import safe_open
from agent_lsp.files.editor import NoEditor
from agent_lsp.files.files import Files
from agent_lsp.files.location import Location
from agent_lsp.files.roots import Roots
from agent_lsp.processes.run import Processes
from agent_lsp.search.found import Query
from agent_lsp.search.ripgrep import program
from agent_lsp.search.search import Search

from .bench import SMALL, Bench, Side, make_workspace, milliseconds
from .mock import Call, Tokens
from .table import Row

_OPENS = 5_000
_MANY, _IN_A_FOLDER = 50_000, 100
_PATTERN = "needle in folder 7"
_TURNS = 10


async def beneath(bench: Bench) -> list[Row]:
    """One open and close of a file three folders deep: through the root's door, and by `open` itself."""
    path = bench.workspace / "a" / "b" / "c" / SMALL
    path.parent.mkdir(parents=True)
    path.touch()
    location = Roots([str(bench.workspace)]).find("a/b/c/" + SMALL)
    ours = [_microseconds(lambda: _open_beneath(location)) for _ in range(bench.runs)]
    plain = [_microseconds(lambda: os.close(os.open(path, os.O_RDONLY | os.O_CLOEXEC))) for _ in range(bench.runs)]
    more = [one - other for one, other in zip(ours, plain, strict=True)]
    return [Row("open beneath a root", ours, plain, "µs"), Row("  more than open", more, unit="µs", most=10)]


def _open_beneath(location: Location) -> None:
    with safe_open.opened(location, os.O_RDONLY):
        pass


def _microseconds(work: Callable[[], None]) -> float:
    taken = []
    for _ in range(_OPENS):
        began = time.monotonic_ns()
        work()
        taken.append(time.monotonic_ns() - began)
    return median(taken) / 1_000


async def many(bench: Bench) -> list[Row]:
    """A workspace of 50,000 files: a search beside bare ripgrep, a start and a turn beside one of ten files."""
    large, small = (Bench(bench.mock, bench.url, bench.folder / name, bench.runs) for name in ("large", "small"))
    for one, count in ((large, _MANY), (small, 10)):
        one.folder.mkdir()
        make_workspace(one.workspace)
        _fill(one.workspace, count)
    rows = await _searched(large)
    starts: dict[Bench, list[float]] = {large: [], small: []}
    turns: dict[Bench, list[float]] = {large: [], small: []}
    for _ in range(bench.runs):
        for one in (large, small):
            async with one.spawned(Side.OURS) as client:
                answer = await client.initialize()
                starts[one].append(milliseconds(answer.at - client.spawned))
            turns[one].append(await _turned(one))
    name = f"with {_MANY:,} files beside 10"
    return [
        *rows,
        Row(f"start {name}", starts[large], starts[small], most_of_floor=1.1),
        Row(f"turn {name}", turns[large], turns[small], most_of_floor=1.1),
    ]


def _fill(workspace: Path, count: int) -> None:
    for number in range(count):
        folder = workspace / f"folder{number // _IN_A_FOLDER}"
        folder.mkdir(exist_ok=True)
        needle = f"needle in folder {number // _IN_A_FOLDER} of all\n" if number % _IN_A_FOLDER == 0 else ""
        (folder / f"{number}.py").write_text(f"{needle}some words of a line of code\n" * 20)


async def _searched(bench: Bench) -> list[Row]:
    ripgrep = program()
    if ripgrep is None:
        return [Row(f"search of {_MANY:,} files", note="skipped: there is no ripgrep here")]
    processes = Processes()
    files = Files(Roots([str(bench.workspace)]), NoEditor())
    search = Search(files, processes, ripgrep)
    ours, bare = [], []
    for _ in range(bench.runs + 1):
        began = time.monotonic_ns()
        found = await search.find(Query(_PATTERN, files.roots.find(".")))
        ours.append(milliseconds(time.monotonic_ns() - began))
        began = time.monotonic_ns()
        argv = [ripgrep, "--no-config", "--hidden", "--fixed-strings", _PATTERN, "."]
        await asyncio.to_thread(subprocess.run, argv, cwd=bench.workspace, capture_output=True, check=True)
        bare.append(milliseconds(time.monotonic_ns() - began))
    await processes.close()
    note = "" if found.lines else "found nothing"
    return [Row(f"search of {_MANY:,} files beside rg", ours[1:], bare[1:], most_of_floor=1.2, note=note)]


async def _turned(bench: Bench) -> float:
    """The median time of a turn that reads one file, from `agent.ask` to its end."""
    taken = []
    async with bench.running(Side.OURS) as client:
        for _ in range(_TURNS):
            bench.mock.answer(lambda number: Tokens(1) if number else Call("read_file", {"path": SMALL}))
            sent = await client.ask("Look into the small file.")
            await client.turn_ended()
            taken.append(milliseconds(time.monotonic_ns() - sent))
            await asyncio.sleep(0.05)
    return median(taken)
