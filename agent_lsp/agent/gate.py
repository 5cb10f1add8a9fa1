"""The gate: decides whether a call may perform its action, asks the user, and checks again right before it runs."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace

from agent_lsp.agent.questions import Questions
from agent_lsp.conversation.actions import Action, Choice, Decision, FileChange, FileMove
from agent_lsp.files.location import PathRefused
from agent_lsp.files.roots import Roots
from agent_lsp.files.targets import Targets
from agent_lsp.permissions import Preset, Ruling, Verdict
from agent_lsp.permissions.approval import NotPermitted, Permit, narrowed
from agent_lsp.permissions.policy import Policy
from agent_lsp.permissions.rules import Reading
from agent_lsp.tools import Arguments, ToolError


class Rejected(Exception):
    """The call is not to be performed; the message tells the model why. `stop` ends the turn too."""

    def __init__(self, message: str, *, stop: bool = False) -> None:
        super().__init__(message)
        self.stop = stop


@dataclass(frozen=True, slots=True)
class Permitted:
    """An action that may be done, once, with what the model should know of how that came."""

    action: Action
    permit: Permit
    note: str = ""
    stop: bool = False
    tainted: str = ""


@dataclass(frozen=True, slots=True)
class Gate:
    """Judges the calls of one turn.

    `preset` is the turn's own, if it has one. `tainted` says where untrusted text came from that is in the context by
    now; empty for none.
    """

    policy: Policy
    preset: Preset | None
    targets: Targets
    roots: Roots
    tainted: Callable[[], str]
    questions: Questions

    async def must_be_readable(self, tool: str, arguments: Arguments) -> None:
        """Holds a call that only reads, and the path that it names, against the user's rules. Raises Rejected."""
        if self.policy.rules_reading:  # to find where a path leads takes a look at all that is in the folders above
            await asyncio.to_thread(self._must_be_readable, tool, arguments)

    def _must_be_readable(self, tool: str, arguments: Arguments) -> None:
        named = getattr(arguments, "path", None)
        reading = Reading(tool)
        if isinstance(named, str):
            with suppress(PathRefused):  # the tool says it better
                path = self.roots.find(named).path
                reading = Reading(tool, path, self.targets.find(path))
        if reason := self.policy.refusal(reading):
            raise Rejected(f"Not done: {reason}.")

    async def permit(self, call_id: str, prepared: Action) -> Permitted:
        """Finds where an action's paths lead, judges it, and asks the user where that is to be.

        Raises Rejected, ToolError.
        """
        tainted = self.tainted()
        action, verdict, permit = await asyncio.to_thread(self._judged, prepared, tainted)
        if permit:
            return Permitted(action, permit, tainted=tainted)
        if verdict.ruling is Ruling.DENY:
            raise Rejected(f"Not done: {verdict.reason}.")
        workspace = self.policy.roots
        decision = await self.questions.ask(call_id, action, verdict, tainted)
        if decision.allowed and self.policy.roots != workspace:
            decision = replace(decision, choice=Choice.ALLOW_ONCE)  # not for folders that were not open
        return replace(await self._settled(action, decision, workspace), tainted=tainted)

    async def use(self, permitted: Permitted) -> None:
        """Holds what is about to be done, where its paths lead by now, against what was allowed. Raises ToolError."""
        try:
            if isinstance(permitted.action.effect, FileChange | FileMove):
                await asyncio.to_thread(self._use, permitted)
            else:
                self._use(permitted)  # it has no path to look at, and few words
        except NotPermitted as error:
            raise ToolError(f"not done: {error}") from error

    def _use(self, permitted: Permitted) -> None:
        permitted.permit.use(self.targets.located(permitted.action))

    def _judged(self, prepared: Action, tainted: str) -> tuple[Action, Verdict, Permit | None]:
        """The action with its targets, what is said of it, and its permit where that is a yes. Raises ToolError."""
        action = self.targets.located(prepared)
        try:
            verdict = self.policy.decide(action, self.preset, tainted=tainted)
        except OSError as error:
            raise ToolError(f"not done: what is allowed in this workspace cannot be read: {error}") from error
        return action, verdict, Permit(action) if verdict.ruling is Ruling.ALLOW else None

    async def _settled(self, action: Action, decision: Decision, workspace: tuple[str, ...]) -> Permitted:
        said = f" They said: {decision.feedback}" if decision.feedback else ""
        if not decision.answered:
            why = decision.feedback or "nobody answered the question in time"
            raise Rejected(f"Not done: {why}. Say in your answer what is left to do.")
        if not decision.allowed or decision.hunks == ():
            raise Rejected(f"Not done: the user rejected it.{said}", stop=decision.stop)
        allowed, note = narrowed(action, decision), ""
        try:
            await asyncio.to_thread(self.policy.remember, action, decision.choice, workspace)
        except OSError as error:
            note = f" That it is allowed for good could not be kept: {error}."
        note += _left_out(action, allowed)
        return Permitted(allowed, await asyncio.to_thread(Permit, allowed), note + said, decision.stop)


def _left_out(action: Action, allowed: Action) -> str:
    """Tell the model how many hunks the user allowed; empty if all of them."""
    if not isinstance(action.effect, FileChange) or not isinstance(allowed.effect, FileChange) or allowed == action:
        return ""
    made, all_of_them = len(allowed.effect.hunks), len(action.effect.hunks)
    return f" The user allowed {made} of {all_of_them} hunks; the others were not made."
