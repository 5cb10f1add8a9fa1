"""The composition root: the one file that names concrete classes."""

from __future__ import annotations

import asyncio
import contextlib
import os
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from agent_lsp.agent.context import build
from agent_lsp.app import sandbox_setup
from agent_lsp.app.model_selection import ModelSelection
from agent_lsp.app.state_files import data_dir, own, state_dir
from agent_lsp.app.turn_builder import TurnBuilder
from agent_lsp.app.workspace_trust import WorkspaceTrust, project_settings
from agent_lsp.awareness.change_notices import ChangeWatcher
from agent_lsp.conversation.messages import Usage
from agent_lsp.files.editor import Editor
from agent_lsp.files.files import Files
from agent_lsp.files.roots import Roots
from agent_lsp.files.targets import Targets
from agent_lsp.journal.journal import Journal, SessionSummary
from agent_lsp.models import ModelError
from agent_lsp.models.choice import Surroundings
from agent_lsp.models.keys import KEYRING
from agent_lsp.models.model_cache import ModelCache, Priced
from agent_lsp.models.wire.wire_model import WireModel
from agent_lsp.observe.log import EventLog
from agent_lsp.permissions.protected_paths import acts_on
from agent_lsp.permissions.remembered_rules import OfWorkspace, Remembered
from agent_lsp.permissions.secrets import Secrets
from agent_lsp.permissions.trust import Trust
from agent_lsp.processes import Processes
from agent_lsp.provenance.origins import Origins
from agent_lsp.sandbox.guard import placeholders
from agent_lsp.search.ripgrep import program
from agent_lsp.search.search import Search
from agent_lsp.session import Lifecycle
from agent_lsp.session.copies import Copies
from agent_lsp.session.history import History
from agent_lsp.session.open_sessions import OpenSessions
from agent_lsp.session.watchers import Watchers
from agent_lsp.settings import KEY_VARIABLES, SettingsError, secret, without_keys
from agent_lsp.settings.loading import Loaded, load
from agent_lsp.tools import Toolbox, ToolContext
from agent_lsp.tools.change import delete_file, edit_file, move_file, write_file
from agent_lsp.tools.code import run_code
from agent_lsp.tools.read import list_files, read_file
from agent_lsp.tools.search import search
from agent_lsp.tools.shell import run_command
from agent_lsp.tools.web import web_fetch, web_search
from agent_lsp.undo.checkpoints import Checkpoints
from agent_lsp.undo.objects import Objects, StoreBounds
from agent_lsp.undo.snapshots import Snapshots
from agent_lsp.undo.undo import Undo
from agent_lsp.web import choice

TOOLS = (
    read_file,
    list_files,
    search,
    write_file,
    edit_file,
    delete_file,
    move_file,
    run_command,
    run_code,
    web_fetch,
    web_search,
)
_DAY = 86_400.0


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
        self.secrets = Secrets(environment.get(name, "").strip() for name in KEY_VARIABLES)
        started = self._loaded({}).settings  # nothing of the workspace has a say in where trust is kept
        self.state = state_dir(started)
        self.roots = Roots(folders, own(self.state, sandbox_setup.homes(environment), environment))
        self.trust = WorkspaceTrust(self.roots, Trust(Remembered(self.state / "trusted")))
        self.log = EventLog(self.state / "log.jsonl", self.secrets.clean)
        self.journal = Journal(self.state / "journal.sqlite3", clean=self.secrets.clean)
        self.processes, self.watchers = Processes(), Watchers(self.secrets.clean)
        self.watchers.add(self.log.watch)
        files = Files(self.roots, editor)
        roots = [root.path for root in self.roots.all]
        self.sandboxes = sandbox_setup.sandboxes(started, self.state, roots, self.processes, environment)
        rules = sandbox_setup.rules(started, self.state, environment)
        placeholders.clear(rules.protected, roots, self.roots.own.private())
        commands = sandbox_setup.commands(
            files, self.processes, self.sandboxes, self.state, rules=rules, new_id=_new_id
        )
        self.tools = ToolContext(files, Search(files, self.processes, program()), commands, choice.chosen())
        self.files, self._toolbox = files, Toolbox(TOOLS)
        self.objects = Objects(self.state / "checkpoints")
        self.copies = Copies(self.objects)
        snapshots = Snapshots(files, self.tools.search, self.objects)
        self.checkpoints = Checkpoints(files, self.objects, snapshots)
        self.history = History(Undo(files, self.objects), snapshots, _new_id)
        remembered = Remembered(self.state / "allowed")
        self.answering = ModelSelection(environment, data_dir(), ModelCache(self._surroundings()), remembered)
        self._changes = ChangeWatcher(files)
        self.turns = TurnBuilder(
            settings=lambda: self.settings().settings,
            answering=self.answering,
            journal=self.journal,
            sandboxes=self.sandboxes,
            toolbox=self._toolbox,
            tools=self.tools,
            checkpoints=self.checkpoints,
            changes=self._changes,
            targets=Targets(self.roots, acts_on),
            origins=Origins(files, self.journal),
            kept=OfWorkspace(Remembered(self.state / "rules"), roots),
            secrets=self.secrets,
            new_id=_new_id,
        )
        self._workspace = os.pathsep.join(roots)
        self.sessions = OpenSessions(
            self.journal,
            self._workspace,
            lifecycle=Lifecycle(self.turns.begin, self.turns.build, self.copies.keep_for_closed),
            watchers=self.watchers,
            new_id=_new_id,
            now=time.time,
        )

    def _surroundings(self) -> Surroundings:
        """What models need."""
        environment = without_keys(self._environment)
        return Surroundings(self.state, self._listed, self.processes, environment, self.secrets.know)

    def change_folders(self, folders: Sequence[str]) -> tuple[str, ...]:
        """Takes the folders that the client has open now, for running turns too; returns those that are none."""
        missing = self.roots.replace(folders)
        self.turns.change_folders()
        for session in self.sessions.all():
            session.change_folders([root.path for root in self.roots.all])
        return missing

    def settings(self) -> Loaded:
        """The settings as they stand now. Raises SettingsError."""
        try:
            return self._loaded(project_settings(self.trust.standing()))
        except OSError as error:
            raise SettingsError(f"what is trusted cannot be read: {error}") from error

    def _loaded(self, projects: Mapping[str, bytes]) -> Loaded:
        editor = self._ask_editor()
        loaded = load(self._environment, projects=projects, editor=editor, flags=self._flags)
        key = secret(loaded.settings.api_key)
        if not key.startswith(KEYRING):
            self.secrets.know(key)
        return loaded

    async def stored_sessions(self) -> tuple[SessionSummary, ...]:
        """The sessions of this workspace, newest first."""
        return await self.journal.sessions(self._workspace)

    async def warm(self) -> None:
        """Builds what the first turn needs, so that it need not wait."""
        with contextlib.suppress(ModelError, SettingsError):  # the first turn says it better
            priced = await self.answering.model(None, self.settings().settings)
            await asyncio.to_thread(self._warm, priced)

    def _warm(self, priced: Priced) -> None:
        if isinstance(priced.model.inner, WireModel):
            priced.model.inner.warm()
        priced.price.cost(Usage())
        build((), system="", tools=self._toolbox.all(), window=priced.model.context_window)

    async def prune(self) -> None:
        """Removes copies of files that are too old or too many, but none that the last turns need; not during turns."""
        sessions = self.sessions.all()
        if any(session.turn_ids for session in sessions):
            return
        settings = self.settings().settings
        bounds = StoreBounds(settings.checkpoint_days * _DAY, settings.checkpoint_megabytes << 20)
        await self.copies.prune((session.conversation for session in sessions), bounds)

    async def close(self) -> None:
        """Ends all turns and processes, and leaves the journal in order."""
        await self.sessions.close()
        await self._changes.close()
        self.objects.close()
        await self.answering.supply.close()
        await self.processes.close()
        self.sandboxes.close()
        await self.journal.close()
        self.log.close()

    async def _listed(self) -> Sequence[str]:
        return [path for place in self.roots.present() for path in (await self.tools.search.files(place)).paths]


def _new_id(what: str) -> str:
    return f"{what}_{uuid.uuid4().hex[:16]}"
