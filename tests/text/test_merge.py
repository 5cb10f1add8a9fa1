"""Two changes of one text: both are made, or both are shown."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent_lsp.conversation.actions import FileChange, WorkspacePath
from agent_lsp.text.diffs import compared, lines_of
from agent_lsp.text.merge import Conflict, differences, merged, stands

BASE = "a\nb\nc\nd\ne\n"
TEXTS = st.lists(st.sampled_from(["a", "b", "c", "\n", "a\n", "b\n", "\r\n"]), max_size=9).map("".join)


def change(before: str, after: str) -> FileChange:
    return FileChange(WorkspacePath("/w", "a", "a"), before, after, hunks=compared(before, after))


@pytest.mark.parametrize(
    ("ours", "theirs", "both"),
    [
        ("A\nb\nc\nd\ne\n", "a\nb\nc\nd\nE\n", "A\nb\nc\nd\nE\n"),
        ("a\nb\nc\nd\n", "x\na\nb\nc\nd\ne\n", "x\na\nb\nc\nd\n"),
        ("A\nb\nc\nd\nE", "A\nb\nC\nd\ne\n", "A\nb\nC\nd\nE"),
        (BASE, "x\n", "x\n"),
        ("x\n", BASE, "x\n"),
        ("x\n", "x\n", "x\n"),
        ("", "", ""),
    ],
)
def test_changes_that_lie_apart_are_both_made(ours: str, theirs: str, both: str) -> None:
    assert merged(change(BASE, ours), theirs) == both


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        ("a\nB\nc\nd\ne\n", "a\nbb\nc\nd\ne\n"),
        ("a\nB\nc\nd\ne\n", "a\nb\nC\nd\ne\n"),
        ("a\nx\nb\nc\nd\ne\n", "a\ny\nb\nc\nd\ne\n"),
        ("a\nx\nb\nc\nd\ne\n", "a\nB\nc\nd\ne\n"),
        ("", "a\nb\nC\nd\ne\n"),
    ],
)
def test_changes_that_overlap_or_touch_are_a_conflict(ours: str, theirs: str) -> None:
    with pytest.raises(Conflict):
        merged(change(BASE, ours), theirs)


def test_a_conflict_shows_both_sides() -> None:
    with pytest.raises(Conflict) as caught:
        merged(change(BASE, "a\nb\nc\n"), "a\nb\nc\nD\nE")

    assert str(caught.value) == "[now, from line 4:]\nD\nE\n[you wanted:]\n(nothing)\n"


@given(TEXTS, TEXTS, TEXTS)
def test_a_merge_has_the_lines_of_both_and_takes_no_side(base: str, ours: str, theirs: str) -> None:
    try:
        both = merged(change(base, ours), theirs)
    except Conflict:
        with pytest.raises(Conflict):
            merged(change(base, theirs), ours)
        return
    assert both == merged(change(base, theirs), ours)
    for text in (ours, theirs):
        added = set(lines_of(text)) - set(lines_of(base))
        assert added <= set(lines_of(both))


@pytest.mark.parametrize(
    ("after", "now", "does"),
    [
        ("a\nB\nc\nd\ne\n", "a\nB\nc\nd\ne\n", True),
        ("a\nB\nc\nd\ne\n", "x\na\nB\nc\nd\nE\n", True),
        ("a\nB\nc\nd\ne\n", "a\nB\nx\nc\nd\ne\n", True),
        ("a\nB\nc\nd\ne\n", "a\nBx\nc\nd\ne\n", False),
        ("a\nB\nC\nd\ne\n", "a\nB\nx\nC\nd\ne\n", False),
        ("a\nB\nc\nd\ne\n", "x\na\nb\nc\nd\ne\n", False),
        ("a\nB\nc\nd\nE\n", "a\nB\nc\nd\ne\n", False),
        ("a\nb\nd\ne\n", "x\na\nb\nd\ne\n", True),
        ("a\nb\nd\ne\n", "a\nb\nx\nd\ne\n", False),
        ("a\nb\nd\ne\n", BASE, False),
    ],
)
def test_a_change_stands_where_its_lines_are_as_it_made_them(after: str, now: str, does: bool) -> None:
    assert stands(change(BASE, after), now) is does


@given(before=TEXTS, after=TEXTS, now=TEXTS)
def test_a_change_never_stands_in_the_text_it_was_computed_from(before: str, after: str, now: str) -> None:
    assert not stands(change(before, after), before)
    assert stands(change(before, after), after) is (before != after)
    if stands(change(before, after), now):
        assert not stands(change(after, before), now)


def test_both_sides_of_what_is_not_as_it_was_wanted_are_shown() -> None:
    assert differences("a\nB\nc\n", "a\nBx\nc\nd") == (
        "[now, from line 2:]\nBx\n[you wanted:]\nB\n[now, from line 4:]\nd\n[you wanted:]\n(nothing)\n"
    )
