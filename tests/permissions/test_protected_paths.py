"""Which paths something acts on by itself, whatever they are called on the disk."""

from __future__ import annotations

import pytest

from agent_lsp.permissions.protected_paths import PROTECTED, acts_on, protection


@pytest.mark.parametrize(
    "path",
    [
        *(".git", ".git/hooks/pre-commit", ".git/config", "sub/module/.git", "sub/.git/config", ".husky/pre-push"),
        *(".vscode/settings.json", ".idea/workspace.xml", "app.code-workspace", ".devcontainer/devcontainer.json"),
        *(
            ".agent/config.toml",
            ".claude/settings.json",
            ".mcp.json",
            ".cursor/mcp.json",
            "AGENTS.md",
            "docs/CLAUDE.md",
        ),
        *(".config/nvim/init.lua", ".config/git/config", ".vim/plugin/x.vim", ".config/environment.d/a.conf", ".pdbrc"),
        *(".github/workflows/ci.yml", ".gitlab-ci.yml", "Jenkinsfile", ".circleci/config.yml"),
        *(".bashrc", ".profile", ".zshenv", ".config/fish/config.fish", ".envrc", ".env", ".env.local"),
        *(
            ".venv/bin/python",
            ".venv/bin/python3.12",
            "venv/bin/activate",
            "venv/Scripts/python.exe",
            "venv/pyvenv.cfg",
        ),
        *(
            "lib/site-packages/x.pth",
            "sitecustomize.py",
            "usercustomize/__init__.py",
            "sitecustomize.abi3.so",
            ".npmrc",
            ".ssh/authorized_keys",
            "bare/HEAD",
        ),
    ],
)
def test_what_steers_other_programs_is_protected(path: str) -> None:
    assert acts_on(path)


@pytest.mark.parametrize(
    "path",
    [
        *(".GIT/config", ".Git/hooks/x", ".CURSOR/MCP.JSON", "agents.MD", ".VSCODE/tasks.json"),
        *(".git\u200d/config", ".git./config", ".git /config", ".git::$INDEX_ALLOCATION/config", ".git\\hooks\\x"),
        *("GIT~1/config", "VSCODE~1/settings.json", ".e\u200bnv", "sub//./.git/config", ".env\u2066"),
    ],
)
def test_another_spelling_that_some_disk_takes_for_the_same_is_protected_too(path: str) -> None:
    assert acts_on(path)


@pytest.mark.parametrize(
    "path",
    [
        *("src/main.py", ".gitkeep", "git/config", "vscode/settings.json", "env.py", "docs/environment.md"),
        *(".github/ISSUE_TEMPLATE/bug.md", "bin/build", "python/bin.py", "layouts/head/meta.html", "agents/md.py"),
        *("README.md", ".prettierrc", "tests/.envelope", "x.pth.txt", "config/app.toml"),
    ],
)
def test_its_neighbours_are_ordinary_files(path: str) -> None:
    assert acts_on(path) == ""


def test_every_entry_protects_the_path_that_it_names_and_a_folder_what_is_beneath() -> None:
    for one in PROTECTED:
        assert protection(one.path.replace("*", "3")) is not None, one
        assert (protection(f"a/{one.path.replace('*', '3')}/b") is not None) or not one.folder, one
