"""What a shell line really runs: parsed by Bash's grammar, its words told as far as they can be, wrappers stripped.

Nothing is run to find out. What cannot be told (a variable set by a loop, a program's output) is `UNKNOWN`.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace

import tree_sitter_bash
from tree_sitter import Language, Node, Parser

UNKNOWN = "\ufffc"
HOME = "/\ufff9home"
"""Stands for a home folder, whosever it is."""
DOWNLOADERS = frozenset({"curl", "wget", "fetch", "aria2c", "http", "https", "xh"})
SHELLS = frozenset({"sh", "bash", "dash", "zsh", "ksh", "mksh", "ash", "fish"})
_SPLIT = "\ufffb"  # between the words that an expansion without quotes makes
_MOST_DEEP, _MOST_WORDS = 8, 256
_WRITING = {">", ">>", ">|", "&>", "&>>", ">&", "<>"}
_WITH_VALUE = {  # wrappers, and those of their options whose value is the next word
    "sudo": {"-u", "-g", "-h", "-p", "-C", "-r", "-t", "-U", "-D", "--user", "--group", "--chdir"},
    "doas": {"-u", "-C"},
    "env": {"-u", "-C", "--unset", "--chdir"},
    "nice": {"-n", "--adjustment"},
    "ionice": {"-c", "-n", "-p"},
    "timeout": {"-k", "-s", "--kill-after", "--signal"},
    "xargs": {"-I", "-n", "-P", "-d", "-L", "-s", "-a", "-E", "--max-args", "--max-procs", "--delimiter"},
    "stdbuf": {"-i", "-o", "-e"},
    "time": {"-f", "-o"},
    "exec": {"-a"},
    "watch": {"-n", "--interval"},
    "strace": {"-e", "-o", "-p", "-s"},
    "flock": {"-w", "-E", "--timeout"},
    "chroot": set(),
    "nohup": set(),
    "command": set(),
    "builtin": set(),
    "setsid": set(),
    "busybox": set(),
    "unbuffer": set(),
    "coproc": set(),
    "caffeinate": set(),
}
_WITH_OPERAND = {"timeout", "chroot", "flock"}  # wrappers whose first word is not yet the program


class TooDeep(Exception):
    """The line nests more shells than anybody would write by hand."""


@dataclass(frozen=True, slots=True)
class Word:
    """A word of a program; `downloaded` names the program whose download is part of it."""

    text: str
    downloaded: str = ""


@dataclass(frozen=True, slots=True)
class Program:
    """A program with its words, run in `cwd`; `feeds` write into its standard input, `text` is put there."""

    name: str
    words: tuple[Word, ...]
    cwd: str
    feeds: tuple[Program, ...] = ()
    text: Word = Word("")

    @property
    def texts(self) -> tuple[str, ...]:
        return tuple(word.text for word in self.words)


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
    """Everything that a line may do, in its order, also inside substitutions and shells. Raises TooDeep."""
    try:
        return _steps(line, _State(cwd), 0)
    except RecursionError:
        raise TooDeep from None


def parses(line: str) -> bool:
    """Whether Bash's grammar has the line."""
    return not _parse(line).has_error


@dataclass(slots=True)
class _State:
    """What a shell knows at a point of the line; each subshell has its own copy."""

    cwd: str
    variables: dict[str, Word] = field(default_factory=dict)

    def copy(self) -> _State:
        return _State(self.cwd, dict(self.variables))


@dataclass(frozen=True, slots=True)
class _Input:
    feeds: tuple[Program, ...] = ()
    text: Word = Word("")


def _steps(line: str, state: _State, depth: int) -> list[Step]:
    if depth > _MOST_DEEP:
        raise TooDeep
    found: list[Step] = []
    for step in _walk(_parse(line), state, _Input()):
        found.append(step)
        if isinstance(step, Program):
            for inner in _inner_lines(step):
                found += _steps(inner, _State(step.cwd), depth + 1)
    return found


def _walk(node: Node, state: _State, given: _Input) -> Iterator[Step]:
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
        case "for_statement" | "c_style_for_statement" | "select_statement":
            for name in node.children_by_field_name("variable"):
                state.variables[_text(name)] = Word(UNKNOWN)
            yield from _walk_all(node.named_children, state, given)
        case "function_definition":
            if _is_fork_bomb(node):
                yield ForkBomb()
            yield from _walk_all(node.named_children, state.copy(), given)
        case "subshell" | "command_substitution" | "process_substitution":
            yield from _walk_all(node.named_children, state.copy(), given)
        case _:
            yield from _walk_all(node.named_children, state, given)


def _walk_all(nodes: Iterable[Node], state: _State, given: _Input) -> Iterator[Step]:
    for node in nodes:
        yield from _walk(node, state, given)


def _redirected(node: Node, state: _State, given: _Input) -> Iterator[Step]:
    body, redirects = node.child_by_field_name("body"), node.children_by_field_name("redirect")
    for redirect in redirects:
        yield from _opened(redirect, state)
        given = _with_input(given, redirect, state)
    if body:
        yield from _walk(body, state, given)


def _opened(redirect: Node, state: _State) -> Iterator[Step]:
    yield from _substituted(redirect, state)
    for part in redirect.named_children:  # `cmd <<EOF > file` and `<<EOF | sh` stand inside the here-document
        if part.type in {"file_redirect", "pipeline", "command", "list"}:
            yield from _opened(part, state) if part.type == "file_redirect" else _walk(part, state, _Input())
    if redirect.type == "file_redirect" and any(child.type in _WRITING for child in redirect.children):
        yield from (Redirect(word.text, state.cwd) for word in _evaluated(redirect.named_children[-1], state))


def _with_input(given: _Input, redirect: Node, state: _State) -> _Input:
    parts = [part for part in redirect.named_children if part.type != "file_descriptor"]
    if redirect.type == "herestring_redirect" and parts:
        return replace(given, text=_joined(_evaluated(parts[0], state)))
    if redirect.type == "heredoc_redirect":
        bodies = [part for part in parts if part.type == "heredoc_body"]
        return replace(given, text=_joined([_fixed(_text(body), _download_in(body, state)) for body in bodies]))
    if redirect.type == "file_redirect" and parts and parts[-1].type == "process_substitution":
        made = _walk(parts[-1], state.copy(), _Input())
        return replace(given, feeds=given.feeds + tuple(step for step in made if isinstance(step, Program)))
    return given


def _command(node: Node, state: _State, given: _Input) -> Iterator[Step]:
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
    if program := _stripped(words, state, given):
        yield program
        _moved(program, state)


def _substituted(node: Node, state: _State) -> Iterator[Step]:
    """What runs inside the substitutions of a word."""
    for child in node.children:
        if child.type in {"command_substitution", "process_substitution"}:
            yield from _walk(child, state, _Input())
        else:
            yield from _substituted(child, state)


def _moved(program: Program, state: _State) -> None:
    operands = [text for text in program.texts if not re.fullmatch(r"-[LPe@]+|--", text)]
    if program.name in {"cd", "pushd"}:
        state.cwd = path_from(state.cwd, operands[0] if operands else HOME)
    if program.name in {"read", "mapfile", "readarray", "getopts", "popd", "unset"}:
        state.variables.update({name: Word(UNKNOWN) for name in operands})
        state.cwd = UNKNOWN if program.name == "popd" else state.cwd


def path_from(cwd: str, text: str) -> str:
    """The normal path of a word as a program in `cwd` takes it, `UNKNOWN` where that cannot be told."""
    path = posixpath.normpath(posixpath.join(cwd, text))
    return UNKNOWN if UNKNOWN in path.split("/")[0] else re.sub(r"^//+", "/", path)


def _stripped(words: Sequence[Word], state: _State, given: _Input) -> Program | None:
    """The program without wrappers, their options and assignments, by its last name."""
    cwd = state.cwd
    while words:
        name = posixpath.basename(words[0].text) or words[0].text
        if re.fullmatch(r"[A-Za-z_]\w*\+?=.*", words[0].text, re.DOTALL):
            words = words[1:]
        elif name in _WITH_VALUE:
            if name == "xargs":
                words = [*words, *_fed_words(given)]
            if name == "env" and (inner := _split_string(words)):
                return Program("sh", (Word("-c"), inner), cwd, given.feeds)
            words = _past_options(name, words[1:])
        else:
            return Program(name, (*_code_of(words[0]), *words[1:]), cwd, given.feeds, given.text)
    return None


def _code_of(name: Word) -> tuple[Word, ...]:
    return (replace(name, text=""),) if name.downloaded else ()


def _past_options(name: str, words: Sequence[Word]) -> Sequence[Word]:
    while words and (words[0].text.startswith("-") or re.fullmatch(r"[A-Za-z_]\w*=.*", words[0].text, re.DOTALL)):
        words = words[2:] if words[0].text in _WITH_VALUE[name] else words[1:]
    return words[1:] if name in _WITH_OPERAND and len(words) > 1 else words


def _split_string(words: Sequence[Word]) -> Word | None:
    """The line in `env -S 'line'`."""
    for index, word in enumerate(words):
        if word.text in {"-S", "--split-string", "-iS", "-vS"} and index + 1 < len(words):
            return words[index + 1]
        if match := re.match(r"(-S|--split-string=)(.+)", word.text, re.DOTALL):
            return replace(word, text=match.group(2))
    return None


def _fed_words(given: _Input) -> list[Word]:
    """The words that xargs adds, as far as those who write them say so."""
    if not given.feeds:
        return [Word(text) for text in given.text.text.split()]
    source = given.feeds[-1]
    plain = [word for word in source.words if not word.text.startswith("-")]
    match source.name:
        case "echo" | "printf":
            return [Word(text) for word in plain for text in word.text.replace("\\n", " ").replace("\\0", " ").split()]
        case "ls":
            return [Word(posixpath.join(word.text, "*")) for word in plain] or [Word("*")]
        case "find" if not narrows(source.texts):
            return list(starts(source))
        case _:
            return []


def starts(find: Program) -> tuple[Word, ...]:
    """Where a `find` begins."""
    found = []
    for word in find.words:
        if re.match(r"-[^HLPDO]|[!(]", word.text):
            break
        found += [word] if not word.text.startswith("-") else []
    return tuple(found) or (Word("."),)


def narrows(texts: Iterable[str]) -> bool:
    """Whether a `find` with these words takes only some files."""
    return any(re.match(r"-(i?name|i?path|i?wholename|i?regex|[acm](time|min)|newer|size|empty|user|perm)", t) for t in texts)


def _inner_lines(program: Program) -> Iterator[str]:
    """Shell lines handed to a program as words or as its input."""
    texts = program.texts
    if program.name in SHELLS | {"su", "runuser", "script"}:
        for index, text in enumerate(texts[:-1]):
            if re.fullmatch(r"-[A-Za-z]*c|--command", text):
                yield next((t for t in texts[index + 1 :] if t != "--"), "")
    if program.name in SHELLS and reads_code_from_input(program):
        yield program.text.text
        yield from ("\n".join(w.text for w in fed.words) for fed in program.feeds[-1:] if fed.name in {"echo", "printf"})
    if program.name in {"eval", "trap"}:
        yield " ".join(texts) if program.name == "eval" else texts[0] if texts else ""
    if program.name == "find":
        yield from _executed_by_find(program)


def reads_code_from_input(program: Program) -> bool:
    """Whether a shell or an interpreter takes its program from standard input."""
    words = list(program.texts)
    while words and words[0].startswith("-") and words[0] != "-":
        if re.fullmatch(r"-[a-zA-Z]*[cmerpn]|-c.*|-m.*|-e.*|--?(command|eval|version|help)", words[0]):
            if program.name not in SHELLS or re.fullmatch(r"-[A-Za-z]*c|--(command|version|help)", words[0]):
                return False
        if words[0] == "-s":
            return True
        words = words[2:] if words[0] in {"-o", "-O", "-W", "-X", "--rcfile", "--init-file"} else words[1:]
    return not words or words[0] in {"-", "/dev/stdin", "/dev/fd/0", "/proc/self/fd/0"}


def _executed_by_find(program: Program) -> Iterator[str]:
    texts = program.texts
    found = UNKNOWN if narrows(texts) else starts(program)[0].text
    for index, text in enumerate(texts):
        if text in {"-exec", "-execdir", "-ok", "-okdir"}:
            rest = texts[index + 1 :]
            end = next((place for place, part in enumerate(rest) if part in {";", "+"}), len(rest))
            yield " ".join(_quoted(part.replace("{}", found)) for part in rest[:end])


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "'\\''") + "'"


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
    if name in state.variables:
        return state.variables[name]
    if name == "HOME":
        return Word(HOME)
    if name == "PWD":
        return Word(state.cwd)
    if name == "IFS":
        return Word(" ")
    if fallback:
        return Word(_at_home(fallback.group(1).strip("\"'")))
    known_to_be_empty = re.fullmatch(r"[A-Za-z_]\w*", name) and name not in {"PATH", "TMPDIR", "OLDPWD", "USER", "SHELL"}
    plain = re.fullmatch(r"\$\w+|\$\{\w+\}", _text(node))
    return Word("" if known_to_be_empty and plain else UNKNOWN)


def _output(node: Node, state: _State) -> Word:
    """What a substitution prints, where that can be told."""
    programs = [step for step in _walk(node, state.copy(), _Input()) if isinstance(step, Program)]
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
    waiting, made = [text], []
    while waiting and len(made) < _MOST_WORDS:
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
