"""The Neovim plugin, linked into the folder whose packages Neovim loads when it starts."""

from __future__ import annotations

import os
import re
import shutil
import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from agent_lsp import NAME
from agent_lsp.cli.setup import SetupRefused, Wish, ended, shipped

_LEAST = (0, 11)
_SECONDS = 20.0
_PACKAGE = Path("site", "pack", NAME, "start", NAME)
_ENDINGS = (Path("agent_lsp", "clients", "neovim"), Path("editor-clients", "neovim"))
_ASK_DATA = "lua io.stdout:write('\\n' .. vim.fn.stdpath('data'))"


def neovim(environment: Mapping[str, str], wish: Wish) -> None:
    """Prints what Neovim needs, links the plugin, or removes the link. Raises SetupRefused."""
    program = shutil.which("nvim", path=environment.get("PATH"))
    link = _data(program, environment) / _PACKAGE
    if wish is Wish.REMOVE:
        return _remove(link, shipped("neovim", "neovim"))
    plugin = _plugin()
    if wish is Wish.SAY:
        _say(link, plugin, environment)
    _check(program, environment)
    if wish is Wish.WRITE:
        _write(link, plugin, environment)
    return None


def _plugin() -> Path:
    plugin = shipped("neovim", "neovim")
    if plugin is None:
        raise SetupRefused("the Neovim plugin is missing from this installation: install agent-lsp again")
    return plugin


def _data(program: str | None, environment: Mapping[str, str]) -> Path:
    """Where Neovim keeps data: as it says itself, else by its rule (`:help stdpath`)."""
    if program:
        asked = ended(
            [program, "--clean", "--headless", "--cmd", _ASK_DATA, "--cmd", "qall!"],
            environment,
            timeout_seconds=_SECONDS,
        )
        last = os.fsdecode(asked.output).rstrip("\r\n").rpartition("\n")[2]
        if asked.code == 0 and last.startswith("/"):
            return Path(last)
    home = environment.get("XDG_DATA_HOME") or str(Path.home() / ".local" / "share")
    return Path(home) / (environment.get("NVIM_APPNAME") or "nvim")


def _check(program: str | None, environment: Mapping[str, str]) -> None:
    least = ".".join(map(str, _LEAST))
    if program is None:
        raise SetupRefused(f"nvim is not on your PATH: install Neovim {least} or newer, and run this again")
    told = ended([program, "--version"], environment, timeout_seconds=_SECONDS).output.decode("utf-8", "replace")
    found = re.search(r"^NVIM v((\d+)\.(\d+)\S*)", told, re.MULTILINE)
    if found is None:
        raise SetupRefused(f"{program} does not say which Neovim it is: put Neovim {least} or newer on your PATH")
    if (int(found[2]), int(found[3])) < _LEAST:
        raise SetupRefused(f"{program} is Neovim {found[1]}: the plugin needs {least} or newer; update Neovim")


def _say(link: Path, plugin: Path, environment: Mapping[str, str]) -> None:
    print(f"`{NAME} setup neovim --write` makes this link, `{NAME} setup neovim --remove` takes it away:")
    print(f"  {link} → {plugin}")
    print("Or put the plugin on the runtime path yourself, in init.lua:")
    print(f"  vim.opt.runtimepath:append({_quoted(plugin)})")
    if daemon := _hidden_daemon(environment):
        print(f"  {_configured(daemon)}")


def _write(link: Path, plugin: Path, environment: Mapping[str, str]) -> None:
    if link.is_symlink() and link.readlink() == plugin:
        print(f"{link} is there already")
    else:
        _link(link, plugin)
        print(f"linked {link} → {plugin}")
    print("Restart Neovim: `:Agent` asks, `:checkhealth agent_lsp` says what is missing, `:help agent_lsp` the rest")
    if daemon := _hidden_daemon(environment):
        print(f"{NAME} is not on your PATH; put this into your init.lua:\n  {_configured(daemon)}")


def _link(link: Path, plugin: Path) -> None:
    """Replaces a link of another installation. Raises SetupRefused where something else is in the way."""
    _refuse_strangers(link, plugin)
    try:
        link.parent.mkdir(parents=True, exist_ok=True)
        link.unlink(missing_ok=True)
        link.symlink_to(plugin, target_is_directory=True)
    except OSError as error:
        raise SetupRefused(f"{link} cannot be made: {error.strerror}") from error


def _remove(link: Path, plugin: Path | None) -> None:
    if not os.path.lexists(link):
        print(f"nothing to remove: {link} is not there")
        return
    _refuse_strangers(link, plugin)
    try:
        link.unlink()
    except OSError as error:
        raise SetupRefused(f"{link} cannot be removed: {error.strerror}") from error
    with suppress(OSError):  # a folder that holds something else stays
        for folder in list(link.parents)[: len(_PACKAGE.parts) - 1]:
            folder.rmdir()
    print(f"removed {link}")


def _refuse_strangers(link: Path, plugin: Path | None) -> None:
    """What is there must be our own link, or one to the plugin of an installation that is gone."""
    if not os.path.lexists(link):
        return
    if not link.is_symlink():
        raise SetupRefused(f"{link} is there and was not made by {NAME}: move it away first")
    target = link.readlink()
    gone = not link.exists() and any(target.parts[-len(ending.parts) :] == ending.parts for ending in _ENDINGS)
    if target != plugin and not gone:
        raise SetupRefused(f"{link} leads to {target}, which this installation did not write: remove it first")


def _hidden_daemon(environment: Mapping[str, str]) -> Path | None:
    """This installation's program, unless PATH leads to it."""
    own = Path(sys.executable).parent / NAME
    found = shutil.which(NAME, path=environment.get("PATH"))
    return None if not own.exists() or (found and Path(found).resolve() == own.resolve()) else own


def _configured(daemon: Path) -> str:
    return f"require('agent_lsp').setup({{ cmd = {{ {_quoted(daemon)}, 'serve' }} }})"


def _quoted(path: Path) -> str:
    """As a Lua string."""
    return "'" + str(path).replace("\\", "\\\\").replace("'", "\\'").replace("\n", "\\n") + "'"
