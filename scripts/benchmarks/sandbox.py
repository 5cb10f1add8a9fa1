"""What the sandbox adds to a command: the same line bare and confined, in turn."""

from __future__ import annotations

import os
import time
from collections.abc import Awaitable, Callable

from agent_lsp.app.sandbox_setup import PROTECTED, base_python
from agent_lsp.commands.commands import CommandRules, CommandRun, Commands
from agent_lsp.files.editor import NoEditor
from agent_lsp.files.files import Files
from agent_lsp.files.roots import Roots
from agent_lsp.processes.run import Processes
from agent_lsp.sandbox import Level
from agent_lsp.sandbox.choose import Machine, Sandboxes
from agent_lsp.sandbox.guard.quarantine import Quarantine

from .bench import Bench, milliseconds
from .table import Row

_TIMES = 20
_AIM_MS = 10


async def sandbox(bench: Bench) -> list[Row]:
    """`/bin/sh -c :` in the workspace; of each 20 in a row the difference to a bare one, and the first trial."""
    processes, state = Processes(), bench.folder / "sandbox-state"
    machine = Machine(os.environ["PATH"], base_python())
    sandboxes = Sandboxes(state / "sandbox", [str(bench.workspace)], processes, machine)
    try:
        began = time.monotonic_ns()
        found = await sandboxes.found()
        trial = milliseconds(time.monotonic_ns() - began)
        if found.level is Level.NONE:
            return [Row("sandbox", note=f"skipped: none here ({'; '.join(found.not_held)})")]
        files = Files(Roots([str(bench.workspace)]), NoEditor())
        runs = Commands(files, processes, sandboxes, Quarantine(state / "taken", str), CommandRules(PROTECTED))
        added = await _added(runs, bench)
    finally:
        sandboxes.close()
        await processes.close()
    return [Row(f"sandbox ({found.level}): added to a command", added, most=_AIM_MS), Row("  its trial, once", [trial])]


async def _added(runs: Commands, bench: Bench) -> list[float]:
    program = CommandRun(("/bin/sh", "-c", ":"), str(bench.workspace), 10, 1_000)
    added = []
    for _ in range(bench.runs * _TIMES):
        bare = await _taken(lambda: runs.run(program, confined=False))
        added.append(await _taken(lambda: runs.run(program, confined=True)) - bare)
    return added


async def _taken(work: Callable[[], Awaitable[object]]) -> float:
    began = time.monotonic_ns()
    await work()
    return milliseconds(time.monotonic_ns() - began)
