"""Paths that steer other programs: git, editors, agents, CI, shells. Changing or creating one asks every time.

Pure names. What a path leads to through links is resolved where files are opened, and judged here by its resolved name.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import lru_cache


@dataclass(frozen=True, slots=True)
class Protected:
    """A path in any folder of a workspace, and what acts on it; a `folder` is meant with all that is beneath it.

    `path` has one pattern for each component, as in a shell, in lower case.
    """

    path: str
    acts: str
    folder: bool = False


def _files(acts: str, names: str) -> tuple[Protected, ...]:
    return tuple(Protected(name, acts) for name in names.split())


def _folders(acts: str, names: str) -> tuple[Protected, ...]:
    return tuple(Protected(name, acts, folder=True) for name in names.split())


PROTECTED = (
    *_folders("git runs what it names", ".git .husky .githooks"),
    *_files("git follows it", ".gitmodules .gitattributes .gitconfig .pre-commit-config.yaml lefthook.yml"),
    *_files("it makes a folder a git repository", "head commondir gitdir"),
    *_folders("an editor follows it", ".vscode .vscode-server .idea .fleet .zed .helix .nvim .emacs.d .devcontainer"),
    *_files("an editor follows it", "*.code-workspace *.sublime-project .devcontainer.json .dir-locals.el"),
    *_files("an editor follows it", ".dir-locals-2.el .emacs .exrc .vimrc .nvimrc .nvim.lua .lvimrc"),
    *_folders("an agent follows it", ".agent .agents .claude .codex .cursor .gemini .windsurf .cline .clinerules .roo"),
    *_folders("an agent follows it", ".continue .kiro .amazonq .opencode .junie .qwen .goose .zencoder"),
    *_files("an agent follows it", ".mcp.json mcp.json .claude.json opencode.json agents.md agents.override.md"),
    *_files(
        "an agent follows it", "claude.md claude.local.md gemini.md .cursorrules .windsurfrules .roomodes .goosehints"
    ),
    *_files("an agent follows it", ".aider.conf.yml .github/copilot-instructions.md"),
    *_folders("an agent follows it", ".github/instructions .github/prompts .github/agents .github/hooks"),
    *_files("it says what an agent may read", ".agentignore .aiignore .cursorignore .rooignore"),
    *_files("it says what an agent may read", ".geminiignore .clineignore .codeiumignore .aiexclude"),
    *_folders("a CI service runs it", ".github/workflows .github/actions .circleci .buildkite .woodpecker .gitea"),
    *_folders("a CI service runs it", ".forgejo .gitlab .ci"),
    *_files("a CI service runs it", ".gitlab-ci.yml .travis.yml .drone.yml .woodpecker.yml .cirrus.yml jenkinsfile"),
    *_files("a CI service runs it", "azure-pipelines.yml bitbucket-pipelines.yml appveyor.yml .appveyor.yml"),
    *_files("a shell runs it when it starts", ".bashrc .bash_profile .bash_login .bash_logout .bash_aliases .profile"),
    *_files(
        "a shell runs it when it starts", ".zshrc .zshenv .zprofile .zlogin .zlogout .kshrc .mkshrc .cshrc .tcshrc"
    ),
    *_files("a shell runs it when it starts", ".login .logout .inputrc .xprofile .xsessionrc"),
    *_files("a shell runs it when it starts", ".xinitrc .pam_environment"),
    *_folders("a session runs it when it starts", ".config/fish .config/systemd .config/autostart"),
    *_folders("a session runs it when it starts", ".config/environment.d"),
    *_folders("git follows it", ".config/git"),
    *_folders("an editor follows it", ".config/nvim .vim"),
    *_files("a debugger runs it when it starts", ".gdbinit .lldbinit .pdbrc"),
    *_files("a shell runs it when it enters the folder", ".envrc mise.toml .mise.toml .tool-versions"),
    *_files("programs take their environment from it", ".env .env.*"),
    *_files("an environment's interpreter is found by it", "pyvenv.cfg bin/python* bin/pypy* bin/activate*"),
    *_files("an environment's interpreter is found by it", "scripts/python* scripts/activate*"),
    *_files("an interpreter runs it when it starts", "sitecustomize.* usercustomize.* site-packages/*.pth"),
    *_folders("an interpreter runs it when it starts", "sitecustomize usercustomize"),
    *_folders("keys and accounts are kept in it", ".ssh .gnupg .aws .azure .kube .docker"),
    *_files(
        "a program takes its servers and keys from it", ".npmrc .yarnrc .yarnrc.yml .pypirc .netrc pip.conf .condarc"
    ),
    *_files("a program takes its servers and keys from it", ".cargo/config .cargo/config.toml .bazelrc"),
)
"""What is protected in every folder of a workspace, whether it is there already or not."""

_SEPARATORS = re.compile(r"[/\\]+")
_IGNORED = {"Cf", "Cc"}
"""Categories of characters that file systems which fold names pass over (Apple's HFS+ among them)."""


@lru_cache(maxsize=1 << 14)  # each change asks it of all entries of the folders above
def protection(path: str) -> Protected | None:
    """What protects a path beneath a workspace's root; None where nothing does.

    `path` is relative to the root, its links resolved. Names are compared as the loosest file systems do: without
    case, accents' encoding, ignorable characters, ends in dots or blanks, streams (`name:stream`), and by the short
    names that Windows makes.
    """
    names = [_folded(name) for name in _SEPARATORS.split(path) if name not in {"", "."}]
    return next((one for one in PROTECTED for at in range(len(names)) if _stands(one, names[at:])), None)


def acts_on(path: str) -> str:
    """What acts on a path beneath a root, in words; empty for an ordinary one."""
    found = protection(path)
    return found.acts if found else ""


def _stands(one: Protected, names: list[str]) -> bool:
    wanted = one.path.split("/")
    beneath = len(names) - len(wanted)
    return (beneath == 0 or (beneath > 0 and one.folder)) and all(map(_matches, names, wanted))


def _matches(name: str, pattern: str) -> bool:
    return fnmatchcase(name, pattern) or name == _short(pattern)


def _short(pattern: str) -> str:
    """The name of eight letters that Windows gives a file with a leading dot: `.gitmodules` → `gitmod~1`."""
    return f"{pattern.replace('.', '')[:6]}~1" if pattern.startswith(".") else pattern


def _folded(name: str) -> str:
    kept = "".join(char for char in unicodedata.normalize("NFC", name) if unicodedata.category(char) not in _IGNORED)
    return unicodedata.normalize("NFC", kept.casefold()).partition(":")[0].rstrip(". ") or kept
