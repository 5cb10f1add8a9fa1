"""The composition root: the one file that names concrete classes."""

from __future__ import annotations

import contextlib
import os
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import platformdirs

from agent_lsp import __version__
from agent_lsp import settings as configuration
from agent_lsp.agent import Turn
from agent_lsp.agent.budget import OF_SESSION, Account, Budget, Names
from agent_lsp.agent.context import build, system_prompt
from agent_lsp.agent.estimate import estimated
from agent_lsp.conversation.journal import Journal, SessionSummary
from agent_lsp.conversation.ledger import Estimate
from agent_lsp.conversation.messages import Message, Usage, UserMessage
from agent_lsp.models import Model, ModelError, NoModel, choice
from agent_lsp.models.choice import Access, Surroundings
from agent_lsp.models.pricing import Price, price_of
from agent_lsp.models.retrying import RetryingModel, RetryPolicy
from agent_lsp.models.wire_model import WireModel
from agent_lsp.observe.log import EventLog
from agent_lsp.permissions import Preset
from agent_lsp.permissions.policy import Policy
from agent_lsp.processes import Processes
from agent_lsp.session import Order, Place, Spent, TurnRefused
from agent_lsp.session.open import OpenSessions
from agent_lsp.session.watchers import Watchers
from agent_lsp.settings import Loaded, Settings, SettingsError
from agent_lsp.tools import Toolbox, ToolContext
from agent_lsp.tools.change import delete_file, edit_file, move_file, write_file
from agent_lsp.tools.read import list_files, read_file
from agent_lsp.tools.search import search
from agent_lsp.tools.shell import run_command
from agent_lsp.workspace.editor import Editor
from agent_lsp.workspace.files import Files
from agent_lsp.workspace.ripgrep import Search, program
from agent_lsp.workspace.roots import Roots

TOOLS = (read_file, list_files, search, write_file, edit_file, delete_file, move_file, run_command)


class App:
    """Everything behind a door: one workspace, its sessions, and what they run on."""

    def __init__(
        self,
        environment: Mapping[str, str],
        folders: Sequence[str],
        editor: Editor,
        *,
        flags: Mapping[str, Any] | None = None,  # Any: words of the command line
        ask_editor: Callable[[], Mapping[str, Any]] = dict,  # Any: JSON from the editor
    ) -> None:
        """Raises SettingsError, JournalError, and PathRefused for folders that are none."""
        self._environment, self._flags, self._ask_editor = environment, flags, ask_editor
        self.roots = Roots(folders)
        self.state = state_dir(self.settings().settings)
        self.log = EventLog(self.state / "log.jsonl")
        self.journal = Journal(self.state / "journal.sqlite3")
        self.processes, self.watchers = Processes(), Watchers()
        self.watchers.add(self.log.watch)
        files = Files(self.roots, editor)
        self.tools = ToolContext(files, Search(files, self.processes, program()), self.processes)
        self.files, self._toolbox = files, Toolbox(TOOLS)
        self._workspace = os.pathsep.join(root.path for root in self.roots.all)
        self.sessions = OpenSessions(
            self.journal,
            self._workspace,
            build=self._build,
            watchers=self.watchers,
            new_id=_new_id,
            now=time.time,
        )
        self._models: dict[str, Model] = {}
        self._policies: dict[str, Policy] = {}

    def settings(self) -> Loaded:
        """The settings as they stand now. Raises SettingsError."""
        return configuration.load(self._environment, editor=self._ask_editor(), flags=self._flags)

    def model_name(self) -> str:
        """The model that the next turn would have. Raises NoModel or SettingsError."""
        return choice.chosen(access(self.settings().settings, self._environment))

    async def stored_sessions(self) -> tuple[SessionSummary, ...]:
        """The sessions of this workspace, newest first."""
        return await self.journal.sessions(self._workspace)

    def status(self) -> dict[str, Any]:  # Any: JSON
        """What `agent.status` says of the daemon itself."""
        model: dict[str, Any] = {"model": None}  # Any: JSON
        try:
            settings = self.settings().settings
            model = {"model": choice.chosen(access(settings, self._environment))}
        except SettingsError as error:
            settings, model["problem"] = configuration.DEFAULTS, str(error)
        except NoModel as error:
            model["problem"] = str(error)
        limits = settings.limits
        return {
            "version": __version__,
            **model,
            "preset": settings.preset,
            "sandbox": "none",
            "limits": {
                "maxSteps": limits.steps,
                "maxToolCalls": limits.tool_calls,
                "maxTokens": limits.tokens,
                "maxSeconds": limits.seconds,
                "maxCost": limits.cost,
                "maxCostPerDay": settings.max_cost_per_day,
            },
        }

    def warm(self) -> None:
        """Builds what the first turn needs, so that it need not wait."""
        with contextlib.suppress(ModelError, SettingsError):  # the first turn says it better
            model = self._model(self.model_name(), self.settings().settings)
            if isinstance(model, WireModel):
                model.warm()
            _price(model.name).cost(Usage())
            build((), system="", tools=self._toolbox.all(), window=model.context_window)

    async def close(self) -> None:
        """Ends all turns and processes, and leaves the journal in order."""
        await self.sessions.close()
        for model in self._models.values():
            await model.close()
        await self.processes.close()
        await self.journal.close()
        self.log.close()

    async def estimate(self, order: Order, messages: Sequence[Message]) -> Estimate:
        """What a turn with that prompt after those messages may cost. Raises ModelError, SettingsError."""
        settings = self.settings().settings
        model = self._model(order.model or self.model_name(), settings)
        return await self._estimate((*messages, UserMessage(order.prompt, order.context)), model)

    async def _estimate(self, messages: Sequence[Message], model: Model) -> Estimate:
        request = build(messages, system=self._system(), tools=self._toolbox.all(), window=model.context_window)
        return estimated(request, _price(model.name), await self.journal.past_turns(model.name))

    async def _build(self, order: Order, place: Place) -> Turn:
        try:
            settings = self.settings().settings
            preset = usable_preset(settings.preset)
        except SettingsError as error:
            raise TurnRefused("settings", str(error)) from error
        model = self._model(order.model or choice.chosen(access(settings, self._environment)), settings)
        policy = self._policies.setdefault(place.session_id, Policy(preset, [root.path for root in self.roots.all]))
        policy.preset = preset
        return Turn(
            id=place.turn_id,
            session_id=place.session_id,
            record=place.record,
            model=RetryingModel(model, RetryPolicy(settings.max_retries)),
            toolbox=self._toolbox,
            tools=self.tools,
            policy=policy,
            preset=order.preset,
            budget=self._budget(settings, model, place.spent),
            estimate=await self._estimate(place.record.messages, model),
            approve=place.approve,
            emit=place.emit,
            system=self._system(),
            most_characters=settings.max_result_characters,
            approval_seconds=settings.approval_timeout_seconds,
            new_id=_new_id,
            now=time.time,
        )

    def _budget(self, settings: Settings, model: Model, spent: Spent) -> Budget:
        session = Account(settings.session_limits, OF_SESSION, used=spent.usage)
        session.cost = spent.cost
        return Budget(
            Account(settings.limits, Names(), session),
            _price(model.name),
            self.journal,
            cost_per_day=settings.max_cost_per_day,
            seconds=settings.max_seconds,
            new_id=_new_id,
        )

    def _system(self) -> str:
        return system_prompt([root.path for root in self.roots.all])

    def _model(self, name: str, settings: Settings) -> Model:
        key = f"{name} {settings.base_url} {settings.context_window}"
        if key not in self._models:
            around = Surroundings(self.state, self._listed, self.processes)
            self._models[key] = choice.made(name, access(settings, self._environment), around)
        return self._models[key]

    async def _listed(self) -> Sequence[str]:
        places = [self.roots.find(root.path) for root in self.roots.all]
        return [path for place in places for path in (await self.tools.search.files(place)).paths]


def access(settings: Settings, environment: Mapping[str, str]) -> Access:
    """What settings and environment have for reaching a model."""
    return Access(
        name=settings.model,
        base_url=settings.base_url,
        key=configuration.secret(settings.api_key),
        openai_key=environment.get("OPENAI_API_KEY", ""),
        anthropic_key=environment.get("ANTHROPIC_API_KEY", ""),
        context_window=settings.context_window,
        data_dir=data_dir(),
    )


def usable_preset(preset: Preset) -> Preset:
    """The preset, if this version can keep what it promises. Raises SettingsError."""
    if preset in {Preset.EDITS, Preset.AUTO}:
        raise SettingsError(f"the preset '{preset}' needs a sandbox, which there is not yet: use 'confirm' or 'plan'")
    return preset


def state_dir(settings: Settings) -> Path:
    """The folder of journal and log, mode 0700."""
    folder = Path(settings.state_dir) if settings.state_dir else platformdirs.user_state_path("agent-lsp")
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise SettingsError(
            f"the state folder {folder} cannot be made: {error.strerror}; set AGENT_LSP_STATE_DIR"
        ) from error
    return folder


def data_dir() -> Path:
    """The folder of the bundled model."""
    return platformdirs.user_data_path("agent-lsp")


def _price(name: str) -> Price:
    protocol, _, model = name.partition(":")
    return price_of(protocol, model)


def _new_id(what: str) -> str:
    return f"{what}_{uuid.uuid4().hex[:16]}"
