"""Every process ends with its command, its turn and its daemon."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from agent_lsp.processes.run import Ended, Processes, environment
from agent_lsp.processes.tree import children, descendants, is_zombie
from tests.proc import alive
from tests.timing import quickest

MB = 1 << 20


@pytest.fixture
async def processes() -> AsyncIterator[Processes]:
    processes = Processes()
    yield processes
    await processes.close()


async def sh(
    processes: Processes, line: str, *, seconds: float = 20, most: int = MB, stdin: bytes | None = None
) -> Ended:
    argv = ["/bin/sh", "-c", line]
    return await processes.run(argv, cwd="/", timeout_seconds=seconds, most_bytes=most, stdin=stdin)


async def written(file: Path, lines: int = 1) -> list[int]:
    """The numbers in a file, once so many lines of them are there."""
    while not file.exists() or file.read_text().count("\n") < lines:
        await asyncio.sleep(0.002)
    return [int(line) for line in file.read_text().split()]


async def gone(pids: list[int], seconds: float) -> None:
    async with asyncio.timeout(seconds):
        while any(alive(pid) for pid in pids):
            await asyncio.sleep(0.002)


async def test_output_and_code_are_told(processes: Processes) -> None:
    assert await sh(processes, "echo out; echo err >&2; exit 3") == Ended(3, b"out\nerr\n", 0, False)
    assert (await sh(processes, "kill -TERM $$")).code == -signal.SIGTERM


async def test_standard_input_is_closed_unless_given(processes: Processes) -> None:
    assert await sh(processes, "cat; echo end") == Ended(0, b"end\n", 0, False)
    assert (await sh(processes, "cat", stdin=b"x" * MB)).output == b"x" * MB
    assert (await sh(processes, "exec <&-; echo did not read", stdin=b"x" * MB)).output == b"did not read\n"


async def test_output_is_handed_on_as_it_comes(processes: Processes) -> None:
    pieces: list[bytes] = []
    for seconds in (0.05, 1, 5):  # on a busy machine both may be there before the first is looked at
        pieces.clear()
        line = f"echo one; sleep {seconds}; echo two"
        argv = ["/bin/sh", "-c", line]
        await processes.run(argv, cwd="/", timeout_seconds=30, most_bytes=MB, output=pieces.append)
        if len(pieces) == 2:
            break

    assert pieces == [b"one\n", b"two\n"]


async def test_of_much_output_head_and_tail_are_kept_in_bounded_memory(processes: Processes) -> None:
    ended = await sh(processes, "head -c 30000000 /dev/zero | tr '\\0' a; echo end", most=1_000)

    assert ended.output.startswith(b"a" * 500 + b"\n[\xe2\x80\xa6 ")
    assert ended.output.endswith(b"a" * 496 + b"end\n")
    assert (ended.left_out, len(ended.output) < 1_100) == (30_000_004 - 1_000, True)


async def test_all_output_written_before_the_end_is_read(processes: Processes) -> None:
    for _ in range(30):
        assert len((await sh(processes, "head -c 60000 /dev/zero")).output) == 60_000


async def test_a_background_child_that_holds_the_output_does_not_delay_the_end(processes: Processes) -> None:
    async def attempt() -> float:
        begun = time.monotonic()
        ended = await sh(processes, "sleep 100 & echo $!")
        seconds = time.monotonic() - begun
        assert (ended.code, ended.timed_out) == (0, False)
        assert not alive(int(ended.output))
        return seconds

    assert await quickest(attempt, 1) < 1


STRAYS = """
echo $$ >> {file}
sleep 100 & echo $! >> {file}
setsid sleep 101 & echo $! >> {file}
(setsid sh -c 'echo $$ >> {file}; exec sleep 102' &) &
sh -c 'trap "" TERM INT HUP; echo $$ >> {file}; while :; do sleep 103; done' &
env -i setsid sleep 104 & echo $! >> {file}
wait
"""


async def test_a_time_out_kills_the_whole_tree(processes: Processes, tmp_path: Path) -> None:
    file = tmp_path / "pids"
    pids: list[int] = []
    for seconds in (0.3, 1, 5, 20):  # a busy machine needs longer to start all six
        file.write_text("")
        ended = await sh(processes, STRAYS.format(file=file), seconds=seconds)
        pids = [int(line) for line in file.read_text().split()]
        assert ended.timed_out
        assert [pid for pid in pids if alive(pid)] == []
        if len(pids) == 6:
            break

    assert len(pids) == 6


async def test_cancelling_kills_the_whole_tree_within_half_a_second(processes: Processes, tmp_path: Path) -> None:
    async def attempt() -> float:
        file = tmp_path / "pids"
        file.write_text("")
        task = asyncio.create_task(sh(processes, STRAYS.format(file=file)))
        pids = await written(file, 6)
        begun = time.monotonic()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        seconds = time.monotonic() - begun
        assert [pid for pid in pids if alive(pid)] == []
        return seconds

    assert await quickest(attempt, 0.5) < 0.5


async def test_the_end_of_a_command_ends_what_it_left_running(processes: Processes) -> None:
    ended = await sh(processes, "setsid sleep 100 & echo $!; (setsid sh -c 'echo $$; exec sleep 101' &); sleep 0.1")

    assert [pid for pid in map(int, ended.output.split()) if alive(pid)] == []


async def test_a_command_leaves_another_ones_processes_alone(processes: Processes, tmp_path: Path) -> None:
    file = tmp_path / "pids"
    long = asyncio.create_task(sh(processes, f"setsid sleep 100 & echo $! > {file}; wait"))
    (pid,) = await written(file)

    await asyncio.gather(*(sh(processes, "setsid sleep 50 & true") for _ in range(5)))

    assert alive(pid)
    long.cancel()
    await asyncio.gather(long, return_exceptions=True)
    assert not alive(pid)


async def test_adopted_orphans_do_not_pile_up_as_zombies(processes: Processes) -> None:
    for _ in range(10):
        await sh(processes, "(sleep 0.01 &); (sh -c '(true &)' &); (setsid sh -c '(true &)' &); sleep 0.03")

    async with asyncio.timeout(20):
        while any(map(is_zombie, children(os.getpid()))):
            await sh(processes, "sleep 0.02")


def test_processes_may_end_while_the_tree_is_looked_at() -> None:
    """What goes between two looks at /proc is no error: it is gone."""
    end = time.monotonic() + 1.0
    line = "i=0; while [ $i -lt 300 ]; do sleep 0 & i=$((i+1)); done; wait"
    while time.monotonic() < end:
        shell = subprocess.Popen(["/bin/sh", "-c", line])
        while shell.poll() is None:
            descendants(os.getpid())


async def test_a_program_that_is_not_there_is_an_error_of_the_system(processes: Processes) -> None:
    with pytest.raises(FileNotFoundError):
        await processes.run(["/no/such/program"], cwd="/", timeout_seconds=1, most_bytes=MB)
    with pytest.raises(NotADirectoryError):
        await processes.run(["/bin/true"], cwd="/bin/sh", timeout_seconds=1, most_bytes=MB)


async def test_no_descriptor_is_left_open(processes: Processes) -> None:
    await sh(processes, "true")
    before = [*Path("/proc/self/fd").iterdir()]
    await asyncio.gather(*(sh(processes, "cat", stdin=b"x") for _ in range(20)))
    with pytest.raises(FileNotFoundError):
        await processes.run(["/no/such/program"], cwd="/", timeout_seconds=1, most_bytes=MB, stdin=b"x")

    assert len([*Path("/proc/self/fd").iterdir()]) == len(before)


async def test_the_environment_is_listed_and_holds_no_key(processes: Processes) -> None:
    names = {line.partition("=")[0] for line in (await sh(processes, "env")).output.decode().split("\n") if line}

    assert names <= {*environment(), "AGENT_LSP_PROCESS", "PWD", "OLDPWD", "SHLVL", "_"}
    assert not [name for name in environment() if "KEY" in name or "TOKEN" in name]
    assert environment({"A": "1"})["A"] == "1"


async def test_a_long_lived_child_has_pipes_and_is_stopped(processes: Processes) -> None:
    child = await processes.start(["/bin/cat"], env={})
    assert child.stdin
    assert child.stdout
    child.stdin.write(b"hi\n")

    assert await child.stdout.readline() == b"hi\n"
    await processes.stop(child)
    assert not alive(child.pid)


DAEMON = """
import asyncio, sys
from agent_lsp.processes.run import Processes

async def main() -> None:
    processes = Processes()
    child = await processes.start(["/bin/sleep", "200"], env={})
    print(child.pid, flush=True)
    await asyncio.gather(*(
        processes.run(["/bin/sh", "-c", line], cwd="/", timeout_seconds=100, most_bytes=100)
        for line in sys.argv[1:]
    ))

asyncio.run(main())
"""


async def test_nothing_outlives_a_daemon_that_was_killed(tmp_path: Path) -> None:
    files = [tmp_path / "one", tmp_path / "two"]
    lines = [STRAYS.replace("env -i setsid sleep", "sleep").format(file=file) for file in files]
    daemon = subprocess.Popen([sys.executable, "-c", textwrap.dedent(DAEMON), *lines], stdout=subprocess.PIPE)
    assert daemon.stdout
    pids = [int(daemon.stdout.readline()), *await written(files[0], 6), *await written(files[1], 6)]
    assert all(alive(pid) for pid in pids)

    daemon.kill()
    daemon.wait()
    daemon.stdout.close()

    await gone(pids, 20)


async def test_the_guard_goes_with_the_daemon(tmp_path: Path) -> None:
    processes = Processes()
    await sh(processes, "true")
    guards = [pid for pid in children(os.getpid()) if b"trap" in Path(f"/proc/{pid}/cmdline").read_bytes()]
    assert guards

    await processes.close()

    assert [pid for pid in guards if alive(pid)] == []
