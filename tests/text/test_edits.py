"""Texts replaced, or refused in words that help."""

from __future__ import annotations

import time

import pytest

from agent_lsp.text.edits import EditRefused, Replaced, Replacement, line_end_of, replaced, rewritten, with_line_ends

TEXT = "def one():\n    return 1\n\ndef two():\n    return 2\n"


def refusal(text: str, *replacements: Replacement) -> str:
    with pytest.raises(EditRefused) as caught:
        replaced(text, replacements)
    return str(caught.value)


def test_replacements_are_made_one_after_the_other() -> None:
    made = replaced(TEXT, [Replacement("return 1", "return 2"), Replacement("2", "3", everywhere=True)])

    assert made.text == TEXT.replace("1", "3").replace("2", "3")


def test_all_or_nothing_names_the_one_that_does_not_fit() -> None:
    assert refusal(TEXT, Replacement("return 1", "x"), Replacement("return 1", "y")) == (
        "edit 2: old_text is not in the file. The nearest to its first line is line 5: 'return 2'."
        " Copy the text exactly."
    )


FILE = "class A:\n\tdef one(self):\n\t\tif x:\n\t\t\treturn 1  \n\n\tdef two(self):\n\t\treturn 2\n"


def test_what_differs_in_blanks_alone_is_replaced_in_the_files_own_and_shown() -> None:
    old = "def one(self):\n    if x:\n        return 1"
    new = (
        "def one(self):\n    if x:\n        for y in x:\n            yield y\n    else:\n        return 1\n    return 3"
    )

    assert replaced(FILE, [Replacement(old, new)]) == Replaced(
        FILE.replace(
            "\t\t\treturn 1  \n",
            "\t\t\tfor y in x:\n\t\t\t\tyield y\n\t\telse:\n\t\t\treturn 1  \n\t\treturn 3\n",
        ),
        (
            "old_text was matched but for blanks; replaced were the lines\n"
            "2\t\tdef one(self):\n3\t\t\tif x:\n4\t\t\t\treturn 1",
        ),
    )


@pytest.mark.parametrize(
    ("text", "old", "new", "after"),
    [
        ("  a\n    b\nc\n", "a\n  b", "a\n  B", "  a\n    B\nc\n"),
        ("  a\n      b\nc\n", "a\n  b", "a\n  B\n    d", "  a\n      B\n          d\nc\n"),
        ("\ta\n", "    a", "if x:\n        a", "if x:\n\t\ta\n"),
        ("        a \n        c\n", "    a\n    c", "  b\n    a\n    c", "      b\n        a \n        c\n"),
        ("a  \nb\t\nc", "a\nb\n", "a\nB\n", "a  \nB\nc"),
        ("a  \nb", "a\nb\n", "a\nB\n", "a  \nB"),
        ("a \r\nb\nc\r\n", "a\nb\nc\n", "a\nB\nc\n", "a \r\nB\r\nc\r\n"),
        ("x\n  a \n  b\n", "a\nb\n", "", "x\n"),
        ("x\n  a \n  b\ny", "a\nb", "z", "x\n  z\ny"),
        ("  a \n\n  b\n", "a\n   \nb", "a\n\n\nb", "  a \n\n\n  b\n"),
    ],
)
def test_a_replacement_takes_the_indentation_and_the_line_ends_of_the_file(
    text: str, old: str, new: str, after: str
) -> None:
    assert replaced(text, [Replacement(old, new)]).text == after


def test_blanks_are_left_aside_only_where_one_place_fits() -> None:
    twice = "  a\n  b\n\n    a\n    b\n"

    assert refusal(twice, Replacement("a\nb", "x")) == (
        "old_text is not in the file; but for blanks it is, at lines 1, 4: copy the right one exactly"
    )
    assert refusal(twice, Replacement("a\nb", "x", everywhere=True)).startswith("old_text is not in the file. The")
    assert refusal("  a\n    b\n", Replacement("a\nb", "x")).startswith("old_text is not in the file. The nearest")
    assert refusal("\ta\n", Replacement("  a\n", " x\n")).startswith("old_text is not in the file. The nearest")


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

    assert replaced(text, [Replacement("one\ntwo\n", "1\n2\n")]).text == "1\r\n2\r\nthree\r\n"
    assert replaced(text, [Replacement("two", "2\n2.5")]).text == "one\r\n2\r\n2.5\r\nthree\r\n"
    assert replaced(text, [Replacement("two\r\n", "")]).text == "one\r\nthree\r\n"
    assert replaced(text, [Replacement("\ntwo", "\n2\n2.5")]).text == "one\r\n2\r\n2.5\r\nthree\r\n"
    assert replaced(f"{text}a\nb", [Replacement("a\nb", "a\nc\nb")]).text == f"{text}a\nc\nb"


@pytest.mark.parametrize(
    ("text", "content", "after"),
    [
        ("a\r\nb\nc\r\n", "a\nb\nC\nd\n", "a\r\nb\nC\r\nd\r\n"),
        ("a\nb\r\nc\rd", "a\r\nb\r\nc\r\nd\r\n", "a\nb\r\nc\rd\n"),
        ("a\r\nb\r\n", "b\nc", "b\r\nc"),
        ("a\nb", "a\r\nb\r\n", "a\nb\n"),
    ],
)
def test_a_whole_text_takes_over_the_line_ends_of_the_lines_that_stay(text: str, content: str, after: str) -> None:
    assert rewritten(text, content) == after


def test_lf_files_stay_as_they_are() -> None:
    assert replaced("one\ntwo\n", [Replacement("two", "2\n3")]).text == "one\n2\n3\n"


def test_line_ends_are_judged_by_the_majority() -> None:
    assert [line_end_of(text) for text in ("", "a\n", "a\r\n", "a\r\nb\n", "a\r\nb\r\nc\n")] == [
        *("\n", "\n", "\r\n", "\n", "\r\n")
    ]
    assert with_line_ends("a\nb\r\nc\rd", "\r\n") == "a\r\nb\r\nc\r\nd"


def test_refusals_are_quick_in_large_and_odd_files() -> None:
    begun = time.process_time()

    assert "lines 1, 2, 3, 4, 5, 6, 7, 8, 9, 10)" in refusal("ab\n" * 300_000, Replacement("a", "x"))
    assert len(refusal("x" * 3_000_000, Replacement("y" * 1_000_000, "z"))) < 400
    assert len(refusal("xy" * 1_000_000, Replacement("xy" * 900_000 + "z", "z"))) < 400
    assert time.process_time() - begun < 3
