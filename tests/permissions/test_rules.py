"""Rules as users write them, and what they cover."""

from __future__ import annotations

import pytest

from agent_lsp.conversation.actions import Action, Command, FileChange, FileMove, Target, ToolKind, WorkspacePath
from agent_lsp.permissions.rules import parsed, rule_for


def run(line: str) -> Action:
    return Action("run_command", ToolKind.EXECUTE, "", Command(line, "/w", 60))


def write(path: str, target: str = "") -> Action:
    led = Target(target or f"/w/{path}")
    return Action("write_file", ToolKind.EDIT, "", FileChange(WorkspacePath("/w", path, path), None, "x", target=led))


def covers(rule: str, action: Action) -> bool:
    return parsed(rule).covers(action, ["/w"])


def touches(rule: str, action: Action) -> bool:
    return parsed(rule).touches(action, ["/w"])


@pytest.mark.parametrize(
    ("rule", "yes", "no"),
    [
        ("run_command(npm test)", ["npm test", "npm  'test'"], ["npm tests", "npm test x", "npm", "./npm test"]),
        ("run_command(npm run *)", ["npm run", "npm run a b"], ["npm", "npm ru", "sudo npm run a"]),
        ("run_command(make test-*)", ["make test-a"], ["make test-a x", "make test"]),
        ("run_command(pytest tests/* -q)", ["pytest tests/a -q"], ["pytest tests/a", "pytest tests/a -qx"]),
        ("run_command(echo '*')", ["echo '*'", 'echo "*"'], ["echo x"]),
        ("run_command", ["make", "make; ls"], []),
    ],
)
def test_an_allowing_rule_covers_argument_vectors(rule: str, yes: list[str], no: list[str]) -> None:
    assert [line for line in [*yes, *no] if covers(rule, run(line))] == yes


@pytest.mark.parametrize(
    "line",
    [
        *("npm test; rm x", "npm test && rm x", "npm test | sh", "npm test\nrm x", "npm test > x", "npm test &"),
        *("npm test $(rm x)", "npm test `rm x`", "npm test $X", "X=1 npm test", "npm test <(rm x)", "npm test *"),
        *("npm test \\\nrm", "npm test # x", "npm test ~", "npm test {a,b}", "npm test '\x1b[2K'", "npm test 'a"),
    ],
)
def test_an_allowing_rule_covers_no_shell_syntax(line: str) -> None:
    assert not covers("run_command(npm test *)", run(line))


@pytest.mark.parametrize(
    "line",
    [
        *("git push", "git push origin main", "cd x && git push", "sudo git push", "env A=1 git push", "A=1 git push"),
        *("sh -c 'git push'", "echo $(git push)", "x | xargs git push", "git pu'sh'", "timeout 5 git push -f"),
        *("/usr/bin/git push", "find . -exec git push \\;", "$(cat x) push", "git $(cat x)", "git push 'unfinished"),
    ],
)
def test_a_refusing_rule_sees_through_the_shell(line: str) -> None:
    assert touches("run_command(git push)", run(line))


@pytest.mark.parametrize("line", ["git pull", "echo git push", "git pushx", "git commit -m 'git push'"])
def test_a_refusing_rule_leaves_its_neighbours(line: str) -> None:
    assert not touches("run_command(git push)", run(line))


@pytest.mark.parametrize(
    ("pattern", "yes", "no"),
    [
        ("src/**", ["src/a.py", "src/b/c.py"], ["srcx/a", "a/src/b", "src"]),
        ("**/*.md", ["a.md", "b/c.md"], ["a.mdx"]),
        ("src/*.py", ["src/a.py"], ["src/b/c.py"]),
        ("/w/src/**", ["src/a.py"], ["a"]),
        ("a\\*b", ["a*b"], ["axb"]),
        ("a?", ["ab"], ["a", "a/"]),
    ],
)
def test_a_pattern_of_paths_is_as_in_a_shell(pattern: str, yes: list[str], no: list[str]) -> None:
    rule = f"write_file({pattern})"
    assert [path for path in [*yes, *no] if covers(rule, write(path))] == yes
    assert [path for path in [*yes, *no] if touches(rule, write(path))] == yes


@pytest.mark.parametrize("pattern", ["docs", "docs/", "./docs", "./docs/a.md", "DOCS/", "docs/a.md/", "/w/docs/"])
def test_a_rule_that_refuses_or_asks_for_a_folder_means_what_lies_beneath(pattern: str) -> None:
    rule = f"write_file({pattern})"

    assert touches(rule, write("docs/a.md"))
    assert not touches(rule, write("docsx/a.md"))


def test_a_rule_that_allows_means_exactly_what_it_says() -> None:
    assert not covers("write_file(docs)", write("docs/a.md"))


def test_a_rule_looks_also_where_the_path_leads() -> None:
    through_link = write("docs/a", target="/w/src/a")

    assert not covers("write_file(docs/**)", through_link)
    assert touches("write_file(src/**)", through_link)
    assert touches("write_file(SECRET.txt)", write("secret.TXT"))
    assert not covers("write_file(SECRET.txt)", write("secret.TXT"))


def test_a_move_is_covered_when_both_its_ends_are() -> None:
    move = Action("move_file", ToolKind.MOVE, "", FileMove("/w/a/x", "a/x", "/w/b/x", "b/x", ""))

    assert [covers(rule, move) for rule in ("move_file(a/*)", "move_file(*/x)")] == [False, True]
    assert touches("move_file(a/*)", move)


def test_tools_are_told_by_name() -> None:
    assert [covers(rule, write("a")) for rule in ("write_file", "edit_file", "write_*", "*")] == [
        True,
        False,
        True,
        True,
    ]


@pytest.mark.parametrize("text", ["", "run_command(", "run command", "(x)", "run_command(a) b", "run_command(a 'b)"])
def test_what_is_no_rule_is_told(text: str) -> None:
    with pytest.raises(ValueError, match="no rule"):
        parsed(text)


@pytest.mark.parametrize("line", ["npm test", "echo 'a b' \"*\"", "grep -e 'x*' -- a", "echo ''"])
def test_the_rule_for_an_action_covers_it_and_reads_back(line: str) -> None:
    rule = rule_for(run(line))

    assert rule
    assert parsed(str(rule)) == rule
    assert rule.covers(run(line), ["/w"])
    assert not rule.covers(run(f"{line} more"), ["/w"])


def test_the_rule_for_a_file_covers_only_that() -> None:
    rule = rule_for(write("a*b\\c.py"))

    assert rule
    assert parsed(str(rule)).covers(write("a*b\\c.py"), ["/w"])
    assert not rule.covers(write("axb\\c.py"), ["/w"])


@pytest.mark.parametrize("action", [run("a; b"), run("echo '\u202e'"), write("a\u200bb"), write(" a"), write("a ")])
def test_there_is_no_rule_for_what_would_not_read_as_what_it_is(action: Action) -> None:
    assert rule_for(action) is None
