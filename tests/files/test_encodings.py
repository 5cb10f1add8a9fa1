"""Bytes that are text come back byte for byte, whatever is between."""

from __future__ import annotations

import codecs

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from agent_lsp.files.encodings import CannotHold, Decoded, Encoding, decoded, encoded


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"", Decoded("", Encoding.UTF_8)),
        ("é日🎉\r\n".encode(), Decoded("é日🎉\r\n", Encoding.UTF_8)),
        (b"\x01\x7f", Decoded("\x01\x7f", Encoding.UTF_8)),
        (codecs.BOM_UTF8 + b"a\n", Decoded("a\n", Encoding.UTF_8_MARKED)),
        (codecs.BOM_UTF16_LE + "é🎉\r\n".encode("utf-16-le"), Decoded("é🎉\r\n", Encoding.UTF_16_LE)),
        (codecs.BOM_UTF16_BE + "é".encode("utf-16-be"), Decoded("é", Encoding.UTF_16_BE)),
        (b"caf\xe9\r\n\x85\x1b[0m", Decoded("caf\u00e9\r\n\u0085\x1b[0m", Encoding.LATIN_1)),
        (b"a\0b", None),
        (b"x" * 10_000 + b"\0", None),
        (b"\x89PNG\r\n\x1a\n", None),
        (b"\xe9\x01", None),
        (codecs.BOM_UTF8 + b"caf\xe9", None),
        (codecs.BOM_UTF16_LE + b"odd", None),
        (codecs.BOM_UTF16_LE + b"\x00\xd8", None),
        (codecs.BOM_UTF32_LE + "a".encode("utf-32-le"), None),
        (codecs.BOM_UTF8 * 2 + b"a", None),
    ],
)
def test_bytes_are_read_as_the_text_they_are(data: bytes, expected: Decoded | None) -> None:
    assert decoded(data) == expected


@given(st.binary() | st.text().map(str.encode) | st.text().map(lambda text: text.encode("utf-16")))
@example(b"\xef\xbb\xbf\r\n\r")
@example(b"\xe9\r\n\xa0\r")
def test_whatever_is_text_comes_back_byte_for_byte(data: bytes) -> None:
    if found := decoded(data):
        assert encoded(found.text, found.encoding) == data


@given(st.text(), st.sampled_from(Encoding))
def test_a_text_is_read_as_it_was_written_or_refused(text: str, encoding: Encoding) -> None:
    try:
        data = encoded(text, encoding)
    except CannotHold:
        return
    found = decoded(data)
    assert found
    assert found.text == text.removeprefix("\ufeff")


@pytest.mark.parametrize(
    ("text", "encoding", "words"),
    [
        (
            "é日",
            Encoding.LATIN_1,
            "the text has '日', which Latin-1, the file's encoding, does not have: write it with",
        ),
        ("\ud83d", Encoding.UTF_8, "the text has half a surrogate pair, which no file can hold"),
        ("a\0b", Encoding.UTF_8, "the text has a NUL or another control character, which would make it a binary file"),
        ("Ã©", Encoding.LATIN_1, "as Latin-1 its bytes would be read as UTF-8: have it converted to UTF-8 first"),
    ],
)
def test_what_an_encoding_cannot_hold_is_refused_with_the_remedy(text: str, encoding: Encoding, words: str) -> None:
    with pytest.raises(CannotHold) as caught:
        encoded(text, encoding)
    assert str(caught.value).startswith(words)
