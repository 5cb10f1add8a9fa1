"""Images in results over the three protocols: what is sent, and that the official SDKs know each field of it."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import pytest
from anthropic.types import MessageParam
from inline_snapshot import snapshot
from openai.types.chat import ChatCompletionMessageParam
from openai.types.responses import ResponseInputItemParam
from pydantic import TypeAdapter

from agent_lsp.conversation.messages import (
    AssistantMessage,
    Image,
    Message,
    ResultStatus,
    Text,
    ToolCall,
    ToolMessage,
    ToolResult,
    UserMessage,
)
from agent_lsp.models import Request
from tests.models.rules import check
from tests.models.wires import KITS

TINY = Image("image/png", 1, 1, "AAAA")
OTHER = Image("image/webp", 2, 1, "BBBB")
HISTORY: tuple[Message, ...] = (
    UserMessage("Compare the logos."),
    AssistantMessage(
        (ToolCall("c1", "read_file", "{}"), ToolCall("c2", "read_file", "{}"), ToolCall("c3", "read_file", "{}")), "m"
    ),
    ToolMessage(
        (
            ToolResult("c1", "a.png: 1 × 1", images=(TINY,)),
            ToolResult("c2", "not found", ResultStatus.FAILED),
            ToolResult("c3", "b.webp: 2 × 1", images=(OTHER,)),
        )
    ),
)


def body(protocol: str, messages: tuple[Message, ...] = HISTORY, model: str = "m") -> dict[str, Any]:
    wire = KITS[protocol].wire.body(Request("Be brief.", messages, (), 100), model, "api.example")
    check(protocol, plain := json.loads(json.dumps(wire)))
    assert isinstance(plain, dict)
    return plain


def test_anthropic_has_them_inside_the_result() -> None:
    assert body("anthropic")["messages"][-1] == snapshot(
        {
            "role": "user",
            "content": [
                {
                    "type": "tool_result",
                    "tool_use_id": "c1",
                    "content": [
                        {"type": "text", "text": "a.png: 1 × 1"},
                        {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "AAAA"}},
                    ],
                },
                {"type": "tool_result", "tool_use_id": "c2", "content": "not found", "is_error": True},
                {
                    "type": "tool_result",
                    "tool_use_id": "c3",
                    "content": [
                        {"type": "text", "text": "b.webp: 2 × 1"},
                        {"type": "image", "source": {"type": "base64", "media_type": "image/webp", "data": "BBBB"}},
                    ],
                    "cache_control": {"type": "ephemeral"},
                },
            ],
        }
    )


def test_responses_have_them_inside_the_output() -> None:
    assert body("openai-responses")["input"][-3:] == snapshot(
        [
            {
                "type": "function_call_output",
                "call_id": "c1",
                "output": [
                    {"type": "input_text", "text": "a.png: 1 × 1"},
                    {"type": "input_image", "image_url": "data:image/png;base64,AAAA"},
                ],
            },
            {"type": "function_call_output", "call_id": "c2", "output": "not found"},
            {
                "type": "function_call_output",
                "call_id": "c3",
                "output": [
                    {"type": "input_text", "text": "b.webp: 2 × 1"},
                    {"type": "input_image", "image_url": "data:image/webp;base64,BBBB"},
                ],
            },
        ]
    )


def test_chat_has_them_in_a_users_message_behind_the_results() -> None:
    assert body("openai-chat")["messages"][-4:] == snapshot(
        [
            {"role": "tool", "tool_call_id": "c1", "content": "a.png: 1 × 1"},
            {"role": "tool", "tool_call_id": "c2", "content": "not found"},
            {"role": "tool", "tool_call_id": "c3", "content": "b.webp: 2 × 1"},
            {
                "role": "user",
                "content": [
                    {"type": "text", "text": "[The picture that call c1 shows]"},
                    {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}},
                    {"type": "text", "text": "[The picture that call c3 shows]"},
                    {"type": "image_url", "image_url": {"url": "data:image/webp;base64,BBBB"}},
                ],
            },
        ]
    )


SDK: dict[str, TypeAdapter[Any]] = {
    "anthropic": TypeAdapter(list[MessageParam]),
    "openai-chat": TypeAdapter(list[ChatCompletionMessageParam]),
    "openai-responses": TypeAdapter(list[ResponseInputItemParam]),
}


@pytest.mark.parametrize("protocol", KITS)
def test_the_official_sdk_knows_each_field_of_it(protocol: str) -> None:
    sent = body(protocol)
    messages = sent.get("messages") or sent["input"]

    assert whole(SDK[protocol].validate_python(messages)) == messages


def whole(value: Any) -> Any:
    """With what pydantic validates only as it is read; a field that it does not know is missing."""
    if isinstance(value, dict):
        return {key: whole(one) for key, one in value.items()}
    return [whole(one) for one in value] if isinstance(value, Iterable) and not isinstance(value, str) else value


@pytest.mark.parametrize("protocol", KITS)
def test_without_images_a_result_is_sent_as_ever(protocol: str) -> None:
    words = tuple(ToolResult(f"c{number}", "words") for number in (1, 2, 3))

    assert "image" not in json.dumps(body(protocol, (*HISTORY[:2], ToolMessage(words))))


@pytest.mark.parametrize("protocol", KITS)
@pytest.mark.parametrize("writer", ["m", *(f"{protocol}:m" for protocol in KITS)])
def test_a_conversation_with_images_goes_on_with_any_model(protocol: str, writer: str) -> None:
    asked, calls, results = HISTORY
    assert isinstance(calls, AssistantMessage)
    history = (
        asked,
        replace(calls, model=writer),
        results,
        UserMessage("And now?"),
        AssistantMessage((Text("Red."),), writer),
        UserMessage("Why?"),
    )

    sent = [json.dumps(body(protocol, history[:end]))[:-2] for end in (3, 4, 6)]

    assert all(one.count("AAAA") == one.count("BBBB") == 1 for one in sent)
