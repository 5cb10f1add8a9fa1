"""One timer for many waits."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from agent_lsp.models.wire.stream_timeout import LimitedWaits


@contextmanager
def limited() -> Iterator[LimitedWaits]:
    waits = LimitedWaits()
    try:
        yield waits
    finally:
        waits.close()


def now() -> float:
    return asyncio.get_running_loop().time()


async def for_ever(waits: LimitedWaits, seconds: float) -> None:
    with waits.until(now() + seconds):
        await asyncio.Event().wait()


async def test_a_wait_that_takes_too_long_ends_and_the_next_has_its_own_time() -> None:
    with limited() as waits:
        for _ in range(2):
            begun = now()
            with pytest.raises(TimeoutError):
                await for_ever(waits, 0.05)
            assert 0.05 <= now() - begun < 10


async def test_waits_that_end_in_time_go_on_for_longer_than_one_limit() -> None:
    with limited() as waits:
        end = now() + 1.2
        while now() < end:
            with waits.until(now() + 1):  # a busy machine may pause for long in between
                await asyncio.sleep(0.01)


async def test_time_between_waits_does_not_count() -> None:
    with limited() as waits:
        with waits.until(now() + 0.5):
            await asyncio.sleep(0)
        await asyncio.sleep(0.6)
        with waits.until(now() + 5):
            await asyncio.sleep(0.05)


async def test_a_shorter_limit_after_a_longer_one_is_kept() -> None:
    with limited() as waits:
        with waits.until(now() + 60):
            await asyncio.sleep(0)
        with pytest.raises(TimeoutError):
            await for_ever(waits, 0.02)


async def test_a_cancellation_from_outside_stays_one() -> None:
    with limited() as waits:
        task = asyncio.create_task(for_ever(waits, 60))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task


async def test_who_is_cancelled_in_the_moment_of_the_limit_is_cancelled() -> None:
    with limited() as waits:
        task = asyncio.create_task(for_ever(waits, 0))
        while not task.cancelling():  # by the timer, in this very turn of the loop
            await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task


async def test_a_task_that_timed_out_is_not_left_as_cancelled() -> None:
    with limited() as waits:
        with pytest.raises(TimeoutError):
            await for_ever(waits, 0)
        task = asyncio.current_task()
        assert task
        assert task.cancelling() == 0
