"""The real daemon, over LSP: commands see what the user sees, and stay in the sandbox."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.conftest import call
from tests.lsp.conftest import Start
from tests.raw_client import Client

Script = Callable[..., str]
_TEST = """
import unittest
from sums import add
class Sums(unittest.TestCase):
    def test_add(self):
        self.assertEqual(add(2, 2), 4)
"""
_WRONG, _RIGHT = "def add(a, b):\n    return a - b\n", "def add(a, b):\n    return a + b\n"


def done(client: Client, workspace: Path) -> list[dict[str, Any]]:
    """Asks, says yes to all, and returns the results that the model was told."""
    client.answers["agent/requestApproval"] = lambda _: {"decision": "allow_once"}
    answer = client.command("agent.ask", {"prompt": "go", "wait": True}, 60)
    entries = client.command("agent.session", {"sessionId": answer["sessionId"]})["entries"]
    return [result for entry in entries if entry.get("role") == "tool" for result in entry["results"]]


def test_a_test_run_by_the_agent_passes_only_with_the_unsaved_buffer(
    daemon: Start, workspace: Path, script: Script
) -> None:
    (workspace / "sums.py").write_text(_WRONG)
    (workspace / "test_sums.py").write_text(_TEST)
    line = "python3 -B -m unittest -q 2>&1 | tail -n1"
    turn = ({"calls": [call("run_command", command=line)]}, {"text": "ok"})
    model = script(*turn, *turn)
    client = daemon(model)
    client.start(workspace, {"approvals": True})
    uri = client.open(workspace / "sums.py", _WRONG)

    saved = done(client, workspace)
    client.change(uri, _RIGHT, 2)
    unsaved = done(client, workspace)

    assert saved[-1]["text"].startswith("FAILED (failures=1)")
    assert unsaved[-1]["text"] == ("OK\n\n[unsaved in the editor, so the command read it from there: sums.py]")
    assert (workspace / "sums.py").read_text() == _WRONG


def test_code_is_run_by_the_workspaces_own_interpreter_in_the_sandbox(
    daemon: Start, workspace: Path, script: Script, tmp_path: Path
) -> None:
    own = workspace / ".venv/bin/python"
    own.parent.mkdir(parents=True)
    own.write_text('#!/bin/sh\necho "the workspace\'s own"\nexec python3 "$@"\n')
    own.chmod(0o755)
    code = f"print(6 * 7)\nopen({str(tmp_path / 'outside')!r}, 'w').write('x')"
    client = daemon(script({"calls": [call("run_code", code=code)]}, {"text": "ok"}))
    client.start(workspace, {"approvals": True})

    assert done(client, workspace)[-1]["text"].startswith("the workspace's own\n42\n")
    assert not (tmp_path / "outside").exists()


def test_status_names_the_level(daemon: Start, workspace: Path) -> None:
    client = daemon()
    client.start(workspace)

    assert client.command("agent.status")["sandbox"] == "bubblewrap"


def test_a_name_that_is_no_text_or_deceives_is_told_and_ends_nothing(
    daemon: Start, workspace: Path, script: Script
) -> None:
    line = r"""d=$(printf 'a\377\033[2J\342\200\256b\n[x'); mkdir -p "$d/.vscode" plain/.vscode"""
    client = daemon(script({"calls": [call("run_command", command=line)]}, {"text": "ok"}))
    client.start(workspace, {"approvals": True})

    [result] = done(client, workspace)

    told = [one.partition(";")[0] for one in result["text"].splitlines()]
    assert told == [
        "[exit code 0]",
        r"[taken back, for only the user may change it: a\udcff\x1b[2J\u202eb\n[x/.vscode",
        "[taken back, for only the user may change it: plain/.vscode",
        "[where that must be made, ask the user to, or run it outside the sandbox, which asks them]",
    ]
