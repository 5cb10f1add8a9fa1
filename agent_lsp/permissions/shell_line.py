"""What a shell line really runs: parsed by Bash's grammar, its words told as far as they can be, wrappers stripped.

Nothing is run to find out. What cannot be told (a variable set by a loop, a program's output) is `UNKNOWN`.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace

import tree_sitter_bash
from tree_sitter import Language, Node, Parser

from agent_lsp.permissions.shell_program import (
    DOWNLOADERS,
    HOME,
    UNKNOWN,
    Input,
    Program,
    Word,
    inner_lines,
    path_from,
    stripped,
)

_SPLIT = "\ufffb"  # between the words that an expansion without quotes makes
_MOST_DEEP, _MOST_WORDS, _MOST_CHARACTERS = 8, 2_048, 32_768
_TOO_DEEP = "it nests shells too deeply"
_PLAIN = re.compile(
    r"""\ *(?:(?:[\w@%+:,./=-]|(?<=[\w@%+:,./=~^-])[~^]|'[^'\0-\x1f\x7f]*'|"[^"$`\\!\0-\x1f\x7f]*")+(?:\ +|\Z))+""",
    re.ASCII,
)
_PLAIN_NODES = {
    *("program", "command", "command_name", "word", "number", "raw_string", "string", "string_content"),
    *("concatenation", '"'),
}
"""What the grammar may find in a line of plain words."""
_SET_FROM_OUTSIDE = {"PATH", "TMPDIR", "OLDPWD", "USER", "LOGNAME", "SHELL", "VIRTUAL_ENV"}
_WRITING = {">", ">>", ">|", "&>", "&>>", ">&", "<>"}


class TooMuch(Exception):
    """The line is more than can be looked through; the message says of what there is too much."""


@dataclass(frozen=True, slots=True)
class Redirect:
    """A file that is opened for writing by a redirection."""

    path: str
    cwd: str


@dataclass(frozen=True, slots=True)
class ForkBomb:
    """A function that starts itself more than once."""


Step = Program | Redirect | ForkBomb


def steps(line: str, cwd: str) -> list[Step]:
    """Everything that a line may do, in its order, also inside substitutions and shells. Raises TooMuch."""
    if len(line) > _MOST_CHARACTERS:
        raise TooMuch(f"it has more than {_MOST_CHARACTERS:,} characters")
    try:
        return _steps(line, _State(cwd), 0)
    except RecursionError:
        raise TooMuch(_TOO_DEEP) from None


def parses(line: str) -> bool:
    """Whether Bash's grammar has the line."""
    return not _parse(line).has_error


def plain_words(line: str) -> tuple[str, ...] | None:
    """The argument vector of a line that is one program and plain words; None for a line with any shell syntax.

    Two readers that have nothing in common must agree: Bash's grammar, and Python's `shlex` on words that stand
    for themselves in every shell.
    """
    if len(line) > _MOST_CHARACTERS or not _PLAIN.fullmatch(line):
        return None
    root = _parse(line)
    commands = root.named_children
    if root.has_error or len(commands) != 1 or commands[0].type != "command":
        return None
    if any(node.type not in _PLAIN_NODES for node in _all(root)):
        return None
    words = tuple(shlex.split(line))
    evaluated = [word.text for node in commands[0].named_children for word in _evaluated(node, _State("/"))]
    return words if words and list(words) == evaluated and "=" not in words[0] else None


@dataclass(slots=True)
class _State:
    """What a shell knows at a point of the line; each subshell has its own copy."""

    cwd: str
    variables: dict[str, Word] = field(default_factory=dict)

    def copy(self) -> _State:
        return _State(self.cwd, dict(self.variables))


def _steps(line: str, state: _State, depth: int) -> list[Step]:
    if depth > _MOST_DEEP:
        raise TooMuch(_TOO_DEEP)
    found: list[Step] = []
    for step in _walk(_parse(line), state, Input()):
        found.append(step)
        if isinstance(step, Program):
            for inner in inner_lines(step):
                found += _steps(inner, _State(step.cwd), depth + 1)
    return found


def _walk(node: Node, state: _State, given: Input) -> Iterator[Step]:
    match node.type:
        case "command":
            yield from _command(node, state, given)
        case "pipeline":
            for part in node.named_children:
                made = list(_walk(part, state.copy(), given))
                yield from made
                given = replace(given, feeds=given.feeds + tuple(s for s in made if isinstance(s, Program)))
        case "redirected_statement":
            yield from _redirected(node, state, given)
        case "variable_assignment":
            yield from _substituted(node, state)
            _assign(node, state)
        case "for_statement" | "select_statement":
            state.variables |= {_text(name): Word(UNKNOWN) for name in node.children_by_field_name("variable")}
            yield from _walk_all(node.named_children, state, given)
        case "function_definition":
            if _is_fork_bomb(node):
                yield ForkBomb()
            yield from _walk_all(node.named_children, state.copy(), given)
        case "subshell" | "command_substitution" | "process_substitution":
            yield from _walk_all(node.named_children, state.copy(), given)
        case _:
            yield from _walk_all(node.named_children, state, given)


def _walk_all(nodes: Iterable[Node], state: _State, given: Input) -> Iterator[Step]:
    for node in nodes:
        yield from _walk(node, state, given)


def _redirected(node: Node, state: _State, given: Input) -> Iterator[Step]:
    body, redirects = node.child_by_field_name("body"), node.children_by_field_name("redirect")
    for redirect in redirects:
        given = _with_input(given, redirect, state)
    if body:
        yield from _walk(body, state, given)
    for redirect in redirects:  # the grammar puts `cd x && y > z` around the whole list: z is opened in x
        yield from _opened(redirect, state)


def _opened(redirect: Node, state: _State) -> Iterator[Step]:
    yield from _substituted(redirect, state)
    for part in redirect.named_children:  # `cmd <<EOF > file` and `<<EOF | sh` stand inside the here-document
        if part.type in {"file_redirect", "pipeline", "command", "list"}:
            yield from _opened(part, state) if part.type == "file_redirect" else _walk(part, state, Input())
    if redirect.type == "file_redirect" and any(child.type in _WRITING for child in redirect.children):
        yield from (Redirect(word.text, state.cwd) for word in _evaluated(redirect.named_children[-1], state))


def _with_input(given: Input, redirect: Node, state: _State) -> Input:
    parts = [part for part in redirect.named_children if part.type != "file_descriptor"]
    if redirect.type == "herestring_redirect" and parts:
        return replace(given, text=_joined(_evaluated(parts[0], state)))
    if redirect.type == "heredoc_redirect":
        bodies = [part for part in parts if part.type == "heredoc_body"]
        return replace(given, text=_joined([_fixed(_text(body), _download_in(body, state)) for body in bodies]))
    if redirect.type == "file_redirect" and parts and parts[-1].type == "process_substitution":
        made = _walk(parts[-1], state.copy(), Input())
        return replace(given, feeds=given.feeds + tuple(step for step in made if isinstance(step, Program)))
    return given


def _command(node: Node, state: _State, given: Input) -> Iterator[Step]:
    words: list[Word] = []
    for child in node.named_children:
        if child.type == "variable_assignment":
            _assign(child, state)  # for the program only; that its words would not see it yet is of no matter here
        elif child.type.endswith("_redirect"):
            yield from _opened(child, state)
            given = _with_input(given, child, state)
        else:
            words += _evaluated(child, state)
        if child.type != "file_redirect":
            yield from _substituted(child, state)
    if program := stripped(words, state.cwd, given):
        yield program
        _moved(program, state)


def _substituted(node: Node, state: _State) -> Iterator[Step]:
    """What runs inside the substitutions of a word."""
    if node.type in {"command_substitution", "process_substitution"}:
        yield from _walk(node, state, Input())
        return
    for child in node.children:
        yield from _substituted(child, state)


def _moved(program: Program, state: _State) -> None:
    operands = [text for text in program.texts if not re.fullmatch(r"-[LPe@]+|--", text)]
    if program.name in {"cd", "pushd"}:
        state.cwd = path_from(state.cwd, operands[0] if operands else HOME)
    if program.name in {"read", "mapfile", "readarray", "getopts", "popd", "unset"}:
        state.variables.update({name: Word(UNKNOWN) for name in operands})
        state.cwd = UNKNOWN if program.name == "popd" else state.cwd


def _is_fork_bomb(function: Node) -> bool:
    name, body = _text(function.named_children[0]), function.named_children[-1]
    for node in _all(body):
        own = [child for child in node.children if child.type == "command" and _text(child).split()[:1] == [name]]
        in_background = any(child.type == "&" for child in node.children)
        if len(own) >= 2 and (node.type == "pipeline" or in_background):
            return True
        if own and node.type == "compound_statement" and in_background and "|" in _text(node):
            return True
    return False


def _assign(node: Node, state: _State) -> None:
    name, value = node.child_by_field_name("name"), node.child_by_field_name("value")
    if name:
        state.variables[_text(name)] = _joined(_evaluated(value, state)) if value else Word("")


def _joined(words: Sequence[Word]) -> Word:
    return Word(" ".join(w.text for w in words), next((w.downloaded for w in words if w.downloaded), ""))


def _evaluated(node: Node, state: _State) -> list[Word]:
    """The words that the shell makes of one, braces opened, as far as can be told without running anything."""
    word = _value(node, state, quoted=False)
    texts = [text for text in word.text.split(_SPLIT) if text] if _SPLIT in word.text else [word.text]
    bare = node.type not in {"string", "raw_string", "ansi_c_string"}
    return [Word(opened, word.downloaded) for text in texts for opened in (_braces(text) if bare else [text])]


def _value(node: Node, state: _State, *, quoted: bool) -> Word:
    match node.type:
        case "word":
            return Word(_at_home(re.sub(r"\\(\n|.)", lambda m: m[1].strip("\n"), _text(node), flags=re.DOTALL)))
        case "raw_string":
            return Word(_text(node)[1:-1])
        case "ansi_c_string":
            return Word(_text(node)[2:-1].encode("latin-1", "replace").decode("unicode_escape", "replace"))
        case "string" | "translated_string":
            return _spelled(node, state)
        case "concatenation" | "command_name":
            parts = [_value(child, state, quoted=quoted) for child in node.named_children]
            return _fixed("".join(part.text for part in parts), *(part.downloaded for part in parts))
        case "simple_expansion" | "expansion":
            return _unquoted(_variable(node, state), quoted=quoted)
        case "command_substitution" | "process_substitution":
            return _unquoted(_output(node, state), quoted=quoted)
        case _:
            return Word(_text(node))


def _spelled(node: Node, state: _State) -> Word:
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
    return _fixed(made + _plain(raw[at:-1]), *downloads)


def _plain(raw: bytes) -> str:
    return re.sub(r'\\([$`"\\])|\\\n', lambda match: match[1] or "", raw.decode("utf-8", "replace"))


def _fixed(text: str, *downloads: str) -> Word:
    return Word(text, next(filter(None, downloads), ""))


def _unquoted(word: Word, *, quoted: bool) -> Word:
    return word if quoted else replace(word, text=re.sub(r"\s+", _SPLIT, word.text))


def _at_home(text: str) -> str:
    return re.sub(r"^~[\w.-]*(?=/|$)", HOME, text)


def _variable(node: Node, state: _State) -> Word:
    name = next((_text(child) for child in node.named_children if child.type == "variable_name"), "")
    fallback = re.fullmatch(r"\$\{\w+:?[-=](.*)\}", _text(node), re.DOTALL)
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
    plain = re.fullmatch(r"\$\w+|\$\{\w+\}", _text(node))
    return Word("" if known_to_be_empty and plain else UNKNOWN)


def _output(node: Node, state: _State) -> Word:
    """What a substitution prints, where that can be told."""
    programs = [step for step in _walk(node, state.copy(), Input()) if isinstance(step, Program)]
    downloaded = next((program.name for program in programs if program.name in DOWNLOADERS), "")
    if len(programs) != 1:
        return Word(UNKNOWN, downloaded)
    match programs[0]:
        case Program(name="echo" | "printf") as said:
            return Word(" ".join(text for text in said.texts if text not in {"-n", "-e", "%s"}))
        case Program(name="pwd"):
            return Word(state.cwd)
    return Word(UNKNOWN, downloaded)


def _download_in(node: Node, state: _State) -> str:
    made = _substituted(node, state)
    return next((step.name for step in made if isinstance(step, Program) and step.name in DOWNLOADERS), "")


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


def _parse(line: str) -> Node:
    return Parser(Language(tree_sitter_bash.language())).parse(line.encode("utf-8", "replace")).root_node


def _all(node: Node) -> Iterator[Node]:
    waiting = [node]
    while waiting:
        current = waiting.pop()
        yield current
        waiting += reversed(current.children)


def _text(node: Node) -> str:
    return (node.text or b"").decode("utf-8", "replace")
