"""How the plugin in a real Neovim 0.11 starts the daemon, what it hands over, and what it does when that dies."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.e2e.neovim_driver import POEM, Bench, edit
from tests.proc import alive

STRANGER = """
import json, sys
def read():
    length = 0
    while line := sys.stdin.buffer.readline().strip():
        length = int(line.split(b":")[1])
    return json.loads(sys.stdin.buffer.read(length))
result = {"capabilities": {}, "serverInfo": {"name": "somebody-elses-server"}}
body = json.dumps({"jsonrpc": "2.0", "id": read()["id"], "result": result}).encode()
sys.stdout.buffer.write(b"Content-Length: %d\\r\\n\\r\\n" % len(body) + body)
sys.stdout.buffer.flush()
sys.stdin.buffer.read()
"""


def test_a_killed_daemon_is_started_again_and_the_session_goes_on(tmp_path: Path) -> None:
    script = {"when": {"wait": [{"text": "I wait", "fault": "hang"}], "and now": [{"text": "I remember."}]}}
    bench = Bench(tmp_path, script, poem=POEM)
    result = bench.run("""
        vim.cmd.edit('poem.txt')
        vim.cmd('Agent wait')
        T.wait('words', function() return T.chat():find('I wait') end)
        vim.uv.kill(T.pid(), 'sigkill')
        T.wait('a line about it', function() return #T.notes > 0 end)
        local notes = vim.deepcopy(T.notes)
        vim.cmd('Agent and now?')
        T.ends(2)
        local prompts = {}
        for _, entry in ipairs(T.entries()) do
          if entry.role == 'user' then
            table.insert(prompts, entry.text)
          end
        end
        T.finish({ notes_after_kill = notes, chat = T.chat(), prompts = prompts })
    """)
    assert [note.partition(";")[0] for note in result["notes_after_kill"]] == [
        "Agent: the daemon ended in mid-turn (signal 9)"
    ]
    assert "(signal 9); :Agent starts it again and the session goes on" in result["chat"]
    assert "I remember.\n\n— done" in result["chat"]
    assert result["prompts"] == ["wait", "and now?"]


def test_a_daemon_killed_while_it_asks_takes_its_question_along(tmp_path: Path) -> None:
    bench = Bench(tmp_path, {"turns": [{"calls": [edit("red", "white")]}]}, poem=POEM)
    result = bench.run("""
        vim.cmd.edit('poem.txt')
        vim.cmd('Agent make the roses white')
        T.asked()
        vim.uv.kill(T.pid(), 'sigkill')
        T.wait('the question to close', function() return not T.question_window() end)
        vim.cmd('AgentAllow')
        T.finish({ lines = T.lines() })
    """)
    assert result["lines"] == POEM.splitlines()
    assert result["notes"][-1] == "Agent: no question is open"


UNITS: dict[str, Callable[[str], int]] = {
    "utf-8": lambda text: len(text.encode()),
    "utf-16": lambda text: len(text.encode("utf-16-le")) // 2,
    "utf-32": len,
}


@pytest.mark.parametrize("encoding", UNITS)
def test_the_selection_goes_along_in_the_units_that_were_negotiated(tmp_path: Path, encoding: str) -> None:
    bench = Bench(tmp_path, {"turns": [{"text": "Seen."}]}, poem="first\nthe 🌹 röse is red\nlast\n")
    bench.env = {"E2E_ENCODING": encoding}
    result = bench.run("""
        local capabilities = vim.lsp.protocol.make_client_capabilities()
        capabilities.general.positionEncodings = { vim.env.E2E_ENCODING }
        vim.lsp.protocol.make_client_capabilities = function() return capabilities end
        vim.cmd.edit('poem.txt')
        local sent
        local stock = vim.lsp.client.exec_cmd
        vim.lsp.client.exec_cmd = function(self, command, ...)
          sent = sent or command.arguments[1]
          return stock(self, command, ...)
        end
        vim.diagnostic.set(vim.api.nvim_create_namespace('test'), 0, {
          { lnum = 1, col = 4, message = 'a rose', severity = vim.diagnostic.severity.WARN, source = 'spell' },
          { lnum = 2, col = 0, message = 'another line' },
        })
        vim.api.nvim_feedkeys(vim.keycode('2G0wve<Esc>'), 'x', false)
        vim.cmd("'<,'>Agent what is this?")
        T.ends(1)
        T.finish({ sent = sent, encoding = T.client().offset_encoding })
    """)
    context = result["sent"]["context"]
    text = "the 🌹 röse is red"
    first, last = text.index("🌹"), text.index("röse") + len("röse")
    count = UNITS[encoding]
    assert result["encoding"] == encoding
    assert context["uri"] == bench.file("poem").as_uri()
    assert context["range"] == {
        "start": {"line": 1, "character": count(text[:first])},
        "end": {"line": 1, "character": count(text[:last])},
    }
    assert [diagnostic["message"] for diagnostic in context["diagnostics"]] == ["a rose"]


def test_leaving_neovim_in_mid_turn_leaves_no_process(tmp_path: Path) -> None:
    bench = Bench(tmp_path, {"turns": [{"text": "I wait", "fault": "hang"}]}, poem=POEM)
    result = bench.run("""
        vim.cmd.edit('poem.txt')
        vim.cmd('Agent wait')
        T.wait('words', function() return T.chat():find('I wait') end)
        T.finish({ pid = T.pid() })
    """)
    deadline = time.monotonic() + 60
    while alive(result["pid"]):
        assert time.monotonic() < deadline, "the daemon lives on"
        time.sleep(0.02)  # between two looks


def test_without_words_the_user_is_asked_for_them(tmp_path: Path) -> None:
    bench = Bench(tmp_path, {"turns": [{"text": "Hello."}]}, poem=POEM)
    result = bench.run("""
        local prompts = {}
        vim.ui.input = function(opts, done)
          table.insert(prompts, opts.prompt)
          done(#prompts == 2 and 'greet me' or nil)
        end
        vim.cmd('Agent')
        vim.cmd('Agent')
        T.ends(1)
        T.finish({ prompts = prompts, chat = T.chat() })
    """)
    assert result["prompts"] == ["Agent: ", "Agent: "]
    assert result["chat"].startswith("> greet me\n\nHello.")


def test_files_opened_later_are_seen_with_their_unsaved_text(tmp_path: Path) -> None:
    read = {"tool": "read_file", "arguments": {"path": "second.txt"}}
    script = {"when": {"hello": [{"text": "Hello."}], "read": [{"calls": [read]}, {"text": "Read."}]}}
    bench = Bench(tmp_path, script, poem=POEM, second="on disk\n")
    result = bench.run("""
        vim.cmd.edit('poem.txt')
        vim.cmd('Agent hello')
        T.ends(1)
        vim.cmd.edit('second.txt')
        vim.api.nvim_buf_set_lines(0, 0, -1, false, { 'only in the buffer' })
        vim.cmd('Agent read')
        T.ends(2)
        T.finish({ results = T.results() })
    """)
    assert "only in the buffer" in result["results"][0]


def test_a_failed_turn_is_one_line_and_in_the_answer(tmp_path: Path) -> None:
    bench = Bench(tmp_path, {"turns": [{"fault": {"error": {"status": 401}}}]}, poem=POEM)
    result = bench.run("""
        vim.cmd('Agent hello')
        T.ends(1)
        T.wait('a line', function() return #T.notes > 0 end)
        T.finish({ chat = T.chat() })
    """)
    assert "— failed" in result["chat"]
    assert "the script answers with status 401" in result["chat"]
    assert len(result["notes"]) == 1
    assert "\n" not in result["notes"][0]


def test_another_program_of_that_name_is_named_and_left(tmp_path: Path) -> None:
    stranger = tmp_path / "stranger.py"
    stranger.write_text(STRANGER, "utf-8")
    bench = Bench(tmp_path, {}, poem=POEM)
    bench.env = {"E2E_STRANGER": str(stranger)}
    result = bench.run("""
        require('agent_lsp').setup({ cmd = { vim.env.E2E_PYTHON, vim.env.E2E_STRANGER } })
        vim.cmd('Agent hello')
        T.wait('a line', function() return #T.notes > 0 end)
        T.wait('its end', function() return #vim.api.nvim_get_proc_children(vim.uv.os_getpid()) == 0 end)
        T.finish({ chat = T.chat() })
    """)
    assert len(result["notes"]) == 1
    assert "is another program (somebody-elses-server): set cmd to the agent-lsp daemon" in result["chat"]


def test_a_program_that_is_no_language_server_is_named(tmp_path: Path) -> None:
    bench = Bench(tmp_path, {}, poem=POEM)
    result = bench.run("""
        require('agent_lsp').setup({ cmd = { 'false' } })
        vim.cmd('Agent hello')
        T.wait('a line', function() return #T.notes > 0 end)
        require('agent_lsp').setup({ cmd = { 'no-such-program' } })
        vim.cmd('Agent hello')
        T.wait('a line', function() return #T.notes > 1 end)
        T.finish({ chat = T.chat() })
    """)
    assert "'false' ended (code 1) before it answered: is it the agent-lsp daemon?" in result["chat"]
    assert "'no-such-program' is not there: install agent-lsp, or set cmd in setup()" in result["chat"]
    assert len(result["notes"]) == 2


def test_settings_reach_the_daemon_through_its_environment(tmp_path: Path) -> None:
    bench = Bench(tmp_path, {"turns": [{"text": "Hello."}]}, poem=POEM)
    result = bench.run("""
        local settings = { preset = 'plan', maxCostPerDay = 2, deny = { 'delete_file' }, localServers = {} }
        require('agent_lsp').setup({ settings = settings })
        vim.cmd('Agent hello')
        T.ends(1)
        local environment = require('agent_lsp.client').environment(settings)
        T.finish({ status = T.call('agent.status', vim.empty_dict()), environment = environment })
    """)
    assert result["status"]["preset"] == "plan"
    assert result["environment"] == {
        "AGENT_LSP_PRESET": "plan",
        "AGENT_LSP_MAX_COST_PER_DAY": "2",
        "AGENT_LSP_DENY": '["delete_file"]',
        "AGENT_LSP_LOCAL_SERVERS": "[]",
    }
