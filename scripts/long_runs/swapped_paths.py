"""Tools at work while another process swaps a folder and a file with links that lead outside."""

from __future__ import annotations

import asyncio
import random
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from agent_lsp.files.editor import NoEditor
from agent_lsp.files.files import Files
from agent_lsp.files.roots import Roots
from agent_lsp.processes.run import Processes
from agent_lsp.tools import ChangingTool, Done, ReadingTool, Shown, Tool, ToolContext, ToolError
from agent_lsp.tools.change import delete_file, edit_file, move_file, write_file
from agent_lsp.tools.read import list_files, read_file
from agent_lsp.tools.search import search

from .home import tools_for
from .run import Broken, Figures

_INSIDE, _SECRET = "harmless\n", "secret"
_OUTSIDE = {"a": f"{_SECRET}\n", f"{_SECRET}-name": ""}
_LED_OUTSIDE = "leads outside"
_SEARCH_EVERY = 50
_SWAPPER = """
import ctypes, os, random, sys
libc, dice = ctypes.CDLL(None, use_errno=True), random.Random(int(sys.argv[1]))
while True:
    if libc.renameat2(-100, b"folder", -100, b"link-to-folder", 2) or libc.renameat2(-100, b"a", -100, b"link-to-a", 2):
        sys.exit("the names cannot be swapped")
    if not (os.path.islink("a") or os.path.islink("link-to-a")):  # a write that came in between has replaced it
        os.symlink("../outside/a", "new-link")
        os.replace("new-link", "link-to-a")
    print(flush=True, end="." if dice.random() < 0.001 else "")
    for _ in range(dice.randrange(300 if os.path.islink("folder") else 30_000)):  # a call is to come far at times
        pass
"""


class SwappedPaths:
    """Reads, searches, lists, writes, edits, moves and deletes; what is outside must stay as it is, and unseen."""

    name = "swapped"
    what = "tool calls while a folder and a file are swapped with links that lead outside"
    total, a_step = 100_000, 5_000

    def step(self, number: int, seed: int, folder: Path) -> Figures:
        return asyncio.run(_step(random.Random(f"{seed} {number}"), folder, self.a_step))


async def _step(dice: random.Random, folder: Path, count: int) -> Figures:
    workspace, outside = _laid_out(folder)
    figures = Figures({"reads done": 0, "changes done": 0, "refused for the link": 0, "refused otherwise": 0})
    with _swapping(workspace, dice.randrange(1 << 30)):
        processes = Processes()
        files = Files(Roots([str(workspace)]), NoEditor())
        context = tools_for(files, processes, folder / "state")
        for index in range(count):
            figures[await _call(context, dice, index)] += 1
        await processes.close()
    if {path.name: path.read_text() for path in outside.iterdir()} != _OUTSIDE:
        raise Broken("something was changed outside")
    if not all(figures.values()):
        raise Broken(f"not all that is to be tried was tried: {dict(figures)}")
    return figures


def _laid_out(folder: Path) -> tuple[Path, Path]:
    workspace, outside = folder / "workspace", folder / "outside"
    (workspace / "folder").mkdir(parents=True)
    outside.mkdir()
    for place in (workspace, workspace / "folder"):
        (place / "a").write_text(_INSIDE)
    for name, text in _OUTSIDE.items():
        (outside / name).write_text(text)
    (workspace / "link-to-folder").symlink_to("../outside")
    (workspace / "link-to-a").symlink_to("../outside/a")
    return workspace, outside


async def _call(context: ToolContext, dice: random.Random, index: int) -> str:
    """What became of the call, as it is counted."""
    tool, arguments = _chosen(dice, index)
    try:
        told = await _performed(tool, arguments, context)
        outcome = "reads done" if isinstance(tool, ReadingTool) else "changes done"
    except ToolError as error:
        told = str(error)
        outcome = "refused for the link" if _LED_OUTSIDE in told else "refused otherwise"
    if _SECRET in told:
        raise Broken(f"{tool.name} {arguments} told what is outside: {told[:200]}")
    return outcome


def _chosen(dice: random.Random, index: int) -> tuple[Tool, dict[str, object]]:
    if index % _SEARCH_EVERY == 0:
        chosen: list[tuple[Tool, dict[str, object]]] = [(search, {"pattern": "s"}), (list_files, {})]
        return dice.choice(chosen)
    new, other = (f"folder/new-{dice.randrange(20)}" for _ in range(2))
    edit = {"old_text": "harmless", "new_text": "harmless", "all": True}
    choices: list[tuple[Tool, dict[str, object]]] = [
        (read_file, {"path": "folder/a"}),
        (read_file, {"path": "a"}),
        (write_file, {"path": new, "content": f"{index}\n"}),
        (write_file, {"path": f"folder/deep-{index}/new", "content": ""}),
        (write_file, {"path": dice.choice(["a", "folder/a"]), "content": f"{_INSIDE}{index}\n"}),
        (edit_file, {"path": "folder/a", "edits": [{**edit, "new_text": f"harmless {index % 2}"}]}),
        (move_file, {"path": new, "new_path": other}),
        (delete_file, {"path": new}),
    ]
    return dice.choice(choices)


async def _performed(tool: Tool, raw: dict[str, object], context: ToolContext) -> str:
    arguments = tool.arguments.model_validate(raw)
    match tool:
        case ReadingTool():
            told: str | Shown | Done = await tool.perform(arguments, context)
        case ChangingTool():
            told = await tool.perform(await tool.prepare(arguments, context), context)
    return told if isinstance(told, str) else told.text


@contextmanager
def _swapping(workspace: Path, seed: int) -> Iterator[None]:
    """Raises Broken if the names were not swapped to the end."""
    argv = [sys.executable, "-c", _SWAPPER, str(seed)]
    with subprocess.Popen(argv, cwd=workspace, stdout=subprocess.PIPE) as swapper:
        assert swapper.stdout
        swapper.stdout.read(1)
        try:
            yield
            if swapper.poll() is not None:
                raise Broken("the names were not swapped to the end")
        finally:
            swapper.kill()
