"""A Model around a Model that asks again when a request failed in a passing way and nothing was shown yet."""

from __future__ import annotations

import asyncio
import math
import random
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from dataclasses import dataclass

from agent_lsp.models import Chunk, Model, Passing, Request, RetryChunk, SentAgain

_MOST_SECONDS = 120.0
_MOST_BACKOFF_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How often to ask again, and the most seconds before the first time; they double, up to half a minute."""

    retries: int = 3
    first_seconds: float = 1.0


class RetryingModel:
    """Retries `model`. What the provider names as time to wait is obeyed up to two minutes, else it is an end."""

    def __init__(
        self,
        model: Model,
        policy: RetryPolicy,
        *,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        dice: random.Random | None = None,
    ) -> None:
        self._model, self._policy, self._sleep = model, policy, sleep
        self._dice = dice or random.Random()  # noqa: S311 - jitter, no secret

    @property
    def name(self) -> str:
        return self._model.name

    @property
    def note(self) -> str:
        return self._model.note

    @property
    def context_window(self) -> int:
        return self._model.context_window

    async def stream(self, request: Request) -> AsyncGenerator[Chunk, None]:
        for attempt in range(self._policy.retries + 1):
            shown, reason, cost = False, "", True
            try:
                async with aclosing(self._model.stream(request)) as chunks:
                    async for chunk in chunks:
                        shown = shown or not isinstance(chunk, RetryChunk | SentAgain)
                        yield chunk
            except Passing as error:
                reason, seconds, cost = str(error), self._seconds(error, attempt), error.may_have_cost
                if _MOST_SECONDS < seconds < math.inf:
                    wait = f"it asks to wait {seconds:g} s, longer than the {_MOST_SECONDS:g} s that are waited"
                    raise _with_words(error, f"{error}; {wait}") from error
                if shown or attempt == self._policy.retries or seconds > _MOST_SECONDS:
                    raise
            else:
                return
            yield RetryChunk(reason, attempt + 1, self._policy.retries, seconds, cost)
            await self._sleep(seconds)
            yield SentAgain()

    async def close(self) -> None:
        await self._model.close()

    def _seconds(self, error: Passing, attempt: int) -> float:
        if error.retry_after is not None:
            return error.retry_after
        most = min(self._policy.first_seconds * 2.0 ** min(attempt, 30), _MOST_BACKOFF_SECONDS)
        return self._dice.uniform(0.0, most)  # full jitter: many that failed at once do not come back at once


def _with_words(error: Passing, words: str) -> Passing:
    told = type(error)(words, retry_after=error.retry_after)
    told.may_have_cost = error.may_have_cost
    return told
