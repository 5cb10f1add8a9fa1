"""Whose words a file holds, by where it lies and what version control says of it."""

from __future__ import annotations

import subprocess
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from agent_lsp.conversation.messages import Origin, Provenance
from agent_lsp.files.editor import NoEditor
from agent_lsp.files.files import Files
from agent_lsp.files.roots import Roots
from agent_lsp.journal.journal import Journal
from agent_lsp.provenance.origins import Origins


def origins_of(workspace: Path, journal: Journal) -> Origins:
    return Origins(Files(Roots([str(workspace)]), NoEditor()), journal)


@pytest.fixture
async def journal(tmp_path: Path) -> AsyncIterator[Journal]:
    opened = Journal(tmp_path / "state" / "journal.sqlite3")
    yield opened
    await opened.close()


PROJECT = Origin(Provenance.PROJECT, "files of the project")


def foreign(words: str) -> Origin:
    return Origin(Provenance.FOREIGN, words)


def write(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("x\n")


@pytest.mark.parametrize(
    "path",
    ["node_modules/a/README.md", "sub/.venv/lib/x.py", "Vendor/a.go", "target/doc/a.html", "x/site-packages/a.py"],
)
async def test_a_file_in_a_folder_of_dependencies_is_not_the_projects_own(
    workspace: Path, journal: Journal, path: str
) -> None:
    write(workspace, path, "src/a.py")
    origins = origins_of(workspace, journal)
    assert await origins.of([path]) == foreign(f"{path} (a dependency)")
    assert await origins.of([f"{workspace}/{path}", "src/a.py"]) == foreign(f"{path} (a dependency)")
    assert await origins.of(["src/a.py"]) == PROJECT


async def test_a_link_does_not_make_a_dependency_the_projects_own(workspace: Path, journal: Journal) -> None:
    write(workspace, "node_modules/a.md")
    (workspace / "notes.md").symlink_to("node_modules/a.md")
    assert await origins_of(workspace, journal).of(["notes.md"]) == foreign("notes.md (a dependency)")


async def test_what_git_leaves_out_is_not_the_projects_own(workspace: Path, journal: Journal) -> None:
    subprocess.run(["git", "init", "-q", workspace], check=True)
    (workspace / ".gitignore").write_text("*.log\n/build/\n!kept.log\n")
    write(workspace, "a.log", "kept.log", "build/kept.log", "sub/build/a", "sub/b.log", "sub/c.tmp", "d.local", "e")
    (workspace / "sub" / ".gitignore").write_text("*.tmp\n!b.log\n")
    (workspace / ".git" / "info" / "exclude").write_text("*.local\n")
    paths = [str(path.relative_to(workspace)) for path in workspace.rglob("*") if path.is_file()]
    paths = sorted(path for path in paths if not path.startswith(".git/"))
    told = subprocess.run(
        ["git", "-C", workspace, "check-ignore", *paths],
        capture_output=True,
        text=True,
        check=True,
    )
    origins = origins_of(workspace, journal)
    ignored = [path for path in paths if (await origins.of([path])).provenance is Provenance.FOREIGN]
    assert ignored == told.stdout.split()
    assert ignored == ["a.log", "build/kept.log", "d.local", "sub/c.tmp"]


async def test_what_git_keeps_for_itself_is_not_the_projects_own(workspace: Path, journal: Journal) -> None:
    write(workspace, ".git/HEAD", ".git/sub/description", "sub/.github/a")
    origins = origins_of(workspace, journal)
    for path in (".git/HEAD", ".git/sub/description"):
        assert await origins.of([path]) == foreign(f"{path} (git leaves it out)")
        assert (await origins.of_line(f"cat {path}", str(workspace))).provenance is Provenance.FOREIGN
    assert (await origins.of_line("git status", str(workspace))).provenance is Provenance.PROJECT
    assert await origins.of(["sub/.github/a"]) == PROJECT


async def test_another_repository_in_a_folder_of_the_project_is_not_the_projects_own(
    workspace: Path, journal: Journal
) -> None:
    write(workspace, "clone/.git/HEAD", "clone/README.md", "README.md")
    origins = origins_of(workspace, journal)
    assert await origins.of(["clone/README.md"]) == PROJECT
    write(workspace, ".git/HEAD")
    assert await origins.of(["clone/README.md"]) == foreign("clone/README.md (git leaves it out)")
    assert await origins.of(["README.md"]) == PROJECT


@pytest.mark.parametrize("word", ["x" * 300, "é" * 200])
async def test_what_is_too_long_for_a_name_is_no_file(workspace: Path, journal: Journal, word: str) -> None:
    subprocess.run(["git", "init", "-q", workspace], check=True)
    write(workspace, "vendor/a")
    origins = origins_of(workspace, journal)
    assert await origins.of([word]) == PROJECT
    assert (await origins.of_line(f"echo {word}", str(workspace))).provenance is Provenance.PROJECT
    assert (await origins.of_line(f"cat vendor/{{{word},a}}", str(workspace))).provenance is Provenance.FOREIGN


@pytest.mark.parametrize("deep", [1_500, 3_000])
async def test_a_path_that_is_deeper_than_any_is_judged_soon(workspace: Path, journal: Journal, deep: int) -> None:
    subprocess.run(["git", "init", "-q", workspace], check=True)
    origins = origins_of(workspace, journal)
    began = time.process_time()
    assert (await origins.of(["a/" * deep])).provenance is Provenance.FOREIGN
    assert (await origins.of_line("echo " + "a/" * deep, str(workspace))).provenance is Provenance.PROJECT
    assert time.process_time() - began < 5


async def test_of_many_files_the_first_are_named(workspace: Path, journal: Journal) -> None:
    paths = [f"vendor/{number}" for number in range(5)]
    assert (await origins_of(workspace, journal).of(paths)).source == (
        "vendor/0 (a dependency), vendor/1 (a dependency), vendor/2 (a dependency) and 2 more"
    )


@pytest.mark.parametrize(
    "line",
    [
        "cat node_modules/x/README.md",
        "grep -r x './node_modules'",
        "cat --file=node_modules/x/README.md",
        "cd node_modules && cat */README.md",
        """python3 -c 'print(open("node_modules/x/README.md").read())'""",
        "head -1 <node_modules/none",
        "cat node_mod''ules/x/README.md",
        "cat n\\\\ode_modules/x/README.md",
    ],
)
async def test_a_command_that_names_a_dependency_prints_what_is_not_the_projects_own(
    workspace: Path, journal: Journal, line: str
) -> None:
    write(workspace, "node_modules/x/README.md")
    told = await origins_of(workspace, journal).of_line(line, str(workspace))
    assert told.provenance is Provenance.FOREIGN, told


@pytest.mark.parametrize(
    "line", ["python -m pytest", "make targets vendor", ".venv/bin/python -m pytest", "./run target"]
)
async def test_a_command_that_runs_a_program_prints_what_is_the_projects_own(
    workspace: Path, journal: Journal, line: str
) -> None:
    write(workspace, ".venv/bin/python", "src/a.py")
    told = await origins_of(workspace, journal).of_line(line, str(workspace))
    assert told == Origin(Provenance.PROJECT, f"a command: {line}")


@pytest.mark.parametrize("line", ["cat {}", "true; head -1 {}", "X=1 cat ./{}", "sh {}", "exec cat {}"])
@pytest.mark.parametrize("name", ["node_modules/x/README.md", "node_modules/x/scripts/README.md"])
async def test_a_file_is_no_program_because_it_could_be_run(
    workspace: Path, journal: Journal, line: str, name: str
) -> None:
    write(workspace, name, "run", "scripts/check")
    for one in (name, "run", "scripts/check"):
        (workspace / one).chmod(0o755)
    origins = origins_of(workspace, journal)

    assert (await origins.of_line(line.format(name), str(workspace))).provenance is Provenance.FOREIGN
    for program in (f"./{name}", f"true && X=1 {name} -v", f"timeout 5 {name}", "./run", "cat scripts/check"):
        assert (await origins.of_line(program, str(workspace))).provenance is Provenance.PROJECT, program


async def test_a_command_that_names_a_file_outside_prints_what_is_not_the_projects_own(
    workspace: Path, journal: Journal, tmp_path: Path
) -> None:
    (tmp_path / "page.html").write_text("x\n")
    (workspace / "link").symlink_to(tmp_path / "page.html")
    write(workspace, "src/a.py")
    (workspace / "own").symlink_to("src/a.py")
    origins = origins_of(workspace, journal)

    for line in (f"cat {tmp_path}/page.html", "cat link", "cat ../page.html"):
        assert (await origins.of_line(line, str(workspace))).provenance is Provenance.FOREIGN, line
    for line in ("cat own", "cat /etc/passwd", "/bin/cat src/a.py", "cat ../none"):
        assert (await origins.of_line(line, str(workspace))).provenance is Provenance.PROJECT, line


async def test_a_command_in_a_folder_of_dependencies_prints_what_lies_there(workspace: Path, journal: Journal) -> None:
    write(workspace, "node_modules/x/README.md")
    told = await origins_of(workspace, journal).of_line("cat README.md", str(workspace / "node_modules" / "x"))
    assert told.provenance is Provenance.FOREIGN
