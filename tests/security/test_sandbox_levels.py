"""Each level by itself: tried before it is trusted, as root and as an ordinary user; and its limits."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from agent_lsp.app.sandbox_setup import PROTECTED
from agent_lsp.commands.commands import CommandRules, CommandRun, Commands
from agent_lsp.files.editor import NoEditor
from agent_lsp.files.files import Files
from agent_lsp.files.roots import Roots
from agent_lsp.processes.run import Processes
from agent_lsp.sandbox import Launch, Level, Sandbox, SandboxRefused, SandboxView
from agent_lsp.sandbox.choose import LevelFound, Machine, Sandboxes
from agent_lsp.sandbox.guard.quarantine import Quarantine
from agent_lsp.sandbox.levels.landlock import Landlock
from agent_lsp.sandbox.levels.none import Unconfined
from agent_lsp.sandbox.levels.seatbelt import profile
from agent_lsp.sandbox.levels.seccomp import program
from agent_lsp.sandbox.limits import ResourceBounds, ResourceLimits
from agent_lsp.sandbox.probe import failing
from agent_lsp.sandbox.trusted_programs import trusted
from tests.open_buffers import OpenBuffers
from tests.security.confined import PYTHON, commands
from tests.security.nobody import as_nobody


@asynccontextmanager
async def _without_levels(files: Files, processes: Processes, state: Path, *, allowed: bool) -> AsyncIterator[Commands]:
    async with commands(files, processes, state, CommandRules(unsandboxed=allowed), python="/nothing/python") as runs:
        yield runs


async def _within(folder: Path, limits: ResourceLimits, line: str, python: str = PYTHON) -> str:
    processes, workspace = Processes(), folder / "limited"
    workspace.mkdir(exist_ok=True)
    files = Files(Roots([str(workspace)]), NoEditor())
    async with commands(files, processes, folder / "state", CommandRules(), limits=limits, python=python) as runs:
        ran = await runs.run(CommandRun(("/bin/sh", "-c", line), str(workspace), 60, 10_000), confined=True)
    await processes.close()
    return ran.ended.output.decode()


async def test_bubblewrap_is_there_and_holds(tmp_path: Path) -> None:
    """Where it is missing this fails: without it most of this folder would prove nothing."""
    processes = Processes()
    sandboxes = Sandboxes(tmp_path / "sandbox", [], processes, Machine(os.environ["PATH"], PYTHON))
    found = await sandboxes.found()
    sandboxes.close()
    await processes.close()

    assert (found.level, found.not_held) == (Level.BUBBLEWRAP, ())
    assert [one.name for one in (tmp_path / "sandbox").iterdir() if one.name.startswith("try-")] == []


def test_bubblewrap_holds_an_ordinary_user_too() -> None:
    async def level(folder: Path, python: str) -> Level:
        processes = Processes()
        sandboxes = Sandboxes(folder / "sandbox", [], processes, Machine("", python))
        found = await sandboxes.found()
        sandboxes.close()
        await processes.close()
        return found.level

    assert as_nobody(level) is Level.BUBBLEWRAP


async def test_the_trial_finds_out_a_level_that_does_not_hold(tmp_path: Path) -> None:
    processes = Processes()
    said = await failing(Unconfined(), processes, tmp_path / "trial", PYTHON)
    await processes.close()

    assert said == (
        "a hidden file was read; a socket of this machine was reached; the network was reached;"
        " the daemon's environment was read; a file outside was written"
    )


async def test_the_trial_finds_out_a_level_in_which_nothing_runs(tmp_path: Path) -> None:
    processes = Processes()
    said = await failing(Unconfined(), processes, tmp_path / "trial", "/nothing/python")
    await processes.close()

    assert "No such file" in said


class Around:
    """A level whose launches are others than its own."""

    level, shows_buffers = Level.BUBBLEWRAP, True
    keeps_all = False

    def __init__(self, inner: Sandbox, change: Callable[[Launch], Launch]) -> None:
        self._inner, self._change = inner, change

    @contextmanager
    def launch(self, argv: Sequence[str], *, cwd: str, view: SandboxView) -> Iterator[Launch]:
        with self._inner.launch(argv, cwd=cwd, view=view) as launch:
            yield self._change(launch)


async def test_a_trial_that_does_not_end_is_given_up_and_tidied_up_after(tmp_path: Path) -> None:
    processes, tidied = Processes(), tmp_path / "tidied"
    slow = Around(Unconfined(), lambda _: Launch(("sleep", "60"), afterwards=("touch", str(tidied))))
    said = await failing(slow, processes, tmp_path / "trial", PYTHON, seconds=0.1)
    await processes.close()

    assert (said, tidied.exists()) == ("nothing ended in it within 0.1 seconds", True)


async def test_what_a_level_itself_says_is_no_reason_against_it_and_what_is_done_in_it_is(tmp_path: Path) -> None:
    def warned(launch: Launch) -> Launch:
        return replace(launch, argv=("/bin/sh", "-c", 'echo a warning; exec "$@"', "sh", *launch.argv))

    processes = Processes()
    sandboxes = Sandboxes(tmp_path / "sandbox", [], processes, Machine(os.environ["PATH"], PYTHON))
    holding = (await sandboxes.found()).sandbox
    said = [await failing(Around(one, warned), processes, tmp_path, PYTHON) for one in (holding, Unconfined())]
    sandboxes.close()
    await processes.close()

    assert said[0] == ""
    assert said[1].startswith("a hidden file was read; ")


def test_landlock_is_refused_to_root(tmp_path: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("needs root")
    with pytest.raises(SandboxRefused, match="does not hold root"):
        Landlock(PYTHON, tmp_path, program(network=False), ResourceBounds())


def test_landlock_holds_an_ordinary_user() -> None:
    """§3: it closes the network, other files and secrets; mode bits outside it leaves, and that is written down."""

    async def done(folder: Path, python: str) -> tuple[str, list[str]]:
        processes, workspace = Processes(), folder / "workspace"
        workspace.mkdir()
        (folder / "secret").write_text("the value")
        level = Landlock(python, folder / "sandbox", program(network=False), ResourceBounds())
        trial = await failing(level, processes, folder / "trial", python)
        said = []
        lines = (
            "cat ../secret; echo x >../pwned; ls ..; mktemp >/dev/null && echo made",
            "touch fine && rm fine && mkdir d && mv d e && ls",
            "bash -c 'echo >/dev/udp/127.0.0.1/9'; echo $?",
            f"head -c 1 /proc/{os.getpid()}/environ; kill -0 {os.getpid()} || echo not ours",
        )
        view = SandboxView((str(workspace),), (), (str(folder / "secret"),))
        for line in lines:
            with level.launch(["/bin/sh", "-c", line], cwd=str(workspace), view=view) as launch:
                ended = await processes.run(
                    launch.argv,
                    cwd=str(workspace),
                    env={"PATH": "/usr/bin:/bin", **launch.variables},
                    pass_fds=launch.pass_fds,
                    timeout_seconds=60,
                    most_bytes=10_000,
                )
            said.append(ended.output.decode())
        await processes.close()
        return trial, [*said, str((folder / "pwned").exists())]

    trial, (outside, inside, network, daemon, pwned) = as_nobody(done)
    assert trial == ""
    assert "the value" not in outside
    assert outside.count("Permission denied") == 2
    assert outside.endswith("made\n")
    assert inside == "e\n"
    assert network.endswith("Permission denied\n1\n")
    assert "Permission denied" in daemon
    assert "not ours" in daemon
    assert pwned == "False"


class OnlyLandlock(Sandboxes):
    """A machine without bubblewrap."""

    async def found(self) -> LevelFound:
        return LevelFound(Landlock(self._machine.python, self._folder, program(network=False), ResourceBounds()))


def test_what_landlock_cannot_guard_is_put_back_and_its_neighbours_stay() -> None:
    """§3: no way to carve `.git/hooks` out of a writable root; nor can it show a buffer, which is said."""

    async def done(folder: Path, python: str) -> tuple[list[str], bool, str, tuple[str, ...], list[str]]:
        processes, workspace, editor = Processes(), folder / "workspace", OpenBuffers()
        (workspace / ".git/hooks").mkdir(parents=True)
        (workspace / ".git/hooks/pre-commit").write_text("fine\n")
        (workspace / "a.py").write_text("on disk\n")
        editor.open(workspace / "a.py", "unsaved\n")
        files = Files(Roots([str(workspace)]), editor)
        sandboxes = OnlyLandlock(folder / "sandbox", [], processes, Machine("", python))
        runs = Commands(
            files, processes, sandboxes, Quarantine(folder / "taken", iter("abc").__next__), CommandRules(PROTECTED)
        )
        line = "echo evil >.git/hooks/pre-commit; mkdir .vscode; echo evil >.vscode/x; echo ok >.git/index; cat a.py"
        ran = await runs.run(CommandRun(("/bin/sh", "-c", line), str(workspace), 10, 1_000), confined=True)
        await processes.close()
        left = [(workspace / ".git" / name).read_text() for name in ("hooks/pre-commit", "index")]
        taken = sorted(one.shown for one in ran.taken_back)
        return left, (workspace / ".vscode").exists(), ran.ended.output.decode(), ran.unseen, taken

    left, editors, said, unseen, taken = as_nobody(done)
    assert left == ["fine\n", "ok\n"]
    assert not editors
    assert (said, unseen) == ("on disk\n", ("a.py",))
    assert taken == [".git/hooks", ".vscode"]


async def test_without_any_level_commands_are_refused_with_the_remedy_unless_the_user_allows(tmp_path: Path) -> None:
    processes, workspace = Processes(), tmp_path / "workspace"
    workspace.mkdir()
    files = Files(Roots([str(workspace)]), NoEditor())
    said, ran = [], []
    for allowed in (False, True):
        # An interpreter that is not there: no level can be tried, so none is trusted.
        async with _without_levels(files, processes, tmp_path / "state", allowed=allowed) as runs:
            try:
                confined = await runs.confined(outside=False)
            except SandboxRefused as error:
                said.append(str(error))
                continue
            done = await runs.run(CommandRun(("/bin/echo", "hi"), str(workspace), 5, 100), confined=confined)
            ran.append((confined, done.ended.output))
    await processes.close()

    assert len(said) == 1
    assert said[0].startswith("no command is run, for nothing here can confine it (bubblewrap with Landlock: ")
    assert said[0].endswith("by unsandboxedCommands = true in your own settings")
    assert ran == [(False, b"hi\n")]


async def test_processes_are_limited(tmp_path: Path) -> None:
    line = "for i in $(seq 60); do sleep 20 & done 2>&1; echo survived"
    said = await _within(tmp_path, ResourceLimits(processes=20), line)
    free = await _within(
        tmp_path, ResourceLimits(processes=500), "for i in $(seq 60); do sleep 0.1 & done; wait; echo all"
    )

    assert "fork" in said
    assert free == "all\n"


async def test_memory_is_limited(tmp_path: Path) -> None:
    line = "python3 -c \"x = bytearray({} << 20); print('got it')\"; echo $?"
    said = await _within(tmp_path, ResourceLimits(memory_bytes=100 << 20), line.format(300))
    free = await _within(tmp_path, ResourceLimits(memory_bytes=100 << 20), line.format(30))

    assert "got it" not in said
    assert free == "got it\n0\n"


def test_processes_and_memory_of_an_ordinary_user_are_limited_too() -> None:
    async def done(folder: Path, python: str) -> list[str]:
        limits = ResourceLimits(processes=20, memory_bytes=100 << 20)
        fork = await _within(folder, limits, "for i in $(seq 60); do sleep 20 & done 2>&1; echo survived", python)
        memory = await _within(folder, limits, "/usr/bin/python3 -c 'bytearray(300 << 20)' 2>&1 | tail -n1", python)
        few = await _within(folder, limits, "for i in 1 2 3; do sleep 0.1 & done; wait; echo all", python)
        return [fork, memory, few]

    fork, memory, few = as_nobody(done)
    assert "fork" in fork
    assert memory.strip() == "MemoryError"
    assert few == "all\n"


def test_row_62_no_program_of_the_workspace_is_started_in_place_of_the_systems(tmp_path: Path) -> None:
    own = tmp_path / "bin"
    own.mkdir()
    for name in ("bwrap", "only-here"):
        (own / name).write_text("#!/bin/sh\n")
        (own / name).chmod(0o755)

    assert trusted("bwrap", f"{own}:bin:/usr/bin", [str(tmp_path)]) == "/usr/bin/bwrap"
    assert trusted("only-here", f"{own}:.", [str(tmp_path)]) is None
    assert trusted("only-here", str(own), []) == str(own / "only-here")
    own.chmod(0o777)
    assert trusted("only-here", str(own), []) is None


def test_the_profile_for_macos_allows_roots_then_forbids_within_them() -> None:
    """Its text only: no test here can run it."""
    view = SandboxView(
        ("/w",), ("/w/.git/hooks", '/w/a"b'), ("/home/u/.ssh",), withheld=("/w/own",), fixed=("/w/code",)
    )

    assert profile(view).splitlines()[-8:] == [
        '(allow file-write* (subpath "/w"))',
        '(deny file-write* (literal "/w/.git"))',
        '(deny file-write* (subpath "/w/.git/hooks"))',
        '(deny file-write* (subpath "/w/a\\"b"))',
        '(deny file-write* (subpath "/w/code"))',
        '(deny file-write* (subpath "/w/own"))',
        '(deny file-read* file-write* (subpath "/home/u/.ssh"))',
        '(deny file-read* file-write* (subpath "/w/own"))',
    ]
