"""write_file, edit_file, delete_file and move_file."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import TypeVar

from pydantic import Field

from agent_lsp.awareness.read_tracker import ChangedSinceSeen, ReadTracker
from agent_lsp.conversation.actions import Action, FileChange, FileMove, ToolKind
from agent_lsp.conversation.messages import Provenance
from agent_lsp.files.disk import ChangedMeanwhile, TextFile
from agent_lsp.files.editor import EditorRefused
from agent_lsp.files.location import Location, PathRefused
from agent_lsp.files.safe_open import exists, is_folder
from agent_lsp.text import edits
from agent_lsp.tools import Arguments, ChangingTool, Done, ToolContext, ToolError

T = TypeVar("T")


class WriteFile(Arguments):
    path: str = Field(description="Path relative to the workspace, or absolute inside it")
    content: str = Field(description="The whole text of the file")


class TextEdit(Arguments):
    old_text: str = Field(description="Text to replace, copied exactly from the file without line numbers")
    new_text: str = Field(description="Text to put in its place")
    all: bool = Field(False, description="Replace every occurrence; otherwise old_text must be there exactly once")


class EditFile(Arguments):
    path: str = Field(description="Path relative to the workspace, or absolute inside it")
    edits: tuple[TextEdit, ...] = Field(min_length=1, description="Applied in order, all or none")


class DeleteFile(Arguments):
    path: str = Field(description="Path of the file")


class MoveFile(Arguments):
    path: str = Field(description="Path of the file")
    new_path: str = Field(description="Where it goes; nothing may be there yet")


async def _prepare_write(arguments: WriteFile, context: ToolContext) -> Action:
    found = await _explained(context.files.read_if_there(arguments.path))
    if isinstance(found, Location):
        if not found.relative or arguments.path.endswith("/"):
            raise ToolError(f"'{arguments.path}' is a folder: name a file")
        change = await _explained(context.files.change(found, None, arguments.content))
        return Action("write_file", ToolKind.EDIT, f"Create {found.shown}", change)
    await _must_be_current(found, context)
    content = await asyncio.to_thread(edits.rewritten, found.text, arguments.content)
    if content == found.text:
        raise ToolError(f"'{found.location.shown}' has this content already")
    change = await _explained(context.files.change(found.location, found, content))
    return Action("write_file", ToolKind.EDIT, f"Rewrite {found.location.shown}", change)


async def _prepare_edit(arguments: EditFile, context: ToolContext) -> Action:
    document = await _explained(context.files.read(arguments.path))
    await _must_be_current(document, context)
    wanted = [edits.Replacement(edit.old_text, edit.new_text, edit.all) for edit in arguments.edits]
    try:
        made = await asyncio.to_thread(edits.replaced, document.text, wanted)
    except edits.EditRefused as error:
        raise ToolError(f"nothing was changed in '{document.location.shown}': {error}") from error
    change = await _explained(context.files.change(document.location, document, made.text))
    return Action("edit_file", ToolKind.EDIT, f"Edit {document.location.shown}", change, "\n".join(made.notes))


async def _prepare_delete(arguments: DeleteFile, context: ToolContext) -> Action:
    change = await _explained(context.files.deletion(arguments.path))
    return Action("delete_file", ToolKind.DELETE, f"Delete {change.shown}", change)


async def _prepare_move(arguments: MoveFile, context: ToolContext) -> Action:
    move = await _explained(_move(arguments, context))
    return Action("move_file", ToolKind.MOVE, f"Move {move.shown} to {move.new_shown}", move)


async def _move(arguments: MoveFile, context: ToolContext) -> FileMove:
    roots = context.files.roots
    source, target = roots.find(arguments.path), roots.find(arguments.new_path)
    if is_folder(target):
        target = roots.find(f"{target.path}/{source.relative.rpartition('/')[2]}")
    move = await context.files.move(arguments.path, target)
    if exists(target):
        raise PathRefused(f"'{target.shown}' exists already")
    return move


async def _perform_change(action: Action, context: ToolContext) -> Done:
    assert isinstance(action.effect, FileChange)  # noqa: S101 - prepared by this file
    performed = await _explained(context.files.perform(action.effect))
    merged = performed.made.after != action.effect.after
    kept = " Somebody else changed the file meanwhile; both changes were kept: read it again." if merged else ""
    if not merged:  # the other half of what was merged is not known to the model
        await asyncio.to_thread(_note, performed.made, context.seen)
    note = f"\n{action.note}" if action.note else ""
    return Done(f"{action.title}: done, {performed.where}.{kept}{note}", performed.made)


async def _perform_move(action: Action, context: ToolContext) -> str:
    assert isinstance(action.effect, FileMove)  # noqa: S101 - prepared by this file
    await _explained(context.files.perform_move(action.effect))
    context.seen.move(action.effect.path, action.effect.new_path)
    return f"{action.title}: done."


async def _must_be_current(document: TextFile, context: ToolContext) -> None:
    try:
        await asyncio.to_thread(context.seen.must_be_current, document)
    except ChangedSinceSeen as error:
        raise ToolError(str(error)) from error


def _note(made: FileChange, seen: ReadTracker) -> None:
    """What the model wrote it has seen."""
    if made.after is None:
        seen.forget(made.path)
    else:
        seen.note(made.path, made.after)


async def _explained(work: Awaitable[T]) -> T:
    """What keeps a file from being read or changed is the model's to mend."""
    try:
        return await work
    except (PathRefused, ChangedMeanwhile, EditorRefused) as error:
        raise ToolError(str(error)) from error


write_file = ChangingTool(
    name="write_file",
    kind=ToolKind.EDIT,
    description=(
        "Create a file, and the folders it needs, or replace a file's whole text. To change parts use edit_file."
    ),
    arguments=WriteFile,
    title=lambda arguments: f"Write {arguments.path}",
    prepare=_prepare_write,
    perform=_perform_change,
    rest="",
    provenance=Provenance.PROJECT,
)

edit_file = ChangingTool(
    name="edit_file",
    kind=ToolKind.EDIT,
    description=(
        "Replace passages of a file, unsaved changes included. Read the file first. Keep old_text as short as it can"
        " be while it stands in the file only once."
    ),
    arguments=EditFile,
    title=lambda arguments: f"Edit {arguments.path}",
    prepare=_prepare_edit,
    perform=_perform_change,
    rest="",
    provenance=Provenance.PROJECT,
)

delete_file = ChangingTool(
    name="delete_file",
    kind=ToolKind.DELETE,
    description="Delete a file.",
    arguments=DeleteFile,
    title=lambda arguments: f"Delete {arguments.path}",
    prepare=_prepare_delete,
    perform=_perform_change,
    rest="",
    provenance=Provenance.PROJECT,
)

move_file = ChangingTool(
    name="move_file",
    kind=ToolKind.MOVE,
    description="Move or rename a file, making the folders it needs.",
    arguments=MoveFile,
    title=lambda arguments: f"Move {arguments.path} to {arguments.new_path}",
    prepare=_prepare_move,
    perform=_perform_move,
    rest="",
    provenance=Provenance.PROJECT,
)
