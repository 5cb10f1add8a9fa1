"""`agent-lsp setup neovim` with a real Neovim and folders of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from agent_lsp import __version__
from tests.e2e.neovim_driver import PLUGIN
from tests.e2e.setup_driver import Home, built_wheel

KNOWS_AGENT = "exists(':Agent') == 2"


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path)


def test_a_plain_neovim_knows_agent_after_write_and_not_after_remove(home: Home) -> None:
    assert not home.knows(KNOWS_AGENT)
    before = home.files()
    written = home.setup("neovim", "--write")
    assert (written.code, written.error) == (0, "")
    assert written.out.startswith(f"linked {home.link} → {PLUGIN}\nRestart Neovim: ")
    assert home.knows(KNOWS_AGENT)
    removed = home.setup("neovim", "--remove")
    assert (removed.code, removed.out, removed.error) == (0, f"removed {home.link}\n", "")
    assert not home.knows(KNOWS_AGENT)
    assert home.files() == before
    assert (PLUGIN / "plugin" / "agent_lsp.lua").exists()


def test_without_a_flag_it_says_what_it_would_do_and_does_nothing(home: Home) -> None:
    said = home.setup("neovim")
    assert (said.code, said.error) == (0, "")
    assert said.out.splitlines()[:4] == [
        "`agent-lsp setup neovim --write` makes this link, `agent-lsp setup neovim --remove` takes it away:",
        f"  {home.link} → {PLUGIN}",
        "Or put the plugin on the runtime path yourself, in init.lua:",
        f"  vim.opt.runtimepath:append('{PLUGIN}')",
    ]
    assert not home.data.exists()


def test_the_lines_that_it_prints_for_init_lua_do(home: Home) -> None:
    lines = [line.strip() for line in home.setup("neovim").out.splitlines() if line.startswith("  vim.opt")]
    init = home.folder / "config" / "nvim" / "init.lua"
    init.parent.mkdir(parents=True)
    init.write_text("\n".join(lines), "utf-8")
    assert home.knows(KNOWS_AGENT)


def test_each_of_them_may_be_said_twice(home: Home) -> None:
    assert home.setup("neovim", "--write").code == 0
    again = home.setup("neovim", "--write")
    assert (again.code, again.out.splitlines()[0]) == (0, f"{home.link} is there already")
    assert home.setup("neovim", "--remove").code == 0
    again = home.setup("neovim", "--remove")
    assert (again.code, again.out) == (0, f"nothing to remove: {home.link} is not there\n")


def test_the_link_of_an_installation_that_is_gone_is_made_anew(home: Home) -> None:
    home.link.parent.mkdir(parents=True)
    home.link.symlink_to(home.folder / "gone" / "agent_lsp" / "clients" / "neovim")
    assert home.setup("neovim", "--write").code == 0
    assert home.link.readlink() == PLUGIN


@pytest.mark.parametrize("wish", ["--write", "--remove"])
def test_a_folder_that_is_not_ours_is_named_and_left(home: Home, wish: str) -> None:
    home.link.mkdir(parents=True)
    (home.link / "precious").touch()
    said = home.setup("neovim", wish)
    assert (said.code, said.out) == (1, "")
    assert said.error == f"agent-lsp: {home.link} is there and was not made by agent-lsp: move it away first\n"
    assert (home.link / "precious").exists()


@pytest.mark.parametrize("wish", ["--write", "--remove"])
@pytest.mark.parametrize("elsewhere", [".", "checkout/editor-clients/neovim"])
def test_a_link_to_somewhere_else_is_named_and_left(home: Home, wish: str, elsewhere: str) -> None:
    target = home.folder / elsewhere
    target.mkdir(parents=True, exist_ok=True)
    home.link.parent.mkdir(parents=True)
    home.link.symlink_to(target)
    said = home.setup("neovim", wish)
    assert (said.code, said.out) == (1, "")
    words = f"{home.link} leads to {target}, which this installation did not write: remove it first"
    assert said.error == f"agent-lsp: {words}\n"
    assert home.link.readlink() == target


def test_what_others_keep_beside_the_link_stays(home: Home) -> None:
    home.setup("neovim", "--write")
    other = home.data / "site" / "pack" / "other"
    other.mkdir()
    home.setup("neovim", "--remove")
    assert home.files() == {"site", "site/pack", "site/pack/other"}


def test_a_missing_neovim_is_one_line_and_the_remedy_and_its_link_can_still_be_removed(home: Home) -> None:
    home.setup("neovim", "--write")
    home.path = [str(home.programs)]
    said = home.setup("neovim", "--write")
    assert (said.code, said.out) == (1, "")
    assert said.error == "agent-lsp: nvim is not on your PATH: install Neovim 0.11 or newer, and run this again\n"
    assert home.setup("neovim", "--remove").out == f"removed {home.link}\n"


def test_an_old_neovim_is_one_line_and_the_remedy(home: Home) -> None:
    old = home.program("nvim", '[ "$1" = --version ] && printf "NVIM v0.10.4\\nBuild type: Release\\n"')
    said = home.setup("neovim", "--write")
    assert (said.code, said.out) == (1, "")
    assert said.error == f"agent-lsp: {old} is Neovim 0.10.4: the plugin needs 0.11 or newer; update Neovim\n"
    assert not home.link.exists()


def test_the_name_that_a_user_gave_to_neovim_s_folders_is_followed(home: Home) -> None:
    said = home.setup("neovim", "--write", NVIM_APPNAME="other")
    assert said.out.startswith(f"linked {home.folder}/data/other/site/pack/agent-lsp/start/agent-lsp → ")


def test_a_folder_that_cannot_be_written_is_one_line(home: Home) -> None:
    home.data.parent.mkdir()
    home.data.write_text("a file where the folder should be", "utf-8")
    said = home.setup("neovim", "--write")
    assert (said.code, said.out) == (1, "")
    assert said.error.startswith(f"agent-lsp: {home.link} cannot be made: ")
    assert said.error.count("\n") == 1


def installed_wheel(folder: Path) -> Path:
    """The Python of a fresh environment with the wheel of this checkout; what it depends on comes from our own."""
    wheel = built_wheel(folder)
    venv = folder / "venv"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", venv], check=True, timeout=90)
    python = venv / "bin" / "python"
    install = ["--python", str(python), "install", "--quiet", "--disable-pip-version-check", "--no-deps", "--no-index"]
    subprocess.run([sys.executable, "-m", "pip", *install, str(wheel)], check=True, timeout=90)
    (packages,) = venv.glob("lib/*/site-packages")
    needed = [entry for entry in sys.path if entry.endswith("site-packages")]
    (packages / "needed.pth").write_text("\n".join(needed), "utf-8")
    return python


def test_the_plugin_travels_in_the_wheel(home: Home) -> None:
    python = installed_wheel(home.folder)
    environment = {"PYTHONPATH": ""}
    written = home.setup("neovim", "--write", python=str(python), **environment)
    assert (written.code, written.error) == (0, "")
    target = home.link.readlink()
    assert target.is_relative_to(home.folder / "venv")
    shipped = {str(file.relative_to(target)) for file in target.rglob("*") if file.is_file()}
    assert shipped == {str(file.relative_to(PLUGIN)) for file in PLUGIN.rglob("*") if file.is_file()}
    assert home.knows(KNOWS_AGENT)
    own = python.parent / "agent-lsp"
    assert written.out.splitlines()[-2:] == [
        "agent-lsp is not on your PATH; put this into your init.lua:",
        f"  require('agent_lsp').setup({{ cmd = {{ '{own}', 'serve' }} }})",
    ]
    init = home.folder / "config" / "nvim" / "init.lua"
    init.parent.mkdir(parents=True)
    init.write_text(written.out.splitlines()[-1], "utf-8")
    assert home.knows(f"luaeval('require(\"agent_lsp\").settings.cmd[1]') ==# '{own}'")
    assert home.knows("getcompletion(':AgentSess', 'help') == [':AgentSessions']")
    home.path.insert(0, str(python.parent))
    on_path = home.setup("neovim", "--write", python=str(python), **environment)
    assert "init.lua" not in on_path.out
    told = subprocess.run(
        [own, "--version"], env={**home.environment(), **environment}, capture_output=True, check=True
    )
    assert told.stdout.decode() == f"agent-lsp {__version__}{os.linesep}"
