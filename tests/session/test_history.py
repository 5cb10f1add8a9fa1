"""Undo takes back what the agent did and nobody has changed since; redo makes it again."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from agent_lsp.conversation.actions import ApprovalRequest, Decision
from agent_lsp.conversation.entries import FilesChanged
from agent_lsp.conversation.messages import Notice, ResultStatus, ToolMessage, UserMessage
from agent_lsp.files.digest import digest_of
from agent_lsp.session import SessionError
from agent_lsp.session.history import Restored
from agent_lsp.undo.undo_plan import CHANGED, NO_COPY, PARTLY, UNWATCHED, Skipped
from tests.conftest import call
from tests.house import House, allow, house
from tests.open_buffers import OpenBuffers

Script = Callable[..., str]


def edit(path: str, old: str, new: str) -> dict[str, object]:
    return call("edit_file", path=path, edits=[{"old_text": old, "new_text": new}])


def texts(workspace: Path) -> dict[str, str]:
    return {str(f.relative_to(workspace)): f.read_text() for f in sorted(workspace.rglob("*")) if f.is_file()}


async def undo(home: House, entry_id: int | None = None) -> Restored:
    return await home.parts.undo.history.undo(await home.open(), entry_id)


async def redo(home: House, entry_id: int | None = None) -> Restored:
    return await home.parts.undo.history.redo(await home.open(), entry_id)


@pytest.fixture
def poems(workspace: Path) -> dict[str, Path]:
    """Three files, one of which can be executed."""
    found = {}
    for name in ("a", "b", "c"):
        found[name] = workspace / f"{name}.txt"
        found[name].write_text(f"{name} one\n{name} two\n")
    found["b"].chmod(0o755)
    return found


async def test_a_turn_of_all_sorts_of_changes_is_undone_and_redone(
    workspace: Path, state: Path, script: Script, poems: dict[str, Path]
) -> None:
    calls = [
        edit("a.txt", "one", "1"),
        edit("a.txt", "two", "2"),
        call("write_file", path="new/deep.txt", content="made\n"),
        call("delete_file", path="b.txt"),
        call("move_file", path="c.txt", new_path="d.txt"),
        edit("d.txt", "one", "1"),
    ]
    before = texts(workspace)
    async with house(script({"calls": calls}, {"text": "ok"}), workspace, state) as home:
        await home.ask()
        after = texts(workspace)
        undone = await undo(home)
        assert texts(workspace) == before
        assert poems["b"].stat().st_mode & 0o777 == 0o755
        redone = await redo(home)
        assert texts(workspace) == after
    assert after == {
        "a.txt": "a 1\na 2\n",
        "d.txt": "c 1\nc two\n",
        "greeting.txt": "hello\nworld\n",
        "new/deep.txt": "made\n",
    }
    uris = {(workspace / name).as_uri() for name in ("a.txt", "b.txt", "c.txt", "d.txt", "new/deep.txt")}
    assert (set(undone.restored), undone.kept) == (uris, ())
    assert (set(redone.restored), redone.kept) == (uris, ())


async def test_what_the_user_changed_since_is_kept_and_the_rest_is_restored(
    workspace: Path, state: Path, script: Script, poems: dict[str, Path]
) -> None:
    calls = [edit(f"{name}.txt", "one", "1") for name in poems]
    async with house(script({"calls": calls}, {"text": "ok"}), workspace, state) as home:
        await home.ask()
        poems["b"].write_text("b 1\nb two\nb three\n")
        undone = await undo(home)
        assert undone == Restored((poems["a"].as_uri(), poems["c"].as_uri()), (Skipped(poems["b"].as_uri(), CHANGED),))
        assert poems["b"].read_text() == "b 1\nb two\nb three\n"
        assert [poems[name].read_text() for name in "ac"] == ["a one\na two\n", "c one\nc two\n"]


async def test_turns_are_undone_from_the_last_to_the_first_and_redone_the_other_way(
    workspace: Path, state: Path, script: Script, poems: dict[str, Path]
) -> None:
    model = script(
        when={
            "first": [{"calls": [edit("a.txt", "one", "1")]}, {"text": "ok"}],
            "second": [{"calls": [edit("a.txt", "two", "2")]}, {"text": "ok"}],
            "talk": [{"text": "hm"}],
        }
    )
    async with house(model, workspace, state) as home:
        for prompt in ("first", "second", "talk"):
            await home.ask(prompt)
        seen = []
        for step in (undo, undo, redo, redo, undo):
            await step(home)
            seen.append(poems["a"].read_text().split())
    one, both, none = ["a", "1", "a", "two"], ["a", "1", "a", "2"], ["a", "one", "a", "two"]
    assert seen == [one, none, one, both, one]


async def test_undo_and_redo_work_after_a_restart(
    workspace: Path, state: Path, script: Script, poems: dict[str, Path]
) -> None:
    model = script({"calls": [edit("a.txt", "one", "1")]}, {"text": "ok"})
    async with house(model, workspace, state) as home:
        await home.ask()
        session_id = (await home.open()).id
    async with house(model, workspace, state) as home:
        home.session = await home.parts.sessions.get(session_id)
        await undo(home)
        assert poems["a"].read_text() == "a one\na two\n"
    async with house(model, workspace, state) as home:
        home.session = await home.parts.sessions.get(session_id)
        await redo(home)
        assert poems["a"].read_text() == "a 1\na two\n"


async def test_a_call_is_undone_by_its_entry(
    workspace: Path, state: Path, script: Script, poems: dict[str, Path]
) -> None:
    model = script({"calls": [edit("a.txt", "one", "1"), edit("b.txt", "one", "1")]}, {"text": "ok"})
    async with house(model, workspace, state) as home:
        await home.ask()
        entries = (await home.open()).conversation.entries
        first = next(entry.seq for entry in entries if isinstance(entry.content, FilesChanged))
        assert await undo(home, first) == Restored((poems["a"].as_uri(),), ())
        assert (poems["a"].read_text(), poems["b"].read_text()) == ("a one\na two\n", "b 1\nb two\n")
        assert (await undo(home)).restored == (poems["b"].as_uri(),)
        assert texts(workspace)["b.txt"] == "b one\nb two\n"


async def test_what_cannot_be_undone_or_redone_is_said(workspace: Path, state: Path, script: Script) -> None:
    async with house(script({"text": "ok"}), workspace, state) as home:
        with pytest.raises(SessionError, match="nothing to undo"):
            await undo(home)
        with pytest.raises(SessionError, match="nothing to redo"):
            await redo(home)
        with pytest.raises(SessionError, match="no entry 99: "):
            await undo(home, 99)
        with pytest.raises(SessionError, match="entry 99 is no change of files"):
            await redo(home, 99)


async def test_an_open_file_is_undone_in_the_editor_and_the_disk_left_alone(
    workspace: Path, state: Path, script: Script, poems: dict[str, Path]
) -> None:
    editor = OpenBuffers()
    editor.open(poems["a"], "a one\na typed\n")
    model = script({"calls": [edit("a.txt", "one", "1")]}, {"text": "ok"})
    async with house(model, workspace, state, editor) as home:
        await home.ask()
        assert editor.buffers[str(poems["a"])].text == "a 1\na typed\n"
        assert await undo(home) == Restored((poems["a"].as_uri(),), ())
        assert editor.buffers[str(poems["a"])].text == "a one\na typed\n"
        editor.open(poems["a"], "a one\na typed\nmore\n")
        assert await redo(home) == Restored((), (Skipped(poems["a"].as_uri(), CHANGED),))
        assert editor.buffers[str(poems["a"])].text == "a one\na typed\nmore\n"
    assert poems["a"].read_text() == "a one\na two\n"


async def test_a_file_that_the_agent_deleted_comes_back_though_it_is_still_open(
    workspace: Path, state: Path, script: Script, poems: dict[str, Path]
) -> None:
    editor = OpenBuffers()
    editor.open(poems["a"], poems["a"].read_text())
    model = script({"calls": [call("delete_file", path="a.txt")]}, {"text": "ok"})
    async with house(model, workspace, state, editor) as home:
        await home.ask()
        assert not poems["a"].exists()
        assert await undo(home) == Restored((poems["a"].as_uri(),), ())
    assert poems["a"].read_text() == "a one\na two\n"


async def test_a_created_file_with_unsaved_text_is_not_deleted(workspace: Path, state: Path, script: Script) -> None:
    editor = OpenBuffers()
    model = script({"calls": [call("write_file", path="n.txt", content="n\n")]}, {"text": "ok"})
    async with house(model, workspace, state, editor) as home:
        await home.ask()
        editor.open(workspace / "n.txt", "n\ntyped\n")
        assert await undo(home) == Restored((), (Skipped((workspace / "n.txt").as_uri(), CHANGED),))
        editor.open(workspace / "n.txt", "n\n")
        assert await undo(home) == Restored(((workspace / "n.txt").as_uri(),), ())
    assert not (workspace / "n.txt").exists()


async def test_a_moved_file_that_was_edited_since_is_neither_lost_nor_doubled(
    workspace: Path, state: Path, script: Script, poems: dict[str, Path]
) -> None:
    model = script({"calls": [call("move_file", path="a.txt", new_path="z.txt")]}, {"text": "ok"})
    async with house(model, workspace, state) as home:
        await home.ask()
        (workspace / "z.txt").write_text("edited\n")
        assert (await undo(home)).restored == ()
        assert (poems["a"].exists(), (workspace / "z.txt").read_text()) == (False, "edited\n")
        (workspace / "z.txt").write_text("a one\na two\n")
        poems["a"].write_text("another\n")
        assert (await undo(home)).restored == ()
        assert texts(workspace)["z.txt"] == "a one\na two\n"
        poems["a"].unlink()
        assert len((await undo(home)).restored) == 2
        assert texts(workspace)["a.txt"] == "a one\na two\n"


async def test_a_rejected_or_failed_call_leaves_nothing_to_undo(
    workspace: Path, state: Path, script: Script, poems: dict[str, Path]
) -> None:
    editor = OpenBuffers()
    editor.open(poems["a"], poems["a"].read_text())
    editor.stale = True
    model = script({"calls": [edit("a.txt", "one", "1")]}, {"text": "ok"})
    async with house(model, workspace, state, editor) as home:
        await home.ask()
        with pytest.raises(SessionError, match="nothing to undo"):
            await undo(home)


async def test_the_model_is_told_with_the_next_prompt_what_the_user_undid(
    workspace: Path, state: Path, script: Script, poems: dict[str, Path]
) -> None:
    model = script({"calls": [edit("a.txt", "one", "1")]}, {"text": "ok"})
    async with house(model, workspace, state) as home:
        await home.ask()
        await undo(home)
        await home.ask("go on", context="[shown]")
        await home.ask("and on", context="[shown]")
        said = [message for message in home.messages if isinstance(message, UserMessage | Notice)]
    told = f"the user undid changes of yours; these files are as they were before: {poems['a']}."
    changed = "changed by the user or a program since you last saw it: a.txt (changed in line 1). Read again"
    assert said[1:3] == [UserMessage("go on", "[shown]"), Notice(told)]
    assert isinstance(said[3], Notice)
    assert said[3].text.startswith(changed)
    assert said[4:] == [UserMessage("and on", "[shown]")]


async def test_an_edit_of_the_user_between_two_of_the_agent_stays(
    workspace: Path, state: Path, script: Script, poems: dict[str, Path]
) -> None:
    model = script(
        {"calls": [edit("a.txt", "one", "1"), edit("b.txt", "one", "1")]},
        {"calls": [edit("a.txt", "two", "2")]},
        {"calls": [edit("a.txt", "two", "2")]},  # the first is refused: the file is not as the model saw it
        {"text": "ok"},
    )
    async with house(model, workspace, state) as home:

        def typing(request: ApprovalRequest) -> Decision:
            if request.action.title == "Edit b.txt":
                poems["a"].write_text("typed\na 1\na two\n")
            return allow(request)

        home.answer = typing
        await home.ask()
        assert poems["a"].read_text() == "typed\na 1\na 2\n"
        undone = await undo(home)
    assert undone == Restored((poems["a"].as_uri(), poems["b"].as_uri()), (Skipped(poems["a"].as_uri(), PARTLY),))
    assert poems["a"].read_text() == "typed\na 1\na two\n"


LINES = "".join(f"{number}\n" for number in range(30))


async def test_a_hunk_is_undone_though_the_user_changed_another_place_since(
    workspace: Path, state: Path, script: Script
) -> None:
    poem = workspace / "greeting.txt"
    poem.write_text(LINES)
    edits = [{"old_text": f"{n}\n", "new_text": f"{n}!\nmore\n"} for n in (5, 15, 25)]
    edits = [{"old_text": f"\n{edit['old_text']}", "new_text": f"\n{edit['new_text']}"} for edit in edits]
    model = script({"calls": [call("edit_file", path="greeting.txt", edits=edits)]}, {"text": "ok"})
    async with house(model, workspace, state) as home:
        await home.ask()
        assert home.session
        entry = next(e.seq for e in home.session.conversation.entries if isinstance(e.content, FilesChanged))
        [file] = await home.parts.undo.history.hunks(home.session.conversation, entry)
        assert [(hunk.id, hunk.new) for hunk in file.hunks] == [
            (str(i), f"{n}!\nmore\n") for i, n in ((1, 5), (2, 15), (3, 25))
        ]
        typed = poem.read_text().replace("\n10\n", "\nten\n").replace("25!", "25?")
        poem.write_text(typed)
        undone = await home.parts.undo.history.undo(home.session, entry, ["2"])
        assert undone == Restored((poem.as_uri(),), ())
        assert poem.read_text() == typed.replace("15!\nmore\n", "15\n")
        again = await home.parts.undo.history.undo(home.session, entry, ["2", "3"])
        assert (again.restored, [kept.why for kept in again.kept]) == ((), ["those lines were changed since"])
        await redo(home)
        assert poem.read_text() == typed
        with pytest.raises(SessionError, match="no hunk '9'; hunks are: 1, 2, 3"):
            await home.parts.undo.history.undo(home.session, entry, ["9"])
        with pytest.raises(SessionError, match="name its filesChanged entry"):
            await home.parts.undo.history.undo(home.session, None, ["1"])


async def test_copies_are_pruned_but_for_those_of_the_last_turns(
    workspace: Path, state: Path, script: Script, poems: dict[str, Path]
) -> None:
    model = script({"calls": [edit("a.txt", "one", "1")]}, {"text": "ok"})
    async with house(model, workspace, state, checkpointMegabytes=0) as home:
        home.parts.undo.objects.keep([b"of nobody"])
        await home.ask()
        await home.agent.prune()
        assert home.parts.undo.objects.find(digest_of(b"of nobody")) is None
        assert (await undo(home)).restored == (poems["a"].as_uri(),)
        session_id = (await home.open()).id
    async with house(model, workspace, state, checkpointMegabytes=0) as home:
        await home.agent.prune()
        home.session = await home.parts.sessions.get(session_id)
        assert await redo(home) == Restored((), (Skipped(poems["a"].as_uri(), NO_COPY),))


async def test_nothing_is_changed_where_no_copy_can_be_kept(
    workspace: Path, state: Path, script: Script, poems: dict[str, Path]
) -> None:
    (state / "checkpoints").write_text("in the way")
    command = call("run_command", command="echo x >> b.txt")
    model = script({"calls": [edit("a.txt", "one", "1"), command]}, {"text": "ok"})
    async with house(model, workspace, state) as home:
        await home.ask()
        [results] = [message.results for message in home.messages if isinstance(message, ToolMessage)]
        assert results[0].text.startswith(f"not done: no copy can be kept in {state}/checkpoints (")
        assert poems["a"].read_text() == "a one\na two\n"
        assert results[1].status is ResultStatus.DONE
        (state / "checkpoints").unlink()
        undone = await undo(home)
        assert (undone.restored, {kept.why for kept in undone.kept}) == ((), {NO_COPY, UNWATCHED})


async def test_nothing_is_brought_back_through_a_folder_that_became_a_link(
    workspace: Path, state: Path, script: Script
) -> None:
    (workspace / ".git" / "hooks").mkdir(parents=True)
    (workspace / "notes" / "deep").mkdir(parents=True)
    for name in ("notes/pre-commit", "notes/deep/post-commit"):
        (workspace / name).write_text("x")
    calls = [call("delete_file", path="notes/pre-commit"), call("delete_file", path="notes/deep/post-commit")]
    async with house(script({"calls": calls}, {"text": "ok"}), workspace, state) as home:
        await home.ask()
        (workspace / "notes" / "deep").rmdir()
        (workspace / "notes").rmdir()
        (workspace / "notes").symlink_to(".git/hooks")
        restored = await undo(home)

    why = "leads elsewhere by now, through a link"
    assert {one.why for one in restored.kept} == {f"'notes' {why}", f"'notes/deep' {why}"}
    assert restored.restored == ()
    assert list((workspace / ".git" / "hooks").iterdir()) == []


async def test_what_was_changed_through_a_link_is_brought_back_to_where_it_was(
    workspace: Path, state: Path, script: Script
) -> None:
    (workspace / "real").mkdir()
    (workspace / "link").symlink_to("real")
    for name in ("gone", "moved"):
        (workspace / "real" / name).write_text(name)
    calls = [
        call("delete_file", path="link/gone"),
        call("move_file", path="link/moved", new_path="link/there"),
        call("write_file", path="link/new", content="new"),
    ]
    async with house(script({"calls": calls}, {"text": "ok"}), workspace, state) as home:
        await home.ask()
        assert sorted(path.name for path in (workspace / "real").iterdir()) == ["new", "there"]
        await undo(home)

    assert sorted(path.name for path in (workspace / "real").iterdir()) == ["gone", "moved"]
