"""Every wire protocol sends the result of a call between its marks, and counts them."""

from __future__ import annotations

import json

import pytest

from agent_lsp.agent.context import request_tokens, tokens_of
from agent_lsp.conversation.messages import (
    AssistantMessage,
    Origin,
    Provenance,
    ToolCall,
    ToolMessage,
    ToolResult,
    UserMessage,
)
from agent_lsp.models import Request
from tests.models.wires import KITS

RESULT = ToolResult(
    "c1",
    "the page\u200b says",
    origin=Origin(Provenance.WEB, "https://example.org/"),
    remark="They said: good.",
    mark="5eed5eed5eed",
)
ASKED = AssistantMessage((ToolCall("c1", "web_fetch", "{}"),), "other:m")


def request(result: ToolResult) -> Request:
    return Request("Be brief.", (UserMessage("look"), ASKED, ToolMessage((result,))), (), 100)


@pytest.mark.parametrize("protocol", KITS)
def test_a_result_is_sent_between_its_marks(protocol: str) -> None:
    sent = json.dumps(KITS[protocol].wire.body(request(RESULT), "m", "api.example"), ensure_ascii=False)
    told = (
        "[data 5eed5eed5eed from https://example.org/]\nthe page\\u200b says\n[end of data 5eed5eed5eed]\n"
        "They said: good."
    )
    assert json.dumps(told)[1:-1] in sent


def test_the_size_of_a_request_counts_the_marks() -> None:
    bare = request_tokens(request(ToolResult("c1", RESULT.text)))
    assert request_tokens(request(RESULT)) - bare == tokens_of(RESULT.fenced) - tokens_of(RESULT.text) > 0
