"""What the user allowed for good: rules, one a line, in files of the user's own state."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path

from agent_lsp.permissions.rules import Rule, parsed


class Remembered:
    """Rules that outlive the daemon. They are on disk when `add` returns; all daemons of a user share them."""

    def __init__(self, file: Path) -> None:
        self._file = file

    def all(self) -> tuple[str, ...]:
        """Every line. Raises OSError when the file cannot be read."""
        try:
            return tuple(self._file.read_text("utf-8", "replace").splitlines())
        except FileNotFoundError:
            return ()

    def holds(self, rule: str) -> bool:
        """Whether the user allowed exactly that. Raises OSError when the file cannot be read."""
        return bool(rule) and rule in self.all()

    def add(self, rule: str) -> None:
        """Remembers a rule, which must be one line. Raises OSError when it cannot be written."""
        if rule.splitlines() != [rule]:
            raise ValueError(f"no rule: {rule!r}")
        # One write at the end of the file: two daemons that add at once keep both, and a kill leaves whole lines.
        descriptor = os.open(self._file, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            os.write(descriptor, f"\n{rule}\n".encode())
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def all_rules(remembered: Remembered) -> tuple[tuple[str, Rule], ...]:
    """Every rule that allows for good, with the folders of its workspace in words. Raises OSError."""
    return tuple((", ".join(read[0]), read[1]) for line in remembered.all() if (read := _read(line)))


class OfWorkspace:
    """The rules that the user allowed for good in one workspace: that of exactly its `roots`, which may change."""

    def __init__(self, remembered: Remembered, roots: Sequence[str]) -> None:
        """`roots` are the absolute paths of the workspace's folders."""
        self._remembered, self.roots = remembered, tuple(roots)

    def rules(self) -> tuple[Rule, ...]:
        """What was added; a line that is none of ours, or was cut off by a kill, allows nothing. Raises OSError."""
        return tuple(rule for line in self._remembered.all() if (rule := self._rule(line)))

    def add(self, rule: Rule, roots: Sequence[str]) -> None:
        """Allow what the rule says in the workspace of these folders from now on. Raises OSError."""
        self._remembered.add(json.dumps({"roots": sorted(roots), "allow": str(rule)}))

    def _rule(self, line: str) -> Rule | None:
        read = _read(line)
        return read[1] if read and read[0] == sorted(self.roots) else None


def _read(line: str) -> tuple[list[str], Rule] | None:
    """The roots and the rule of a line; None for one that is none of ours."""
    try:
        match json.loads(line):
            case {"roots": list(roots), "allow": str(text)}:
                return [str(root) for root in roots], parsed(text)
    except ValueError:  # json's own error is one, too
        return None
    return None
