"""Undo and redo of turns in a real Neovim."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.e2e.neovim_driver import Bench


def edit(name: str) -> dict[str, Any]:
    edits = [{"old_text": "one", "new_text": "1"}]
    return {"tool": "edit_file", "arguments": {"path": f"{name}.txt", "edits": edits}}


def test_a_turn_that_changed_three_files_is_undone_but_for_the_one_edited_since(tmp_path: Path) -> None:
    texts = dict.fromkeys(("opened", "edited", "closed"), "one\ntwo\n")
    bench = Bench(tmp_path, {"turns": [{"calls": [edit(name) for name in texts]}, {"text": "Done."}]}, **texts)
    result = bench.run("""
        vim.cmd.edit('edited.txt')
        vim.cmd.edit('opened.txt')
        vim.cmd('Agent count')
        T.asked()
        T.answer('AgentAllow!')
        T.ends(1)
        local opened, edited = vim.fn.bufnr('opened.txt'), vim.fn.bufnr('edited.txt')
        vim.api.nvim_buf_set_lines(edited, -1, -1, false, { 'typed' })
        local function said(what)
          T.wait(what, function()
            return vim.iter(T.notes):any(function(note) return note:find(what, 1, true) end)
          end)
          return { opened = T.lines(opened), edited = T.lines(edited), closed = vim.fn.readfile('closed.txt') }
        end
        vim.cmd.AgentUndo()
        local undone = said('restored')
        vim.cmd.AgentRedo()
        local redone = said('made again')
        vim.api.nvim_set_current_buf(opened)
        vim.cmd.undo()
        T.finish({ undone = undone, redone = redone, one_step = T.lines(opened) })
    """)
    typed = ["1", "two", "typed"]
    assert result["undone"] == {"opened": ["one", "two"], "edited": typed, "closed": ["one", "two"]}
    assert result["redone"] == {"opened": ["1", "two"], "edited": typed, "closed": ["1", "two"]}
    assert result["one_step"] == ["one", "two"]
    [line] = [note for note in result["notes"] if "restored" in note]  # as long as the line of messages
    assert line.startswith("Agent: restored: opened.txt, closed.txt; kept: edited.txt (")
    assert "Agent: made again: opened.txt, closed.txt" in result["notes"]


def test_without_a_session_or_a_change_one_line_says_so(tmp_path: Path) -> None:
    bench = Bench(tmp_path, {"turns": [{"text": "Hello."}]})
    result = bench.run("""
        vim.cmd.AgentUndo()
        vim.cmd('Agent hello')
        T.ends(1)
        vim.cmd.AgentUndo()
        T.wait('the reason', function() return #T.notes >= 2 end)
        T.finish({})
    """)
    assert result["notes"][0] == "Agent: there is no session here yet: nothing was changed"
    assert result["notes"][1].startswith("Agent: nothing to undo")
