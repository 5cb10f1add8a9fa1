"""read_file and list_files."""

from __future__ import annotations

import asyncio

from pydantic import Field

from agent_lsp.conversation.actions import ToolKind
from agent_lsp.conversation.diffs import lines_of
from agent_lsp.tools import Arguments, ReadingTool, ToolContext, ToolError
from agent_lsp.workspace.files import Document, nearest
from agent_lsp.workspace.ripgrep import Listing, SearchRefused
from agent_lsp.workspace.roots import Location, PathRefused, exists, is_folder


class ReadFile(Arguments):
    path: str = Field(description="Path relative to the workspace, or absolute inside it")
    start_line: int | None = Field(None, ge=1, description="First line, 1-based")
    end_line: int | None = Field(None, ge=1, description="Last line, inclusive")


class ListFiles(Arguments):
    path: str | None = Field(None, description="Folder; default: the whole workspace")
    glob: str | None = Field(None, description="Only files that match, e.g. '*.py' or 'src/**/*.ts'")
    depth: int | None = Field(None, ge=1, description="Levels to show; deeper folders are named, not opened")


async def _read(arguments: ReadFile, context: ToolContext) -> str:
    try:
        document = await context.files.read(arguments.path)
    except PathRefused as error:
        raise ToolError(str(error)) from error
    return await asyncio.to_thread(_numbered, arguments, document)


def _numbered(arguments: ReadFile, document: Document) -> str:
    lines = lines_of(document.text)
    first, last = arguments.start_line or 1, min(arguments.end_line or len(lines), len(lines))
    if not lines:
        return "(the file is empty)"
    if first > len(lines) or last < first:
        raise ToolError(
            f"the file has {len(lines)} lines; lines {first} to {arguments.end_line or last} are none of them"
        )
    shown = "".join(
        f"{number}\t{line.rstrip(chr(10)).rstrip(chr(13))}\n"
        for number, line in enumerate(lines[first - 1 : last], first)
    )
    notes = [] if document.exact else ["not UTF-8: some characters are shown as \ufffd; it cannot be edited"]
    notes += [f"lines {first} to {last} of {len(lines)}"] if (first, last) != (1, len(lines)) else []
    return f"[{'; '.join(notes)}]\n{shown}" if notes else shown


async def _list(arguments: ListFiles, context: ToolContext) -> str:
    try:
        listings = [await _listing(place, arguments, context) for place in _places(arguments.path, context)]
    except (PathRefused, SearchRefused) as error:
        raise ToolError(str(error)) from error
    paths = [path for listing in listings for path in listing.paths]
    left_out = sum(listing.left_out for listing in listings)
    if not paths:
        return "(no files)"
    more = f"\n[{left_out} more are left out: name a folder, a glob or a depth]" if left_out else ""
    return "\n".join(paths) + more


async def _listing(place: Location, arguments: ListFiles, context: ToolContext) -> Listing:
    if not is_folder(place):
        there = exists(place)
        raise ToolError(f"'{place.shown}' is no folder" if there else f"not found: '{place.shown}'.{nearest(place)}")
    return await context.search.files(place, glob=arguments.glob, depth=arguments.depth)


def _places(path: str | None, context: ToolContext) -> list[Location]:
    if path in {None, "", "."}:
        return [context.files.roots.find(root.path) for root in context.files.roots.all]
    return [context.files.roots.find(str(path))]


def _lines(arguments: ReadFile) -> str:
    if not (arguments.start_line or arguments.end_line):
        return ""
    return f" {arguments.start_line or 1}–{arguments.end_line or ''}"


read_file = ReadingTool(
    name="read_file",
    kind=ToolKind.READ,
    description=(
        "Read a text file as the user sees it in the editor, unsaved changes included. Each line is shown as its"
        " number, a tab, and its text. For a long file read the lines you need."
    ),
    arguments=ReadFile,
    title=lambda arguments: f"Read {arguments.path}{_lines(arguments)}",
    perform=_read,
    rest="Read the rest with start_line and end_line",
)

list_files = ReadingTool(
    name="list_files",
    kind=ToolKind.READ,
    description="List files that version control does not ignore, as paths that the other tools take.",
    arguments=ListFiles,
    title=lambda arguments: (
        f"List {arguments.path or 'the workspace'}" + (f" {arguments.glob}" if arguments.glob else "")
    ),
    perform=_list,
    rest="Name a folder, a glob or a depth to see the rest",
)
