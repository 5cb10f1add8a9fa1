"""Where the daemon keeps what is its own, and all that is agent-lsp's own on this machine."""

from __future__ import annotations

import os
import site
import sys
import sysconfig
from collections.abc import Mapping, Sequence
from pathlib import Path

import platformdirs

import agent_lsp
from agent_lsp import NAME
from agent_lsp.files.own_files import Own
from agent_lsp.settings.settings import Settings, SettingsError, user_file

_IN_HOMES = {"XDG_CONFIG_HOME": ".config", "XDG_STATE_HOME": ".local/state", "XDG_DATA_HOME": ".local/share"}
"""Where a daemon that is started with another environment would look (XDG Base Directory Specification)."""
_SHARED = ("/", "/usr", "/usr/local")
_PACKAGE = Path(agent_lsp.__file__).resolve().parent


def state_dir(settings: Settings) -> Path:
    """The folder of journal and log, mode 0700. Raises SettingsError where it cannot be made."""
    folder = Path(settings.state_dir).expanduser() if settings.state_dir else platformdirs.user_state_path("agent-lsp")
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


def own(state: Path, homes: Sequence[str], environment: Mapping[str, str]) -> Own:
    """Say what is agent-lsp's own here: what this daemon uses, and the next one, whatever environment that has."""

    def ours(variable: str) -> list[Path]:
        bases = [*filter(None, [environment.get(variable)]), *(f"{home}/{_IN_HOMES[variable]}" for home in homes)]
        return [Path(base) / NAME for base in bases]

    file, configs = user_file(), ours("XDG_CONFIG_HOME")
    return Own(
        settings=_absolute(file.parent, file, *configs, *(folder / file.name for folder in configs)),
        state=_absolute(state, platformdirs.user_state_path(NAME), *ours("XDG_STATE_HOME")),
        installation=_absolute(
            *_environment(), *_interpreter(homes), *_launchers(environment), data_dir(), *ours("XDG_DATA_HOME")
        ),
        code=str(_PACKAGE),
        checkout=_checkout(),
    )


def _environment() -> list[Path]:
    """What Python imports for us."""
    paths = sysconfig.get_paths()
    users = [site.getusersitepackages()] if site.ENABLE_USER_SITE else []  # what is made there is imported as well
    folders = [*(paths[name] for name in ("purelib", "platlib", "stdlib")), *site.getsitepackages(), *users]
    found = [*map(Path, folders)]
    if sys.prefix != sys.base_prefix:  # an environment of its own
        found += [Path(paths["scripts"]), Path(sys.prefix) / "pyvenv.cfg"]
    return found


def _interpreter(homes: Sequence[str]) -> list[Path]:
    """The Python that runs us: all of its folder, or where that holds more than Python what decides how it starts."""
    prefix, program = Path(sys.base_prefix).resolve(), Path(sys.executable).resolve()
    shared = {*_SHARED, *(f"{home}{below}" for home in homes for below in ("", "/.local"))}
    if str(prefix) not in shared and not (prefix / "conda-meta").is_dir():
        return [prefix, program]
    library = Path(sysconfig.get_config_var("LIBDIR") or "", sysconfig.get_config_var("INSTSONAME") or "")
    archives = [Path(path) for path in sys.path if path.endswith(".zip")]  # there or not
    # Not `python…._pth` by its name: nothing could stand in for it, for Python does not start beside such a folder. Nor
    # `pyvenv.cfg`, by which a folder is an environment: whoever makes one is asked, and a command's is taken back.
    return [program.parent, *archives, *([library] if library.is_file() else [])]


def _launchers(environment: Mapping[str, str]) -> list[Path]:
    """What an editor starts by our name."""
    folders = [sysconfig.get_path("scripts"), *environment.get("PATH", os.defpath).split(os.pathsep)]
    paths = [Path(folder) / NAME for folder in folders]
    return [path for path in paths if path.is_absolute() and not path.is_dir() and os.path.lexists(path)]


def _checkout() -> str:
    """The folder of an editable installation, empty for any other."""
    packages = {Path(sysconfig.get_path(name)).resolve() for name in ("purelib", "platlib")}
    folder = _PACKAGE.parent
    return str(folder) if folder not in packages and (folder / "pyproject.toml").is_file() else ""


def _absolute(*paths: Path) -> tuple[str, ...]:
    return tuple(dict.fromkeys(str(path.absolute()) for path in paths))
