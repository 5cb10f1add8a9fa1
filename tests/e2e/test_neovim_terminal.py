"""The plugin in a real Neovim in a real terminal: what the keys do while a question comes."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.neovim_driver import POEM, Bench, edit, nvim
from tests.e2e.test_neovim_stock import stock_bench, stock_lines

INIT = """
vim.opt.runtimepath:prepend(vim.env.E2E_PLUGIN)
require('agent_lsp').setup({
  cmd = { vim.env.E2E_PYTHON, '-m', 'agent_lsp', 'serve' },
  root_markers = { 'root' },
})
"""
SOON = {"text": "I look at it first, slowly.", "delay_ms": 60, "calls": [edit("red", "white")]}
SCRIPT: dict[str, Any] = {"turns": [SOON, {"text": "It is done."}]}


class Terminal:
    """A Neovim on a tmux server of its own."""

    def __init__(self, socket: Path, env: dict[str, str]) -> None:
        self._tmux = ["tmux", "-S", str(socket)]
        self._env = env

    def start(self, bench: Bench, file: str, init_lua: str) -> None:
        init = bench.folder / "init.lua"
        init.write_text(init_lua, "utf-8")
        argv = [str(nvim()), "--clean", "-n", "-u", str(init), file]
        self._run(
            "-f", "/dev/null", "new-session", "-d", "-x", "100", "-y", "30", "-c", str(bench.root), shlex.join(argv)
        )
        self.wait(file)

    def send(self, *keys: str) -> None:
        self._run("send-keys", *keys)

    def type(self, text: str) -> None:
        self._run("send-keys", "-l", text)

    def screen(self) -> str:
        return self._run("capture-pane", "-p")

    def wait(self, *wanted: str, without: str = "", seconds: float = 40) -> str:
        """The screen once it shows all that is wanted."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            screen = self.screen()
            if all(words in screen for words in wanted) and not (without and without in screen):
                return screen
            time.sleep(0.03)  # between two looks
        raise AssertionError(f"never on the screen: {wanted}, without {without!r}\n{self.screen()}")

    def stop(self) -> None:
        subprocess.run([*self._tmux, "kill-server"], check=False, capture_output=True, timeout=30)

    def _run(self, *arguments: str) -> str:
        done = subprocess.run(
            [*self._tmux, *arguments], env=self._env, check=True, capture_output=True, text=True, timeout=30
        )
        return done.stdout


@contextmanager
def neovim(bench: Bench, file: str, init_lua: str = INIT) -> Iterator[Terminal]:
    if not shutil.which("tmux"):
        why = "tmux is not installed: what the keys do in a real terminal is NOT tested (apt-get install tmux)"
        pytest.fail(why) if os.environ.get("CI") else pytest.skip(why)
    terminal = Terminal(bench.folder / "tmux", bench.environment())
    try:
        terminal.start(bench, file, init_lua)
        yield terminal
    finally:
        terminal.stop()


def test_no_key_typed_in_insert_mode_is_lost_or_answers_and_the_window_s_keys_do(tmp_path: Path) -> None:
    bench = Bench(tmp_path, SCRIPT, poem=POEM, other="")
    with neovim(bench, "poem.txt") as terminal:
        terminal.send(":Agent make the roses white", "Enter", ":edit other.txt", "Enter", "i")
        terminal.wait("-- INSERT --")
        typed = ""
        while "edit_file: change" not in terminal.screen():
            typed += "asr1y "[len(typed) % 6]
            terminal.type(typed[-1])
            time.sleep(0.02)  # a quick typist
            assert len(typed) < 400, terminal.screen()
        for key in "asrRq12y":
            terminal.type(key)
        terminal.send("Enter")
        terminal.type("end")
        screen = terminal.wait(
            "end", " a allow  s for the session  A for good  r reject  R and say why  q later", "-- INSERT --"
        )
        assert "-roses are red" in screen
        assert "+roses are white" in screen
        terminal.send("Escape", ":write", "Enter")
        terminal.wait("written")
        assert bench.file("other").read_text() == f"{typed}asrRq12y\nend\n"
        assert " a allow " in terminal.screen(), "a key has answered"
        terminal.send("C-w", "b", "a")
        terminal.wait("✓ Edit poem.txt", "allow once", "— done", without=" a allow ")
        terminal.send(":buffer poem.txt", "Enter")
        terminal.wait("roses are white")
        terminal.send("u")
        terminal.wait("roses are red", without="roses are white")


def test_what_stands_beyond_the_edge_of_a_question_is_seen(tmp_path: Path) -> None:
    script = {"turns": [{"calls": [edit("red", "white" + " " * 200 + "and beyond")]}, {"text": "It is done."}]}
    bench = Bench(tmp_path, script, poem=POEM)
    with neovim(bench, "poem.txt", f"vim.o.wrap = false\n{INIT}") as terminal:
        terminal.send(":Agent make the roses white", "Enter")
        terminal.wait(" a allow ", "+roses are white", "and beyond")


def test_a_command_that_is_being_typed_goes_on_while_a_question_comes(tmp_path: Path) -> None:
    bench = Bench(tmp_path, SCRIPT, poem=POEM)
    with neovim(bench, "poem.txt") as terminal:
        terminal.send(":Agent make the roses white", "Enter", ":write as")
        terminal.wait(":write as", " a allow ", "+roses are white")
        terminal.type("a_copy.txt")
        terminal.send("Enter")
        terminal.wait(" a allow ", without=":write")
        assert (bench.root / "asa_copy.txt").read_text() == POEM
        terminal.send(":AgentReject red they stay", "Enter")
        terminal.wait("They said: red they stay", "— done", without=" a allow ")


def test_a_message_never_waits_for_enter(tmp_path: Path) -> None:
    script = {"turns": [{**SOON, "text": "word " * 10}, {"fault": {"error": {"status": 401}}}]}
    bench = Bench(tmp_path, script, poem=POEM)
    with neovim(bench, "poem.txt") as terminal:
        terminal.send(":Agent make the roses white, and do it " + "very " * 20 + "well", "Enter")
        terminal.wait(" a allow ")
        terminal.send("C-w", "b", "a")
        screen = terminal.wait("— failed", without=" a allow ")
        assert "Press ENTER" not in screen
        terminal.send("G", "o")
        terminal.type("typed on")
        terminal.wait("typed on", "-- INSERT --")


def test_the_prompt_of_a_stock_neovim_is_answered_with_its_number(tmp_path: Path) -> None:
    bench = stock_bench(tmp_path, "They are white.")
    with neovim(bench, "poem.txt", stock_lines()) as terminal:
        terminal.send(
            ":call assert_true(wait(5000, 'luaeval(\"#vim.lsp.get_clients()\") > 0') == 0) | echo 'ready'", "Enter"
        )
        terminal.wait("ready")
        terminal.send(":Agent make the roses white", "Enter")
        terminal.wait("Agent asks: edit_file: change", "1: Reject", "2: Allow once", "+roses are white")
        time.sleep(1)  # the user reads: a yes within half a second is asked for again
        terminal.type("2")
        terminal.send("Enter")
        terminal.wait("Agent: They are white.")
        terminal.send("Enter")
        terminal.wait("\nroses are white\nviolets are blue\n")
