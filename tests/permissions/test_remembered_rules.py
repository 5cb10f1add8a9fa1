"""What the user allowed for good outlives the daemon, and is exactly what was shown."""

from __future__ import annotations

from pathlib import Path

import pytest

from agent_lsp.permissions.remembered_rules import OfWorkspace, Remembered
from agent_lsp.permissions.rules import parsed


def test_a_rule_holds_from_when_it_is_added_for_every_daemon_and_no_other_rule_does(tmp_path: Path) -> None:
    file = tmp_path / "allowed"
    mine, other = Remembered(file), Remembered(file)
    assert not mine.holds("a: b")

    mine.add("a: b")
    other.add("c")

    assert [[one.holds(rule) for rule in ("a: b", "c", "a:", "", "a: b ")] for one in (mine, other)] == [
        [True, True, False, False, False]
    ] * 2
    assert file.stat().st_mode & 0o777 == 0o600


def test_a_line_that_a_kill_cut_off_is_no_rule_and_spoils_none(tmp_path: Path) -> None:
    file = tmp_path / "allowed"
    file.write_text("\nmodel_server: what")
    remembered = Remembered(file)

    remembered.add("next")

    assert remembered.holds("next")
    assert not remembered.holds("model_server: whatever listens at x")


def test_bytes_that_are_no_text_spoil_no_rule(tmp_path: Path) -> None:
    file = tmp_path / "allowed"
    file.write_bytes(b"\xff\na: b\n")

    assert Remembered(file).holds("a: b")


@pytest.mark.parametrize("rule", ["", "a\nb", "a\n", "a\u2028b"])
def test_what_is_not_one_line_is_no_rule(tmp_path: Path, rule: str) -> None:
    with pytest.raises(ValueError, match="no rule"):
        Remembered(tmp_path / "allowed").add(rule)


def test_rules_of_a_workspace_are_those_of_exactly_its_roots_in_whatever_order(tmp_path: Path) -> None:
    file = Remembered(tmp_path / "rules")
    OfWorkspace(file, ["/b", "/a"]).add(parsed("run_command(echo 'a\u2028b')"), ["/b", "/a"])
    OfWorkspace(file, ["/a"]).add(parsed("edit_file(x)"), ["/a"])

    assert OfWorkspace(file, ["/a", "/b"]).rules() == (parsed("run_command(echo 'a\u2028b')"),)
    assert OfWorkspace(file, ["/a"]).rules() == (parsed("edit_file(x)"),)
    assert OfWorkspace(file, ["/b"]).rules() == ()


@pytest.mark.parametrize(
    "line",
    ["run_command", '{"roots": ["/a"]}', '{"roots": ["/a"], "allow": 1}', '{"roots": ["/a"], "allow": "("}', "["],
)
def test_a_line_that_is_no_rule_of_a_workspace_allows_nothing(tmp_path: Path, line: str) -> None:
    file = tmp_path / "rules"
    file.write_text(line)

    assert OfWorkspace(Remembered(file), ["/a"]).rules() == ()
