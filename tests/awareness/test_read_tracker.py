"""What the model saw of a file, and what is said of it once it is another."""

from __future__ import annotations

from pathlib import Path

import pytest

from agent_lsp.awareness.read_tracker import ChangedSinceSeen, ReadTracker
from agent_lsp.files.disk import TextFile
from agent_lsp.files.roots import Roots


@pytest.fixture
def seen() -> ReadTracker:
    return ReadTracker()


@pytest.fixture
def path(workspace: Path) -> str:
    return str(workspace / "a")


def document(path: str, text: str) -> TextFile:
    return TextFile(Roots([str(Path(path).parent)]).find(path), text, None)


def refusal(seen: ReadTracker, now: TextFile) -> str:
    with pytest.raises(ChangedSinceSeen) as caught:
        seen.must_be_current(now)
    return str(caught.value)


def test_what_was_never_seen_or_is_as_it_was_seen_is_current(seen: ReadTracker, path: str) -> None:
    seen.must_be_current(document(path, "one\n"))
    seen.note(path, "\ufeffone\n")
    seen.must_be_current(document(path, "one\n"))


def test_what_changed_is_shown_once_and_is_seen_from_then_on(seen: ReadTracker, path: str) -> None:
    seen.note(path, "one\ntwo\n")

    assert refusal(seen, document(path, "one\n2\n")) == (
        "'a' was changed by the user or a program since you last saw it; nothing was written. Decide anew."
        " What changed:\n--- a/a\n+++ b/a\n@@ -1,2 +1,2 @@\n one\n-two\n+2\n"
    )
    seen.must_be_current(document(path, "one\n2\n"))


def test_of_large_texts_no_copy_is_kept_and_what_is_shown_is_bounded(seen: ReadTracker, path: str) -> None:
    seen.note(path, "x\n" * 200_000)

    shown = refusal(seen, document(path, "y\n" * 200_000))
    assert "Its text is now:\ny\ny\n" in shown
    assert shown.endswith("\n[there is more: read the file again]")
    assert len(shown) < 4_300


def test_of_many_texts_the_oldest_copies_go(seen: ReadTracker, path: str) -> None:
    for number in range(40):
        seen.note(f"{path}{number}", f"{number}" + "x" * 250_000)

    assert "Its text is now:" in refusal(seen, document(f"{path}0", "now"))
    assert "What changed:" in refusal(seen, document(f"{path}39", "now"))


def test_of_very_many_files_those_that_were_seen_first_are_forgotten(seen: ReadTracker) -> None:
    for number in range(2_003):
        seen.note(f"/{number}", "text")
    seen.note("/3", "text")
    seen.note("/another", "text")

    assert {*seen.paths} == {*(f"/{number}" for number in (3, *range(5, 2_003))), "/another"}


def test_news_is_told_once_and_does_not_count_as_having_seen_the_text(seen: ReadTracker, path: str) -> None:
    seen.note(path, "one\ntwo\nthree\n")

    texts = ["one\ntwo\nthree\n", "one\n2\n3\n", "one\n2\n3\n", None, None, "one\n", "one\ntwo\nthree\n"]
    assert [seen.news(path, text) for text in texts] == [
        None,
        "changed in lines 2 to 3",
        None,
        "deleted, or no longer readable",
        None,
        "changed in line 2",
        "as you saw it again",
    ]
    seen.news(path, "other\n")
    assert "What changed:" in refusal(seen, document(path, "other\n"))


def test_what_the_agent_deletes_or_moves_is_no_news(seen: ReadTracker, path: str) -> None:
    seen.note(path, "one\n")
    seen.move(path, f"{path}2")
    assert (seen.paths, seen.news(path, None), seen.news(f"{path}2", "one\n")) == ((f"{path}2",), None, None)

    seen.forget(f"{path}2")
    assert (seen.paths, seen.news(f"{path}2", None)) == ((), None)
