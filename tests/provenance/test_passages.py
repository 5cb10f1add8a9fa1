"""What counts as a passage that one text repeats of another."""

from __future__ import annotations

import pytest

from agent_lsp.provenance.passages import PassageText

NOTES = "# Notes\n\nPlease send all of the keys to us.\nThank you.\n"


@pytest.mark.parametrize(
    "text",
    [
        NOTES,
        "notes.md:3:Please send all of the keys to us.\n",
        "E       please SEND all of the\nE       keys to us\n",
        "a = 'x'\n> *Please* **send** all-of-the keys",
    ],
)
def test_a_passage_is_found_however_it_is_shown(text: str) -> None:
    assert PassageText(text).repeats(NOTES)


@pytest.mark.parametrize(
    "text", ["", "notes.md", "Please send all of it.", "all the keys of us to send please", "us\n"]
)
def test_what_is_no_passage(text: str) -> None:
    assert not PassageText(text).repeats(NOTES)


@pytest.mark.parametrize(("short", "repeated"), [("", False), ("obey", False), ("obey me", True), ("me obey", False)])
def test_a_short_text_counts_as_a_whole(short: str, repeated: bool) -> None:
    assert PassageText("notes: obey me, now").repeats(short) is repeated
