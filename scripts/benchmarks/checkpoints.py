"""Figures of checkpoints: what a command that changes 1,000 files takes longer, and what its undo takes."""

from __future__ import annotations

import time
from pathlib import Path
from tempfile import TemporaryDirectory

from agent_lsp.files.editor import NoEditor
from agent_lsp.files.files import Files
from agent_lsp.files.roots import Roots
from agent_lsp.processes.run import Processes
from agent_lsp.search.ripgrep import program
from agent_lsp.search.search import Search
from agent_lsp.undo.content_store import ContentStore
from agent_lsp.undo.snapshots import Snapshots
from agent_lsp.undo.undo import Undo

from .bench import Bench, milliseconds
from .table import Row

_CHANGED = 1_000
_TEXT = "some words of a line of code\n" * 100


async def checkpoint(bench: Bench) -> list[Row]:
    """A workspace of 1,000 files of 3 KB, all of them changed: first copies, a look before, one after, the way back."""
    first, before, after, undone = [], [], [], []
    for _ in range(bench.runs):
        with TemporaryDirectory(dir=bench.folder) as folder:
            workspace, processes = Path(folder) / "workspace", Processes()
            paths = _made(workspace)
            files, objects = Files(Roots([str(workspace)]), NoEditor()), ContentStore(Path(folder) / "objects")
            snapshots = Snapshots(files, Search(files, processes, program()), objects)

            began = time.monotonic_ns()
            await snapshots.take()
            first.append(milliseconds(time.monotonic_ns() - began))
            began = time.monotonic_ns()
            snapshot = await snapshots.take()
            before.append(milliseconds(time.monotonic_ns() - began))
            for path in paths:
                path.write_text(f"{path.name}\n{_TEXT}")
            began = time.monotonic_ns()
            changes = await snapshots.differences(snapshot)
            after.append(milliseconds(time.monotonic_ns() - began))
            restoring = Undo(files, objects)
            began = time.monotonic_ns()
            made = [step async for step in restoring.perform(await restoring.plan([changes], unsure=False))]
            undone.append(milliseconds(time.monotonic_ns() - began))
            await processes.close()
            if len(made) != _CHANGED:
                return [Row("checkpoint", note=f"skipped: {len(made)} of {_CHANGED} files were restored")]
    return [
        Row("checkpoint of 1,000 files: first copies", first),
        Row("  before a command, nothing new", before),
        Row("  after a command that changed them all", after),
        Row("  undo of it", undone),
    ]


def _made(workspace: Path) -> list[Path]:
    paths = [workspace / f"folder{number // 50}" / f"{number}.py" for number in range(_CHANGED)]
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{path.name}\n{_TEXT}{path.name}\n")
    return paths
