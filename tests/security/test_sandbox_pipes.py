"""A named pipe is no part of the disk: what may not be written to may be one that somebody reads."""

from __future__ import annotations

import os
import socket
import stat
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from agent_lsp.commands.commands import CommandRules, CommandRun, Ran
from agent_lsp.files.editor import NoEditor
from agent_lsp.files.files import Files
from agent_lsp.files.roots import Roots
from agent_lsp.permissions.read_only_commands import ENVIRONMENT
from agent_lsp.processes.run import Processes
from agent_lsp.sandbox.choose import Machine, Sandboxes
from tests.security.confined import PYTHON, commands, folder_in_sight


@pytest.fixture
def home() -> Iterator[Path]:
    """Not in /tmp, where commands have a folder of their own."""
    with folder_in_sight() as folder:
        (Path(folder) / "workspace").mkdir()
        yield Path(folder).resolve()


@contextmanager
def read(pipe: Path) -> Iterator[list[bytes]]:
    """A pipe that somebody reads; what came out of it in the end."""
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    came: list[bytes] = []
    try:
        yield came
        with suppress(BlockingIOError):
            came.append(os.read(reader, 1_000))
    finally:
        os.close(reader)


async def run(workspace: Path, state: Path, *argv: str, reads: bool = False) -> Ran:
    processes = Processes()
    files = Files(Roots([str(workspace)]), NoEditor())
    rules = CommandRules((), (str(state),), variables=ENVIRONMENT)
    async with commands(files, processes, state, rules) as runs:
        ran = await runs.run(CommandRun(argv, str(workspace), 20, 1 << 20, reads=reads), confined=True)
    await processes.close()
    return ran


async def test_a_pipe_outside_is_not_written_to_and_one_inside_is(home: Path, tmp_path: Path) -> None:
    inside = "mkfifo own /tmp/own; for one in own /tmp/own; do echo inside >$one & cat $one; done"
    with read(home / "pipe") as came:
        ran = await run(home / "workspace", tmp_path / "state", "sh", "-c", f"{inside}; echo evil >{home}/pipe")

    assert came == [b""]
    assert ran.ended.output.startswith(b"inside\ninside\n")
    assert b"Permission denied" in ran.ended.output


async def test_what_git_runs_unasked_writes_to_no_pipe(home: Path, tmp_path: Path) -> None:
    workspace = home / "workspace"
    (workspace / "file").write_text("one\n")
    (workspace / ".gitattributes").write_text("file filter=evil\n")
    git = f"git init -q; git add .; git config filter.evil.clean 'echo evil >{home}/pipe; cat'; echo two >file"
    subprocess.run(["sh", "-ec", git], cwd=workspace, check=True)

    with read(home / "pipe") as came:
        ran = await run(workspace, tmp_path / "state", "git", "diff", reads=True)
    assert came == [b""]
    assert b"+two" in ran.ended.output

    (home / "pipe").unlink()
    with read(home / "pipe") as came:
        subprocess.run(["git", "diff"], cwd=workspace, check=True, capture_output=True)
    assert b"".join(came).startswith(b"evil\n")  # so it would have


async def test_what_programs_write_to_usually_is_there(home: Path, tmp_path: Path) -> None:
    line = (
        "echo 1 >/dev/null; echo 2 >/dev/stdout; echo 3 | tee /dev/fd/2; echo 4 >/proc/self/fd/1;"
        " mkdir a b; echo 5 >a/f; mv a/f b/g; ln b/g a/h; mv a /tmp/c; cat /tmp/c/h;"
        ' python3 -c \'import os, pty; pty.spawn(["echo", "6"])\''
    )
    ran = await run(home / "workspace", tmp_path / "state", "bash", "-c", f"{line}; cat <(echo 7)")

    assert ran.ended.output.decode().split() == ["2", "3", "3", "4", "5", "6", "7"]


async def test_a_locale_that_is_not_installed_is_no_matter(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LC_ALL", "xx_XX.UTF-8")
    ran = await run(home / "workspace", tmp_path / "state", "sh", "-c", "echo $LC_ALL; env | grep PERL")

    assert ran.ended.output == b"xx_XX.UTF-8\n"


async def test_without_perl_commands_are_confined_but_none_runs_unasked_for_it_only_reads(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("agent_lsp.sandbox.choose.PERL", "no-such-program")
    processes = Processes()
    sandboxes = Sandboxes(tmp_path / "sandbox", [], processes, Machine(os.environ["PATH"], PYTHON))
    found = await sandboxes.found()
    sandboxes.close()
    await processes.close()

    assert (found.level, found.sandbox.keeps_all) == ("bubblewrap", False)
    assert found.not_held == ("bubblewrap with Landlock: perl is not installed",)


async def test_a_pipe_that_was_in_the_workspace_is_not_written_to_and_git_leaves_it_out(
    home: Path, tmp_path: Path
) -> None:
    workspace = home / "workspace"
    with socket.socket(socket.AF_UNIX) as listening, read(workspace / "pipe") as came:
        listening.bind(f"{workspace}/socket")
        line = "git init -q && git add . && echo >file && echo evil >pipe"
        ran = await run(workspace, tmp_path / "state", "sh", "-c", line)

    assert came == [b""]
    assert (ran.pipes, ran.ended.code) == (("pipe", "socket"), 2)
    assert (workspace / "file").exists()
    assert stat.S_ISFIFO((workspace / "pipe").stat().st_mode)


async def test_a_link_to_a_pipe_is_no_way_to_it(home: Path, tmp_path: Path) -> None:
    workspace = home / "workspace"
    (workspace / "link").symlink_to("pipe")
    with read(workspace / "pipe") as came:
        ran = await run(workspace, tmp_path / "state", "sh", "-c", "echo evil >link")

    assert came == [b""]
    assert ran.pipes == ("pipe",)
