"""A step goes to a thread only where a disk may wait."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from agent_lsp.conversation.messages import StopReason
from tests.conftest import call
from tests.house import house

_STEPS = 10


class CountedThreads(ThreadPoolExecutor):
    """Threads that know how often they were sent for."""

    hops = 0

    def submit(self, *args: Any, **named: Any) -> Future[Any]:  # Any: the base class's signature
        self.hops += 1
        return super().submit(*args, **named)


@pytest.mark.parametrize(
    ("asked", "most"),
    [
        (call("read_file", path="greeting.txt"), 3),  # what changed meanwhile, whose words the file holds, its text
        (call("run_command", command="true"), 4),  # may it, whose words it prints, what is hidden from it, its output
    ],
)
async def test_a_step_goes_to_a_thread_a_few_times(
    workspace: Path, state: Path, script: Callable[..., str], asked: Any, most: int
) -> None:
    threads = CountedThreads()
    asyncio.get_running_loop().set_default_executor(threads)
    async with house(script(*[{"calls": [asked]}] * _STEPS, {"text": "Done."}), workspace, state) as home:
        await home.open()
        before = threads.hops
        assert (await home.ask()).ending.stop_reason is StopReason.END_TURN
        around = 10  # the turn's beginning and end, and the sandbox that is looked for once
        assert threads.hops - before <= most * _STEPS + around
