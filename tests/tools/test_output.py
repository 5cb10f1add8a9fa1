"""A result fits its limit and says what is missing."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from agent_lsp.tools.output import fit

texts = st.lists(st.text(alphabet="ab\n日", max_size=40), max_size=40).map("".join)


@given(texts, st.integers(0, 500), st.text(max_size=60))
def test_a_result_is_at_most_as_long_as_its_limit_and_a_note(text: str, most: int, rest: str) -> None:
    fitted = fit(text, most, rest)

    assert fitted == text or len(fitted) <= most + len(rest) + 100
    assert fitted == text or len(text) > most


@given(texts, st.integers(30, 500))
def test_what_is_kept_is_the_beginning_and_the_end(text: str, most: int) -> None:
    fitted = fit(text, most, "See the rest.")

    if fitted != text:
        head, _, rest = fitted.partition("\n[… ")
        note, _, tail = rest.partition(" See the rest.]\n")
        assert text.startswith(head)
        assert text.endswith(tail)
        assert note.split()[0] == str(len(text) - len(head) - len(tail))


def test_lines_are_kept_whole() -> None:
    text = "".join(f"line {number}\n" for number in range(1_000))

    assert fit(text, 60, "Read on.") == (
        "line 0\nline 1\nline 2\nline 3\nline 4\n"
        "[… 8838 of 8890 characters (994 lines) are left out here. Read on.]\nline 998\nline 999\n"
    )


def test_a_single_long_line_is_cut_within() -> None:
    assert fit("x" * 1_000, 30, "Narrow it.") == (
        "x" * 20 + "\n[… 970 of 1000 characters (0 lines) are left out here. Narrow it.]\n" + "x" * 10
    )
