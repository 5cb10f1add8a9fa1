"""Each system call of a change fails once, or is the last: the file is old or new then, and nothing is half."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

OLD, NEW = b"old\n" * 3_000, b"new\n" * 5_000
CALLS = (
    "openat",
    "openat2",
    "mkdirat",
    "write",
    "fchmod",
    "fsync",
    "rename",
    "renameat",
    "renameat2",
    "linkat",
    "unlinkat",
)
PROGRAM = """
import sys
from agent_lsp.files import safe_open
from agent_lsp.files.location import PathRefused
from agent_lsp.files.roots import Roots
all = Roots([sys.argv[1]])
NEW = b"new\\n" * 5_000
sys.stdout.write("begin")
sys.stdout.flush()
try:
    match sys.argv[2]:
        case "replace":
            safe_open.write(all.find("a"), NEW, over=safe_open.read(all.find("a")), mode=0o640)
        case "create":
            safe_open.write(all.find("folder/b"), NEW)
        case "move":
            safe_open.move(all.find("a"), all.find("folder/b"))
        case "delete":
            safe_open.delete(all.find("a"), safe_open.read(all.find("a")))
except PathRefused:
    sys.exit(3)
"""
OUTCOMES = {
    "replace": ({"a": OLD}, {"a": NEW}),
    "create": ({"a": OLD}, {"a": OLD, "folder/b": NEW}),
    "move": ({"a": OLD}, {"folder/b": OLD}),
    "delete": ({"a": OLD}, {}),
}


def _ends_well(*argv: str) -> bool:
    return subprocess.run(argv, check=False, capture_output=True).returncode == 0


def _traces() -> bool:
    return shutil.which("strace") is not None and _ends_well("strace", "-o", "/dev/null", "true")


pytestmark = pytest.mark.skipif(not _traces(), reason="needs strace, and a system that lets it trace")


@dataclass(frozen=True)
class Traced:
    """How a run ended, and the system calls it made: all, and those of the change itself."""

    code: int
    calls: list[str]
    of_change: list[str]
    injected: bool


def traced(workspace: Path, operation: str, *inject: str) -> Traced:
    """Runs one change on a fresh file, with at most one fault."""
    shutil.rmtree(workspace)
    workspace.mkdir()
    (workspace / "a").write_bytes(OLD)
    log = workspace.parent / "log"
    known = [name for name in CALLS if name in _known_calls()]
    flags = ["-qq", "-o", str(log), "-e", f"trace={','.join(known)}", *inject]
    argv = ["strace", *flags, sys.executable, "-B", "-c", PROGRAM, str(workspace), operation]
    code = subprocess.run(argv, check=False, capture_output=True, timeout=90).returncode
    lines = [line for line in log.read_text("utf-8", "replace").splitlines() if re.match(r"\w+\(", line)]
    begun = next(index for index, line in enumerate(lines) if line.startswith('write(1, "begin"'))
    names = [line.partition("(")[0] for line in lines]
    return Traced(code, names, names[begun + 1 :], any("INJECTED" in line for line in lines[begun + 1 :]))


@cache
def _known_calls() -> set[str]:
    """Not every processor has all of them."""
    return {name for name in CALLS if _ends_well("strace", "-o", "/dev/null", "-e", f"trace={name}", "true")}


def faults(whole: Traced) -> Iterator[tuple[str, int]]:
    """Each call of the change, as its name and its number among the calls of that name."""
    counts = Counter(whole.calls[: len(whole.calls) - len(whole.of_change)])
    for name in whole.of_change:
        counts[name] += 1
        yield name, counts[name]


def held(workspace: Path) -> dict[str, bytes]:
    return {str(path.relative_to(workspace)): path.read_bytes() for path in workspace.rglob("*") if path.is_file()}


@pytest.mark.parametrize("operation", OUTCOMES)
def test_a_call_that_fails_leaves_old_or_new_and_no_litter(workspace: Path, operation: str) -> None:
    before, after = OUTCOMES[operation]
    whole = traced(workspace, operation)
    assert (whole.code, held(workspace)) == (0, after)

    for name, number in faults(whole):
        run = traced(workspace, operation, "-e", f"inject={name}:error=ENOSPC:when={number}")
        assert run.injected, (name, number)
        assert run.code in {0, 3}
        assert held(workspace) in ([after] if run.code == 0 else [before, after]), (name, number)


@pytest.mark.parametrize("operation", OUTCOMES)
def test_a_kill_at_any_call_leaves_old_or_new(workspace: Path, operation: str) -> None:
    before, after = OUTCOMES[operation]

    for name, number in faults(traced(workspace, operation)):
        run = traced(workspace, operation, "-e", f"inject={name}:signal=SIGKILL:when={number}")
        assert run.code != 0
        files = {path: data for path, data in held(workspace).items() if ".agent-lsp-" not in path}
        assert files in (before, after), (name, number)
