"""read_file, list_files and search: results on real input, and no trace."""

from __future__ import annotations

from pathlib import Path

import pytest

from agent_lsp.tools import ReadingTool, Toolbox, ToolContext, ToolError
from agent_lsp.tools.read import ListFiles, ReadFile, list_files, read_file
from agent_lsp.tools.search import SearchFiles, search
from tests.open_buffers import OpenBuffers
from tests.tools.calls import read, snapshot_of


@pytest.fixture(autouse=True)
def some_files(workspace: Path) -> None:
    (workspace / "src").mkdir()
    (workspace / "src" / "a.py").write_bytes(b"one\r\ntwo\nthree")
    (workspace / "b.txt").write_text("".join(f"line {number}\n" for number in range(1, 21)))


async def refusal(
    tool: ReadingTool[ReadFile] | ReadingTool[ListFiles] | ReadingTool[SearchFiles],
    context: ToolContext,
    **arguments: object,
) -> str:
    with pytest.raises(ToolError) as caught:
        await read(tool, context, **arguments)
    return str(caught.value)


async def test_reading_leaves_no_trace(context: ToolContext, workspace: Path) -> None:
    before = snapshot_of(workspace)
    await read(read_file, context, path="b.txt")
    await read(list_files, context)
    await read(search, context, pattern="line")

    assert snapshot_of(workspace) == before


async def test_lines_are_shown_with_their_numbers(context: ToolContext) -> None:
    assert await read(read_file, context, path="src/a.py") == "1\tone\n2\ttwo\n3\tthree\n"
    assert await read(read_file, context, path="b.txt", start_line=3, end_line=4) == (
        "[lines 3 to 4 of 20]\n3\tline 3\n4\tline 4\n"
    )
    assert (await read(read_file, context, path="b.txt", start_line=20)).endswith("20\tline 20\n")
    assert (await read(read_file, context, path="b.txt", end_line=99)).startswith("1\tline 1\n")


async def test_what_the_editor_holds_is_read(context: ToolContext, workspace: Path, editor: OpenBuffers) -> None:
    editor.open(workspace / "b.txt", "not saved")

    assert await read(read_file, context, path="b.txt") == "1\tnot saved\n"


async def test_odd_content_is_said_to_be(context: ToolContext, workspace: Path) -> None:
    (workspace / "latin").write_bytes(b"caf\xe9\n")
    (workspace / "empty").touch()

    assert await read(read_file, context, path="latin") == ("[encoding: Latin-1, which edits keep]\n1\tcafé\n")
    assert await read(read_file, context, path="empty") == "(the file is empty)"


async def test_what_cannot_be_read_is_refused_with_the_remedy(context: ToolContext, workspace: Path) -> None:
    assert [
        await refusal(read_file, context, path="src/b.py"),
        await refusal(read_file, context, path="src"),
        await refusal(read_file, context, path="/etc/passwd"),
        await refusal(read_file, context, path="b.txt", start_line=21),
        await refusal(read_file, context, path="b.txt", start_line=5, end_line=4),
        await refusal(list_files, context, path="b.txt"),
        await refusal(list_files, context, path="sr"),
        await refusal(list_files, context, path=".."),
        await refusal(search, context, pattern="x", path="sr"),
        await refusal(search, context, pattern="x", path="/etc"),
    ] == [
        "not found: 'src/b.py'. Nearest: src/a.py.",
        "'src' is a folder: use list_files",
        f"'/etc/passwd' lies outside the workspace ({workspace})",
        "the file has 20 lines; lines 21 to 20 are none of them",
        "the file has 20 lines; lines 5 to 4 are none of them",
        "'b.txt' is no folder",
        "not found: 'sr'. Nearest: src.",
        f"'..' lies outside the workspace ({workspace})",
        "not found: 'sr'. Nearest: src.",
        f"'/etc' lies outside the workspace ({workspace})",
    ]
    assert "regex" in await refusal(search, context, pattern="(", regex=True)


async def test_files_are_listed(context: ToolContext, workspace: Path) -> None:
    (workspace / "empty").mkdir()

    assert await read(list_files, context) == "b.txt\nsrc/a.py"
    assert await read(list_files, context, path=".", depth=1) == "b.txt\nsrc/"
    assert await read(list_files, context, path="src") == "src/a.py"
    assert await read(list_files, context, glob="*.rs") == "(no files)"
    assert await read(list_files, context, path="empty") == "(no files)"


async def test_a_long_list_says_how_much_is_left_out(context: ToolContext, workspace: Path) -> None:
    for number in range(2_010):
        (workspace / f"f{number}").touch()

    assert (await read(list_files, context)).endswith("[12 more are left out: name a folder, a glob or a depth]")


async def test_files_that_are_too_many_to_look_at_are_said_to_be(context: ToolContext, workspace: Path) -> None:
    deep = workspace.joinpath("z", *(["d" * 200] * 18))
    deep.mkdir(parents=True)
    for number in range(4_700):
        (deep / f"f{number}").touch()

    words = "others were not looked at, for there are too many: name a folder]"
    assert (await read(list_files, context)).endswith(words)
    assert (await read(list_files, context, glob="*.rs")) == f"(no files)\n[0 more are left out, and {words}"
    assert await read(list_files, context, path="src") == "src/a.py"


async def test_matches_are_grouped_by_file(context: ToolContext) -> None:
    assert await read(search, context, pattern="line 1", regex=True) == (
        "b.txt\n1:\tline 1\n" + "\n".join(f"{number}:\tline {number}" for number in range(10, 20))
    )
    assert await read(search, context, pattern="T[WH]", regex=True, case_sensitive=False, context_lines=1) == (
        "src/a.py\n1-\tone\n2:\ttwo\n3:\tthree"
    )
    assert await read(search, context, pattern="line [35]$", regex=True, context_lines=0, path="b.txt") == (
        "b.txt\n3:\tline 3\n5:\tline 5"
    )
    assert await read(search, context, pattern="line [37]$", regex=True, context_lines=1, glob="*.txt") == (
        "b.txt\n2-\tline 2\n3:\tline 3\n4-\tline 4\n  …\n6-\tline 6\n7:\tline 7\n8-\tline 8"
    )
    assert await read(search, context, pattern="nowhere") == "(no matches)"


async def test_too_many_matches_are_said_to_be(context: ToolContext, workspace: Path) -> None:
    (workspace / "many").write_text("hit\n" * 501)
    (workspace / "more").write_text("hit\n" * 10)

    assert (await read(search, context, pattern="hit")).endswith(
        "[there are more matches than the 500 shown: narrow the pattern, path or glob]"
    )


def test_titles_name_what_is_looked_at() -> None:
    assert [
        read_file.title(ReadFile(path="a", start_line=None, end_line=None)),
        read_file.title(ReadFile(path="a", start_line=2, end_line=None)),
        list_files.title(ListFiles(path=None, glob="*.py", depth=None)),
        search.title(SearchFiles.model_validate({"pattern": "x", "path": "src"})),
    ] == ["Read a", "Read a 2–", "List the workspace *.py", "Search for 'x' in src"]


def test_an_unknown_tool_is_refused_with_those_there_are() -> None:
    with pytest.raises(ToolError, match="no tool 'reed'; tools are: read_file, search"):
        Toolbox([read_file, search]).find("reed")
