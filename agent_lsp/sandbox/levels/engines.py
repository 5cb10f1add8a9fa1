"""The engines of containers that are installed here, and what each must be told to run a command as the user."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from agent_lsp.sandbox.limits import ResourceLimits
from agent_lsp.sandbox.trusted_programs import trusted

_VARIABLES = (
    "DOCKER_HOST", "DOCKER_CONTEXT", "DOCKER_CONFIG", "DOCKER_CERT_PATH", "DOCKER_TLS_VERIFY",
    "CONTAINER_HOST", "CONTAINER_CONNECTION", "CONTAINERS_CONF", "CONTAINERS_STORAGE_CONF",
    "XDG_RUNTIME_DIR", "XDG_CONFIG_HOME", "XDG_DATA_HOME", "DBUS_SESSION_BUS_ADDRESS",
)  # fmt: skip
_UNIFIED = Path("/sys/fs/cgroup/cgroup.controllers")


@dataclass(frozen=True, slots=True)
class Engine:
    """A program that runs containers, the flags that `run` needs here, and variables for itself, not for commands."""

    name: str
    program: str
    flags: tuple[str, ...]
    variables: Mapping[str, str]


def variables(environment: Mapping[str, str]) -> dict[str, str]:
    """What of the user's environment says where an engine is and what it works with; no command sees it."""
    return {name: environment[name] for name in _VARIABLES if name in environment}


def engines(path: str, roots: Sequence[str], limits: ResourceLimits, given: Mapping[str, str]) -> Iterator[Engine]:
    """Those whose program is there, Docker's first; none of them has been tried. `given` are variables for them."""
    by_group = (f"--pids-limit={limits.processes}", f"--memory={limits.memory_bytes}")
    user = f"--user={os.geteuid()}:{os.getegid()}"
    if docker := trusted("docker", path, roots):
        yield Engine("docker", docker, (user, *by_group), given)
    if podman := trusted("podman", path, roots):
        bounds = by_group if os.geteuid() == 0 else tuple(_rootless(limits, by_group))
        yield Engine("podman", podman, (user, *bounds), given)


def _rootless(limits: ResourceLimits, by_group: Sequence[str]) -> Iterator[str]:
    """Within its user namespace our number must be our own; and it can limit by control groups of version 2 only."""
    yield "--userns=keep-id"
    if _UNIFIED.exists():
        yield from by_group
    else:
        yield f"--ulimit=nproc={limits.processes}:{limits.processes}"
        yield f"--ulimit=data={limits.memory_bytes}:{limits.memory_bytes}"
