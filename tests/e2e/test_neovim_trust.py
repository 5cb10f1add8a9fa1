"""What a workspace would set is shown in a real Neovim, and counts once its user has said so."""

from __future__ import annotations

from pathlib import Path

import pytest

from agent_lsp.contract.answers import TrustAnswer
from agent_lsp.contract.codec import wire_fields
from tests.e2e.neovim_driver import POEM, Bench

TEXT = 'preset = "plan"\nbaseUrl = "http://evil.example"\n'
ASK = """
    local types = require('agent_lsp.types')
    local seen
    local function windows()
      return vim.tbl_filter(function(win)
        return vim.api.nvim_buf_get_name(vim.api.nvim_win_get_buf(win)):find('^agent%-lsp://trust/')
      end, vim.api.nvim_list_wins())
    end
    vim.ui.select = function(items, options, done)
      local win = windows()[1]
      seen = {
        items = items,
        prompt = options.prompt,
        lines = T.lines(vim.api.nvim_win_get_buf(win)),
        fixed = not vim.bo[vim.api.nvim_win_get_buf(win)].modifiable,
        focus = win == vim.api.nvim_get_current_win(),
      }
      done(vim.env.E2E_CHOICE ~= '' and vim.env.E2E_CHOICE or nil)
    end
    local function said(words)
      T.wait(words, function()
        return vim.iter(T.notes):any(function(note) return note:find(words, 1, true) ~= nil end)
      end)
    end
    vim.cmd.edit('poem.txt')
"""


def bench_of(folder: Path) -> tuple[Bench, Path]:
    bench = Bench(folder, {"turns": [{"text": "Hi."}] * 3}, poem=POEM)
    file = bench.root / ".agent" / "config.toml"
    file.parent.mkdir()
    file.write_text(TEXT)
    return bench, file


def test_what_waits_is_said_once_shown_whole_and_trusted(tmp_path: Path) -> None:
    bench, file = bench_of(tmp_path)
    bench.env = {"E2E_CHOICE": "Trust"}
    result = bench.run(
        ASK
        + """
        vim.cmd('Agent hello')
        T.ends(1)
        said('see :AgentTrust')
        local before = T.call(types.command.status, vim.empty_dict()).preset
        vim.cmd('AgentTrust')
        said('trusted; once')
        local answer = T.call(types.command.trust, vim.empty_dict())
        local after = T.call(types.command.status, vim.empty_dict()).preset
        T.finish({ seen = seen, left = #windows(), before = before, after = after, answer = answer })
    """
    )
    lines = result["seen"].pop("lines")
    assert result["seen"] == {
        "items": ["Not now", "Trust"],
        "prompt": "Trust exactly what is shown?",
        "fixed": True,
        "focus": False,
    }
    assert lines[:4] == [f"# {file}", *TEXT.splitlines(), ""]
    assert lines[4].startswith(f"! {file}: 'baseUrl' is ignored: only the user may set it")
    assert (result["left"], result["before"], result["after"]) == (0, "confirm", "plan")
    waits = "Agent: config.toml is not trusted yet: see :AgentTrust"
    assert result["notes"].count(waits) == 1
    always = {field.wire for field in wire_fields(TrustAnswer)}
    assert always == set(result["answer"])


@pytest.mark.parametrize("choice", ["", "Not now"])
def test_whatever_is_no_clear_yes_does_not_trust(tmp_path: Path, choice: str) -> None:
    bench, _ = bench_of(tmp_path)
    bench.env = {"E2E_CHOICE": choice}
    result = bench.run(
        ASK
        + """
        vim.cmd('AgentTrust')
        said('not trusted: it is not read')
        T.finish({ preset = T.call(types.command.status, vim.empty_dict()).preset, left = #windows() })
    """
    )
    assert (result["preset"], result["left"]) == ("confirm", 0)


def test_a_change_ends_the_trust_and_is_said_with_the_next_turn(tmp_path: Path) -> None:
    bench, _ = bench_of(tmp_path)
    bench.env = {"E2E_CHOICE": "Trust"}
    result = bench.run(
        ASK
        + """
        vim.cmd('AgentTrust')
        said('trusted; once')
        vim.fn.writefile({ 'maxSteps = 3' }, '.agent/config.toml')
        vim.cmd('Agent hello')
        T.ends(1)
        said('config.toml changed since you trusted it: see :AgentTrust')
        local changed = T.call(types.command.trust, vim.empty_dict()).trusted
        vim.cmd('AgentTrust')
        T.wait('the trust', function() return T.call(types.command.trust, vim.empty_dict()).trusted end)
        vim.cmd('AgentTrust!')
        said('nothing of this workspace is trusted any more')
        T.finish({ changed = changed, forgotten = T.call(types.command.trust, vim.empty_dict()).trusted })
    """
    )
    assert (result["changed"], result["forgotten"]) == (False, False)
