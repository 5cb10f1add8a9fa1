"""What files were before an action, kept so that it can be taken back, also after a kill."""

from __future__ import annotations

import asyncio
import os
from contextlib import suppress
from dataclasses import dataclass, replace

from agent_lsp.conversation.actions import Action, Command, Fetch, FileChange, FileMove, ServerUse, WebSearch
from agent_lsp.conversation.entries import FileChanged, FilesChanged
from agent_lsp.conversation.uris import path_of
from agent_lsp.files.file_state import look, look_at, version_of
from agent_lsp.files.files import Files
from agent_lsp.files.location import Location, PathRefused
from agent_lsp.files.openat import real_path
from agent_lsp.undo.content_store import ContentStore, NotKept
from agent_lsp.undo.snapshots import Snapshots
from agent_lsp.undo.workspace_state import Snapshot


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """What an action changes, with copies of what was there.

    `snapshot` stands for changes of a command that nobody has looked at yet.
    """

    changes: tuple[FileChanged, ...] = ()
    snapshot: Snapshot | None = None
    unwatched: tuple[str, ...] = ()

    def entry(self, call_id: str, turn_id: str, taint: str) -> FilesChanged:
        """What the journal keeps of it; `taint` as there."""
        snapshot = self.snapshot.digest if self.snapshot else ""
        return FilesChanged(call_id, turn_id, self.changes, snapshot, self.unwatched, taint)


NOTHING = Checkpoint()
"""The checkpoint of an action that changes no file."""


class Checkpoints:
    """Takes a checkpoint before an action, and looks afterwards what became of it."""

    def __init__(self, files: Files, objects: ContentStore, snapshots: Snapshots) -> None:
        self._files, self._objects, self._snapshots = files, objects, snapshots

    async def take(self, action: Action) -> Checkpoint:
        """Copies are on disk when it returns. Raises NotKept, PathRefused."""
        match action.effect:
            case FileChange() as change:
                return await self._before_change(change)
            case FileMove() as move:
                return await self._before_move(move)
            case Command(reads=False):
                snapshot = await self._snapshots.take()
                return Checkpoint((), snapshot, snapshot.unwatched)
            case Command() | ServerUse() | Fetch() | WebSearch():
                return NOTHING

    async def since(self, snapshot: str) -> tuple[FileChanged, ...]:
        """What changed since the snapshot of that digest, whoever did it."""
        return tuple(await self._snapshots.since(snapshot))

    async def failed(self, checkpoint: Checkpoint) -> Checkpoint:
        """What may have been changed by an action that did not come to its end."""
        if checkpoint.snapshot:
            return await self.performed(checkpoint)
        changes = [one for one in checkpoint.changes if not await self._untouched(one)]
        return replace(checkpoint, changes=tuple(changes))

    async def performed(self, checkpoint: Checkpoint, made: FileChange | None = None) -> Checkpoint:
        """What an action has changed; `made` is a file's change that came to be another than was expected."""
        if checkpoint.snapshot:
            changes = await self._snapshots.differences(checkpoint.snapshot)
            return Checkpoint(changes, None, checkpoint.unwatched)
        if made:
            return replace(checkpoint, changes=(await self._made(made),))
        return checkpoint

    async def _made(self, change: FileChange) -> FileChanged:
        held = await look_at(self._files, self._placed(change.location.path))
        before, after = (None if text is None else held.bytes_of(text) for text in (change.before, change.after))
        with suppress(NotKept):  # it is done: undo says that there is no copy
            await self._keep(before, after)
        return FileChanged(held.location.uri, version_of(before, held.mode), version_of(after, held.mode))

    async def _before_change(self, change: FileChange) -> Checkpoint:
        held = await look_at(self._files, self._placed(change.location.path))
        after = None if change.after is None else held.bytes_of(change.after)
        await self._keep(held.data, after)
        uri = held.location.uri
        return Checkpoint((FileChanged(uri, held.version, version_of(after, held.mode)),))

    async def _before_move(self, move: FileMove) -> Checkpoint:
        held, target = await look_at(self._files, self._placed(move.path)), self._placed(move.new_path)
        await self._keep(held.data)
        gone = FileChanged(held.location.uri, held.version, None)
        return Checkpoint((gone, FileChanged(target.uri, None, held.version)))

    def _placed(self, path: str) -> Location:
        """Where a path stands, by the one name that undo finds it by: no link is on the way. Raises PathRefused."""
        folder, name = os.path.split(self._files.roots.find(path).path)
        return self._files.roots.find(os.path.join(real_path(folder), name))

    async def _keep(self, *contents: bytes | None) -> None:
        await asyncio.to_thread(self._objects.keep, [data for data in contents if data is not None])

    async def _untouched(self, change: FileChanged) -> bool:
        try:
            held = await look(self._files, path_of(change.uri) or "")
        except PathRefused:
            return False
        return held.version == change.before
