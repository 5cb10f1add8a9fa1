"""The settings as they stand now, from all their sources."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from agent_lsp.app.workspace_trust import WorkspaceTrust, project_settings
from agent_lsp.models.keys import KEYRING
from agent_lsp.permissions.secrets import Secrets
from agent_lsp.settings.loading import Loaded, load
from agent_lsp.settings.settings import SettingsError, secret


@dataclass(frozen=True, slots=True)
class SettingsSource:
    """Reads the settings anew each time; a key among them is a secret from then on."""

    environment: Mapping[str, str]
    flags: Mapping[str, Any]  # Any: words of the command line
    ask_editor: Callable[[], Mapping[str, Any]]  # Any: JSON from the editor
    secrets: Secrets

    def without_projects(self) -> Loaded:
        """Read all sources but the workspace's own files. Raises SettingsError."""
        return self._loaded({})

    def with_trusted(self, trust: WorkspaceTrust) -> Loaded:
        """Read all sources, of the workspace's own files those that the user trusts. Raises SettingsError."""
        try:
            return self._loaded(project_settings(trust.standing()))
        except OSError as error:
            raise SettingsError(f"what is trusted cannot be read: {error}") from error

    def _loaded(self, projects: Mapping[str, bytes]) -> Loaded:
        loaded = load(self.environment, projects=projects, editor=self.ask_editor(), flags=self.flags)
        key = secret(loaded.settings.api_key)
        if not key.startswith(KEYRING):
            self.secrets.know(key)
        return loaded
