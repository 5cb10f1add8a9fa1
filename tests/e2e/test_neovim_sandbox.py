"""In a real Neovim: a command of the agent sees what the user sees and has not saved, and the disk stays as it is."""

from __future__ import annotations

from pathlib import Path

from tests.e2e.neovim_driver import Bench

ON_DISK = "def double(number):\n    return number\n"
UNSAVED = "    return number * 2"
TEST = """import unittest

from sums import double


class Sums(unittest.TestCase):
    def test_double(self):
        self.assertEqual(double(2), 4)
"""
RUN = {"tool": "run_command", "arguments": {"command": "python3 -m unittest -q test_sums"}}


def test_a_test_that_the_agent_runs_passes_only_with_the_unsaved_buffer(tmp_path: Path) -> None:
    bench = Bench(tmp_path, {"turns": [{"calls": [RUN]}, {"calls": [RUN]}, {"text": "It passes now."}]})
    (bench.root / "sums.py").write_text(ON_DISK)
    (bench.root / "test_sums.py").write_text(TEST)
    result = bench.run(f"""
        vim.cmd.edit('sums.py')
        vim.cmd('Agent run the tests until they pass')
        T.asked()
        T.answer('AgentAllow')
        T.asked()
        vim.api.nvim_buf_set_lines(0, 1, 2, false, {{ '{UNSAVED}' }})
        vim.wait(400)
        T.answer('AgentAllow')
        T.ends(1)
        T.finish({{ results = T.results(), modified = vim.bo.modified, lines = T.lines() }})
    """)
    failed, passed = result["results"]

    assert "AssertionError: 2 != 4" in failed
    assert "[exit code 1]" in failed
    assert "\nOK\n" in passed
    assert "[unsaved in the editor, so the command read it from there: sums.py]" in passed
    assert (result["modified"], result["lines"][1]) == (True, UNSAVED)
    assert (bench.root / "sums.py").read_text() == ON_DISK


def test_the_answer_says_that_a_command_failed_and_what_of_its_deeds_was_taken_back(tmp_path: Path) -> None:
    lines = ("echo fine", "printf bad; exit 3", "mkdir -p sub/.git; echo x > sub/.git/config")
    calls = [{"tool": "run_command", "arguments": {"command": line}} for line in lines]
    bench = Bench(tmp_path, {"turns": [*({"calls": [call]} for call in calls), {"text": "Done."}]})
    result = bench.run("""
        vim.cmd('Agent try')
        for _ = 1, 2 do
          T.asked()
          T.answer('AgentAllow')
        end
        T.ends(1)
        T.finish({ chat = T.chat() })
    """)
    assert "✓ Run echo fine\n" in result["chat"]
    assert "✓ Run printf bad; exit 3: exit code 3\n" in result["chat"]
    assert "taken back, for only the user may change it: sub/.git" in result["chat"]


def test_a_question_names_untrusted_text_once(tmp_path: Path) -> None:
    outside = {"tool": "run_command", "arguments": {"command": "echo foreign", "outside_sandbox": True}}
    inside = {"tool": "run_command", "arguments": {"command": "echo own"}}
    bench = Bench(tmp_path, {"turns": [{"calls": [outside]}, {"calls": [inside]}, {"text": "Done."}]})
    result = bench.run("""
        vim.cmd('Agent try')
        T.asked()
        T.answer('AgentAllow')
        T.asked()
        local question = T.question()
        T.answer('AgentAllow')
        T.ends(1)
        T.finish({ question = question })
    """)
    assert result["question"].count("untrusted text was read before: ") == 1
