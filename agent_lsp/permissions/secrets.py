"""Keys and tokens taken out of texts, by value and by shape, before they are written or sent."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from urllib.parse import quote

_SHORTEST = 8
_MOST_HELD = 16 << 10
_TAIL, _STEP = 4 << 10, 512
"""Characters of a long line that are held back, and by which the place is moved where it is cut."""
_PIECE = 256 << 10
"""Characters that are searched at once."""
_SEAM = 64
"""Characters, more than stand between a secret's name and the secret on one of the next lines."""
_LABEL = r"(?:[A-Z0-9]+ ){0,3}PRIVATE KEY(?: BLOCK)?-----"
_BODY = rf'(?:(?:[^-"]|-(?!----)){{32,{_MOST_HELD}}}-----END {_LABEL}|(?:[\s\d\\n]*[A-Za-z0-9+/=]{{40,}})+)'
_MIXED = r"(?=[\w-]{0,64}\d)(?=[\w-]{0,64}[A-Z])"


@dataclass(frozen=True, slots=True)
class _Shape:
    """What a secret looks like. Only texts with one of the `heads` are searched; a group `secret` is what goes."""

    name: str
    heads: tuple[str, ...]
    pattern: re.Pattern[str]


def _shape(name: str, heads: str, pattern: str) -> _Shape:
    return _Shape(name, tuple(heads.split()), re.compile(pattern))


_SHAPES = (
    _shape("private key", "KEY-----", rf"-----BEGIN {_LABEL}{_BODY}"),
    _shape("Anthropic key", "sk-ant-", r"\bsk-ant-[\w-]{20,}"),
    _shape("API key", "sk-", rf"\bsk-{_MIXED}[\w-]{{20,}}"),
    _shape("GitHub token", "ghp_ gho_ ghu_ ghs_ ghr_", r"\bgh[pousr]_[A-Za-z0-9]{36,255}"),
    _shape("GitHub token", "github_pat_", r"\bgithub_pat_\w{22,255}"),
    _shape("GitLab token", "glpat- gldt- glrt- glcbt- glptt- glsoat-", r"\bgl(?:pat|dt|rt|cbt|ptt|soat)-[\w-]{20,}"),
    _shape("AWS access key", "AKIA ASIA", r"\b(?:AKIA|ASIA)[A-Z0-9]{16}\b"),
    _shape(
        "AWS secret key",
        "secret_access_key SECRET_ACCESS_KEY SecretAccessKey",
        r"(?i:secret_?access_?key)[\"']?\s{0,4}[=:]\s{0,4}[\"']?(?P<secret>[A-Za-z0-9/+=]{40})(?![A-Za-z0-9/+=])",
    ),
    _shape("Google key", "AIza ya29. GOCSPX-", r"\b(?:AIza[\w-]{35}|ya29\.[\w-]{20,}|GOCSPX-[\w-]{28})"),
    _shape("Slack token", "xox xapp-", r"\b(?:xox[abeoprs]|xapp-\d)-[A-Za-z0-9-]{10,}"),
    _shape("Stripe key", "_live_ _test_", r"\b[sr]k_(?:live|test)_[A-Za-z0-9]{16,}"),
    _shape("npm token", "npm_", r"\bnpm_[A-Za-z0-9]{36}\b"),
    _shape("PyPI token", "pypi-AgE", r"\bpypi-AgE[\w-]{50,}"),
    _shape("Hugging Face token", "hf_", r"\bhf_[A-Za-z0-9]{30,}"),
    _shape("SendGrid key", "SG.", r"\bSG\.[\w-]{22}\.[\w-]{43}"),
    _shape("Docker token", "dckr_", r"\bdckr_(?:pat|oat)_[\w-]{20,}"),
    _shape("JSON web token", "eyJ", r"\beyJ[\w-]{10,2000}\.eyJ[\w-]{10,}\.[\w-]{10,}"),
    _shape(
        "authorization",
        "uthorization: UTHORIZATION:",
        r"(?i:authorization: (?:bearer|basic|token) )(?P<secret>[\w.~+/=-]{16,})",
    ),
    _shape("password", "://", r"://(?P<secret>[^/\s:@\[\]\"']{0,64}:[^/\s:@\[\]\"']{3,128})@"),
)
_HEADS = tuple(head for shape in _SHAPES for head in shape.heads)
_ACCESS_KEY = re.compile(r"access_?key", re.IGNORECASE)
"""What the name of a secret on another line ends with; all other shapes but the private key's are of one line."""
_PLACEHOLDER = re.compile(rf"\[redacted: (?:key of a model|{'|'.join(shape.name for shape in _SHAPES)})\]")

Clean = Callable[[str], str]
"""Takes the secrets out of a text."""


class Secrets:
    """Knows the values that must not be written or sent, and the shapes of those that nobody told it."""

    def __init__(self, values: Iterable[str] = ()) -> None:
        self._values: dict[str, None] = {}
        self._known: re.Pattern[str] | None = None
        self._any_value_has_lines = False
        for value in values:
            self.know(value)

    def know(self, value: str) -> None:
        """From here on this value is taken out, also as JSON, in an address and in base64; none under 8 characters."""
        if len(value) < _SHORTEST or value in self._values:
            return
        written = (value, json.dumps(value)[1:-1], quote(value, safe=""), base64.b64encode(value.encode()).decode())
        self._values |= dict.fromkeys(written)
        self._any_value_has_lines = self._any_value_has_lines or "\n" in value
        longest_first = sorted(self._values, key=len, reverse=True)
        self._known = re.compile("|".join(map(re.escape, longest_first)))

    def clean(self, text: str) -> str:
        """The text with a word in brackets for each secret, which says what it was.

        A long text is searched in pieces: one search of the whole would let no other thread run before its end.
        """
        whole = len(text) <= _PIECE or self._any_value_has_lines
        pieces = [text] if whole else [*_pieces(text)]
        if self._known:
            pieces = [self._known.sub("[redacted: key of a model]", piece) for piece in pieces]
        for shape in _shapes_in(pieces):
            pieces = [shape.pattern.sub(partial(_without, shape), piece) for piece in pieces]
        return "".join(pieces)

    def stream(self) -> SecretStream:
        """Cleans a text that comes in pieces."""
        return SecretStream(self.clean)


class SecretStream:
    """Passes on whole lines, so that no secret is cut in two; a key's block is held until its end."""

    def __init__(self, clean: Clean) -> None:
        self._clean, self._held = clean, ""

    def feed(self, piece: str) -> str:
        """What may be shown by now, perhaps nothing."""
        self._held += piece
        end = max(self._held.rfind("\n"), self._held.rfind("\r")) + 1
        opened = self._held.rfind("-----BEGIN ")
        if opened >= 0 and "-----END " not in self._held[opened:end]:
            end = min(end, opened)
        if len(self._held) - end > _MOST_HELD:
            end = self._end_within_a_line()
        ready, self._held = self._held[:end], self._held[end:]
        return self._clean(ready)

    def _end_within_a_line(self) -> int:
        """Where a line too long to be held is cut: not in a secret, nor so near its end that one may go on there."""
        held, last = self._held, len(self._held) - _TAIL
        whole = self._clean(held)
        for end in range(last, last - _MOST_HELD // 2, -_STEP):
            if self._clean(held[:end]) + self._clean(held[end:]) == whole:
                return end
        return len(held)

    def rest(self) -> str:
        """What is left at the end."""
        ready, self._held = self._held, ""
        return self._clean(ready)


def _pieces(text: str) -> Iterator[str]:
    """The text in pieces of whole lines, between which no secret stands."""
    start = 0
    while end := _end_of_piece(text, start):
        yield text[start:end]
        start = end
    yield text[start:]


def _end_of_piece(text: str, start: int) -> int:
    """Where the lines of a piece end; 0 where the rest is one. A secret of several lines is not cut in two."""
    begun, searched, end = -1, start, text.find("\n", start + _PIECE) + 1
    while end:
        begun, searched = max(begun, text.rfind("-----BEGIN ", searched, end)), end
        closed = text.find("-----END ", begun) if begun >= 0 else start
        if closed < 0:
            return 0
        if closed >= end:
            end = text.find("\n", closed) + 1
        elif _ACCESS_KEY.search(text, end - _SEAM, end):
            end = text.find("\n", end + _SEAM) + 1
        else:
            return end
    return 0


def _shapes_in(pieces: Sequence[str]) -> list[_Shape]:
    """The shapes to search for, in one order whatever comes first: what one takes out another does not find."""
    heads = {head for head in _HEADS if any(head in piece for piece in pieces)}
    return [shape for shape in _SHAPES if not heads.isdisjoint(shape.heads)]


def hidden_parts(before: str | None, after: str | None) -> bool:
    """Whether a new text has words that stand for a secret and were not in the old one: the secret would be lost."""
    return len(_PLACEHOLDER.findall(after or "")) > len(_PLACEHOLDER.findall(before or ""))


def _without(shape: _Shape, found: re.Match[str]) -> str:
    whole, word = found[0], f"[redacted: {shape.name}]"
    if "secret" not in found.re.groupindex:
        return word
    start, end = found.start("secret") - found.start(), found.end("secret") - found.start()
    return f"{whole[:start]}{word}{whole[end:]}"
