"""The questions of one turn: put to the user outside its time, with the answers on record."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from agent_lsp.agent.budget import Deadline
from agent_lsp.agent.record import Record
from agent_lsp.conversation.actions import Action, ApprovalRequest, Approve, Choice, Decision
from agent_lsp.conversation.entries import Decided
from agent_lsp.conversation.events import ApprovalDecided, ApprovalRequested, Emit
from agent_lsp.permissions import Verdict
from agent_lsp.permissions.policy import choices
from agent_lsp.text.visible import visible


@dataclass(frozen=True, slots=True)
class Questions:
    """Asks the user of one turn. A question expires after `seconds`; `now` is in seconds since the epoch."""

    session_id: str
    turn_id: str
    record: Record
    approve: Approve
    emit: Emit
    deadline: Deadline
    seconds: float
    new_id: Callable[[str], str]
    now: Callable[[], float]

    async def ask(self, call_id: str, action: Action, verdict: Verdict, tainted: str) -> Decision:
        """The user's answer to the question whether a call may do that; the turn's time stands still."""
        digest = await asyncio.to_thread(lambda: action.digest)
        request = self._request(call_id, action, verdict, tainted)
        self.emit(ApprovalRequested(request))
        decision = Decision(Choice.REJECT, answered=False)
        try:
            with self.deadline.paused():
                decision = await self.approve(request)
        finally:
            self.emit(ApprovalDecided(request.id, call_id, decision))
        answer = (decision.choice, decision.feedback, decision.answered)
        await self.record.append(Decided(request.id, call_id, action.title, digest, *answer))
        return decision

    def _request(self, call_id: str, action: Action, verdict: Verdict, tainted: str) -> ApprovalRequest:
        return ApprovalRequest(
            id=self.new_id("approval"),
            session_id=self.session_id,
            turn_id=self.turn_id,
            call_id=call_id,
            action=action,
            reason=verdict.reason,
            expires_at=self.now() + self.seconds,
            choices=choices(action, verdict),
            taint=visible(tainted),
        )
