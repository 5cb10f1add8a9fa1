"""Globs as ripgrep's `--glob` has them: gitignore's rules, and `{a,b}`."""

from __future__ import annotations

import re
from functools import lru_cache


def matches(path: str, glob: str) -> bool:
    """Whether a relative path matches: by its name alone where the glob has no slash but a last one."""
    if glob.startswith("!"):
        return not matches(path, glob[1:])
    return any(_compiled(option).fullmatch(path) is not None for option in _options(glob))


def _options(glob: str) -> list[str]:
    match = re.search(r"\{([^{}]*)\}", glob)
    if match is None:
        return [glob]
    return [
        option
        for part in match[1].split(",")
        for option in _options(glob[: match.start()] + part + glob[match.end() :])
    ]


@lru_cache(maxsize=256)
def _compiled(glob: str) -> re.Pattern[str]:
    anywhere = "" if "/" in glob.rstrip("/") else "(?:.*/)?"
    inside = ".*" if glob.endswith("/") else ""
    parts = re.findall(r"\*\*/|/\*\*$|\*+|\?|\[!?\]?[^\]]*\]|\\.|.", glob.removeprefix("/"), re.DOTALL)
    return re.compile(anywhere + "".join(map(_translated, parts)) + inside, re.DOTALL)


def _translated(part: str) -> str:
    match part:
        case "**/":
            return "(?:.*/)?"
        case "/**":
            return "/.+"
        case "?":
            return "[^/]"
        case _ if part.startswith("*"):
            return ".*" if part == "**" else "[^/]*"
        case _ if len(part) > 2 and part[0] == "[" and part[-1] == "]":
            inner = part[1:-1].replace("\\", "\\\\").replace("[", "\\[")
            return f"[^/{inner[1:]}]" if inner[0] in "!^" else f"[{inner}]"
        case _:
            return re.escape(part[-1] if len(part) == 2 and part[0] == "\\" else part)
