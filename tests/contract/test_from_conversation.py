"""Values of a conversation as JSON of the contract."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

from agent_lsp.app import approval_documents
from agent_lsp.contract.codec import encode
from agent_lsp.contract.from_actions import approval
from agent_lsp.contract.from_entries import session_entry
from agent_lsp.conversation.actions import Action, ApprovalRequest, FileChange, Target, ToolKind, WorkspacePath
from agent_lsp.conversation.entries import Entry, Said
from agent_lsp.conversation.messages import Notice, ToolMessage, ToolResult
from agent_lsp.permissions.approval import whole
from agent_lsp.text.diffs import compared
from tests.pictures import image, png


def test_an_image_is_told_of_without_its_bytes() -> None:
    results = (ToolResult("a", "1\tx\n"), ToolResult("b", "a.png", images=(image(640, 480),)))

    assert encode(session_entry(Entry(7, None, 0.0, Said(ToolMessage(results))))) == {
        "seq": 7,
        "at": "1970-01-01T00:00:00.000Z",
        "kind": "message",
        "role": "tool",
        "results": [
            {"callId": "a", "text": "1\tx\n", "status": "done"},
            {
                "callId": "b",
                "text": "a.png",
                "status": "done",
                "images": [{"mediaType": "image/png", "width": 640, "height": 480, "bytes": len(png())}],
            },
        ],
    }


def test_what_the_workspace_tells_is_nobodys_words() -> None:
    assert encode(session_entry(Entry(7, None, 0.0, Said(Notice("a changed"))))) == {
        "seq": 7,
        "at": "1970-01-01T00:00:00.000Z",
        "kind": "message",
        "role": "notice",
        "text": "a changed",
    }


def asked(action: Action, taint: str = "") -> ApprovalRequest:
    return ApprovalRequest("approval_1", "session_1", "turn_1", "call_1", action, "why", 0.0, taint=taint)


def write(text: str) -> Action:
    change = FileChange(WorkspacePath("/w", "a", "a"), None, text, hunks=compared("", text), target=Target("/w/a"))
    return Action("write_file", ToolKind.EDIT, "Write a", change)


def test_a_question_says_where_untrusted_text_came_from() -> None:
    assert approval(asked(write("x\n"), "https://example.org")).taint == "https://example.org"
    assert "taint" not in encode(approval(asked(write("x\n"))))


async def test_a_change_of_ten_megabytes_is_asked_about_by_its_ends_while_the_loop_goes_on() -> None:
    action = write("".join(f"{number} the same words on each line\n" for number in range(300_000)))
    beats = 0
    asking = asyncio.create_task(asyncio.to_thread(lambda: encode(approval(asked(action)))))
    while not asking.done():
        await asyncio.sleep(0.001)
        beats += 1

    made = asking.result()

    assert beats >= 10
    assert len(json.dumps(made)) < 200_000
    assert "diff" not in made
    assert made["length"] > 10_000_000
    assert made["digest"] in made["detail"]


def test_all_of_a_question_is_a_document_that_nobody_writes_to(tmp_path: Path) -> None:
    action = write("".join(f"{number}\n" for number in range(100_000)))

    file = approval_documents.write(asked(action), tmp_path)

    assert file.read_text() == "".join(whole(action))
    assert file.stat().st_mode & 0o777 == 0o400
