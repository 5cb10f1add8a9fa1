"""Asking again: how often, when, and when not."""

from __future__ import annotations

import asyncio
import itertools
import math
import random
from collections.abc import AsyncGenerator, Sequence

import pytest

from agent_lsp.conversation.messages import AssistantMessage, Text
from agent_lsp.models import (
    BadRequest,
    Chunk,
    Completed,
    ConnectionLost,
    KeyRefused,
    ModelError,
    Passing,
    RateLimited,
    Request,
    RetryChunk,
    SentAgain,
    TextChunk,
    ThinkingChunk,
)
from agent_lsp.models.retry import RetryingModel, RetryPolicy

ASK = Request("", (), (), 1)
DONE = Completed(AssistantMessage((Text("ok"),), "failing"))


class Failing:
    """Says and raises what it is told to, one list for each request."""

    name, context_window, note = "failing", 1_000, ""

    def __init__(self, *attempts: Sequence[Chunk | ModelError]) -> None:
        self._attempts = list(attempts)
        self.closed = False

    async def stream(self, request: Request) -> AsyncGenerator[Chunk, None]:
        assert request is ASK
        for one in self._attempts.pop(0):
            if isinstance(one, ModelError):
                raise one
            yield one

    async def close(self) -> None:
        self.closed = True


class Watch:
    """A sleep that only notes how long."""

    def __init__(self) -> None:
        self.slept: list[float] = []

    async def __call__(self, seconds: float) -> None:
        self.slept.append(seconds)


async def chunks_of(model: Failing, watch: Watch, retries: int = 3) -> list[Chunk]:
    retrying = RetryingModel(model, RetryPolicy(retries), sleep=watch, dice=random.Random(1))
    return [chunk async for chunk in retrying.stream(ASK)]


async def test_a_passing_failure_is_asked_again_with_full_jitter_below_doubled_waits() -> None:
    watch, dice = Watch(), random.Random(1)
    waits = [seconds * dice.uniform(0.0, 1.0) for seconds in (1, 2, 4)]

    shown = await chunks_of(Failing(*[[ConnectionLost("lost")]] * 3, [TextChunk("ok"), DONE]), watch)

    retries = [(RetryChunk("lost", attempt, 3, seconds), SentAgain()) for attempt, seconds in enumerate(waits, 1)]
    assert shown == [*itertools.chain(*retries), TextChunk("ok"), DONE]
    assert watch.slept == waits


async def test_after_the_last_retry_the_failure_stands() -> None:
    watch = Watch()

    with pytest.raises(Passing, match="fourth"):
        await chunks_of(Failing(*[[Passing("down")]] * 3, [Passing("fourth")]), watch)
    assert len(watch.slept) == 3


async def test_nothing_is_asked_again_once_something_was_shown() -> None:
    watch = Watch()

    with pytest.raises(ConnectionLost):
        await chunks_of(Failing([TextChunk("Hel"), ConnectionLost("lost")], [DONE]), watch)
    assert watch.slept == []


@pytest.mark.parametrize("error", [KeyRefused("no"), BadRequest("no")])
async def test_a_failure_that_stays_is_not_asked_again(error: ModelError) -> None:
    watch = Watch()

    with pytest.raises(type(error)):
        await chunks_of(Failing([error], [DONE]), watch)
    assert watch.slept == []


async def test_the_time_the_provider_names_is_obeyed() -> None:
    watch = Watch()

    await chunks_of(
        Failing([RateLimited("wait", retry_after=17.0)], [RateLimited("wait", retry_after=0.0)], [DONE]), watch
    )

    assert watch.slept == [17, 0]


async def test_a_time_beyond_two_minutes_is_an_end() -> None:
    watch = Watch()

    with pytest.raises(RateLimited, match=r"tomorrow; it asks to wait 121 s, longer than the 120 s that are waited"):
        await chunks_of(Failing([RateLimited("tomorrow", retry_after=121.0)], [DONE]), watch)
    assert watch.slept == []


async def test_a_failure_that_will_not_pass_is_not_asked_again() -> None:
    watch = Watch()

    with pytest.raises(RateLimited):
        await chunks_of(Failing([RateLimited("quota spent", retry_after=math.inf)], [DONE]), watch)
    assert watch.slept == []


async def test_waits_stop_doubling_at_half_a_minute() -> None:
    watch = Watch()

    await chunks_of(Failing(*[[Passing("down")]] * 40, [DONE]), watch, retries=40)

    assert 20 < max(watch.slept) <= 30


async def test_thoughts_count_as_shown() -> None:
    watch = Watch()

    with pytest.raises(ConnectionLost):
        await chunks_of(Failing([ThinkingChunk("hm"), ConnectionLost("lost")], [DONE]), watch)
    assert watch.slept == []


async def test_no_retries_means_none() -> None:
    watch = Watch()

    with pytest.raises(Passing):
        await chunks_of(Failing([Passing("down")], [DONE]), watch, retries=0)
    assert watch.slept == []


async def test_waiting_can_be_cancelled() -> None:
    retrying = RetryingModel(Failing([RateLimited("wait", retry_after=100.0)], [DONE]), RetryPolicy())
    stream = retrying.stream(ASK)
    assert isinstance(await anext(stream), RetryChunk)
    waiting = asyncio.ensure_future(anext(stream))
    await asyncio.sleep(0)

    waiting.cancel()

    with pytest.raises(asyncio.CancelledError):
        await waiting
    await stream.aclose()


async def test_it_stands_for_the_model_inside() -> None:
    inside = Failing()
    retrying = RetryingModel(inside, RetryPolicy())
    await retrying.close()

    assert (retrying.name, retrying.context_window, inside.closed) == ("failing", 1_000, True)
