"""Two daemons in one workspace at once, and what a killed one leaves: no command loses what protects from it."""

from __future__ import annotations

import asyncio
import fcntl
import os
import signal
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from agent_lsp.app.sandbox_setup import PROTECTED, WATCHED
from agent_lsp.commands.commands import CommandRules, CommandRun, Commands, Ran
from agent_lsp.files.editor import NoEditor
from agent_lsp.files.files import Files
from agent_lsp.files.roots import Roots
from agent_lsp.processes import tree
from agent_lsp.processes.run import Processes
from agent_lsp.sandbox.guard import placeholder_file, placeholders
from tests.conftest import Start, call
from tests.raw_client import RawClient
from tests.security.confined import commands
from tests.security.test_sandbox_names import workspace as workspace  # noqa: PLC0414 - a fixture
from tests.stock_editor import wait_until

_FORBIDDEN = "mkdir .vscode .github; echo evil | tee .vscode/x AGENTS.md .git/commondir .github/workflows"
_UNTIL = "until [ -e {} ]; do sleep 0.02; done"
Runs = Callable[[str], Awaitable[Ran]]


@pytest.fixture
def repository(workspace: Path) -> Path:
    for path in (".git/objects", ".git/refs", "sub"):
        (workspace / path).mkdir(parents=True)
    (workspace / ".git/HEAD").write_text("ref: refs/heads/main\n")
    return workspace


@asynccontextmanager
async def opening(root: Path, state: Path) -> AsyncIterator[Runs]:
    """What runs a line as a daemon does that has opened a folder."""
    processes, rules = Processes(), CommandRules(PROTECTED, (str(state),), WATCHED)
    async with commands(Files(Roots([str(root)]), NoEditor()), processes, state, rules) as runs:
        await runs.confined(outside=False)
        yield lambda line: _run(runs, root, line)
    await processes.close()


async def _run(runs: Commands, root: Path, line: str) -> Ran:
    return await runs.run(CommandRun(("/bin/sh", "-c", line), str(root), 20, 1 << 20), confined=True)


async def appeared(path: Path) -> None:
    async with asyncio.timeout(15):
        while not path.exists():
            await asyncio.sleep(0.01)


@pytest.mark.parametrize("ends_first", ["the earlier", "the later"])
async def test_a_command_is_held_on_when_one_of_another_daemon_ends(
    repository: Path, tmp_path: Path, ends_first: str
) -> None:
    held, short = f"touch held; {_UNTIL.format('over')}; {_FORBIDDEN}", f"touch short; {_UNTIL.format('held')}"
    async with opening(repository, tmp_path / "a") as one, opening(repository, tmp_path / "b") as two:
        lines = [short, held] if ends_first == "the earlier" else [held, "true"]
        first = asyncio.ensure_future(one(lines[0]))
        await appeared(repository / ("short" if ends_first == "the earlier" else "held"))
        second = asyncio.ensure_future(two(lines[1]))
        over, other = (first, second) if ends_first == "the earlier" else (second, first)
        await over
        (repository / "over").touch()
        ran = await other

    assert (over.result().taken_back, ran.taken_back, ran.left) == ((), (), ())
    assert ran.ended.code != 0
    assert {path.name for path in repository.iterdir()} <= {".git", "sub", "held", "short", "over"}
    assert {path.name for path in (repository / ".git").iterdir()} == {"HEAD", "objects", "refs"}


async def test_who_has_the_folder_above_open_leaves_what_stands_in_for_another(
    repository: Path, tmp_path: Path
) -> None:
    sub = repository / "sub"
    async with opening(repository, tmp_path / "a") as above, opening(sub, tmp_path / "b") as below:
        first = asyncio.ensure_future(above(f"touch begun; {_UNTIL.format('sub/held')}"))
        await appeared(repository / "begun")
        second = asyncio.ensure_future(below(f"touch held; {_UNTIL.format('over')}; {_FORBIDDEN}"))
        ran_above = await first
        (sub / "over").touch()
        ran_below = await second

    assert (ran_above.taken_back, ran_above.left) == ((), ())
    assert (ran_below.taken_back, ran_below.left) == ((), ())
    assert {path.name for path in sub.iterdir()} == {"held", "over"}


async def test_what_a_user_makes_while_a_command_cannot_is_theirs(repository: Path, tmp_path: Path) -> None:
    """Such as by another editor, with an approved edit."""
    async with opening(repository, tmp_path / "state") as run:
        running = asyncio.ensure_future(run(f"touch held; {_UNTIL.format('over')}"))
        await appeared(repository / "held")
        (repository / ".vscode/settings.json").write_text("{}")
        (repository / "over").touch()
        ran = await running

    assert (ran.taken_back, ran.left) == ((), ())
    assert (repository / ".vscode/settings.json").read_text() == "{}"
    assert (repository / ".vscode").stat().st_mode == repository.stat().st_mode


async def test_what_takes_the_place_of_a_stub_is_taken_away(repository: Path, tmp_path: Path) -> None:
    """The mount went with the stub (`git clean` takes empty folders away), so the command may have made it."""
    async with opening(repository, tmp_path / "state") as run:
        running = asyncio.ensure_future(
            run(f"touch held; {_UNTIL.format('over')}; mkdir .vscode; echo evil >.vscode/x")
        )
        await appeared(repository / "held")
        (repository / ".vscode").rmdir()
        (repository / "over").touch()
        ran = await running

    assert [one.shown for one in ran.taken_back] == [".vscode"]
    assert not (repository / ".vscode").exists()


@pytest.fixture
def asked(daemon: Start, repository: Path, script: Callable[..., str]) -> Callable[[str], RawClient]:
    """Starts a daemon that runs a line, and says yes to it."""

    def start(line: str) -> RawClient:
        client = daemon(script({"calls": [call("run_command", command=line)]}, {"text": "ok"}))
        client.answers["agent/requestApproval"] = lambda _: {"decision": "allow_once"}
        client.start(repository, {"approvals": True})
        client.command("agent.ask", {"prompt": "go"})
        return client

    return start


@pytest.mark.parametrize("another", [False, True])
def test_a_killed_daemon_leaves_no_stub_but_what_another_needs(
    asked: Callable[[str], RawClient], repository: Path, *, another: bool
) -> None:
    killed = asked("touch begun; sleep 60")
    wait_until((repository / "begun").exists)
    other = asked(f"touch held; {_UNTIL.format('over')}; {_FORBIDDEN}") if another else None
    wait_until(lambda: not another or (repository / "held").exists())

    children = tree.descendants(killed.process.pid)
    killed.process.kill()
    wait_until(lambda: not tree.alive(children))  # the guard is one of them
    (repository / "over").touch()
    if other:
        other.wait_event("turnFinished")
        assert "taken back" not in str(other.events("toolCallOutput"))

    assert {path.name for path in repository.iterdir()} <= {".git", "sub", "begun", "held", "over"}
    assert {path.name for path in (repository / ".git").iterdir()} == {"HEAD", "objects", "refs"}


def test_what_neither_a_killed_daemon_nor_its_guard_could_clear_the_next_start_does(
    asked: Callable[[str], RawClient], daemon: Start, repository: Path
) -> None:
    killed = asked("touch begun; sleep 60")
    wait_until((repository / "begun").exists)
    for pid in (*tree.children(killed.process.pid), killed.process.pid):
        os.kill(pid, signal.SIGKILL)
    wait_until(lambda: not tree.alive([killed.process.pid]))
    assert (repository / ".git/commondir").exists()
    client = daemon()
    client.start(repository)
    client.command("agent.status")

    assert {path.name for path in repository.iterdir()} == {".git", "sub", "begun"}
    assert {path.name for path in (repository / ".git").iterdir()} == {"HEAD", "objects", "refs"}


def test_what_was_left_at_a_loss_of_power_is_cleared_away_and_what_is_needed_or_the_users_is_not(
    repository: Path,
) -> None:
    for name in (".vscode", ".idea", ".zed", ".venv"):
        (repository / name).mkdir(placeholder_file.MODE)
    (repository / ".git/commondir").write_bytes(placeholder_file.HERE)
    (repository / ".claude").mkdir()
    (repository / ".idea/mine").touch()
    needed = placeholder_file.opened(str(repository / ".zed"))
    assert placeholder_file.locked(needed, fcntl.LOCK_SH)
    placeholders.clear(PROTECTED, [str(repository)])
    os.close(needed)

    assert {path.name for path in repository.iterdir()} == {".git", "sub", ".idea", ".zed", ".claude"}
    assert not (repository / ".git/commondir").exists()
