"""The encodings of text files: a file's bytes as text and, byte for byte, back."""

from __future__ import annotations

import codecs
import re
from dataclasses import dataclass
from enum import StrEnum

_NO_TEXT = re.compile(rb"[\x00-\x06\x0e-\x1a\x1c-\x1f\x7f]")
"""Controls that no text has. Those that some have: BEL, BS, TAB, LF, VT, FF, CR, ESC (as `file(1)` judges)."""
_MARK = "\ufeff"


class Encoding(StrEnum):
    """How a file's text is written; the value is its name in messages."""

    UTF_8 = "UTF-8"
    UTF_8_MARKED = "UTF-8 with a byte order mark"
    UTF_16_LE = "UTF-16 LE"
    UTF_16_BE = "UTF-16 BE"
    LATIN_1 = "Latin-1"


_CODECS = {
    Encoding.UTF_8: ("utf-8", b""),
    Encoding.UTF_8_MARKED: ("utf-8", codecs.BOM_UTF8),
    Encoding.UTF_16_LE: ("utf-16-le", codecs.BOM_UTF16_LE),
    Encoding.UTF_16_BE: ("utf-16-be", codecs.BOM_UTF16_BE),
    Encoding.LATIN_1: ("latin-1", b""),
}
"""Python's codec for each, and the bytes that begin such a file."""


class CannotHold(Exception):
    """A text cannot be written in an encoding; the message names the character and the remedy."""


@dataclass(frozen=True, slots=True)
class Decoded:
    """A file's text, without its byte order mark, and how it is written."""

    text: str
    encoding: Encoding


def decoded(data: bytes) -> Decoded | None:
    """The text that the bytes are, None where they are none. `encoded` gives exactly these bytes back."""
    for encoding, (codec, mark) in _CODECS.items():
        if encoding in {Encoding.UTF_8, Encoding.LATIN_1} or not data.startswith(mark):
            continue
        return _strictly(data[len(mark) :], codec, encoding)
    if b"\0" in data:
        return None
    return _strictly(data, "utf-8", Encoding.UTF_8) or _latin_1(data)


def encoded(text: str, encoding: Encoding = Encoding.UTF_8) -> bytes:
    """The bytes of a text. Raises CannotHold, also where the bytes would be read as another text."""
    codec, mark = _CODECS[encoding]
    try:
        data = mark + text.removeprefix(_MARK if mark else "").encode(codec)
    except UnicodeEncodeError as error:
        raise CannotHold(_refused(text[error.start], encoding)) from error
    found = decoded(data)
    if found is None:
        raise CannotHold("the text has a NUL or another control character, which would make it a binary file")
    if found.text != text.removeprefix(_MARK):
        raise CannotHold(f"as {encoding} its bytes would be read as {found.encoding}: have it converted to UTF-8 first")
    return data


def _strictly(data: bytes, codec: str, encoding: Encoding) -> Decoded | None:
    try:
        text = data.decode(codec)
    except UnicodeDecodeError:
        return None
    return None if "\0" in text or text.startswith(_MARK) else Decoded(text, encoding)


def _latin_1(data: bytes) -> Decoded | None:
    return None if _NO_TEXT.search(data) else Decoded(data.decode("latin-1"), Encoding.LATIN_1)


def _refused(char: str, encoding: Encoding) -> str:
    if "\ud800" <= char <= "\udfff":
        return "the text has half a surrogate pair, which no file can hold"
    return (
        f"the text has {char!r}, which {encoding}, the file's encoding, does not have:"
        " write it with other characters, or have the file converted to UTF-8 first"
    )
