"""A conversation as one session sees it."""

from __future__ import annotations

from agent_lsp.conversation.entries import CallBegan, Content, Entry, Said, TurnBegan, TurnEnded
from agent_lsp.conversation.messages import (
    OWN,
    AssistantMessage,
    ResultStatus,
    StopReason,
    Text,
    ToolCall,
    ToolMessage,
    ToolResult,
    Usage,
    UserMessage,
)
from agent_lsp.conversation.tree import Conversation

UNKNOWN = "The daemon stopped while this ran: its outcome is unknown. Look before you repeat it."
NOTHING = "The daemon stopped before this ran. Nothing was done."


def conversation(*contents: Content) -> Conversation:
    return Conversation([Entry(seq, seq - 1 or None, 0.0, content) for seq, content in enumerate(contents, 1)])


def calls(*ids: str) -> Said:
    return Said(AssistantMessage(tuple(ToolCall(one, "run_command", "{}") for one in ids), "m"))


def lost(call_id: str, text: str) -> ToolResult:
    return ToolResult(call_id, text, ResultStatus.CANCELLED, origin=OWN)


def test_it_grows_at_its_head() -> None:
    grown = conversation(TurnBegan("t", "m"))
    grown.grow([Entry(7, 1, 0.0, Said(UserMessage("hi")))])

    assert grown.head == 7
    assert grown.messages == (UserMessage("hi"),)
    assert Conversation().head is None


def test_a_turn_is_open_until_it_has_ended() -> None:
    ended = TurnEnded("t1", StopReason.END_TURN, Usage(), 0)

    assert conversation(TurnBegan("t1", "m")).open_turn == TurnBegan("t1", "m")
    assert conversation(TurnBegan("t1", "m"), ended).open_turn is None
    assert conversation(TurnBegan("t1", "m"), ended, TurnBegan("t2", "m")).open_turn == TurnBegan("t2", "m")
    assert conversation().open_turn is None


def test_after_a_kill_each_open_call_is_told_whether_it_had_begun() -> None:
    killed = conversation(Said(UserMessage("go")), calls("c1", "c2"), CallBegan("c1", "digest"))

    assert killed.results_left_open("the daemon stopped") == ToolMessage((lost("c1", UNKNOWN), lost("c2", NOTHING)))


def test_a_call_of_an_earlier_answer_with_the_same_id_does_not_count() -> None:
    killed = conversation(
        calls("call_0"),
        CallBegan("call_0", "digest"),
        Said(ToolMessage((ToolResult("call_0", "done"),))),
        calls("call_0"),
    )

    assert killed.results_left_open("the daemon stopped") == ToolMessage((lost("call_0", NOTHING),))


def test_a_history_without_open_calls_needs_no_results() -> None:
    answered = conversation(calls("c1"), Said(ToolMessage((ToolResult("c1", "done"),))))
    spoken = conversation(Said(UserMessage("hi")), Said(AssistantMessage((Text("hello"),), "m")))

    assert [one.results_left_open("the daemon stopped") for one in (conversation(), answered, spoken)] == [
        None,
        None,
        None,
    ]
