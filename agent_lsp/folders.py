"""Where the daemon keeps what is its own."""

from __future__ import annotations

from pathlib import Path

import platformdirs

from agent_lsp.settings import Settings, SettingsError


def state_dir(settings: Settings) -> Path:
    """The folder of journal and log, mode 0700. Raises SettingsError where it cannot be made."""
    folder = Path(settings.state_dir).expanduser() if settings.state_dir else platformdirs.user_state_path("agent-lsp")
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise SettingsError(
            f"the state folder {folder} cannot be made: {error.strerror}; set AGENT_LSP_STATE_DIR"
        ) from error
    return folder


def data_dir() -> Path:
    """The folder of the bundled model."""
    return platformdirs.user_data_path("agent-lsp")
