"""read_file and list_files."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from pydantic import Field

from agent_lsp.conversation.actions import ToolKind
from agent_lsp.conversation.messages import Provenance
from agent_lsp.files.disk import Binary, TextFile, nearest
from agent_lsp.files.encodings import Encoding
from agent_lsp.files.location import Location, PathRefused
from agent_lsp.files.safe_open import exists, is_folder
from agent_lsp.search.found import Listing, SearchRefused
from agent_lsp.text.diffs import lines_of
from agent_lsp.tools import Arguments, ReadingTool, Shown, ToolContext, ToolError
from agent_lsp.tools.images import image_in

_AT_ONCE = 32 << 10
"""Characters of a file whose numbering the event loop does not notice."""


class ReadFile(Arguments):
    path: str = Field(description="Path relative to the workspace, or absolute inside it")
    start_line: int | None = Field(None, ge=1, description="First line, 1-based")
    end_line: int | None = Field(None, ge=1, description="Last line, inclusive")


class ListFiles(Arguments):
    path: str | None = Field(None, description="Folder; default: the whole workspace")
    glob: str | None = Field(None, description="Only files that match, e.g. '*.py' or 'src/**/*.ts'")
    depth: int | None = Field(None, ge=1, description="Levels to show; deeper folders are named, not opened")


async def _read(arguments: ReadFile, context: ToolContext) -> str | Shown:
    try:
        content = await context.files.read_any(arguments.path)
    except PathRefused as error:
        raise ToolError(str(error)) from error
    if isinstance(content, Binary):
        return await asyncio.to_thread(_pictured, content)
    if len(content.text) <= _AT_ONCE:
        return _noted(arguments, content, context)
    return await asyncio.to_thread(_noted, arguments, content, context)


def _pictured(file: Binary) -> Shown:
    image = image_in(file.data, file.location.shown)
    if image is None:
        raise ToolError(file.refusal)
    size = f"{image.width} × {image.height} pixels, {-(-image.size // 1000):,} kB"
    return Shown(f"{file.location.shown}: {image.media_type}, {size}", (image,))


def _noted(arguments: ReadFile, document: TextFile, context: ToolContext) -> str:
    shown = _numbered(arguments, document)
    context.seen.note(document.location.path, document.text)
    return shown


def _numbered(arguments: ReadFile, document: TextFile) -> str:
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
    notes = [] if document.encoding is Encoding.UTF_8 else [f"encoding: {document.encoding}, which edits keep"]
    notes += [f"lines {first} to {last} of {len(lines)}"] if (first, last) != (1, len(lines)) else []
    return f"[{'; '.join(notes)}]\n{shown}" if notes else shown


async def _list(arguments: ListFiles, context: ToolContext) -> Shown:
    try:
        listings = [await _listing(place, arguments, context) for place in _places(arguments.path, context)]
    except (PathRefused, SearchRefused) as error:
        raise ToolError(str(error)) from error
    paths = [path for listing in listings for path in listing.paths]
    more = _left_out(listings)
    return Shown("\n".join([*(paths or ["(no files)"]), *([more] if more else [])]), names=tuple(paths))


def _left_out(listings: Sequence[Listing]) -> str:
    """What a listing does not show, in a line; empty for nothing."""
    count = sum(listing.left_out for listing in listings)
    if not all(listing.complete for listing in listings):
        return f"[{count} more are left out, and others were not looked at, for there are too many: name a folder]"
    return f"[{count} more are left out: name a folder, a glob or a depth]" if count else ""


async def _listing(place: Location, arguments: ListFiles, context: ToolContext) -> Listing:
    if not is_folder(place):
        there = exists(place)
        raise ToolError(f"'{place.shown}' is no folder" if there else f"not found: '{place.shown}'.{nearest(place)}")
    return await context.search.files(place, glob=arguments.glob, depth=arguments.depth)


def _places(path: str | None, context: ToolContext) -> list[Location]:
    if path in {None, "", "."}:
        return [*context.files.roots.present()]
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
        " number, a tab, and its text. For a long file read the lines you need. A PNG, JPEG, GIF or WebP file is shown"
        " as a picture."
    ),
    arguments=ReadFile,
    title=lambda arguments: f"Read {arguments.path}{_lines(arguments)}",
    perform=_read,
    rest="Read the rest with start_line and end_line",
    provenance=Provenance.PROJECT,
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
    provenance=Provenance.PROJECT,
)
