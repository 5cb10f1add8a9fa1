"""Fences: how the model is shown text that somebody else wrote, so that it can tell where that begins and ends."""

from __future__ import annotations

import re
from functools import lru_cache

_MOST_SOURCE = 200
_HIDDEN = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f"
    "\u2028-\u202e\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb\U0001d173-\U0001d17a"
    "\U000e0000-\U000e0fff]"
)
"""What a reader does not see but a model may read: controls, marks of direction, zero-width, tag and selecting
characters (Unicode's Default_Ignorable_Code_Point, and the categories Cc, Zl and Zp)."""
_UNSEEN = "\u200b-\u200f\ufe00-\ufe0f\U000e0000-\U000e0fff"
_JOINING = re.compile(f"(?<=[^\x00-\x7f{_UNSEEN}])(?:[\ufe0e\ufe0f]\u200d?|[\u200c\u200d])(?![{_UNSEEN}])")
"""Single joiners and choices of a sign's look, which emoji and many scripts are written with."""


def fenced(text: str, *, source: str, mark: str) -> str:
    """A text between two lines that name its source and a mark, which its author could not know.

    What a reader would not see becomes escapes (`\\u202e`), and the mark is taken out of the text.
    """
    inside = revealed(text).replace(mark, "…")
    where = re.sub(r"[\[\]\s]+", " ", revealed(source).replace(mark, "…")).strip()
    if len(where) > _MOST_SOURCE:
        where = f"{where[:_MOST_SOURCE]}…"
    end = "" if inside.endswith("\n") else "\n"
    return f"[data {mark} from {where}]\n{inside or '(empty)'}{end}[end of data {mark}]"


@lru_cache(4_096)  # each step shows the model all results again
def revealed(text: str) -> str:
    """The text with an escape for each character that would not be seen, but line ends, tabs and single joiners."""
    joining = {place for found in _JOINING.finditer(text) for place in range(*found.span())}
    return _HIDDEN.sub(lambda found: found[0] if found.start() in joining else _escape(found[0]), text)


def _escape(char: str) -> str:
    code = ord(char)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
