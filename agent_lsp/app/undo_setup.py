"""What takes changes back: copies of changed files, checkpoints, undo and redo."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from agent_lsp.app.workspace import Workspace
from agent_lsp.session.checkpoint_retention import CheckpointRetention
from agent_lsp.session.history import History
from agent_lsp.undo.checkpoints import Checkpoints
from agent_lsp.undo.content_store import ContentStore
from agent_lsp.undo.snapshots import Snapshots
from agent_lsp.undo.undo import Undo


@dataclass(frozen=True, slots=True)
class UndoParts:
    """The store of copies, and what writes to it and reads from it."""

    objects: ContentStore
    checkpoints: Checkpoints
    history: History
    copies: CheckpointRetention


def undo_parts(workspace: Workspace, state: Path, new_id: Callable[[str], str]) -> UndoParts:
    """Return what takes changes of a workspace back; the copies are kept below `state`."""
    objects = ContentStore(state / "checkpoints")
    snapshots = Snapshots(workspace.files, workspace.search, objects)
    checkpoints = Checkpoints(workspace.files, objects, snapshots)
    history = History(Undo(workspace.files, objects), snapshots, new_id)
    return UndoParts(objects, checkpoints, history, CheckpointRetention(objects))
