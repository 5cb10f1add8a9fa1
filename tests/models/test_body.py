"""The JSON text of requests."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from agent_lsp.conversation.messages import (
    OWN,
    AssistantMessage,
    Message,
    Notice,
    Text,
    ToolCall,
    ToolMessage,
    ToolResult,
    UserMessage,
)
from agent_lsp.models import Request
from agent_lsp.models.wire import anthropic, openai_chat, openai_responses
from agent_lsp.models.wire.body import WrittenOnce, encoded
from agent_lsp.models.wire.wire_model import Wire

WIRES = (anthropic.WIRE, openai_chat.WIRE, openai_responses.WIRE)


def test_a_body_is_the_json_of_its_fields() -> None:
    body = {
        "model": "mé",
        "stream": True,
        "messages": [WrittenOnce(a="ü", b=[1, None]), {"c": 'x"\ud800'}],
        "empty": [],
    }
    assert encoded(body) == json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")
    assert encoded(body) == encoded(body)


@pytest.mark.parametrize("wire", WIRES, ids=lambda wire: wire.protocol)
def test_a_history_that_grew_is_written_as_if_it_were_new(wire: Wire) -> None:
    history: list[Message] = []
    for step in range(4):
        call = ToolCall(f"call{step}", "read_file", '{"path":"a"}')
        history += [UserMessage(f"question {step}"), AssistantMessage((Text("I look."), call), "m")]
        history += [ToolMessage((ToolResult(call.id, f"text {step}", origin=OWN),)), Notice("a file changed")]
        request = Request("Be brief.", tuple(history), (), 100)
        anew = replace(request, messages=tuple(replace(message) for message in history))
        assert encoded(wire.body(request, "m", "host")) == encoded(wire.body(anew, "m", "host"))
