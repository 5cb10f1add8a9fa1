"""What a command sees: unsaved texts, nothing hidden; and that nothing of the sandbox is left, nor of the command."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from agent_lsp.app.sandbox_setup import PROTECTED
from agent_lsp.commands.commands import CommandRules, CommandRun, Commands, Ran, TakenBack
from agent_lsp.files.files import Files
from agent_lsp.files.roots import Roots
from agent_lsp.permissions.read_only_commands import ENVIRONMENT
from agent_lsp.processes.run import Processes
from agent_lsp.sandbox import SandboxRefused
from tests.open_buffers import OpenBuffers
from tests.permissions.test_read_only_commands import evil_repository
from tests.security.confined import PYTHON, commands, folder_in_sight, working_in
from tests.tools.calls import snapshot_of


@pytest.fixture
def workspace() -> Iterator[Path]:
    """Not in /tmp, where commands have a folder of their own."""
    with folder_in_sight() as folder:
        yield Path(folder).resolve()


@pytest.fixture
def editor() -> OpenBuffers:
    return OpenBuffers()


Open = AsyncIterator[Commands]


@asynccontextmanager
async def opened(workspace: Path, editor: OpenBuffers, state: Path, **rules: object) -> Open:
    processes = Processes()
    files = Files(Roots([str(workspace)]), editor)
    given = CommandRules(**{"protected": PROTECTED, "hidden": (str(state),), **rules})  # type: ignore[arg-type]  # as a test names them
    async with commands(files, processes, state, given) as built:
        yield built
    await processes.close()


async def run(runs: Commands, workspace: Path, line: str) -> Ran:
    return await runs.run(CommandRun(("/bin/sh", "-c", line), str(workspace), 20, 1 << 20), confined=True)


async def test_an_unsaved_text_is_read_and_cannot_be_changed_and_the_disk_stays(
    workspace: Path, editor: OpenBuffers, tmp_path: Path
) -> None:
    file = workspace / "a.py"
    file.write_text("on disk\n")
    file.chmod(0o754)
    editor.open(file, "unsaved\n")
    line = "cat a.py; echo x >a.py; echo y >b; mv b a.py; rm a.py; ls -l a.py"
    async with opened(workspace, editor, tmp_path / "state") as runs:
        said = (await run(runs, workspace, line)).ended.output.decode()

    assert said.startswith("unsaved\n")
    assert "Read-only file system" in said
    assert said.count("Device or resource busy") == 2
    assert "-rwxr-xr--" in said
    assert (file.read_text(), (workspace / "b").read_text()) == ("on disk\n", "y\n")


async def test_a_saved_text_is_an_ordinary_file(workspace: Path, editor: OpenBuffers, tmp_path: Path) -> None:
    (workspace / "a.py").write_text("saved\n")
    editor.open(workspace / "a.py", "saved\n")
    async with opened(workspace, editor, tmp_path / "state") as runs:
        ran = await run(runs, workspace, "echo changed >a.py")

    assert ((workspace / "a.py").read_text(), ran.read_unsaved, ran.unseen) == ("changed\n", (), ())


async def test_what_the_user_keeps_from_the_agent_is_hidden_and_its_neighbour_is_not(
    workspace: Path, editor: OpenBuffers, tmp_path: Path
) -> None:
    for name in ("kept/one", "sub/kept.txt", "sub/shown.txt"):
        (workspace / name).parent.mkdir(exist_ok=True)
        (workspace / name).write_text(f"text of {name}\n")
    (workspace / ".agentignore").write_text("kept*\n")
    async with opened(workspace, editor, tmp_path / "state") as runs:
        said = (await run(runs, workspace, "cat kept/one sub/kept.txt sub/shown.txt; ls kept; mv kept k")).ended.output

    assert b"text of kept" not in said
    assert b"text of sub/kept" not in said
    assert b"text of sub/shown.txt\n" in said
    assert (workspace / "kept/one").read_text() == "text of kept/one\n"


@pytest.mark.parametrize("kept", ["kept/", "kept/*"])
async def test_git_records_no_deletion_of_what_the_user_keeps_from_the_agent(
    workspace: Path, editor: OpenBuffers, tmp_path: Path, kept: str
) -> None:
    git = ["git", "-C", str(workspace), "-c", "user.name=n", "-c", "user.email=e@x"]
    (workspace / "kept").mkdir()
    for name in ("kept/one", "kept/two", "shown"):
        (workspace / name).write_text("first\n")
    subprocess.run([*git, "init", "-q", "-b", "main"], check=True)
    for branch, text in (("main", "first"), ("other", "second")):
        subprocess.run([*git, "checkout", "-q", "-B", branch], check=True)
        (workspace / "kept/one").write_text(f"{text}\n")
        subprocess.run([*git, "add", "."], check=True)
        subprocess.run([*git, "commit", "-qm", branch], check=True)
    subprocess.run([*git, "checkout", "-q", "main"], check=True)
    (workspace / ".agentignore").write_text(f"{kept}\n")
    me = "git -c user.name=n -c user.email=e@x"
    lines = ("add -A", "commit -qam three", "stash", "rm -rfq kept", "checkout -q other", "reset -q --hard other")
    async with opened(workspace, editor, tmp_path / "state") as runs:
        for line in lines:
            (workspace / "shown").write_text(f"{line}\n")
            await run(runs, workspace, f"{me} {line}")

    tracked = subprocess.run([*git, "ls-files", "kept"], check=True, capture_output=True, text=True).stdout
    assert tracked == "kept/one\nkept/two\n"
    seen = subprocess.run([*git, "log", "--all", "--format=", "--name-status"], check=True, capture_output=True).stdout
    assert b"D\tkept" not in seen
    assert [(workspace / "kept" / name).read_text() for name in ("one", "two")] == ["first\n", "first\n"]


async def test_a_command_that_reads_changes_nothing_and_sees_what_others_see(
    workspace: Path, editor: OpenBuffers, tmp_path: Path
) -> None:
    (workspace / "a.py").write_text("on disk\n")
    (workspace / "b.py").write_text("saved\n")
    (workspace / "kept").write_text("kept\n")
    (workspace / ".agentignore").write_text("kept\n")
    editor.open(workspace / "a.py", "unsaved\n")
    before = snapshot_of(workspace)
    changes = "echo >b.py; echo >new; mkdir .git; chmod 600 b.py; touch -d 2000-01-01 b.py; rm b.py; mv b.py c"
    line = f"cat *.py; cat kept; {changes}; ls -A"
    program = CommandRun(("/bin/sh", "-c", line), str(workspace), 20, 1 << 20, reads=True)
    async with opened(workspace, editor, tmp_path / "state") as runs:
        ran = await runs.run(program, confined=True)

    said = ran.ended.output.decode()
    assert said.startswith("unsaved\nsaved\n")
    assert "cat: kept: Permission denied\n" in said
    assert said.count("Read-only file system") == 7
    assert said.endswith("\n.agentignore\na.py\nb.py\nkept\n")
    assert (ran.read_unsaved, ran.unseen, ran.taken_back) == (("a.py",), (), ())
    assert snapshot_of(workspace) == before


async def test_what_a_repository_names_for_git_to_run_has_no_effect(
    workspace: Path, editor: OpenBuffers, tmp_path: Path
) -> None:
    """Git's comparisons run unasked, so whatever filters they run must do no harm."""
    evil_repository(workspace)
    async with opened(workspace, editor, tmp_path / "state", variables=ENVIRONMENT) as runs:
        for words in ("git status --short", "git diff", "git show HEAD", "git blame a"):
            ran = await runs.run(
                CommandRun(tuple(words.split()), str(workspace), 20, 1 << 20, reads=True), confined=True
            )
            assert not (workspace / "harmed").exists()
            assert b"touch: cannot touch" in ran.ended.output or ran.ended.code == 0
        await runs.run(CommandRun(("git", "status"), str(workspace), 20, 1 << 20), confined=True)

    assert (workspace / "harmed").exists()  # so it would have done harm


async def test_secrets_of_the_home_and_the_daemons_state_are_hidden(
    workspace: Path, editor: OpenBuffers, tmp_path: Path
) -> None:
    """Row 60."""
    with folder_in_sight() as home:
        (Path(home) / ".ssh").mkdir()
        (Path(home) / ".ssh/id").write_text("the key")
        (Path(home) / ".gitconfig").write_text("the name")
        async with opened(workspace, editor, tmp_path / "state", hidden=(f"{home}/.ssh", f"{home}/.aws")) as runs:
            said = (await run(runs, workspace, f"cat {home}/.ssh/id {home}/.gitconfig")).ended.output

    assert b"the key" not in said
    assert b"the name" in said


async def test_a_workspace_in_a_hidden_folder_is_seen_and_nothing_beside_it(
    workspace: Path, editor: OpenBuffers, tmp_path: Path
) -> None:
    (workspace / "ours").mkdir()
    (workspace / "ours/file").write_text("ours")
    (workspace / "theirs").write_text("theirs")
    async with opened(workspace / "ours", editor, tmp_path / "state", hidden=(str(workspace),)) as runs:
        said = (await run(runs, workspace / "ours", "cat file ../theirs; ls ..; echo new >made")).ended.output

    assert said.startswith(b"ours")
    assert b"theirs\n" not in said
    assert (workspace / "ours/made").read_text() == "new\n"


async def test_nothing_of_the_sandbox_is_left_in_the_workspace(
    workspace: Path, editor: OpenBuffers, tmp_path: Path
) -> None:
    """§3: what stands where a protected entry is missing goes again, also while another command still needs it."""
    async with opened(workspace, editor, tmp_path / "state") as runs:
        waiting = "touch begun; while [ ! -e go ]; do sleep 0.01; done; mkdir .vscode/x"
        slow = asyncio.create_task(run(runs, workspace, waiting))
        while not (workspace / "begun").exists():
            await asyncio.sleep(0.005)
        await run(runs, workspace, "true")
        standing = (workspace / ".mcp.json").is_dir()
        (workspace / "go").touch()
        said = (await slow).ended.output

    assert standing
    assert b"Permission denied" in said
    assert sorted(one.name for one in workspace.iterdir()) == ["begun", "go"]


async def test_what_a_command_made_that_only_the_user_may_is_taken_back_and_kept(
    workspace: Path, editor: OpenBuffers, tmp_path: Path
) -> None:
    (workspace / "old/.vscode").mkdir(parents=True)
    line = "mkdir -p new/.vscode new/src; echo evil >new/.vscode/tasks.json; echo fine >new/src/a"
    async with opened(workspace, editor, tmp_path / "state") as runs:
        ran = await run(runs, workspace, line)

    kept = tmp_path / "state/taken-back/entry-0"
    assert ran.taken_back == (TakenBack("new/.vscode", str(kept)),)
    assert (kept / "tasks.json").read_text() == "evil\n"
    assert (workspace / "new/src/a").read_text() == "fine\n"
    assert not (workspace / "new/.vscode").exists()
    assert (workspace / "old/.vscode").is_dir()


async def test_a_protected_entry_that_is_a_link_is_what_it_was_afterwards(
    workspace: Path, editor: OpenBuffers, tmp_path: Path
) -> None:
    (workspace / "docs").mkdir()
    (workspace / "docs/agents.md").write_text("obey")
    (workspace / "AGENTS.md").symlink_to("docs/agents.md")
    async with opened(workspace, editor, tmp_path / "state") as runs:
        ran = await run(runs, workspace, "echo evil >AGENTS.md; rm AGENTS.md; echo evil >AGENTS.md; cat AGENTS.md")

    assert ran.ended.output.endswith(b"evil\n")
    assert [one.shown for one in ran.taken_back] == ["AGENTS.md"]
    assert (workspace / "AGENTS.md").readlink() == Path("docs/agents.md")
    assert (workspace / "docs/agents.md").read_text() == "obey"


async def test_what_holds_a_protected_entry_cannot_be_moved_away_and_what_lies_beside_can(
    workspace: Path, editor: OpenBuffers, tmp_path: Path
) -> None:
    """§3: `.git/hooks` alone is not enough, for `mv .git .git2 && mkdir .git` would go round it."""
    subprocess.run(["git", "init", "-q", "."], cwd=workspace, check=True)
    (workspace / "src").mkdir()
    async with opened(workspace, editor, tmp_path / "state") as runs:
        ran = await run(
            runs, workspace, "mv .git .git2; rm -r .git/hooks; mv src sources; mv .git/refs .git/r; ls .git/r"
        )

    said = ran.ended.output.decode()
    assert said.startswith("mv: cannot move '.git' to '.git2': Device or resource busy\n")
    assert "Read-only file system" in said
    assert said.endswith("heads\ntags\n")
    assert ran.taken_back == ()
    assert (workspace / "sources").is_dir()


async def test_the_place_that_a_working_trees_repository_really_has_is_held(
    workspace: Path, editor: OpenBuffers, tmp_path: Path
) -> None:
    """Row 21: `.git` is a file that names a folder of the workspace."""
    git = ["git", "-c", "user.name=n", "-c", "user.email=e@x"]
    subprocess.run([*git, "init", "-q", "main"], cwd=workspace, check=True)
    subprocess.run([*git, "commit", "-q", "--allow-empty", "-m", "one"], cwd=workspace / "main", check=True)
    subprocess.run([*git, "worktree", "add", "-q", "../tree"], cwd=workspace / "main", check=True)
    config = (workspace / "main/.git/config").read_text()
    line = "cd tree; echo 'gitdir: /tmp/evil' >.git; git config core.fsmonitor evil; git log --format=%s"
    async with opened(workspace, editor, tmp_path / "state") as runs:
        said = (await run(runs, workspace, line)).ended.output

    assert said.endswith(b"one\n")
    assert (workspace / "main/.git/config").read_text() == config
    assert (workspace / "tree/.git").read_text().startswith(f"gitdir: {workspace}/main/.git/worktrees")


@pytest.mark.parametrize("folder", ["/proc", "/dev/shm"])
async def test_the_kernels_own_folders_are_no_workspace_for_commands(
    folder: str, editor: OpenBuffers, tmp_path: Path
) -> None:
    async with opened(Path(folder), editor, tmp_path / "state", protected=()) as runs:
        with pytest.raises(SandboxRefused, match="leaves nothing to be protected"):
            await run(runs, Path(folder), "true")


async def test_a_temporary_folder_is_there_whatever_the_daemons_is(
    workspace: Path, editor: OpenBuffers, tmp_path: Path
) -> None:
    os.environ["TMPDIR"] = str(tmp_path)
    try:
        async with opened(workspace, editor, tmp_path / "state") as runs:
            said = (await run(runs, workspace, "mktemp")).ended.output
    finally:
        del os.environ["TMPDIR"]

    assert said.startswith(b"/tmp/tmp.")


async def test_when_hidden_paths_cannot_all_be_found_nothing_is_run(
    workspace: Path, editor: OpenBuffers, tmp_path: Path
) -> None:
    for number in range(3_000):
        (workspace / f"f{number}").touch()
    (workspace / ".agentignore").write_text("f*\n")
    async with opened(workspace, editor, tmp_path / "state") as runs:
        with pytest.raises(SandboxRefused, match="the sandbox takes 2000"):
            await run(runs, workspace, "true")


_DAEMON = """
    import asyncio, os, sys
    from pathlib import Path
    from agent_lsp.processes.run import Processes
    from agent_lsp.commands.commands import CommandRun
    from agent_lsp.files.editor import NoEditor
    from agent_lsp.files.files import Files
    from agent_lsp.files.roots import Roots
    from tests.security.confined import commands, folder_in_sight

    async def main(workspace, state, line):
        processes = Processes()
        files = Files(Roots([workspace]), NoEditor())
        async with commands(files, processes, Path(state)) as runs:
            await runs.run(CommandRun(("/bin/sh", "-c", line), workspace, 60, 100), confined=True)

    asyncio.run(main(*sys.argv[1:]))
"""
_STRAYS = """
    sleep 100 & nohup sleep 101 & setsid -f sleep 102
    (setsid sh -c 'sleep 103 & exec sleep 104' &) &
    env -i setsid sh -c 'trap "" TERM; sleep 105; sleep 106' &
    touch begun; wait
"""


def test_after_a_kill_of_the_daemon_no_process_and_nothing_of_the_sandbox_is_left(
    workspace: Path, tmp_path: Path
) -> None:
    """§3: a command that leaves its session, its group and its parents."""
    argv = [
        sys.executable,
        "-c",
        textwrap.dedent(_DAEMON),
        str(workspace),
        str(tmp_path / "state"),
        _STRAYS,
    ]
    daemon = subprocess.Popen(argv, cwd=Path(__file__).parents[2])
    try:
        _until((workspace / "begun").exists)
        _until(lambda: len(working_in(workspace)) >= 6)
        running = working_in(workspace)
        standing = (workspace / ".mcp.json").is_dir()
    finally:
        os.kill(daemon.pid, signal.SIGKILL)
        daemon.wait()
    _until(lambda: not working_in(workspace))
    _until(lambda: [one.name for one in workspace.iterdir()] == ["begun"])

    assert len(running) >= 6
    assert standing


def _until(true: object) -> None:
    assert callable(true)
    end = time.monotonic() + 60
    while not true():
        assert time.monotonic() < end, "it does not come to that"
        time.sleep(0.01)


def test_the_interpreter_of_these_tests_is_seen_in_the_sandbox() -> None:
    assert not PYTHON.startswith("/tmp/")
