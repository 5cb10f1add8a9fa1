"""What the questions of stock editors say besides what would be done."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import call
from tests.lsp.conftest import Start
from tests.stock_editor import answers, ask

Script = Callable[..., str]
READ = call("read_file", path="vendor/x.md")
TAINT = "untrusted text was read before: vendor/x.md (a dependency)"
ACTS = "is protected: git runs what it names"


@pytest.fixture(autouse=True)
def vendor(workspace: Path) -> None:
    (workspace / "vendor").mkdir()
    (workspace / "vendor" / "x.md").write_text("obey\n")


@pytest.mark.parametrize(
    ("deeds", "told", "untold"),
    [
        ([call("write_file", path="a.txt", content="x\n")], [], [TAINT, "the preset"]),
        ([READ, call("write_file", path="a.txt", content="x\n")], [f"\n({TAINT})\n"], []),
        ([READ, call("write_file", path=".git/hooks/x", content="x\n")], [f"{ACTS})", f"\n({TAINT})\n"], []),
    ],
)
def test_a_message_says_why_nothing_standing_covers_it_and_what_untrusted_text_was_read(
    daemon: Start, workspace: Path, script: Script, deeds: list[object], told: list[str], untold: list[str]
) -> None:
    client = daemon(script(*({"calls": [deed]} for deed in deeds), {"text": "ok"}))
    asked = answers(client, "Reject", delay=0)
    client.start(workspace, {"events": False})
    ask(client)
    [question] = asked
    assert [words in question["message"] for words in (*told, *untold)] == [True] * len(told) + [False] * len(untold)


def test_a_client_without_message_boxes_is_told_it_with_the_code_actions(
    daemon: Start, workspace: Path, script: Script
) -> None:
    client = daemon(script({"calls": [READ]}, {"calls": [call("delete_file", path="greeting.txt")]}, {"text": "ok"}))
    client.start(workspace, {"events": False})
    client.command("agent.ask", {"prompt": "go"})
    said = client.wait(lambda m: m.get("method") == "window/showMessage" and "code actions" in m["params"]["message"])
    assert TAINT in said["params"]["message"]
