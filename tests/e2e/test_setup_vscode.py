"""`agent-lsp setup vscode`, with programs in the place of editors that record how they were called."""

from __future__ import annotations

import json
import os
import shutil
import zipfile
from pathlib import Path

import pytest

import agent_lsp
from agent_lsp.cli.setup.vscode import EXTENSION
from tests.e2e.neovim_driver import REPOSITORY
from tests.e2e.setup_driver import Home, Said, built_wheel

RECORDER = """
here=$(dirname "$0")
echo "$(basename "$0") $*" >>"$here/called.txt"
case $1 in
  --list-extensions) if [ -e "$here/installed" ]; then echo ms-python.python; echo Agent-LSP.agent-lsp; fi ;;
  --install-extension) [ -e "$2" ] && touch "$here/installed" ;;
  --uninstall-extension) rm "$here/installed" ;;
esac
"""


class Desk(Home):
    """A home and a checkout of its own, in which the extension is built or not."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.path = [str(self.programs), "/usr/bin", "/bin"]
        shutil.copytree(Path(agent_lsp.__file__).parent, folder / "checkout" / "agent_lsp")
        self.extension = folder / "checkout" / "editor-clients" / "vscode" / "agent-lsp.vsix"
        self.extension.parent.mkdir(parents=True)
        self.extension.touch()

    def vscode(self, *words: str) -> Said:
        paths = [str(self.folder / "checkout"), *filter(None, [os.environ.get("PYTHONPATH")])]
        return self.setup("vscode", *words, PYTHONPATH=os.pathsep.join(paths))

    def called(self) -> list[str]:
        file = self.programs / "called.txt"
        return file.read_text("utf-8").splitlines() if file.exists() else []


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


def test_the_editor_s_own_command_installs_and_removes_the_extension(desk: Desk) -> None:
    desk.program("code", RECORDER)
    written = desk.vscode("--write")
    assert (written.code, written.error) == (0, "")
    assert written.out == f"installed {EXTENSION} in code; reload its windows, and begin with 'Agent: Ask'\n"
    removed = desk.vscode("--remove")
    assert (removed.code, removed.out, removed.error) == (0, f"removed {EXTENSION} from code\n", "")
    again = desk.vscode("--remove")
    assert (again.code, again.out) == (0, f"nothing to remove: {EXTENSION} is not installed in code\n")
    assert desk.called() == [
        f"code --install-extension {desk.extension} --force",
        "code --list-extensions",
        f"code --uninstall-extension {EXTENSION}",
        "code --list-extensions",
    ]


def test_without_a_flag_it_says_what_it_would_run_and_runs_nothing(desk: Desk) -> None:
    desk.program("codium", RECORDER)
    said = desk.vscode()
    assert (said.code, said.error) == (0, "")
    assert said.out.splitlines() == [
        f"The extension is {desk.extension}.",
        "`agent-lsp setup vscode --write` runs the first of these, with --remove the second:",
        f"  codium --install-extension {desk.extension} --force",
        f"  codium --uninstall-extension {EXTENSION}",
    ]
    assert desk.called() == []


@pytest.mark.parametrize("wish", ["--write", "--remove"])
def test_of_several_editors_one_must_be_named(desk: Desk, wish: str) -> None:
    for name in ("cursor", "code"):
        desk.program(name, RECORDER)
    said = desk.vscode(wish)
    assert (said.code, said.out) == (1, "")
    assert said.error == "agent-lsp: there are several editors: code, cursor; say which one with --editor\n"
    assert desk.called() == []
    assert desk.vscode("--write", "--editor", "cursor").code == 0
    assert desk.called() == [f"cursor --install-extension {desk.extension} --force"]


def test_a_path_without_an_editor_is_one_line_and_the_remedy(desk: Desk) -> None:
    for said in (desk.vscode("--write"), desk.vscode("--remove"), desk.vscode()):
        assert said.code == 1
        assert said.error == (
            "agent-lsp: no VS Code is on your PATH (looked for code, codium, code-insiders, cursor, code-server): "
            "in VS Code run \"Shell Command: Install 'code' command in PATH\", and this again\n"
        )
    assert desk.vscode("--write", "--editor", "code").error == "agent-lsp: code is not on your PATH\n"


def test_an_extension_that_was_not_built_is_one_line_and_the_remedy(desk: Desk) -> None:
    desk.extension.unlink()
    desk.program("code", RECORDER)
    said = desk.vscode("--write")
    assert (said.code, said.out) == (1, "")
    assert said.error == (
        "agent-lsp: the VS Code extension is not in this installation: in the checkout, `scripts/vscode build` makes "
        "editor-clients/vscode/agent-lsp.vsix; then run this again from there\n"
    )
    assert desk.called() == []


def test_an_editor_that_refuses_is_quoted(desk: Desk) -> None:
    code = desk.program("code", "echo 'the extension needs a newer VS Code' >&2; exit 3")
    said = desk.vscode("--write")
    assert (said.code, said.out) == (1, "")
    assert said.error == f"agent-lsp: {code} --install-extension failed: the extension needs a newer VS Code\n"


def test_no_key_of_a_model_is_handed_to_an_editor(desk: Desk) -> None:
    desk.program("code", f"env >{desk.folder}/env.txt")
    paths = [str(desk.folder / "checkout"), *filter(None, [os.environ.get("PYTHONPATH")])]
    keys = {"ANTHROPIC_API_KEY": "secret", "AGENT_LSP_API_KEY": "secret", "DISPLAY": ":7"}
    assert desk.setup("vscode", "--write", PYTHONPATH=os.pathsep.join(paths), **keys).code == 0
    seen = (desk.folder / "env.txt").read_text("utf-8")
    assert "secret" not in seen
    assert "DISPLAY=:7\n" in seen


def test_the_wheel_carries_the_extension_that_the_build_is_given_and_no_other(tmp_path: Path) -> None:
    file = tmp_path / "some.vsix"
    file.write_bytes(b"an extension")
    with zipfile.ZipFile(built_wheel(tmp_path, AGENT_LSP_VSIX=str(file))) as wheel:
        assert wheel.read("agent_lsp/clients/agent-lsp.vsix") == b"an extension"
    with zipfile.ZipFile(built_wheel(tmp_path, AGENT_LSP_VSIX="")) as wheel:
        assert [name for name in wheel.namelist() if name.endswith(".vsix")] == []


def test_the_extension_s_id_is_that_of_its_manifest() -> None:
    manifest = REPOSITORY / "editor-clients" / "vscode" / "package.json"
    if not manifest.exists():
        pytest.skip("this checkout has no VS Code extension")
    known = json.loads(manifest.read_text("utf-8"))
    assert f"{known['publisher']}.{known['name']}" == EXTENSION
