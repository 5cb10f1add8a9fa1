"""What the user sees of an action is the action."""

from __future__ import annotations

import re
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent_lsp.conversation.actions import Action, Choice, Command, Decision, FileChange, FileMove, ToolKind
from agent_lsp.conversation.diffs import compared
from agent_lsp.permissions.approval import detail, narrowed, title, visible, visible_lines

DECEIVERS = (
    "\x00\x1b\x7f\x85\n\r\t\u061c\u200b\u200d\u200e\u202e\u2028\u2066\u2800\ufeff\ufe0f\U000e0041\U000e0101\u00a0"
)
texts = st.text(st.one_of(st.characters(), st.sampled_from(DECEIVERS + "\\nrtxuU {}209 "))).map(
    lambda text: text.replace("9", " " * 9)
)


def change(before: str | None, after: str | None, path: str = "/w/a.py", shown: str = "a.py") -> Action:
    hunks = compared(before or "", after or "")
    return Action("edit_file", ToolKind.EDIT, "Edit", FileChange(path, shown, before, after, None, hunks))


def command(line: str) -> Action:
    return Action("run_command", ToolKind.EXECUTE, f"Run {line}", Command(line, "/w/sub", 120))


def decoded(shown: str) -> str:
    """What `visible` says, read back by a reader who knows its rules only from its docstring."""
    escape = re.compile(r"\\(?:x20\{(\d+)\}|x(..)|u(.{4})|U(.{8})|([nrt]))")
    shown = re.sub(r" (?=\\x20\{\d+\} )", lambda _: "\ue000", shown)
    made, at = "", 0
    while at < len(shown):
        run = re.compile(r"\\+").match(shown, at)
        if run is None:
            made, at = made + shown[at], at + 1
            continue
        following = shown[run.end() : run.end() + 1]
        if following not in {*"nrtxuU"}:
            made, at = made + run[0], run.end()
            continue
        made, at = made + "\\" * (len(run[0]) // 2), run.end()
        if len(run[0]) % 2:
            found = escape.match(shown, at - 1)
            assert found
            made += _char(found)
            at = found.end()
    return re.sub("\ue000(\ue001 +) ", lambda m: m[1][1:], made)


def _char(found: re.Match[str]) -> str:
    padding, x, u, big_u, named = found.groups()
    if padding:
        return "\ue001" + " " * int(padding)
    return {"n": "\n", "r": "\r", "t": "\t"}[named] if named else chr(int(x or u or big_u, 16))


@given(texts)
def test_nothing_that_deceives_survives(text: str) -> None:
    for shown in (visible(text), visible_lines(text).replace("\n", "").replace("\t", "")):
        assert not [char for char in shown if unicodedata.category(char)[0] in "CZ" and char != " "]
        assert not set(shown) & set(DECEIVERS)
    assert " " * 9 not in visible(text)


@given(texts.filter(lambda text: not set(text) & {"\ue000", "\ue001"}))
def test_what_is_shown_reads_back_as_the_text(text: str) -> None:
    assert decoded(visible(text)) == text


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
    actions = [change(None, "x"), change("x", None), change("x", "y", "/w/a\nb"), move, command("ls\nrm x")]

    assert [title(action) for action in actions] == [
        "edit_file: create /w/a.py",
        "edit_file: delete /w/a.py",
        "edit_file: change /w/a\\nb",
        "move_file: move /w/a to /w/b\\u202e",
        "run_command: ls\\nrm x",
    ]


def test_the_detail_of_a_change_is_its_diff_with_deceivers_escaped() -> None:
    assert detail(change("a\n", "a\u202e\n\tif x:\n")) == (
        "--- a/a.py\n+++ b/a.py\n@@ -1,1 +1,2 @@\n-a\n+a\\u202e\n+\tif x:\n"
    )


def test_the_detail_of_a_move_names_both_paths() -> None:
    action = Action("move_file", ToolKind.MOVE, "", FileMove("/w/a\n", "a", "/w/b", "b", "x"))

    assert detail(action) == "move /w/a\\n\n  to /w/b\n"


def test_a_command_cannot_pretend_to_run_elsewhere() -> None:
    assert detail(command("ls" + " " * 50 + "x\nin /safe, at most 1 s:\n\trm")) == (
        "in /w/sub, at most 120 s:\n  ls \\x20{50} x\n  in /safe, at most 1 s:\n  \\trm\n"
    )


def test_a_file_name_cannot_add_lines_to_a_diff() -> None:
    shown = detail(change("a\n", "b\n", shown="x\n+++ b/harmless"))

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
