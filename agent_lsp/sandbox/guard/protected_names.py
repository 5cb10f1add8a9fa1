"""Protected names, as they hold in every folder: `.git/hooks`, `.env.*`."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable
from fnmatch import translate

_NOTHING = re.compile(r"(?!)")


class ProtectedNames:
    """Names relative to a folder, by their first parts. A part is a pattern as in a shell; case makes no difference.

    `ends` tells whether one of them ends here, at the folder itself.
    """

    def __init__(self, names: Iterable[str]) -> None:
        rests: dict[str, list[str]] = defaultdict(list)
        for name in names:
            first, _, rest = name.casefold().partition("/")
            rests[first].append(rest)
        self.ends = bool(rests.pop("", ()))
        self._plain = {first: ProtectedNames(further) for first, further in rests.items() if not _is_pattern(first)}
        patterns = {translate(first): ProtectedNames(further) for first, further in rests.items() if _is_pattern(first)}
        self._patterns = [(re.compile(pattern), rest) for pattern, rest in patterns.items()]
        self._any = re.compile("|".join(patterns)) if patterns else _NOTHING

    @property
    def lead_on(self) -> bool:
        """Whether any of them goes on from here."""
        return bool(self._plain or self._patterns)

    def after(self, name: str) -> tuple[ProtectedNames, ...]:
        """What leads on from an entry of the folder; empty for an ordinary one."""
        folded = name.casefold()
        rest = self._plain.get(folded)
        plain = () if rest is None else (rest,)
        if not self._any.match(folded):  # nearly always
            return plain
        return *plain, *(rest for pattern, rest in self._patterns if pattern.match(folded))


def _is_pattern(part: str) -> bool:
    return not set("*?[").isdisjoint(part)
