"""What the daemon says of itself: its model, what it may do, and what holds it."""

from __future__ import annotations

import asyncio

from agent_lsp import __version__
from agent_lsp.app.composition import Parts
from agent_lsp.app.to_contract import undo_points
from agent_lsp.app.workspace_trust import waiting
from agent_lsp.contract.answers import StatusAnswer, TurnLimits
from agent_lsp.contract.from_actions import pending_approval
from agent_lsp.journal.journal import Journal, JournalError
from agent_lsp.models import NoModel
from agent_lsp.settings.settings import DEFAULTS, Settings, SettingsError


async def status(parts: Parts) -> StatusAnswer:
    """The answer of `agent.status`. Settings that are wrong are told as a `problem`."""
    model, problem = None, ""
    try:
        waits = waiting(await asyncio.to_thread(parts.trust.standing))
    except OSError as error:
        waits = f"what is trusted cannot be read: {error}"
    try:
        settings = parts.settings().settings
        model = await parts.models.name(settings)
    except SettingsError as error:
        settings, problem = DEFAULTS, str(error)
    except NoModel as error:
        problem = str(error)
    level = (await parts.workspace.sandboxes.found()).level
    sessions = parts.sessions.all()
    return StatusAnswer(
        version=__version__,
        model=model,
        problem=problem,
        preset=settings.preset,
        sandbox=level,
        waits_for_trust=waits,
        limits=_limits(settings),
        cost_today=await _cost_today(parts.journal),
        undo=tuple(points for one in sessions if (points := undo_points(one.id, one.conversation))),
        turns=tuple(turn for one in sessions for turn in one.turn_ids),
        pending_approvals=tuple(pending_approval(asked) for one in sessions for asked in one.approvals.pending),
    )


async def _cost_today(journal: Journal) -> float | None:
    try:
        return await journal.spent_today()
    except JournalError:
        return None  # the answer says so, and all else in it still holds


def _limits(settings: Settings) -> TurnLimits:
    limits = settings.limits
    return TurnLimits(
        max_steps=limits.steps,
        max_tool_calls=limits.tool_calls,
        max_tokens=limits.tokens,
        max_seconds=limits.seconds,
        max_cost=limits.cost,
        max_cost_per_day=settings.max_cost_per_day,
    )
