"""An action is what it does: every field counts."""

from __future__ import annotations

from dataclasses import fields, replace

import pytest

from agent_lsp.conversation.actions import (
    Action,
    Choice,
    Command,
    Decision,
    Effect,
    FileChange,
    FileMove,
    Hunk,
    Target,
    ToolKind,
    WorkspacePath,
)

EFFECTS: list[Effect] = [
    FileChange(WorkspacePath("/w", "a", "a"), "x", "y", 1, (Hunk("1", 1, "x", 1, "y"),), "5a", Target("/w/c", "git")),
    FileMove("/w/a", "a", "/w/b", "b", "5a", Target("/w/a"), Target("/w/b")),
    Command("ls", "/w", 60, ("a",)),
]


def action(effect: Effect) -> Action:
    return Action("tool", ToolKind.EDIT, "title", effect)


@pytest.mark.parametrize("effect", EFFECTS)
def test_the_digest_changes_with_every_field_of_what_is_done(effect: Effect) -> None:
    changed = [replace(effect, **{field.name: None}) for field in fields(effect)]  # type: ignore[arg-type]  # any change
    digests = {action(one).digest for one in (effect, *changed)}

    assert len(digests) == len(changed) + 1
    assert action(replace(effect)).digest == action(effect).digest


@pytest.mark.parametrize("part", ["root", "relative", "shown"])
def test_the_digest_changes_with_every_part_of_where_a_file_is(part: str) -> None:
    location = WorkspacePath("/w", "a", "a")
    changes = [FileChange(place, "x", "y") for place in (location, replace(location, **{part: "b"}))]

    assert len({action(change).digest for change in changes}) == 2


def test_the_digest_tells_tools_and_kinds_of_effect_apart() -> None:
    one = action(EFFECTS[0])

    assert len({one.digest, replace(one, tool="other").digest, replace(one, kind=ToolKind.DELETE).digest}) == 3
    assert len({action(effect).digest for effect in EFFECTS}) == 3
    assert action(FileMove("caf\udce9", "", "", "", "")).digest != action(FileMove("caf?", "", "", "", "")).digest


def test_only_a_rejection_does_not_allow() -> None:
    assert [Decision(choice).allowed for choice in Choice] == [True, True, True, False]


def test_what_only_looks_may_run_side_by_side() -> None:
    assert {kind.value for kind in ToolKind if kind.side_by_side} == {"read", "search", "fetch"}
