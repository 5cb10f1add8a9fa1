"""Globs as ripgrep's `--glob` has them: gitignore's rules, and `{a,b}`."""

from __future__ import annotations

import re
from fnmatch import translate
from functools import lru_cache

_MOST_ALTERNATIVES = 64
_ANY = "**"


def matches(path: str, glob: str) -> bool:
    """Whether a relative path matches: by its name alone where the glob has no slash but a last one."""
    if glob.startswith("!"):
        return not matches(path, glob[1:])
    return any(_fits(path.split("/"), option) for option in _alternatives(glob))


@lru_cache(maxsize=256)
def _alternatives(glob: str) -> tuple[tuple[str, ...], ...]:
    """`a{b,c}` → `ab`, `ac`, each as the names of a path; with more than anybody means, the braces as they stand."""
    made: list[str] = []
    waiting = [glob]
    while waiting:
        one = waiting.pop()
        if match := re.search(r"\{([^{}]*)\}", one):
            waiting += [one[: match.start()] + part + one[match.end() :] for part in match[1].split(",")]
        else:
            made.append(one)
        if len(made) + len(waiting) > _MOST_ALTERNATIVES:
            made = [glob]
            break
    return tuple(map(_names, made))


def _names(glob: str) -> tuple[str, ...]:
    anywhere = () if "/" in glob.rstrip("/") else (_ANY,)
    inside = (_ANY, "*") if glob.endswith(("/", "/**")) else ()
    names = glob.removeprefix("/").removesuffix("/").removesuffix("/**").split("/")
    return (*anywhere, *names, *inside)


def _fits(path: list[str], glob: tuple[str, ...]) -> bool:
    """Name by name, in the product of both lengths: one pattern for a whole path can take for ever."""
    places = _entered({0}, glob)
    for name in path:
        stay = {place for place in places if place < len(glob) and glob[place] == _ANY}
        step = {place + 1 for place in places - stay if place < len(glob) and _compiled(glob[place]).match(name)}
        places = _entered(stay | step, glob)
    return len(glob) in places


def _entered(places: set[int], glob: tuple[str, ...]) -> set[int]:
    """The places with those behind a `**`, which may stand for nothing."""
    entered = set(places)
    for place in sorted(places):
        behind = place
        while behind < len(glob) and glob[behind] == _ANY:
            behind += 1
            entered.add(behind)
    return entered


@lru_cache(maxsize=256)
def _compiled(name: str) -> re.Pattern[str]:
    """One name's pattern; the standard library's cannot run away (it takes each `*` but the last atomically)."""
    plain = re.sub(r"\\(.)", lambda found: f"[{found[1]}]", name, flags=re.DOTALL)
    return re.compile(translate(plain.replace("[^", "[!")))
