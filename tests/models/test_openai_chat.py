"""Chat Completions against a provider on loopback that behaves as badly as they do."""

from __future__ import annotations

import asyncio
import email.utils
import json
import socket
import time
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
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
    BadResponse,
    Chunk,
    Completed,
    ConnectionLost,
    ContextTooLong,
    KeyRefused,
    ModelError,
    Passing,
    RateLimited,
    Request,
    TextChunk,
    ThinkingChunk,
    TimedOut,
    ToolSpec,
)
from agent_lsp.models.wire.http import Endpoint, Patience
from agent_lsp.models.wire.openai_chat import WIRE, request_body
from agent_lsp.models.wire.wire_model import WireModel
from tests.models.provider import DONE, HELLO, Disconnect, Hang, Provider, Reply, delta, event

PATIENCE = Patience()
ASK = Request("Be brief.", (UserMessage("hi"),), (), 100)


def model_at(url: str, key: str = "secret-key", patience: Patience = PATIENCE) -> WireModel:
    headers = {"authorization": f"Bearer {key}"}
    return WireModel(WIRE, Endpoint(url, headers), "m", context_window=8_000, patience=patience)


async def chunks_of(model: WireModel, request: Request = ASK) -> list[Chunk]:
    return [chunk async for chunk in model.stream(request)]


async def take_all(stream: AsyncGenerator[Chunk, None], into: list[Chunk]) -> None:
    async for chunk in stream:
        into.append(chunk)  # noqa: PERF401 - what came before a failure counts too


async def answer(*pieces: bytes, **reply: object) -> AssistantMessage:
    """The message that these bytes stand for."""
    async with Provider(Reply(pieces, **reply)).serving() as provider:  # type: ignore[arg-type]  # as Reply takes them
        model = model_at(provider.url)
        *_, last = await chunks_of(model)
        await model.close()
    assert isinstance(last, Completed)
    return last.message


async def failure(reply: Reply, patience: Patience = PATIENCE) -> ModelError:
    async with Provider(reply).serving() as provider:
        model = model_at(provider.url, patience=patience)
        with pytest.raises(ModelError) as caught:
            await chunks_of(model)
        await model.close()
    assert "secret-key" not in str(caught.value)
    return caught.value


def fragment(**fields: object) -> bytes:
    return delta(tool_calls=[fields])


def calls(*wanted: tuple[str, str, str]) -> tuple[ToolCall, ...]:
    return tuple(ToolCall(*one) for one in wanted)


async def test_an_answer_is_streamed_as_it_comes_and_completed() -> None:
    async with Provider(Reply(HELLO)).serving() as provider:
        model = model_at(provider.url)

        assert await chunks_of(model) == [
            TextChunk("Hel"),
            TextChunk("lo"),
            Completed(AssistantMessage((Text("Hello"),), "openai-chat:m", Usage(), StopReason.END_TURN), counted=False),
        ]
        await model.close()
    (asked,) = provider.asked
    assert asked.line == "POST /v1/chat/completions HTTP/1.1"
    assert asked.headers["authorization"] == "Bearer secret-key"
    assert asked.headers["content-type"] == "application/json"


async def test_one_connection_serves_one_request_after_the_other() -> None:
    async with Provider(Reply(HELLO)).serving() as provider:
        model = model_at(provider.url)
        for _ in range(3):
            await chunks_of(model)
        await model.close()

    assert [asked.connection for asked in provider.asked] == [1, 1, 1]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
async def test_all_line_ends_of_the_standard_are_taken(end: str) -> None:
    pieces = [piece.replace(b"\n", end.encode()) for piece in HELLO]

    assert (await answer(*pieces)).text == "Hello"


async def test_characters_cut_between_packets_are_whole_again() -> None:
    stream = delta(content="dé日🎉") + DONE

    assert (await answer(*(stream[i : i + 1] for i in range(len(stream))))).text == "dé日🎉"


async def test_fragments_of_two_calls_belong_together_by_index() -> None:
    message = await answer(
        fragment(index=0, id="a", function={"name": "read_file", "arguments": ""}),
        fragment(index=1, id="b", function={"name": "search", "arguments": '{"pat'}),
        fragment(index=0, id="", function={"name": "", "arguments": '{"path":'}),
        fragment(index=1, id=None, function={"arguments": 'tern":"x"}'}),
        fragment(index=0, function={"arguments": '"a"}'}),
        delta("tool_calls"),
        DONE,
    )

    assert message.calls == calls(("a", "read_file", '{"path":"a"}'), ("b", "search", '{"pattern":"x"}'))


async def test_fragments_without_index_begin_a_call_with_each_new_id() -> None:
    message = await answer(
        fragment(id="a", function={"name": "one", "arguments": "{"}),
        fragment(function={"arguments": "}"}),
        fragment(id="b", function={"name": "two", "arguments": "{"}),
        fragment(id="b", function={"arguments": '"x":1}'}),
        delta("tool_calls"),
    )

    assert message.calls == calls(("a", "one", "{}"), ("b", "two", '{"x":1}'))


async def test_two_calls_under_one_index_are_two_when_their_ids_differ() -> None:
    message = await answer(
        fragment(index=0, id="a", function={"name": "one", "arguments": "{}"}),
        fragment(index=0, id="b", function={"name": "two", "arguments": "{}"}),
        delta("stop"),
    )

    assert message.calls == calls(("a", "one", "{}"), ("b", "two", "{}"))


async def test_arguments_may_be_an_object_or_missing_and_ids_too() -> None:
    message = await answer(
        fragment(index=0, function={"name": "one", "arguments": {"path": "a"}}),
        fragment(index=1, id="b", function={"name": "two", "arguments": None}),
        fragment(index=1, function=None),
        delta("tool_calls"),
    )

    assert message.calls == calls(("call_1_0", "one", '{"path": "a"}'), ("b", "two", "{}"))


async def test_made_up_ids_differ_from_answer_to_answer() -> None:
    reply = Reply((fragment(index=0, function={"name": "one"}), delta("tool_calls")))
    later = Request("", (UserMessage("a"), AssistantMessage((Text("b"),), "m"), UserMessage("c")), (), 9)
    async with Provider(reply).serving() as provider:
        model = model_at(provider.url)
        answers = [(await chunks_of(model, asked))[-1] for asked in (ASK, later)]
        await model.close()

    ids = {call.id for done in answers if isinstance(done, Completed) for call in done.message.calls}
    assert len(ids) == 2


@pytest.mark.parametrize(("name", "raw"), [("reasoning", ""), ("reasoning_content", '{"reasoning_content": "hm"}')])
async def test_thinking_is_told_apart(name: str, raw: str) -> None:
    async with Provider(
        Reply((delta(**{name: "hm"}), delta(content="yes"), delta("stop"), DONE))
    ).serving() as provider:
        model = model_at(provider.url)
        thought, said, done = await chunks_of(model)
        await model.close()

    assert (thought, said) == (ThinkingChunk("hm"), TextChunk("yes"))
    assert isinstance(done, Completed)
    assert done.message.parts == (Thinking("hm", raw), Text("yes"))


async def test_content_may_come_in_parts() -> None:
    assert (
        await answer(delta(content=[{"type": "text", "text": "a"}, {"type": "thinking"}]), delta("stop"))
    ).text == "a"


async def test_usage_may_come_in_an_event_without_choices() -> None:
    usage = {
        "prompt_tokens": 100,
        "completion_tokens": 20,
        "prompt_tokens_details": {"cached_tokens": 60},
        "completion_tokens_details": {"reasoning_tokens": 5},
    }

    message = await answer(*HELLO[:-1], event(choices=[], usage=usage), DONE)

    assert message.usage == Usage(input_tokens=40, cache_read_tokens=60, output_tokens=20, reasoning_tokens=5)


@pytest.mark.parametrize(
    ("finish", "stop"),
    [
        ("stop", StopReason.END_TURN),
        ("length", StopReason.MAX_TOKENS),
        ("content_filter", StopReason.REFUSAL),
        ("eos", StopReason.END_TURN),
    ],
)
async def test_the_finish_reason_is_the_stop_reason(finish: str, stop: StopReason) -> None:
    assert (await answer(delta(content="x"), delta(finish), DONE)).stop is stop


async def test_a_refusal_is_text() -> None:
    assert (await answer(delta(refusal="No."), delta("stop"))).text == "No."


async def test_text_needs_done_or_a_finish_reason_to_be_whole() -> None:
    assert (await answer(*HELLO[:-1])).text == "Hello"
    assert (await answer(delta(content="Hello"), DONE)).text == "Hello"
    error = await failure(Reply((delta(content="Hello"),)))
    assert (type(error), str(error)) == (ConnectionLost, "127.0.0.1 broke off in the middle of its answer")


async def test_a_call_needs_either() -> None:
    half = fragment(index=0, id="a", function={"name": "one", "arguments": "{}"})

    assert (await answer(half, DONE)).calls == calls(("a", "one", "{}"))
    error = await failure(Reply((half,)))
    assert (type(error), str(error)) == (ConnectionLost, "127.0.0.1 broke off in the middle of a tool call")


async def test_a_plain_json_answer_is_an_answer() -> None:
    call = {"id": "a", "function": {"name": "one", "arguments": {"x": 1}}}
    body = {
        "choices": [{"message": {"content": "Hello", "tool_calls": [call]}, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 3, "completion_tokens": 2},
    }
    text = json.dumps(body, indent=1).encode()

    message = await answer(text[:30], text[30:], headers={"content-type": "application/json"})

    assert message.parts == (Text("Hello"), *calls(("a", "one", '{"x": 1}')))
    assert message.usage == Usage(input_tokens=3, output_tokens=2)


@pytest.mark.parametrize(
    ("reply", "kind", "words"),
    [
        (Reply((event(error={"message": "overloaded"}),)), Passing, "broke the answer off: overloaded"),
        (Reply((event(error={"message": "slow down", "code": 429}),)), RateLimited, "answered 429: slow down"),
        (Reply((event(error="maximum context length"),)), ContextTooLong, "off: maximum context length"),
        (Reply((b'{"error": {"message": "no slots"}}',)), Passing, "no slots"),
        (
            Reply((b"<html><body>Sign in\n to the hotel</body>",)),
            BadResponse,
            "<html><body>Sign in to the hotel</body>",
        ),
        (Reply((b"data: {nonsense\n\n",)), BadResponse, "cannot be read: {nonsense"),
        (Reply((b": ping\n\n",)), ConnectionLost, "ended the answer before it began"),
        (Reply(()), ConnectionLost, "ended the answer before it began"),
        (Reply((b'{"error": {"message": "bad key"}}',), 401), KeyRefused, "refused the key (401: bad key)"),
        (Reply((b"upstream down",), 502), Passing, "answered 502: upstream down"),
        (Reply((b'{"error": "no model x"}',), 404), BadRequest, "answered 404: no model x"),
        (Reply((Disconnect,)), ConnectionLost, "the connection to 127.0.0.1 failed"),
    ],
)
async def test_each_failure_says_in_one_line_what_it_was(reply: Reply, kind: type[ModelError], words: str) -> None:
    error = await failure(reply)

    assert type(error) is kind
    assert words in str(error)
    assert "\n" not in str(error)


async def test_the_time_to_wait_is_taken_from_a_429() -> None:
    date = email.utils.formatdate(time.time() + 60, usegmt=True)
    in_seconds = await failure(Reply((), 429, {"retry-after": "7"}))
    by_date = await failure(Reply((), 429, {"retry-after": date}))

    assert isinstance(in_seconds, RateLimited)
    assert in_seconds.retry_after == 7
    assert isinstance(by_date, RateLimited)
    assert by_date.retry_after == pytest.approx(60, abs=2)


async def test_a_redirect_is_refused_and_the_key_does_not_follow_it() -> None:
    async with Provider(Reply(HELLO)).serving() as elsewhere:
        error = await failure(Reply((), 307, {"location": f"{elsewhere.url}/chat/completions"}))

    assert str(error) == "127.0.0.1 redirects elsewhere (307): give the final address as base URL"
    assert elsewhere.asked == []


async def test_a_refused_connection_is_a_lost_one() -> None:
    async with Provider(Reply()).serving() as provider:
        url = provider.url
    with pytest.raises(ConnectionLost, match=r"the connection to http://127\.0\.0\.1:\d+/v1 failed: "):
        await chunks_of(model_at(url))


@pytest.mark.parametrize("url", ["http://a:port", "localhost:8080/v1", "", "ftp://a.example"])
async def test_a_base_url_that_is_none_is_named(url: str) -> None:
    with pytest.raises(BadRequest, match=r"the base URL .* is not a URL"):
        await chunks_of(model_at(url))


@pytest.mark.parametrize("key", ["secret-key\n", "secret-key\x00", "secret-ké"])
async def test_a_key_with_odd_characters_is_refused_and_not_shown(key: str) -> None:
    async with Provider(Reply(HELLO)).serving() as provider:
        with pytest.raises(BadRequest, match="look for odd characters in the key") as caught:
            await chunks_of(model_at(provider.url, key))

    assert "secret" not in str(caught.value)
    assert caught.value.__suppress_context__


async def test_a_connection_that_breaks_after_the_first_word_has_shown_it() -> None:
    async with Provider(Reply((delta(content="Hel"), Disconnect))).serving() as provider:
        model, shown = model_at(provider.url), list[Chunk]()
        with pytest.raises(ConnectionLost):
            await take_all(model.stream(ASK), shown)
        await model.close()

    assert shown == [TextChunk("Hel")]


@pytest.mark.parametrize("pieces", [(Hang,), (delta(content="Hel"), Hang)])
async def test_a_provider_that_falls_silent_is_given_up(pieces: Sequence[bytes | type[Hang]]) -> None:
    error = await failure(Reply(pieces), patience=Patience(0.2, 0.1))

    assert isinstance(error, TimedOut)


async def test_a_provider_that_never_answers_at_all_is_given_up() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        model = model_at(f"http://127.0.0.1:{server.getsockname()[1]}/v1", patience=Patience(0.1))
        with pytest.raises(TimedOut, match="did not answer in time"):
            await chunks_of(model)
        await model.close()


async def test_closing_the_stream_closes_the_connection_at_once() -> None:
    async with Provider(Reply((delta(content="Hel"), Hang))).serving() as provider:
        model = model_at(provider.url)
        async with aclosing(model.stream(ASK)) as stream:
            assert await anext(stream) == TextChunk("Hel")
        async with asyncio.timeout(10):
            await provider.asked[0].gone.wait()
        await model.close()


@pytest.mark.parametrize("pieces", [(Hang,), (delta(content="Hel"), Hang)])
async def test_cancelling_closes_the_connection_at_once(pieces: Sequence[bytes | type[Hang]]) -> None:
    async with Provider(Reply(pieces)).serving() as provider:
        model = model_at(provider.url)
        task = asyncio.create_task(chunks_of(model))
        await provider.wait_asked(1)
        task.cancel()
        async with asyncio.timeout(10):
            await provider.asked[0].gone.wait()
        with pytest.raises(asyncio.CancelledError):
            await task
        await model.close()


async def test_text_that_is_no_unicode_can_be_sent() -> None:
    odd = Request("", (UserMessage("caf\udce9 \ud83d"),), (), 9)
    async with Provider(Reply(HELLO)).serving() as provider:
        model = model_at(provider.url)
        await chunks_of(model, odd)
        await model.close()

    assert provider.asked[0].body["messages"][1]["content"] == "caf? ?"


def test_the_body_of_a_request() -> None:
    history = (
        UserMessage("What is in a?", context="[The user is looking at a]"),
        AssistantMessage(
            (
                Thinking("hm"),
                Text("I'll look."),
                *calls(("c1", "read_file", '{"path":"a"}'), ("c2", "search", "{broken")),
            ),
            "m",
        ),
        ToolMessage((ToolResult("c1", ""), ToolResult("c2", "no", ResultStatus.FAILED))),
        AssistantMessage((Thinking("only"),), "m"),
        UserMessage("And b?"),
    )
    spec = ToolSpec("read_file", "Read.", {"type": "object", "properties": {"path": {"type": "string"}}})

    body = request_body(Request("Be brief.", history, (spec,), 500), "m", "api.example")

    assert body == snapshot(
        {
            "model": "m",
            "messages": [
                {"role": "system", "content": "Be brief."},
                {"role": "user", "content": "[The user is looking at a]\n\nWhat is in a?"},
                {
                    "role": "assistant",
                    "content": "I'll look.",
                    "tool_calls": [
                        {
                            "id": "c1",
                            "type": "function",
                            "function": {"name": "read_file", "arguments": '{"path":"a"}'},
                        },
                        {"id": "c2", "type": "function", "function": {"name": "search", "arguments": "{}"}},
                    ],
                },
                {"role": "tool", "tool_call_id": "c1", "content": "(empty)"},
                {"role": "tool", "tool_call_id": "c2", "content": "no"},
                {"role": "user", "content": "And b?"},
            ],
            "stream": True,
            "stream_options": {"include_usage": True},
            "max_tokens": 500,
            "tools": [
                {
                    "type": "function",
                    "function": {
                        "name": "read_file",
                        "description": "Read.",
                        "parameters": {"type": "object", "properties": {"path": {"type": "string"}}},
                    },
                }
            ],
        }
    )


def test_openai_itself_wants_another_name_for_the_limit() -> None:
    assert "max_completion_tokens" in request_body(ASK, "m", "api.openai.com")
    assert "max_tokens" not in request_body(ASK, "m", "api.openai.com")


async def test_what_gemini_puts_beside_a_call_goes_back_with_it_to_the_model_that_wrote_it() -> None:
    beside = {"google": {"thought_signature": "sig=="}}
    first = fragment(index=0, id="a", function={"name": "one", "arguments": "{}"}, extra_content=beside)
    message = await answer(first, fragment(index=1, id="b", function={"name": "two"}), delta("tool_calls"))

    assert [call.raw for call in message.calls] == [json.dumps({"extra_content": beside}), ""]
    assert [call.get("extra_content") for call in replayed_calls(message, "m", "h")] == [beside, None]
    assert [call.get("extra_content") for call in replayed_calls(message, "other", "h")] == [None, None]
    google = replayed_calls(message, "other", "generativelanguage.googleapis.com")
    assert [call.get("extra_content") for call in google] == [
        {"google": {"thought_signature": "skip_thought_signature_validator"}},
        None,
    ]


def replayed(message: AssistantMessage, model: str, host: str) -> dict[str, Any]:
    body = json.dumps(request_body(Request("", (UserMessage("hi"), message), (), 9), model, host))
    sent: dict[str, Any] = json.loads(body)["messages"][2]
    return sent


def replayed_calls(message: AssistantMessage, model: str, host: str) -> list[dict[str, Any]]:
    calls: list[dict[str, Any]] = replayed(message, model, host)["tool_calls"]
    return calls


async def test_thoughts_before_a_call_go_back_to_the_model_that_had_them() -> None:
    thought, call = delta(reasoning_content="hm"), fragment(index=0, id="a", function={"name": "one"})
    message = await answer(thought, call, delta("tool_calls"))
    plain = await answer(thought, delta(content="yes"), delta("stop"))

    assert replayed(message, "m", "h")["reasoning_content"] == "hm"
    assert "reasoning_content" not in replayed(message, "other", "h")
    assert replayed(message, "other", "api.deepseek.com")["reasoning_content"] == ""
    assert replayed(plain, "m", "h") == {"role": "assistant", "content": "yes"}


async def test_reasoning_details_go_back_as_whole_blocks() -> None:
    def detail(**fields: object) -> bytes:
        return delta(reasoning="x", reasoning_details=[{"index": 0, **fields}])

    message = await answer(
        detail(type="reasoning.text", text="a", signature=None),
        detail(type="reasoning.text", text="b", signature="sig"),
        detail(type="reasoning.encrypted", data="e"),
        fragment(index=0, id="a", function={"name": "one"}),
        delta("tool_calls"),
    )

    assert replayed(message, "m", "openrouter.ai")["reasoning_details"] == [
        {"index": 0, "type": "reasoning.text", "text": "ab", "signature": "sig"},
        {"index": 0, "type": "reasoning.encrypted", "data": "e"},
    ]


@pytest.mark.parametrize(
    ("call_id", "host", "sent"),
    [
        ("functions.search:0", "h", "functions.search:0"),
        ("x" * 41, "h", "4ef3fd9a3a9a8d9a0f4cf3a4e4ecb0ef2ad2b5a5"),
        ("call_1", "api.mistral.ai", "000000000"),
        ("abcdefgh9", "api.mistral.ai", "abcdefgh9"),
    ],
)
def test_ids_are_sent_in_the_form_that_their_vendor_takes(call_id: str, host: str, sent: str) -> None:
    message = AssistantMessage((ToolCall(call_id, "one", "{}"),), "openai-chat:m")
    (call,) = replayed_calls(message, "m", host)

    assert len(call["id"]) == len(sent)
    assert (call["id"] == call_id) == (sent == call_id)


async def test_tokens_written_to_a_cache_are_counted_apart_and_deepseek_names_its_own() -> None:
    details = {"cached_tokens": 60, "cache_write_tokens": 30}
    wrote = {"prompt_tokens": 100, "completion_tokens": 2, "prompt_tokens_details": details}
    deepseek = {"prompt_tokens": 100, "completion_tokens": 2, "prompt_cache_hit_tokens": 60}

    assert (await answer(*HELLO[:-1], event(choices=[], usage=wrote))).usage == Usage(10, 60, 30, 2)
    assert (await answer(*HELLO[:-1], event(choices=[], usage=deepseek))).usage == Usage(40, 60, 0, 2)


async def test_a_whole_message_behind_its_own_stream_is_not_said_twice() -> None:
    last = event(choices=[{"message": {"content": "Hello"}, "finish_reason": "stop"}])

    assert (await answer(*HELLO[:3], last, DONE)).text == "Hello"
