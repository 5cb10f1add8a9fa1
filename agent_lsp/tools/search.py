"""search: lines that contain words or match a regular expression."""

from __future__ import annotations

from pydantic import Field

from agent_lsp.conversation.actions import ToolKind
from agent_lsp.conversation.messages import Provenance
from agent_lsp.files.disk import nearest
from agent_lsp.files.location import PathRefused
from agent_lsp.files.safe_open import exists
from agent_lsp.search.found import MOST_MATCHES, Query, SearchLine, SearchRefused, SearchResult
from agent_lsp.tools import Arguments, ReadingTool, Shown, ToolContext, ToolError


class SearchFiles(Arguments):
    pattern: str = Field(min_length=1, description="The words to find, taken literally unless regex is true")
    path: str | None = Field(None, description="File or folder; default: the whole workspace")
    glob: str | None = Field(None, description="Only files that match, e.g. '*.py'")
    regex: bool = Field(False, description="Take pattern as a regular expression")
    case_sensitive: bool = Field(True, description="Tell upper from lower case")
    context_lines: int = Field(0, ge=0, le=20, description="Lines to show before and after each match")


async def _search(arguments: SearchFiles, context: ToolContext) -> Shown:
    try:
        found = [await context.search.find(query) for query in _queries(arguments, context)]
    except (PathRefused, SearchRefused) as error:
        raise ToolError(str(error)) from error
    paths = tuple(dict.fromkeys(line.shown for one in found for line in one.lines))
    return Shown(_printed(found), paths=paths)


def _queries(arguments: SearchFiles, context: ToolContext) -> list[Query]:
    roots = context.files.roots
    everywhere = arguments.path in {None, "", "."}
    places = roots.present() if everywhere else (roots.find(str(arguments.path)),)
    for place in places:
        if place.relative and not exists(place):
            raise ToolError(f"not found: '{place.shown}'.{nearest(place)}")
    return [
        Query(
            arguments.pattern,
            place,
            glob=arguments.glob,
            regex=arguments.regex,
            case_sensitive=arguments.case_sensitive,
            context_lines=arguments.context_lines,
        )
        for place in places
    ]


def _printed(found: list[SearchResult]) -> str:
    lines = [line for one in found for line in one.lines]
    if not lines:
        return "(no matches)"
    with_context = any(not line.matched for line in lines)
    printed: list[str] = []
    before: SearchLine | None = None
    for line in lines:
        if before is None or line.shown != before.shown:
            printed.append(("\n" if before else "") + line.shown)
        elif line.number > before.number + 1 and with_context:
            printed.append("  …")
        printed.append(f"{line.number}{':' if line.matched else '-'}\t{line.text}")
        before = line
    if any(one.left_out for one in found):
        printed.append(f"\n[there are more matches than the {MOST_MATCHES} shown: narrow the pattern, path or glob]")
    return "\n".join(printed)


search = ReadingTool(
    name="search",
    kind=ToolKind.SEARCH,
    description=(
        "Search the workspace's text, unsaved changes included, with ripgrep. Ignored files are left out."
        " Prefer this to grep in a shell."
    ),
    arguments=SearchFiles,
    title=lambda arguments: f"Search for {arguments.pattern!r}" + (f" in {arguments.path}" if arguments.path else ""),
    perform=_search,
    rest="Narrow the pattern, the path or the glob",
    provenance=Provenance.PROJECT,
)
