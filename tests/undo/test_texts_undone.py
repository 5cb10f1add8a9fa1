"""Undo of texts in any encoding, of what was merged, in several folders; and never of what is kept from the agent."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from agent_lsp.conversation.actions import ApprovalRequest, Decision, FileChange
from agent_lsp.files.editor import EditorRefused
from agent_lsp.files.overlay import Buffer
from agent_lsp.session.history import Restored
from agent_lsp.undo.change_history import change_sets
from agent_lsp.undo.undo_plan import Skipped
from tests.conftest import call
from tests.house import allow, house
from tests.open_buffers import OpenBuffers
from tests.session.test_history import LINES, edit, redo, undo

Script = Callable[..., str]

CODECS = {"utf-8": b"", "utf-8-sig": b"", "utf-16-le": b"\xff\xfe", "utf-16-be": b"\xfe\xff", "latin-1": b""}
"""Codecs, each with the mark that such a file begins with where the codec does not write it."""


def written(text: str, codec: str) -> bytes:
    return CODECS[codec] + text.encode(codec)


@pytest.mark.parametrize("codec", CODECS)
async def test_a_text_is_undone_and_redone_byte_for_byte(
    workspace: Path, state: Path, script: Script, codec: str
) -> None:
    poem, old, new = workspace / "a.txt", written("où\r\none\r\n", codec), written("où\r\n1\r\n", codec)
    poem.write_bytes(old)
    async with house(script({"calls": [edit("a.txt", "one", "1")]}, {"text": "ok"}), workspace, state) as home:
        await home.ask()
        assert poem.read_bytes() == new
        assert await undo(home) == Restored((poem.as_uri(),), ())
        assert poem.read_bytes() == old
        assert await redo(home) == Restored((poem.as_uri(),), ())
        assert poem.read_bytes() == new


@pytest.mark.parametrize("codec", CODECS)
async def test_a_text_that_was_changed_in_the_editor_is_undone_in_it_and_after_it_was_saved(
    workspace: Path, state: Path, script: Script, codec: str
) -> None:
    poem, editor = workspace / "a.txt", OpenBuffers()
    poem.write_bytes(written("où\none\n", codec))
    editor.open(poem, "où\none\n")
    model = script({"calls": [edit("a.txt", "one", "1")]}, {"text": "ok"})
    async with house(model, workspace, state, editor) as home:
        await home.ask()
        assert await undo(home) == Restored((poem.as_uri(),), ())
        assert editor.buffers[str(poem)].text == "où\none\n"
        assert await redo(home) == Restored((poem.as_uri(),), ())
        poem.write_bytes(written(editor.buffers.pop(str(poem)).text, codec))
        assert await undo(home) == Restored((poem.as_uri(),), ())
    assert poem.read_bytes() == written("où\none\n", codec)


@pytest.mark.parametrize("opened", [False, True])
async def test_undo_takes_back_the_agents_half_of_what_was_merged(
    workspace: Path, state: Path, script: Script, opened: bool
) -> None:
    poem, editor = workspace / "a.txt", OpenBuffers()
    poem.write_text(LINES)
    typed = LINES.replace("\n20\n", "\ntwenty\n")
    if opened:
        editor.open(poem, LINES)

    def typing(request: ApprovalRequest) -> Decision:
        if opened:
            editor.type(str(poem), typed)
        else:
            poem.write_text(typed)
        return allow(request)

    def text() -> str:
        return editor.buffers[str(poem)].text if opened else poem.read_text()

    model = script({"calls": [edit("a.txt", "\n5\n", "\nfive\n")]}, {"text": "ok"})
    async with house(model, workspace, state, editor) as home:
        home.answer = typing
        await home.ask()
        assert text() == typed.replace("\n5\n", "\nfive\n")
        assert await undo(home) == Restored((poem.as_uri(),), ())
        assert text() == typed
        assert await redo(home) == Restored((poem.as_uri(),), ())
        assert text() == typed.replace("\n5\n", "\nfive\n")


async def test_files_of_several_folders_are_undone_together(
    workspace: Path, tmp_path: Path, state: Path, script: Script
) -> None:
    other = tmp_path / "other"
    other.mkdir()
    for folder in (workspace, other):
        (folder / "a.txt").write_text("one\n")
    calls = [edit("workspace/a.txt", "one", "1"), call("move_file", path="other/a.txt", new_path="workspace/b.txt")]
    async with house(script({"calls": calls}, {"text": "ok"}), workspace, state) as home:
        home.agent.change_folders([str(workspace), str(other)])
        await home.ask()
        assert [(workspace / name).read_text() for name in ("a.txt", "b.txt")] == ["1\n", "one\n"]
        assert not (other / "a.txt").exists()
        assert (await undo(home)).kept == ()
        assert [(folder / "a.txt").read_text() for folder in (workspace, other)] == ["one\n", "one\n"]
        assert not (workspace / "b.txt").exists()
        await redo(home)
        home.agent.change_folders([str(workspace)])
        undone = await undo(home)
    outside = (other / "a.txt").as_uri()
    assert undone.restored == ((workspace / "a.txt").as_uri(),)
    assert [kept.uri for kept in undone.kept] == [outside, (workspace / "b.txt").as_uri()]
    assert f"lies outside the workspace ({workspace})" in undone.kept[0].why


async def test_no_copy_is_made_of_what_the_user_keeps_from_the_agent(
    workspace: Path, state: Path, script: Script
) -> None:
    for name in ("kept", "shown"):
        (workspace / name).write_text(f"{name} one\n")
    command = call("run_command", command="echo more >> kept; echo more >> shown")
    async with house(script({"calls": [command]}, {"text": "ok"}), workspace, state) as home:
        (workspace / ".agentignore").write_text("kept\n")
        await home.ask()
        assert await undo(home) == Restored(((workspace / "shown").as_uri(),), ())
        files = [path for path in (state / "checkpoints").rglob("*") if path.is_file()]
        copies = [home.parts.undo.objects.find(path.parent.name + path.name) or b"" for path in files]
    assert (workspace / "kept").read_text() == "kept one\n"
    assert b"shown one\n" in copies
    assert b"kept one\n" not in copies


async def test_a_file_that_is_kept_from_the_agent_since_is_left(workspace: Path, state: Path, script: Script) -> None:
    poem = workspace / "a.txt"
    poem.write_text("one\n")
    async with house(script({"calls": [edit("a.txt", "one", "1")]}, {"text": "ok"}), workspace, state) as home:
        await home.ask()
        (workspace / ".agentignore").write_text("*.txt\n")
        why = "'a.txt' is kept from the agent by .agentignore, line 1 ('*.txt'): do without it, or ask the user"
        assert await undo(home) == Restored((), (Skipped(poem.as_uri(), why),))
    assert poem.read_text() == "1\n"


async def test_of_an_undo_that_the_editor_refused_in_part_only_the_rest_is_on_record(
    workspace: Path, state: Path, script: Script
) -> None:
    editor = OpenBuffers()
    for name in ("a", "b"):
        (workspace / name).write_text("one\n")
    editor.open(workspace / "b", "one\n")
    a, b = ((workspace / name).as_uri() for name in ("a", "b"))
    calls = [edit("a", "one", "1"), edit("b", "one", "1")]
    async with house(script({"calls": calls}, {"text": "ok"}), workspace, state, editor) as home:
        await home.ask()
        editor.stale = True
        assert await undo(home) == Restored((a,), (Skipped(b, "the editor holds another text"),))
        editor.stale = False
        last = change_sets((await home.open()).conversation.entries)[-1]
        assert [one.uri for one in last.what.changes] == [a]
        assert await redo(home) == Restored((a,), ())
    assert editor.buffers[str(workspace / "b")].text == (workspace / "a").read_text() == "1\n"


class Complaining(OpenBuffers):
    """An editor that makes an edit and then says that something is wrong with it."""

    complains = True

    async def apply(self, change: FileChange, buffer: Buffer) -> None:
        await super().apply(change, buffer)
        if self.complains:
            raise EditorRefused("it looks wrong")


async def test_what_a_failed_call_changed_all_the_same_is_taken_back(
    workspace: Path, state: Path, script: Script
) -> None:
    editor = Complaining()
    editor.open(workspace / "greeting.txt", "one\n")
    async with house(
        script({"calls": [edit("greeting.txt", "one", "1")]}, {"text": "ok"}), workspace, state, editor
    ) as home:
        await home.ask()
        assert editor.buffers[str(workspace / "greeting.txt")].text == "1\n"
        editor.complains = False
        assert await undo(home) == Restored(((workspace / "greeting.txt").as_uri(),), ())
    assert editor.buffers[str(workspace / "greeting.txt")].text == "one\n"
