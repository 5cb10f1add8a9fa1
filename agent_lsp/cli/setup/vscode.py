"""The VS Code extension, installed and removed by the editor's own command."""

from __future__ import annotations

import shlex
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

from agent_lsp import NAME
from agent_lsp.cli.setup import SetupRefused, Wish, ended, shipped

EXTENSION = "agent-lsp.agent-lsp"
"""`publisher.name` of editor-clients/vscode/package.json."""
EDITORS = ("code", "codium", "code-insiders", "cursor", "code-server")
_SECONDS = 180.0
_MOST_CHARACTERS = 500


def vscode(environment: Mapping[str, str], wish: Wish, editor: str | None) -> None:
    """Prints what is to be run, installs the extension, or removes it. Raises SetupRefused."""
    match wish:
        case Wish.SAY:
            _say(environment, editor)
        case Wish.WRITE:
            _install(_chosen(environment, editor), _extension(), environment)
        case Wish.REMOVE:
            _uninstall(_chosen(environment, editor), environment)


def _say(environment: Mapping[str, str], editor: str | None) -> None:
    programs = [_chosen(environment, editor)] if editor else _found(environment)
    file = _extension()
    print(f"The extension is {file}.")
    several = len(programs) > 1
    for program in programs:
        name = Path(program).name
        choice = f" --editor {name}" if several or editor else ""
        print(f"`{NAME} setup vscode --write{choice}` runs the first of these, with --remove the second:")
        print(f"  {shlex.join([name, *_installing(file)])}")
        print(f"  {shlex.join([name, *_uninstalling()])}")


def _found(environment: Mapping[str, str]) -> Sequence[str]:
    """The editors on PATH. Raises SetupRefused where there is none."""
    path = environment.get("PATH")
    programs = [found for name in EDITORS if (found := shutil.which(name, path=path))]
    if not programs:
        raise SetupRefused(
            f"no VS Code is on your PATH (looked for {', '.join(EDITORS)}): "
            "in VS Code run \"Shell Command: Install 'code' command in PATH\", and this again"
        )
    return programs


def _chosen(environment: Mapping[str, str], editor: str | None) -> str:
    if editor:
        program = shutil.which(editor, path=environment.get("PATH"))
        if program is None:
            raise SetupRefused(f"{editor} is not on your PATH")
        return program
    programs = _found(environment)
    if len(programs) > 1:
        names = ", ".join(Path(program).name for program in programs)
        raise SetupRefused(f"there are several editors: {names}; say which one with --editor")
    return programs[0]


def _extension() -> Path:
    file = shipped(f"{NAME}.vsix", f"vscode/{NAME}.vsix")
    if file is None:
        raise SetupRefused(
            "the VS Code extension is not in this installation: in the checkout, `scripts/vscode build` makes "
            f"editor-clients/vscode/{NAME}.vsix; then run this again from there"
        )
    return file


def _install(program: str, file: Path, environment: Mapping[str, str]) -> None:
    _run(program, _installing(file), environment)
    print(f"installed {EXTENSION} in {Path(program).name}; reload its windows, and begin with 'Agent: Ask'")


def _uninstall(program: str, environment: Mapping[str, str]) -> None:
    listed = _run(program, ["--list-extensions"], environment).lower().split()
    if EXTENSION not in listed:
        print(f"nothing to remove: {EXTENSION} is not installed in {Path(program).name}")
        return
    _run(program, _uninstalling(), environment)
    print(f"removed {EXTENSION} from {Path(program).name}")


def _installing(file: Path) -> list[str]:
    return ["--install-extension", str(file), "--force"]


def _uninstalling() -> list[str]:
    return ["--uninstall-extension", EXTENSION]


def _run(program: str, words: Sequence[str], environment: Mapping[str, str]) -> str:
    """What the editor's command printed. Raises SetupRefused, with its last words, when it failed."""
    done = ended([program, *words], environment, timeout_seconds=_SECONDS)
    output = done.output.decode("utf-8", "replace")
    if done.timed_out:
        raise SetupRefused(f"{program} {words[0]} did not end within {_SECONDS:.0f} s")
    if done.code:
        why = " ".join(output.split())[-_MOST_CHARACTERS:] or f"exit code {done.code}"
        raise SetupRefused(f"{program} {words[0]} failed: {why}")
    return output
