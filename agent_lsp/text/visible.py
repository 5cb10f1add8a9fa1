"""Text made visible: every character escaped that could deceive a reader."""

from __future__ import annotations

import re
import unicodedata

_NAMED = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}
_PADDING = re.compile(r" {9,}")
_UNSURE = re.compile(r"[^\x20-\x7e\n\t]")
_BLANK = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u3164\ufe00-\ufe0f\uffa0\U0001d159\U000e0000-\U000e0fff]"
)
"""What shows nothing though its category does not say so (Unicode's Default_Ignorable_Code_Point, and blanks)."""


def visible(text: str) -> str:
    """The text on one line, every character escaped that could deceive a reader; no two texts look the same.

    Controls, ANSI sequences, bidirectional marks, zero-width and tag characters, odd spaces and long padding
    become escapes. Backslashes are doubled where they would look like the beginning of one.
    """
    shown = re.sub(r"(\\+)(?=(.)?)", _doubled, text, flags=re.DOTALL)
    shown = "".join(char if _harmless(char) else _escaped(char) for char in shown)
    return _PADDING.sub(lambda run: f" \\x20{{{len(run[0])}}} ", shown)


def visible_lines(text: str) -> str:
    """Several lines of a file, line ends, tabs and backslashes as they are, the rest as in `visible`."""
    return _UNSURE.sub(lambda found: found[0] if _harmless(found[0]) else _escaped(found[0]), text)


def _doubled(run: re.Match[str]) -> str:
    following = run[2] or ""
    ambiguous = following in {*"nrtxuU"} or (following and not _harmless(following))
    return run[1] * (2 if ambiguous else 1)


def _harmless(char: str) -> bool:
    if char == " ":
        return True
    return unicodedata.category(char) not in {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp", "Zs"} and not _BLANK.match(char)


def _escaped(char: str) -> str:
    code = ord(char)
    if char in _NAMED:
        return _NAMED[char]
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
