"""Turns: what each is made of, by the settings as they stand when it begins."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from secrets import token_hex

from agent_lsp.agent import Turn
from agent_lsp.agent.budget import OF_SESSION, Account, Budget, Deadline, LimitNames
from agent_lsp.agent.context import build
from agent_lsp.agent.estimate import estimated
from agent_lsp.agent.gate import Gate
from agent_lsp.agent.questions import Questions
from agent_lsp.agent.system_prompt import system_prompt
from agent_lsp.agent.workbench import Workbench
from agent_lsp.app.model_selection import ModelSelection, question
from agent_lsp.app.workspace import Workspace
from agent_lsp.awareness.read_tracker import ReadTracker
from agent_lsp.conversation.actions import Action, Decision
from agent_lsp.conversation.entries import Decided
from agent_lsp.conversation.estimate import Estimate
from agent_lsp.conversation.messages import Message, Usage, UserMessage
from agent_lsp.files.targets import Targets
from agent_lsp.journal.journal import Journal
from agent_lsp.models.model_cache import Priced
from agent_lsp.models.retry import RetryingModel, RetryPolicy
from agent_lsp.models.wire.wire_model import WireModel
from agent_lsp.permissions import Preset, taint
from agent_lsp.permissions.policy import Policy, PolicyConfig
from agent_lsp.permissions.remembered_rules import OfWorkspace
from agent_lsp.permissions.secrets import Secrets
from agent_lsp.permissions.web_rules import WebRules
from agent_lsp.provenance.origins import Origins
from agent_lsp.session import SessionState, Spent, TurnContext, TurnRefused, TurnRequest
from agent_lsp.settings.settings import Settings, SettingsError
from agent_lsp.tools import Toolbox, ToolContext
from agent_lsp.undo.checkpoints import Checkpoints
from agent_lsp.web import setup

_MARK_BYTES = 6


@dataclass
class TurnBuilder:
    """Builds turns, and what lasts as long as their session is open."""

    settings: Callable[[], Settings]
    models: ModelSelection
    journal: Journal
    workspace: Workspace
    toolbox: Toolbox
    tools: ToolContext
    checkpoints: Checkpoints
    targets: Targets
    origins: Origins
    kept: OfWorkspace
    secrets: Secrets
    new_id: Callable[[str], str]

    def change_folders(self) -> None:
        """The workspace's folders are others now: what was allowed for good there is another."""
        self.kept.roots = self._folders

    def begin(self) -> SessionState:
        """What a session knows before its first turn; until that brings its terms, nothing may be changed."""
        policy = Policy(PolicyConfig(Preset.PLAN), self._folders, self.kept)
        return SessionState(policy, self.workspace.changes.news_of(ReadTracker()))

    async def estimate(self, order: TurnRequest, messages: Sequence[Message]) -> Estimate:
        """What a turn with that prompt after those messages may cost. Raises ModelError, SettingsError."""
        priced = await self.models.model(order.model, self.settings())
        return await self._estimate((*messages, UserMessage(order.prompt, order.context)), priced)

    async def _estimate(self, messages: Sequence[Message], priced: Priced) -> Estimate:
        model = priced.model
        request = build(messages, system=self._system(), tools=self.toolbox.all(), window=model.context_window)
        return estimated(request, priced.price, await self.journal.past_turns(model.name))

    async def warm(self) -> None:
        """Builds what the first turn needs. Raises ModelError, SettingsError."""
        priced = await self.models.model(None, self.settings())
        await asyncio.to_thread(self._warm, priced)

    def _warm(self, priced: Priced) -> None:
        if isinstance(priced.model.inner, WireModel):
            priced.model.inner.warm()
        priced.price.cost(Usage())
        build((), system="", tools=self.toolbox.all(), window=priced.model.context_window)

    async def build(self, order: TurnRequest, place: TurnContext) -> Turn:
        """The turn that an order asks for. Raises TurnRefused, ModelError."""
        try:
            settings = self.settings()
            confined = settings.preset is Preset.AUTO and (await self.workspace.sandboxes.found()).level.confines
            preset = usable_preset(settings.preset, confined=confined)
            terms = PolicyConfig(
                preset, settings.rules, WebRules(settings.web_allow, settings.web_deny), confined=confined
            )
        except SettingsError as error:
            raise TurnRefused("settings", str(error)) from error
        priced = await self.models.model(order.model, settings, lambda *about: self._asked(place, settings, *about))
        await self.journal.look_after_kills(place.session_id, self.checkpoints.since)
        policy, news = place.state.policy, place.state.news
        policy.terms = terms
        budget = self._budget(settings, priced, place.spent)
        return Turn(
            id=place.turn_id,
            session_id=place.session_id,
            record=place.record,
            model=RetryingModel(priced.model, RetryPolicy(settings.max_retries)),
            system=self._system(),
            budget=budget,
            estimate=await self._estimate(place.record.messages, priced),
            news=news,
            gate=self._gate(policy, order.preset, self._questions(place, budget.deadline, settings), place),
            workbench=self._workbench(settings, terms.web, news.seen),
            emit=place.emit,
            new_id=self.new_id,
        )

    def _gate(self, policy: Policy, preset: Preset | None, questions: Questions, place: TurnContext) -> Gate:
        roots, tainted = self.workspace.roots, lambda: taint.of(place.record.messages)
        return Gate(policy, preset, self.targets, roots, tainted, questions)

    def _questions(self, place: TurnContext, deadline: Deadline, settings: Settings) -> Questions:
        return Questions(
            place.session_id,
            place.turn_id,
            place.record,
            place.approve,
            place.emit,
            deadline,
            seconds=settings.approval_timeout_seconds,
            new_id=self.new_id,
            now=time.time,
        )

    def _workbench(self, settings: Settings, rules: WebRules, seen: ReadTracker) -> Workbench:
        web = setup.chosen(settings.search_url, rules.denied)
        return Workbench(
            self.toolbox,
            replace(self.tools, seen=seen, web=web),
            self.checkpoints,
            self.origins,
            self.secrets,
            most_characters=settings.max_result_characters,
            mark=token_hex(_MARK_BYTES),
        )

    async def _asked(self, place: TurnContext, settings: Settings, action: Action, reason: str) -> Decision:
        """Puts to the user what no tool call stands behind; the answer is kept on record."""
        due, ids = time.time() + settings.approval_timeout_seconds, (place.session_id, place.turn_id)
        request = question(action, reason, ids=(self.new_id("approval"), *ids), expires_at=due)
        decision = await place.approve(request)
        answer = (decision.choice, decision.feedback, decision.answered)
        await place.record.append(Decided(request.id, "", action.title, action.digest, *answer))
        return decision

    def _budget(self, settings: Settings, priced: Priced, spent: Spent) -> Budget:
        session = Account(settings.session_limits, OF_SESSION, used=spent.usage)
        session.cost = spent.cost
        return Budget(
            Account(settings.limits, LimitNames(), session),
            priced.price,
            self.journal,
            cost_per_day=settings.max_cost_per_day,
            seconds=settings.max_seconds,
            new_id=self.new_id,
        )

    def _system(self) -> str:
        return system_prompt(self._folders)

    @property
    def _folders(self) -> tuple[str, ...]:
        return tuple(self.workspace.folders)


def usable_preset(preset: Preset, *, confined: bool) -> Preset:
    """The preset, if what it promises can be kept; `confined` says that a sandbox works. Raises SettingsError."""
    if preset is Preset.AUTO and not confined:
        raise SettingsError("the preset 'auto' needs a working sandbox: use 'edits', 'confirm' or 'plan'")
    return preset
