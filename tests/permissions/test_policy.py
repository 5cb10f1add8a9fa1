"""Action and preset to verdict."""

from __future__ import annotations

from agent_lsp.conversation.actions import Action, Command, FileChange, FileMove, ToolKind
from agent_lsp.permissions import Preset, Ruling, Verdict
from agent_lsp.permissions.policy import Policy, session_rule

WRITE = Action("write_file", ToolKind.EDIT, "Write a", FileChange("/w/a", "a", None, "x"))
EDIT = Action("edit_file", ToolKind.EDIT, "Edit b", FileChange("/w/b", "b", "x", "y"))
MOVE = Action("move_file", ToolKind.MOVE, "Move a", FileMove("/w/a", "a", "/w/b", "b", "x"))


def run(line: str, cwd: str = "/w") -> Action:
    return Action("run_command", ToolKind.EXECUTE, f"Run {line}", Command(line, cwd, 60))


def test_confirm_asks_before_every_side_effect() -> None:
    policy = Policy(Preset.CONFIRM, ["/w"])

    assert {policy.decide(action) for action in (WRITE, EDIT, MOVE, run("ls"))} == {
        Verdict(Ruling.ASK, "the preset 'confirm' asks before every side effect")
    }


def test_plan_refuses_every_side_effect_also_what_was_allowed_before() -> None:
    policy = Policy(Preset.PLAN, ["/w"])
    policy.remember(WRITE)

    assert {policy.decide(action).ruling for action in (WRITE, EDIT, MOVE, run("ls"))} == {Ruling.DENY}
    assert "describe what you would do" in policy.decide(WRITE).reason


def test_a_turn_may_bring_a_tighter_preset() -> None:
    assert Policy(Preset.CONFIRM, ["/w"]).decide(WRITE, Preset.PLAN).ruling is Ruling.DENY


def test_a_turn_cannot_bring_a_looser_preset() -> None:
    assert Policy(Preset.PLAN, ["/w"]).decide(WRITE, Preset.CONFIRM).ruling is Ruling.DENY


def test_a_tool_allowed_for_the_session_is_not_asked_about_again() -> None:
    policy = Policy(Preset.CONFIRM, ["/w"])
    policy.remember(WRITE)

    assert policy.decide(WRITE) == Verdict(Ruling.ALLOW, "allowed for this session")
    assert policy.decide(EDIT).ruling is Ruling.ASK


def test_a_command_is_remembered_as_exactly_this_line_in_this_folder() -> None:
    policy = Policy(Preset.CONFIRM, ["/w"])
    policy.remember(run("make test"))

    asked = [run("make test"), run("make test "), run("make test; rm x"), run("make test", "/w/sub")]
    assert [policy.decide(action).ruling for action in asked] == [Ruling.ALLOW, *[Ruling.ASK] * 3]


def test_a_blocked_line_is_refused_even_when_it_was_allowed_before() -> None:
    policy = Policy(Preset.CONFIRM, ["/w"])
    policy.remember(run("rm -rf ."))

    assert policy.decide(run("rm -rf .")) == Verdict(
        Ruling.DENY, "this command is never run: it removes '.' recursively"
    )


def test_the_roots_decide_what_may_be_removed() -> None:
    assert Policy(Preset.CONFIRM, ["/w"]).decide(run("rm -rf *")).ruling is Ruling.DENY
    assert Policy(Preset.CONFIRM, ["/w"]).decide(run("rm -rf *", "/w/build")).ruling is Ruling.ASK


def test_a_session_rule_says_what_a_yes_covers() -> None:
    assert [session_rule(action) for action in (WRITE, MOVE, run("ls"))] == [
        "write_file: any file in the workspace",
        "move_file: any file in the workspace",
        "run_command: exactly this line in this folder",
    ]


def test_presets_are_ordered_from_tight_to_loose() -> None:
    order = list(Preset)

    assert [one.looser_than(other) for one, other in zip(order[1:], order, strict=False)] == [True] * 3
    assert not any(preset.looser_than(preset) for preset in order)
