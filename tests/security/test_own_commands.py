"""A confined command neither reads nor changes what is agent-lsp's own, where a root holds it too."""

from __future__ import annotations

import itertools
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from agent_lsp.app.sandbox_setup import PROTECTED, WATCHED
from agent_lsp.commands.commands import CommandRules, CommandRun, Commands
from agent_lsp.files.editor import NoEditor
from agent_lsp.files.files import Files
from agent_lsp.files.own_files import Own
from agent_lsp.files.roots import Roots
from agent_lsp.permissions.read_only_commands import ENVIRONMENT
from agent_lsp.processes.run import Processes
from agent_lsp.sandbox import SandboxRefused
from agent_lsp.sandbox.choose import Machine
from agent_lsp.sandbox.guard.quarantine import Quarantine
from tests.security.confined import commands
from tests.security.nobody import as_nobody
from tests.security.own_scene import (
    HARM,
    KEY,
    NAMES,
    PACKAGE,
    SETTINGS,
    STATE,
    VARIANTS,
    expected,
    files_in,
    own_places,
)
from tests.security.test_sandbox_levels import OnlyLandlock


async def said(runs: Commands, folder: Path, line: str, *, reads: bool = False) -> str:
    program = CommandRun(("/bin/sh", "-c", line), str(folder), 60, 1 << 20, reads=reads)
    return (await runs.run(program, confined=True)).ended.output.decode()


async def in_bubblewrap(folder: Path, own: Own, line: str, state: Path, *, reads: bool = False) -> str:
    processes = Processes()
    files = Files(Roots([str(folder)], own), NoEditor())
    try:
        async with commands(files, processes, state, CommandRules(PROTECTED, variables=ENVIRONMENT)) as runs:
            return await said(runs, folder, line, reads=reads)
    finally:
        await processes.close()


@pytest.mark.parametrize("variant", VARIANTS, ids=NAMES)
async def test_bubblewrap_keeps_it_in_an_open_home(variant: Callable[[Path], None], tmp_path: Path) -> None:
    home = tmp_path.resolve() / "home"
    own = own_places(home, variant)
    before = files_in(home)

    output = await in_bubblewrap(home, own, HARM, tmp_path / "state")

    assert KEY not in output
    assert "code\n" in output
    assert files_in(home) == expected(before)


@pytest.mark.parametrize("line", [f"cat {SETTINGS}/config.toml", f"cat project/hard.toml; ls {STATE}; grep -r key ."])
async def test_a_command_that_only_reads_sees_nothing_of_it(line: str, tmp_path: Path) -> None:
    home = tmp_path.resolve() / "home"
    own = own_places(home, VARIANTS[0])
    (home / "project/key").write_text("key of the project\n")

    output = await in_bubblewrap(home, own, f"{line}; cat project/key", tmp_path / "state", reads=True)

    assert KEY not in output
    assert "rules" not in output
    assert "key of the project" in output


@pytest.mark.parametrize("number", range(len(VARIANTS)), ids=NAMES)
def test_landlock_keeps_it_in_an_open_home(number: int) -> None:
    async def done(folder: Path, python: str) -> tuple[dict[str, str], dict[str, str], str]:
        home, processes = folder / "home", Processes()
        own = own_places(home, VARIANTS[number])
        before = files_in(home)
        names = (f"entry-{one}" for one in itertools.count())
        runs = Commands(
            Files(Roots([str(home)], own), NoEditor()),
            processes,
            OnlyLandlock(folder / "sandbox", [], processes, Machine("", python)),
            Quarantine(folder / "taken", lambda: next(names)),
            CommandRules(PROTECTED, variables=ENVIRONMENT),
        )
        output = await said(runs, home, HARM)
        await processes.close()
        return before, files_in(home), output

    before, after, output = as_nobody(done)
    assert KEY not in output
    assert "code\n" in output
    left = expected(before)
    # Nothing can be removed from a folder that holds the package: there a right would be one for the package, too.
    left["venv/other.py"] = "other\n"
    assert after == left


OUTSIDE = f"cat ../home/{SETTINGS}/config.toml ../home/{STATE}/rules; cat ../beside; echo fine >new"


async def test_bubblewrap_hides_it_where_it_lies_in_no_folder_that_is_open(tmp_path: Path) -> None:
    """Settings may lie where no program keeps its secrets; here beside a folder that is open."""
    place = Path("/opt") / f"agent-lsp-test-{os.getpid()}"
    try:
        own = own_places(place / "home", VARIANTS[0])
        (place / "work").mkdir()
        (place / "beside").write_text("beside\n")
        output = await in_bubblewrap(place / "work", own, OUTSIDE, tmp_path / "state")
        assert files_in(place / "work") == {"new": "fine\n"}
    finally:
        shutil.rmtree(place)
    assert KEY not in output
    assert output.endswith("beside\n")


@pytest.mark.parametrize("root", [SETTINGS, f"{STATE}/sub", PACKAGE])
async def test_no_command_runs_in_a_folder_of_its_own(root: str, tmp_path: Path) -> None:
    home = tmp_path.resolve() / "home"
    own = own_places(home, VARIANTS[0])
    (home / root).mkdir(exist_ok=True)

    with pytest.raises(SandboxRefused, match=r"agent-lsp's own .*; open another folder"):
        await in_bubblewrap(home / root, own, "true", tmp_path / "state")
    assert await in_bubblewrap(home / "project", own, "echo fine", tmp_path / "state") == "fine\n"


async def test_a_checkout_that_is_open_can_be_changed_but_for_the_package(tmp_path: Path) -> None:
    checkout = tmp_path.resolve() / "checkout"
    (checkout / "agent_lsp").mkdir(parents=True)
    (checkout / "agent_lsp/app.py").write_text("code\n")
    own = Own(code=str(checkout / "agent_lsp"), checkout=str(checkout))

    line = "echo harm >agent_lsp/app.py; echo harm >agent_lsp/new.py; mv agent_lsp other; echo fine >notes; cat notes"
    output = await in_bubblewrap(checkout, own, line, tmp_path / "state")

    assert output.endswith("fine\n")
    assert files_in(checkout) == {"agent_lsp/app.py": "code\n", "notes": "fine\n"}


async def test_an_environment_of_the_project_that_shares_files_with_the_installation_leaves_these_as_they_are(
    tmp_path: Path,
) -> None:
    """Installers link the files of all environments to one cache; what is written in one is written in all."""
    packages, project = tmp_path.resolve() / "tool/site-packages", tmp_path.resolve() / "project"
    site = project / ".venv/lib/site-packages"
    for name in ("agent_lsp/app.py", "library/core.py", "library/sub/core.py", "single.py"):
        for folder in (packages, site):
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (packages / name).write_text("code\n")
        (site / name).hardlink_to(packages / name)
    for name in ("of_project.py", "library/__pycache__/core.pyc", "mixed/own.py"):
        (site / name).parent.mkdir(exist_ok=True)
        (site / name).write_text("theirs\n")
    own = Own(installation=[str(packages)], code=str(packages / "agent_lsp"))

    line = (
        "cd .venv/lib/site-packages; for file in *.py */*.py */*/*.py new.py; do echo fine >$file; done; cat single.py"
    )
    output = await in_bubblewrap(project, own, line, tmp_path / "state")

    assert output.endswith("code\n")
    assert set(files_in(packages).values()) == {"code\n"}
    changed = [name for name, text in files_in(site).items() if text == "fine\n"]
    assert changed == ["mixed/own.py", "new.py", "of_project.py"]


async def test_a_second_mount_of_its_folder_is_no_way_to_it(tmp_path: Path) -> None:
    unshare, home = shutil.which("unshare"), tmp_path.resolve() / "home"
    own_places(home, VARIANTS[0])
    before = files_in(home)
    mounts = {
        ".config": "whole one",
        SETTINGS: "settings",
        f"{SETTINGS}/config.toml": "file",
        PACKAGE: "package",
    }
    for path, name in mounts.items():
        place = home / "project" / name
        place.touch() if (home / path).is_file() else place.mkdir()
    mounted = "".join(f"mount --bind '{home / path}' '{home / 'project' / name}'\n" for path, name in mounts.items())
    script = f"{mounted} exec '{sys.executable}' -c '{_MOUNTED}' '{home}' '{tmp_path / 'state'}'"
    if not unshare or subprocess.run([unshare, "-rm", "mount", "--bind", str(home), str(home)], check=False).returncode:
        pytest.skip("nothing can be mounted here")

    done = subprocess.run([unshare, "-rm", "sh", "-ec", script], check=True, capture_output=True, text=True)

    assert "fine" in done.stdout
    assert KEY not in done.stdout
    for name in mounts.values():
        place = home / "project" / name
        place.unlink() if place.is_file() else place.rmdir()
    assert files_in(home) == before


_MOUNTED = """
import asyncio, sys
from pathlib import Path
from agent_lsp.files.own_files import Own
from tests.security.own_scene import PACKAGE, SETTINGS, STATE
from tests.security.test_own_commands import in_bubblewrap
home = Path(sys.argv[1])
own = Own(settings=[str(home / SETTINGS)], state=[str(home / STATE)], code=str(home / PACKAGE))
line = "cat */config.toml */*/config.toml file; echo harm | tee file settings/config.toml settings/new package/app.py"
line += " package/new.py; echo harm | tee whole*/agent-lsp/new whole*/agent-lsp/config.toml; echo fine"
print(asyncio.run(in_bubblewrap(home / "project", own, line, Path(sys.argv[2]))))
"""


async def test_nothing_stands_in_for_what_is_missing_when_a_command_has_ended(tmp_path: Path) -> None:
    home = tmp_path.resolve() / "home"
    home.mkdir()
    own = Own(settings=[str(home / SETTINGS)], state=[str(home / STATE)])

    output = await in_bubblewrap(home, own, f"mkdir -p {SETTINGS} .config/other; echo fine >a; ls -A", tmp_path / "s")

    assert os.listdir(home) == ["a"]  # noqa: PTH208 - all names
    assert "a" in output.split()


async def test_an_interpreter_in_a_folder_with_other_programs_stays_and_starts(tmp_path: Path) -> None:
    """What stands in for missing files of the installation keeps no program from starting."""
    home = tmp_path.resolve() / "home"
    (home / "bin").mkdir(parents=True)
    (home / "lib").mkdir()
    for name in ("python3", "other"):
        (home / "bin" / name).write_text("#!/bin/sh\necho started\n")
        (home / "bin" / name).chmod(0o755)
    before = files_in(home)
    own = Own(installation=[str(home / "bin"), str(home / "lib/python3.zip")])

    line = (
        "bin/python3; bin/other; echo harm >bin/python3._pth; echo harm >bin/python3; echo harm >lib/python3.zip; true"
    )
    processes = Processes()
    files = Files(Roots([str(home)], own), NoEditor())
    rules = CommandRules(PROTECTED, watched=WATCHED, variables=ENVIRONMENT)
    async with commands(files, processes, tmp_path / "state", rules) as runs:
        assert (await said(runs, home, line)).startswith("started\nstarted\n")
    await processes.close()
    assert files_in(home) == before
