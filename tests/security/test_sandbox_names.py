"""Protected names that a command gives to something new, or that are patterns, or that it hides from the look."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from agent_lsp.app.sandbox_setup import PROTECTED, WATCHED
from agent_lsp.commands.commands import CommandRules, CommandRun, Ran
from agent_lsp.files.editor import NoEditor
from agent_lsp.files.files import Files
from agent_lsp.files.roots import Roots
from agent_lsp.processes.run import Processes
from tests.security.confined import PYTHON, commands, folder_in_sight
from tests.security.nobody import as_nobody


@pytest.fixture
def workspace() -> Iterator[Path]:
    """Not in /tmp, where commands have a folder of their own."""
    with folder_in_sight() as folder:
        yield Path(folder).resolve()


async def run(workspace: Path, state: Path, line: str, python: str = PYTHON) -> Ran:
    processes = Processes()
    files = Files(Roots([str(workspace)]), NoEditor())
    async with commands(
        files, processes, state, CommandRules(PROTECTED, (str(state),), WATCHED), python=python
    ) as runs:
        ran = await runs.run(CommandRun(("/bin/sh", "-c", line), str(workspace), 20, 1 << 20), confined=True)
    await processes.close()
    return ran


PATTERNS = [
    (".env.local", "env.local"),
    ("sub/.env.production", "sub/.environment"),
    ("sub/.ENV.test", "sub/.en"),
    ("a.code-workspace", "a.code"),
    ("sub/b.Sublime-Project", "sub/b.sublime"),
    ("tools/bin/python3", "tools/bin/run"),
    ("lib/site-packages/start.pth", "lib/site-packages/start.py"),
    ("sub/.github/copilot-instructions.md", "sub/.github/dependabot.yml"),
    ("sub/.github/hooks", "sub/.github/dependabot.yml"),
]


@pytest.mark.parametrize(("path", "neighbour"), PATTERNS)
async def test_a_file_that_a_pattern_protects_is_as_it_was_and_its_neighbour_is_changed(
    workspace: Path, tmp_path: Path, path: str, neighbour: str
) -> None:
    for name in (path, neighbour):
        (workspace / name).parent.mkdir(parents=True, exist_ok=True)
        (workspace / name).write_text("the user's\n")

    line = "echo evil >>{0}; echo evil >new; mv new {0}; rm -f {0}"
    ran = await run(workspace, tmp_path / "state", f"{line.format(path)}; {line.format(neighbour)}")

    assert (workspace / path).read_text() == "the user's\n"
    assert not (workspace / neighbour).exists()
    assert ran.taken_back == ()


@pytest.mark.parametrize(("path", "neighbour"), PATTERNS)
async def test_what_a_command_made_and_a_pattern_protects_is_taken_back_and_its_neighbour_stays(
    workspace: Path, tmp_path: Path, path: str, neighbour: str
) -> None:
    holder = Path(path).parent
    ran = await run(workspace, tmp_path / "state", f"mkdir -p {holder}; echo evil >{path}; echo good >{neighbour}")

    assert [one.shown for one in ran.taken_back] == [path]
    assert ran.left == ()
    assert not (workspace / path).exists()
    assert (workspace / neighbour).read_text() == "good\n"


async def test_the_programs_of_an_environment_are_held_whatever_its_name(workspace: Path, tmp_path: Path) -> None:
    for folder in ("tools", "other"):
        (workspace / folder / "bin").mkdir(parents=True)
        (workspace / folder / "bin" / "python").symlink_to(sys.executable)
        (workspace / folder / "bin" / "lint").write_text("the user's\n")
    (workspace / "tools" / "pyvenv.cfg").touch()

    line = "; ".join(f"echo evil >{name}/bin/lint; echo evil >{name}/bin/new" for name in ("tools", "other"))
    ran = await run(workspace, tmp_path / "state", f"ln -sf /bin/true tools/bin/python; {line}")

    assert (workspace / "tools" / "bin" / "lint").read_text() == "the user's\n"
    assert (workspace / "tools" / "bin" / "python").readlink() == Path(sys.executable)
    assert not (workspace / "tools" / "bin" / "new").exists()
    assert (workspace / "other" / "bin" / "lint").read_text() == "evil\n"
    assert ran.taken_back == ()


CLOSING = [
    "mkdir -p sub/.vscode; chmod 311 sub",
    "mkdir -p sub/.vscode; chmod 000 sub",
    "mkdir -p sub/.vscode; chmod 444 sub",
    "mkdir -p sub/.vscode; chmod 555 sub/.vscode sub",
    "mkdir -p sub/.vscode; chmod 000 sub/.vscode",
    "mkdir -p sub/a/b/.vscode; chmod 000 sub/a/b sub/a sub",
    "mkdir -p sub/.github/workflows; chmod 311 sub/.github",
    "mkdir sub; touch sub/.env.local; chmod 000 sub",
    "mkdir old/.vscode; chmod 311 old",
]


@pytest.mark.parametrize("line", CLOSING)
def test_a_folder_that_a_command_closed_hides_nothing_it_made(line: str) -> None:
    async def done(folder: Path, python: str) -> tuple[Ran, list[str], int]:
        workspace = folder / "workspace"
        (workspace / "old").mkdir(parents=True)
        (workspace / "shut").mkdir(mode=0o311)
        ran = await run(workspace, folder / "state", f"{line}; touch beside", python)
        (workspace / "old").chmod(0o755)
        names = sorted(path.name for path in workspace.rglob("*"))
        return ran, names, (workspace / "shut").stat().st_mode & 0o777

    ran, names, mode = as_nobody(done)
    assert "beside" in names
    assert not {".vscode", "workflows", ".env.local"} & set(names)
    assert len(ran.taken_back) == 1
    assert ran.left == ()
    assert mode == 0o311


def test_a_folder_that_the_user_closed_stays_closed_to_a_command() -> None:
    async def done(folder: Path, python: str) -> tuple[str, list[str], int]:
        shut = folder / "workspace" / "shut"
        (shut / ".vscode").mkdir(parents=True)
        (shut / "secret").write_text("kept\n")
        shut.chmod(0)
        ran = await run(shut.parent, folder / "state", "chmod 700 shut; cat shut/secret; touch shut/.vscode/x", python)
        mode = shut.stat().st_mode & 0o777
        shut.chmod(0o700)
        return ran.ended.output.decode(), sorted(path.name for path in shut.rglob("*")), mode

    said, names, mode = as_nobody(done)
    assert "kept" not in said
    assert names == [".vscode", "secret"]
    assert mode == 0


async def test_what_cannot_be_taken_back_is_told(workspace: Path, tmp_path: Path) -> None:
    (tmp_path / "state").mkdir()
    (tmp_path / "state" / "taken-back").touch()

    ran = await run(workspace, tmp_path / "state", "mkdir -p sub/.vscode")

    assert ran.taken_back == ()
    assert ran.left == ("sub/.vscode",)


@pytest.mark.parametrize("path", [".git/hooks/update", "AGENTS.md", "sub/.vscode/deep/tasks.json"])
async def test_a_protected_file_is_held_by_its_other_names_too(workspace: Path, tmp_path: Path, path: str) -> None:
    other = workspace / "docs" / "alias"
    other.parent.mkdir()
    (workspace / path).parent.mkdir(parents=True, exist_ok=True)
    (workspace / path).write_text("the user's\n")
    other.hardlink_to(workspace / path)
    (workspace / "docs" / "one").write_text("one\n")
    (workspace / "docs" / "two").hardlink_to(workspace / "docs" / "one")

    await run(workspace, tmp_path / "state", "echo evil >>docs/alias; echo two >>docs/two")

    assert (workspace / path).read_text() == "the user's\n"
    assert (workspace / "docs" / "one").read_text() == "one\ntwo\n"
