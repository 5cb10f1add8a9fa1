"""What a shell line really runs: parsed by Bash's grammar, wrappers stripped; what is blocked whoever asks.

The blocklist is a convenience that stops accidents. It is not a boundary: a determined line gets around it.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass

import tree_sitter_bash
from tree_sitter import Language, Node, Parser

_MOST_DEEP = 8
_SHELLS = {"sh", "bash", "dash", "zsh", "ksh", "ash"}
_DOWNLOADERS = {"curl", "wget", "fetch", "aria2c"}
_INTERPRETERS = _SHELLS | {"python", "python3", "perl", "ruby", "node", "php", "source", ".", "eval"}
_WITH_VALUE = {  # options of wrappers whose value is the next word
    "sudo": {"-u", "-g", "-h", "-p", "-C", "-r", "-t", "-U", "-D", "--user", "--group"},
    "doas": {"-u", "-C"},
    "env": {"-u", "-C", "--unset", "--chdir"},
    "nice": {"-n"},
    "ionice": {"-c", "-n", "-p"},
    "timeout": {"-k", "-s", "--kill-after", "--signal"},
    "xargs": {"-I", "-n", "-P", "-d", "-L", "-s", "-a", "-E"},
    "stdbuf": {"-i", "-o", "-e"},
    "chroot": set(),
    "nohup": set(),
    "time": {"-f", "-o"},
    "exec": {"-a"},
    "command": set(),
    "builtin": set(),
    "setsid": set(),
    "busybox": set(),
    "unbuffer": set(),
}
_SYSTEM_FOLDERS = {
    "bin",
    "boot",
    "dev",
    "etc",
    "home",
    "lib",
    "lib64",
    "opt",
    "proc",
    "root",
    "sbin",
    "srv",
    "sys",
    "usr",
    "var",
}
_HOME_WORDS = re.compile(r"~[\w.-]*|\$HOME|\$\{HOME\}")
_HARMLESS_DEVICES = re.compile(r"/dev/(null|zero|stdout|stderr|stdin|tty|fd/\d+)")
_WRITERS = {
    "cp",
    "mv",
    "install",
    "ln",
    "tee",
    "touch",
    "rm",
    "mkdir",
    "chmod",
    "chown",
    "truncate",
    "shred",
    "rsync",
}


@dataclass(frozen=True, slots=True)
class Program:
    """One program of a line with its words, wrappers stripped and quotes removed; `reads_pipe_of` feeds it."""

    name: str
    words: tuple[str, ...]
    reads_pipe_of: tuple[str, ...] = ()


def blocked(line: str) -> str:
    """Why a shell line is never run, not even when the user would approve; empty when nothing is against it."""
    root = _parse(line)
    if root.has_error and _suspicious(line):
        return "it does not parse as a shell line, and names something that could destroy the system"
    return next(_reasons(root, 0), "")


def _reasons(root: Node, depth: int) -> Iterator[str]:
    if depth > _MOST_DEEP:
        yield "it nests shells more than eight deep"
        return
    yield from _fork_bombs(root)
    yield from _redirections(root)
    for program in programs(root):
        if reason := _reason(program):
            yield reason
        for inner in _inner_lines(program):
            yield from _reasons(_parse(inner), depth + 1)


def programs(root: Node) -> Iterator[Program]:
    """Every program that the parsed line may run, in order, those inside substitutions too."""
    feeds: dict[int, tuple[str, ...]] = {}
    for pipeline in _all(root, "pipeline"):
        before: list[str] = []
        for part in pipeline.named_children:
            for command in _all(part, "command"):
                feeds[command.id] = tuple(before)
            before += [words[0] for command in _all(part, "command") if (words := _stripped(_words(command)))]
    for command in _all(root, "command"):
        if words := _stripped(_words(command)):
            yield Program(words[0], tuple(words[1:]), feeds.get(command.id, ()))


def _reason(program: Program) -> str:
    name, words = program.name, program.words
    plain = [word for word in words if not word.startswith("-")]
    flags = "".join(word[1:] for word in words if re.fullmatch(r"-[A-Za-z]+", word))
    if name == "rm" and ("r" in flags.lower() or "--recursive" in words) and (hit := _precious(plain)):
        return f"it removes '{hit}' recursively"
    if name == "find" and "-delete" in words and (hit := _precious(plain[:1])):
        return f"it removes everything below '{hit}'"
    if name.startswith("mkfs") or name in {"mke2fs", "wipefs", "mkswap"}:
        return f"'{name}' makes a new file system over what is there"
    if name == "dd" and (
        hit := next((w[3:] for w in words if w.startswith("of=") and _is_device(w[3:])), "")
    ):
        return f"it writes raw bytes onto the device '{hit}'"
    if name == "chmod" and any(re.fullmatch(r"0?777|a\+rwx|ugo\+rwx", word) for word in words):
        return "it lets everybody change files (chmod 777): give the rights that are needed"
    if name in _INTERPRETERS and (
        source := next((f for f in program.reads_pipe_of if f in _DOWNLOADERS), "")
    ):
        return f"it runs what '{source}' downloads without a look at it: download to a file first"
    if (
        name in _WRITERS
        and (hit := next((word for word in plain if _is_system(word)), ""))
        and _writes(name, plain, hit)
    ):
        return f"it changes '{hit}', which belongs to the system"
    return ""


def _writes(name: str, plain: list[str], hit: str) -> bool:
    return name not in {"cp", "ln", "rsync", "install"} or (len(plain) > 1 and plain[-1] == hit)


def _precious(words: list[str]) -> str:
    """The first word that is the root, a home, a system folder, or everything in one of them."""
    for word in words:
        bare = _HOME_WORDS.sub("~", word).rstrip("/*.") if word not in {".", ".."} else word
        if word in {".", "..", "*", "./", "../", "./*"} and word.startswith(".."):
            return word
        if bare in {"", "~"} and word[:1] in {"/", "~", "$"}:
            return word
        real = os.path.normpath(word.rstrip("*")) if word.startswith("/") else ""
        parts = [part for part in real.split("/") if part]
        if real and (not parts or (len(parts) == 1 and parts[0] in _SYSTEM_FOLDERS)):
            return word
        if len(parts) == 2 and parts[0] == "home":
            return word
    return ""


def _is_device(path: str) -> bool:
    return path.startswith("/dev/") and not _HARMLESS_DEVICES.fullmatch(path)


def _is_system(path: str) -> bool:
    real = os.path.normpath(path) if path.startswith("/") else ""
    return _is_device(real) or real == "/etc" or real.startswith("/etc/")


def _fork_bombs(root: Node) -> Iterator[str]:
    for function in _all(root, "function_definition"):
        name, *rest = [_text(child) for child in function.named_children]
        body = function.named_children[-1]
        for pipeline in _all(body, "pipeline"):
            calls = [_words(command)[:1] for command in _all(pipeline, "command")]
            if calls.count([name]) >= 2 and rest:
                yield "it is a fork bomb"
                return


def _redirections(root: Node) -> Iterator[str]:
    for redirect in _all(root, "file_redirect"):
        if not any(child.type in {">", ">>", ">|", "&>", "&>>", ">&"} for child in redirect.children):
            continue
        target = _text(redirect.named_children[-1]) if redirect.named_children else ""
        if _is_system(target):
            yield f"it writes to '{target}', which belongs to the system"


def _inner_lines(program: Program) -> Iterator[str]:
    """Shell lines handed to a program as words: `sh -c`, `eval`, `find -exec`, …"""
    words = program.words
    if program.name in _SHELLS:
        for index, word in enumerate(words[:-1]):
            if re.fullmatch(r"-[a-z]*c[a-z]*", word):
                yield words[index + 1]
    if program.name == "eval":
        yield " ".join(words)
    if program.name == "find":
        for index, word in enumerate(words):
            if word in {"-exec", "-execdir", "-ok", "-okdir"}:
                start = words[0] if words else "."
                yield " ".join(start if part == "{}" else part for part in _until_end(words[index + 1 :]))


def _until_end(words: tuple[str, ...]) -> list[str]:
    kept = []
    for word in words:
        if word in {";", "+"}:
            break
        kept.append(word)
    return kept


def _stripped(words: list[str]) -> list[str]:
    """Without wrappers, their options and leading assignments; the program by its last name."""
    while words:
        name = os.path.basename(words[0])
        if re.fullmatch(r"[A-Za-z_]\w*\+?=.*", words[0], re.DOTALL):
            words = words[1:]
        elif name in _WITH_VALUE:
            words = _past_options(name, words[1:])
        else:
            return [name, *words[1:]]
    return []


def _past_options(name: str, words: list[str]) -> list[str]:
    while words and (words[0].startswith("-") or re.fullmatch(r"[A-Za-z_]\w*=.*", words[0], re.DOTALL)):
        words = words[2:] if words[0] in _WITH_VALUE[name] else words[1:]
    if name in {"timeout", "chroot"} and len(words) > 1:
        words = words[1:]
    return words


def _words(command: Node) -> list[str]:
    return [
        _unquoted(child)
        for child in command.named_children
        if child.type not in {"file_redirect", "variable_assignment"}
    ]


def _unquoted(node: Node) -> str:
    """What the shell makes of a word as far as can be told without running it."""
    if node.type == "command_name":
        return "".join(_unquoted(child) for child in node.named_children) or _text(node)
    if node.type == "raw_string":
        return _text(node)[1:-1]
    if node.type == "string":
        return re.sub(r'\\([$`"\\\n])', r"\1", _text(node)[1:-1])
    if node.type == "ansi_c_string":
        return _text(node)[2:-1].encode().decode("unicode_escape", "replace")
    if node.type == "concatenation":
        return "".join(_unquoted(child) for child in node.named_children)
    if node.type == "word":
        return re.sub(r"\\(.)", r"\1", _text(node), flags=re.DOTALL)
    return _text(node)


def _suspicious(line: str) -> bool:
    return re.search(r"\brm\b.*-\w*[rR]|mkfs|\bdd\b.*of=/dev|/dev/sd|:\s*\(\)", line) is not None


def _parse(line: str) -> Node:
    return Parser(Language(tree_sitter_bash.language())).parse(line.encode("utf-8", "replace")).root_node


def _all(node: Node, kind: str) -> Iterator[Node]:
    waiting = [node]
    while waiting:
        current = waiting.pop()
        if current.type == kind:
            yield current
        waiting += reversed(current.children)


def _text(node: Node) -> str:
    return (node.text or b"").decode("utf-8", "replace")
