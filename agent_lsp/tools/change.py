"""write_file, edit_file, delete_file and move_file."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import TypeVar

from pydantic import Field

from agent_lsp.conversation.actions import Action, FileChange, FileMove, ToolKind
from agent_lsp.tools import Arguments, ChangingTool, ToolContext, ToolError
from agent_lsp.workspace import edits
from agent_lsp.workspace.editor import EditorRefused
from agent_lsp.workspace.files import ChangedMeanwhile, Document
from agent_lsp.workspace.roots import Location, PathRefused, exists, is_folder

Done = TypeVar("Done")


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
    content = edits.with_line_ends(arguments.content, edits.line_end_of(found.text))
    if content == found.text:
        raise ToolError(f"'{found.location.shown}' has this content already")
    change = await _explained(context.files.change(found.location, found, content))
    return Action("write_file", ToolKind.EDIT, f"Rewrite {found.location.shown}", change)


async def _prepare_edit(arguments: EditFile, context: ToolContext) -> Action:
    document = await _explained(context.files.read(arguments.path))
    wanted = [edits.Replacement(edit.old_text, edit.new_text, edit.all) for edit in arguments.edits]
    try:
        after = await asyncio.to_thread(edits.replaced, document.text, wanted)
    except edits.EditRefused as error:
        raise ToolError(f"nothing was changed in '{document.location.shown}': {error}") from error
    change = await _explained(context.files.change(document.location, document, after))
    return Action("edit_file", ToolKind.EDIT, f"Edit {document.location.shown}", change)


async def _prepare_delete(arguments: DeleteFile, context: ToolContext) -> Action:
    document = await _explained(context.files.read(arguments.path))
    change = await _explained(context.files.change(document.location, document, None))
    return Action("delete_file", ToolKind.DELETE, f"Delete {document.location.shown}", change)


async def _prepare_move(arguments: MoveFile, context: ToolContext) -> Action:
    document = await _explained(context.files.read(arguments.path))
    target = await _explained(_target(arguments.new_path, document, context))
    source = document.location
    effect = FileMove(source.path, source.shown, target.path, target.shown, document.text)
    return Action("move_file", ToolKind.MOVE, f"Move {source.shown} to {target.shown}", effect)


async def _target(path: str, document: Document, context: ToolContext) -> Location:
    if not document.exact:
        raise PathRefused(f"'{document.location.shown}' is not UTF-8: move it with a command")
    target = context.files.roots.find(path)
    if is_folder(target):
        target = context.files.roots.find(f"{target.path}/{document.location.relative.rpartition('/')[2]}")
    if exists(target):
        raise PathRefused(f"'{target.shown}' exists already")
    return target


async def _perform_change(action: Action, context: ToolContext) -> str:
    assert isinstance(action.effect, FileChange)  # noqa: S101 - prepared by this file
    where = await _explained(context.files.perform(action.effect))
    return f"{action.title}: done, {where}."


async def _perform_move(action: Action, context: ToolContext) -> str:
    assert isinstance(action.effect, FileMove)  # noqa: S101 - prepared by this file
    await _explained(context.files.perform_move(action.effect))
    return f"{action.title}: done."


async def _explained(work: Awaitable[Done]) -> Done:
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
)
