"""What the daemon says of itself: its model, what it may do, and what holds it."""

from __future__ import annotations

import asyncio
from typing import Any

from agent_lsp import __version__
from agent_lsp.app import App
from agent_lsp.models import NoModel
from agent_lsp.settings import DEFAULTS, SettingsError
from agent_lsp.trusting import waiting


async def status(app: App) -> dict[str, Any]:  # Any: JSON
    """The part of `agent.status` that is the same for every door. Settings that are wrong are told as a `problem`."""
    model: dict[str, Any] = {"model": None}  # Any: JSON
    try:
        waits = waiting(await asyncio.to_thread(app.trust.standing))
    except OSError as error:
        waits = f"what is trusted cannot be read: {error}"
    try:
        settings = app.settings().settings
        model = {"model": await app.answering.name(settings)}
    except SettingsError as error:
        settings, model["problem"] = DEFAULTS, str(error)
    except NoModel as error:
        model["problem"] = str(error)
    limits = settings.limits
    return {
        "version": __version__,
        **model,
        "preset": settings.preset,
        "sandbox": (await app.sandboxes.found()).level,
        **({"waitsForTrust": waits} if waits else {}),
        "limits": {
            "maxSteps": limits.steps,
            "maxToolCalls": limits.tool_calls,
            "maxTokens": limits.tokens,
            "maxSeconds": limits.seconds,
            "maxCost": limits.cost,
            "maxCostPerDay": settings.max_cost_per_day,
        },
    }
