"""What a command changed inside the workspace is taken back like an edit."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from agent_lsp.conversation.entries import FileChanged, FilesChanged
from agent_lsp.conversation.messages import ToolMessage
from agent_lsp.files.digest import digest_of
from agent_lsp.session import SessionError
from agent_lsp.session.history import Restored
from agent_lsp.undo.change_history import change_sets
from agent_lsp.undo.checkpoints import Checkpoints
from agent_lsp.undo.content_store import StoreBounds
from agent_lsp.undo.snapshots import Effort, Snapshots
from agent_lsp.undo.undo_plan import CHANGED, NO_COPY, UNSURE, UNWATCHED, Skipped
from tests.conftest import call
from tests.house import House, house
from tests.open_buffers import OpenBuffers
from tests.session.test_history import redo, texts, undo

Script = Callable[..., str]


def running(script: Script, *lines: str) -> str:
    return script({"calls": [call("run_command", command=line) for line in lines]}, {"text": "ok"})


def watch(home: House, effort: Effort) -> None:
    """Lets commands be looked at with that effort."""
    files, objects = home.parts.workspace.files, home.parts.undo.objects
    home.parts.turns.checkpoints = Checkpoints(
        files, objects, Snapshots(files, home.parts.workspace.search, objects, effort)
    )


def changes(home: House) -> list[tuple[FileChanged, ...]]:
    assert home.session
    sets = change_sets(home.session.conversation.entries)
    return [one.what.changes for one in sets if isinstance(one.what, FilesChanged)]


async def test_edits_creations_deletions_moves_and_modes_of_a_command(
    workspace: Path, state: Path, script: Script
) -> None:
    for name in ("edited", "deleted", "moved", "run", "same"):
        (workspace / name).write_bytes(f"{name}\n".encode() + b"\xff\x00")
    (workspace / "run").chmod(0o644)
    line = "printf more >> edited; rm deleted; mkdir d; mv moved d/to; chmod +x run; touch same; printf new > new"
    before = _contents(workspace)
    async with house(running(script, line), workspace, state) as home:
        await home.ask()
        after = _contents(workspace)
        assert {Path(one.uri).name for one in changes(home)[0]} == {"edited", "deleted", "moved", "to", "run", "new"}
        assert (await undo(home)).kept == ()
        assert _contents(workspace) == before
        assert (await redo(home)).kept == ()
        assert _contents(workspace) == after


def _contents(workspace: Path) -> dict[str, tuple[int, bytes]]:
    return {f.name: (f.stat().st_mode, f.read_bytes()) for f in workspace.rglob("*") if f.is_file()}


async def test_a_command_that_changes_nothing_leaves_nothing_to_undo(
    workspace: Path, state: Path, script: Script
) -> None:
    async with house(running(script, "true", "sleep 0", "touch greeting.txt"), workspace, state) as home:
        await home.ask()
        assert changes(home) == [(), ()]  # where the first ran it could change nothing
        with pytest.raises(SessionError, match="nothing to undo"):
            await undo(home)


async def test_a_change_of_equal_length_right_after_another_is_noticed(
    workspace: Path, state: Path, script: Script
) -> None:
    lines = [f"printf {number} > counter" for number in range(5)]
    async with house(running(script, *lines), workspace, state) as home:
        await home.ask()
        assert [len(one) for one in changes(home)] == [1] * 5
        await undo(home)
        assert texts(workspace) == {"greeting.txt": "hello\nworld\n"}


async def test_ignored_files_are_not_watched(workspace: Path, state: Path, script: Script) -> None:
    (workspace / ".git").mkdir()
    (workspace / ".gitignore").write_text("build/\n")
    async with house(running(script, "mkdir build; echo x > build/out; echo y > src"), workspace, state) as home:
        await home.ask()
        assert (await undo(home)).restored == ((workspace / "src").as_uri(),)
        assert (workspace / "build" / "out").read_text() == "x\n"


async def test_what_the_user_changed_after_the_command_is_kept(workspace: Path, state: Path, script: Script) -> None:
    async with house(running(script, "echo a > a; echo b > b"), workspace, state) as home:
        await home.ask()
        (workspace / "a").write_text("mine\n")
        undone = await undo(home)
        assert undone == Restored(((workspace / "b").as_uri(),), (Skipped((workspace / "a").as_uri(), CHANGED),))
        assert (workspace / "a").read_text() == "mine\n"


async def test_a_file_that_the_editor_saved_while_a_command_ran_is_left_unless_it_is_named(
    workspace: Path, state: Path, script: Script
) -> None:
    editor = OpenBuffers()
    editor.open(workspace / "greeting.txt", "saved by the user\n")
    # In the sandbox nothing can be written to what the editor holds unsaved.
    saving = call("run_command", command="echo saved by the user > greeting.txt", outside_sandbox=True)
    async with house(script({"calls": [saving]}, {"text": "ok"}), workspace, state, editor) as home:
        await home.ask()
        kept = Skipped((workspace / "greeting.txt").as_uri(), UNSURE)
        assert await undo(home) == Restored((), (kept,))
        assert home.session
        named = next(e.seq for e in home.session.conversation.entries if isinstance(e.content, FilesChanged))
        assert (await undo(home, named)).restored == (kept.uri,)
        assert editor.buffers[str(workspace / "greeting.txt")].text == "hello\nworld\n"


async def test_a_buffer_that_has_not_read_the_commands_change_yet_agrees_with_the_disk_after_an_undo(
    workspace: Path, state: Path, script: Script
) -> None:
    editor = OpenBuffers()
    editor.open(workspace / "greeting.txt", "hello\nworld\n")
    async with house(running(script, "echo x > greeting.txt"), workspace, state, editor) as home:
        await home.ask()
        assert (await undo(home)).restored == ((workspace / "greeting.txt").as_uri(),)
    assert (workspace / "greeting.txt").read_text() == "hello\nworld\n"


@pytest.mark.parametrize(("effort", "copies"), [(Effort(most_bytes=1_800), 300), (Effort(seconds=0), 0)])
async def test_what_there_was_no_time_or_room_to_copy_is_named(
    workspace: Path, state: Path, script: Script, effort: Effort, copies: int
) -> None:
    for number in range(600):
        (workspace / f"{number:03}").write_text("before")
    async with house(running(script, "for f in [0-9]*; do echo x > $f; done"), workspace, state) as home:
        watch(home, effort)
        await home.ask()
        undone = await undo(home)
        assert len(undone.restored) == copies
        assert len(undone.kept) == 600 - copies
        assert {kept.why for kept in undone.kept} == {NO_COPY}
        assert {Path(kept.uri.removeprefix("file://")).read_text() for kept in undone.kept} == {"x\n"}


async def test_more_files_than_are_watched_are_named(workspace: Path, state: Path, script: Script) -> None:
    for number in range(20):
        (workspace / f"{number}").write_text("x")
    async with house(running(script, "rm *"), workspace, state) as home:
        watch(home, Effort(files=10))
        await home.ask()
        assert (await undo(home)).kept[-1] == Skipped(workspace.as_uri(), UNWATCHED)


async def test_a_file_is_read_again_only_if_it_changed(workspace: Path, state: Path, script: Script) -> None:
    for number in range(600):
        (workspace / f"{number:03}").write_text("12")
    async with house(running(script, "true"), workspace, state) as home:
        half = Effort(most_bytes=600)
        later = Snapshots(
            home.parts.workspace.files,
            home.parts.workspace.search,
            home.parts.undo.objects,
            half,
            clock=lambda: 1 << 62,
        )
        unread = [sum(not one.digest for one in (await later.take()).files.values()) for _ in range(3)]
        assert unread == [301, 1, 0]


async def test_a_later_daemon_reads_only_what_changed_since(workspace: Path, state: Path, script: Script) -> None:
    async with house(running(script, "true"), workspace, state) as home:

        def daemon(most_bytes: int) -> Snapshots:
            effort = Effort(most_bytes=most_bytes)
            return Snapshots(
                home.parts.workspace.files,
                home.parts.workspace.search,
                home.parts.undo.objects,
                effort,
                clock=lambda: 1 << 62,
            )

        first = await daemon(1_000).take()
        assert all(one.digest for one in first.files.values())
        assert await daemon(0).take() == first
        (workspace / "greeting.txt").write_text("changed\n")
        (workspace / "new.txt").write_text("new\n")
        changed = await daemon(0).take()
        assert [one.digest for one in changed.files.values()] == ["", ""]
        assert (await daemon(1_000).take()).digests > {digest_of(b"changed\n"), digest_of(b"new\n")}
        home.parts.undo.objects.prune(StoreBounds(0, 0))
        assert (await daemon(1_000).take()).digests > {digest_of(b"changed\n"), digest_of(b"new\n")}


async def test_what_changed_a_moment_before_is_read_again_by_a_later_daemon(
    workspace: Path, state: Path, script: Script
) -> None:
    async with house(running(script, "true"), workspace, state) as home:
        moment = (workspace / "greeting.txt").stat().st_ctime_ns + 1
        early = Snapshots(
            home.parts.workspace.files, home.parts.workspace.search, home.parts.undo.objects, clock=lambda: moment
        )
        assert (await early.take()).unsettled == {str(workspace / "greeting.txt")}
        later = Snapshots(
            home.parts.workspace.files, home.parts.workspace.search, home.parts.undo.objects, Effort(most_bytes=0)
        )
        assert [one.digest for one in (await later.take()).files.values()] == [""]


async def test_a_workspace_that_is_as_it_was_has_the_snapshot_that_it_had(
    workspace: Path, state: Path, script: Script
) -> None:
    async with house(running(script, "true"), workspace, state) as home:
        snapshots = Snapshots(
            home.parts.workspace.files, home.parts.workspace.search, home.parts.undo.objects, clock=lambda: 1 << 62
        )
        first = await snapshots.take()
        assert await snapshots.take() == first
        (workspace / "greeting.txt").chmod(0o600)
        changed = await snapshots.take()
        assert changed.digest != first.digest
        home.parts.undo.objects.prune(StoreBounds(0, 0))
        assert await snapshots.take() == changed
        assert home.parts.undo.objects.has(changed.digest)


async def test_a_copy_that_was_pruned_is_made_anew(workspace: Path, state: Path, script: Script) -> None:
    async with house(running(script, "true"), workspace, state) as home:
        later = Snapshots(
            home.parts.workspace.files, home.parts.workspace.search, home.parts.undo.objects, clock=lambda: 1 << 62
        )
        [version] = (await later.take()).files.values()
        home.parts.undo.objects.prune(StoreBounds(0, 0))
        assert not home.parts.undo.objects.has(version.digest)
        await later.take()
        assert home.parts.undo.objects.find(version.digest) == b"hello\nworld\n"


async def test_names_that_are_no_utf_8_and_odd_ones_are_brought_back(
    workspace: Path, state: Path, script: Script
) -> None:
    names = [b"\xff\xfe name", b"a#b?c%41.txt", "gr\u00fc\u00dfe \u2028".encode()]
    for name in names:
        (workspace / os.fsdecode(name)).write_bytes(name)
    async with house(running(script, "rm -- *"), workspace, state) as home:
        await home.ask()
        assert list(workspace.iterdir()) == []
        assert (await undo(home)).kept == ()
        for name in names:
            assert (workspace / os.fsdecode(name)).read_bytes() == name


async def test_a_folder_that_is_deleted_while_it_is_open_holds_nothing_up(
    workspace: Path, tmp_path: Path, state: Path, script: Script
) -> None:
    (tmp_path / "gone").mkdir()
    (workspace / "a").write_text("one\n")
    calls = [
        call("run_command", command="echo two >> a"),
        call("list_files"),
        call("search", pattern="two"),
        call("list_files", path="gone"),
    ]
    async with house(script({"calls": calls}, {"text": "ok"}), workspace, state) as home:
        home.agent.change_folders([str(tmp_path / "gone"), str(workspace)])
        (tmp_path / "gone").rmdir()
        await home.ask()
        results = [
            result.text for message in home.messages if isinstance(message, ToolMessage) for result in message.results
        ]
        assert await undo(home) == Restored(((workspace / "a").as_uri(),), ())
    assert results == [
        "[exit code 0]",
        "workspace/a\nworkspace/greeting.txt",
        "workspace/a\n2:\ttwo",
        "'gone' is no folder",
    ]


async def test_a_user_gets_back_by_undo_the_rules_that_a_command_changed(
    workspace: Path, state: Path, script: Script
) -> None:
    (workspace / ".agentignore").write_text("secret\n")
    line = "echo > .agentignore; echo x > .aiignore"
    model = script({"calls": [call("run_command", command=line, outside_sandbox=True)]}, {"text": "ok"})
    async with house(model, workspace, state) as home:
        await home.ask()
        assert (workspace / ".agentignore").read_text() == "\n"
        assert (await undo(home)).kept == ()
    assert (workspace / ".agentignore").read_text() == "secret\n"
    assert not (workspace / ".aiignore").exists()
