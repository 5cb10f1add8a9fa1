"""Runs `agent-lsp setup` as a user with a home of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from tests.e2e.neovim_driver import REPOSITORY, nvim


@dataclass(frozen=True, slots=True)
class Said:
    """What a run of `agent-lsp setup` said, and its exit code."""

    code: int
    out: str
    error: str


class Home:
    """A home folder and a PATH: Neovim and the system's programs, behind a folder that a test may fill."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.programs = folder / "programs"
        self.programs.mkdir()
        self.data = folder / "data" / "nvim"
        self.link = self.data / "site" / "pack" / "agent-lsp" / "start" / "agent-lsp"
        self.path = [str(self.programs), str(nvim().parent), "/usr/bin", "/bin"]

    def environment(self) -> dict[str, str]:
        places = {f"XDG_{name.upper()}_HOME": str(self.folder / name) for name in ("config", "data", "state", "cache")}
        python_path = os.pathsep.join(filter(None, [str(REPOSITORY), os.environ.get("PYTHONPATH")]))
        return {
            "PATH": os.pathsep.join(self.path),
            "HOME": str(self.folder),
            "PYTHONPATH": python_path,
            "LC_ALL": "C.UTF-8",
            **places,
        }

    def program(self, name: str, script: str) -> Path:
        """Puts a shell script first on PATH."""
        file = self.programs / name
        file.write_text(f"#!/bin/sh\n{script}\n", "utf-8")
        file.chmod(0o755)
        return file

    def setup(self, *words: str, python: str = sys.executable, **more: str) -> Said:
        done = subprocess.run(
            [python, "-m", "agent_lsp", "setup", *words],
            cwd=self.folder,
            env={**self.environment(), **more},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=90,
            check=False,
        )
        return Said(done.returncode, done.stdout, done.stderr)

    def knows(self, vim_expression: str) -> bool:
        """Whether an expression holds in a plain `nvim`, with the user's own folders and no flags."""
        ask = f"call writefile([string({vim_expression})], 'known.txt')"
        subprocess.run(
            [nvim(), "--headless", "-n", "-c", ask, "-c", "qall!"],
            cwd=self.folder,
            env=self.environment(),
            stdin=subprocess.DEVNULL,
            check=True,
            capture_output=True,
            timeout=60,
        )
        return (self.folder / "known.txt").read_text("utf-8") != "0\n"

    def files(self) -> set[str]:
        """All below the folder of Neovim's data."""
        return {str(file.relative_to(self.data)) for file in self.data.rglob("*")}


def built_wheel(folder: Path, **more: str) -> Path:
    """The wheel of this checkout, built by the build backend that is installed."""
    options = [
        "--quiet",
        "--disable-pip-version-check",
        "--no-deps",
        "--no-build-isolation",
        "-w",
        str(folder / "wheels"),
    ]
    argv = [sys.executable, "-m", "pip", "wheel", *options, str(REPOSITORY)]
    subprocess.run(argv, env={**os.environ, **more}, check=True, timeout=90)
    (wheel,) = (folder / "wheels").glob("*.whl")
    return wheel
