"""What prepares a sandbox while other programs make and remove files in what it looks at."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from threading import Event

from agent_lsp.sandbox.guard.quarantine import kept
from agent_lsp.sandbox.levels.landlock import _around


@contextmanager
def coming_and_going(place: Path) -> Iterator[None]:
    """A file, a link and a folder with a file, as fast as it goes."""
    stop = Event()

    def make_and_remove() -> None:
        while not stop.is_set():
            (place / "file").write_text("x")
            (place / "link").symlink_to("file")
            (place / "folder").mkdir()
            (place / "folder").rmdir()
            (place / "link").unlink()
            (place / "file").unlink()

    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(make_and_remove)
        try:
            yield
        finally:
            stop.set()
        running.result()


def test_files_may_go_while_protected_paths_are_kept(tmp_path: Path) -> None:
    """Editors ask git for the state of a repository all the time, which locks it."""
    git = tmp_path / ".git"
    git.mkdir()
    (git / "config").write_text("[core]\n")
    with coming_and_going(git):
        end = time.monotonic() + 1.5
        while time.monotonic() < end:
            (entries,) = kept([str(git)]).values()
            assert entries[str(git / "config")].data == b"[core]\n"


def test_a_folder_that_is_gone_has_nothing_around_what_is_hidden_in_it(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    hidden = {str(tmp_path / name / "secret") for name in ("gone", "file")}

    assert _around(str(tmp_path / "gone"), hidden, ()) == []
    assert _around(str(tmp_path / "file"), hidden, ()) == []
