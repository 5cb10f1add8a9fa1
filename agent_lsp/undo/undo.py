"""Files brought back to what they were before changes, each only if it still is what the changes left."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Collection, Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import count

from agent_lsp.conversation.actions import Hunk
from agent_lsp.conversation.entries import FileChanged, FileVersion
from agent_lsp.conversation.uris import path_of
from agent_lsp.files.disk import ChangedMeanwhile
from agent_lsp.files.editor import EditorRefused
from agent_lsp.files.file_state import FileState, look, put_into_editor, put_on_disk, text_of, version_of
from agent_lsp.files.files import Files
from agent_lsp.files.location import PathRefused
from agent_lsp.text.diffs import compared
from agent_lsp.undo.content_store import ContentStore
from agent_lsp.undo.undo_plan import (
    CHANGED,
    NO_COPY,
    SO_ALREADY,
    FileHunks,
    Skipped,
    UndoPlan,
    by_uri,
    moved_too,
    moves,
    same,
    way_back,
    with_moves_whole,
    without,
)

_AT_ONCE = 12


class Undo:
    """Plans and makes the way back."""

    def __init__(self, files: Files, objects: ContentStore) -> None:
        self._files, self._objects = files, objects

    async def plan(self, sets: Iterable[Sequence[FileChanged]], *, unsure: bool) -> UndoPlan:
        """The way back over changes, the oldest first; copies of what is there now are on disk when it returns.

        With `unsure` also changes are taken back that may be somebody else's. Raises NotKept.
        """
        sets = list(sets)
        steps: list[FileChanged] = []
        kept: list[Skipped] = []
        for uri, links in by_uri(sets).items():
            step, why = await self._step(uri, links, unsure=unsure)
            steps += [step] if step else []
            kept += [Skipped(uri, why)] if why else []
        steps.sort(key=lambda step: step.after is None)  # what was moved is back before it goes from where it is
        moved = {uri: other for changes in sets for uri, other in moves(changes)}
        return with_moves_whole(UndoPlan(tuple(steps), tuple(kept), moved))

    async def hunks(self, changes: Sequence[FileChanged]) -> tuple[FileHunks, ...]:
        """The hunks of each changed text of which copies are kept, numbered through all files."""
        return await asyncio.to_thread(self._hunks, changes)

    async def plan_hunks(self, changes: Sequence[FileChanged], chosen: Collection[str]) -> UndoPlan:
        """The way back over some hunks only, whatever else was changed in their files since.

        Raises NotKept, and ValueError for a hunk that there is none of.
        """
        files = await self.hunks(changes)
        known = [hunk.id for file in files for hunk in file.hunks]
        if unknown := sorted(set(chosen) - set(known)):
            raise ValueError(f"no hunk '{unknown[0]}'; hunks are: {', '.join(known) or 'none'}")
        steps: list[FileChanged] = []
        kept: list[Skipped] = []
        for file in files:
            if hunks := [hunk for hunk in file.hunks if hunk.id in chosen]:
                step, why = await self._step_over(file, hunks)
                steps += [step] if step else []
                kept += [Skipped(file.uri, why)] if why else []
        return UndoPlan(tuple(steps), tuple(kept), {})

    async def _step_over(self, file: FileHunks, hunks: Sequence[Hunk]) -> tuple[FileChanged | None, str]:
        try:
            held = await look(self._files, path_of(file.uri) or "")
        except PathRefused as refused:
            return None, str(refused)
        present = text_of(held.data or b"")
        if present is None:
            return None, CHANGED
        text = await asyncio.to_thread(without, hunks, file.after, present)
        if text is None:
            return None, "those lines were changed since"
        data = held.bytes_of(text)
        await asyncio.to_thread(self._objects.keep, [data, held.bytes_of(present)])
        return FileChanged(file.uri, held.version, version_of(data, held.mode)), ""

    def _hunks(self, changes: Sequence[FileChanged]) -> tuple[FileHunks, ...]:
        found: list[FileHunks] = []
        number = count(1)
        for change in changes:
            before, after = self._text(change.before), self._text(change.after)
            if before is not None and after is not None:
                hunks = tuple(replace(hunk, id=str(next(number))) for hunk in compared(before, after))
                found.append(FileHunks(change.uri, after, hunks))
        return tuple(found)

    def _text(self, version: FileVersion | None) -> str | None:
        return text_of(self._objects.find(version.digest)) if version and version.digest else None

    async def perform(self, plan: UndoPlan) -> AsyncIterator[FileChanged | Skipped]:
        """Makes the steps; tells each that was made, and why another could not be."""
        failed: set[str] = set()
        for steps in self._at_once(plan.steps):
            outcomes = await asyncio.gather(*(self._performed(step, plan, failed) for step in steps))
            for outcome in outcomes:
                if isinstance(outcome, Skipped):
                    failed.add(outcome.uri)
                yield outcome

    def _at_once(self, steps: Sequence[FileChanged]) -> Iterator[list[FileChanged]]:
        """Files on disk by the dozen, for their syncs are one; open ones alone, and deletions after all others."""
        group: list[FileChanged] = []
        for step in steps:
            alone = self._is_open(step.uri)
            if group and (alone or len(group) == _AT_ONCE or (step.after is None) != (group[-1].after is None)):
                yield group
                group = []
            group.append(step)
            if alone:
                yield group
                group = []
        if group:
            yield group

    def _is_open(self, uri: str) -> bool:
        try:
            return self._files.buffer(self._files.roots.find(path_of(uri) or "")) is not None
        except PathRefused:
            return False

    async def _performed(self, step: FileChanged, plan: UndoPlan, failed: Collection[str]) -> FileChanged | Skipped:
        other = plan.moved.get(step.uri)
        why = moved_too(other) if other in failed and other else await self._perform(step)
        return Skipped(step.uri, why) if why else step

    async def _perform(self, step: FileChanged) -> str:
        """Makes a step; says why where it could not be made, and then nothing was changed."""
        try:
            held = await look(self._files, path_of(step.uri) or "")
            data = await asyncio.to_thread(self._objects.find, step.after.digest) if step.after else None
            if step.after and data is None:
                return NO_COPY
            return await self._replaced(held, step, data)
        except (ChangedMeanwhile, EditorRefused, PathRefused) as refused:
            return str(refused)

    async def _step(self, uri: str, links: Sequence[FileChanged], *, unsure: bool) -> tuple[FileChanged | None, str]:
        try:
            held = await look(self._files, path_of(uri) or "")
        except PathRefused as refused:
            return None, str(refused)
        start, (target, why) = held.version, way_back(links, held.version, unsure=unsure)
        if start == target and held.buffer and not same(held.on_disk, start):
            on_disk, _ = way_back(links, held.on_disk, unsure=unsure)
            if same(on_disk, held.version):
                start, target, why = held.on_disk, on_disk, ""
        if start == target:
            return None, why or SO_ALREADY
        if target and not self._objects.has(target.digest):
            return None, NO_COPY
        await self._keep_present(held)
        return FileChanged(uri, start, target), why

    async def _keep_present(self, held: FileState) -> None:
        contents = [data for data in (held.data, held.disk.data if held.disk else None) if data is not None]
        await asyncio.to_thread(self._objects.keep, contents)

    async def _replaced(self, held: FileState, step: FileChanged, data: bytes | None) -> str:
        mode = step.after.mode if step.after else held.mode
        if held.buffer is None:
            if not same(held.version, step.before):
                return CHANGED
            await put_on_disk(held, data, mode)
        elif same(held.on_disk, step.before) and same(held.version, step.after):
            await put_on_disk(held, data, mode)
        elif not same(held.version, step.before):
            return CHANGED
        elif data is not None:
            await put_into_editor(self._files, held, data)
        elif same(held.on_disk, held.version):
            await put_on_disk(held, None, mode)
        else:
            return "it has unsaved changes in the editor: save or close it first"
        return ""
