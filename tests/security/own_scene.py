"""A home with agent-lsp's own places in it, a command that does all it can to them, and what must be left of it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from agent_lsp.files.own_files import Own

KEY = "a-key-of-the-users-own"
_INSTALLED = ("node_modules", "site-packages", "__pycache__", ".git")
SETTINGS, STATE, PACKAGE = ".config/agent-lsp", ".local/state/agent-lsp", "venv/agent_lsp"

HARM = f"""
cat {SETTINGS}/*.toml {STATE}/rules project/hard.toml project/alias/agent-lsp/config.toml dotfiles/agent.toml
grep -r {KEY[:5]} . ; cp -rL {SETTINGS} other/copy ; ln {SETTINGS}/config.toml other/linked && cat other/linked
cat {PACKAGE}/app.py project/*/hard.toml project/.git/hard.toml
for file in {SETTINGS}/config.toml {SETTINGS}/new {STATE}/rules {STATE}/new project/hard.toml project/code.py \\
    project/*/hard.toml project/.git/hard.toml project/sandbox.py \\
    project/alias/agent-lsp/config.toml {PACKAGE}/app.py {PACKAGE}/new.py dotfiles/agent.toml ; do
  echo harm >> $file ; echo harm > $file.new && mv $file.new $file ; rm -f $file $file.new
done
rm -rf {SETTINGS} {STATE} {PACKAGE}
mkdir -p {SETTINGS} {STATE} && echo harm > {SETTINGS}/config.toml ; echo harm > {STATE}/rules
for folder in .config/agent-lsp .config .local/state/agent-lsp .local/state .local {PACKAGE} venv ; do
  mv $folder moved && mkdir -p $folder/agent-lsp && echo harm > $folder/agent-lsp/config.toml
  rm -rf moved
done
ln -sfn ../project .config/agent-lsp ; ln -sfn ../../project .local/state/agent-lsp
echo fine > other/new ; echo fine > .config/other/config.toml ; rm venv/other.py
true
""".replace("\\\n", "")


def _without_links(home: Path) -> None:
    for file in (home / "project").rglob("hard.toml"):
        file.unlink()


def without_settings(home: Path) -> None:
    _without_links(home)
    (home / SETTINGS / "config.toml").unlink()
    (home / SETTINGS).rmdir()


def without_state(home: Path) -> None:
    (home / STATE / "rules").unlink()
    (home / STATE).rmdir()


def file_is_a_link(home: Path) -> None:
    _without_links(home)
    (home / "dotfiles").mkdir()
    (home / SETTINGS / "config.toml").rename(home / "dotfiles/agent.toml")
    (home / SETTINGS / "old.toml").write_text(f"{KEY}\n")
    (home / SETTINGS / "config.toml").symlink_to("../../dotfiles/agent.toml")


def folder_is_a_link(home: Path) -> None:
    (home / "dotfiles").mkdir()
    (home / SETTINGS).rename(home / "dotfiles/agent-lsp")
    (home / SETTINGS).symlink_to("../dotfiles/agent-lsp")


VARIANTS: tuple[Callable[[Path], None], ...] = (
    lambda _: None,
    without_settings,
    without_state,
    file_is_a_link,
    folder_is_a_link,
)
NAMES = ("plain", "without_settings", "without_state", "file_is_a_link", "folder_is_a_link")


def own_places(home: Path, variant: Callable[[Path], None]) -> Own:
    """Makes the home, and says what is agent-lsp's own in it."""
    within = (*(f"project/{name}" for name in _INSTALLED), f"{PACKAGE}/sandbox")
    for name in (SETTINGS, STATE, PACKAGE, ".config/other", *within, "other"):
        (home / name).mkdir(parents=True)
    (home / SETTINGS / "config.toml").write_text(f'apiKey = "{KEY}"\n')
    (home / STATE / "rules").write_text(f"{KEY}\n")
    (home / PACKAGE / "app.py").write_text("code\n")
    (home / "venv/other.py").write_text("other\n")
    (home / ".config/other/config.toml").write_text("other\n")
    (home / "project/hard.toml").hardlink_to(home / SETTINGS / "config.toml")
    (home / "project/code.py").hardlink_to(home / PACKAGE / "app.py")
    (home / PACKAGE / "sandbox/app.py").write_text("code\n")
    (home / "project/sandbox.py").hardlink_to(home / PACKAGE / "sandbox/app.py")
    for name in _INSTALLED:
        (home / "project" / name / "hard.toml").hardlink_to(home / SETTINGS / "config.toml")
    (home / "project/alias").symlink_to("../.config")
    variant(home)
    return Own(
        settings=[str(home / SETTINGS), str(home / SETTINGS / "config.toml")],
        state=[str(home / STATE)],
        code=str(home / PACKAGE),
    )


def files_in(home: Path) -> dict[str, str]:
    """Every file and link below the home, by its name there."""
    return {
        str(file.relative_to(home)): f"-> {file.readlink()}" if file.is_symlink() else file.read_text()
        for file in sorted(home.rglob("*"))
        if file.is_symlink() or file.is_file()
    }


def expected(before: dict[str, str]) -> dict[str, str]:
    """What is left when the command has ended: its neighbours have changed, and nothing else."""
    kept = {name: text for name, text in before.items() if name != "venv/other.py"}
    return kept | {"other/new": "fine\n", ".config/other/config.toml": "fine\n"}
