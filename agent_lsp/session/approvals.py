"""The questions of a session that wait for an answer, from wherever it may come."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass

from agent_lsp.conversation.actions import Action, ApprovalRequest, Choice, Decision, FileChange
from agent_lsp.session import AskUser, SessionError

_log = logging.getLogger(__name__)
UNANSWERED = Decision(Choice.REJECT, answered=False)


@dataclass(frozen=True, slots=True)
class _Waiting:
    request: ApprovalRequest
    settled: asyncio.Future[Decision]


class Approvals:
    """Each question is put to its door, may be settled by `decide` instead, and is rejected when its time is over."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._waiting: dict[str, _Waiting] = {}

    @property
    def pending(self) -> tuple[ApprovalRequest, ...]:
        return tuple(waiting.request for waiting in self._waiting.values())

    async def ask(self, request: ApprovalRequest, ask_user: AskUser) -> Decision:
        """The first answer from anywhere. Never raises but for a cancellation."""
        settled: asyncio.Future[Decision] = asyncio.get_running_loop().create_future()
        self._waiting[request.id] = _Waiting(request, settled)
        asking = asyncio.create_task(_put(request, ask_user, settled))
        try:
            async with asyncio.timeout(max(0.0, request.expires_at - self._now())):
                return await settled
        except TimeoutError:
            return UNANSWERED
        finally:
            del self._waiting[request.id]
            asking.cancel()
            await asyncio.wait([asking])

    def decide(self, approval_id: str, decision: Decision) -> None:
        """Settles a question. Raises SessionError when it is not open, or the answer is none of those offered."""
        waiting = self._waiting.get(approval_id)
        if waiting is None or waiting.settled.done():
            raise SessionError(f"no question {approval_id} is open: it was answered, cancelled or timed out")
        check(waiting.request, decision)
        waiting.settled.set_result(decision)


def check(request: ApprovalRequest, decision: Decision) -> None:
    """Raises SessionError when a decision is no answer to the question."""
    if decision.choice not in request.choices:
        raise SessionError(f"'{decision.choice}' was not offered; choices are: {', '.join(request.choices)}")
    unknown = sorted(set(decision.hunks or ()) - _hunks(request.action))
    if unknown:
        raise SessionError(f"no hunk '{unknown[0]}' in {request.action.title}")


def _hunks(action: Action) -> set[str]:
    return {hunk.id for hunk in action.effect.hunks} if isinstance(action.effect, FileChange) else set()


async def _put(request: ApprovalRequest, ask_user: AskUser, settled: asyncio.Future[Decision]) -> None:
    try:
        decision = await ask_user(request)
        if decision is not None:
            check(request, decision)
    except Exception:  # whatever goes wrong in asking is a no, and is told to those who can mend it
        _log.exception("approval %s could not be put to the user", request.id)
        decision = Decision(Choice.REJECT)
    if decision is not None and not settled.done():
        settled.set_result(decision)
