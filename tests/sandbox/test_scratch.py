"""Folders that commands need for themselves go with the command, or with the first command of the next daemon."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from agent_lsp.sandbox.scratch import clear, scratch

_KILLED = """
import os, sys
from pathlib import Path
from agent_lsp.sandbox.scratch import scratch
with scratch(Path(sys.argv[1])) as folder:
    Path(folder, "unsaved").write_text("the user's")
    os.kill(os.getpid(), 9)
"""


def test_what_a_killed_daemon_left_is_cleared_and_what_is_needed_stays(tmp_path: Path) -> None:
    subprocess.run([sys.executable, "-c", _KILLED, str(tmp_path)], check=False)
    (left,) = tmp_path.iterdir()

    with scratch(tmp_path) as needed:
        clear(tmp_path)
        assert (left.exists(), Path(needed).exists()) == (False, True)
    assert list(tmp_path.iterdir()) == []


def test_only_what_is_its_own_is_cleared(tmp_path: Path) -> None:
    (tmp_path / "scratch-link").symlink_to(tmp_path / "other")
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "file").touch()
    clear(tmp_path)

    assert (tmp_path / "other" / "file").exists()
