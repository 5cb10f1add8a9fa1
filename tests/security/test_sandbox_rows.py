"""Each published failure whose property is OS, CLEAN or PROT: the bad thing fails, and the good thing beside it works.

A naive executor, which is the same run outside the sandbox, shows that each of these tests can fail.
"""

from __future__ import annotations

import subprocess
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from agent_lsp.app.sandbox_setup import PROTECTED
from agent_lsp.commands.commands import CommandRules, CommandRun, Commands
from agent_lsp.files.editor import NoEditor
from agent_lsp.files.files import Files
from agent_lsp.files.roots import Roots
from agent_lsp.processes.run import Processes
from tests.security.cases import CASES, Case, Scene, scene
from tests.security.confined import commands, folder_in_sight


@pytest.fixture
def at(repository: Path) -> Iterator[Scene]:
    """Outside is not in /tmp, which commands do not see anyway."""
    temporary = folder_in_sight()
    with temporary as outside, scene(repository, Path(outside)) as found:
        yield found


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    folder = tmp_path / "workspace"
    subprocess.run(["git", "init", "-q", folder], check=True)
    return folder


@pytest.fixture
async def runs(at: Scene, tmp_path: Path) -> AsyncIterator[Commands]:
    processes = Processes()
    files = Files(Roots([str(at.workspace)]), NoEditor())
    rules = CommandRules(PROTECTED, (str(tmp_path / "state"), str(at.outside / "secret.txt")))
    async with commands(files, processes, tmp_path / "state", rules) as built:
        yield built
    await processes.close()


async def output(runs: Commands, at: Scene, line: str, *, confined: bool = True) -> str:
    argv = ("/bin/sh", "-c", line.format(**at.names))
    ran = await runs.run(CommandRun(argv, str(at.workspace), 20, 1 << 20), confined=confined)
    return ran.ended.output.decode()


def case_id(case: Case) -> str:
    return f"row {case.row}"


@pytest.mark.parametrize("case", CASES, ids=case_id)
async def test_the_bad_thing_fails_in_the_sandbox(case: Case, runs: Commands, at: Scene) -> None:
    said = await output(runs, at, case.attack)

    assert not case.happened(at, said), said


@pytest.mark.parametrize("case", CASES, ids=case_id)
async def test_its_good_neighbour_works(case: Case, runs: Commands, at: Scene) -> None:
    assert case.shows.format() in await output(runs, at, case.good)


@pytest.mark.parametrize("case", CASES, ids=case_id)
async def test_a_naive_executor_would_be_caught(case: Case, runs: Commands, at: Scene) -> None:
    said = await output(runs, at, case.attack, confined=False)

    assert case.happened(at, said), said
