"""Programs that only read: which of their options keep it so. What is not in the table is asked about."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Reader:
    """A program's harmless options; everything else that begins with a dash is not.

    `letters` stand alone or together behind one dash, `valued` take a value, glued or as the next word. `long` are
    whole names, for abbreviations mean other options in other versions; those in `long_valued` take `=value`.
    Options that take a value as the next word are told apart from operands only in `valued`.
    `most` is how many operands it may have, None for any number.
    """

    letters: str = ""
    valued: str = ""
    long: frozenset[str] = frozenset()
    long_valued: frozenset[str] = frozenset()
    most: int | None = None
    texts: int = 0
    """How many operands come first that are no paths."""


def _reader(letters: str = "", valued: str = "", long: str = "", long_valued: str = "", **counts: int) -> Reader:
    return Reader(letters, valued, frozenset(long.split()), frozenset(long_valued.split()), **counts)


_GREP = _reader(
    "EFGPHabchiIlLnoqrsvwxyz",
    "eABCm",
    "count ignore-case invert-match line-number files-with-matches files-without-match word-regexp line-regexp"
    " only-matching recursive extended-regexp fixed-strings perl-regexp with-filename no-filename quiet silent text",
    "include exclude exclude-dir max-count after-context before-context context color colour regexp",
    texts=1,
)
_RIPGREP = _reader(
    "FPScHhIilLNnopqsvwxU0",
    "eABCmgtTd",
    "count ignore-case smart-case case-sensitive fixed-strings files files-with-matches files-without-match hidden"
    " no-heading heading line-number no-line-number invert-match word-regexp only-matching multiline trim vimgrep"
    " no-filename with-filename stats json column",
    "glob type type-not max-count max-depth max-columns after-context before-context context color sort sortr regexp",
    texts=1,
)
_OF_LOG = "max-count since until after before author grep format pretty date skip abbrev-commit"
_REVISIONS = "oneline stat shortstat numstat name-only name-status graph decorate all no-merges merges reverse summary"
_RUNS_GPG = "%G"
"""In a format of git's, signatures are verified by a program that the repository may name."""
_OF_FORMAT = ("--format=", "--pretty=")
_FORMAT = re.compile(
    r"--(?:format|pretty)=(?:|raw|medium|short|email|mboxrd|fuller|full|oneline|reference|t?format:.*|.*%.*)", re.DOTALL
)
"""What git takes for a format itself; under any other name the repository's configuration may have one, with `%G`."""
READERS = {
    "ls": _reader(
        "1ACFGHLNQRSUXaBcdfghiklmnopqrstux",
        long="all almost-all recursive human-readable reverse size inode directory group-directories-first full-time",
        long_valued="color sort time format time-style hide ignore",
    ),
    "cat": _reader("AEnbsTtuve", long="number number-nonblank squeeze-blank show-all show-ends show-tabs"),
    "head": _reader("qvz0123456789", "nc", "quiet silent verbose", "lines bytes"),
    "tail": _reader("qvz0123456789", "nc", "quiet silent verbose", "lines bytes"),
    "wc": _reader("clmwL", long="bytes chars lines words max-line-length"),
    "nl": _reader("p", "bdfhilnsvw"),
    "pwd": _reader("LP", most=0),
    "echo": _reader("neE", texts=1 << 20),
    "true": _reader(most=0),
    "false": _reader(most=0),
    "stat": _reader("Lft", "c", "dereference file-system terse", "format printf"),
    "du": _reader("0HLPSabchklmsx", "d", "all summarize human-readable total apparent-size", "max-depth exclude"),
    "df": _reader("ahHiklPT", long="human-readable inodes all"),
    "cmp": _reader("bls", "n", "silent quiet verbose print-bytes", "bytes", most=2),
    "diff": _reader(
        "abBcdeEfinNpqrstTuwyZ",
        "UC",
        "unified brief recursive ignore-all-space ignore-blank-lines new-file text side-by-side report-identical-files",
        "unified context color exclude label width",
        most=2,
    ),
    "grep": _GREP,
    "egrep": _GREP,
    "fgrep": _GREP,
    "rg": _RIPGREP,
    "uniq": _reader("cdDiuz", "fsw", "count repeated unique ignore-case", "skip-fields skip-chars", most=1),
    "cut": _reader("nsz", "bcdf", "complement only-delimited", "delimiter fields bytes characters"),
    "basename": _reader("az", "s", texts=1 << 20),
    "dirname": _reader("z", texts=1 << 20),
    "realpath": _reader("emszLP", long="canonicalize-missing canonicalize-existing no-symlinks"),
    "sha256sum": _reader("bt", long="tag"),
    "sha1sum": _reader("bt", long="tag"),
    "md5sum": _reader("bt", long="tag"),
    "whoami": _reader(most=0),
    "id": _reader("ugGnr", most=0),
    "uname": _reader("asnrvmpio", long="all", most=0),
    "nproc": _reader(long="all", most=0),
    "git log": _reader("i0123456789", "n", f"{_REVISIONS} follow no-patch no-show-signature abbrev-commit", _OF_LOG),
    "git ls-files": _reader("costuz", long="cached others stage exclude-standard full-name"),
    "git rev-parse": _reader(
        long="short abbrev-ref verify show-toplevel is-inside-work-tree git-dir", long_valued="short"
    ),
    "git branch": _reader("arv", long="all remotes list verbose show-current", most=0),
    "git describe": _reader(long="tags always all long", long_valued="abbrev match"),
    "git shortlog": _reader("sne", long="summary numbered email", most=1),
    "git rev-list": _reader(long="count all no-merges merges reverse", long_valued="max-count since until author"),
}
"""Programs, git's by their subcommands. None runs another program, or writes, with these options.

What compares with the work tree, or prints patches, is not among git's: the repository's configuration may name
filters and converters for that (gitattributes), and a repository comes from anywhere.
"""
_PATCHES = (
    "patch no-patch no-ext-diff no-textconv no-color cached staged word-diff ignore-all-space ignore-space-change"
)
_OF_PATCHES = "unified diff-filter color word-diff diff-algorithm inter-hunk-context"
IN_READ_ONLY = {
    **READERS,
    "git status": _reader(
        "sbuvz",
        long="short branch porcelain long verbose ignored untracked-files show-stash ahead-behind no-ahead-behind",
        long_valued="porcelain untracked-files ignored ignore-submodules",
    ),
    "git diff": _reader("pubwRz", "U", f"{_REVISIONS} {_PATCHES} check", _OF_PATCHES),
    "git show": _reader("psubwiz", "U", f"{_REVISIONS} {_PATCHES} no-show-signature", f"{_OF_LOG} {_OF_PATCHES}"),
    "git log": _reader(
        "ipsubw0123456789",
        "nULSG",
        f"{_REVISIONS} {_PATCHES} follow no-show-signature abbrev-commit",
        f"{_OF_LOG} {_OF_PATCHES}",
    ),
    "git blame": _reader("lsetwfn", "L", "porcelain line-porcelain show-name show-number show-email", "abbrev date"),
}
"""With those that only read themselves, but may run what a repository names: for where nothing can be changed."""

_GIT_CONFIG = {
    "core.fsmonitor": "false",
    "core.pager": "cat",
    "log.showSignature": "false",
    "format.pretty": "medium",
    "safe.bareRepository": "explicit",
}
ENVIRONMENT = {
    "GIT_NO_LAZY_FETCH": "1",
    "GIT_OPTIONAL_LOCKS": "0",
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_CONFIG_COUNT": str(len(_GIT_CONFIG)),
    **{f"GIT_CONFIG_KEY_{number}": name for number, name in enumerate(_GIT_CONFIG)},
    **{f"GIT_CONFIG_VALUE_{number}": value for number, value in enumerate(_GIT_CONFIG.values())},
}
"""What a child's environment must have for the table to hold: git then runs nothing on a repository's word."""


def only_reads(words: Sequence[str], *, cwd: str, roots: Sequence[str], table: Mapping[str, Reader] = READERS) -> bool:
    """Whether an argument vector, run in `cwd`, is in the table and names no file outside the workspace's roots."""
    name, rest = (" ".join(words[:2]), words[2:]) if words[0] == "git" else (words[0], words[1:])
    reader = table.get(name)
    if reader is None or any(_RUNS_GPG in word for word in words):
        return False
    if name == "git log" and any(word.startswith(_OF_FORMAT) and not _FORMAT.fullmatch(word) for word in rest):
        return False
    operands = _operands(reader, list(rest))
    if operands is None or (reader.most is not None and len(operands) > reader.most):
        return False
    brings_pattern = reader.texts == 1 and any(re.match(r"-[^-]*e|--regexp|--files$", word) for word in rest)
    paths = operands if brings_pattern else operands[reader.texts :]
    return all(_lies_inside(path, cwd, roots) for path in paths)


def _operands(reader: Reader, words: list[str]) -> list[str] | None:
    """The words that are no options; None where an option is not in the table."""
    found: list[str] = []
    while words:
        word = words.pop(0)
        if word == "--":
            return found + words
        if word.startswith("--"):
            name, equals, _ = word[2:].partition("=")
            if name not in (reader.long_valued if equals else reader.long):
                return None
        elif word.startswith("-") and word != "-":
            if (takes := _taken(reader, word[1:])) is None or len(words) < takes:
                return None
            del words[:takes]
        else:
            found.append(word)
    return found


def _taken(reader: Reader, letters: str) -> int | None:
    """How many of the next words a cluster of letters takes; None where a letter is not in the table."""
    for place, letter in enumerate(letters):
        if letter in reader.valued:
            return 0 if letters[place + 1 :] else 1
        if letter not in reader.letters:
            return None
    return 0


def _lies_inside(operand: str, cwd: str, roots: Sequence[str]) -> bool:
    """Whether a word, should it be a path, stays beneath a root; also one behind a revision (`HEAD:path`)."""
    for text in {operand, operand.rpartition(":")[2]}:
        path = posixpath.normpath(posixpath.join(cwd, text))
        if not any(path == root or path.startswith(root.rstrip("/") + "/") for root in roots):
            return False
    return True
