"""A program of a shell line: found behind its wrappers, with the words it is fed and the lines it hands to a shell."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

UNKNOWN = "\ufffc"
HOME = "/\ufff9home"
"""Stands for a home folder, whosever it is."""
DOWNLOADERS = frozenset({"curl", "wget", "fetch", "aria2c", "http", "https", "xh"})
SHELLS = frozenset({"sh", "bash", "dash", "zsh", "ksh", "mksh", "ash", "fish"})
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
_INTERPRETER_CODE = r"-[a-zA-Z]*[cmerpn]|-[cme].*|--?(eval|version|help)"
_INTERPRETER_VALUES = {"-o", "-O", "-W", "-X", "--rcfile", "--init-file"}
_WITH_OPERAND = {"timeout", "chroot", "flock"}  # wrappers whose first word is not yet the program


@dataclass(frozen=True, slots=True)
class Word:
    """A word of a program; `downloaded` names the program whose download is part of it."""

    text: str
    downloaded: str = ""


@dataclass(frozen=True, slots=True)
class ShellProgram:
    """A program with its words, run in `cwd`; `feeds` write into its standard input, `text` is put there."""

    name: str
    words: tuple[Word, ...]
    cwd: str
    feeds: tuple[ShellProgram, ...] = ()
    text: Word = Word("")

    @property
    def texts(self) -> tuple[str, ...]:
        return tuple(word.text for word in self.words)


@dataclass(frozen=True, slots=True)
class Input:
    """What comes into a program's standard input: what others write there, or a text."""

    feeds: tuple[ShellProgram, ...] = ()
    text: Word = Word("")


def path_from(cwd: str, text: str) -> str:
    """The normal path of a word as a program in `cwd` takes it, `UNKNOWN` where that cannot be told."""
    path = posixpath.normpath(posixpath.join(cwd, text))
    return UNKNOWN if UNKNOWN in path.split("/")[0] else re.sub(r"^//+", "/", path)


def stripped(words: Sequence[Word], cwd: str, given: Input) -> ShellProgram | None:
    """The program without wrappers, their options and assignments, by its last name."""
    while words:
        name = posixpath.basename(words[0].text) or words[0].text
        if re.fullmatch(r"[A-Za-z_]\w*\+?=.*", words[0].text, re.DOTALL):
            words = words[1:]
        elif name in _WITH_VALUE:
            if name == "xargs":
                words = [*words, *_fed_words(given)]
            if name == "env" and (inner := _split_string(words)):
                return ShellProgram("sh", (Word("-c"), inner), cwd, given.feeds)
            words = _past_options(name, words[1:])
        else:
            return ShellProgram(name, (*_code_of(words[0]), *words[1:]), cwd, given.feeds, given.text)
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


def _fed_words(given: Input) -> list[Word]:
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


def inner_lines(program: ShellProgram) -> Iterator[str]:
    """Shell lines handed to a program as words or as its input."""
    texts = program.texts
    if program.name in SHELLS | {"su", "runuser", "script"}:
        for index, text in enumerate(texts[:-1]):
            if re.fullmatch(r"-[A-Za-z]*c|--command", text):
                yield next((t for t in texts[index + 1 :] if t != "--"), "")
    if program.name in SHELLS and reads_code_from_input(program):
        yield program.text.text
        yield from (
            "\n".join(w.text for w in fed.words) for fed in program.feeds[-1:] if fed.name in {"echo", "printf"}
        )
    if program.name in {"eval", "trap"}:
        yield " ".join(texts) if program.name == "eval" else texts[0] if texts else ""
    if program.name == "find":
        yield from _executed_by_find(program)


def _executed_by_find(program: ShellProgram) -> Iterator[str]:
    texts = program.texts
    found = UNKNOWN if narrows(texts) else starts(program)[0].text
    for index, text in enumerate(texts):
        if text in {"-exec", "-execdir", "-ok", "-okdir"}:
            rest = texts[index + 1 :]
            end = next((place for place, part in enumerate(rest) if part in {";", "+"}), len(rest))
            yield " ".join(_quoted(part.replace("{}", found)) for part in rest[:end])


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "'\\''") + "'"


def reads_code_from_input(program: ShellProgram) -> bool:
    """Whether a shell or an interpreter takes its program from standard input."""
    brings_code = r"-[A-Za-z]*c|--(command|version|help)" if program.name in SHELLS else _INTERPRETER_CODE
    words = list(program.texts)
    while words and words[0].startswith("-") and words[0] != "-":
        if re.fullmatch(brings_code, words[0]):
            return False
        if words[0] == "-s":
            return True
        words = words[2:] if words[0] in _INTERPRETER_VALUES else words[1:]
    return not words or words[0] in {"-", "/dev/stdin", "/dev/fd/0", "/proc/self/fd/0"}


def starts(find: ShellProgram) -> tuple[Word, ...]:
    """Where a `find` begins."""
    found = []
    for word in find.words:
        if re.match(r"-[^HLPDO]|[!(]", word.text):
            break
        found += [word] if not word.text.startswith("-") else []
    return tuple(found) or (Word("."),)


def narrows(texts: Iterable[str]) -> bool:
    """Whether a `find` with these words takes only some files."""
    return any(
        re.match(r"-(i?name|i?path|i?wholename|i?regex|[acm](time|min)|newer|size|empty|user|perm)", t) for t in texts
    )
