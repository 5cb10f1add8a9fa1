"""Running what a level starts in place of a command, to its end and what comes afterwards."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping

from agent_lsp.processes.run import Ended, Processes, environment
from agent_lsp.sandbox import Launch

_AFTERWARDS_SECONDS, _LITTLE = 10.0, 1_000


async def launched(
    launch: Launch,
    processes: Processes,
    *,
    cwd: str,
    env: Mapping[str, str],
    timeout_seconds: float,
    most_bytes: int,
    output: Callable[[bytes], None] = lambda _: None,
) -> Ended:
    """Runs a launch as `Processes.run` does; `env` gives way to its variables. Raises OSError: it was not started."""
    try:
        return await processes.run(
            launch.argv,
            cwd=cwd,
            env={**env, **launch.variables},
            pass_fds=launch.pass_fds,
            timeout_seconds=timeout_seconds,
            most_bytes=most_bytes,
            output=output,
        )
    finally:
        if launch.afterwards:
            await asyncio.shield(_afterwards(launch, processes))


async def _afterwards(launch: Launch, processes: Processes) -> None:
    await processes.run(
        launch.afterwards,
        cwd="/",
        env=environment(launch.variables),
        timeout_seconds=_AFTERWARDS_SECONDS,
        most_bytes=_LITTLE,
    )
