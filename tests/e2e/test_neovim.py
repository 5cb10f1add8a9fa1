"""The plugin in a real Neovim 0.11, without a terminal, with the real daemon."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.neovim_driver import POEM, Bench, edit
from tests.e2e.neovim_provider import TalkingProvider
from tests.models.local_server import LocalServer


def test_an_approved_edit_changes_the_unsaved_buffer_and_one_undo_takes_it_back(tmp_path: Path) -> None:
    script = {"turns": [{"text": "I make them white.", "calls": [edit("red", "white")]}, {"text": "They are white."}]}
    bench = Bench(tmp_path, script, poem=POEM)
    result = bench.run("""
        vim.cmd.edit('poem.txt')
        vim.api.nvim_buf_set_lines(0, 2, 2, false, { 'and this is not saved' })
        local window = vim.api.nvim_get_current_win()
        vim.cmd('Agent make the roses white')
        T.asked()
        local question = T.question()
        local focus_stayed = vim.api.nvim_get_current_win() == window
        local before = T.lines()
        T.answer('AgentAllow')
        T.ends(1)
        local after = T.lines()
        vim.cmd.undo()
        T.finish({
          question = question, focus_stayed = focus_stayed, before = before, after = after, undone = T.lines(),
          chat = T.chat(), results = T.results(),
        })
    """)
    assert result["focus_stayed"]
    assert f"change {bench.file('poem')}" in result["question"]
    assert "-roses are red\n+roses are white\n violets are blue\n and this is not saved" in result["question"]
    assert result["before"] == ["roses are red", "violets are blue", "and this is not saved"]
    assert result["after"] == ["roses are white", "violets are blue", "and this is not saved"]
    assert result["undone"] == result["before"]
    assert result["results"] == ["done: Edit poem.txt: done, in the editor's buffer, not saved yet."]
    assert bench.file("poem").read_text() == POEM
    assert result["chat"] == (
        "> make the roses white\n\nI make them white.\n✓ Edit poem.txt\n  allow once\n\nThey are white.\n\n"
        "— done · 2 steps · 0 tokens · no cost"
    )


def test_a_rejection_changes_nothing_and_its_reason_reaches_the_model(tmp_path: Path) -> None:
    script = {"turns": [{"calls": [edit("red", "white")]}, {"text": "As you wish."}]}
    bench = Bench(tmp_path, script, poem=POEM)
    result = bench.run("""
        vim.cmd.edit('poem.txt')
        vim.cmd('Agent make the roses white')
        T.asked()
        T.answer('AgentReject roses stay red')
        T.ends(1)
        T.finish({ lines = T.lines(), modified = vim.bo.modified, results = T.results(), chat = T.chat() })
    """)
    assert result["lines"] == POEM.splitlines()
    assert not result["modified"]
    assert result["results"] == ["rejected: Not done: the user rejected it. They said: roses stay red"]
    assert "✗ Edit poem.txt: Not done: the user rejected it. They said: roses stay red\n  reject" in result["chat"]
    assert "As you wish." in result["chat"]


def test_the_keys_of_the_window_answer_too_and_the_cursor_goes_back(tmp_path: Path) -> None:
    calls = [edit("red", "white"), edit("blue", "grey"), edit("violets", "lilies")]
    bench = Bench(tmp_path, {"turns": [{"calls": calls}, {"text": "Done."}]}, poem=POEM)
    result = bench.run("""
        vim.cmd.edit('poem.txt')
        local window = vim.api.nvim_get_current_win()
        vim.ui.input = function(_, done) done('lilies smell') end
        vim.cmd('Agent repaint')
        local cursor_back = {}
        for _, key in ipairs({ 'a', 'r', 'R' }) do
          T.asked()
          T.press(key)
          table.insert(cursor_back, vim.api.nvim_get_current_win() == window)
          T.wait('the question to close', function() return not T.question_window() end)
        end
        T.ends(1)
        T.finish({ lines = T.lines(), results = T.results(), cursor_back = cursor_back })
    """)
    assert result["lines"] == ["roses are white", "violets are blue"]
    assert result["cursor_back"] == [True, True, True]
    assert result["results"][1:] == [
        "rejected: Not done: the user rejected it.",
        "rejected: Not done: the user rejected it. They said: lilies smell",
    ]


def test_a_yes_for_the_session_is_asked_once(tmp_path: Path) -> None:
    script = {"turns": [{"calls": [edit("red", "white")]}, {"calls": [edit("blue", "grey")]}, {"text": "Done."}]}
    bench = Bench(tmp_path, script, poem=POEM)
    result = bench.run("""
        vim.cmd.edit('poem.txt')
        vim.cmd('Agent repaint')
        T.asked()
        local question = T.question()
        T.press('s')
        T.ends(1)
        T.finish({ lines = T.lines(), question = question })
    """)
    assert result["lines"] == ["roses are white", "violets are grey"]
    assert "# s allows, until the session ends: edit_file: any file in the workspace" in result["question"]


def test_only_the_hunks_that_are_left_in_are_made(tmp_path: Path) -> None:
    lines = [f"line {number}" for number in range(1, 21)]
    edits = [{"old_text": f"line {n}\n", "new_text": f"LINE {n}\n"} for n in (2, 4, 15)]
    call = {"tool": "edit_file", "arguments": {"path": "long.txt", "edits": edits}}
    bench = Bench(tmp_path, {"turns": [{"calls": [call]}, {"text": "Done."}]}, long="\n".join(lines) + "\n")
    result = bench.run("""
        vim.cmd.edit('long.txt')
        vim.cmd('Agent shout')
        T.asked()
        vim.fn.win_execute(T.question_window(), [[call search('^+LINE 4$')]])
        T.press('<Space>')
        local still_asked = T.question_window() ~= nil
        T.press('a')
        T.ends(1)
        T.finish({ lines = T.lines(), still_asked = still_asked, results = T.results() })
    """)
    changed = {1: "LINE 2", 14: "LINE 15"}
    assert result["still_asked"]
    assert result["lines"] == [changed.get(index, line) for index, line in enumerate(lines)]
    assert "The user allowed 2 of 3 hunks" in result["results"][0]


def test_with_every_hunk_left_out_nothing_is_answered(tmp_path: Path) -> None:
    edits = [{"old_text": word, "new_text": word.upper()} for word in ("one", "five")]
    call = {"tool": "edit_file", "arguments": {"path": "few.txt", "edits": edits}}
    bench = Bench(tmp_path, {"turns": [{"calls": [call]}]}, few="one\ntwo\nthree\nfour\nfive\n")
    result = bench.run("""
        vim.cmd.edit('few.txt')
        vim.cmd('Agent shout')
        T.asked()
        for _, line in ipairs({ '+ONE', '+FIVE' }) do
          vim.fn.win_execute(T.question_window(), ('call search("^%s$")'):format(line))
          T.press('<Space>')
        end
        T.press('a')
        T.finish({ asked = T.question_window() ~= nil })
    """)
    assert result["asked"]
    assert bench.file("few").read_text() == "one\ntwo\nthree\nfour\nfive\n"
    assert result["notes"][-1] == "Agent: no hunk is chosen: r rejects"


def test_questions_of_two_sessions_queue(tmp_path: Path) -> None:
    script = {
        "when": {
            "first": [{"calls": [edit("red", "white")]}, {"text": "One."}],
            "second": [{"calls": [edit("blue", "grey")]}, {"text": "Two."}],
        }
    }
    bench = Bench(tmp_path, script, poem=POEM)
    result = bench.run("""
        vim.cmd.edit('poem.txt')
        vim.cmd('Agent the first')
        T.asked()
        vim.cmd('AgentNew the second')
        T.wait('two questions', function() return require('agent_lsp.approval').count() == 2 end)
        local shown = T.question()
        T.answer('AgentReject')
        T.asked()
        local then_shown = T.question()
        T.answer('AgentAllow')
        T.ends(2)
        T.finish({ lines = T.lines(), shown = shown, then_shown = then_shown })
    """)
    assert "+roses are white" in result["shown"]
    assert "+violets are grey" in result["then_shown"]
    assert result["lines"] == ["roses are red", "violets are grey"]


def test_a_cancel_closes_the_question_and_nothing_is_changed(tmp_path: Path) -> None:
    bench = Bench(tmp_path, {"turns": [{"calls": [edit("red", "white")]}]}, poem=POEM)
    result = bench.run("""
        vim.cmd.edit('poem.txt')
        vim.cmd('Agent make the roses white')
        T.asked()
        vim.cmd('AgentCancel')
        T.ends(1)
        T.wait('the question to close', function() return not T.question_window() end)
        T.finish({ lines = T.lines(), chat = T.chat(), results = T.results() })
    """)
    assert result["lines"] == POEM.splitlines()
    assert "— cancelled" in result["chat"]
    assert result["results"] == ["cancelled: Cancelled: it was not done."]


def test_a_cancel_in_mid_stream_stops_the_text_and_nothing_is_written(tmp_path: Path) -> None:
    write = {"tool": "write_file", "arguments": {"path": "new.txt", "content": "written"}}
    script = {"turns": [{"text": "word " * 200, "delay_ms": 20, "calls": [write]}]}
    bench = Bench(tmp_path, script, poem=POEM)
    result = bench.run("""
        vim.cmd.edit('poem.txt')
        vim.cmd('Agent talk')
        T.wait('words', function() return T.chat():find('word word') end)
        vim.cmd('AgentCancel')
        T.ends(1)
        local questions, entries = require('agent_lsp.approval').count(), T.entries()
        T.finish({ chat = T.chat(), questions = questions, last = entries[#entries].kind })
    """)
    assert "— cancelled" in result["chat"]
    assert result["chat"].count("word") < 200
    assert result["questions"] == 0
    assert not (bench.root / "new.txt").exists()
    assert result["last"] == "turnEnded"
    assert result["notes"] == ["Agent: cancelled"]


def test_a_cancel_closes_the_connection_to_the_provider(tmp_path: Path) -> None:
    bench = Bench(tmp_path, {}, poem=POEM)
    with TalkingProvider() as provider:
        bench.env = {
            "AGENT_LSP_MODEL": "openai-chat:mock",
            "AGENT_LSP_BASE_URL": f"http://127.0.0.1:{provider.port}/v1",
            "AGENT_LSP_API_KEY": "none",
        }
        result = bench.run("""
            vim.cmd.edit('poem.txt')
            vim.cmd('Agent talk')
            T.wait('words', function() return T.chat():find('word word') end)
            vim.cmd('AgentCancel')
            T.ends(1)
            T.finish({ chat = T.chat() })
        """)
        assert provider.closed.wait(5), "the connection stayed open"
    assert "— cancelled" in result["chat"]
    assert provider.requests == 1


@pytest.mark.parametrize(
    ("line", "lines", "told"),
    [
        (0, ["a poem", "roses are red", "violets are blue"], "failed: 'poem.txt' was changed by somebody else"),
        (2, ["roses are white", "violets are blue", "a poem"], "done: Edit poem.txt: done, in the editor's buffer"),
    ],
)
def test_an_edit_meets_a_change_of_which_the_daemon_has_not_heard(
    tmp_path: Path, line: int, lines: list[str], told: str
) -> None:
    script = {"turns": [{"calls": [edit("red", "white")]}, {"text": "I see."}]}
    bench = Bench(tmp_path, script, poem=POEM)
    result = bench.run(f"""
        vim.cmd.edit('poem.txt')
        local poem = vim.api.nvim_get_current_buf()
        vim.cmd('Agent make the roses white')
        T.asked()
        -- Neovim would tell the daemon of it 150 ms later.
        vim.api.nvim_buf_set_lines(poem, {line}, {line}, false, {{ 'a poem' }})
        T.press('a')
        T.ends(1)
        T.finish({{ lines = T.lines(poem), results = T.results() }})
    """)
    assert result["lines"] == lines
    assert result["results"][0].startswith(told)


@pytest.mark.parametrize("text", ["roses are red\r\nviolets\r\n", "🌹 roses are red", "a\froses are red\x85b\u2028c\n"])
def test_odd_texts_are_edited_as_they_are(tmp_path: Path, text: str) -> None:
    bench = Bench(tmp_path, {"turns": [{"calls": [edit("red", "white")]}, {"text": "Done."}]})
    bench.file("poem").write_bytes(text.encode())
    result = bench.run("""
        vim.cmd.edit('poem.txt')
        vim.cmd('Agent make the roses white')
        T.asked()
        T.press('a')
        T.ends(1)
        vim.o.fixendofline = false
        vim.cmd('silent write')
        T.finish({ results = T.results() })
    """)
    assert result["results"] == ["done: Edit poem.txt: done, in the editor's buffer, not saved yet."]
    assert bench.file("poem").read_bytes() == text.replace("red", "white").encode()


def test_a_file_that_is_only_a_buffer_yet_is_written_into_the_buffer(tmp_path: Path) -> None:
    write = {"tool": "write_file", "arguments": {"path": "new.txt", "content": "one\ntwo\n"}}
    bench = Bench(tmp_path, {"turns": [{"calls": [write]}, {"text": "Done."}]})
    result = bench.run("""
        vim.cmd.edit('new.txt')
        vim.cmd('Agent write it')
        T.asked()
        T.press('a')
        T.ends(1)
        T.finish({ lines = T.lines(), results = T.results() })
    """)
    assert result["lines"] == ["one", "two"]
    assert result["results"] == ["done: Rewrite new.txt: done, in the editor's buffer, not saved yet."]
    assert not bench.file("new").exists()


def test_a_question_that_was_put_off_can_be_opened_again(tmp_path: Path) -> None:
    bench = Bench(tmp_path, {"turns": [{"calls": [edit("red", "white")]}, {"text": "Done."}]}, poem=POEM)
    result = bench.run("""
        vim.cmd.edit('poem.txt')
        vim.cmd('Agent make the roses white')
        T.asked()
        T.press('q')
        local put_off = not T.question_window()
        vim.cmd('AgentShow')
        T.asked()
        vim.api.nvim_win_close(T.question_window(), true)
        vim.cmd('AgentShow')
        T.asked()
        T.press('a')
        T.ends(1)
        T.finish({ put_off = put_off, lines = T.lines() })
    """)
    assert result["put_off"]
    assert result["lines"][0] == "roses are white"


def test_a_yes_typed_for_the_question_before_is_no_answer_to_one_that_has_just_come(tmp_path: Path) -> None:
    bench = Bench(tmp_path, {"turns": [{"calls": [edit("red", "white")]}]}, poem=POEM)
    result = bench.run("""
        vim.cmd.edit('poem.txt')
        vim.cmd('Agent make the roses white')
        T.asked()
        vim.cmd('AgentAllow')
        T.finish({ asked = T.question_window() ~= nil, lines = T.lines() })
    """)
    assert result["asked"]
    assert result["lines"] == POEM.splitlines()
    assert result["notes"][-1] == "Agent: this question has only just come: look at it first"


async def test_a_model_server_is_allowed_for_good_by_its_own_key(tmp_path: Path) -> None:
    async with LocalServer("qwen3:8b").serving() as server:
        bench = Bench(tmp_path, {}, poem=POEM)
        bench.env = {"AGENT_LSP_MODEL": "", "AGENT_LSP_LOCAL_SERVERS": server.url}

        def run() -> Any:
            return bench.run("""
                vim.cmd.edit('poem.txt')
                vim.cmd('Agent hello')
                T.asked()
                local question, keys = T.question(), vim.wo[T.question_window()].winbar
                vim.api.nvim_set_current_win(T.question_window())
                vim.cmd.normal('s')
                local still_asked = T.question_window() ~= nil
                vim.cmd.normal('A')
                T.ends(1)
                vim.cmd('Agent again')
                T.ends(2)
                T.finish({ question = question, keys = keys, still_asked = still_asked, chat = T.chat() })
            """)

        result = await asyncio.to_thread(run)
    assert result["keys"] == " a allow  A for good  r reject  R and say why  q later%<"
    assert f"# A allows for good: model_server: whatever listens at {server.url}" in result["question"]
    assert result["still_asked"]
    assert result["chat"].count("Hello") == 2


def test_a_turn_that_came_to_a_limit_goes_on_by_one_command(tmp_path: Path) -> None:
    listing = {"tool": "list_files", "arguments": {}}
    bench = Bench(tmp_path, {"turns": [{"calls": [listing]}], "when": {"Go on": [{"text": "Here it is."}]}}, poem=POEM)
    bench.env = {"AGENT_LSP_MAX_STEPS": "1"}
    result = bench.run("""
        vim.cmd('AgentContinue')
        local nothing = table.concat(T.notes, '\\n')
        vim.cmd.edit('poem.txt')
        vim.cmd('Agent look')
        T.ends(1)
        local stopped = T.chat()
        vim.cmd('AgentContinue')
        T.ends(2)
        T.finish({ nothing = nothing, stopped = stopped, chat = T.chat() })
    """)
    assert "there is no session to go on with: :Agent begins one" in result["nothing"]
    assert result["stopped"].endswith("this would be step 2; maxSteps is 1\n:AgentContinue goes on")
    assert "> Go on where you stopped.\n\nHere it is." in result["chat"]
