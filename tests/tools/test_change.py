"""write_file, edit_file, delete_file, move_file: prepared without a trace, performed exactly."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from agent_lsp.conversation.actions import Action, FileChange, FileMove, Hunk, ToolKind, WorkspacePath
from agent_lsp.tools import ChangingTool, Done, ToolContext, ToolError
from agent_lsp.tools.change import delete_file, edit_file, move_file, write_file
from agent_lsp.tools.read import read_file
from tests.open_buffers import OpenBuffers
from tests.tools.calls import done, prepared, read, snapshot_of

CALLS: list[tuple[ChangingTool[Any], dict[str, object]]] = [
    (write_file, {"path": "new/deep/b.txt", "content": "x\n"}),
    (write_file, {"path": "a.txt", "content": "x\n"}),
    (edit_file, {"path": "a.txt", "edits": [{"old_text": "two", "new_text": "2"}]}),
    (delete_file, {"path": "a.txt"}),
    (move_file, {"path": "a.txt", "new_path": "new/deep/b.txt"}),
]


@pytest.fixture(autouse=True)
def a_file(workspace: Path) -> None:
    (workspace / "a.txt").write_text("one\ntwo\n")


async def refusal(tool: ChangingTool[Any], context: ToolContext, **arguments: object) -> str:
    with pytest.raises(ToolError) as caught:
        await prepared(tool, context, **arguments)
    return str(caught.value)


@pytest.mark.parametrize(("tool", "arguments"), CALLS)
async def test_preparing_changes_nothing(
    context: ToolContext, workspace: Path, tool: ChangingTool[Any], arguments: dict[str, object]
) -> None:
    before = snapshot_of(workspace)
    first = await prepared(tool, context, **arguments)

    assert snapshot_of(workspace) == before
    assert (await prepared(tool, context, **arguments)).digest == first.digest
    assert (first.tool, first.kind) == (tool.name, tool.kind)


async def test_an_action_says_exactly_what_would_happen(context: ToolContext, workspace: Path) -> None:
    path = str(workspace / "a.txt")

    assert await prepared(edit_file, context, path="a.txt", edits=[{"old_text": "two", "new_text": "2"}]) == Action(
        "edit_file",
        ToolKind.EDIT,
        "Edit a.txt",
        FileChange(
            WorkspacePath(str(workspace), "a.txt", "a.txt"),
            "one\ntwo\n",
            "one\n2\n",
            None,
            (Hunk("1", 2, "two\n", 2, "2\n"),),
        ),
    )
    assert await prepared(move_file, context, path="a.txt", new_path="b") == Action(
        "move_file",
        ToolKind.MOVE,
        "Move a.txt to b",
        FileMove(path, "a.txt", str(workspace / "b"), "b", hashlib.sha256(b"one\ntwo\n").hexdigest()),
    )


async def test_writing_creates_with_folders_or_replaces(context: ToolContext, workspace: Path) -> None:
    said = [
        await done(write_file, context, path="new/deep/b.txt", content="x\n"),
        await done(write_file, context, path="a.txt", content="y\n"),
        await done(write_file, context, path="empty", content=""),
    ]

    assert said == [
        "Create new/deep/b.txt: done, on disk.",
        "Rewrite a.txt: done, on disk.",
        "Create empty: done, on disk.",
    ]
    assert [(workspace / name).read_text() for name in ("new/deep/b.txt", "a.txt", "empty")] == ["x\n", "y\n", ""]


async def test_rewriting_keeps_the_files_line_ends(context: ToolContext, workspace: Path) -> None:
    (workspace / "dos.txt").write_bytes(b"one\r\ntwo\r\n")

    await done(write_file, context, path="dos.txt", content="1\n2\n3\n")
    await done(edit_file, context, path="dos.txt", edits=[{"old_text": "2", "new_text": "2\n2.5"}])

    assert (workspace / "dos.txt").read_bytes() == b"1\r\n2\r\n2.5\r\n3\r\n"


async def test_an_open_file_is_changed_in_the_editor(
    context: ToolContext, workspace: Path, editor: OpenBuffers
) -> None:
    editor.open(workspace / "a.txt", "one\ntwo, not saved\n")

    said = await done(edit_file, context, path="a.txt", edits=[{"old_text": "two", "new_text": "2"}])

    assert said == "Edit a.txt: done, in the editor's buffer, not saved yet."
    assert editor.buffers[str(workspace / "a.txt")].text == "one\n2, not saved\n"
    assert (workspace / "a.txt").read_text() == "one\ntwo\n"


async def test_edits_are_all_or_nothing(context: ToolContext, workspace: Path) -> None:
    wanted = [{"old_text": "one", "new_text": "1"}, {"old_text": "three", "new_text": "3"}]

    assert (await refusal(edit_file, context, path="a.txt", edits=wanted)).startswith(
        "nothing was changed in 'a.txt': edit 2: old_text is not in the file."
    )
    assert (workspace / "a.txt").read_text() == "one\ntwo\n"


async def test_lines_that_were_matched_but_for_blanks_are_shown(context: ToolContext, workspace: Path) -> None:
    (workspace / "a.txt").write_text("if x:\n\tone\n\ttwo\n")
    wanted = [{"old_text": "    one\n    two\n", "new_text": "    1\n    two\n"}]

    assert await done(edit_file, context, path="a.txt", edits=wanted) == (
        "Edit a.txt: done, on disk.\nold_text was matched but for blanks; replaced were the lines\n2\t\tone\n3\t\ttwo"
    )
    assert (workspace / "a.txt").read_text() == "if x:\n\t1\n\ttwo\n"


@pytest.mark.parametrize(("tool", "arguments"), CALLS[1:3])
async def test_a_file_that_changed_since_it_was_read_is_not_changed_before_the_model_saw_how(
    context: ToolContext, workspace: Path, tool: ChangingTool[Any], arguments: dict[str, object]
) -> None:
    await read(read_file, context, path="a.txt", start_line=2)
    (workspace / "a.txt").write_text("ONE\ntwo\n")

    assert (await refusal(tool, context, **arguments)).endswith(
        "What changed:\n" + ("--- a/a.txt\n+++ b/a.txt\n@@ -1,2 +1,2 @@\n-one\n+ONE\n two\n")
    )
    await done(tool, context, **arguments)
    await done(
        tool,
        context,
        path="a.txt",
        **({"content": "z\n"} if tool is write_file else {"edits": [{"old_text": "2", "new_text": "3"}]}),
    )
    assert (workspace / "a.txt").read_text() == ("z\n" if tool is write_file else "ONE\n3\n")


async def test_deleting_and_moving(context: ToolContext, workspace: Path) -> None:
    (workspace / "folder").mkdir()
    (workspace / "b.txt").write_text("b")

    assert await done(move_file, context, path="a.txt", new_path="folder") == "Move a.txt to folder/a.txt: done."
    assert await done(delete_file, context, path="b.txt") == "Delete b.txt: done, on disk."
    assert [path.name for path in workspace.rglob("*")] == ["folder", "a.txt"]


async def test_what_cannot_be_done_is_refused_with_the_remedy(context: ToolContext, workspace: Path) -> None:
    (workspace / "folder").mkdir()
    (workspace / "b.txt").write_text("b")
    (workspace / "latin").write_bytes(b"caf\xe9")
    edits = [{"old_text": "x", "new_text": "y"}]

    assert [
        await refusal(write_file, context, path="a.txt", content="one\ntwo\n"),
        await refusal(write_file, context, path="folder", content=""),
        await refusal(write_file, context, path="new/", content=""),
        await refusal(write_file, context, path="../x", content=""),
        await refusal(write_file, context, path="latin", content="日"),
        await refusal(edit_file, context, path="a.tx", edits=edits),
        await refusal(delete_file, context, path="folder"),
        await refusal(delete_file, context, path="zzz"),
        await refusal(move_file, context, path="a.txt", new_path="b.txt"),
    ] == [
        "'a.txt' has this content already",
        "'folder' is a folder: use list_files",
        "'new/' is a folder: name a file",
        f"'../x' lies outside the workspace ({workspace})",
        "'latin' cannot be written: the text has '日', which Latin-1, the file's encoding, does not have:"
        " write it with other characters, or have the file converted to UTF-8 first",
        "not found: 'a.tx'. Nearest: a.txt, b.txt.",
        "'folder' is a folder: use list_files",
        "not found: 'zzz'.",
        "'b.txt' exists already",
    ]


async def test_what_others_changed_elsewhere_meanwhile_is_kept_and_told(context: ToolContext, workspace: Path) -> None:
    (workspace / "a.txt").write_text("one\ntwo\nthree\n")
    await read(read_file, context, path="a.txt")
    action = await prepared(edit_file, context, path="a.txt", edits=[{"old_text": "three", "new_text": "3"}])
    (workspace / "a.txt").write_text("1\ntwo\nthree\n")

    done = await edit_file.perform(action, context)
    assert isinstance(done, Done)
    assert done.text == (
        "Edit a.txt: done, on disk. Somebody else changed the file meanwhile; both changes were kept: read it again."
    )
    assert (workspace / "a.txt").read_text() == "1\ntwo\n3\n"
    unseen = await refusal(edit_file, context, path="a.txt", edits=[{"old_text": "two", "new_text": "2"}])
    assert "-one\n+1\n" in unseen


@pytest.mark.parametrize(("tool", "arguments"), CALLS[1:])
async def test_an_action_fails_when_the_file_changed_since(
    context: ToolContext, workspace: Path, tool: ChangingTool[Any], arguments: dict[str, object]
) -> None:
    action = await prepared(tool, context, **arguments)
    (workspace / "a.txt").write_text("theirs\n")

    with pytest.raises(ToolError, match=r"'a\.txt' was changed by somebody else meanwhile"):
        await tool.perform(action, context)
    assert {path.name: path.read_text() for path in workspace.iterdir()} == {"a.txt": "theirs\n"}


def test_unknown_arguments_are_refused() -> None:
    with pytest.raises(ValidationError, match="Extra inputs are not permitted"):
        write_file.arguments.model_validate({"path": "a", "content": "", "mode": "w"})
    with pytest.raises(ValidationError):
        edit_file.arguments.model_validate({"path": "a", "edits": []})
