"""`agent-lsp doctor` and `agent-lsp model`: what is configured, what is missing, and the remedy."""

from __future__ import annotations

import platform
import shutil
import sqlite3
import sys
from collections.abc import Mapping
from importlib import metadata
from importlib.util import find_spec

from agent_lsp import NAME, __version__, app
from agent_lsp.models import NoModel, choice
from agent_lsp.models.bundled_file import LLAMA_MISSING, InstallError, install, installed, remove
from agent_lsp.processes import Processes
from agent_lsp.settings import Settings, SettingsError, load, user_file
from agent_lsp.workspace.ripgrep import program

_TESTED = "Linux"


def doctor(environment: Mapping[str, str]) -> int:
    """Prints the state of things; 0 when a turn could begin, else 1."""
    print(f"{NAME} {__version__}, Python {platform.python_version()}, SQLite {sqlite3.sqlite_version}")
    if platform.system() != _TESTED:
        print(f"system    {platform.system()}: written for, but untested")
    print(f"settings  {user_file()}" + ("" if user_file().exists() else " (not there; the defaults hold)"))
    try:
        settings = load(environment).settings
        app.usable_preset(settings.preset)
        folder = app.state_dir(settings)
    except SettingsError as error:
        print(f"problem   {error}")
        return 1
    print(f"state     {folder}")
    print(f"preset    {settings.preset}")
    print(f"ripgrep   {program() or 'missing: searches are slower; install ripgrep'}")
    print("sandbox   none: every command asks (a sandbox is still to come)")
    return _model(settings, environment)


def _model(settings: Settings, environment: Mapping[str, str]) -> int:
    print(f"bundled   {_bundled()}")
    try:
        name = choice.chosen(app.access(settings, environment))
    except NoModel as error:
        print(f"model     problem: {error}")
        return 1
    print(f"model     {name}" + (f" at {settings.base_url}" if settings.base_url else ""))
    try:
        choice.made(name, app.access(settings, environment), _surroundings(settings))
    except NoModel as error:
        print(f"problem   {error}")
        return 1
    if name == "bundled" and find_spec("xllamacpp") is None:
        print(f"problem   {LLAMA_MISSING}")
        return 1
    print("          (it was not contacted: `agent-lsp ask hello` does)")
    return 0


def _surroundings(settings: Settings) -> choice.Surroundings:
    async def no_files() -> tuple[str, ...]:
        return ()

    return choice.Surroundings(app.state_dir(settings), no_files, Processes())


def _bundled() -> str:
    file = installed(app.data_dir())
    if file is None:
        return "not installed: `agent-lsp model install` fetches it (93 MB)"
    try:
        return f"{file}, llama.cpp by xllamacpp {metadata.version('xllamacpp')}"
    except metadata.PackageNotFoundError:
        return f"{file}, but {LLAMA_MISSING}"


def model_command(action: str) -> int:
    """`agent-lsp model install|remove`; the exit code."""
    if action == "remove":
        print("the bundled model is removed" if remove(app.data_dir()) else "the bundled model was not installed")
        return 0
    free = shutil.disk_usage(app.data_dir().parent if app.data_dir().parent.exists() else "/").free
    if free < 300 << 20:
        print(f"{NAME}: {free >> 20} MB are free; the bundled model needs 300 to be installed", file=sys.stderr)
        return 1
    try:
        install(app.data_dir(), print)
    except InstallError as error:
        print(f"{NAME}: {error}", file=sys.stderr)
        return 1
    return 0
