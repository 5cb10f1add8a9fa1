"""What of a workspace would act on the agent, read, and put to the test of trust."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Mapping

from agent_lsp import NAME
from agent_lsp.files.location import NotThere, PathRefused
from agent_lsp.files.roots import Roots
from agent_lsp.files.safe_open import read
from agent_lsp.permissions.trust import ActingFile, Standing, Trust
from agent_lsp.text.visible import visible

PROJECT_FILE = ".agent/config.toml"
"""The settings of a workspace, beneath each of its folders."""
ACTING = (PROJECT_FILE,)
"""All that would act, beneath each folder of a workspace."""
_MOST_BYTES = 16 << 10
"""A parser of TOML may take time with the square of that; here it stays below a second or two."""


class NotAsShown(Exception):
    """What was to be trusted is not what stands there; the message says so, with the remedy."""


class WorkspaceTrust:
    """The trust in one workspace, whose folders may change."""

    def __init__(self, roots: Roots, trust: Trust) -> None:
        self._roots, self._trust = roots, trust

    def standing(self) -> Standing:
        """How what would act stands now. Raises OSError."""
        return self._trust.standing(self._folders, self._files())

    def trust(self, digest: str) -> Standing:
        """Trusts what was shown under this digest. Raises NotAsShown where it is not that any more, and OSError."""
        standing = self.standing()
        if not standing.files:
            raise NotAsShown(f"there is nothing to trust: no folder of the workspace has {' or '.join(ACTING)}")
        if digest != standing.digest:
            raise NotAsShown("the files have changed since they were shown: look at them again, then trust them")
        self._trust.trust(self._folders, standing.files)
        return Standing(standing.files, trusted=True)

    def forget(self) -> Standing:
        """Takes the trust back. Raises OSError."""
        self._trust.forget(self._folders)
        return self.standing()

    def to_ask(self) -> Standing | None:
        """What is not trusted and was never asked about; from then on it counts as asked. Raises OSError."""
        standing = self.standing()
        if not standing.waits or self._trust.was_asked(self._folders, standing.digest):
            return None
        self._trust.asked(self._folders, standing.digest)
        return standing

    @property
    def command(self) -> str:
        """What shows it in a terminal and asks; in the folder itself where there is just one."""
        named = [word for folder in self._folders for word in ("--workspace", folder)] if self._folders[1:] else []
        return visible(shlex.join((NAME, "trust", *named)))

    @property
    def _folders(self) -> list[str]:
        return [root.path for root in self._roots.all]

    def _files(self) -> tuple[ActingFile, ...]:
        paths = [f"{folder.rstrip('/')}/{name}" for folder in self._folders for name in ACTING]
        return tuple(file for path in paths if (file := self._read(path)))

    def _read(self, path: str) -> ActingFile | None:
        """The file as it stands, none where there is none; beneath the folder by descriptor, as every file of it."""
        try:
            data = read(self._roots.find(path)).data
        except NotThere:
            return None
        except PathRefused as error:
            return ActingFile(path, problem=str(error))
        if len(data) > _MOST_BYTES:
            return ActingFile(path, problem=f"it has more than {_MOST_BYTES >> 10} KiB, and is not read")
        return ActingFile(path, data)


def project_settings(standing: Standing) -> Mapping[str, bytes]:
    """The workspace's settings files by path, where they are trusted."""
    files = standing.files if standing.trusted else ()
    return {file.path: file.data for file in files if not file.problem and file.path.endswith(PROJECT_FILE)}


def waiting(standing: Standing) -> str:
    """One line on what is not read for want of trust; empty where nothing waits."""
    if not standing.waits:
        return ""
    if standing.changed:
        return f"{_named(standing.changed)} changed since you trusted it: nothing of it is read"
    return f"{_named(file.path for file in standing.files)} is not read until you trust it"


def _named(paths: Iterable[str]) -> str:
    return ", ".join(map(visible, paths))
