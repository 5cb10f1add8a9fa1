"""The one line that says how a turn ended, for clients without a view of their own."""

from __future__ import annotations

from agent_lsp.conversation import events
from agent_lsp.conversation.messages import StopReason
from agent_lsp.text.visible import visible


def outcome(event: events.TurnFinished) -> str:
    """How a turn ended, in one line."""
    money = "" if not event.cost else f", ${event.cost:.4f}"
    if event.error:
        return visible(f"{event.stop_reason}: {event.error}{money}")
    words = {StopReason.END_TURN: "done", StopReason.CANCELLED: "cancelled"}.get(event.stop_reason, event.stop_reason)
    return f"{words}{money}"


def last_line(event: events.TurnFinished) -> tuple[int, str]:
    """The `window/showMessage` (type, message) that a client without a view of its own is shown at the end."""
    answer = visible(" ".join(event.text.split()))[:300]
    if event.stop_reason is StopReason.END_TURN and answer:
        return 3, f"Agent: {without_links(answer)}"
    kind = {StopReason.END_TURN: 3, StopReason.CANCELLED: 3, StopReason.FAILED: 1}.get(event.stop_reason, 2)
    return kind, f"Agent: {without_links(outcome(event))}"


def without_links(shown: str) -> str:
    """Text for a message box, in the notation of `visible`: some editors make `[words](address)` a link there.

    They would show the words and hide where it leads, and of a command what it says.
    """
    return shown.replace("](", "]\\x28")
