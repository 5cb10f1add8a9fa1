"""A stock Neovim 0.11 with the lines of our README and without the plugin."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from tests.e2e.neovim_driver import HERE, PLUGIN, POEM, Bench, edit


def stock_lines() -> str:
    readme = (PLUGIN / "README.md").read_text("utf-8")
    return readme.split("<!-- stock -->")[1].split("```lua\n")[1].split("```")[0]


def prelude() -> str:
    return (HERE / "neovim_stock.lua").read_text("utf-8").replace("-- the stock lines", stock_lines())


def stock_bench(folder: Path, answer: str) -> Bench:
    """A workspace, and `agent-lsp` on the PATH as an installation has it."""
    script = {"turns": [{"text": "I make them white.", "calls": [edit("red", "white")]}, {"text": answer}]}
    bench = Bench(folder, script, poem=POEM)
    (bench.root / ".git").mkdir()
    program = folder / "bin" / "agent-lsp"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m agent_lsp "$@"\n', "utf-8")
    program.chmod(0o755)
    bench.env = {"PATH": f"{program.parent}:{bench.environment()['PATH']}"}
    return bench


def test_the_readme_keeps_its_word_about_ten_lines() -> None:
    assert len(stock_lines().strip().splitlines()) == 10


def test_the_stock_lines_of_the_readme_work_without_the_plugin(tmp_path: Path) -> None:
    bench = stock_bench(tmp_path, "They are white.")
    result = bench.run(
        """
        T.select(2)
        vim.cmd('Agent make the roses white')
        T.said('Agent: They are white.')
        vim.cmd('AgentCancel')
        local lines = vim.api.nvim_buf_get_lines(T.poem, 0, -1, false)
        T.finish({ question = T.question, choices = T.choices, lines = lines, clients = #vim.lsp.get_clients() })
        """,
        prelude=prelude(),
    )
    assert result["question"].startswith(f"Agent asks: edit_file: change {bench.file('poem')}\n")
    assert result["clients"] == 1, "the diff that was shown has started a second daemon"
    assert result["choices"] == ["Reject", "Allow once", "Allow for this session", "Always allow"]
    assert result["lines"] == ["roses are white", "violets are blue"]


def test_a_stale_edit_that_stock_neovim_claims_to_have_applied_is_noticed(tmp_path: Path) -> None:
    result: dict[str, Any] = {}
    for attempt in range(5):  # on a busy machine Neovim may tell of the change before the edit is sent
        folder = tmp_path / str(attempt)
        folder.mkdir()
        result = stale(stock_bench(folder, "It did not work."))
        if result["applied"]:
            break
    assert result["applied"] == [True]
    assert result["lines"] == ["a poem", "roses are red", "violets are blue"]
    assert result["results"] == [
        "failed: 'poem.txt' was changed by somebody else meanwhile, in lines that you change too; nothing was written."
        " Decide anew:\n[now, from line 1:]\na poem\n[you wanted:]\nroses are white\n"
    ]


def stale(bench: Bench) -> Any:
    """What comes of an edit of a line above which another was put that the daemon does not know of."""
    return bench.run(
        """
        local applied = {}
        local apply = vim.lsp.handlers['workspace/applyEdit']
        vim.lsp.handlers['workspace/applyEdit'] = function(...)
          local answer = apply(...)
          table.insert(applied, answer.applied)
          return answer
        end
        T.select(2, function()
          T.change_unseen('a poem')
        end)
        vim.cmd('Agent make the roses white')
        T.said('Agent: It did not work.')
        local results = {}
        local session = T.call('agent.sessions', vim.empty_dict())[1].sessionId
        for _, entry in ipairs(T.call('agent.session', { sessionId = session }).entries) do
          for _, result in ipairs(entry.results or {}) do
            table.insert(results, result.status .. ': ' .. result.text)
          end
        end
        T.finish({ applied = applied, results = results, lines = vim.api.nvim_buf_get_lines(T.poem, 0, -1, false) })
        """,
        prelude=prelude(),
    )
