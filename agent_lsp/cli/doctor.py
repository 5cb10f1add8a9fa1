"""`agent-lsp doctor` and `agent-lsp model`: what is configured, what is missing, and the remedy."""

from __future__ import annotations

import asyncio
import platform
import shutil
import sqlite3
import sys
from collections.abc import Mapping
from dataclasses import replace
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path

from agent_lsp import NAME, __version__
from agent_lsp.app.model_selection import access, server_use, surroundings
from agent_lsp.app.sandbox_setup import sandboxes
from agent_lsp.app.state_files import data_dir, state_dir
from agent_lsp.app.turn_builder import usable_preset
from agent_lsp.app.workspace_trust import WorkspaceTrust, project_settings, waiting
from agent_lsp.files.roots import Roots
from agent_lsp.models import NoModel, model_factory
from agent_lsp.models.bundled.download import LLAMA_MISSING, InstallError, install, installed, remove
from agent_lsp.models.keys import KEYRING
from agent_lsp.models.local_servers import found
from agent_lsp.models.model_factory import Access
from agent_lsp.permissions.policy import always_rule
from agent_lsp.permissions.remembered_rules import Remembered, all_rules
from agent_lsp.permissions.trust import Standing, Trust
from agent_lsp.processes.run import Processes
from agent_lsp.sandbox.choose import LevelFound
from agent_lsp.search.ripgrep import program
from agent_lsp.settings.loading import load
from agent_lsp.settings.settings import Settings, SettingsError, user_file
from agent_lsp.text.visible import visible

_TESTED = "Linux"


def doctor(environment: Mapping[str, str]) -> int:
    """Prints the state of things; 0 when a turn could begin, else 1."""
    print(f"{NAME} {__version__}, Python {platform.python_version()}, SQLite {sqlite3.sqlite_version}")
    if platform.system() != _TESTED:
        print(f"system    {platform.system()}: written for, but untested")
    print(f"settings  {user_file()}" + ("" if user_file().exists() else " (not there; the defaults hold)"))
    try:
        settings = load(environment).settings
        folder = state_dir(settings)
    except SettingsError as error:
        print(f"problem   {error}")
        return 1
    print(f"state     {folder}")
    try:
        standing = WorkspaceTrust(Roots([str(Path.cwd())]), Trust(Remembered(folder / "trusted"))).standing()
        settings = load(environment, projects=project_settings(standing)).settings
    except (OSError, SettingsError) as error:
        print(f"problem   {error}")
        return 1
    if standing.files:
        print(f"project   {_project(standing)}")
    print(f"ripgrep   {program() or 'missing: searches are slower; install ripgrep'}")
    found = asyncio.run(_sandbox(settings, environment, folder))
    print(f"sandbox   {_told(found, settings)}")
    print(f"preset    {settings.preset}")
    _print_allowed(folder / "rules")
    try:
        usable_preset(settings.preset, confined=found.level.confines)
    except SettingsError as error:
        print(f"problem   {error}")
        return 1
    return _model(settings, environment)


def _project(standing: Standing) -> str:
    """What this folder sets for the agent, and whether it counts."""
    if waits := waiting(standing):
        return f"{waits}: `{NAME} trust` shows it and asks"
    return f"{', '.join(visible(file.path) for file in standing.files)}, trusted as it stands"


def _print_allowed(file: Path) -> None:
    """What the user allowed for good, and how it is taken back."""
    try:
        rules = all_rules(Remembered(file))
    except OSError as error:
        print(f"problem   {file} cannot be read: {error.strerror}")
        return
    for number, (folders, rule) in enumerate(rules):
        print(f"{'          ' if number else 'allowed   '}{visible(str(rule))} in {visible(folders)}")
    if rules:
        print(f"          (for good; delete its line in {file} to take one back)")


async def _sandbox(settings: Settings, environment: Mapping[str, str], state: Path) -> LevelFound:
    """The level that holds; it is tried for this."""
    processes = Processes()
    tried = sandboxes(settings, state, (), processes, environment)
    found = await tried.found()
    tried.close()
    await processes.close()
    return found


def _told(found: LevelFound, settings: Settings) -> str:
    """The level, and why each stronger one does not hold."""
    lines = [found.level.value, *(f"not {line}" for line in found.not_held)]
    if not found.level.confines:
        lines.append(
            "commands run unconfined, each asks (unsandboxedCommands)"
            if settings.unsandboxed_commands
            else f"no command is run: {found.remedy}"
        )
    return "\n          ".join(lines)


def _model(settings: Settings, environment: Mapping[str, str]) -> int:
    print(f"bundled   {_bundled()}")
    have = access(settings, environment, data_dir())
    if have.says_nothing:
        have = _local(have, settings)
    try:
        name = model_factory.chosen(have)
    except NoModel as error:
        print(f"model     problem: {error}")
        return 1
    print(f"model     {name}" + (f" at {settings.base_url}" if settings.base_url else ""))
    print(f"price     {_price(name, have)}")
    print(f"key       {_key(have)}")
    try:
        model_factory.made(name, have, surroundings(settings, environment))
    except NoModel as error:
        print(f"problem   {error}")
        return 1
    if name == "bundled" and find_spec("xllamacpp") is None:
        print(f"problem   {LLAMA_MISSING}")
        return 1
    print("          (it was not contacted: `agent-lsp ask hello` does)")
    return 0


def _local(have: Access, settings: Settings) -> Access:
    """With the server of this machine, if there is one that the user allowed."""
    server = asyncio.run(found(settings.local_servers))
    if server is None:
        print(f"local     no model server at {', '.join(settings.local_servers) or 'any address'}")
        return have
    allowed = Remembered(state_dir(settings) / "allowed").holds(always_rule(server_use(server)))
    print(
        f"local     {server.program} at {server.base_url}: {'allowed' if allowed else 'the next turn asks to use it'}"
    )
    return replace(have, local=server) if allowed else replace(have, refused=server)


def _key(have: Access) -> str:
    """Where the key comes from; it is not fetched for this."""
    sources = {
        "apiKey or AGENT_LSP_API_KEY": have.key and not have.key.startswith(KEYRING),
        f"the keyring, {have.key.removeprefix(KEYRING)}": have.key.startswith(KEYRING),
        "apiKeyCommand, which is run when a key is needed": have.key_command,
        "OPENAI_API_KEY or ANTHROPIC_API_KEY": have.openai_key or have.anthropic_key,
    }
    return next((words for words, there in sources.items() if there), "none")


def _price(name: str, have: Access) -> str:
    price = model_factory.priced(name, have)
    return "free" if price.free else price.words


def _bundled() -> str:
    file = installed(data_dir())
    if file is None:
        return "not installed: `agent-lsp model install` fetches it (93 MB)"
    try:
        return f"{file}, llama.cpp by xllamacpp {metadata.version('xllamacpp')}"
    except metadata.PackageNotFoundError:
        return f"{file}, but {LLAMA_MISSING}"


def model_command(action: str) -> int:
    """`agent-lsp model install|remove`; the exit code."""
    if action == "remove":
        print("the bundled model is removed" if remove(data_dir()) else "the bundled model was not installed")
        return 0
    free = shutil.disk_usage(data_dir().parent if data_dir().parent.exists() else "/").free
    if free < 300 << 20:
        print(f"{NAME}: {free >> 20} MB are free; the bundled model needs 300 to be installed", file=sys.stderr)
        return 1
    try:
        install(data_dir(), print)
    except InstallError as error:
        print(f"{NAME}: {error}", file=sys.stderr)
        return 1
    return 0
