"""Entries survive the way to text and back."""

from __future__ import annotations

import base64
import json
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent_lsp.conversation.entries import CallBegan, Content, Said, TurnBegan, TurnEnded
from agent_lsp.conversation.messages import (
    AssistantMessage,
    Image,
    StopReason,
    Text,
    Thinking,
    ToolCall,
    ToolMessage,
    ToolResult,
    Usage,
    UserMessage,
)
from agent_lsp.journal.codec import decode, encode

st.register_type_strategy(str, st.text())
st.register_type_strategy(float, st.floats(allow_nan=False))
contents = st.one_of(*(st.from_type(kind) for kind in get_args(Content)))


@given(contents)
def test_every_entry_comes_back_as_it_was(content: Content) -> None:
    line = encode(content)

    assert decode(line) == content
    assert "\n" not in line


def test_an_entry_is_readable_json_that_names_its_classes() -> None:
    message = AssistantMessage((Thinking("hm"), Text("I'll look"), ToolCall("c1", "read_file", '{"path":"a"}')), "m")

    plain = json.loads(encode(Said(message)))

    assert plain["is"] == "Said"
    assert [part["is"] for part in plain["message"]["parts"]] == ["Thinking", "Text", "ToolCall"]


def test_fields_of_a_newer_version_are_dropped() -> None:
    line = '{"is":"CallBegan","call_id":"c1","digest":"d","mood":"good","nested":[1]}'

    assert decode(line) == CallBegan("c1", "d")


def test_missing_fields_take_their_defaults() -> None:
    line = '{"is":"TurnEnded","turn_id":"t","stop_reason":"end_turn","usage":{"is":"Usage","steps":2},"cost":null}'

    assert decode(line) == TurnEnded("t", StopReason.END_TURN, Usage(steps=2), None)


@pytest.mark.parametrize(
    "line",
    [
        "not json",
        "[]",
        "7",
        '{"is":"Usage"}',
        '{"is":"Tomorrow"}',
        '{"is":["list"]}',
        '{"is":"TurnBegan","turn_id":"t"}',
        '{"is":"TurnEnded","turn_id":"t","stop_reason":"tired","usage":{"is":"Usage"},"cost":0}',
    ],
)
def test_what_is_no_entry_is_a_value_error(line: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - whatever the words
        decode(line)


def test_half_a_surrogate_pair_is_stored_as_a_question_mark() -> None:
    said = Said(ToolMessage((ToolResult("c1", "caf\udce9"),)))

    assert decode(encode(said)) == Said(ToolMessage((ToolResult("c1", "caf?"),)))


def test_usages_add_up() -> None:
    one, other = Usage(1, 2, 3, 4, 5, 6, 7), Usage(10, 20, 30, 40, 50, 60, 70)

    assert one + other == Usage(11, 22, 33, 44, 55, 66, 77)
    assert one.tokens == 10
    assert decode(encode(TurnBegan("t", "m"))) != decode(encode(Said(UserMessage("t"))))


def test_an_images_bytes_are_counted_from_its_base64() -> None:
    sizes = [Image("image/png", 1, 1, base64.b64encode(bytes(count)).decode()).size for count in range(9)]

    assert sizes == list(range(9))


def test_a_result_of_an_older_version_has_no_images() -> None:
    line = '{"is":"Said","message":{"is":"ToolMessage","results":[{"is":"ToolResult","call_id":"c","text":"t"}]}}'

    assert decode(line) == Said(ToolMessage((ToolResult("c", "t"),)))


def test_images_that_are_left_out_are_told_of_once() -> None:
    one, other = (Image("image/png", width, 1, "AAAA") for width in (1, 2))
    result = ToolResult("c", "two pictures", images=(one, other))

    assert result.with_images((one, other), "gone") is result
    assert result.with_images((other,), "gone") == ToolResult("c", "two pictures\ngone", images=(other,))
