"""The composition root: builds the parts of one daemon and puts them together."""

from __future__ import annotations

import os
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from agent_lsp.app import sandbox_setup
from agent_lsp.app.model_selection import ModelSelection
from agent_lsp.app.settings_source import SettingsSource
from agent_lsp.app.state_files import data_dir, own, state_dir
from agent_lsp.app.turn_builder import TurnBuilder
from agent_lsp.app.undo_setup import UndoParts, undo_parts
from agent_lsp.app.workspace import Workspace, open_workspace
from agent_lsp.app.workspace_trust import WorkspaceTrust
from agent_lsp.files.editor import Editor
from agent_lsp.files.roots import Roots
from agent_lsp.files.targets import Targets
from agent_lsp.journal.journal import Journal
from agent_lsp.models.model_cache import MakeModel, ModelCache, priced_model
from agent_lsp.models.model_factory import Surroundings
from agent_lsp.observe.log import EventLog
from agent_lsp.permissions.protected_paths import acts_on
from agent_lsp.permissions.remembered_rules import OfWorkspace, Remembered
from agent_lsp.permissions.secrets import Secrets
from agent_lsp.permissions.trust import Trust
from agent_lsp.provenance.origins import Origins
from agent_lsp.session import Lifecycle
from agent_lsp.session.open_sessions import OpenSessions
from agent_lsp.session.watchers import Watchers
from agent_lsp.settings.loading import Loaded
from agent_lsp.settings.settings import KEY_VARIABLES, without_keys
from agent_lsp.tools import Toolbox, ToolContext
from agent_lsp.tools.all_tools import TOOLS
from agent_lsp.undo.checkpoints import Checkpoints
from agent_lsp.web import setup


@dataclass(frozen=True, slots=True)
class Parts:
    """What one daemon is made of; `state` is the folder in which it keeps what is its own."""

    state: Path
    settings: Callable[[], Loaded]
    trust: WorkspaceTrust
    log: EventLog
    journal: Journal
    watchers: Watchers
    workspace: Workspace
    undo: UndoParts
    models: ModelSelection
    turns: TurnBuilder
    sessions: OpenSessions


def compose(
    environment: Mapping[str, str],
    folders: Sequence[str],
    editor: Editor,
    *,
    flags: Mapping[str, Any] | None = None,  # Any: words of the command line
    ask_editor: Callable[[], Mapping[str, Any]] = dict,  # Any: JSON from the editor
    make_model: MakeModel = priced_model,
) -> Parts:
    """Build all parts for a workspace. Raises SettingsError, JournalError, PathRefused."""
    secrets = Secrets(environment.get(name, "").strip() for name in KEY_VARIABLES)
    source = SettingsSource(environment, flags or {}, ask_editor, secrets)
    started = source.without_projects().settings  # nothing of the workspace has a say in where trust is kept
    state = state_dir(started)
    roots = Roots(folders, own(state, sandbox_setup.homes(environment), environment))
    trust = WorkspaceTrust(roots, Trust(Remembered(state / "trusted")))
    settings = partial(source.with_trusted, trust)
    log = EventLog(state / "log.jsonl", secrets.clean)
    journal = Journal(state / "journal.sqlite3", clean=secrets.clean)
    watchers = Watchers(secrets.clean)
    watchers.add(log.watch)
    workspace = open_workspace(roots, editor, started, state=state, environment=environment, new_id=_new_id)
    undo = undo_parts(workspace, state, _new_id)
    keyless = without_keys(environment)
    around = Surroundings(state, workspace.list_files, workspace.processes, keyless, secrets.know)
    models = ModelSelection(environment, data_dir(), ModelCache(around, make_model), Remembered(state / "allowed"))
    turns = _turns(
        settings,
        models,
        journal=journal,
        workspace=workspace,
        checkpoints=undo.checkpoints,
        secrets=secrets,
        state=state,
    )
    sessions = OpenSessions(
        journal,
        os.pathsep.join(workspace.folders),
        lifecycle=Lifecycle(turns.begin, turns.build, undo.copies.keep_for_closed),
        watchers=watchers,
        new_id=_new_id,
        now=time.time,
    )
    return Parts(state, settings, trust, log, journal, watchers, workspace, undo, models, turns, sessions)


def _turns(
    settings: Callable[[], Loaded],
    models: ModelSelection,
    *,
    journal: Journal,
    workspace: Workspace,
    checkpoints: Checkpoints,
    secrets: Secrets,
    state: Path,
) -> TurnBuilder:
    return TurnBuilder(
        settings=lambda: settings().settings,
        models=models,
        journal=journal,
        workspace=workspace,
        toolbox=Toolbox(TOOLS),
        tools=ToolContext(workspace.files, workspace.search, workspace.commands, setup.chosen()),
        checkpoints=checkpoints,
        targets=Targets(workspace.roots, acts_on),
        origins=Origins(workspace.files, journal),
        kept=OfWorkspace(Remembered(state / "rules"), workspace.folders),
        secrets=secrets,
        new_id=_new_id,
    )


def _new_id(what: str) -> str:
    return f"{what}_{uuid.uuid4().hex[:16]}"
