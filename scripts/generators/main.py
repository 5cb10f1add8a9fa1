"""Every generated file, and what makes it."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from scripts.generators import (
    contract_lua,
    contract_page,
    contract_schema,
    contract_typescript,
    settings_page,
    vscode_settings,
)

CHECKOUT = Path(__file__).resolve().parents[2]
_VSCODE = "editor-clients/vscode"
Generated = Mapping[str, Callable[[str], str]]
GENERATED: Generated = {
    "docs/protocol.md": contract_page.page,
    "docs/protocol.schema.json": contract_schema.schema,
    "docs/settings.md": settings_page.page,
    "editor-clients/neovim/lua/agent_lsp/types.lua": contract_lua.types,
    f"{_VSCODE}/package.json": vscode_settings.manifest,
    f"{_VSCODE}/package.nls.json": vscode_settings.texts,
    f"{_VSCODE}/src/contract.ts": contract_typescript.types,
    f"{_VSCODE}/src/daemon/settingRows.ts": vscode_settings.rows,
}
"""By its path: a function from the file's text, empty if there is none, to what that should be.

Some files are written by hand in other parts, which their function leaves as they are.
"""


def main(words: Sequence[str]) -> int:
    """Write what is stale, or only name it; return the exit code."""
    parser = argparse.ArgumentParser(prog="scripts/generate", description="Make the files that are derived from code.")
    parser.add_argument("--check", action="store_true", help="change nothing; name what is stale, and fail if there is")
    check = parser.parse_args(words).check
    stale = stale_files(CHECKOUT, GENERATED)
    for path, text in stale.items():
        if not check:
            (CHECKOUT / path).write_text(text, "utf-8")
        print(f"{path} is stale: run scripts/generate" if check else f"{path} written")
    return 1 if check and stale else 0


def stale_files(checkout: Path, generated: Generated) -> dict[str, str]:
    """Return the texts that the stale files should have, by path."""
    found = {}
    for path, make in generated.items():
        file = checkout / path
        text = file.read_text("utf-8") if file.exists() else ""
        if (wanted := make(text)) != text:
            found[path] = wanted
    return found
