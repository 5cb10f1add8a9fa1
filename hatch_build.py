"""Takes the Neovim plug-in into the wheel, and the VS Code extension if AGENT_LSP_VSIX names its file.

The extension holds a wheel itself, one without the extension: so it is named, not looked for.
"""

import os
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class ClientsHook(BuildHookInterface):
    """Called by hatchling for each wheel."""

    def initialize(  # Any: hatchling's table
        self,
        version: str,
        build_data: dict[str, Any],
    ) -> None:
        if version == "editable":  # it finds them in the checkout
            return
        build_data["force_include"][str(Path(self.root, "editor-clients", "neovim"))] = "agent_lsp/clients/neovim"
        if file := os.environ.get("AGENT_LSP_VSIX"):
            build_data["force_include"][str(Path(file).absolute())] = "agent_lsp/clients/agent-lsp.vsix"
