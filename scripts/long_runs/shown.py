"""Random texts as a user is shown them: nothing deceives, and what is shown reads back as what runs."""

from __future__ import annotations

import random
import re
import unicodedata
from pathlib import Path

from agent_lsp.conversation.actions import Action, Command, ToolKind
from agent_lsp.permissions.approval import detail, title
from agent_lsp.text.visible import visible, visible_lines

from .run import Broken, Figures

DECEIVERS = (
    "\x00\x1b\x7f\x85\n\r\t\u061c\u200b\u200d\u200e\u202e\u2028\u2066\u2800\ufeff\ufe0f\U000e0041\U000e0101\u00a0\u3164"
)
_ESCAPE = re.compile(r"\\(?:x(..)|u(.{4})|U(.{8})|([nrt]))", re.DOTALL)
_PADDING = re.compile(r" \\x20\{(\d+)\} ")
_NAMED = {"n": "\n", "r": "\r", "t": "\t"}
_PIECES = (
    "\\",
    "\\\\",
    "\\n",
    "\\x20{9} ",
    "\\u202e",
    " " * 8,
    " " * 9,
    " " * 40,
    "\x1b[2K",
    "ls",
    "; rm x",
    "{",
    "}",
    "'",
)
_MOST_PIECES = 12
_PREFIX = "run_command: "


class Shown:
    """A step is many texts, each put into a command and shown by its title and its detail."""

    name = "shown"
    what = "random texts as they are shown"
    total = 1_000_000
    a_step = 20_000

    def step(self, number: int, seed: int, folder: Path) -> Figures:  # noqa: ARG002 - nothing is written
        dice = random.Random(f"{seed} {number}")
        texts = [random_text(dice) for _ in range(self.a_step)]
        for text in texts:
            if wrong := wrong_with(text):
                raise Broken(f"{text!r} {wrong}")
        return Figures({"characters": sum(map(len, texts)), "texts that read back": len(texts)})


def random_text(dice: random.Random) -> str:
    """Pieces that look like escapes, padding, deceivers, and any code point but half a surrogate pair."""
    return "".join(_piece(dice) for _ in range(dice.randint(0, _MOST_PIECES)))


def _piece(dice: random.Random) -> str:
    match dice.randrange(4):
        case 0:
            return dice.choice(_PIECES)
        case 1:
            return dice.choice(DECEIVERS)
        case 2:
            return chr(dice.randrange(0x20, 0x7F))
    point = dice.randrange(0x110000 - 0x800)
    return chr(point if point < 0xD800 else point + 0x800)


def wrong_with(text: str) -> str:
    """What is wrong with the way that a text is shown; empty when nothing is."""
    action = Action("run_command", ToolKind.EXECUTE, "", Command(text, "/w", 60))
    named, lines = title(action).removeprefix(_PREFIX), [line[2:] for line in detail(action).text.split("\n")[1:-1]]
    if deceives(named) or any(map(deceives, lines)):
        return "is shown with something that deceives"
    if deceives(visible_lines(text).replace("\n", "").replace("\t", ""), padding=True):
        return "is shown in a file with something that deceives"
    if read_back(named) != text or read_back(visible(text)) != text:
        return f"does not read back from {named!r}"
    if "\n".join(read_back(line) for line in lines) != text:
        return f"does not read back from {lines!r}"
    return ""


def deceives(shown: str, *, padding: bool = False) -> bool:
    """Whether a line has what shows nothing, or something else; long blanks too, unless `padding` may be there."""
    hidden = any(char in DECEIVERS or (unicodedata.category(char)[0] in "CZ" and char != " ") for char in shown)
    return hidden or (not padding and " " * 9 in shown)


def read_back(shown: str) -> str:
    """What `visible` says, read by one who knows its rules only from its docstring."""
    made, at = [], 0
    while at < len(shown):
        if found := _PADDING.match(shown, at):
            made.append(" " * int(found[1]))
            at = found.end()
        elif shown[at] == "\\":
            text, at = _backslashes(shown, at)
            made.append(text)
        else:
            made.append(shown[at])
            at += 1
    return "".join(made)


def _backslashes(shown: str, at: int) -> tuple[str, int]:
    """A run of backslashes with the escape that it may begin, and where it ends."""
    end = at
    while shown[end : end + 1] == "\\":
        end += 1
    if shown[end : end + 1] not in {*"nrtxuU"}:
        return "\\" * (end - at), end
    plain = "\\" * ((end - at) // 2)
    found = _ESCAPE.match(shown, end - 1) if (end - at) % 2 else None
    if found is None:
        return plain, end
    x, u, big_u, named = found.groups()
    return plain + (_NAMED[named] if named else chr(int(x or u or big_u, 16))), found.end()
