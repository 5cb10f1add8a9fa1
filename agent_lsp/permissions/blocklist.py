"""What is never run, not even when the user would approve: lines that destroy the system, a home or a workspace.

The blocklist is a convenience that stops accidents. It is not a boundary: a determined line gets around it.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from agent_lsp.permissions.shell_line import ForkBomb, Redirect, ShellStep, parses, steps
from agent_lsp.permissions.shell_program import (
    DOWNLOADERS,
    HOME,
    SHELLS,
    UNKNOWN,
    ShellProgram,
    narrows,
    path_from,
    reads_code_from_input,
    starts,
)
from agent_lsp.permissions.shell_words import TooMuch

_SYSTEM = (
    *("bin", "boot", "dev", "etc", "home", "lib", "lib32", "lib64", "media", "mnt", "opt", "proc", "root", "run"),
    *("sbin", "srv", "sys", "tmp", "usr", "var", "Applications", "Library", "System", "Users", "Volumes"),
)
_DEEP_SYSTEM = ("boot", "etc", "lib", "lib64", "proc", "sys", "usr", "var")
"""Whose folders one level down belong to the system too."""
_HARMLESS_DEVICES = re.compile(r"/dev/(null|zero|full|stdout|stderr|stdin|tty|fd/\d+|shm/.+|pts/\d+)")
_INTERPRETERS = re.compile(r"(python|pypy|perl|ruby|node|nodejs|deno|php|lua)[\d.]*")
_EVERYTHING = re.compile(r"[*?.\[\]!^]*\*[*?.\[\]!^]*")
_REMOVERS = {"rm", "srm", "rimraf", "grm"}
_FORMATTERS = {"mke2fs", "wipefs", "mkswap", "newfs", "blkdiscard"}
_CHANGERS = {
    "touch",
    "rm",
    "srm",
    "mkdir",
    "rmdir",
    "chmod",
    "chown",
    "chgrp",
    "truncate",
    "shred",
    "unlink",
    "mv",
    "tee",
}
_COPIERS = {"cp", "install", "ln", "rsync", "scp"}
_DOWNLOAD_TARGETS = {"-o", "-O", "-P", "--output", "--output-document", "--output-dir", "--directory-prefix"}
_SHARED = "/dev/shm/"  # noqa: S108 - a name to compare with
_REPLACERS = {"rm", "srm", "unlink", "mv", "ln", "install", "rsync", "chmod", "chown", "chgrp"}
"""What changes a device's file itself, and not just writes into it."""
_IN_PLACE = {"sed", "gsed", "perl", "ruby"}


@dataclass(frozen=True, slots=True)
class _Place:
    roots: Sequence[str]


def blocked(line: str, *, cwd: str, roots: Sequence[str]) -> str:
    """Why a shell line, run in `cwd`, is never run; empty when nothing is against it. `roots` are the workspace's."""
    try:
        found = steps(line, cwd)
    except TooMuch as error:
        return f"{error} to be looked through"
    if reason := next(filter(None, (_reason(step, _Place(roots)) for step in found)), ""):
        return reason.replace(HOME, "~")
    if not parses(line) and _suspicious(line):
        return "it does not parse as a shell line, and names something that could destroy the system"
    return ""


def _reason(step: ShellStep, place: _Place) -> str:
    match step:
        case ForkBomb():
            return "it is a fork bomb"
        case Redirect(path=path, cwd=cwd):
            return f"it writes to '{path}', which belongs to the system" if _is_system(path_from(cwd, path)) else ""
        case ShellProgram():
            rules: tuple[Callable[[ShellProgram, _Place], str], ...] = (
                _removal,
                _formatting,
                _open_to_all,
                _unseen_download,
                _system_change,
                _forking,
            )
            return next(filter(None, (rule(step, place) for rule in rules)), "")


def _removal(program: ShellProgram, place: _Place) -> str:
    """Recursive removal of the root folder, a system folder, a home, a workspace or what holds one."""
    texts = program.texts
    if program.name in _REMOVERS and (program.name == "rimraf" or _recursive(texts)):
        operands = texts if program.name == "rimraf" else _operands(texts)
        if hit := next((text for text in operands if _precious(path_from(program.cwd, text), place)), ""):
            return f"it removes '{hit}' recursively"
    if program.name == "find" and "-delete" in texts and not narrows(texts):
        begins = (word.text for word in starts(program))
        if hit := next((text for text in begins if _precious(path_from(program.cwd, text), place)), ""):
            return f"it removes everything below '{hit}'"
    return ""


def _recursive(texts: Sequence[str]) -> bool:
    options = texts[: texts.index("--")] if "--" in texts else texts
    return any(re.fullmatch(r"-[A-Za-z]*[rR][A-Za-z]*|--r[a-z]*", text) for text in options)


def _operands(texts: Sequence[str]) -> list[str]:
    after = texts.index("--") if "--" in texts else len(texts)
    return [text for place, text in enumerate(texts) if place > after or (place < after and text[:1] != "-")]


def _precious(path: str, place: _Place) -> bool:
    """Whether a path, or what its pattern matches, must never be removed with all that is in it."""
    if path.startswith(UNKNOWN):
        return False
    folder, last = posixpath.split(path)
    if last and _EVERYTHING.fullmatch(last):  # everything in a folder is as much as the folder
        path = folder
    if any(_matches(above, path) for root in place.roots for above in _upwards(root)):
        return True
    if any(path.startswith(root.rstrip("/") + "/") for root in place.roots):
        return False
    first, *rest = [part for part in path.split("/") if part] or [""]
    if path == HOME or not first:
        return True
    system = [name for name in _SYSTEM if fnmatchcase(name, first)]
    at_home = first in {"home", "Users"} and len(rest) == 1
    return bool(system) and (not rest or at_home or (len(rest) == 1 and first in _DEEP_SYSTEM and rest[0] != "tmp"))


def _matches(path: str, pattern: str) -> bool:
    if path.count("/") != pattern.count("/"):
        return False
    return all(fnmatchcase(part, wanted) for part, wanted in zip(path.split("/"), pattern.split("/"), strict=True))


def _upwards(path: str) -> Iterator[str]:
    while path.strip("/"):
        yield path
        path = posixpath.dirname(path)
    yield "/"


def _formatting(program: ShellProgram, _: _Place) -> str:
    if re.match(r"mkfs(\.|$)", program.name) or program.name in _FORMATTERS:
        return f"'{program.name}' makes a new file system over what is there"
    targets = [text[3:] for text in program.texts if text.startswith("of=")] if program.name in {"dd", "dcfldd"} else []
    if hit := next((text for text in targets if _is_device(path_from(program.cwd, text))), ""):
        return f"it writes raw bytes onto the device '{hit}'"
    return ""


def _open_to_all(program: ShellProgram, _: _Place) -> str:
    if program.name != "chmod":
        return ""
    for mode in program.texts:
        clauses = [re.fullmatch(r"([ugoa]*)[=+]([rwxX]+)", clause) for clause in mode.split(",")]
        for_others = any(m and ("o" in m[1] or "a" in m[1]) and {*"rw"} <= {*m[2].lower()} for m in clauses)
        if re.fullmatch(r"0*777", mode) or (for_others and all(clauses)):
            return "it lets everybody change files (chmod 777): give the rights that are needed"
    return ""


def _unseen_download(program: ShellProgram, _: _Place) -> str:
    """A download that is run as it comes."""
    if source := _downloaded_code(program):
        return f"it runs what '{source}' downloads without a look at it: download to a file first"
    return ""


def _downloaded_code(program: ShellProgram) -> str:
    words = program.words
    if words and words[0].downloaded and not words[0].text:
        return words[0].downloaded  # the program's own name comes out of a download
    if program.name in {"eval", "source", "."}:
        from_words = next((word.downloaded for word in words if word.downloaded), "")
        from_input = program.texts[:1] in {("/dev/stdin",), ("-",)} and _fed_by_download(program)
        return from_words or from_input or ""
    if program.name not in SHELLS and not _INTERPRETERS.fullmatch(program.name):
        return ""
    code = [word for place, word in enumerate(words) if _is_code(program, place)]
    if hit := next((word.downloaded for word in code if word.downloaded), ""):
        return hit
    if reads_code_from_input(program) or _handed_by_xargs(program):
        return _fed_by_download(program)
    return ""


def _is_code(program: ShellProgram, place: int) -> bool:
    """Whether a word is a program text: the value of `-c`, `-e`, `-r`, or the first word that is no option."""
    before = program.texts[:place]
    if before and re.fullmatch(r"-[A-Za-z]*[cer]|--eval|--command", before[-1]):
        return True
    return not program.texts[place].startswith("-") and all(text.startswith("-") for text in before)


def _fed_by_download(program: ShellProgram) -> str:
    fed = next((feed.name for feed in program.feeds if feed.name in DOWNLOADERS), "")
    return fed or program.text.downloaded


def _handed_by_xargs(program: ShellProgram) -> bool:
    return bool(program.feeds) and program.texts[-2:] == ("-c", "{}")


def _system_change(program: ShellProgram, _: _Place) -> str:
    for text in _written(program):
        path = path_from(program.cwd, text)
        replaced = program.name in _REPLACERS and path.startswith("/dev/") and not path.startswith(_SHARED)
        if _is_system(path) or replaced:
            return f"it changes '{text}', which belongs to the system"
    return ""


def _written(program: ShellProgram) -> list[str]:
    """The words that name files which a program changes."""
    name, texts = program.name, program.texts
    operands = _operands(texts)
    match name:
        case "dd" | "dcfldd":
            return [text[3:] for text in texts if text.startswith("of=")]
        case "tar" | "bsdtar" | "unzip":
            extracts = name == "unzip" or re.match(r"-?[a-z]*x|--extract", "".join(texts[:1]))
            return _values(texts, {"-C", "-d", "--directory"}) if extracts else []
        case _ if name in DOWNLOADERS:
            return _values(texts, _DOWNLOAD_TARGETS)
        case _ if name in _IN_PLACE:
            return operands if any(re.match(r"-[a-zA-Z]*i|--in-place", text) for text in texts) else []
        case _ if name in _COPIERS:
            return _values(texts, {"-t", "--target-directory"}) or operands[1:][-1:]
    return operands if name in _CHANGERS else []


def _values(texts: Sequence[str], options: set[str]) -> list[str]:
    after = [texts[place + 1] for place, text in enumerate(texts[:-1]) if text in options]
    joined = [text.partition("=")[2] for text in texts if text.partition("=")[0] in options and "=" in text]
    glued = [text[2:] for text in texts if text[:2] in options and len(text) > 2 and text[2] == "/"]
    return after + joined + glued


def _forking(program: ShellProgram, _: _Place) -> str:
    code = " ".join(program.texts) if _INTERPRETERS.fullmatch(program.name) else ""
    return "it is a fork bomb" if re.search(r"\bfork\b(\(\))?\s+while\b|\bwhile\b.*\bfork\b", code, re.DOTALL) else ""


def _is_device(path: str) -> bool:
    return path.startswith("/dev/") and not _HARMLESS_DEVICES.fullmatch(path)


def _is_system(path: str) -> bool:
    return _is_device(path) or bool(re.match(r"(/private)?/etc(/|$)", path))


def _suspicious(line: str) -> bool:
    return re.search(r"\brm\b.*-\w*[rR]|mkfs|\bdd\b.*of=/dev|/dev/sd|:\s*\(\)", line) is not None
