"""The plugin in a real Neovim 0.11: what its status line says, and how a stored session is chosen and goes on."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

from tests.e2e.neovim_driver import POEM, Bench, edit

CHOOSE = """
    local offered
    vim.ui.select = function(items, options, done)
      offered = { prompt = options.prompt, lines = vim.tbl_map(options.format_item, items) }
      done(items[tonumber(vim.env.E2E_CHOICE)])
    end
"""


def test_the_status_line_says_state_and_preset_and_is_drawn_again_when_they_change(tmp_path: Path) -> None:
    bench = Bench(tmp_path, {"turns": [{"calls": [edit("red", "white")]}, {"text": "Done."}]}, poem=POEM)
    result = bench.run("""
        local status = require('agent_lsp').status
        local shown, drawn = { status() }, 0
        local redraw = vim.cmd.redrawstatus
        vim.cmd.redrawstatus = function(...)
          drawn = drawn + 1
          redraw(...)
        end
        local function comes(text)
          T.wait(text, function() return status() == text end)
          table.insert(shown, status())
        end
        vim.cmd.edit('poem.txt')
        vim.cmd('Agent make the roses white')
        comes('agent: asks · confirm')
        T.press('r')
        comes('agent: works · confirm')
        T.ends(1)
        comes('agent: idle · confirm')
        local before = drawn
        for _ = 1, 100 do status() end
        T.finish({ shown = shown, drawn = drawn, by_reading = drawn - before })
    """)
    assert result["shown"] == ["", "agent: asks · confirm", "agent: works · confirm", "agent: idle · confirm"]
    assert result["drawn"] >= 3
    assert result["by_reading"] == 0


def test_the_status_line_adds_up_what_the_turns_of_this_neovim_have_cost(tmp_path: Path) -> None:
    bench = Bench(tmp_path, {"turns": [{"text": "1."}]}, poem=POEM)
    result = bench.run("""
        local status, types = require('agent_lsp.status'), require('agent_lsp.types')
        vim.cmd('Agent one')
        T.ends(1)
        T.wait('the preset', function() return status.text() == 'agent: idle · confirm' end)
        local shown = {}
        local function take(kind, turn, cost)
          status.take({ kind = types.event_kind[kind], turnId = turn, cost = cost, costUnknown = not cost or nil })
          table.insert(shown, status.text())
        end
        take('usage_updated', 'a', 0.25)
        take('usage_updated', 'a', 0.5)
        take('turn_finished', 'a', 0.75)
        take('usage_updated', 'b', 0.25)
        take('turn_finished', 'b', nil)
        T.finish({ shown = shown })
    """)
    assert [line.removeprefix("agent: idle · confirm · ") for line in result["shown"]] == [
        "$0.2500",
        "$0.5000",
        "$0.7500",
        "$1.0000",
        "$1.0000 and more",
    ]


def test_a_status_line_is_empty_once_the_daemon_is_gone(tmp_path: Path) -> None:
    result = Bench(tmp_path, {"turns": [{"text": "I wait", "fault": "hang"}]}, poem=POEM).run("""
        local status = require('agent_lsp').status
        vim.cmd('Agent wait')
        T.wait('its work', function() return status():find('^agent: works') end)
        vim.uv.kill(T.pid(), 'sigkill')
        T.wait('an empty line', function() return status() == '' end)
        T.finish({})
    """)
    assert "in mid-turn" in result["notes"][0]


def test_a_stored_session_is_chosen_shown_as_it_was_and_goes_on(tmp_path: Path) -> None:
    again: dict[str, Any] = {
        "white": [{"text": "I make them white.", "calls": [edit("red", "white")]}, {"text": "So."}]
    }
    script = {"when": {**again, "joke": [{"text": "No joke."}], "and now": [{"text": "I remember."}]}}
    bench = Bench(tmp_path, script, poem=POEM)
    first = bench.run("""
        vim.cmd.edit('poem.txt')
        vim.cmd('Agent make the roses white')
        T.asked()
        T.press('a')
        T.ends(1)
        local chat = T.chat()
        vim.cmd('AgentNew a joke')
        T.ends(2)
        T.finish({ chat = chat })
    """)
    bench.env = {"TZ": "JST-9", "E2E_CHOICE": "2"}
    result = bench.run(
        CHOOSE
        + """
        vim.cmd.edit('poem.txt')
        vim.cmd('AgentSessions')
        T.ends(1)
        local shown = T.chat()
        vim.cmd('Agent and now?')
        T.ends(2)
        vim.env.E2E_CHOICE = ''
        vim.cmd('AgentSessions')
        T.wait('the offer', function() return #offered.lines == 2 and offered.lines[1]:find('roses') end)
        local sessions = T.call('agent.sessions', vim.empty_dict())
        T.finish({ shown = shown, offered = offered, chat = T.chat(), count = #sessions })
    """
    )
    assert result["shown"] == first["chat"].replace("✓ Edit poem.txt", "✓ edit_file poem.txt")
    assert result["chat"] == result["shown"] + ("\n\n> and now?\n\nI remember.\n\n— done · 1 step · 0 tokens · no cost")
    assert result["count"] == 2
    assert result["offered"]["prompt"] == "Go on with session:"
    titles = [re.fullmatch(r"(\d{4}-\d\d-\d\d \d\d:\d\d)  (.+)  no cost", line) for line in result["offered"]["lines"]]
    assert [match[2] for match in titles if match] == ["make the roses white", "a joke"]
    assert titles[0]
    told = datetime.strptime(titles[0][1], "%Y-%m-%d %H:%M").replace(tzinfo=timezone(timedelta(hours=9)))
    assert timedelta(0) <= datetime.now(UTC) - told < timedelta(minutes=3)


def test_a_session_that_is_just_being_written_is_shown_as_it_is(tmp_path: Path) -> None:
    bench = Bench(tmp_path, {"turns": [{"calls": [edit("red", "white")]}, {"text": "Done."}]}, poem=POEM)
    bench.env = {"E2E_CHOICE": "1"}
    result = bench.run(
        CHOOSE
        + """
        vim.cmd.edit('poem.txt')
        vim.cmd('Agent make the roses white')
        T.asked()
        vim.cmd('AgentSessions')
        T.wait('the offer', function() return offered end)
        T.press('a')
        T.ends(1)
        T.finish({ chat = T.chat() })
    """
    )
    assert result["chat"] == (
        "> make the roses white\n\n✓ Edit poem.txt\n  allow once\n\nDone.\n\n— done · 2 steps · 0 tokens · no cost"
    )


def test_a_workspace_without_a_session_says_so(tmp_path: Path) -> None:
    result = Bench(tmp_path, {}, poem=POEM).run("""
        vim.cmd('AgentSessions')
        T.wait('a line', function() return #T.notes > 0 end)
        T.finish({})
    """)
    assert result["notes"] == ["Agent: there is no session here yet: :Agent begins one"]


def test_a_failed_turn_and_a_rejection_are_shown_again(tmp_path: Path) -> None:
    turns = [{"calls": [edit("red", "white")]}, {"fault": {"error": {"status": 401}}}]
    bench = Bench(tmp_path, {"turns": turns}, poem=POEM)
    bench.env = {"E2E_CHOICE": "1"}
    first = bench.run("""
        vim.cmd.edit('poem.txt')
        vim.cmd('Agent make the roses white')
        T.asked()
        T.answer('AgentReject red they stay')
        T.ends(1)
        T.finish({ chat = T.chat() })
    """)
    result = bench.run(CHOOSE + "vim.cmd('AgentSessions') T.ends(1) T.finish({ chat = T.chat() })")
    assert result["chat"] == first["chat"].replace("✗ Edit poem.txt", "✗ edit_file poem.txt")
    assert "They said: red they stay" in result["chat"]
    assert "the script answers with status 401" in result["chat"]
