"""What a shell line really runs: parsed by Bash's grammar, its words told as far as they can be, wrappers stripped.

Nothing is run to find out. What cannot be told (a variable set by a loop, a program's output) is `UNKNOWN`.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from tree_sitter import Node

from agent_lsp.permissions.shell_program import (
    DOWNLOADERS,
    HOME,
    UNKNOWN,
    Input,
    ShellProgram,
    Word,
    inner_lines,
    path_from,
    stripped,
)
from agent_lsp.permissions.shell_words import (
    State,
    TooMuch,
    all_nodes,
    assign,
    evaluated,
    fixed,
    joined,
    parse,
    text_of,
)

_MOST_DEEP, _MOST_CHARACTERS = 8, 32_768
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
_WRITING = {">", ">>", ">|", "&>", "&>>", ">&", "<>"}


@dataclass(frozen=True, slots=True)
class Redirect:
    """A file that is opened for writing by a redirection."""

    path: str
    cwd: str


@dataclass(frozen=True, slots=True)
class ForkBomb:
    """A function that starts itself more than once."""


ShellStep = ShellProgram | Redirect | ForkBomb


def steps(line: str, cwd: str) -> list[ShellStep]:
    """Everything that a line may do, in its order, also inside substitutions and shells. Raises TooMuch."""
    if len(line) > _MOST_CHARACTERS:
        raise TooMuch(f"it has more than {_MOST_CHARACTERS:,} characters")
    try:
        return _steps(line, State(cwd, _printed), 0)
    except RecursionError:
        raise TooMuch(_TOO_DEEP) from None


def parses(line: str) -> bool:
    """Whether Bash's grammar has the line."""
    return not parse(line).has_error


def plain_words(line: str) -> tuple[str, ...] | None:
    """The argument vector of a line that is one program and plain words; None for a line with any shell syntax.

    Two readers that have nothing in common must agree: Bash's grammar, and Python's `shlex` on words that stand
    for themselves in every shell.
    """
    if len(line) > _MOST_CHARACTERS or not _PLAIN.fullmatch(line):
        return None
    root = parse(line)
    commands = root.named_children
    if root.has_error or len(commands) != 1 or commands[0].type != "command":
        return None
    if any(node.type not in _PLAIN_NODES for node in all_nodes(root)):
        return None
    words = tuple(shlex.split(line))
    told = [word.text for node in commands[0].named_children for word in evaluated(node, State("/", _printed))]
    return words if words and list(words) == told and "=" not in words[0] else None


def _steps(line: str, state: State, depth: int) -> list[ShellStep]:
    if depth > _MOST_DEEP:
        raise TooMuch(_TOO_DEEP)
    found: list[ShellStep] = []
    for step in _walk(parse(line), state, Input()):
        found.append(step)
        if isinstance(step, ShellProgram):
            for inner in inner_lines(step):
                found += _steps(inner, State(step.cwd, _printed), depth + 1)
    return found


def _walk(node: Node, state: State, given: Input) -> Iterator[ShellStep]:
    match node.type:
        case "command":
            yield from _command(node, state, given)
        case "pipeline":
            for part in node.named_children:
                made = list(_walk(part, state.copy(), given))
                yield from made
                given = replace(given, feeds=given.feeds + tuple(s for s in made if isinstance(s, ShellProgram)))
        case "redirected_statement":
            yield from _redirected(node, state, given)
        case "variable_assignment":
            yield from _substituted(node, state)
            assign(node, state)
        case "for_statement" | "select_statement":
            state.variables |= {text_of(name): Word(UNKNOWN) for name in node.children_by_field_name("variable")}
            yield from _walk_all(node.named_children, state, given)
        case "function_definition":
            if _is_fork_bomb(node):
                yield ForkBomb()
            yield from _walk_all(node.named_children, state.copy(), given)
        case "subshell" | "command_substitution" | "process_substitution":
            yield from _walk_all(node.named_children, state.copy(), given)
        case _:
            yield from _walk_all(node.named_children, state, given)


def _walk_all(nodes: Iterable[Node], state: State, given: Input) -> Iterator[ShellStep]:
    for node in nodes:
        yield from _walk(node, state, given)


def _redirected(node: Node, state: State, given: Input) -> Iterator[ShellStep]:
    body, redirects = node.child_by_field_name("body"), node.children_by_field_name("redirect")
    for redirect in redirects:
        given = _with_input(given, redirect, state)
    if body:
        yield from _walk(body, state, given)
    for redirect in redirects:  # the grammar puts `cd x && y > z` around the whole list: z is opened in x
        yield from _opened(redirect, state)


def _opened(redirect: Node, state: State) -> Iterator[ShellStep]:
    yield from _substituted(redirect, state)
    for part in redirect.named_children:  # `cmd <<EOF > file` and `<<EOF | sh` stand inside the here-document
        if part.type in {"file_redirect", "pipeline", "command", "list"}:
            yield from _opened(part, state) if part.type == "file_redirect" else _walk(part, state, Input())
    if redirect.type == "file_redirect" and any(child.type in _WRITING for child in redirect.children):
        yield from (Redirect(word.text, state.cwd) for word in evaluated(redirect.named_children[-1], state))


def _with_input(given: Input, redirect: Node, state: State) -> Input:
    parts = [part for part in redirect.named_children if part.type != "file_descriptor"]
    if redirect.type == "herestring_redirect" and parts:
        return replace(given, text=joined(evaluated(parts[0], state)))
    if redirect.type == "heredoc_redirect":
        bodies = [part for part in parts if part.type == "heredoc_body"]
        return replace(given, text=joined([fixed(text_of(body), _download_in(body, state)) for body in bodies]))
    if redirect.type == "file_redirect" and parts and parts[-1].type == "process_substitution":
        made = _walk(parts[-1], state.copy(), Input())
        return replace(given, feeds=given.feeds + tuple(step for step in made if isinstance(step, ShellProgram)))
    return given


def _command(node: Node, state: State, given: Input) -> Iterator[ShellStep]:
    words: list[Word] = []
    for child in node.named_children:
        if child.type == "variable_assignment":
            assign(child, state)  # for the program only; that its words would not see it yet is of no matter here
        elif child.type.endswith("_redirect"):
            yield from _opened(child, state)
            given = _with_input(given, child, state)
        else:
            words += evaluated(child, state)
        if child.type != "file_redirect":
            yield from _substituted(child, state)
    if program := stripped(words, state.cwd, given):
        yield program
        _moved(program, state)


def _substituted(node: Node, state: State) -> Iterator[ShellStep]:
    """What runs inside the substitutions of a word."""
    if node.type in {"command_substitution", "process_substitution"}:
        yield from _walk(node, state, Input())
        return
    for child in node.children:
        yield from _substituted(child, state)


def _moved(program: ShellProgram, state: State) -> None:
    operands = [text for text in program.texts if not re.fullmatch(r"-[LPe@]+|--", text)]
    if program.name in {"cd", "pushd"}:
        state.cwd = path_from(state.cwd, operands[0] if operands else HOME)
    if program.name in {"read", "mapfile", "readarray", "getopts", "popd", "unset"}:
        state.variables.update({name: Word(UNKNOWN) for name in operands})
        state.cwd = UNKNOWN if program.name == "popd" else state.cwd


def _is_fork_bomb(function: Node) -> bool:
    name, body = text_of(function.named_children[0]), function.named_children[-1]
    for node in all_nodes(body):
        own = [child for child in node.children if child.type == "command" and text_of(child).split()[:1] == [name]]
        in_background = any(child.type == "&" for child in node.children)
        if len(own) >= 2 and (node.type == "pipeline" or in_background):
            return True
        if own and node.type == "compound_statement" and in_background and "|" in text_of(node):
            return True
    return False


def _download_in(node: Node, state: State) -> str:
    made = _substituted(node, state)
    return next((step.name for step in made if isinstance(step, ShellProgram) and step.name in DOWNLOADERS), "")


def _printed(node: Node, state: State) -> Word:
    """What a substitution prints, where that can be told."""
    programs = [step for step in _walk(node, state.copy(), Input()) if isinstance(step, ShellProgram)]
    downloaded = next((program.name for program in programs if program.name in DOWNLOADERS), "")
    if len(programs) != 1:
        return Word(UNKNOWN, downloaded)
    match programs[0]:
        case ShellProgram(name="echo" | "printf") as said:
            return Word(" ".join(text for text in said.texts if text not in {"-n", "-e", "%s"}))
        case ShellProgram(name="pwd"):
            return Word(state.cwd)
    return Word(UNKNOWN, downloaded)
