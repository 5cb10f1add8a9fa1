"""What holds something hidden or protected, or stands for it, cannot be used to get round it in the sandbox."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from agent_lsp.app.sandbox_setup import PROTECTED, WATCHED
from agent_lsp.commands.commands import CommandRules, CommandRun, Ran
from agent_lsp.files.editor import NoEditor
from agent_lsp.files.files import Files
from agent_lsp.files.roots import Roots
from agent_lsp.processes.run import Processes
from agent_lsp.sandbox.guard.scan import MOST_FOLDERS
from tests.security.confined import commands, folder_in_sight


@pytest.fixture
def workspace() -> Iterator[Path]:
    """Not in /tmp, where commands have a folder of their own."""
    with folder_in_sight() as folder:
        yield Path(folder).resolve()


async def run(workspace: Path, state: Path, *lines: str, hidden: tuple[str, ...] = ()) -> list[Ran]:
    """Runs lines one after the other, as calls of a session."""
    processes = Processes()
    files = Files(Roots([str(workspace)]), NoEditor())
    async with commands(files, processes, state, CommandRules(PROTECTED, (str(state), *hidden), WATCHED)) as runs:
        ran = [
            await runs.run(CommandRun(("/bin/sh", "-c", line), str(workspace), 20, 1 << 20), confined=True)
            for line in lines
        ]
    await processes.close()
    return ran


async def test_what_holds_a_kept_file_cannot_be_moved_so_that_the_next_command_reads_it(
    workspace: Path, tmp_path: Path
) -> None:
    (workspace / "a" / "conf").mkdir(parents=True)
    (workspace / "a" / "conf" / "secret").write_text("kept\n")
    (workspace / "b").mkdir()
    (workspace / ".agentignore").write_text("a/conf/secret\n")

    ran = await run(workspace, tmp_path / "state", "mv a c; mv b d; touch a/conf/new", "cat */conf/secret")

    assert b"kept" not in ran[1].ended.output
    assert sorted(path.name for path in workspace.iterdir()) == [".agentignore", "a", "d"]
    assert (workspace / "a" / "conf" / "new").exists()


async def test_what_holds_a_secret_of_the_home_cannot_be_moved_where_the_home_is_the_workspace(
    workspace: Path, tmp_path: Path
) -> None:
    (workspace / ".config" / "gh").mkdir(parents=True)
    (workspace / ".config" / "gh" / "hosts.yml").write_text("token\n")
    hidden = (str(workspace / ".config" / "gh"),)

    ran = await run(workspace, tmp_path / "state", "mv .config x", "cat .config/gh/* x/gh/*", hidden=hidden)

    assert b"token" not in ran[1].ended.output
    assert (workspace / ".config" / "gh" / "hosts.yml").exists()


@pytest.mark.parametrize("inner", [".vscode/settings.json", "kept"])
async def test_a_protected_folder_stays_closed_around_something_protected_or_hidden(
    workspace: Path, tmp_path: Path, inner: str
) -> None:
    skill = workspace / ".claude" / "skills" / "one"
    (skill / inner).parent.mkdir(parents=True)
    (skill / inner).write_text("{}\n")
    (skill / "SKILL.md").write_text("the user's\n")
    (workspace / ".agentignore").write_text("kept\n")

    await run(workspace, tmp_path / "state", "echo x >.claude/skills/one/SKILL.md; echo x >.claude/new; echo x >new")

    assert (skill / "SKILL.md").read_text() == "the user's\n"
    assert not (workspace / ".claude" / "new").exists()
    assert (workspace / "new").read_text() == "x\n"


@pytest.mark.parametrize(
    ("made", "hook"),
    [
        ("git init -q --separate-git-dir=meta .", "meta/hooks/update"),
        ("git init -q --bare sub/x", "sub/x/hooks/update"),
        ("git init -q; git config core.hooksPath checks", "checks/update"),
        ("git init -q; printf '[core]\\nHooksPath=\"checks\" ; ours\\n' >>.git/config", "checks/update"),
        ("git init -q; mkdir src; ln -s ../../src/update .git/hooks/update", "src/update"),
        ("git init -q --separate-git-dir=meta .; git config core.hooksPath checks", "checks/update"),
    ],
)
async def test_the_hooks_of_a_repository_are_held_wherever_they_lie(
    workspace: Path, tmp_path: Path, made: str, hook: str
) -> None:
    subprocess.run(["sh", "-ec", made], cwd=workspace, check=True)
    (workspace / hook).parent.mkdir(exist_ok=True)
    (workspace / hook).write_text("the user's\n")

    ran = await run(
        workspace, tmp_path / "state", f"echo x >{hook}; echo x >{hook}-2; rm -f {hook}; echo x >new; git status"
    )

    assert (workspace / hook).read_text() == "the user's\n"
    assert (workspace / f"{hook}-2").exists() == ("ln -s" in made)  # beside what a link leads to
    assert (workspace / "new").read_text() == "x\n"
    assert ran[0].ended.code == (128 if "--bare" in made else 0)


@pytest.mark.parametrize("folder", [".", "sub/x"])
async def test_a_repository_by_another_name_that_a_command_made_is_none_afterwards(
    workspace: Path, tmp_path: Path, folder: str
) -> None:
    line = f"git init -q --bare made && mkdir -p {folder} && cp -r made/. {folder}/ && rm -r made; echo x >hooks/new"
    await run(workspace, tmp_path / "state", f"mkdir hooks; {line}; touch beside")

    assert [path for name in ("HEAD", "config") for path in workspace.rglob(name)] == []
    assert (workspace / "beside").exists()


@pytest.mark.slow
async def test_many_folders_do_not_hide_what_a_command_made(workspace: Path, tmp_path: Path) -> None:
    make = f"import os; [os.mkdir(str(one)) for one in range({MOST_FOLDERS} // 4)]"
    made = "; ".join(f"mkdir -p {name}/.vscode {name}/x; (cd {name}/x && python3 -c '{make}')" for name in "abcdef")

    ran = await run(workspace, tmp_path / "state", f"{made}; touch beside")

    assert ran[0].surveyed
    assert sorted(workspace.glob("*/.vscode")) == []
    assert (workspace / "beside").exists()
