"""Anthropic's Messages against a provider on loopback: what each event stands for, and what goes back."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from inline_snapshot import snapshot

from agent_lsp.conversation.messages import (
    AssistantMessage,
    ResultStatus,
    StopReason,
    Text,
    Thinking,
    ToolCall,
    ToolMessage,
    ToolResult,
    Usage,
    UserMessage,
)
from agent_lsp.models import Chunk, Completed, Request, TextChunk, ThinkingChunk, ToolSpec
from agent_lsp.models.wire.anthropic import request_body
from tests.models.provider import Provider, Reply
from tests.models.wires import MESSAGES, Call, Said, Thought, Words, messages, named

ASK = Request("Be brief.", (UserMessage("hi"),), (), 100)


async def chunks_of(*pieces: bytes) -> list[Chunk]:
    async with Provider(Reply(pieces)).serving() as provider:
        model = MESSAGES.model(provider.url.removesuffix("/v1"))
        chunks = [chunk async for chunk in model.stream(ASK)]
        await model.close()
    (asked,) = provider.asked
    assert asked.line == "POST /v1/messages HTTP/1.1"
    assert (asked.headers["x-api-key"], asked.headers["anthropic-version"]) == ("secret-key", "2023-06-01")
    return chunks


async def answer(*pieces: bytes) -> AssistantMessage:
    *_, last = await chunks_of(*pieces)
    assert isinstance(last, Completed)
    return last.message


def start(index: int, **block: Any) -> bytes:
    return named(type="content_block_start", index=index, content_block=block)


def more(index: int, **delta: Any) -> bytes:
    return named(type="content_block_delta", index=index, delta=delta)


def stop(reason: str | None = "end_turn", **usage: int) -> bytes:
    return named(type="message_delta", delta={"stop_reason": reason}, usage=usage)


END = named(type="message_stop")


async def test_an_answer_is_streamed_as_it_comes_and_completed() -> None:
    said = Said((Thought(("h", "m")), Words(("Hel", "lo")), Call("a", "t", ('{"x"', ":1}"))), "tools", 3, 4, 5, 6, 2)
    raw = json.dumps({"type": "thinking", "thinking": "hm", "signature": "seal=="})

    assert await chunks_of(*messages(said)) == [
        ThinkingChunk("h"),
        ThinkingChunk("m"),
        TextChunk("Hel"),
        TextChunk("lo"),
        Completed(
            AssistantMessage(
                (Thinking("hm", raw), Text("Hello"), ToolCall("a", "t", '{"x":1}')), "anthropic:m", Usage(3, 4, 5, 6, 2)
            )
        ),
    ]


async def test_thinking_between_calls_keeps_its_place_and_redacted_thinking_is_kept_whole() -> None:
    redacted = {"type": "redacted_thinking", "data": "EvAF=="}
    message = await answer(
        start(0, **redacted),
        start(1, type="tool_use", id="a", name="t", input={}),
        start(2, type="thinking", thinking="", signature=""),
        more(2, type="signature_delta", signature="s1"),
        more(2, type="signature_delta", signature="s2"),
        start(3, type="tool_use", id="b", name="t", input={"whole": 1}),
        stop("tool_use"),
        END,
    )

    silent = {"type": "thinking", "thinking": "", "signature": "s1s2"}
    assert message.parts == (
        Thinking("", json.dumps(redacted)),
        ToolCall("a", "t", "{}"),
        Thinking("", json.dumps(silent)),
        ToolCall("b", "t", '{"whole": 1}'),
    )
    body = request_body(replace(ASK, messages=(UserMessage("hi"), message)), "m", "api.anthropic.com")
    assert body["messages"][1]["content"] == [  # type: ignore[index]  # JSON
        redacted,
        {"type": "tool_use", "id": "a", "name": "t", "input": {}},
        silent,
        {"type": "tool_use", "id": "b", "name": "t", "input": {"whole": 1}},
    ]


async def test_thinking_that_was_cut_off_before_its_signature_is_for_servers_that_sign_none() -> None:
    cut = await answer(start(0, type="thinking", thinking=""), more(0, thinking="hm"), stop("max_tokens"), END)
    message = replace(cut, parts=(*cut.parts, Text("So.")))
    history = replace(ASK, messages=(UserMessage("hi"), message, UserMessage("go on")))

    def sent(host: str) -> object:
        return request_body(history, "m", host)["messages"][1]["content"]  # type: ignore[index]  # JSON

    assert cut.stop is StopReason.MAX_TOKENS
    assert sent("api.anthropic.com") == [{"type": "text", "text": "So."}]
    assert sent("127.0.0.1") == [{"type": "thinking", "thinking": "hm"}, {"type": "text", "text": "So."}]


async def test_two_blocks_under_one_index_are_two() -> None:
    message = await answer(
        start(0, type="text", text="a"),
        named(type="content_block_stop", index=0),
        start(0, type="tool_use", id="x", name="t", input={}),
        more(0, type="input_json_delta", partial_json='{"y":1}'),
        stop(None),
        END,
    )

    assert message.parts == (Text("a"), ToolCall("x", "t", '{"y":1}'))


async def test_counts_are_running_totals_of_which_the_last_counts() -> None:
    first = {"input_tokens": 10, "cache_read_input_tokens": 20, "cache_creation_input_tokens": 30, "output_tokens": 1}
    begun = named(type="message_start", message={"usage": first})

    message = await answer(begun, start(0, type="text", text="a"), stop(output_tokens=5), stop(output_tokens=9), END)

    assert message.usage == Usage(10, 20, 30, 9)


@pytest.mark.parametrize(
    ("reason", "then"),
    [
        ("end_turn", StopReason.END_TURN),
        ("stop_sequence", StopReason.END_TURN),
        ("tool_use", StopReason.END_TURN),
        ("pause_turn", StopReason.END_TURN),
        ("max_tokens", StopReason.MAX_TOKENS),
        ("model_context_window_exceeded", StopReason.MAX_TOKENS),
        ("refusal", StopReason.REFUSAL),
        ("tomorrow", StopReason.END_TURN),
        (None, StopReason.END_TURN),
    ],
)
async def test_the_stop_reason_is_one_of_ours(reason: str | None, then: StopReason) -> None:
    assert (await answer(start(0, type="text", text="a"), stop(reason), END)).stop is then


async def test_a_plain_json_answer_is_an_answer() -> None:
    content = [{"type": "text", "text": "Hello"}, {"type": "tool_use", "id": "a", "name": "t", "input": {"x": 1}}]
    usage = {"input_tokens": 3, "output_tokens": 2}
    body = {"type": "message", "content": content, "stop_reason": "tool_use", "usage": usage}

    message = await answer(json.dumps(body, indent=1).encode())

    assert message.parts == (Text("Hello"), ToolCall("a", "t", '{"x": 1}'))
    assert message.usage == Usage(input_tokens=3, output_tokens=2)


def test_the_body_of_a_request() -> None:
    seal = json.dumps({"type": "thinking", "thinking": "hm", "signature": "s"})
    history = (
        UserMessage("What is in a?", context="[The user is looking at a]"),
        AssistantMessage(
            (
                Thinking("hm", seal),
                Text("I'll look.\n"),
                ToolCall("c1", "read_file", '{"path":"a"}'),
                ToolCall("functions.search:0", "se arch", "{broken"),
            ),
            "anthropic:m",
        ),
        ToolMessage((ToolResult("c1", ""), ToolResult("functions.search:0", "no", ResultStatus.FAILED))),
        UserMessage("Be quick."),
        AssistantMessage((Thinking("only", seal),), "anthropic:m"),
        UserMessage("And b?"),
        AssistantMessage((Thinking("foreign", seal), Text("So."), Text(" ")), "anthropic:other"),
        UserMessage("Go on."),
    )
    spec = ToolSpec("read_file", "Read.", {"type": "object", "properties": {"path": {"type": "string"}}})

    body = request_body(Request("Be brief.", history, (spec,), 500), "m", "api.anthropic.com")

    assert body == snapshot(
        {
            "model": "m",
            "max_tokens": 500,
            "stream": True,
            "tools": [
                {
                    "name": "read_file",
                    "description": "Read.",
                    "input_schema": {"type": "object", "properties": {"path": {"type": "string"}}},
                }
            ],
            "system": [{"type": "text", "text": "Be brief.", "cache_control": {"type": "ephemeral"}}],
            "messages": [
                {
                    "role": "user",
                    "content": [
                        {"type": "text", "text": "[The user is looking at a]"},
                        {"type": "text", "text": "What is in a?"},
                    ],
                },
                {
                    "role": "assistant",
                    "content": [
                        {"type": "thinking", "thinking": "hm", "signature": "s"},
                        {"type": "text", "text": "I'll look.\n"},
                        {"type": "tool_use", "id": "c1", "name": "read_file", "input": {"path": "a"}},
                        {
                            "type": "tool_use",
                            "id": "85c5207c101d90a54df3f06aef9792d8160e3839",
                            "name": "se_arch",
                            "input": {},
                        },
                    ],
                },
                {
                    "role": "user",
                    "content": [
                        {"type": "tool_result", "tool_use_id": "c1", "content": "(empty)"},
                        {
                            "type": "tool_result",
                            "tool_use_id": "85c5207c101d90a54df3f06aef9792d8160e3839",
                            "content": "no",
                            "is_error": True,
                        },
                        {"type": "text", "text": "Be quick."},
                        {"type": "text", "text": "And b?", "cache_control": {"type": "ephemeral"}},
                    ],
                },
                {"role": "assistant", "content": [{"type": "text", "text": "So."}]},
                {
                    "role": "user",
                    "content": [{"type": "text", "text": "Go on.", "cache_control": {"type": "ephemeral"}}],
                },
            ],
        }
    )


def test_without_instructions_there_is_no_empty_block_to_mark() -> None:
    assert "system" not in request_body(replace(ASK, system=" "), "m", "h")
