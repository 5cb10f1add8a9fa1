"""A limit for many short waits of one task, one after the other, at the price of one timer."""

from __future__ import annotations

import asyncio
import math
from types import TracebackType


class LimitedWaits:
    """Ends a wait that takes too long with a TimeoutError, as `asyncio.timeout` does.

    Most waits for the next bytes of a stream are over at once, and to set and drop a timer for each costs as much
    as to read them. Here the timer stays set from wait to wait; when it goes off too early, it is set again.
    Use as `with waits.until(due):` for each wait, and `close` at the end.
    """

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._timer: asyncio.TimerHandle | None = None
        self._task: asyncio.Task[object] | None = None
        self._due, self._cancels, self._over = math.inf, 0, False

    def until(self, due: float) -> LimitedWaits:
        """The limit of the next wait, in seconds of the loop's clock."""
        self._due = due
        if self._timer is None or self._timer.when() > due:
            self._set_timer()
        return self

    def close(self) -> None:
        """Drops the timer."""
        if self._timer:
            self._timer.cancel()
            self._timer = None

    def __enter__(self) -> None:
        self._task = asyncio.current_task(self._loop)
        self._cancels = self._task.cancelling() if self._task else 0

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        task, self._task = self._task, None
        if not self._over:
            return
        self._over = False
        if task and task.uncancel() <= self._cancels and kind is asyncio.CancelledError:
            raise TimeoutError from error

    def _set_timer(self) -> None:
        self.close()
        self._timer = self._loop.call_at(self._due, self._went_off)

    def _went_off(self) -> None:
        self._timer = None
        if self._task is None:
            return
        if self._loop.time() < self._due:
            self._set_timer()
            return
        self._over = True
        self._task.cancel()
