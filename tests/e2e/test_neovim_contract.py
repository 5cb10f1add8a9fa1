"""What the Neovim plugin says on the wire is in the contract's table."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from agent_lsp import NAME, PROTOCOL
from agent_lsp.lsp import contract
from tests.e2e.neovim_driver import PLUGIN, POEM, Bench, edit

LUA = PLUGIN / "lua" / "agent_lsp"


def constants(folder: Path) -> Any:
    return Bench(folder, {}).run("T.finish(require('agent_lsp.types'))")


def fields_of(name: str) -> tuple[set[str], set[str]]:
    """The fields that types.lua says a class has: those always there, and those that may be missing."""
    block = re.search(
        rf"---@class {re.escape(name)}\b.*\n((?:---@field .*\n)+)", (LUA / "types.lua").read_text("utf-8")
    )
    assert block, name
    found = re.findall(r"---@field (\w+)(\??)", block[1])
    return {name for name, mark in found if not mark}, {name for name, mark in found if mark}


def test_names_and_kinds_are_those_of_the_contract(tmp_path: Path) -> None:
    types = constants(tmp_path)
    assert types["SERVER"] == NAME
    assert types["PROTOCOL"] == PROTOCOL
    assert types["REQUEST_APPROVAL"] == contract.REQUEST_APPROVAL
    assert types["NOTIFICATION_EVENT"] == contract.NOTIFICATION_EVENT
    assert set(types["RENDERS"]) == set(contract.SURFACES)
    assert set(types["command"].values()) <= set(contract.COMMANDS)
    assert set(types["event"].values()) <= set(contract.EVENTS)
    assert set(types["decision"].values()) <= set(contract.DECISIONS)


def test_no_other_file_of_the_plugin_names_a_command_or_an_event() -> None:
    words = [*contract.COMMANDS, *contract.EVENTS, contract.REQUEST_APPROVAL, contract.NOTIFICATION_EVENT]
    quoted = re.compile("|".join(f"['\"]{re.escape(word)}['\"]" for word in words))
    files = [file for file in PLUGIN.rglob("*.lua") if file.name != "types.lua"]
    assert len(files) > 5
    assert [str(file) for file in files if quoted.search(file.read_text("utf-8"))] == []


def test_questions_and_events_have_the_fields_that_the_plugin_reads(tmp_path: Path) -> None:
    turns = [{"text": "Hm.", "calls": [edit("red", "white")]}, {"fault": {"error": {"status": 401}}}]
    seen = Bench(tmp_path, {"turns": turns}, poem=POEM).run("""
        local question, events = nil, {}
        local approval, chat = require('agent_lsp.approval'), require('agent_lsp.chat')
        local ask, take = approval.ask, chat.take
        approval.ask = function(err, asked, ctx)
          question = asked
          return ask(err, asked, ctx)
        end
        chat.take = function(event, root)
          table.insert(events, event)
          take(event, root)
        end
        vim.cmd.edit('poem.txt')
        vim.cmd('Agent make the roses white')
        T.asked()
        T.press('a')
        T.ends(1)
        T.finish({ question = question, events = events })
    """)
    always, maybe = fields_of("agent_lsp.Approval")
    assert always <= set(seen["question"])
    assert maybe - {"taint", "document"} <= set(seen["question"])  # it is neither tainted nor long
    assert fields_of("agent_lsp.Hunk")[0] <= set(seen["question"]["diff"][0]["hunks"][0])
    always, maybe = fields_of("agent_lsp.Event")
    assert all(always <= set(event) for event in seen["events"])
    absent_here = {"costUnknown", "reason", "seconds"}
    assert maybe - absent_here <= {name for event in seen["events"] for name in event}
