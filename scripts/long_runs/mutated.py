"""Commands that were changed at random: what the gate lets run without asking is run, and must change nothing."""

from __future__ import annotations

import hashlib
import os
import random
import subprocess
from collections.abc import Callable
from pathlib import Path

from agent_lsp.conversation.actions import Action, Command, ToolKind
from agent_lsp.permissions import Preset, Ruling
from agent_lsp.permissions.policy import Policy, PolicyConfig
from agent_lsp.permissions.read_only_commands import ENVIRONMENT

from .run import Broken, Figures

_SECONDS = 20.0
_MOST_MUTATIONS = 4
Gate = Callable[[str, Path], bool]
"""Whether a line may run in a folder without being asked about."""

SEEDS = """
ls -la src
cat a
cat a src/b
head -n 1 a
tail -n 2 a
wc -l a
grep -rn x src
grep -e a a
rg -n x src
git log --oneline
git log --max-count=1
git branch
git ls-files
git rev-parse HEAD
diff a src/b
uniq a
cut -d: -f1 a
sha256sum a
stat a
echo a
echo 'a b'
pwd
true
du -s .
cmp a a
git status
git diff
find . -name a
sort a
sed -n 1p a
tree
date
touch harm
./evil
sh evil
tee harm
cp a harm
mv a harm
rm a
ln -s a harm
mkdir harm
sed -i s/a/b/ a
sed -n 'w harm' a
sort -o harm a
sort --compress-program=./evil -S 1k a
uniq a harm
git log --output=harm
git -c alias.x='!./evil' x
git branch harm
git tag harm
git commit --allow-empty -m x
find . -exec ./evil ;
find . -exec ./evil {} +
find . -delete
find . -fprint harm
rg --pre ./evil x
env ./evil
xargs ./evil
timeout 5 ./evil
nice ./evil
sh -c './evil'
eval ./evil
exec ./evil
command ./evil
awk 'BEGIN { system("./evil") }'
python3 -c 'open("harm", "w")'
perl -e 'open F, ">harm"'
echo a > harm
echo a >> harm
echo a >| harm
cat a | tee harm
echo $(./evil)
echo `./evil`
cat <(./evil)
ls && ./evil
ls ; ./evil
ls & ./evil
X=1 ./evil
PATH=. evil
cd src && touch ../harm
"""
_INSERTED = (
    *(";", "&", "|", "||", "&&", "\n", "\r", "\t", "\x0b", "\x0c", "\u00a0", "\u2028", "\\", "\\\n", "'", '"', "`"),
    *("$(", ")", "${IFS}", "$IFS", "$@", "{", "}", "{a,b}", "*", "?", "[a]", "~", "!", "#", "=", ">", ">>", "<", "<<<"),
    *(" > harm", ">harm", " >|harm", " 2>harm", " &>harm", " | tee harm", "; ./evil", "\n./evil", "$(./evil)"),
    *(
        "`./evil`",
        " -o harm",
        " --output=harm",
        " --output harm",
        " -i",
        " --pre=./evil",
        " -exec ./evil ;",
        " -delete",
    ),
    *(
        " -- ",
        " -",
        " --",
        " -c ./evil",
        " --ext-diff",
        " --textconv",
        " -O./evil",
        " --compress-program=./evil",
        "\x00",
    ),
    *(" harm", " ./evil", "evil", " -n", " -p", " @", "%", "^", "X=1 ", "env ", "sudo ", "exec ", "time ", "./", "../"),
)


class Mutated:
    """A step is many lines in one folder with a repository, each judged, and run if it need not be asked about."""

    name = "mutated"
    what = "mutated commands"
    total = 100_000
    a_step = 2_000

    def __init__(self, gate: Gate | None = None) -> None:
        """Another `gate` shows that this run can fail."""
        self._gate = gate or lets_run

    def step(self, number: int, seed: int, folder: Path) -> Figures:
        dice = random.Random(f"{seed} {number}")
        workspace = made(folder)
        before, ran = state_of(folder), 0
        for _ in range(self.a_step):
            line = mutated(dice)
            if not self._gate(line, workspace):
                continue
            _run(line, workspace)
            ran += 1
            if state_of(folder) != before:
                raise Broken(f"{line!r} ran without being asked about, and changed something")
        return Figures({"commands judged": self.a_step, "run without asking": ran, "with an effect": 0})


def mutated(dice: random.Random) -> str:
    """A seed, changed at a few places."""
    line = dice.choice(SEEDS.strip().splitlines())
    for _ in range(dice.randint(0, _MOST_MUTATIONS)):
        line = _changed(line, dice)
    return line


def _changed(line: str, dice: random.Random) -> str:
    at, other = dice.randint(0, len(line)), dice.choice(SEEDS.strip().splitlines())
    match dice.randrange(8):
        case 0 | 1 | 2:
            return line[:at] + dice.choice(_INSERTED) + line[at:]
        case 3:
            return line[:at] + line[at + 1 :]
        case 4:
            return f"{line} {dice.choice(other.split())}"
        case 5:
            return line[:at] + other[dice.randint(0, len(other)) :]
        case 6:
            return line[:at] + chr(dice.randrange(1, 0x250)) + line[at:]
    return dice.choice(_INSERTED).join(line.split(" ", 1))


def lets_run(line: str, folder: Path) -> bool:
    """The product's gate, as in a sandbox that works."""
    policy = Policy(PolicyConfig(Preset.CONFIRM, confined=True), [str(folder)])
    action = Action("run_command", ToolKind.EXECUTE, "", Command(line, str(folder), _SECONDS))
    return policy.decide(action).ruling is Ruling.ALLOW


def made(folder: Path) -> Path:
    """A workspace with two files, a program that leaves a mark, and a repository."""
    workspace = folder / "workspace"
    (workspace / "src").mkdir(parents=True)
    (workspace / "a").write_text("a\nx\n")
    (workspace / "src" / "b").write_text("b\nx\n")
    (workspace / "evil").write_text(f"#!/bin/sh\ntouch '{folder}/harm'\n")
    (workspace / "evil").chmod(0o755)
    git = ["git", "-c", "user.name=a", "-c", "user.email=a"]
    for words in (["init", "-q", "-b", "main"], ["add", "."], ["commit", "-q", "-m", "a"]):
        subprocess.run([*git, *words], cwd=workspace, check=True)
    return workspace


def state_of(folder: Path) -> str:
    """A digest of every name, kind, mode and content beneath a folder."""
    digest = hashlib.sha256()
    for above, folders, files in os.walk(folder):
        folders.sort()
        for name in sorted([*folders, *files]):
            path = Path(above, name)
            status = path.lstat()
            content = path.read_bytes() if path.is_file() and not path.is_symlink() else b""
            digest.update(f"{path} {status.st_mode} {status.st_mtime_ns} {len(content)}\n".encode() + content)
    return digest.hexdigest()


def _run(line: str, workspace: Path) -> None:
    kept = {name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ}
    environment = {**kept, "HOME": str(workspace), "TMPDIR": str(workspace), **ENVIRONMENT}
    subprocess.run(
        ["/bin/sh", "-c", line],
        cwd=workspace,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        timeout=_SECONDS,
        check=False,
    )
