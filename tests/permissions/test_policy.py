"""Action and preset to verdict."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from agent_lsp.conversation.actions import (
    Action,
    Choice,
    Command,
    FileChange,
    FileMove,
    Target,
    ToolKind,
    WorkspacePath,
)
from agent_lsp.permissions import Preset, Ruling, Verdict
from agent_lsp.permissions.policy import Policy, PolicyConfig, always_rule, choices, session_rule
from agent_lsp.permissions.remembered_rules import OfWorkspace, Remembered
from agent_lsp.permissions.rules import Rules, parsed

WRITE = Action(
    "write_file", ToolKind.EDIT, "Write a", FileChange(WorkspacePath("/w", "a", "a"), None, "x", target=Target("/w/a"))
)
EDIT = Action(
    "edit_file", ToolKind.EDIT, "Edit b", FileChange(WorkspacePath("/w", "b", "b"), "x", "y", target=Target("/w/b"))
)
DELETE = Action(
    "delete_file",
    ToolKind.DELETE,
    "Delete b",
    FileChange(WorkspacePath("/w", "b", "b"), "x", None, target=Target("/w/b")),
)
MOVE = Action(
    "move_file", ToolKind.MOVE, "Move a", FileMove("/w/a", "a", "/w/b", "b", "x", Target("/w/a"), Target("/w/b"))
)


def run(line: str, cwd: str = "/w") -> Action:
    return Action("run_command", ToolKind.EXECUTE, f"Run {line}", Command(line, cwd, 60))


def test_confirm_asks_before_every_side_effect() -> None:
    policy = Policy(PolicyConfig(Preset.CONFIRM), ["/w"])

    assert {policy.decide(action) for action in (WRITE, EDIT, MOVE, run("make"))} == {
        Verdict(Ruling.ASK, "the preset 'confirm' asks before every side effect", standing=True)
    }


def test_plan_refuses_every_side_effect_also_what_was_allowed_before() -> None:
    policy = Policy(PolicyConfig(Preset.PLAN), ["/w"])
    policy.remember(WRITE, Choice.ALLOW_SESSION, policy.roots)

    assert {policy.decide(action).ruling for action in (WRITE, EDIT, MOVE, run("make"))} == {Ruling.DENY}
    assert "describe what you would do" in policy.decide(WRITE).reason
    assert "only reading commands run" in policy.decide(run("make")).reason


def test_a_turn_may_bring_a_tighter_preset() -> None:
    assert Policy(PolicyConfig(Preset.CONFIRM), ["/w"]).decide(WRITE, Preset.PLAN).ruling is Ruling.DENY


def test_a_turn_cannot_bring_a_looser_preset() -> None:
    assert Policy(PolicyConfig(Preset.PLAN), ["/w"]).decide(WRITE, Preset.CONFIRM).ruling is Ruling.DENY


def test_a_tool_allowed_for_the_session_is_not_asked_about_again() -> None:
    policy = Policy(PolicyConfig(Preset.CONFIRM), ["/w"])
    policy.remember(WRITE, Choice.ALLOW_SESSION, policy.roots)

    assert policy.decide(WRITE) == Verdict(
        Ruling.ALLOW, "allowed for this session", "write_file: any file in the workspace that is not protected"
    )
    assert policy.decide(EDIT).ruling is Ruling.ASK


def test_a_command_is_remembered_as_exactly_this_line_in_this_folder() -> None:
    policy = Policy(PolicyConfig(Preset.CONFIRM), ["/w"])
    policy.remember(run("make test"), Choice.ALLOW_SESSION, policy.roots)

    asked = [run("make test"), run("make test "), run("make test; rm x"), run("make test", "/w/sub")]
    assert [policy.decide(action).ruling for action in asked] == [Ruling.ALLOW, *[Ruling.ASK] * 3]


def test_a_blocked_line_is_refused_even_when_it_was_allowed_before() -> None:
    policy = Policy(PolicyConfig(Preset.CONFIRM), ["/w"])
    policy.remember(run("rm -rf ."), Choice.ALLOW_SESSION, policy.roots)

    assert policy.decide(run("rm -rf .")) == Verdict(
        Ruling.DENY, "this command is never run: it removes '.' recursively"
    )


def test_the_roots_decide_what_may_be_removed() -> None:
    assert Policy(PolicyConfig(Preset.CONFIRM), ["/w"]).decide(run("rm -rf *")).ruling is Ruling.DENY
    assert Policy(PolicyConfig(Preset.CONFIRM), ["/w"]).decide(run("rm -rf *", "/w/build")).ruling is Ruling.ASK


def test_a_session_rule_says_what_a_yes_covers() -> None:
    assert [session_rule(action) for action in (WRITE, MOVE, run("ls"))] == [
        "write_file: any file in the workspace that is not protected",
        "move_file: any file in the workspace that is not protected",
        "run_command: exactly this line in this folder",
    ]


def test_presets_are_ordered_from_tight_to_loose() -> None:
    order = list(Preset)

    assert [one.looser_than(other) for one, other in zip(order[1:], order, strict=False)] == [True] * 3
    assert not any(preset.looser_than(preset) for preset in order)


def protected(action: Action) -> Action:
    """The same action on a file that something acts on."""
    assert isinstance(action.effect, FileChange)
    return replace(action, effect=replace(action.effect, target=Target("/w/.git/config", "git runs what it names")))


@pytest.mark.parametrize("preset", [Preset.CONFIRM, Preset.EDITS, Preset.AUTO])
def test_no_standing_permission_covers_a_protected_file(preset: Preset) -> None:
    policy = Policy(PolicyConfig(preset, Rules(allow=(parsed("*"),)), confined=True), ["/w"])
    policy.remember(WRITE, Choice.ALLOW_SESSION, policy.roots)

    verdict = policy.decide(protected(WRITE))

    assert verdict == Verdict(Ruling.ASK, "/w/.git/config is protected: git runs what it names")
    assert choices(protected(WRITE), verdict) == (Choice.REJECT, Choice.ALLOW_ONCE)
    assert policy.decide(WRITE).ruling is Ruling.ALLOW


def test_a_move_out_of_or_into_a_protected_place_asks() -> None:
    policy = Policy(PolicyConfig(Preset.AUTO, confined=True), ["/w"])
    assert isinstance(MOVE.effect, FileMove)
    guarded = Target("/w/.git/x", "git runs what it names")
    moves = [replace(MOVE.effect, target=guarded), replace(MOVE.effect, new_target=guarded)]

    assert [policy.decide(replace(MOVE, effect=move)).ruling for move in moves] == [Ruling.ASK] * 2
    assert policy.decide(MOVE).ruling is Ruling.ALLOW


def test_a_path_that_nobody_followed_asks() -> None:
    policy = Policy(PolicyConfig(Preset.AUTO, Rules(allow=(parsed("*"),)), confined=True), ["/w"])
    assert isinstance(WRITE.effect, FileChange)

    verdict = policy.decide(replace(WRITE, effect=replace(WRITE.effect, target=None)))

    assert (verdict.ruling, verdict.standing) == (Ruling.ASK, False)


def test_what_each_preset_lets_pass() -> None:
    actions = (WRITE, EDIT, DELETE, MOVE, run("ls -la"), run("make"), run("make; ls"), run("ls 'unfinished"))

    def rulings(preset: Preset, *, confined: bool = False) -> list[bool]:
        policy = Policy(PolicyConfig(preset, confined=confined), ["/w"])
        return [policy.decide(action).ruling is Ruling.ALLOW for action in actions]

    assert not any(rulings(Preset.PLAN, confined=True))
    assert rulings(Preset.CONFIRM) == [False] * 4 + [True] + [False] * 3
    assert rulings(Preset.EDITS) == [True] * 2 + [False] * 2 + [True] + [False] * 3
    assert rulings(Preset.AUTO) == rulings(Preset.CONFIRM)
    assert rulings(Preset.AUTO, confined=True) == [True] * 7 + [False]


def test_git_status_passes_only_where_it_can_change_nothing() -> None:
    policy = Policy(PolicyConfig(Preset.CONFIRM), ["/w"])
    status = run("git status")
    assert isinstance(status.effect, Command)

    assert policy.decide(status).ruling is Ruling.ASK
    assert policy.decide(replace(status, effect=replace(status.effect, reads=True))).ruling is Ruling.ALLOW
    assert Policy(PolicyConfig(Preset.PLAN), ["/w"]).decide(status).ruling is Ruling.DENY
    reading = replace(status, effect=replace(status.effect, reads=True))
    assert Policy(PolicyConfig(Preset.PLAN), ["/w"]).decide(reading).ruling is Ruling.ALLOW
    writing = run("git checkout .")
    assert isinstance(writing.effect, Command)
    writing = replace(writing, effect=replace(writing.effect, reads=True))
    assert policy.decide(writing).ruling is Ruling.ASK
    assert Policy(PolicyConfig(Preset.PLAN), ["/w"]).decide(writing).ruling is Ruling.DENY


def test_outside_the_sandbox_always_asks() -> None:
    policy = Policy(PolicyConfig(Preset.AUTO, Rules(allow=(parsed("run_command"),)), confined=True), ["/w"])
    outside = Action("run_command", ToolKind.EXECUTE, "", Command("ls", "/w", 60, confined=False))
    policy.remember(outside, Choice.ALLOW_SESSION, policy.roots)

    assert policy.decide(outside) == Verdict(Ruling.ASK, "it is to run outside the sandbox")


def test_refusing_goes_before_asking_and_asking_before_allowing_and_each_names_its_rule() -> None:
    rules = Rules(
        deny=(parsed("run_command(git push)"),), ask=(parsed("run_command(git *)"),), allow=(parsed("run_command(*)"),)
    )
    policy = Policy(PolicyConfig(Preset.AUTO, rules, confined=True), ["/w"])

    assert [policy.decide(run(line)) for line in ("git push", "git commit", "make all")] == [
        Verdict(Ruling.DENY, "the user's rule run_command(git push) refuses it", "run_command(git push)"),
        Verdict(Ruling.ASK, "the rule run_command(git *) asks every time", "run_command(git *)"),
        Verdict(Ruling.ALLOW, "allowed by a rule", "run_command(*)"),
    ]


def test_a_yes_for_good_is_kept_for_this_workspace_and_no_other_and_is_what_was_shown(tmp_path: Path) -> None:
    file = Remembered(tmp_path / "rules")
    here, again, elsewhere = (
        Policy(PolicyConfig(Preset.CONFIRM), roots, OfWorkspace(file, roots)) for roots in (["/w"], ["/w"], ["/v"])
    )
    assert choices(run("npm test"), here.decide(run("npm test")))[-1] is Choice.ALLOW_ALWAYS
    assert always_rule(run("npm test")) == "run_command(npm test) in this workspace"

    here.remember(run("npm test"), Choice.ALLOW_ALWAYS, here.roots)

    allowed = Verdict(Ruling.ALLOW, "allowed in this workspace for good", "run_command(npm test)")
    assert [policy.decide(run("npm test")) == allowed for policy in (here, again, elsewhere)] == [True, True, False]
    assert again.decide(run("npm test; rm x")).ruling is Ruling.ASK
    assert choices(run("a; b"), here.decide(run("a; b")))[-1] is Choice.ALLOW_SESSION


@pytest.mark.parametrize("action", [WRITE, MOVE, run("ls"), run("make")])
def test_once_untrusted_text_was_read_no_standing_permission_holds(action: Action, tmp_path: Path) -> None:
    kept = OfWorkspace(Remembered(tmp_path / "rules"), ["/w"])
    policy = Policy(PolicyConfig(Preset.AUTO, Rules(allow=(parsed("*"),)), confined=True), ["/w"], kept)
    policy.remember(action, Choice.ALLOW_SESSION, policy.roots)
    policy.remember(action, Choice.ALLOW_ALWAYS, policy.roots)
    assert policy.decide(action).ruling is Ruling.ALLOW

    verdict = policy.decide(action, tainted="the page https://example.org/\u202e")

    assert verdict == Verdict(Ruling.ASK, "untrusted text was read before: the page https://example.org/\\u202e")
    assert choices(action, verdict) == (Choice.REJECT, Choice.ALLOW_ONCE)


def test_a_yes_that_was_asked_for_in_other_folders_is_kept_for_those_and_not_for_the_session(tmp_path: Path) -> None:
    kept = OfWorkspace(Remembered(tmp_path / "rules"), ["/v"])
    policy = Policy(PolicyConfig(Preset.CONFIRM), ["/v"], kept)
    policy.remember(run("npm test"), Choice.ALLOW_SESSION, ("/w",))
    policy.remember(run("npm test"), Choice.ALLOW_ALWAYS, ("/w",))
    assert policy.decide(run("npm test")).ruling is Ruling.ASK
    policy.change_folders(["/w"])
    kept.roots = ("/w",)
    assert policy.decide(run("npm test")).ruling is Ruling.ALLOW
