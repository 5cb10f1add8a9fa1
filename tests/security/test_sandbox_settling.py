"""What only the user may change is as it was when a command has ended, whatever it did to be missed."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from agent_lsp.app.sandbox_setup import PROTECTED, WATCHED
from agent_lsp.commands.commands import CommandRules, CommandRun, Commands, Ran
from agent_lsp.files.editor import NoEditor
from agent_lsp.files.files import Files
from agent_lsp.files.roots import Roots
from agent_lsp.processes import tree
from agent_lsp.processes.run import Processes
from agent_lsp.sandbox.choose import LevelFound, Machine, Sandboxes
from agent_lsp.sandbox.guard.quarantine import Quarantine
from agent_lsp.sandbox.levels.landlock import Landlock
from agent_lsp.sandbox.levels.seccomp import program
from agent_lsp.sandbox.limits import ResourceBounds
from tests.security.confined import commands
from tests.security.nobody import as_nobody
from tests.security.test_sandbox_names import run
from tests.security.test_sandbox_names import workspace as workspace  # noqa: PLC0414 - a fixture

_DEEP = "import os; os.chdir('{}'); [(os.mkdir('a'), os.chdir('a')) for _ in range(1500)]"


@pytest.fixture
def linked(workspace: Path) -> Path:
    """A protected link, which nothing can be mounted on."""
    (workspace / "docs").mkdir()
    (workspace / "docs" / "agents.txt").write_text("the user's\n")
    (workspace / "CLAUDE.md").symlink_to("docs/agents.txt")
    (workspace / "sub").mkdir()
    return workspace


@pytest.mark.parametrize("line", ["mv CLAUDE.md sub/.vscode", "ln CLAUDE.md sub/.vscode"])
async def test_a_protected_link_by_another_protected_name_is_another_one(
    linked: Path, tmp_path: Path, line: str
) -> None:
    """From there it leads elsewhere."""
    made = "mkdir -p sub/docs/agents.txt; echo evil >sub/docs/agents.txt/tasks.json"
    ran = await run(linked, tmp_path / "state", f"{line}; {made}")

    assert "sub/.vscode" in [one.shown for one in ran.taken_back]
    assert not os.path.lexists(linked / "sub" / ".vscode")
    assert (linked / "CLAUDE.md").readlink() == Path("docs/agents.txt")
    assert (linked / "sub" / "docs" / "agents.txt" / "tasks.json").read_text() == "evil\n"


REPLACING = [
    "truncate -s 40M CLAUDE.md",
    "mkfifo CLAUDE.md",
    f'mkdir CLAUDE.md; python3 -c "{_DEEP.format("CLAUDE.md")}"',
    "mkdir CLAUDE.md; cd CLAUDE.md; for i in $(seq 5000); do echo >$i; done",
    "echo evil >CLAUDE.md",
]


@pytest.mark.parametrize("line", REPLACING)
async def test_a_protected_link_is_put_back_whatever_stands_in_its_place(
    linked: Path, tmp_path: Path, line: str
) -> None:
    ran = await run(linked, tmp_path / "state", f"rm CLAUDE.md; {line}")
    await _unconfined(tmp_path, "rm -rf state/taken-back")  # deeper than Python's own clearing up gets

    assert (linked / "CLAUDE.md").readlink() == Path("docs/agents.txt")
    assert [one.shown for one in ran.taken_back] == ["CLAUDE.md"]
    assert ran.left == ()


async def test_what_a_command_gave_a_name_that_the_user_keeps_is_looked_through(
    workspace: Path, tmp_path: Path
) -> None:
    (workspace / ".agentignore").write_text(".env\nbuild/\n")
    (workspace / "sub").mkdir()

    line = "echo evil >sub/.env; mkdir -p build/.vscode; echo evil >build/.vscode/tasks.json; echo good >build/out"
    ran = await run(workspace, tmp_path / "state", line)

    assert sorted(one.shown for one in ran.taken_back) == ["build/.vscode", "sub/.env"]
    assert not (workspace / "sub" / ".env").exists()
    assert [path.name for path in (workspace / "build").iterdir()] == ["out"]


async def test_new_rules_of_what_is_kept_do_not_keep_anything_from_being_taken_back(
    workspace: Path, tmp_path: Path
) -> None:
    ran = await run(workspace, tmp_path / "state", "echo '*' >.agentignore; mkdir -p '+sub/.vscode'; touch ok")

    assert sorted(one.shown for one in ran.taken_back) == ["+sub/.vscode", ".agentignore"]
    assert sorted(path.name for path in workspace.rglob("*")) == ["+sub", "ok"]


async def test_git_works_where_the_user_keeps_something(workspace: Path, tmp_path: Path) -> None:
    (workspace / ".agentignore").write_text("private\n")
    (workspace / "private").write_text("secret\n")
    as_user = "git -c user.name=a -c user.email=a@localhost"

    await _unconfined(workspace, f"git init -q; git add .agentignore; {as_user} commit -qm first")
    line = f"git switch -qc other && touch new && git add new && {as_user} commit -qm second && cat private"
    ran = await run(workspace, tmp_path / "state", line)

    assert "secret" not in ran.ended.output.decode()
    assert await _unconfined(workspace, "git log --format=%s other") == "second\nfirst\n"


async def test_a_folder_that_the_user_opens_meanwhile_is_left_alone(workspace: Path, tmp_path: Path) -> None:
    open_now, opened_later = workspace / "one", workspace / "two"
    open_now.mkdir()
    (opened_later / ".git").mkdir(parents=True)
    (opened_later / ".git" / "config").write_text("the user's\n")
    roots = Roots([str(open_now)])

    def later() -> None:
        roots.replace([str(open_now), str(opened_later)])

    ran = await _while_running(roots, tmp_path, "mkdir -p sub/.vscode; sleep 1", later)

    assert (opened_later / ".git" / "config").read_text() == "the user's\n"
    assert [one.shown for one in ran.taken_back] == ["one/sub/.vscode"]


async def test_who_cancels_twice_does_not_keep_anything_from_being_put_back(linked: Path, tmp_path: Path) -> None:
    files, processes = Files(Roots([str(linked)]), NoEditor()), Processes()
    async with commands(files, processes, tmp_path / "state", CommandRules(PROTECTED, (), WATCHED)) as runs:
        line = "rm CLAUDE.md; mkdir -p sub/.vscode; touch ready; sleep 20"
        running = asyncio.create_task(runs.run(_program(linked, line), confined=True))
        while not (linked / "ready").exists():
            await asyncio.sleep(0.01)
        while not running.done():
            running.cancel()
            await asyncio.sleep(0.002)
        with suppress(asyncio.CancelledError):
            await running
        await asyncio.sleep(1)
    await processes.close()

    assert (linked / "CLAUDE.md").readlink() == Path("docs/agents.txt")
    assert not (linked / "sub" / ".vscode").exists()


@pytest.mark.parametrize("repository", [False, True])
async def test_a_command_that_ends_leaves_what_stands_in_for_another_which_is_held_on(
    workspace: Path, tmp_path: Path, *, repository: bool
) -> None:
    if repository:
        await _unconfined(workspace, "git init -q; rm -rf .git/hooks")
    files, processes = Files(Roots([str(workspace)]), NoEditor()), Processes()
    async with commands(files, processes, tmp_path / "state", CommandRules(PROTECTED, (), WATCHED)) as runs:
        await runs.confined(outside=False)
        waits = _program(workspace, "while [ ! -e go ]; do sleep 0.05; done")
        first = asyncio.create_task(runs.run(waits, confined=True))
        await asyncio.sleep(0.3)
        writes = "touch .git/hooks/x; mkdir -p .idea .vscode; echo evil >.vscode/x; echo x >.git/commondir"
        looks = "find .vscode .git/hooks -name x; cat .git/commondir"
        line = f"touch go; while [ ! -e ended ]; do sleep 0.05; done; {writes}; {looks}"
        second = asyncio.create_task(runs.run(_program(workspace, line), confined=True))
        ended = await first
        (workspace / "ended").touch()
        other = await second
    await processes.close()

    said = other.ended.output.decode().splitlines()
    assert ended.taken_back == other.taken_back == ()
    assert not {"x", ".vscode/x", ".git/hooks/x"} & set(said)
    assert {path.name for path in workspace.iterdir()} - {".git"} == {"go", "ended"}


class OnlyLandlock(Sandboxes):
    """A machine without bubblewrap."""

    async def found(self) -> LevelFound:
        return LevelFound(Landlock(self._machine.python, self._folder, program(network=False), ResourceBounds()))


@pytest.mark.parametrize(
    "line",
    [
        "rm -rf sub",
        "rm -rf sub; touch sub",
        "mv sub other; ln -s /usr sub",
        "mv sub other; ln -s nowhere sub",
        "echo evil >sub/.env; chmod 000 sub/.env",
        "echo evil >sub/.claude/settings.json; chmod 000 sub/.claude sub",
        "rm sub/.env; mkfifo sub/.env",
        "rm -rf sub/.claude; truncate -s 100M sub/.claude",
    ],
)
def test_landlock_puts_back_what_was_in_a_folder_that_is_gone_or_closed(line: str) -> None:
    async def done(folder: Path, python: str) -> tuple[list[str], int, tuple[str, ...]]:
        sub, processes = folder / "workspace" / "sub", Processes()
        (sub / ".claude").mkdir(parents=True)
        (sub / ".claude" / "settings.json").write_text("the user's\n")
        (sub / ".claude").chmod(0o555)
        (sub / ".env").write_text("the user's too\n")
        os.mkfifo(sub.parent / ".envrc")
        sandboxes = OnlyLandlock(folder / "sandbox", [], processes, Machine("", python))
        files, names = Files(Roots([str(sub.parent)]), NoEditor()), iter("abcdefgh").__next__
        runs = Commands(
            files, processes, sandboxes, Quarantine(folder / "taken", names), CommandRules(PROTECTED, (), WATCHED)
        )
        ran = await runs.run(_program(sub.parent, f"chmod -R u+w .; {line}"), confined=True)
        await processes.close()
        assert (sub.parent / ".envrc").is_fifo()
        texts = [(sub / name).read_text() for name in (".claude/settings.json", ".env")]
        return texts, (sub / ".claude").stat().st_mode & 0o777, ran.left

    texts, mode, left = as_nobody(done)
    assert texts == ["the user's\n", "the user's too\n"]
    assert mode == 0o555
    assert left == ()


@pytest.mark.parametrize("made", ["mkfifo {}/pipe", f'python3 -c "{_DEEP}"'])
async def test_what_cannot_be_carried_to_another_disk_loses_its_name_only(
    workspace: Path, tmp_path: Path, made: str
) -> None:
    if Path("/dev/shm").stat().st_dev == workspace.stat().st_dev:
        pytest.skip("there is one disk only")
    line = f"mkdir -p sub/.vscode; echo evil >sub/.vscode/tasks.json; {made.format('sub/.vscode')}"
    with TemporaryDirectory(dir="/dev/shm") as elsewhere:
        (tmp_path / "state").mkdir()
        (tmp_path / "state" / "taken-back").symlink_to(elsewhere)
        ran = await run(workspace, tmp_path / "state", line)
        names = [path.name for path in (workspace / "sub").iterdir()]
        await _unconfined(workspace, f"rm -rf sub {elsewhere}/*")

    assert ran.left == ()
    assert [one.kept_at for one in ran.taken_back] == [str(workspace / "sub" / name) for name in names]
    assert ".vscode" not in names


def test_a_long_chain_of_processes_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """A process for each that one has started makes no stack overflow, so that all of them are killed."""
    monkeypatch.setattr(tree, "children", lambda pid: [pid + 1] if pid < 5_000 else [])

    assert tree.descendants(1) == list(range(2, 5_001))


def _program(folder: Path, line: str) -> CommandRun:
    return CommandRun(("/bin/sh", "-c", line), str(folder), 20, 1 << 20)


async def _while_running(roots: Roots, state: Path, line: str, done: Callable[[], None]) -> Ran:
    files, processes = Files(roots, NoEditor()), Processes()
    async with commands(files, processes, state / "state", CommandRules(PROTECTED, (), WATCHED)) as runs:
        await runs.confined(outside=False)
        running = asyncio.create_task(runs.run(_program(Path(roots.all[0].path), line), confined=True))
        await asyncio.sleep(0.5)
        done()
        ran = await running
    await processes.close()
    return ran


async def _unconfined(folder: Path, line: str) -> str:
    shell = await asyncio.create_subprocess_shell(line, cwd=folder, stdout=asyncio.subprocess.PIPE)
    said, _ = await shell.communicate()
    assert shell.returncode == 0
    return said.decode()
