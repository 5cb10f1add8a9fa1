"""Takes the VS Code extension into the wheel if AGENT_LSP_VSIX names its file.

The extension holds a wheel itself, one without the extension: so it is named, not looked for.
"""

import os
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class ExtensionHook(BuildHookInterface):
    """Called by hatchling for each wheel."""

    def initialize(  # Any: hatchling's table
        self,
        version: str,  # noqa: ARG002 - hatchling's signature
        build_data: dict[str, Any],
    ) -> None:
        if file := os.environ.get("AGENT_LSP_VSIX"):
            build_data["force_include"][str(Path(file).absolute())] = "agent_lsp/clients/agent-lsp.vsix"
