"""Whether the user trusts what of a workspace would act on the agent: exactly these files with exactly these bytes."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass

from agent_lsp.permissions.remembered_rules import Remembered


@dataclass(frozen=True, slots=True)
class ActingFile:
    """A file that would act: its absolute path and its bytes, or the problem for which they cannot be had."""

    path: str
    data: bytes = b""
    problem: str = ""

    @property
    def digest(self) -> str:
        """SHA-256 over path, problem and bytes, in hexadecimal."""
        hashed = hashlib.sha256()
        for part in (self.path.encode("utf-8", "surrogateescape"), self.problem.encode(), self.data):
            hashed.update(len(part).to_bytes(8, "big"))
            hashed.update(part)
        return hashed.hexdigest()


@dataclass(frozen=True, slots=True)
class Standing:
    """What would act, whether it is trusted, and the paths that are not as they were when it was trusted last."""

    files: tuple[ActingFile, ...]
    trusted: bool = False
    changed: tuple[str, ...] = ()

    @property
    def digest(self) -> str:
        """SHA-256 over all files, in hexadecimal; empty where there are none."""
        lines = "".join(f"{file.digest}\n" for file in sorted(self.files, key=lambda file: file.path))
        return hashlib.sha256(lines.encode()).hexdigest() if lines else ""

    @property
    def waits(self) -> bool:
        """Whether there is something that would act and does not, for it is not trusted."""
        return bool(self.files) and not self.trusted


class Trust:
    """What the user trusts, by the folders of the workspace. All daemons of a user share it; it outlives them."""

    def __init__(self, remembered: Remembered) -> None:
        self._remembered = remembered

    def standing(self, roots: Sequence[str], files: Sequence[ActingFile]) -> Standing:
        """How these files stand in the workspace of these absolute paths. Raises OSError."""
        known = self._last(roots, "trusted")
        now = {file.path: file.digest for file in files}
        changed = sorted(path for path in known.keys() | now.keys() if known.get(path) != now.get(path))
        return Standing(tuple(files), bool(now) and known == now, tuple(changed) if known else ())

    def trust(self, roots: Sequence[str], files: Sequence[ActingFile]) -> None:
        """Trusts these files as they are, and nothing that was trusted there before. Raises OSError."""
        self._add(roots, "trusted", {file.path: file.digest for file in files})

    def forget(self, roots: Sequence[str]) -> None:
        """Trusts nothing in that workspace any more. Raises OSError."""
        self._add(roots, "trusted", {})

    def was_asked(self, roots: Sequence[str], digest: str) -> bool:
        """Whether the user was asked about exactly that. Raises OSError."""
        return digest in self._last(roots, "asked")

    def asked(self, roots: Sequence[str], digest: str) -> None:
        """Remembers that the user was asked, whatever the answer was. Raises OSError."""
        self._add(roots, "asked", {digest: ""})

    def _add(self, roots: Sequence[str], kind: str, what: dict[str, str]) -> None:
        self._remembered.add(json.dumps({"roots": sorted(roots), kind: what}))

    def _last(self, roots: Sequence[str], kind: str) -> dict[str, str]:
        """The last line of a kind; one that a kill cut off is none."""
        found: dict[str, str] = {}
        for line in self._remembered.all():
            try:
                said = json.loads(line)
            except ValueError:
                continue
            if isinstance(said, dict) and said.get("roots") == sorted(roots) and isinstance(said.get(kind), dict):
                found = said[kind]
        return found
