"""The words that a shell makes of a line's parts, as far as they can be told without running anything."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace

import tree_sitter_bash
from tree_sitter import Language, Node, Parser

from agent_lsp.permissions.shell_program import HOME, UNKNOWN, Word

_SPLIT = "\ufffb"  # between the words that an expansion without quotes makes
_MOST_WORDS = 2_048


class TooMuch(Exception):
    """The line is more than can be looked through; the message says of what there is too much."""


@dataclass(slots=True)
class State:
    """What a shell knows at a point of the line; each subshell has its own copy.

    `printed` tells what a substitution prints.
    """

    cwd: str
    printed: Callable[[Node, State], Word]
    variables: dict[str, Word] = field(default_factory=dict)

    def copy(self) -> State:
        return State(self.cwd, self.printed, dict(self.variables))


def parse(line: str) -> Node:
    """A line as Bash's grammar has it; `has_error` where it does not."""
    return Parser(Language(tree_sitter_bash.language())).parse(line.encode("utf-8", "replace")).root_node


def all_nodes(node: Node) -> Iterator[Node]:
    """A node and all beneath it."""
    waiting = [node]
    while waiting:
        current = waiting.pop()
        yield current
        waiting += reversed(current.children)


def text_of(node: Node) -> str:
    """What stands in the line for a node."""
    return (node.text or b"").decode("utf-8", "replace")


def assign(node: Node, state: State) -> None:
    """Gives a variable its value."""
    name, value = node.child_by_field_name("name"), node.child_by_field_name("value")
    if name:
        state.variables[text_of(name)] = joined(evaluated(value, state)) if value else Word("")


def joined(words: Sequence[Word]) -> Word:
    """Several words as one, with blanks between them."""
    return Word(" ".join(w.text for w in words), next((w.downloaded for w in words if w.downloaded), ""))


def evaluated(node: Node, state: State) -> list[Word]:
    """The words that the shell makes of one, braces opened, as far as can be told without running anything."""
    word = _value(node, state, quoted=False)
    texts = [text for text in word.text.split(_SPLIT) if text] if _SPLIT in word.text else [word.text]
    bare = node.type not in {"string", "raw_string", "ansi_c_string"}
    return [Word(opened, word.downloaded) for text in texts for opened in (_braces(text) if bare else [text])]


def _value(node: Node, state: State, *, quoted: bool) -> Word:
    match node.type:
        case "word":
            return Word(_at_home(re.sub(r"\\(\n|.)", lambda m: m[1].strip("\n"), text_of(node), flags=re.DOTALL)))
        case "raw_string":
            return Word(text_of(node)[1:-1])
        case "ansi_c_string":
            return Word(text_of(node)[2:-1].encode("latin-1", "replace").decode("unicode_escape", "replace"))
        case "string" | "translated_string":
            return _spelled(node, state)
        case "concatenation" | "command_name":
            parts = [_value(child, state, quoted=quoted) for child in node.named_children]
            return fixed("".join(part.text for part in parts), *(part.downloaded for part in parts))
        case "simple_expansion" | "expansion":
            return _unquoted(_variable(node, state), quoted=quoted)
        case "command_substitution" | "process_substitution":
            return _unquoted(state.printed(node, state), quoted=quoted)
        case _:
            return Word(text_of(node))


def _spelled(node: Node, state: State) -> Word:
    """A string in double quotes: what stands between its parts belongs to it too."""
    raw, start, made, downloads = node.text or b"", node.start_byte, "", []
    at = 1
    for child in node.named_children:
        if child.type == "string_content":
            continue
        value = _value(child, state, quoted=True)
        made += _plain(raw[at : child.start_byte - start]) + value.text
        downloads.append(value.downloaded)
        at = child.end_byte - start
    return fixed(made + _plain(raw[at:-1]), *downloads)


def _plain(raw: bytes) -> str:
    return re.sub(r'\\([$`"\\])|\\\n', lambda match: match[1] or "", raw.decode("utf-8", "replace"))


def fixed(text: str, *downloads: str) -> Word:
    """A word of that text; the first program that downloads a part of it, if any does."""
    return Word(text, next(filter(None, downloads), ""))


def _unquoted(word: Word, *, quoted: bool) -> Word:
    return word if quoted else replace(word, text=re.sub(r"\s+", _SPLIT, word.text))


def _at_home(text: str) -> str:
    return re.sub(r"^~[\w.-]*(?=/|$)", HOME, text)


def _variable(node: Node, state: State) -> Word:
    name = next((text_of(child) for child in node.named_children if child.type == "variable_name"), "")
    fallback = re.fullmatch(r"\$\{\w+:?[-=](.*)\}", text_of(node), re.DOTALL)
    known = {"HOME": Word(HOME), "PWD": Word(state.cwd), "IFS": Word(" "), **state.variables}
    if name in known:
        return known[name]
    if fallback:
        return Word(_at_home(fallback.group(1).strip("\"'")))
    known_to_be_empty = re.fullmatch(r"[A-Za-z_]\w*", name) and name not in {
        "PATH",
        "TMPDIR",
        "OLDPWD",
        "USER",
        "SHELL",
    }
    plain = re.fullmatch(r"\$\w+|\$\{\w+\}", text_of(node))
    return Word("" if known_to_be_empty and plain else UNKNOWN)


def _braces(text: str) -> list[str]:
    """`a{b,c}` → `ab`, `ac`."""
    waiting: list[str] = [text]
    made: list[str] = []
    while waiting:
        if len(made) + len(waiting) > _MOST_WORDS:
            raise TooMuch("its braces make too many words")
        one = waiting.pop(0)
        if match := re.search(r"\{([^{}]*,[^{}]*)\}", one):
            waiting = [one[: match.start()] + part + one[match.end() :] for part in match[1].split(",")] + waiting
        else:
            made.append(one)
    return [_at_home(one) for one in made]
