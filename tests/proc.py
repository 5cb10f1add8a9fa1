"""What Linux tells of processes in /proc; whoever goes while one looks is gone, and no error."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from agent_lsp.processes.tree import alive as any_alive
from agent_lsp.processes.tree import descendants


def alive(pid: int) -> bool:
    return any_alive([pid])


def family(pid: int) -> set[int]:
    """A process with all that descend from it."""
    return {pid, *descendants(pid)}


def links(pid: int) -> set[str]:
    """What a process has open."""
    found = set()
    with suppress(FileNotFoundError):
        for descriptor in Path(f"/proc/{pid}/fd").iterdir():
            with suppress(FileNotFoundError):
                found.add(str(descriptor.readlink()))
    return found
