"""The programs that run unasked in the sandbox, and the options that take them out of the table."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest

from agent_lsp.permissions.read_only_commands import ENVIRONMENT, IN_READ_ONLY, READERS, Reader, only_reads
from agent_lsp.permissions.shell_line import plain_words

READING = """
ls
ls -la src
cat a b
cat /w/a
cat ../a
cat -- -x
head -n 5 a
head -5 a
tail -n +3 a
wc -l a
pwd
grep -rn 'a|b' src
grep -e x -e y a
grep --include='*.py' -r x .
rg -n --glob='*.py' x
rg x src
git log --oneline -5
git log --max-count=3 HEAD~2 -- a
git branch
git rev-parse HEAD
git ls-files -o --exclude-standard
echo hello
diff -u a b
uniq -c a
cut -d: -f1 a
stat a
du -sh .
sha256sum a
"""
COMPARING = """
git status
git status -sb --porcelain=v2
git diff
git diff --stat --cached HEAD~2 -- a
git diff -U5 main..topic
git show
git show HEAD:sub/a
git show --name-only HEAD~3
git log -p -3 -- a
git log -L1,5:a
git log -S word
git blame -L 1,20 a
"""
NOT_EVEN_COMPARING = """
git diff --no-index a b
git diff --ext-diff
git diff --textconv
git diff --output=x
git diff -O x
git show --textconv HEAD
git show HEAD:../../../x
git show --format=%GG
git log --show-signature
git blame --contents /etc/passwd a
git status --output=x
git stash
git -c core.pager=./x diff
git diff -- /etc/passwd
git checkout a
"""
OTHERS = """
rg --pre ./x y
rg --pre=./x y
rg -z x
rg --hostname-bin=./x y
rg --files /
grep -f /etc/passwd x
sort -o a b
sort --compress-program=./x a
uniq a b
diff -l a b
find . -delete
find . -exec x y
sed -n 1p a
sed -i s/a/b/ a
awk 1 a
tree -o x
file -C -m a
env
xargs ls
sh -c ls
git push
git status
git diff
git show
git blame a
git log -p
git log -S x
git log -O x
git log --output=x
git log --outpu=x
git log --show-signature
git log --format=%GG
git describe --dirty
git ls-files -m
git -c core.pager=./x log
git -C /tmp log
git --git-dir=x log
git diff --no-index a b
git diff --ext-diff
git grep -O./x y
git branch -D x
git branch new
git show --textconv HEAD
git stash
git fetch
git config x y
git
git log HEAD:../../../x
cat /etc/passwd
cat ../../etc/passwd
cat /w/../etc/passwd
cat -Z a
ls .. ../..
ls --colour=always
tail -f a
date -s x
echo -x
yes
./ls
/bin/ls
LS
head -n
time ls
command ls
nice ls
man ls
less a
vi a
python3 x
id -x
"""


def reads(line: str, table: Mapping[str, Reader] = READERS) -> bool:
    words = plain_words(line)
    return words is not None and only_reads(words, cwd="/w/sub", roots=["/w"], table=table)


@pytest.mark.parametrize("line", READING.strip().splitlines())
def test_what_only_reads_is_in_the_table(line: str) -> None:
    assert reads(line)


@pytest.mark.parametrize("line", OTHERS.strip().splitlines())
def test_everything_else_is_not(line: str) -> None:
    assert not reads(line)


@pytest.mark.parametrize("line", [*READING.strip().splitlines(), *COMPARING.strip().splitlines()])
def test_where_nothing_can_be_changed_gits_comparisons_read_too(line: str) -> None:
    assert reads(line, IN_READ_ONLY)


@pytest.mark.parametrize("line", [*COMPARING.strip().splitlines(), *NOT_EVEN_COMPARING.strip().splitlines()])
def test_elsewhere_they_do_not(line: str) -> None:
    assert not reads(line)


@pytest.mark.parametrize("line", NOT_EVEN_COMPARING.strip().splitlines())
def test_what_names_programs_or_other_files_does_not_read_even_there(line: str) -> None:
    assert not reads(line, IN_READ_ONLY)


def evil_repository(folder: Path) -> None:
    """A repository whose configuration names a program wherever git takes one."""
    program = folder / "evil"
    program.write_text(f"#!/bin/sh\ntouch '{folder}/harmed'\n")
    program.chmod(0o755)
    (folder / "a").write_text("a\n")
    names = ("core.fsmonitor", "core.pager", "diff.external", "diff.x.textconv", "filter.x.clean", "gpg.program")
    settings = [("user.email", "a@example.org"), ("user.name", "a"), ("log.showSignature", "true")]
    for line in (["init", "-q"], ["add", "a"], ["-c", "user.email=a", "-c", "user.name=a", "commit", "-qm", "a"]):
        subprocess.run(["git", *line], cwd=folder, check=True)
    for name, value in [*settings, *((name, str(program)) for name in names)]:
        subprocess.run(["git", "config", name, value], cwd=folder, check=True)
    (folder / ".gitattributes").write_text("* diff=x filter=x\n")
    (folder / "a").write_text("b\n")


def runs_the_evil_program(folder: Path, words: list[str], environment: dict[str, str]) -> bool:
    (folder / "harmed").unlink(missing_ok=True)
    subprocess.run(words, cwd=folder, check=False, env={**os.environ, **environment}, capture_output=True, timeout=20)
    return (folder / "harmed").exists()


def test_no_git_command_of_the_table_runs_what_a_repository_names(tmp_path: Path) -> None:
    evil_repository(tmp_path)
    commands = [name.split() for name in READERS if name.startswith("git ")]
    assert all(only_reads(words, cwd=str(tmp_path), roots=[str(tmp_path)]) for words in commands)

    assert [words for words in commands if runs_the_evil_program(tmp_path, [*words, "HEAD"], ENVIRONMENT)] == []
    assert [words for words in commands if runs_the_evil_program(tmp_path, words, ENVIRONMENT)] == []
    assert runs_the_evil_program(tmp_path, ["git", "ls-files"], {})
    assert runs_the_evil_program(tmp_path, ["git", "status"], ENVIRONMENT)
