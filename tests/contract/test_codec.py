"""JSON of the contract and back."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent_lsp.contract.approvals import Approval, ApprovalAnswer
from agent_lsp.contract.codec import InvalidParams, encode, parse
from agent_lsp.contract.entries import AssistantMessageEntry, SessionEntry, TextPart, ThinkingPart
from agent_lsp.contract.events import AgentEvent, TextDeltaEvent, UsageUpdatedEvent
from agent_lsp.contract.handshake import ClientOptions
from agent_lsp.contract.methods import METHODS
from agent_lsp.contract.names import REQUEST_ASK, CommandName, Surface
from agent_lsp.contract.params import AskContext, AskParams, DecideParams, Position, Range, SessionParams
from agent_lsp.contract.usage import TurnCost, TurnUsage
from agent_lsp.conversation.actions import Choice
from agent_lsp.permissions import Preset

USAGE = TurnUsage(
    input_tokens=1,
    cache_read_tokens=0,
    cache_write_tokens=0,
    output_tokens=2,
    reasoning_tokens=0,
    tool_calls=0,
    steps=1,
)
JSON = st.dictionaries(st.text(max_size=3), st.integers(), max_size=2)
st.register_type_strategy(Mapping, lambda _: JSON)  # LSP's JSON
st.register_type_strategy(Position, st.builds(Position, line=st.integers(0), character=st.integers(0)))


def refusal(cls: type, raw: object) -> str:
    with pytest.raises(InvalidParams) as refused:
        parse(cls, raw)
    return str(refused.value)


def test_what_has_its_default_is_not_written_and_what_has_none_always_is() -> None:
    assert encode(AskParams(prompt="")) == {"prompt": ""}
    assert encode(TurnCost(cost=None, cost_unknown=True)) == {"cost": None, "costUnknown": True}
    assert encode(TurnCost(cost=0.0)) == {"cost": 0.0}


def test_the_fields_of_an_event_stand_beside_its_place() -> None:
    event = AgentEvent(session_id="s", turn_id="t", seq=3, body=TextDeltaEvent(text="Hm", offset=0))

    raw = {"sessionId": "s", "turnId": "t", "seq": 3, "kind": "textDelta", "text": "Hm", "offset": 0}

    assert encode(event) == raw
    assert parse(AgentEvent, raw) == event


def test_params_are_read_with_all_that_is_in_them() -> None:
    raw = {"prompt": "go", "preset": "plan", "workDoneToken": 7, "context": {"range": {"start": P, "end": P}}}

    place = Position(line=1, character=2)
    shown = AskContext(range=Range(start=place, end=place))
    assert parse(AskParams, raw) == AskParams(prompt="go", preset=Preset.PLAN, work_done_token=7, context=shown)
    assert parse(DecideParams, {"approvalId": "a", "decision": "reject", "hunks": ["1"]}) == DecideParams(
        approval_id="a", answer=ApprovalAnswer(decision=Choice.REJECT, hunks=("1",))
    )


P = {"line": 1, "character": 2}


def test_unknown_fields_are_ignored_and_null_is_a_missing_field() -> None:
    assert parse(SessionParams, {"sessionId": "s", "after": None, "newer": [1]}) == SessionParams(session_id="s")


def test_unknown_words_and_kinds_in_a_list_are_ignored() -> None:
    assert parse(ClientOptions, {"renders": ["chat", "review"]}).renders == (Surface.CHAT,)
    parts = [{"type": "text", "text": "a"}, {"type": "newer", "what": 1}, {"type": "thinking", "text": "b"}]
    raw = {"seq": 1, "at": "", "kind": "message", "role": "assistant", "text": "a", "parts": parts}

    read = parse(SessionEntry, raw).body

    assert read == AssistantMessageEntry(text="a", parts=(TextPart(text="a"), ThinkingPart(text="b")))


@pytest.mark.parametrize(
    ("cls", "raw", "words"),
    [
        (AskParams, [], "params should be an object"),
        (AskParams, {}, "prompt is missing"),
        (AskParams, {"prompt": 5}, "prompt should be a string, not 5"),
        (AskParams, {"prompt": "", "wait": 1}, "wait should be true or false, not 1"),
        (AskParams, {"prompt": "", "workDoneToken": []}, "workDoneToken should be a string or a whole number, not []"),
        (AskParams, {"prompt": "", "preset": "yolo"}, "preset should be one of plan, confirm, edits, auto, not 'yolo'"),
        (AskParams, {"prompt": "", "context": 3}, "context should be an object"),
        (AskParams, {"prompt": "", "context": {"range": {"start": P}}}, "context.range.end is missing"),
        (AskParams, {"prompt": "", "context": {"diagnostics": [3]}}, "context.diagnostics should be an object, not 3"),
        (Position, {"line": -1, "character": 0}, "line should be at least 0, not -1"),
        (Position, {"line": True, "character": 0}, "line should be a whole number, not True"),
        (DecideParams, {"approvalId": "a"}, "decision is missing"),
        (ApprovalAnswer, {"decision": "reject", "hunks": "1"}, "hunks should be a list, not '1'"),
        (AgentEvent, {"sessionId": "", "turnId": "", "seq": 1, "kind": "newer"}, "params should be of a known kind"),
    ],
)
def test_what_is_wrong_is_named_by_its_field(cls: type, raw: object, words: str) -> None:
    assert refusal(cls, raw).startswith(words)


@pytest.mark.parametrize(
    "cls", [AgentEvent, SessionEntry, Approval, AskParams, DecideParams], ids=lambda cls: cls.__name__
)
@given(data=st.data())
def test_what_is_written_is_read_as_it_was(cls: Any, data: st.DataObject) -> None:
    value = data.draw(st.from_type(cls))

    assert parse(cls, json.loads(json.dumps(encode(value)))) == value


def test_every_command_is_in_the_table() -> None:
    assert set(CommandName) < set(METHODS)
    assert METHODS[REQUEST_ASK].params is AskParams


def test_a_sum_stands_in_an_event_with_its_cost_beside_it() -> None:
    raw = encode(UsageUpdatedEvent(usage=USAGE, cost=TurnCost(cost=0.5)))

    assert (raw["usage"]["outputTokens"], raw["cost"], raw["kind"]) == (2, 0.5, "usageUpdated")
