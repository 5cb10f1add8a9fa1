"""run_command: one line, bounded in output and time, and nothing of it is left."""

from __future__ import annotations

import asyncio
import os
import time
from pathlib import Path

import pytest

from agent_lsp.commands.commands import runs_git
from agent_lsp.conversation.actions import Action, Command, ToolKind
from agent_lsp.tools import ToolContext, ToolError
from agent_lsp.tools.shell import run_command
from tests.open_buffers import OpenBuffers
from tests.processes.test_run import STRAYS, written
from tests.security.confined import working_in
from tests.timing import quickest
from tests.tools.calls import done, prepared, snapshot_of


async def run(context: ToolContext, line: str, **arguments: object) -> str:
    return await done(run_command, context, command=line, **arguments)


async def test_preparing_runs_nothing(context: ToolContext, workspace: Path, editor: OpenBuffers) -> None:
    (workspace / "sub").mkdir()
    editor.open(workspace / "a.py", "not saved")
    before = snapshot_of(workspace)

    action = await prepared(run_command, context, command="touch x", cwd="sub", timeout_seconds=5)

    effect = Command("touch x", str(workspace / "sub"), 5, ("a.py",), confined=True)
    assert action == Action("run_command", ToolKind.EXECUTE, "Run touch x", effect)
    assert snapshot_of(workspace) == before


async def test_what_only_reads_runs_where_it_can_change_nothing(context: ToolContext, workspace: Path) -> None:
    async def reads(line: str, **arguments: object) -> bool:
        effect = (await prepared(run_command, context, command=line, **arguments)).effect
        assert isinstance(effect, Command)
        return effect.reads

    assert await reads("git diff")
    assert not await reads("git diff; ls")
    assert not await reads("git diff", outside_sandbox=True)
    (workspace / ".agentignore").write_text("secret\n")  # it may stand in the history
    assert not await reads("git diff")


async def test_output_and_exit_code_are_told(context: ToolContext, workspace: Path) -> None:
    (workspace / "sub").mkdir()

    assert [
        await run(context, "echo out; echo err >&2"),
        await run(context, "printf 'no end'; exit 3"),
        await run(context, "true"),
        await run(context, "exit 7"),
        await run(context, "kill -9 $$"),
        await run(context, "pwd", cwd="sub"),
        await run(context, "printf 'caf\\351'"),
    ] == [
        "out\nerr\n",
        "no end\n[exit code 3]",
        "[exit code 0]",
        "[exit code 7]",
        "[exit code 137]",
        f"{workspace}/sub\n",
        "caf\ufffd\n",
    ]


async def test_output_is_shown_as_it_comes_in_whole_characters(context: ToolContext, printed: list[str]) -> None:
    for seconds in (0.05, 1, 5):  # on a busy machine both halves may be there before the first is looked at
        printed.clear()
        await run(context, f"printf '\\303'; sleep {seconds}; printf '\\251'")
        assert "".join(printed) == "é"
        if len(printed) == 2:
            break

    assert len(printed) == 2


async def test_the_user_is_told_how_it_ended_and_what_was_taken_back(
    context: ToolContext, workspace: Path, printed: list[str]
) -> None:
    await run(context, "echo fine")
    await run(context, "printf bad; exit 3")
    await run(context, "mkdir -p sub/.git; echo x > sub/.git/config")

    assert "".join(printed).startswith("fine\nbad\n[exit code 3]\n[taken back")
    assert "\n[taken back, for only the user may change it: sub/.git; what the command made of it is kept at" in (
        "".join(printed)
    )


async def test_nothing_can_be_typed_into_it(context: ToolContext) -> None:
    assert await run(context, "read answer; echo \"got '$answer'\"") == "got ''\n"


async def test_output_is_capped_while_it_is_read(context: ToolContext) -> None:
    text = await run(context, "yes | head -c 50000000; echo end")

    assert len(text) < 1_100_000
    assert "bytes left out" in text
    assert text.endswith("y\nend\n")


async def test_a_time_out_kills_the_whole_tree(context: ToolContext, workspace: Path) -> None:
    file = workspace / "pids"

    for seconds in ("2.5", "10.5", "30.5"):  # a busy machine needs longer to start all six
        file.unlink(missing_ok=True)
        text = await run(context, f"echo begun; {STRAYS.format(file=file).strip()}", timeout_seconds=float(seconds))
        assert text.endswith(f"[killed after {seconds} s]")
        assert working_in(workspace) == []
        if file.exists() and len(file.read_text().split()) == 6:
            break

    assert text.startswith("begun\n")  # a shell may still say that its children were killed
    assert len(file.read_text().split()) == 6


async def test_cancelling_kills_it_within_half_a_second(context: ToolContext, workspace: Path) -> None:
    async def attempt() -> float:
        file = workspace / "pids"
        file.write_text("")
        task = asyncio.create_task(run(context, STRAYS.format(file=file).strip()))
        await written(file, 6)
        running = working_in(workspace)
        begun = time.monotonic()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        seconds = time.monotonic() - begun
        assert len(running) >= 6
        assert working_in(workspace) == []
        return seconds

    assert await quickest(attempt, 0.5) < 0.5


async def test_a_background_child_that_holds_the_output_does_not_hang_it(context: ToolContext) -> None:
    async def attempt() -> float:
        begun = time.monotonic()
        assert await run(context, "sleep 100 & echo hi") == "hi\n"
        return time.monotonic() - begun

    assert await quickest(attempt, 1) < 1


async def test_no_key_is_in_its_environment(context: ToolContext) -> None:
    names = ["AGENT_LSP_API_KEY", "OPENAI_API_KEY", "ANTHROPIC_API_KEY"]
    os.environ.update(dict.fromkeys(names, "secret"))
    try:
        told = await run(context, "env")
    finally:
        for name in names:
            del os.environ[name]

    assert "secret" not in told
    assert "_API_KEY" not in told
    assert "PATH=" in told


async def test_unsaved_texts_it_read_and_those_it_could_not_are_named(
    context: ToolContext, workspace: Path, editor: OpenBuffers
) -> None:
    (workspace / "a.py").write_text("on disk")
    editor.open(workspace / "a.py", "not saved")
    editor.open(workspace / "new.py", "on no disk")

    assert await run(context, "cat a.py; ls *.py") == (
        "not saveda.py\n"
        "\n[unsaved in the editor, so the command did not see it: new.py]"
        "\n[unsaved in the editor, so the command read it from there: a.py]"
    )


async def test_what_walks_the_workspace_does_not_fail_at_a_folder_that_the_user_keeps(
    context: ToolContext, workspace: Path
) -> None:
    (workspace / "kept").mkdir()
    (workspace / "kept/secret.txt").write_text("secret")
    (workspace / ".agentignore").write_text("kept/\n")

    assert await run(context, "ls -R kept && find . -name 'sec*' && tar cf /tmp/all.tar . && echo walked") == (
        "kept:\nwalked\n"
    )
    assert "secret" not in await run(context, "cat kept/*; touch kept/new || chmod 755 kept && echo x > kept/new")


async def test_a_failed_command_is_told_what_was_hidden_from_it(context: ToolContext, workspace: Path) -> None:
    for number in range(7):
        (workspace / f"kept{number}").write_text("secret")
    (workspace / ".agentignore").write_text("kept*\n")

    assert (await run(context, "cat kept0 2>/dev/null")).endswith(
        "\n[hidden from it, for the user keeps it from you (.agentignore, .aiignore):"
        " kept0, kept1, kept2, kept3, kept4 and 2 more]"
    )
    assert await run(context, "echo fine") == "fine\n"


async def test_git_is_told_what_was_hidden_from_it_for_it_takes_it_for_deleted(
    context: ToolContext, workspace: Path
) -> None:
    (workspace / "kept").mkdir()
    (workspace / ".agentignore").write_text("kept/\n")

    assert await run(context, "git --version >/dev/null; ls kept/one 2>&1; echo fine") == (
        "ls: cannot access 'kept/one': Permission denied\nfine\n"
        "\n[hidden from it, for the user keeps it from you (.agentignore, .aiignore): kept]"
    )


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        *(("git add -A", True), ("cd a&&/usr/bin/git stash", True), ("make; git -C x rm y", True), ("'git' add", True)),
        *(('python -c \'run(["git", "add"])\'', True), ("exec ~/git/p/.venv/bin/python -m pytest", False)),
        *(("ls .git", False), ("cat .gitignore", False), ("digit", False), ("npm i x.git", False)),
    ],
)
def test_a_line_that_runs_git_is_told_from_one_that_names_a_folder(line: str, expected: bool) -> None:
    assert runs_git([line]) is expected


async def test_outside_the_sandbox_it_is_said_so_and_reads_the_disk(
    context: ToolContext, workspace: Path, editor: OpenBuffers, tmp_path: Path
) -> None:
    (workspace / "a.py").write_text("on disk")
    editor.open(workspace / "a.py", "not saved")
    line = f"cat a.py; touch {tmp_path}/outside"

    action = await prepared(run_command, context, command=line, outside_sandbox=True)
    text = await run_command.perform(action, context)

    effect = Command(line, str(workspace), 120, ("a.py",), confined=False)
    assert action == Action("run_command", ToolKind.EXECUTE, f"Run {line} (outside the sandbox)", effect)
    assert text == "on disk\n\n[unsaved in the editor, so the command did not see it: a.py]"
    assert (tmp_path / "outside").exists()


async def test_what_cannot_be_run_is_refused(context: ToolContext, workspace: Path, tmp_path: Path) -> None:
    (workspace / "file").touch()
    (workspace / "link").symlink_to(tmp_path)
    said = []
    for arguments in ({"cwd": "file"}, {"cwd": "nothing"}, {"cwd": ".."}, {"cwd": "link"}, {"command": "a\0b"}):
        with pytest.raises(ToolError) as caught:
            await prepared(run_command, context, **{"command": "ls", **arguments})
        said.append(str(caught.value))

    assert said == [
        "'file' is no folder",
        "'nothing' is no folder",
        f"'..' lies outside the workspace ({workspace})",
        "'link' leads outside the workspace through a link",
        "a command cannot contain a NUL character",
    ]


async def test_a_folder_that_went_meanwhile_is_told(context: ToolContext, workspace: Path) -> None:
    (workspace / "sub").mkdir()
    action = await prepared(run_command, context, command="ls", cwd="sub")
    (workspace / "sub").rmdir()

    with pytest.raises(ToolError, match=r"the command could not be started: .*No such file or directory"):
        await run_command.perform(action, context)
