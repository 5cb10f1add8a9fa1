"""The daemon's loop behind its doors, with what runs need in place of the outside: an address, a clock, no waiting."""

from __future__ import annotations

import asyncio
import itertools
import random
import time
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from agent_lsp.agent import Turn
from agent_lsp.agent.budget import OF_SESSION, Account, Budget, LimitNames
from agent_lsp.agent.context import most_tokens
from agent_lsp.agent.gate import Gate
from agent_lsp.agent.questions import Questions
from agent_lsp.agent.system_prompt import system_prompt
from agent_lsp.agent.workbench import Workbench
from agent_lsp.app.sandbox_setup import base_python
from agent_lsp.awareness import read_tracker
from agent_lsp.awareness.change_notices import ChangeWatcher
from agent_lsp.commands.commands import CommandRules, Commands
from agent_lsp.conversation.actions import ApprovalRequest, Choice, Decision, Limits
from agent_lsp.conversation.estimate import Estimate
from agent_lsp.conversation.events import EventEnvelope
from agent_lsp.files.editor import NoEditor
from agent_lsp.files.files import Files
from agent_lsp.files.roots import Roots
from agent_lsp.files.targets import Targets
from agent_lsp.journal.journal import Journal
from agent_lsp.models import Chunk, Model, Request
from agent_lsp.models.pricing import price_of
from agent_lsp.models.retry import RetryingModel, RetryPolicy
from agent_lsp.models.wire.http import Endpoint, Patience
from agent_lsp.models.wire.wire_model import WireModel
from agent_lsp.permissions import Preset, taint
from agent_lsp.permissions.policy import Policy, PolicyConfig
from agent_lsp.permissions.protected_paths import acts_on
from agent_lsp.permissions.secrets import Secrets
from agent_lsp.processes.run import Processes
from agent_lsp.provenance.origins import Origins
from agent_lsp.sandbox.choose import Machine, Sandboxes
from agent_lsp.sandbox.guard.quarantine import Quarantine
from agent_lsp.search.ripgrep import program
from agent_lsp.search.search import Search
from agent_lsp.session import Lifecycle, SessionState, TurnContext, TurnRequest
from agent_lsp.session.checkpoint_retention import CheckpointRetention
from agent_lsp.session.open_sessions import OpenSessions
from agent_lsp.session.watchers import Watchers
from agent_lsp.tools import Toolbox, ToolContext
from agent_lsp.tools.all_tools import TOOLS
from agent_lsp.undo.checkpoints import Checkpoints
from agent_lsp.undo.content_store import ContentStore
from agent_lsp.undo.snapshots import Snapshots
from agent_lsp.web.setup import chosen
from tests.models.wires import KITS

MODELS = ("openai-chat:gpt-5-mini", "openai-responses:gpt-5-mini", "anthropic:claude-sonnet-4-5")
"""One of known price for each protocol."""
_MARK = "0123456789ab"
"""Of every turn, so that a run repeats itself."""
_MUCH = 1_000_000_000
_LIMITS = Limits(steps=_MUCH, tool_calls=_MUCH, tokens=_MUCH, seconds=600, cost=_MUCH)
_NOON = 1_800_014_400.0
"""The journal's only moment, in seconds since the epoch: all of a run is paid on one day."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """One request as it was sent, and the most it could cost: tokens, and the USD that the ledger set aside."""

    model: str
    request: Request
    usd: float

    @property
    def tokens(self) -> int:
        return most_tokens(self.request, self.model.partition(":")[2]) + self.request.max_output_tokens


@dataclass
class Home:
    """One workspace and its sessions. `attempts`, `seen` and `approved` are what happened, in order."""

    workspace: Path
    journal: Journal
    sessions: OpenSessions
    attempts: list[Attempt]
    seen: list[EventEnvelope]
    approved: list[ApprovalRequest] = field(default_factory=list)

    async def yes(self, request: ApprovalRequest) -> Decision:
        """A user who allows everything."""
        self.approved.append(request)
        return Decision(Choice.ALLOW_ONCE)


def tools_for(files: Files, processes: Processes, state: Path) -> ToolContext:
    """What tools work with; there is no sandbox, and so no command is run."""
    sandboxes = Sandboxes(state / "sandbox", [], processes, Machine("", base_python()))
    commands = Commands(files, processes, sandboxes, Quarantine(state / "taken-back", str), CommandRules())
    return ToolContext(files, Search(files, processes, program()), commands, chosen())


def open_journal(folder: Path) -> Journal:
    """The journal of a run."""
    return Journal(folder / "state" / "journal.sqlite3", clock=lambda: _NOON)


@asynccontextmanager
async def home(folder: Path, url: str, patience: Patience, dice: random.Random) -> AsyncIterator[Home]:
    """A home in an empty folder whose models are all at `url`; it retries at once."""
    journal, watchers, processes = open_journal(folder), Watchers(), Processes()
    workspace = folder / "workspace"
    workspace.mkdir()
    models = {name: _model(name, url, patience) for name in MODELS}
    files = Files(Roots([str(workspace)]), NoEditor())
    tools = tools_for(files, processes, folder / "state")
    objects = ContentStore(folder / "state" / "checkpoints")
    changes = ChangeWatcher(files)
    checkpoints = Checkpoints(files, objects, Snapshots(files, tools.search, objects))
    builder = _Builder(models, journal, tools, checkpoints, changes, dice)
    sessions = OpenSessions(
        journal,
        str(workspace),
        lifecycle=Lifecycle(builder.begin, builder.build, CheckpointRetention(objects).keep_for_closed),
        watchers=watchers,
        new_id=builder.new_id,
        now=time.time,
    )
    built = Home(workspace, journal, sessions, builder.attempts, [])
    watchers.add(built.seen.append)
    try:
        yield built
    finally:
        await sessions.close()
        await changes.close()
        for model in models.values():
            await model.close()
        await processes.close()
        await journal.close()


def _model(name: str, url: str, patience: Patience) -> WireModel:
    protocol, _, model = name.partition(":")
    kit = KITS[protocol]
    return WireModel(kit.wire, Endpoint(url, kit.headers), model, context_window=128_000, patience=patience)


class _Builder:
    """Makes each turn as the daemon does, with limits that nothing reaches."""

    def __init__(
        self,
        models: dict[str, WireModel],
        journal: Journal,
        tools: ToolContext,
        checkpoints: Checkpoints,
        changes: ChangeWatcher,
        dice: random.Random,
    ) -> None:
        self.attempts: list[Attempt] = []
        self._checkpoints = checkpoints
        self._models, self._journal, self._tools, self._dice = models, journal, tools, dice
        self._numbers = itertools.count()
        self._changes = changes

    def new_id(self, what: str) -> str:
        return f"{what}_{next(self._numbers)}"

    def begin(self) -> SessionState:
        policy = Policy(PolicyConfig(Preset.CONFIRM), [root.path for root in self._tools.files.roots.all])
        return SessionState(policy, self._changes.news_of(read_tracker.ReadTracker()))

    async def build(self, order: TurnRequest, place: TurnContext) -> Turn:
        model = self._models[order.model or ""]
        ledger = _NotingLedger(self._journal)
        news = place.state.news
        noting = _NotingModel(model, ledger, self.attempts)
        roots, budget = self._tools.files.roots, self._budget(model.name, ledger, place)
        return Turn(
            id=place.turn_id,
            session_id=place.session_id,
            record=place.record,
            model=RetryingModel(noting, RetryPolicy(), sleep=_at_once, dice=self._dice),
            system=system_prompt([root.path for root in roots.all]),
            budget=budget,
            estimate=Estimate(0, None, None, None, ""),
            news=news,
            gate=Gate(
                place.state.policy,
                None,
                Targets(roots, acts_on),
                roots,
                lambda: taint.of(place.record.messages),
                Questions(
                    place.session_id,
                    place.turn_id,
                    place.record,
                    place.approve,
                    place.emit,
                    budget.deadline,
                    seconds=60,
                    new_id=self.new_id,
                    now=time.time,
                ),
            ),
            workbench=Workbench(
                Toolbox(TOOLS),
                replace(self._tools, seen=news.seen),
                self._checkpoints,
                Origins(self._tools.files, self._journal),
                Secrets(),
                most_characters=50_000,
                mark=_MARK,
            ),
            emit=place.emit,
            new_id=self.new_id,
        )

    def _budget(self, name: str, ledger: _NotingLedger, place: TurnContext) -> Budget:
        session = Account(_LIMITS, OF_SESSION, used=place.spent.usage)
        session.cost = place.spent.cost
        protocol, _, model = name.partition(":")
        account, price = Account(_LIMITS, LimitNames(), session), price_of(protocol, model)
        return Budget(account, price, ledger, cost_per_day=_MUCH, seconds=_LIMITS.seconds, new_id=self.new_id)


async def _at_once(_: float) -> None:
    await asyncio.sleep(0)


class _NotingLedger:
    """The journal as a ledger; `usd` is what was set aside last."""

    def __init__(self, journal: Journal) -> None:
        self._journal, self.usd = journal, 0.0

    async def reserve(self, reservation: str, usd: float, cap: float) -> float | None:
        self.usd = usd
        return await self._journal.reserve(reservation, usd, cap)


class _NotingModel:
    """A Model around a Model that notes each attempt."""

    def __init__(self, model: Model, ledger: _NotingLedger, attempts: list[Attempt]) -> None:
        self._model, self._ledger, self._attempts = model, ledger, attempts

    @property
    def name(self) -> str:
        return self._model.name

    @property
    def note(self) -> str:
        return self._model.note

    @property
    def context_window(self) -> int:
        return self._model.context_window

    def stream(self, request: Request) -> AsyncGenerator[Chunk, None]:
        self._attempts.append(Attempt(self.name, request, self._ledger.usd))
        return self._model.stream(request)

    async def close(self) -> None:
        await self._model.close()
