"""What runs without being asked: judged by what it does to a real folder, not by how it reads."""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

from agent_lsp.conversation.actions import Action, Command, ToolKind
from agent_lsp.permissions import Preset, Ruling
from agent_lsp.permissions.policy import Policy, PolicyConfig
from agent_lsp.permissions.read_only_commands import ENVIRONMENT
from agent_lsp.permissions.rules import NO_RULES, Rules, parsed
from tests.security import naive


@dataclass(frozen=True)
class Case:
    """A line that would make `harm`, in a folder with a file `a`, and a neighbour that runs unasked and prints."""

    name: str
    line: str
    neighbour: str = "cat a"


CASES = [
    Case("substitution", 'echo "$(touch harm)"', "echo 'touch harm'"),
    Case("pipe", "cat a | tee harm", "cat a"),
    Case("sed_write", "sed -n 'w harm' a", "grep -n a a"),
    Case("field_separator", "echo${IFS}a>harm", "echo a"),
    Case("helper_of_sort", "sort -S 1k --compress-program=./evil a a", "uniq a"),
    Case("abbreviated_option", "sort --outp=harm a", "uniq a"),
    Case("assignment_before", "ls ; GIT_EXTERNAL_DIFF=./evil git diff", "diff a a"),
    Case("option_that_writes", "git log --output=harm", "git log --oneline -1"),
    Case("configuration_on_the_line", "git -c alias.x='!touch harm' x", "git rev-parse HEAD"),
    Case("expansion_first", "echo a; x='$(touch harm)'; echo ${x@P}", "echo x"),
    Case("clobber", "echo a >| harm", "echo 'a >| harm'"),
    Case("append", "echo a >>harm", "echo a"),
    Case("both_outputs", "ls &>harm", "ls"),
    Case("exec_of_find_quoted", "find . -name a -exec touch harm ';'", "ls -R ."),
    Case("fprint_of_find", "find . -fprint harm", "ls -a"),
    Case("change_of_folder", "cd . && sed -n 'w harm' a", "pwd"),
    Case("many_parts", "echo a; " * 60 + "touch harm", "echo a"),
    Case("builtin_first", "export PATH=.:$PATH; evil", "echo PATH"),
    Case("newline", "ls\ntouch harm", "ls"),
    Case("process_substitution", "cat <(touch harm)", "cat a"),
    Case("backticks", "echo `touch harm`", "echo touch harm"),
    Case("padding", "ls" + " " * 500 + "; touch harm", "ls" + " " * 500 + "a"),
    Case("ref_name", "git show main;touch harm", "git log -n 1"),
    Case("background", "ls & touch harm", "ls"),
    Case("or", "cat missing || touch harm", "cat a"),
    Case("brace_group", "true && { touch harm; }", "true"),
    Case("output_of_uniq", "uniq a harm", "uniq a"),
    Case("here_document", "cat <<X >harm\na\nX", "cat a"),
    Case("continuation", "ls \\\n; touch harm", "ls ."),
    Case("package_version", "yarn --version", "cat a"),
    Case("package_scripts", "npm install", "cat a"),
]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "a").write_text("a\n")
    for name in ("evil", "yarn", "npm"):
        (tmp_path / name).write_text("#!/bin/sh\ntouch harm\ncat\n")
        (tmp_path / name).chmod(0o755)
    words = ["git", "-c", "user.name=a", "-c", "user.email=a"]
    for line in (["init", "-q", "-b", "main"], ["add", "a"], ["commit", "-q", "-m", "a"]):
        subprocess.run([*words, *line], cwd=tmp_path, check=True)
    return tmp_path


def gate(line: str, folder: Path, rules: Rules = NO_RULES, preset: Preset = Preset.CONFIRM) -> str | None:
    """Runs what may run without being asked, as the daemon does; None where it does not run."""
    policy = Policy(PolicyConfig(preset, rules, confined=True), [str(folder)])
    action = Action("run_command", ToolKind.EXECUTE, "", Command(line, str(folder), 60))
    if policy.decide(action).ruling is not Ruling.ALLOW:
        return None
    environment = {**os.environ, **ENVIRONMENT}
    words = ["/bin/sh", "-c", line]
    ran = subprocess.run(words, cwd=folder, env=environment, capture_output=True, timeout=20, check=False)
    return ran.stdout.decode()


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_line_that_does_more_than_read_is_not_run_and_its_neighbour_is(case: Case, folder: Path) -> None:
    assert gate(case.line, folder) is None
    assert not (folder / "harm").exists()
    assert gate(case.neighbour, folder) is not None


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_list_of_safe_first_words_lets_it_run(case: Case, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")
    monkeypatch.setenv("TMPDIR", str(folder))
    (folder / "a").write_text("".join(f"{number}\n" for number in range(3_000)))
    line = case.line.replace("echo${IFS}a", "echo ${IFS}a")
    naive.command(line, folder)
    assert (folder / "harm").exists()


@pytest.mark.parametrize("line", ["X=1 rm a", "env X=1 rm a", "'r'm a", "command rm a", "echo a | xargs rm", "r\\m a"])
def test_a_refusing_rule_is_not_passed_by_what_stands_before(line: str, folder: Path) -> None:
    rules = Rules(deny=(parsed("run_command(rm)"),))

    assert gate(line, folder, rules, Preset.AUTO) is None
    assert (folder / "a").exists()
    assert gate("cp a b", folder, rules, Preset.AUTO) is not None
    assert not line.startswith("rm")  # which is all that a naive list of refused words looks for
    subprocess.run(["sh", "-c", line], cwd=folder, check=True)
    assert not (folder / "a").exists()


def test_an_option_of_a_search_is_a_word_and_never_an_option(folder: Path) -> None:
    assert gate("rg '--pre=./evil' a", folder) is None
    assert gate("grep -r -- '; touch harm' .", folder) is not None
    assert not (folder / "harm").exists()
    subprocess.run("grep -r ; touch harm .", shell=True, cwd=folder, check=False)  # the pattern in a shell line
    assert (folder / "harm").exists()


def test_a_format_that_the_repository_names_is_not_run_and_gits_own_is(folder: Path) -> None:
    signed = "tree {tree}\nauthor a <a> 0 +0000\ncommitter a <a> 0 +0000\ngpgsig -----BEGIN PGP SIGNATURE-----\n \n i\n"
    signed += " -----END PGP SIGNATURE-----\n\nsigned\n"
    _git(folder, "config", "pretty.named", "%G?")
    _git(folder, "config", "gpg.program", f"{folder}/evil")
    text = signed.format(tree=_git(folder, "rev-parse", "HEAD^{tree}"))
    _git(folder, "update-ref", "HEAD", _git(folder, "hash-object", "-t", "commit", "-w", "--stdin", given=text))

    for option in ("format=named", "pretty=named"):
        assert gate(f"git log --{option}", folder) is None
    assert gate("git log --format=%s", folder) == "signed\n"
    assert gate("git log --pretty=oneline", folder)
    assert not (folder / "harm").exists()
    naive.command("git log --format=named", folder)
    assert (folder / "harm").exists()


def test_what_a_repository_lacks_is_not_fetched_by_a_program_that_it_names(folder: Path) -> None:
    (folder / "evil").write_text("#!/bin/sh\ntouch harm\n")
    for name, value in {
        "core.repositoryformatversion": "1",
        "extensions.partialClone": "origin",
        "remote.origin.url": ".",
        "remote.origin.promisor": "true",
        "remote.origin.partialclonefilter": "blob:none",
        "remote.origin.uploadpack": f"{folder}/evil",
    }.items():
        _git(folder, "config", name, value)
    blob = _git(folder, "rev-parse", "HEAD:a")
    (folder / ".git" / "objects" / blob[:2] / blob[2:]).unlink()

    assert gate("git log --stat", folder) is not None
    assert not (folder / "harm").exists()
    assert gate("git log --oneline", folder)
    naive.command("git log --stat", folder)
    assert (folder / "harm").exists()


def _git(folder: Path, *words: str, given: str = "") -> str:
    ran = subprocess.run(["git", *words], cwd=folder, input=given, check=True, capture_output=True, text=True)
    return ran.stdout.strip()


@pytest.mark.parametrize("kind", [ToolKind.READ, ToolKind.FETCH, ToolKind.SEARCH])
def test_the_kind_that_somebody_says_a_call_has_decides_nothing(kind: ToolKind) -> None:
    policy = Policy(PolicyConfig(Preset.EDITS, confined=True), ["/w"])

    assert policy.decide(Action("run_command", kind, "", Command("touch harm", "/w", 5))).ruling is Ruling.ASK
    assert policy.decide(Action("run_command", kind, "", Command("ls", "/w", 5))).ruling is Ruling.ALLOW
    assert kind.side_by_side  # what a naive gate takes for leave to run it
