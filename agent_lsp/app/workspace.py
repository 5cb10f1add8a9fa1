"""The open workspace: its folders, what reads and searches them, and what runs commands in them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from agent_lsp.app import sandbox_setup
from agent_lsp.awareness.change_notices import ChangeWatcher
from agent_lsp.commands.commands import Commands
from agent_lsp.files.editor import Editor
from agent_lsp.files.files import Files
from agent_lsp.files.roots import Roots
from agent_lsp.processes.run import Processes
from agent_lsp.sandbox.choose import Sandboxes
from agent_lsp.sandbox.guard import placeholders
from agent_lsp.search.ripgrep import program
from agent_lsp.search.search import Search
from agent_lsp.settings.settings import Settings


@dataclass(frozen=True, slots=True)
class Workspace:
    """What all sessions of one workspace share."""

    roots: Roots
    files: Files
    search: Search
    commands: Commands
    sandboxes: Sandboxes
    processes: Processes
    changes: ChangeWatcher

    @property
    def folders(self) -> list[str]:
        """The folders that are open now, as absolute paths."""
        return [root.path for root in self.roots.all]

    async def list_files(self) -> Sequence[str]:
        """List the paths of all files that the model may see."""
        return [path for place in self.roots.present() for path in (await self.search.files(place)).paths]


def open_workspace(
    roots: Roots,
    editor: Editor,
    settings: Settings,
    *,
    state: Path,
    environment: Mapping[str, str],
    new_id: Callable[[str], str],
) -> Workspace:
    """Return the workspace; placeholders that a kill left in it are removed first."""
    processes, files = Processes(), Files(roots, editor)
    folders = [root.path for root in roots.all]
    sandboxes = sandbox_setup.sandboxes(settings, state, folders, processes, environment)
    rules = sandbox_setup.rules(settings, state, environment)
    placeholders.clear(rules.protected, folders, roots.own.private())
    commands = sandbox_setup.commands(files, processes, sandboxes, state, rules=rules, new_id=new_id)
    search = Search(files, processes, program())
    return Workspace(roots, files, search, commands, sandboxes, processes, ChangeWatcher(files))
