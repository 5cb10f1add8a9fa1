"""OpenAI's Responses against a provider on loopback: what each event stands for, and what goes back."""

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
from agent_lsp.models import (
    BadRequest,
    Chunk,
    Completed,
    ModelError,
    Passing,
    Request,
    TextChunk,
    ThinkingChunk,
    ToolSpec,
)
from agent_lsp.models.wire.openai_responses import request_body
from tests.models.provider import Provider, Reply, event
from tests.models.wires import RESPONSES, Call, Said, Thought, Words, named, responses

ASK = Request("Be brief.", (UserMessage("hi"),), (), 100)
REASONING = {"id": "item_0", "type": "reasoning", "summary": [], "encrypted_content": "gAAA=="}
CALL = {"type": "function_call", "id": "fc", "call_id": "a", "name": "t", "arguments": ""}


async def chunks_of(*pieces: bytes) -> list[Chunk]:
    async with Provider(Reply(pieces)).serving() as provider:
        model = RESPONSES.model(provider.url)
        try:
            chunks = [chunk async for chunk in model.stream(ASK)]
        finally:
            await model.close()
    assert provider.asked[0].line == "POST /v1/responses HTTP/1.1"
    return chunks


async def answer(*pieces: bytes) -> AssistantMessage:
    *_, last = await chunks_of(*pieces)
    assert isinstance(last, Completed)
    return last.message


def added(index: int | None, item: dict[str, Any]) -> bytes:
    return named(type="response.output_item.added", output_index=index, item=item)


def done(index: int | None, item: dict[str, Any]) -> bytes:
    return named(type="response.output_item.done", output_index=index, item=item)


def end(status: str = "completed", **fields: Any) -> bytes:
    return named(type=f"response.{status}", response={"status": status, "output": [], **fields})


async def test_an_answer_is_streamed_as_it_comes_and_completed() -> None:
    said = Said((Thought(("h", "m")), Words(("Hel", "lo")), Call("a", "t", ('{"x"', ":1}"))), "tools", 3, 4, 5, 6, 2)

    chunks = await chunks_of(*responses(said))

    assert chunks[:-1] == [ThinkingChunk("h"), ThinkingChunk("m"), TextChunk("Hel"), TextChunk("lo")]
    raw = '{"id": "item_0", "type": "reasoning", "summary": [{"type": "summary_text", "text": "hm"}]'
    raw += ', "encrypted_content": "seal=="}'
    parts = (Thinking("hm", raw), Text("Hello"), ToolCall("a", "t", '{"x":1}'))
    assert chunks[-1] == Completed(AssistantMessage(parts, "openai-responses:m", Usage(3, 4, 5, 6, 2)))


async def test_reasoning_goes_back_as_it_came_when_done_to_the_model_that_wrote_it_only() -> None:
    message = await answer(
        added(0, {**REASONING, "encrypted_content": "half"}), done(0, REASONING), added(1, CALL), end()
    )
    history = replace(ASK, messages=(UserMessage("hi"), message))

    assert request_body(history, "m", "h")["input"][1] == REASONING  # type: ignore[index]  # JSON
    assert "encrypted_content" not in json.dumps(request_body(history, "another", "h")["input"])


@pytest.mark.parametrize("index", [None, 0])
async def test_arguments_are_taken_from_deltas_from_their_end_or_from_the_item(index: int | None) -> None:
    place = {"output_index": index, "item_id": "fc"}
    delta = named(type="response.function_call_arguments.delta", **place, delta='{"x":1}')
    whole = named(type="response.function_call_arguments.done", **place, arguments='{"x":1}')

    for middle in ([delta], [whole], [delta, whole], [done(index, {**CALL, "arguments": '{"x":1}'})]):
        assert (await answer(added(index, CALL), *middle, end())).parts == (ToolCall("a", "t", '{"x":1}'),)


async def test_items_without_index_are_told_apart_by_their_ids() -> None:
    message = await answer(
        added(None, {**CALL, "id": "one", "call_id": "a"}),
        added(None, {**CALL, "id": "two", "call_id": "b"}),
        named(type="response.function_call_arguments.delta", item_id="one", delta='{"x":1}'),
        named(type="response.function_call_arguments.delta", item_id="two", delta='{"x":2}'),
        end(),
    )

    assert [call.arguments for call in message.calls] == ['{"x":1}', '{"x":2}']


async def test_what_only_the_last_event_tells_is_part_of_the_answer() -> None:
    text = {"type": "message", "content": [{"type": "output_text", "text": "Hello"}]}

    assert await chunks_of(added(0, REASONING), end(output=[REASONING, text, {**CALL, "arguments": "{}"}])) == [
        TextChunk("Hello"),
        Completed(
            AssistantMessage(
                (Thinking("", json.dumps(REASONING)), Text("Hello"), ToolCall("a", "t", "{}")), "openai-responses:m"
            ),
            counted=False,
        ),
    ]


async def test_paragraphs_of_a_summary_stay_apart() -> None:
    def part(text: str) -> tuple[bytes, bytes]:
        begun = named(type="response.reasoning_summary_part.added", output_index=0, item_id="item_0")
        return begun, named(type="response.reasoning_summary_text.delta", output_index=0, delta=text)

    message = await answer(added(0, REASONING), *part("one"), *part("two"), done(0, REASONING), end())

    assert message.parts == (Thinking("one\n\ntwo", json.dumps(REASONING)),)


@pytest.mark.parametrize(
    ("status", "reason", "then"),
    [
        ("completed", None, StopReason.END_TURN),
        ("incomplete", "max_output_tokens", StopReason.MAX_TOKENS),
        ("incomplete", "content_filter", StopReason.REFUSAL),
        ("incomplete", "tomorrow", StopReason.MAX_TOKENS),
        ("incomplete", None, StopReason.MAX_TOKENS),
    ],
)
async def test_the_stop_reason_is_one_of_ours(status: str, reason: str | None, then: StopReason) -> None:
    said = named(type="response.output_text.delta", output_index=0, delta="a")

    assert (await answer(said, end(status, incomplete_details=reason and {"reason": reason}))).stop is then


@pytest.mark.parametrize(
    ("last", "kind"),
    [
        (end("failed"), Passing),
        (end("failed", error={"code": "server_error", "message": "no"}), Passing),
        (end("failed", error={"code": "invalid_prompt", "message": "no"}), BadRequest),
        (end("cancelled"), Passing),
        (event(error={"code": 500, "message": "no"}), Passing),
        (event(error="no"), Passing),
    ],
)
async def test_an_answer_that_failed_says_so(last: bytes, kind: type[ModelError]) -> None:
    with pytest.raises(ModelError) as caught:
        await answer(added(0, REASONING), last)
    assert type(caught.value) is kind


async def test_a_refusal_is_text() -> None:
    assert (await answer(named(type="response.refusal.delta", output_index=0, delta="No."), end())).text == "No."


async def test_a_plain_json_answer_is_an_answer() -> None:
    text = {"type": "message", "content": [{"type": "output_text", "text": "Hello"}]}
    usage = {"input_tokens": 3, "output_tokens": 2}
    body = {"object": "response", "status": "completed", "output": [text], "usage": usage, "error": None}

    message = await answer(json.dumps(body, indent=1).encode())

    assert (message.parts, message.usage) == ((Text("Hello"),), Usage(input_tokens=3, output_tokens=2))


def test_the_body_of_a_request() -> None:
    seal = json.dumps(REASONING)
    history = (
        UserMessage("What is in a?", context="[The user is looking at a]"),
        AssistantMessage(
            (
                Thinking("hm", seal),
                Text("I'll look."),
                ToolCall("c1", "read_file", '{"path":"a"}'),
                ToolCall("ö" * 70, "se arch", "{broken"),
            ),
            "openai-responses:m",
        ),
        ToolMessage((ToolResult("c1", ""), ToolResult("ö" * 70, "no", ResultStatus.FAILED))),
        AssistantMessage((Thinking("only", seal),), "openai-responses:m"),
        UserMessage("And b?"),
    )
    spec = ToolSpec("read_file", "Read.", {"type": "object", "properties": {"path": {"type": "string"}}})

    body = request_body(Request("Be brief.", history, (spec,), 500), "m", "api.openai.com")

    assert body == snapshot(
        {
            "model": "m",
            "stream": True,
            "store": False,
            "max_output_tokens": 500,
            "include": ["reasoning.encrypted_content"],
            "tools": [
                {
                    "type": "function",
                    "name": "read_file",
                    "description": "Read.",
                    "parameters": {"type": "object", "properties": {"path": {"type": "string"}}},
                    "strict": False,
                }
            ],
            "instructions": "Be brief.",
            "input": [
                {
                    "type": "message",
                    "role": "user",
                    "content": [
                        {
                            "type": "input_text",
                            "text": """\
[The user is looking at a]

What is in a?\
""",
                        }
                    ],
                },
                {"id": "item_0", "type": "reasoning", "summary": [], "encrypted_content": "gAAA=="},
                {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "I'll look."}]},
                {"type": "function_call", "call_id": "c1", "name": "read_file", "arguments": '{"path":"a"}'},
                {
                    "type": "function_call",
                    "call_id": "675edc1514891f6836a8414657ac03ec028bea8c",
                    "name": "se_arch",
                    "arguments": "{}",
                },
                {"type": "function_call_output", "call_id": "c1", "output": "(empty)"},
                {"type": "function_call_output", "call_id": "675edc1514891f6836a8414657ac03ec028bea8c", "output": "no"},
                {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "And b?"}]},
            ],
        }
    )


def test_models_that_do_not_reason_are_not_asked_for_it() -> None:
    assert "include" not in request_body(ASK, "gpt-4o", "api.openai.com")


async def test_which_part_of_an_answer_words_are_goes_back_to_the_model_that_said_so_and_to_no_other() -> None:
    def item(phase: str, words: str) -> dict[str, Any]:
        return {
            "type": "message",
            "role": "assistant",
            "phase": phase,
            "content": [{"type": "output_text", "text": words}],
        }

    output = [item("commentary", "I look."), item("final_answer", "It is 7.")]
    body: dict[str, Any] = {"object": "response", "status": "completed", "output": output, "error": None}
    message = await answer(json.dumps(body).encode())

    assert message.parts == (Text("I look.", '{"phase": "commentary"}'), Text("It is 7.", '{"phase": "final_answer"}'))
    again = Request("", (UserMessage("?"), replace(message, model="openai-responses:m"), UserMessage("Sure?")), (), 9)
    sent: Any = request_body(again, "m", "api.openai.com")["input"]
    assert sent[1:3] == output
    assert "phase" not in json.dumps(request_body(again, "other", "api.openai.com"))


def test_a_conversation_names_its_cache() -> None:
    body = request_body(replace(ASK, conversation="session_1"), "m", "api.openai.com")

    assert body["prompt_cache_key"] == "session_1"
    assert "prompt_cache_key" not in request_body(ASK, "m", "api.openai.com")
