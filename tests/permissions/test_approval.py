"""What the user sees of an action is the action."""

from __future__ import annotations

import re
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent_lsp.conversation.actions import (
    Action,
    Choice,
    Command,
    Decision,
    FileChange,
    FileMove,
    Target,
    ToolKind,
    WorkspacePath,
)
from agent_lsp.permissions.approval import NotPermitted, Permit, detail, narrowed, title, whole
from agent_lsp.text.diffs import compared
from agent_lsp.text.visible import visible, visible_lines
from scripts.long_runs.shown import DECEIVERS, read_back

texts = st.text(st.one_of(st.characters(), st.sampled_from(DECEIVERS + "\\nrtxuU {}209 "))).map(
    lambda text: text.replace("9", " " * 9)
)


def change(before: str | None, after: str | None, name: str = "a.py", shown: str = "a.py") -> Action:
    hunks = compared(before or "", after or "")
    effect = FileChange(WorkspacePath("/w", name, shown), before, after, None, hunks)
    return Action("edit_file", ToolKind.EDIT, "Edit", effect)


def command(line: str) -> Action:
    return Action("run_command", ToolKind.EXECUTE, f"Run {line}", Command(line, "/w/sub", 120))


@given(texts)
def test_nothing_that_deceives_survives(text: str) -> None:
    for shown in (visible(text), visible_lines(text).replace("\n", "").replace("\t", "")):
        assert not [char for char in shown if unicodedata.category(char)[0] in "CZ" and char != " "]
        assert not set(shown) & set(DECEIVERS)
    assert " " * 9 not in visible(text)


@given(texts)
def test_what_is_shown_reads_back_as_the_text(text: str) -> None:
    assert read_back(visible(text)) == text


@pytest.mark.parametrize(
    ("one", "other"),
    [("\\n", "\n"), ("\\\\n", "\\\n"), ("\\x20{9}", " " * 9), ("\\u202e", "\u202e"), ("a\\", "a"), ("\\", "\\\\")],
)
def test_an_escape_and_what_it_stands_for_do_not_look_the_same(one: str, other: str) -> None:
    assert visible(one) != visible(other)


def test_ordinary_text_stands_as_it_is() -> None:
    text = r"grep -E '\bdéjà\b' C:\dir 日本 🎉 | sort"

    assert visible(text) == text


def test_long_padding_is_counted() -> None:
    assert visible("ls" + " " * 200 + "; rm x") == "ls \\x20{200} ; rm x"


def test_a_title_names_the_tool_and_the_whole_target_on_one_line() -> None:
    move = Action("move_file", ToolKind.MOVE, "", FileMove("/w/a", "a", "/w/b\u202e", "b", "x"))
    actions = [change(None, "x"), change("x", None), change("x", "y", "a\nb"), move, command("ls\nrm x")]

    assert [title(action) for action in actions] == [
        "edit_file: create /w/a.py",
        "edit_file: delete /w/a.py",
        "edit_file: change /w/a\\nb",
        "move_file: move /w/a to /w/b\\u202e",
        "run_command: ls\\nrm x",
    ]


def test_the_detail_of_a_change_is_its_diff_with_deceivers_escaped() -> None:
    assert detail(change("a\n", "a\u202e\n\tif x:\n")).text == (
        "--- a/a.py\n+++ b/a.py\n@@ -1,1 +1,2 @@\n-a\n+a\\u202e\n+\tif x:\n"
    )


def test_the_detail_of_a_move_names_both_paths() -> None:
    action = Action("move_file", ToolKind.MOVE, "", FileMove("/w/a\n", "a", "/w/b", "b", "x"))

    assert detail(action).text == "move /w/a\\n\n  to /w/b\n"


def test_a_command_cannot_pretend_to_run_elsewhere() -> None:
    assert detail(command("ls" + " " * 50 + "x\nin /safe, at most 1 s:\n\trm")).text == (
        "in /w/sub, at most 120 s:\n  ls \\x20{50} x\n  in /safe, at most 1 s:\n  \\trm\n"
    )


def test_a_file_name_cannot_add_lines_to_a_diff() -> None:
    shown = detail(change("a\n", "b\n", shown="x\n+++ b/harmless")).text

    assert shown.splitlines()[:3] == ['--- "a/x\\n+++ b/harmless"', '+++ "b/x\\n+++ b/harmless"', "@@ -1,1 +1,1 @@"]


def test_a_decision_on_some_hunks_makes_a_smaller_action() -> None:
    before = "".join(f"{number}\n" for number in range(40))
    whole = change(before, before.replace("3\n", "three\n", 1).replace("35\n", "35!\n"))

    some = narrowed(whole, Decision(Choice.ALLOW_ONCE, hunks=("1",)))

    assert isinstance(some.effect, FileChange)
    assert some.effect.after == before.replace("3\n", "three\n", 1)
    assert some.digest != whole.digest
    assert narrowed(whole, Decision(Choice.ALLOW_ONCE)) == whole
    assert narrowed(command("ls"), Decision(Choice.ALLOW_ONCE, hunks=())) == command("ls")
    with pytest.raises(ValueError, match="no hunk '9'; hunks are: 1, 2"):
        narrowed(whole, Decision(Choice.ALLOW_ONCE, hunks=("9",)))


def test_a_permit_is_for_one_action_and_one_time() -> None:
    action = change("a\n", "b\n")
    permit = Permit(action)

    with pytest.raises(NotPermitted, match="no longer what was allowed"):
        permit.use(change("a\n", "c\n"))
    permit.use(change("a\n", "b\n"))
    with pytest.raises(NotPermitted, match="once"):
        permit.use(action)


def test_a_permit_is_not_taken_in_by_a_digest_that_was_made_before() -> None:
    action = change("a\n", "b\n")
    permit = Permit(action)
    other = change("a\n", "c\n")
    other.__dict__["digest"] = action.digest

    with pytest.raises(NotPermitted):
        permit.use(other)


def test_a_title_says_where_a_path_leads_and_that_a_command_runs_outside() -> None:
    linked = Action(
        "edit_file",
        ToolKind.EDIT,
        "",
        FileChange(WorkspacePath("/w", "a", "a"), "x", "y", target=Target("/w/.git/config")),
    )
    outside = Action("run_command", ToolKind.EXECUTE, "", Command("ls", "/w", 5, confined=False))

    assert title(linked) == "edit_file: change /w/a → /w/.git/config"
    assert detail(linked).text.startswith("/w/a leads to /w/.git/config\n---")
    assert title(outside) == "run_command outside the sandbox: ls"
    assert detail(outside).text == "in /w, at most 5 s, outside the sandbox:\n  ls\n"


def test_a_long_action_shows_its_ends_its_length_and_its_digest() -> None:
    lines = "".join(f"{number}\n" for number in range(40_000))
    action = change(None, lines)
    everything = "".join(whole(action))

    shown = detail(action)

    head, mark, tail = re.split(r"(\[… .* …\]\n)", shown.text)
    assert (shown.characters, shown.whole) == (len(everything), False)
    assert everything.startswith(head)
    assert everything.endswith(tail)
    assert (len(head) > 90_000, len(tail) > 30_000, len(shown.text) < 140_000) == (True, True, True)
    assert mark == (
        f"[… {len(everything) - len(head) - len(tail):,} of {len(everything):,} characters left out;"
        f" SHA-256 of the whole action {action.digest} …]\n"
    )
    assert detail(change(None, lines[:50_000])).text == "".join(whole(change(None, lines[:50_000])))


def test_a_long_title_shows_both_ends() -> None:
    shown = title(command("echo " + "a" * 5_000 + "; rm x"))

    assert shown.startswith("run_command: echo aaa")
    assert "[… 3," in shown
    assert shown.endswith("aaa; rm x")
