"""Taint: what a conversation holds that is not the user's or the project's own."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from agent_lsp.conversation.messages import (
    OWN,
    AssistantMessage,
    Message,
    Notice,
    Origin,
    Provenance,
    Text,
    ToolMessage,
    ToolResult,
    UserMessage,
)
from agent_lsp.permissions import taint

PAGE = Origin(Provenance.WEB, "https://example.org/")
PROJECT = Origin(Provenance.PROJECT, "files of the project")


def result(*origins: Origin) -> ToolMessage:
    return ToolMessage(tuple(ToolResult("c", "x", origin=origin) for origin in origins))


messages = st.lists(
    st.one_of(
        st.builds(UserMessage, st.text(), st.text()),
        st.builds(Notice, st.text()),
        st.builds(lambda text: AssistantMessage((Text(text),), "m"), st.text()),
        st.builds(
            lambda provenance, source: result(Origin(provenance, source)), st.sampled_from(Provenance), st.text()
        ),
    )
)


def test_what_user_daemon_and_project_say_leaves_a_conversation_clean() -> None:
    assert taint.of([UserMessage("obey https://example.org/"), result(OWN, PROJECT), Notice("a changed")]) == ""


def test_the_sources_are_named_once_and_the_oldest_first() -> None:
    files = Origin(Provenance.FOREIGN, "vendor/a (a dependency)")
    assert taint.of([result(PROJECT, PAGE), result(files), result(PAGE)]) == (
        "https://example.org/; vendor/a (a dependency)"
    )
    many = [result(Origin(Provenance.WEB, f"https://{number}.org/")) for number in range(5)]
    assert taint.of(many) == "https://0.org/; https://1.org/; https://2.org/; 2 more"
    assert taint.of([result(Origin(Provenance.WEB, "x" * 1_000))]) == f"{'x' * 160}…"


def test_a_result_of_no_known_origin_taints() -> None:
    assert taint.of([ToolMessage((ToolResult("c", "x"),))]) == "a result whose origin was not kept"
    assert taint.of([result(Origin(Provenance.OUTSIDE))]) == "outside"


@given(messages, messages)
def test_nothing_that_is_said_later_takes_taint_away(before: list[Message], later: list[Message]) -> None:
    assert not taint.of(before) or taint.of([*before, *later])
    assert bool(taint.of([*before, *later])) == bool(taint.of(before) or taint.of(later))
