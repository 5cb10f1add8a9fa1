"""A large file is read in a thread that lets the event loop run meanwhile."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

from agent_lsp.conversation.messages import StopReason
from tests.conftest import call
from tests.house import House, house
from tests.timing import TRIES, quickest

_BYTES = 20_000_000
_SHARE = 0.06
"""Of the time that reading takes; with one search of the whole for a key it was twice that."""


async def test_the_event_loop_runs_while_a_large_file_is_read(
    workspace: Path, state: Path, script: Callable[..., str]
) -> None:
    (workspace / "large.txt").write_text("some words of a large file, among them a number: 1\n" * (_BYTES // 52))
    steps = ({"calls": [call("read_file", path="large.txt")]}, {"text": "Done."})
    async with house(script(*steps * TRIES), workspace, state, apiKey="the key of a model") as home:
        assert await quickest(lambda: _longest_share(home), _SHARE) < _SHARE


async def _longest_share(home: House) -> float:
    """The longest time in which the loop did nothing else, as a share of the turn's."""
    clock = asyncio.get_running_loop().time
    began = clock()
    asked = asyncio.create_task(home.ask())
    last, longest = began, 0.0
    while not asked.done():
        await asyncio.sleep(0)
        last, longest = clock(), max(longest, clock() - last)
        await asyncio.wait([asked], timeout=0.001)
    assert asked.result().ending.stop_reason is StopReason.END_TURN
    return longest / (clock() - began)
