"""Texts replaced, or refused in words that help."""

from __future__ import annotations

import time

import pytest

from agent_lsp.workspace.edits import EditRefused, Replacement, line_end_of, replaced, with_line_ends

TEXT = "def one():\n    return 1\n\ndef two():\n    return 2\n"


def refusal(text: str, *replacements: Replacement) -> str:
    with pytest.raises(EditRefused) as caught:
        replaced(text, replacements)
    return str(caught.value)


def test_replacements_are_made_one_after_the_other() -> None:
    made = replaced(TEXT, [Replacement("return 1", "return 2"), Replacement("2", "3", everywhere=True)])

    assert made == TEXT.replace("1", "3").replace("2", "3")


def test_all_or_nothing_names_the_one_that_does_not_fit() -> None:
    assert refusal(TEXT, Replacement("return 1", "x"), Replacement("return 1", "y")) == (
        "edit 2: old_text is not in the file. The nearest to its first line is line 5: 'return 2'."
        " Copy the text exactly."
    )


def test_a_passage_that_stands_twice_names_the_lines() -> None:
    assert refusal(TEXT, Replacement("return", "x")) == (
        "old_text is in the file 2 times (lines 2, 5): quote more of what stands around it, or set all to true"
    )
    assert refusal("a\na\r\na\ra", Replacement("a", "x")).startswith(
        "old_text is in the file 4 times (lines 1, 2, 3, 4)"
    )


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("", "x", "old_text is empty: quote the text to replace, or use write_file for a new file"),
        ("one", "one", "old_text and new_text are the same"),
        ("def  one():", "x", "old_text is not in the file. The nearest to its first line is line 1: 'def one():'."),
        ("zzzzzzzz", "x", "old_text is not in the file. Read the file again."),
        ("  \n ", "x", "old_text is not in the file. Read the file again."),
    ],
)
def test_what_does_not_fit_is_refused_with_the_remedy(old: str, new: str, words: str) -> None:
    assert refusal(TEXT, Replacement(old, new)).startswith(words)


def test_crlf_files_keep_their_line_ends_whatever_the_model_writes() -> None:
    text = "one\r\ntwo\r\nthree\r\n"

    assert replaced(text, [Replacement("one\ntwo\n", "1\n2\n")]) == "1\r\n2\r\nthree\r\n"
    assert replaced(text, [Replacement("two", "2\n2.5")]) == "one\r\n2\r\n2.5\r\nthree\r\n"
    assert replaced(text, [Replacement("two\r\n", "")]) == "one\r\nthree\r\n"


def test_lf_files_stay_as_they_are() -> None:
    assert replaced("one\ntwo\n", [Replacement("two", "2\n3")]) == "one\n2\n3\n"


def test_line_ends_are_judged_by_the_majority() -> None:
    assert [line_end_of(text) for text in ("", "a\n", "a\r\n", "a\r\nb\n", "a\r\nb\r\nc\n")] == [
        *("\n", "\n", "\r\n", "\n", "\r\n")
    ]
    assert with_line_ends("a\nb\r\nc\rd", "\r\n") == "a\r\nb\r\nc\r\nd"


def test_refusals_are_quick_in_large_and_odd_files() -> None:
    begun = time.perf_counter()

    assert "lines 1, 2, 3, 4, 5, 6, 7, 8, 9, 10)" in refusal("ab\n" * 300_000, Replacement("a", "x"))
    assert len(refusal("x" * 3_000_000, Replacement("y" * 1_000_000, "z"))) < 400
    assert len(refusal("xy" * 1_000_000, Replacement("xy" * 900_000 + "z", "z"))) < 400
    assert time.perf_counter() - begun < 3
