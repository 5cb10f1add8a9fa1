"""Whole conversations over each protocol: what is sent back, to whom, and in which form."""

from __future__ import annotations

import itertools
import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from agent_lsp.conversation.messages import (
    AssistantMessage,
    Message,
    Notice,
    ResultStatus,
    Text,
    ToolCall,
    ToolMessage,
    ToolResult,
    UserMessage,
)
from agent_lsp.models import Completed, Request, ToolSpec
from tests.models.provider import Provider, Reply
from tests.models.rules import check
from tests.models.wires import KITS, Call, Kit, Said, Thought, Words

SPEC = ToolSpec("read_file", "Read.", {"type": "object", "properties": {"path": {"type": "string"}}})
STEPS = (
    Said((Thought(("I ", "look")), Words(("Look",)), Call("toolu_1", "read_file", ('{"path":', '"a"}'))), "tools"),
    Said((Thought(("two",)), Call("id.2/ö" * 20, "read_file", ("{",)), Call("b", "bad näme!", ("{}",))), "end"),
    Said((Words(("Done ",)),)),
    Said((Thought(("only",)),)),
    Said((Call("c", "read_file", ('{"x": NaN}',)), Words(("after",))), "tools"),
    Said((Words(("The end.",)),)),
)


def request_of(history: list[Message]) -> Request:
    return Request("Be brief.", tuple(history), (SPEC,), 100)


async def conversation(kit: Kit) -> tuple[list[Message], list[Mapping[str, Any]]]:
    """A conversation with tools over real HTTP, and the bodies that were sent for it."""
    history: list[Message] = [UserMessage("What is in a?", context="[a is open]")]
    replies = [Reply(tuple(kit.streamed(said))) for said in STEPS]
    async with Provider(*replies).serving() as provider:
        model = kit.model(provider.url)
        for number, _ in enumerate(STEPS):
            *_, last = [chunk async for chunk in model.stream(request_of(history))]
            assert isinstance(last, Completed)
            history.append(last.message)
            if last.message.calls:
                status = ResultStatus.FAILED if number else ResultStatus.DONE
                history.append(ToolMessage(tuple(ToolResult(c.id, "", status) for c in last.message.calls)))
            if number in {0, 2}:
                history.append(Notice("a changed"))
            if number in {1, 2, 3, 5}:
                history.append(UserMessage(f"and {number}?"))
        await model.close()
    return history, [asked.body for asked in provider.asked]


def calls_of(history: list[Message]) -> list[list[tuple[str, str]]]:
    answers = [message for message in history if isinstance(message, AssistantMessage)]
    return [[(call.tool, call.arguments) for call in answer.calls] for answer in answers]


@pytest.mark.parametrize("own", KITS)
async def test_a_conversation_keeps_the_rules_of_its_protocol(own: str) -> None:
    history, bodies = await conversation(KITS[own])

    for body in bodies:
        check(own, dict(body))
    assert calls_of(history) == [
        [("read_file", '{"path":"a"}')],
        [("read_file", "{"), ("bad näme!", "{}")],
        [],
        [],
        [("read_file", '{"x": NaN}')],
        [],
    ]


@pytest.mark.parametrize("own", KITS)
@pytest.mark.parametrize("other", KITS)
async def test_a_conversation_goes_on_with_another_model_of_any_protocol(own: str, other: str) -> None:
    history, _ = await conversation(KITS[own])

    for end in range(1, len(history) + 1):
        if isinstance(history[end - 1], AssistantMessage):
            continue
        for model, host in (("m", "api.example"), ("another", "api.example"), ("another", "api.anthropic.com")):
            body = KITS[other].wire.body(request_of(history[:end]), model, host)
            check(other, json.loads(json.dumps(body)))
            if own != other or model != "m":
                assert "seal==" not in json.dumps(body)
                assert "I look" not in json.dumps(body)


@pytest.mark.parametrize("own", KITS)
async def test_each_request_begins_with_the_one_before(own: str) -> None:
    _, bodies = await conversation(KITS[own])

    texts = [_text(body) for body in bodies]
    for before, after in itertools.pairwise(texts):
        assert after.startswith(before)


@pytest.mark.parametrize("own", KITS)
def test_what_the_workspace_tells_is_marked_as_not_the_users(own: str) -> None:
    history: list[Message] = [UserMessage("a"), Notice("b changed")]

    body = json.dumps(KITS[own].wire.body(request_of(history), "m", "api.example"))
    assert "[The workspace, not the user: b changed]" in body
    check(own, json.loads(body))


def _text(body: Mapping[str, Any]) -> str:
    """The body as it was sent, without markers and without the brackets that close it."""
    return json.dumps(_unmarked(body)).rstrip("]}")


def _unmarked(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _unmarked(one) for key, one in value.items() if key != "cache_control"}
    return [_unmarked(one) for one in value] if isinstance(value, list) else value


@pytest.mark.parametrize("own", KITS)
def test_calls_and_results_that_lost_each_other_are_made_whole(own: str) -> None:
    call = ToolCall("x", "read_file", "{}")
    asked = AssistantMessage((call, replace(call, id="y")), "m")
    histories: list[list[Message]] = [
        [UserMessage("a"), asked, UserMessage("b")],
        [UserMessage("a"), asked, ToolMessage((ToolResult("y", "ok"),)), UserMessage("b")],
        [UserMessage("a"), asked, ToolMessage((ToolResult("z", "ok"),))],
        [UserMessage("a"), asked],
        [ToolMessage((ToolResult("x", "ok"),)), UserMessage("b")],
        [
            UserMessage("a"),
            AssistantMessage((Text("b"),), "m"),
            ToolMessage((ToolResult("x", "ok"),)),
            UserMessage("c"),
        ],
        [UserMessage(" \n"), AssistantMessage((Text(" "),), "m"), UserMessage("", context=" ")],
    ]

    for history in histories:
        if own == "anthropic" or history[0] != UserMessage(" \n"):
            check(own, json.loads(json.dumps(KITS[own].wire.body(request_of(history), "m", "api.example"))))
