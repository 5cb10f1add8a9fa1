"""Typing in a real Neovim in a real terminal while the agent edits the same file."""

from __future__ import annotations

import json
import random
import time
from itertools import pairwise
from pathlib import Path
from typing import Any

from tests.e2e.neovim_driver import POEM, Bench
from tests.e2e.test_neovim_terminal import Terminal, neovim

KEYS = 150
MARKS = 8
UNDO_ALL = """
local texts = {}
repeat
  local text = table.concat(vim.api.nvim_buf_get_lines(0, 0, -1, false), '\\n')
  local again = texts[#texts] ~= text
  table.insert(texts, text)
  vim.cmd('silent undo')
until not again
vim.fn.writefile({ vim.json.encode(texts) }, vim.env.E2E_RESULT)
"""


def edit(old: str, new: str) -> dict[str, Any]:
    return {"tool": "edit_file", "arguments": {"path": "poem.txt", "edits": [{"old_text": old, "new_text": new}]}}


def read() -> dict[str, Any]:
    return {"tool": "read_file", "arguments": {"path": "poem.txt"}}


def insistent(old: str, new: str) -> list[dict[str, Any]]:
    """As a model that edits again when it is told that the user typed since it read; once made, the next do not fit."""
    return [read(), edit(old, new), edit(old, new), edit(old, new)]


def ask(terminal: Terminal, prompt: str) -> None:
    terminal.send(f":Agent {prompt}", "Enter")


def undone(terminal: Terminal, bench: Bench) -> list[str]:
    """The texts of the buffer at each undo, the newest first."""
    script = bench.folder / "undo.lua"
    script.write_text(UNDO_ALL)
    terminal.send("Escape", f":luafile {script}", "Enter")
    deadline = time.monotonic() + 60
    while not (bench.result.exists() and bench.result.read_text().endswith("\n")):
        assert time.monotonic() < deadline, terminal.screen()
        time.sleep(0.02)  # between two looks
    texts: list[str] = json.loads(bench.result.read_text())
    return texts[:-1]


def test_what_is_typed_while_the_question_is_open_stays_and_one_undo_takes_the_edit_alone(tmp_path: Path) -> None:
    text = POEM + "\nand so on\n"
    bench = Bench(tmp_path, {"turns": [{"calls": [edit("red", "white")]}, {"text": "It is done."}]}, poem=text)
    with neovim(bench, "poem.txt") as terminal:
        ask(terminal, "make the roses white")
        terminal.wait(" a allow ")
        terminal.send("G", "o")
        terminal.type("typed by me")
        terminal.wait("typed by me")
        time.sleep(1)  # what is asked is looked at: a yes before that is not taken
        terminal.send("Escape", ":AgentAllow", "Enter")
        terminal.wait("roses are white", "It is done.", without=" a allow ")
        texts = undone(terminal, bench)
    assert texts[:3] == [
        "roses are white\nviolets are blue\n\nand so on\ntyped by me",
        "roses are red\nviolets are blue\n\nand so on\ntyped by me",
        "roses are red\nviolets are blue\n\nand so on",
    ]


def test_the_agent_is_shown_both_sides_of_a_line_that_the_user_has_typed_in(tmp_path: Path) -> None:
    script = {"turns": [{"calls": [edit("red", "white")]}, {"text": "It is not done."}]}
    bench = Bench(tmp_path, script, poem=POEM)
    with neovim(bench, "poem.txt") as terminal:
        ask(terminal, "make the roses white")
        terminal.wait(" a allow ")
        time.sleep(1)  # what is asked is looked at: a yes before that is not taken
        terminal.send("A")
        terminal.type(" as blood")
        terminal.send("Escape", ":AgentAllow", "Enter")
        screen = terminal.wait("It is not done.", without=" a allow ")
        assert "roses are red as blood" in screen
        assert "✗ Edit poem.txt" in screen
        assert undone(terminal, bench) == ["roses are red as blood\nviolets are blue", POEM.strip()]


def test_no_keystroke_is_lost_whenever_edits_come_and_each_is_an_undo_step_of_its_own(tmp_path: Path) -> None:
    dice = random.Random(5)
    lines = [line for mark in range(MARKS) for line in (f"line {mark}", "", f"mine {mark}:", "")]
    steps = [
        {
            "text": "word " * dice.randrange(1, 12),
            "delay_ms": 50,
            "calls": insistent(f"line {mark}\n", f"LINE {mark}!\n"),
        }
        for mark in range(MARKS)
    ]
    bench = Bench(tmp_path, {"turns": [*steps, {"text": "It is done."}]}, poem="\n".join(lines) + "\n")
    typed = dict.fromkeys(range(MARKS), "")
    with neovim(bench, "poem.txt") as terminal:
        ask(terminal, "go through the lines")
        terminal.wait(" s for the session ")
        time.sleep(1)  # what is asked is looked at: a yes before that is not taken
        terminal.send("C-w", "b", "s")
        terminal.wait("LINE 0!", without=" s for the session ")
        for number in range(KEYS):
            if number % 10 == 0:
                mark = dice.randrange(MARKS)
                terminal.send("Escape", f"/^mine {mark}", "Enter", "A")
            key = dice.choice("abcdefgh")
            terminal.type(key)
            typed[mark] += key
            time.sleep(dice.choice((0, 0, 0.01, 0.05)))  # a quick typist
        terminal.wait("It is done.")
        texts = undone(terminal, bench)
    wanted = [(f"LINE {mark}!", "", f"mine {mark}:{typed[mark]}", "") for mark in range(MARKS)]
    assert texts[0].split("\n") == [line for four in wanted for line in four]
    steps_back = list(pairwise(texts))
    assert sum(agents(one) != agents(other) for one, other in steps_back) == MARKS
    assert all(agents(one) == agents(other) or mine(one) == mine(other) for one, other in steps_back)


def agents(text: str) -> list[str]:
    return [line for line in text.split("\n") if line.lower().startswith("line")]


def mine(text: str) -> list[str]:
    return [line for line in text.split("\n") if line.startswith("mine")]


def test_mixed_line_ends_outlive_an_edit_of_an_open_file(tmp_path: Path) -> None:
    calls = [edit("red", "white"), edit("blue", "gr\N{LATIN SMALL LETTER U WITH DIAERESIS}n")]
    bench = Bench(tmp_path, {"turns": [*({"calls": [call]} for call in calls), {"text": "Done."}]})
    bench.file("poem").write_bytes(b"roses are red\r\nviolets are blue\n\r\nend\n")
    result = bench.run("""
        vim.cmd.edit('poem.txt')
        vim.cmd('Agent paint')
        T.asked()
        T.answer('AgentAllow!')
        T.ends(1)
        vim.cmd.write()
        T.finish({ results = T.results() })
    """)
    assert [one.partition(":")[0] for one in result["results"]] == ["done", "done"]
    assert bench.file("poem").read_bytes() == "roses are white\r\nviolets are grün\n\r\nend\n".encode()
