"""The files that are derived from code are as the code says."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from agent_lsp.permissions import Preset
from agent_lsp.settings.row import Who, variable
from agent_lsp.settings.settings import ROWS
from scripts.generators.main import CHECKOUT, GENERATED, stale_files

EXTENSION = CHECKOUT / "editor-clients" / "vscode"


@pytest.mark.parametrize("path", GENERATED)
def test_a_generated_file_is_as_scripts_generate_makes_it(path: str) -> None:
    text = (CHECKOUT / path).read_text("utf-8")

    assert GENERATED[path](text) == text, f"{path} is stale: run scripts/generate"


@pytest.mark.parametrize("path", [path for path in GENERATED if path == "docs/settings.md" or "/vscode/" in path])
def test_a_file_that_misses_a_setting_is_made_again_and_what_is_written_by_hand_stays(path: str) -> None:
    right = (CHECKOUT / path).read_text("utf-8")
    wrong = right.replace("maxSteps", "maxStep")

    assert wrong != right
    assert GENERATED[path](wrong) == right


def test_a_file_that_is_not_there_or_says_something_else_is_stale(tmp_path: Path) -> None:
    (tmp_path / "right").write_text("text")
    (tmp_path / "wrong").write_text("other")
    (tmp_path / "folder").mkdir()
    paths = ("right", "wrong", "folder/missing")

    assert stale_files(tmp_path, dict.fromkeys(paths, lambda _: "text")) == dict.fromkeys(paths[1:], "text")


def declared() -> dict[str, Any]:  # Any: JSON
    """The settings that VS Code offers, by their names without the section."""
    manifest = json.loads((EXTENSION / "package.json").read_text("utf-8"))
    properties = manifest["contributes"]["configuration"]["properties"]
    return {name.removeprefix("agentLsp."): value for name, value in properties.items()}


def test_vscode_offers_every_setting_that_a_user_may_set_but_the_key_which_it_keeps_secret() -> None:
    assert set(ROWS) - set(declared()) == {"apiKey"}
    assert variable("apiKey") in (EXTENSION / "src" / "keys.ts").read_text("utf-8")
    assert declared()["preset"]["enum"] == ["", *Preset]


def test_a_workspace_cannot_set_in_vscode_what_only_the_user_may_set() -> None:
    scopes = {name: value["scope"] for name, value in declared().items() if name in ROWS}

    assert scopes == {name: "application" if ROWS[name].mark.who is Who.USER else "window" for name in scopes}


def test_vscode_reads_no_setting_of_a_workspace_that_is_not_trusted() -> None:
    manifest = json.loads((EXTENSION / "package.json").read_text("utf-8"))
    restricted = manifest["capabilities"]["untrustedWorkspaces"]["restrictedConfigurations"]

    assert {f"agentLsp.{name}" for name in declared()} - set(restricted) == {"agentLsp.trace.server"}


def test_every_text_of_the_vscode_manifest_is_there_and_used() -> None:
    texts = json.loads((EXTENSION / "package.nls.json").read_text("utf-8"))
    manifest = (EXTENSION / "package.json").read_text("utf-8")

    assert [key for key in texts if f'"%{key}%"' not in manifest] == []
    assert manifest.count('"%') == sum(manifest.count(f'"%{key}%"') for key in texts)
