"""Drives Neovim and a terminal through an approval, and renders what is on the screen to SVG."""

from __future__ import annotations

import io
import os
import shlex
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console
from rich.text import Text

CHECKOUT = Path(__file__).resolve().parents[1]
COLUMNS, ROWS = 112, 36
SECONDS = 30
FILE = '''"""Prices in the shop."""

VAT = 0.19


def gross(net):
    return net + VAT


def line(name, net):
    return f"{name:<20} {gross(net):>8.2f}"
'''
SCRIPT = """
turns:
  - text: "I'll look at how the tax is added."
    calls: [{tool: read_file, arguments: {path: shop.py}}]
  - text: "`gross` adds the rate itself instead of the net price times the rate."
    calls:
      - tool: edit_file
        arguments:
          path: shop.py
          edits: [{old_text: "return net + VAT", new_text: "return net * (1 + VAT)"}]
  - text: "Fixed: `gross(100)` is now 119.00."
"""
PROMPT = "The prices with VAT are wrong. Fix it."


def main(folder: Path) -> None:
    """Takes both pictures into `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch:
        place = Path(scratch)
        (place / "shop").mkdir()
        (place / "script.yaml").write_text(SCRIPT)
        (place / "shop" / "shop.py").write_text(FILE)
        (place / "shop" / ".git").mkdir()
        neovim(place, folder / "neovim.svg")
        terminal(place, folder / "terminal.svg")


def neovim(place: Path, picture: Path) -> None:
    """Neovim with the plugin, an edit put to the user and its diff open."""
    plugin = CHECKOUT / "editor-clients" / "neovim"
    start = f"nvim --clean -n --cmd 'set rtp^={plugin}' -c 'set number laststatus=2 shortmess+=I' shop.py"
    with screen(place, start) as window:
        window.wait_for("def gross")
        window.keys(":Agent " + PROMPT, "Enter")
        window.wait_for("@@")
        window.settle()
        window.render(picture, "Neovim")
        window.keys(":AgentAllow", "Enter")
        window.wait_for("119.00")


def terminal(place: Path, picture: Path) -> None:
    """`agent-lsp ask` with its question, answered."""
    (place / "shop" / "shop.py").write_text(FILE)
    with screen(place, "bash --norc --noprofile") as window:
        window.keys("PS1='$ '; clear", "Enter")
        window.settle()
        window.keys(f"agent-lsp ask {shlex.quote(PROMPT)}", "Enter")
        window.wait_for("Allow?")
        window.keys("y", "Enter")
        window.wait_for("tokens")
        window.settle()
        window.render(picture, "agent-lsp ask")


class Window:
    """A program in a tmux session of its own."""

    def __init__(self, socket: str) -> None:
        self._tmux = ["tmux", "-L", socket]

    def open(self, command: str, folder: Path, environment: dict[str, str]) -> None:
        size = ["-x", str(COLUMNS), "-y", str(ROWS)]
        words = [*self._tmux, "-f", "/dev/null", "new-session", "-d", *size, "-c", str(folder), command]
        subprocess.run(words, env=environment, check=True)

    def keys(self, text: str, *names: str) -> None:
        subprocess.run([*self._tmux, "send-keys", "-l", text], check=True)
        for name in names:
            subprocess.run([*self._tmux, "send-keys", name], check=True)

    def text(self, *options: str) -> str:
        words = [*self._tmux, "capture-pane", "-p", *options]
        return subprocess.run(words, capture_output=True, text=True, check=True).stdout

    def wait_for(self, words: str) -> None:
        deadline = time.monotonic() + SECONDS
        while words not in self.text():
            if time.monotonic() > deadline:
                raise SystemExit(f"'{words}' did not appear:\n{self.text()}")
            time.sleep(0.05)

    def settle(self) -> None:
        """Waits until the screen stands still for half a second."""
        before, since = self.text(), time.monotonic()
        while time.monotonic() - since < 0.5:
            time.sleep(0.05)
            if (now := self.text()) != before:
                before, since = now, time.monotonic()

    def render(self, picture: Path, title: str) -> None:
        """The screen with its colours as an SVG; empty lines at its end are left out."""
        console = Console(record=True, width=COLUMNS, file=io.StringIO(), force_terminal=True, color_system="truecolor")
        for line in self.text("-e").rstrip("\n").split("\n"):
            console.print(Text.from_ansi(line), no_wrap=True, crop=True)
        console.save_svg(str(picture), title=title, unique_id=picture.stem)
        print(picture)

    def close(self) -> None:
        subprocess.run([*self._tmux, "kill-server"], check=False, capture_output=True)


@contextmanager
def screen(place: Path, command: str) -> Iterator[Window]:
    """A window in the scratch workspace, on the scripted model."""
    window = Window(f"pictures-{os.getpid()}-{time.monotonic_ns()}")  # a server of its own: the last one may still end
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    own = {
        "AGENT_LSP_MODEL": f"scripted:{place / 'script.yaml'}",
        "AGENT_LSP_STATE_DIR": str(place / "state"),
        "XDG_CONFIG_HOME": str(place / "config"),
        "TERM": "xterm-256color",
        "LC_ALL": "C.UTF-8",
    }
    window.open(command, place / "shop", {**kept, **own})
    try:
        yield window
    finally:
        window.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
