"""The plugin's help file and `:checkhealth agent_lsp`, in a real Neovim 0.11."""

from __future__ import annotations

import re
import shutil
import sys
from pathlib import Path

from agent_lsp import PROTOCOL, __version__
from tests.e2e.neovim_driver import PLUGIN, POEM, Bench
from tests.e2e.test_neovim_daemon import STRANGER

HELP = PLUGIN / "doc" / "agent_lsp.txt"
HEALTH = """
    local function health()
      vim.cmd('checkhealth agent_lsp')
      local text = table.concat(T.lines(), '\\n')
      vim.cmd.bwipeout()
      return text
    end
"""


def tags() -> set[str]:
    return set(re.findall(r"(?<!\S)\*(\S+)\*(?!\S)", HELP.read_text("utf-8")))


def test_every_command_has_its_place_in_the_help_and_in_the_readme() -> None:
    commands = re.findall(r"^command\('(\w+)'", (PLUGIN / "plugin" / "agent_lsp.lua").read_text("utf-8"), re.MULTILINE)
    assert len(commands) > 5
    assert {f":{name}" for name in commands} == {tag for tag in tags() if tag.startswith(":")}
    readme = (PLUGIN / "README.md").read_text("utf-8")
    assert [name for name in commands if not re.search(rf"`:{name}\b", readme)] == []


def test_every_setting_has_its_place_in_the_help_and_in_the_readme_with_its_default(tmp_path: Path) -> None:
    result = Bench(tmp_path, {}).run("""
        package.loaded.agent_lsp = nil
        T.finish({ settings = vim.tbl_map(vim.inspect, require('agent_lsp').settings) })
    """)
    text, readme = HELP.read_text("utf-8"), (PLUGIN / "README.md").read_text("utf-8")
    assert len(result["settings"]) == 6
    for name, default in result["settings"].items():
        line = f"{name} = {default},".replace('"', "'")
        assert f"      {line}\n" in text
        assert f"\n  {line}" in readme
        assert re.search(rf"^{name} {{5,}}\w", text, re.MULTILINE), name


def test_every_function_for_mappings_stands_in_the_help(tmp_path: Path) -> None:
    result = Bench(tmp_path, {}).run("""
        local functions = vim.tbl_filter(function(name)
          return type(require('agent_lsp')[name]) == 'function'
        end, vim.tbl_keys(require('agent_lsp')))
        T.finish({ functions = functions })
    """)
    assert set(result["functions"]) == set(re.findall(r"^M\.(\w+)\(", HELP.read_text("utf-8"), re.MULTILINE))


def test_the_tags_are_those_that_helptags_makes_and_every_reference_leads_somewhere(tmp_path: Path) -> None:
    shutil.copytree(PLUGIN / "doc", tmp_path / "doc")
    (tmp_path / "doc" / "tags").unlink()
    bench = Bench(tmp_path, {})
    bench.env = {"E2E_DOC": str(tmp_path / "doc")}
    references = re.findall(r"\|(\S+?)\|", HELP.read_text("utf-8"))
    (tmp_path / "references").write_text("\n".join(references), "utf-8")
    result = bench.run("""
        vim.cmd.helptags(vim.env.E2E_DOC)
        local lost = vim.tbl_filter(function(reference)
          return not pcall(vim.cmd.help, reference)
        end, vim.fn.readfile(vim.env.E2E_DOC .. '/../references'))
        T.finish({ lost = lost, messages = vim.fn.execute('messages') })
    """)
    assert (tmp_path / "doc" / "tags").read_text("utf-8") == (PLUGIN / "doc" / "tags").read_text("utf-8")
    assert result["lost"] == []
    assert result["messages"].strip() == ""


def test_no_line_of_the_help_is_wider_than_its_window() -> None:
    assert [line for line in HELP.read_text("utf-8").splitlines() if len(line) > 80] == []


def test_the_status_line_of_the_readme_and_of_the_help_shows_the_agent(tmp_path: Path) -> None:
    (example,) = re.findall(r"^vim\.o\.statusline = .*$", (PLUGIN / "README.md").read_text("utf-8"), re.MULTILINE)
    assert f"    {example}\n" in HELP.read_text("utf-8")
    result = Bench(tmp_path, {"turns": [{"text": "Hello."}]}).run(f"""
        {example}
        vim.cmd('Agent hello')
        T.ends(1)
        T.wait('the preset', function() return require('agent_lsp').status():find('confirm') end)
        T.finish({{ line = vim.api.nvim_eval_statusline(vim.o.statusline, {{}}).str }})
    """)
    assert re.fullmatch(r"\[No Name\] +agent: idle · confirm 0:0", result["line"])


def test_checkhealth_names_version_doctor_and_where_the_daemon_runs(tmp_path: Path) -> None:
    bench = Bench(tmp_path, {"turns": [{"text": "Hello."}]}, poem=POEM)
    result = bench.run(
        HEALTH
        + """
        local before = health()
        vim.cmd.edit('poem.txt')
        vim.cmd('Agent hello')
        T.ends(1)
        T.finish({ before = before, after = health() })
    """
    )
    before, after = result["before"], result["after"]
    assert "✅ OK version 0.11." in before
    assert f"✅ OK agent-lsp {__version__}, protocol {PROTOCOL}: {sys.executable}" in before
    assert f"- model scripted:{bench.script}" in before
    assert "✅ OK a turn can begin" in before
    assert "- No daemon runs: the first :Agent starts it" in before
    assert f"✅ OK {bench.root}: the daemon runs, with 1 open file" in after
    assert "❌ ERROR" not in after
    assert "⚠️ WARNING" not in after


def test_checkhealth_says_what_to_do_where_something_is_wrong(tmp_path: Path) -> None:
    stranger = tmp_path / "stranger"
    stranger.write_text(f"#!{sys.executable}\n{STRANGER}", "utf-8")
    stranger.chmod(0o755)
    bench = Bench(tmp_path, {})
    bench.env = {"E2E_STRANGER": str(stranger)}
    result = bench.run(
        HEALTH
        + """
        local function with(settings)
          require('agent_lsp').setup(vim.tbl_extend('force', { cmd = T.cmd, settings = {} }, settings))
          return health()
        end
        T.finish({
          missing = with({ cmd = { 'no-such-program', 'serve' } }),
          stranger = with({ cmd = { vim.env.E2E_STRANGER, 'serve' } }),
          other_words = with({ cmd = { vim.env.E2E_PYTHON, '-m', 'agent_lsp' } }),
          no_model = with({ settings = { model = 'openai-chat:' } }),
        })
    """
    )
    assert (
        "❌ ERROR 'no-such-program' is not there\n  - ADVICE:\n    - Install agent-lsp, or name it" in result["missing"]
    )
    assert f"❌ ERROR {stranger} is another program\n  - ADVICE:\n    - Set cmd in setup()" in result["stranger"]
    assert "⚠️ WARNING" in result["other_words"]
    assert "does not end in 'serve': it cannot be asked for its version" in result["other_words"]
    assert "❌ ERROR no turn can begin (code 1)\n  - ADVICE:\n    - See :help |agent_lsp-model|" in result["no_model"]
    assert all("agent-lsp doctor" not in result[name] for name in ("missing", "stranger", "other_words"))
