"""Confined by a container of a real engine: what it holds, what it lets through, and that nothing of it is left."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from agent_lsp.app.sandbox_setup import PROTECTED
from agent_lsp.commands.commands import CommandRules, CommandRun, Commands, Ran
from agent_lsp.files.editor import NoEditor
from agent_lsp.files.files import Files
from agent_lsp.files.roots import Roots
from agent_lsp.permissions.read_only_commands import ENVIRONMENT
from agent_lsp.processes.run import Processes
from agent_lsp.processes.tree import MARK
from agent_lsp.sandbox import Level, SandboxRefused, SandboxView
from agent_lsp.sandbox.choose import LevelFound, Machine, Sandboxes
from agent_lsp.sandbox.limits import ResourceLimits
from tests.conftest import Start, call
from tests.open_buffers import OpenBuffers
from tests.permissions.test_read_only_commands import evil_repository
from tests.security.cases import CASES, Case, scene
from tests.security.confined import PYTHON, commands, folder_in_sight, working_in
from tests.security.own_scene import HARM, KEY, NAMES, VARIANTS, expected, files_in, own_places
from tests.security.podman import Podman, podman
from tests.tools.calls import snapshot_of

pytestmark = [
    pytest.mark.skipif(sys.platform != "linux", reason="the image is made of programs of this machine"),
    pytest.mark.slow,
]


@pytest.fixture(scope="session")
def engine() -> Iterator[Podman]:
    with (
        TemporaryDirectory(prefix="agent-lsp-test-", ignore_cleanup_errors=True) as folder,
        podman(Path(folder)) as one,
    ):
        yield one


@pytest.fixture
def machine(engine: Podman) -> Machine:
    return Machine(os.environ["PATH"], PYTHON, engine.image, engine_variables=engine.variables)


@asynccontextmanager
async def opened(
    workspace: Path, machine: Machine, *, editor: OpenBuffers | NoEditor | None = None, **rules: object
) -> AsyncIterator[Commands]:
    processes, state = Processes(), workspace.parent / "state"
    files = Files(Roots([str(workspace)]), editor or NoEditor())
    given = CommandRules(**{"protected": PROTECTED, "hidden": (str(state),), **rules})  # type: ignore[arg-type]  # as a test names them
    async with commands(files, processes, state, given, machine=machine) as built:
        yield built
    await processes.close()


async def run(runs: Commands, workspace: Path, line: str, *, reads: bool = False, seconds: float = 60) -> Ran:
    argv = ("/bin/sh", "-c", line)
    return await runs.run(CommandRun(argv, str(workspace), seconds, 1 << 20, reads=reads), confined=True)


async def said(runs: Commands, workspace: Path, line: str) -> str:
    return (await run(runs, workspace, line)).ended.output.decode()


async def found(folder: Path, machine: Machine) -> LevelFound:
    processes = Processes()
    sandboxes = Sandboxes(folder / "sandbox", [], processes, machine)
    one = await sandboxes.found()
    sandboxes.close()
    await processes.close()
    return one


def broken(folder: Path, *names: str) -> str:
    """A PATH on which some programs do nothing but fail."""
    folder.mkdir()
    for name in names:
        (folder / name).write_text("#!/bin/sh\necho it is broken >&2\nexit 125\n")
        (folder / name).chmod(0o755)
    return f"{folder}:{os.environ['PATH']}"


async def test_it_holds_also_where_another_engine_does_not_and_says_why_that_one_does_not(
    tmp_path: Path, machine: Machine, engine: Podman
) -> None:
    one = await found(tmp_path, replace(machine, path=broken(tmp_path / "bin", "docker")))

    assert one.level is Level.CONTAINER
    assert [line.partition(": ")[0] for line in one.not_held] == ["container by docker"]
    assert engine.names() == []
    assert sorted(file.name for file in (tmp_path / "sandbox").iterdir()) == ["closed", "closed-pipe", "empty"]


async def test_an_image_that_is_not_there_and_an_engine_that_is_broken_are_named_with_the_remedy(
    tmp_path: Path, machine: Machine
) -> None:
    one = await found(tmp_path, replace(machine, path=broken(tmp_path / "bin", "docker", "podman"), image="no/such:1"))

    assert one.level is Level.NONE
    assert [line.partition(": ")[0] for line in one.not_held] == ["container by docker", "container by podman"]
    assert all(line.partition(": ")[2] for line in one.not_held)
    assert "no/such:1" in one.not_held[1]
    assert one.remedy.startswith("start docker or podman and get the image that sandboxImage names")


@pytest.mark.parametrize(("image", "named"), [("bare", "timeout"), ("without Python", "python3")])
async def test_what_an_image_lacks_is_named(
    image: str, named: str, tmp_path: Path, machine: Machine, engine: Podman
) -> None:
    lacks = engine.bare if image == "bare" else engine.without_python
    one = await found(tmp_path, replace(machine, path=broken(tmp_path / "bin", "docker"), image=lacks))

    assert one.level is Level.NONE
    assert named in one.not_held[-1]


async def test_a_command_works_in_the_workspace_as_the_user_and_ends_as_it_does(
    workspace: Path, machine: Machine, engine: Podman
) -> None:
    (workspace / "sub").mkdir()
    line = "pwd; echo made >file; echo one; echo two >&2; echo three; cat; exit 7"
    async with opened(workspace, machine) as runs:
        ran = await run(runs, workspace / "sub", line)
        killed = await run(runs, workspace, "kill -9 $$")

    made = workspace / "sub/file"
    assert (ran.ended.code, ran.ended.output.decode()) == (7, f"{workspace}/sub\none\ntwo\nthree\n")
    assert (made.read_text(), made.stat().st_uid, made.stat().st_gid) == ("made\n", os.geteuid(), os.getegid())
    assert killed.ended.code == 128 + signal.SIGKILL
    assert engine.names() == []


async def test_its_environment_is_its_own_and_temporary_files_may_run(workspace: Path, machine: Machine) -> None:
    line = "env; echo 'echo it runs' >/tmp/x; chmod +x /tmp/x; /tmp/x; mktemp; cat /proc/1/environ | tr '\\0' '\\n'"
    os.environ["A_SECRET_OF_OURS"] = "the value"
    try:
        async with opened(workspace, machine, variables={"GIVEN": "two\nlines"}) as runs:
            output = await said(runs, workspace, line)
    finally:
        del os.environ["A_SECRET_OF_OURS"]

    names = {line.partition("=")[0] for line in output.splitlines() if "=" in line}
    shells, engines = {"PWD", "OLDPWD", "SHLVL", "_", "LC_CTYPE"}, {"PATH", "HOSTNAME", "TERM", "container"}
    assert names <= {"HOME", "TMPDIR", "GIVEN", "AGENT_LSP_PROCESS"} | shells | engines
    assert "HOME=/tmp\n" in output
    assert "GIVEN=two\nlines\n" in output
    assert "it runs\n" in output
    assert "/tmp/tmp." in output


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"row {case.row}")
async def test_each_published_failure_fails_and_its_good_neighbour_works(
    case: Case, workspace: Path, machine: Machine
) -> None:
    subprocess.run(["git", "init", "-q", workspace], check=True)
    with (
        folder_in_sight() as outside,
        scene(workspace, Path(outside)) as at,
    ):
        async with opened(workspace, machine) as runs:
            good = await said(runs, workspace, case.good.format(**at.names))
            output = await said(runs, workspace, case.attack.format(**at.names))
            happened = case.happened(at, output)

    assert case.shows.format() in good
    assert not happened, output


async def test_protected_names_hold_as_links_nested_and_missing_and_no_stub_stays(
    workspace: Path, machine: Machine
) -> None:
    (workspace / "docs").mkdir()
    (workspace / "docs/agents.md").write_text("obey")
    (workspace / "AGENTS.md").symlink_to("docs/agents.md")
    (workspace / "sub/.vscode").mkdir(parents=True)
    before = sorted(workspace.rglob("*"))
    line = "rm AGENTS.md; echo evil >AGENTS.md; echo evil >docs/agents.md; echo evil >sub/.vscode/x; mv sub s; ls -A"
    async with opened(workspace, machine) as runs:
        ran = await run(runs, workspace, line)

    assert ".mcp.json" in ran.ended.output.decode()
    assert [one.shown for one in ran.taken_back] == ["AGENTS.md"]
    assert (workspace / "AGENTS.md").readlink() == Path("docs/agents.md")
    assert (workspace / "docs/agents.md").read_text() == "obey"
    assert sorted(workspace.rglob("*")) == before


async def test_an_unsaved_text_is_read_and_cannot_be_changed_and_the_disk_stays(
    workspace: Path, machine: Machine
) -> None:
    editor, file = OpenBuffers(), workspace / "a.py"
    file.write_text("on disk\n")
    file.chmod(0o754)
    editor.open(file, "unsaved\n")
    line = "cat a.py; echo x >a.py; echo y >b; mv b a.py; rm a.py; ls -l a.py"
    async with opened(workspace, machine, editor=editor) as runs:
        ran = await run(runs, workspace, line)
        refused = await runs.unseen(confined=True)

    output = ran.ended.output.decode()
    assert output.startswith("unsaved\n")
    assert "Read-only file system" in output
    assert output.count("Device or resource busy") == 2
    assert "-rwxr-xr--" in output
    assert (file.read_text(), ran.read_unsaved, refused) == ("on disk\n", ("a.py",), ())
    assert sorted(one.name for one in (workspace.parent / "state/sandbox").iterdir()) == [
        "closed",
        "closed-pipe",
        "empty",
    ]


async def test_a_pipe_that_was_in_the_workspace_is_not_written_to_and_one_of_its_own_is(
    workspace: Path, machine: Machine
) -> None:
    os.mkfifo(workspace / "pipe")
    reader = os.open(workspace / "pipe", os.O_RDONLY | os.O_NONBLOCK)
    try:
        async with opened(workspace, machine) as runs:
            own = """python3 -c 'import os; os.mkfifo("own")'; echo inside >own & cat own"""
            ran = await run(runs, workspace, f"{own}; echo evil >pipe")
        came = os.read(reader, 1_000)
    finally:
        os.close(reader)

    assert came == b""
    assert ran.pipes == ("pipe",)
    assert ran.ended.output.startswith(b"inside\n")
    assert b"Permission denied" in ran.ended.output


async def test_what_the_user_keeps_from_the_agent_is_hidden_and_its_neighbour_is_not(
    workspace: Path, machine: Machine
) -> None:
    for name in ("kept/one", "sub/kept.txt", "sub/shown.txt"):
        (workspace / name).parent.mkdir(exist_ok=True)
        (workspace / name).write_text(f"text of {name}\n")
    (workspace / ".agentignore").write_text("kept*\n")
    (workspace / ".ssh").mkdir()
    (workspace / ".ssh/id").write_text("the key")
    async with opened(workspace, machine, hidden=(f"{workspace}/.ssh", "/etc/shadow")) as runs:
        output = await said(runs, workspace, "cat kept/one sub/kept.txt sub/shown.txt .ssh/id; ls kept; mv kept k")

    assert "text of kept" not in output
    assert "text of sub/kept" not in output
    assert "the key" not in output
    assert "text of sub/shown.txt\n" in output
    assert (workspace / "kept/one").read_text() == "text of kept/one\n"


async def test_a_command_that_reads_changes_nothing_and_sees_what_others_see(workspace: Path, machine: Machine) -> None:
    editor = OpenBuffers()
    for name, text in {"a.py": "on disk\n", "b.py": "saved\n", "kept": "kept\n", ".agentignore": "kept\n"}.items():
        (workspace / name).write_text(text)
    editor.open(workspace / "a.py", "unsaved\n")
    before = snapshot_of(workspace)
    changes = "echo >b.py; echo >new; mkdir .git; chmod 600 b.py; touch -d 2000-01-01 b.py; rm b.py; mv b.py c"
    async with opened(workspace, machine, editor=editor) as runs:
        ran = await run(runs, workspace, f"cat *.py; cat kept; {changes}; ls -A", reads=True)

    output = ran.ended.output.decode()
    assert output.startswith("unsaved\nsaved\n")
    assert (
        "cat: kept: Permission denied\n" in output or "kept\n" not in output.partition("saved\n")[2].partition("ls")[0]
    )
    assert output.count("Read-only file system") == 7
    assert output.endswith("\n.agentignore\na.py\nb.py\ngreeting.txt\nkept\n")
    assert snapshot_of(workspace) == before


async def test_git_reads_a_repository_and_runs_nothing_on_its_word(workspace: Path, machine: Machine) -> None:
    evil_repository(workspace)
    async with opened(workspace, machine, variables=ENVIRONMENT) as runs:
        for words in ("git status --short", "git diff", "git show HEAD", "git blame a"):
            ran = await run(runs, workspace, f"exec {words}", reads=True)
            assert not (workspace / "harmed").exists()
            assert b"dubious" not in ran.ended.output
            assert b"touch: cannot touch" in ran.ended.output or ran.ended.code == 0
        await run(runs, workspace, "git status")

    assert (workspace / "harmed").exists()  # so it would have done harm


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may mount")
async def test_what_is_mounted_below_the_workspace_is_read_only_to_a_command_that_reads(
    workspace: Path, machine: Machine, tmp_path: Path
) -> None:
    other, below = tmp_path / "other", workspace / "b low"
    for folder in (other, below):
        folder.mkdir()
    (other / "file").write_text("there\n")
    subprocess.run(["mount", "--bind", other, below], check=True)
    try:
        async with opened(workspace, machine) as runs:
            reading = await run(runs, workspace, "cat 'b low/file'; echo evil >'b low/file'", reads=True)
            await run(runs, workspace, "echo fine >'b low/new'")
    finally:
        subprocess.run(["umount", below], check=True)

    assert reading.ended.output.startswith(b"there\n")
    assert b"Read-only file system" in reading.ended.output
    assert ((other / "file").read_text(), (other / "new").read_text()) == ("there\n", "fine\n")


@pytest.mark.parametrize("name", ["a b", "a,b", 'a"b', "a:b", "a\nb", "a'b$c\\d", "ä=readonly", ",target=x"])
async def test_a_workspace_may_have_any_name(name: str, tmp_path: Path, machine: Machine) -> None:
    workspace = tmp_path / name
    (workspace / name / ".vscode").mkdir(parents=True)
    async with opened(workspace, machine) as runs:
        ran = await run(runs, workspace / name, "echo made >made; echo evil >.vscode/x; cat made")

    assert ran.ended.output.endswith(b"made\n")
    assert b"Read-only file system" in ran.ended.output
    assert (workspace / name / "made").read_text() == "made\n"


async def test_what_an_engine_could_not_take_is_refused_by_its_name(workspace: Path, machine: Machine) -> None:
    (workspace / os.fsdecode(b"\xff")).mkdir()
    async with opened(workspace, machine) as runs:
        with pytest.raises(SandboxRefused, match=r"in UTF-8 only: .*udcff"):
            await run(runs, workspace / os.fsdecode(b"\xff"), "true")
        assert await said(runs, workspace, "echo fine") == "fine\n"


async def test_processes_and_memory_are_limited(workspace: Path, machine: Machine) -> None:
    limited = replace(machine, limits=ResourceLimits(processes=20, memory_bytes=100 << 20))
    async with opened(workspace, limited) as runs:
        forked = await said(runs, workspace, "for i in $(seq 60); do sleep 20 & done; echo survived")
        most = await said(runs, workspace, "python3 -IS -c \"x = bytearray(300 << 20); print('got it')\"; echo $?")
        few = await said(runs, workspace, "python3 -IS -c \"x = bytearray(30 << 20); print('got it')\"; echo $?")

    assert "fork" in forked
    assert "got it" not in most
    assert few == "got it\n0\n"


_STRAYS = """
    sleep 100 & nohup sleep 101 & setsid sleep 102 &
    (setsid sh -c 'sleep 103 & exec sleep 104' &) &
    env -i /bin/setsid /bin/sh -c 'trap "" TERM; sleep 105; sleep 106' &
    (sleep 0.01 &)
    touch begun; wait
"""


async def test_nothing_is_left_of_a_command_that_is_cancelled(
    workspace: Path, machine: Machine, engine: Podman
) -> None:
    async with opened(workspace, machine) as runs:
        task = asyncio.create_task(run(runs, workspace, _STRAYS))
        await until(lambda: (workspace / "begun").exists() and len(working_in(workspace)) >= 6)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        left = engine.names()
    await until(lambda: not working_in(workspace))  # where the engine's own helper stands a moment longer

    assert left == []
    assert sorted(one.name for one in workspace.iterdir()) == ["begun", "greeting.txt"]


async def test_nothing_is_left_of_a_command_that_takes_too_long(
    workspace: Path, machine: Machine, engine: Podman
) -> None:
    async with opened(workspace, machine) as runs:
        ran = await run(runs, workspace, f"echo begun; {_STRAYS}", seconds=3)
        left = engine.names()
    await until(lambda: not working_in(workspace))

    assert ran.ended.timed_out
    assert left == []


async def test_a_pipe_that_is_closed_ends_who_writes_to_it(workspace: Path, machine: Machine) -> None:
    async with opened(workspace, machine) as runs:
        assert await said(runs, workspace, "seq 1000000 | head -n 1") == "1\n"


async def test_what_comes_afterwards_ends_a_container_whose_client_is_gone(
    workspace: Path, machine: Machine, engine: Podman, tmp_path: Path
) -> None:
    sandbox = (await found(tmp_path, machine)).sandbox
    environment = {**os.environ, **engine.variables, MARK: "none"}
    view = SandboxView((str(workspace),))
    with sandbox.launch(["/bin/sh", "-c", "touch begun; sleep 100"], cwd=str(workspace), view=view) as launch:
        client = subprocess.Popen(launch.argv, env=environment)
        await until((workspace / "begun").exists)
        client.kill()
        client.wait()
        subprocess.run(launch.afterwards, env=environment, check=True, timeout=8)  # an engine's patience is 10 s

    assert engine.names() == []


def test_the_daemon_runs_commands_in_the_image_that_the_settings_name(
    daemon: Start, workspace: Path, script: Callable[..., str], engine: Podman
) -> None:
    (workspace / "a.py").write_text("on disk\n")
    line = "cat a.py; echo made >made; echo evil >.envrc"
    model = script({"calls": [call("run_command", command=line)]}, {"text": "ok"})
    client = daemon(model, AGENT_LSP_SANDBOX_IMAGE=engine.image, **engine.variables)
    client.start(workspace, {"approvals": True})
    client.change(client.open(workspace / "a.py", "on disk\n"), "unsaved\n", 2)
    client.answers["agent/requestApproval"] = lambda _: {"decision": "allow_once"}
    answer = client.command("agent.ask", {"prompt": "go", "wait": True}, 60)
    entries = client.command("agent.session", {"sessionId": answer["sessionId"]})["entries"]

    output = next(one["results"][0]["text"] for one in entries if one.get("role") == "tool")
    assert client.command("agent.status")["sandbox"] == "container"
    assert output.startswith("unsaved\n")
    assert "cannot create .envrc" in output
    assert ((workspace / "made").read_text(), (workspace / ".envrc").exists()) == ("made\n", False)


async def test_orphans_are_buried(workspace: Path, machine: Machine) -> None:
    line = "(sleep 0.01 & echo $! >orphan); while [ -e /proc/$(cat orphan) ]; do sleep 0.01; done; echo gone"
    async with opened(workspace, machine) as runs:
        assert await said(runs, workspace, line) == "gone\n"


_DAEMON = """
    import asyncio, os, sys
    from pathlib import Path
    from agent_lsp.processes.run import Processes
    from agent_lsp.commands.commands import CommandRun
    from agent_lsp.files.editor import NoEditor
    from agent_lsp.files.files import Files
    from agent_lsp.files.roots import Roots
    from agent_lsp.sandbox.choose import Machine
    from tests.security.confined import commands, folder_in_sight

    async def main(workspace, state, line, image, *variables):
        processes = Processes()
        files = Files(Roots([workspace]), NoEditor())
        engine = dict(one.split("=", 1) for one in variables)
        machine = Machine(os.environ["PATH"], "", image, engine_variables=engine)
        async with commands(files, processes, Path(state), machine=machine) as runs:
            await runs.run(CommandRun(("/bin/sh", "-c", line), workspace, 60, 100), confined=True)

    asyncio.run(main(*sys.argv[1:]))
"""


async def test_nothing_is_left_after_a_kill_of_the_daemon(workspace: Path, tmp_path: Path, engine: Podman) -> None:
    given = [str(workspace), str(tmp_path / "state"), _STRAYS, engine.image]
    argv = [sys.executable, "-c", textwrap.dedent(_DAEMON), *given, *_pairs(engine.variables)]
    daemon = subprocess.Popen(argv, cwd=Path(__file__).parents[2])
    try:
        await until(lambda: (workspace / "begun").exists() and len(working_in(workspace)) >= 6)
        standing = (workspace / ".mcp.json").is_dir()
    finally:
        os.kill(daemon.pid, signal.SIGKILL)
        daemon.wait()
    await until(lambda: not working_in(workspace))
    await until(lambda: engine.names() == [])
    await until(lambda: sorted(one.name for one in workspace.iterdir()) == ["begun", "greeting.txt"])

    assert standing


def _pairs(variables: Mapping[str, str]) -> list[str]:
    return [f"{name}={value}" for name, value in variables.items()]


async def until(true: Callable[[], bool]) -> None:
    end = time.monotonic() + 60
    while not true():
        assert time.monotonic() < end, "it does not come to that"
        await asyncio.sleep(0.02)


@pytest.mark.parametrize("variant", VARIANTS, ids=NAMES)
async def test_what_is_agent_lsps_own_is_kept_in_an_open_home(
    variant: Callable[[Path], None], tmp_path: Path, machine: Machine
) -> None:
    home, processes = tmp_path.resolve() / "home", Processes()
    own = own_places(home, variant)
    files = Files(Roots([str(home)], own), NoEditor())
    before = files_in(home)
    async with commands(files, processes, tmp_path / "state", CommandRules(PROTECTED), machine=machine) as runs:
        output = await said(runs, home, HARM)
    await processes.close()

    assert KEY not in output
    assert "code\n" in output
    assert files_in(home) == expected(before)
