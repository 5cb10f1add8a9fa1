"""Rules of the user's, `tool` or `tool(pattern)`: what is refused, asked about or allowed without asking."""

from __future__ import annotations

import re
import shlex
import unicodedata
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches

from agent_lsp.conversation.actions import Action, Command, Fetch, FileChange, FileMove, ServerUse, Target, WebSearch
from agent_lsp.permissions.shell_line import parses, plain_words, steps
from agent_lsp.permissions.shell_program import UNKNOWN, ShellProgram
from agent_lsp.permissions.shell_words import TooMuch
from agent_lsp.text.visible import visible

_RULE = re.compile(r"([\w*-]+)(?:\((.+)\))?", re.DOTALL)
_ANY = "\ufff8"
"""Stands for a `*` that is not quoted."""


@dataclass(frozen=True, slots=True)
class Rule:
    """The actions of a tool, `*` in its name standing for any letters, all of them or those that fit the pattern.

    For files the pattern is a path beneath a root or an absolute one: `*` any part of a name, `**` any folders; what
    refuses or asks means also what lies beneath. For commands it is the words of a program: `*` any part of a word, or
    as the last word any words.
    """

    tool: str
    pattern: str = ""

    def __str__(self) -> str:
        return f"{self.tool}({self.pattern})" if self.pattern else self.tool

    def covers(self, action: Action, roots: Sequence[str]) -> bool:
        """Whether all that the action does fits: what an allowing rule must do."""
        if not _fits(self.tool.split("*"), action.tool):
            return False
        if isinstance(action.effect, Command):
            words = plain_words(action.effect.line)
            return not self.pattern or (words is not None and _words_fit(_words(self.pattern), words, _does_fit))
        return not self.pattern or all(_path_fits(self.pattern, names) for names in _named(action, roots))

    def touches(self, action: Action, roots: Sequence[str]) -> bool:
        """Whether anything that the action does fits, or may: what refusing and asking rules do."""
        if not _fits(self.tool.split("*"), action.tool):
            return False
        if not self.pattern:
            return True
        if isinstance(action.effect, Command):
            return _runs(_words(self.pattern), action.effect)
        return self._reaches_any(_named(action, roots))

    def reaches(self, reading: Reading, roots: Sequence[str]) -> bool:
        """Whether a call that only reads is about what fits."""
        if not _fits(self.tool.split("*"), reading.tool):
            return False
        return not self.pattern or self._reaches_any(_all_names({**_led(reading.target), reading.path: ""}, roots))

    def _reaches_any(self, paths: Iterable[Iterable[str]]) -> bool:
        """Whoever refuses `docs`, `docs/` or `./docs` means what lies beneath, too."""
        pattern = _folded(self.pattern).removeprefix("./").rstrip("/")
        wanted = (pattern or "**", f"{pattern}/**")
        return any(_path_fits(one, map(_folded, names)) for names in paths for one in wanted)


@dataclass(frozen=True, slots=True)
class Reading:
    """A call of a tool that only reads: the absolute path it names, empty for none, and where that leads."""

    tool: str
    path: str = ""
    target: Target | None = None


@dataclass(frozen=True, slots=True)
class Rules:
    """Rules by what they do; refusing goes before asking, asking before allowing."""

    deny: tuple[Rule, ...] = ()
    ask: tuple[Rule, ...] = ()
    allow: tuple[Rule, ...] = ()


NO_RULES = Rules()


def parsed(text: str) -> Rule:
    """A rule as it is written. Raises ValueError that says what is wrong with it."""
    found = _RULE.fullmatch(text.strip())
    if not found:
        raise ValueError(f"no rule: {text!r}; write a tool's name, or a name and a pattern: run_command(npm test)")
    rule = Rule(found[1], (found[2] or "").strip())
    try:
        _words(rule.pattern)
    except ValueError as error:
        raise ValueError(f"no rule: {text!r}: {error}") from error
    return rule


def must_name_a_tool(rule: Rule, tools: Collection[str]) -> None:
    """Raises ValueError for a rule that no tool's name fits, for it would hold nothing."""
    if not any(_fits(rule.tool.split("*"), tool) for tool in tools):
        near = get_close_matches(rule.tool, list(tools), n=1, cutoff=0.5)
        remedy = f"did you mean {near[0]}?" if near else f"tools are: {', '.join(tools)}"
        raise ValueError(f"no tool '{visible(rule.tool)}': {remedy}")


def rule_for(action: Action) -> Rule | None:
    """The narrowest rule that covers an action; None where none can be written that reads as what it is."""
    match action.effect:
        case FileChange(shown=shown):
            pattern = re.sub(r"([*?\\])", r"\\\1", shown)
        case Command(line=line):
            pattern = shlex.join(plain_words(line) or ())
        case FileMove() | ServerUse() | Fetch() | WebSearch():
            return None
    rule = Rule(action.tool, pattern)
    return rule if pattern and visible(pattern) == pattern and parsed(str(rule)) == rule else None


def _named(action: Action, roots: Sequence[str]) -> list[list[str]]:
    """Every path that an action changes, as it is said and where it leads, each by all of its names."""
    match action.effect:
        case FileChange(path=path, shown=shown, target=target):
            said = {**_led(target), path: shown}
        case FileMove(path=path, shown=shown, target=target) as move:
            said = {**_led(target), **_led(move.new_target), path: shown, move.new_path: move.new_shown}
        case Command():
            return []
        case ServerUse(base_url=address) | Fetch(url=address) | WebSearch(query=address):
            return [[address]]
    return _all_names(said, roots)


def _all_names(said: Mapping[str, str], roots: Sequence[str]) -> list[list[str]]:
    """Absolute paths, each with the name it is shown by, and by its names beneath the roots."""
    beneath = [root.rstrip("/") + "/" for root in roots]
    return [
        [path, *filter(None, [shown]), *(path.removeprefix(root) for root in beneath if path.startswith(root))]
        for path, shown in said.items()
    ]


def _led(target: Target | None) -> dict[str, str]:
    return {target.path: ""} if target else {}


def _path_fits(pattern: str, names: Iterable[str]) -> bool:
    return any(re.fullmatch(_path_pattern(pattern), name, re.DOTALL) for name in names)


def _path_pattern(pattern: str) -> str:
    """The pattern as a regular expression; a backslash takes its meaning from what follows."""
    parts = re.findall(r"\\.|\*\*/?|\*|\?|[^\\*?]+|\\", pattern, re.DOTALL)
    meanings = {"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]"}
    return "".join(
        meanings.get(part) or re.escape(part[1:] if part[0] == "\\" and part[1:] else part) for part in parts
    )


def _folded(text: str) -> str:
    """As file systems compare names that fold them."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", text).casefold())


def _runs(pattern: Sequence[str], command: Command) -> bool:
    """Whether a line runs a program with words that begin as the pattern, or might."""
    pattern = pattern if pattern[-1:] == [_ANY] else [*pattern, _ANY]
    try:
        programs = [step for step in steps(command.line, command.cwd) if isinstance(step, ShellProgram)]
    except TooMuch:
        return True
    vectors = [(program.name, *program.texts) for program in programs] + [plain_words(command.line) or ()]
    return not parses(command.line) or any(_words_fit(pattern, vector, _may_fit) for vector in vectors)


def _words(pattern: str) -> list[str]:
    """The words of a pattern, with `_ANY` for each `*` outside quotes. Raises ValueError for a quote left open."""
    marked, quote, escaped = "", "", False
    for char in pattern:
        if escaped or char == "\\":
            escaped = not escaped
        elif quote:
            quote = "" if char == quote else quote
        elif char in "'\"":
            quote = char
        elif char == "*":
            char = _ANY  # noqa: PLW2901 - the letter that stands for it
        marked += char
    return shlex.split(marked)


def _words_fit(pattern: Sequence[str], words: Sequence[str], fits: Callable[[str, str], bool]) -> bool:
    rest = pattern[-1:] == [_ANY]
    wanted = pattern[:-1] if rest else pattern
    long_enough = len(words) >= len(wanted) if rest else len(words) == len(wanted)
    return bool(words) and long_enough and all(map(fits, wanted, words))


def _does_fit(pattern: str, word: str) -> bool:
    return _fits(pattern.split(_ANY), word)


def _may_fit(pattern: str, word: str) -> bool:
    return UNKNOWN in word or _does_fit(pattern, word)


def _fits(parts: Iterable[str], name: str) -> bool:
    """Whether a name is these parts with anything between them."""
    return re.fullmatch(".*".join(map(re.escape, parts)), name, re.DOTALL) is not None
