"""The files that a prompt names, and whether it wants them created or changed: judged by its words alone."""

from __future__ import annotations

import heapq
import re
from collections.abc import Sequence

MOST_PATHS, MOST_PATH_BYTES = 40, 200
"""More than these, or longer ones, would not help a small model."""

_MOST_CHARACTERS = 4_000
_WRITES = re.compile(
    r"\b(creat(e|es|ing)|writ(e|es|ing)|mak(e|es|ing)|generat(e|es|ing)|add|save|put|start|new|build|draft|copy)\b",
    re.IGNORECASE,
)
_READS = re.compile(
    r"\?|\b(read|show|open|summari[sz]e|explain|describe|what|which|how|why|where|list|find|look|display|tell)\b",
    re.IGNORECASE,
)
_CHANGES = re.compile(
    r"\b(edit|change|fix|rename|refactor|delete|remove|replace|update|move|insert|append|improve|rewrite|add)\b",
    re.IGNORECASE,
)
_NAME = re.compile(
    r"(?<![\w./:@~\\-])"
    r"((?:[\w-][\w.-]*/)*(?:[\w-][\w.-]*\.[A-Za-z]\w{0,9}|\.[a-z][\w.-]+|Makefile|Dockerfile|LICENSE|README))"
    r"(?![\w/(:@-])"
)
_NO_NAMES = re.compile(r"(?i)^([ei]\.[eg]|.*\.(com|org|net)|(node|vue|next|three|d3)\.js)$")


def named_existing(text: str, files: Sequence[str]) -> tuple[str, ...]:
    """The files that a text names: by path, else by last name, else by its stem (`the README`)."""
    words = text[:_MOST_CHARACTERS].lower()
    kept = [file for file in files if len(file.encode()) <= MOST_PATH_BYTES]
    for name_of in (_path, _last_name, _bare_name):
        found = [file for file in kept if _names(words, name_of(file).lower())]
        if found:
            return tuple(found[:MOST_PATHS])
    return ()


def new_files(prompt: str, files: Sequence[str]) -> tuple[str, ...]:
    """The files that a prompt may want created: those it names, unless it only asks or reads."""
    begin = prompt[:_MOST_CHARACTERS]
    return named_new(prompt, files) if _WRITES.search(begin) or not _READS.search(begin) else ()


def named_new(prompt: str, files: Sequence[str]) -> tuple[str, ...]:
    """The file names in a prompt that no file has."""
    existing = named_existing(prompt, files)
    known = {*existing, *map(_last_name, existing)}
    names = (match.group(1).rstrip(".") for match in _NAME.finditer(prompt[:_MOST_CHARACTERS]))
    fresh = [name for name in names if name not in known and _is_name(name)]
    return tuple(dict.fromkeys(fresh))[:MOST_PATHS]


def asks_for_change(prompt: str) -> bool:
    """Whether a prompt seems to want an existing file changed, which is beyond this model."""
    return bool(_CHANGES.search(prompt[:_MOST_CHARACTERS]))


def nearest(files: Sequence[str]) -> tuple[str, ...]:
    """Those nearest to the root: what a question about the whole is likely to be answered by."""
    kept = (file for file in files if len(file.encode()) <= MOST_PATH_BYTES)
    return tuple(heapq.nsmallest(MOST_PATHS, kept, key=lambda file: (file.count("/"), file)))


def named_folders(prompt: str, files: Sequence[str]) -> tuple[str, ...]:
    """The folders of the workspace that a prompt names."""
    folders, words = set[str](), prompt[:_MOST_CHARACTERS].lower()
    for file in files:
        folder = file
        while (folder := folder.rpartition("/")[0]) and folder not in folders:
            folders.add(folder)
    return tuple(folder for folder in sorted(folders) if _names(words, folder.lower()))[:MOST_PATHS]


def _names(words: str, name: str) -> bool:
    # Most names do not occur at all, and a pattern for each file of a big workspace would take seconds.
    return (
        bool(name) and name in words and re.search(rf"(?<![\w./-]){re.escape(name)}(?![\w/-]|\.\w)", words) is not None
    )


def _path(file: str) -> str:
    return file


def _last_name(file: str) -> str:
    return file.rsplit("/", 1)[-1]


def _bare_name(file: str) -> str:
    stem = _last_name(file).rpartition(".")[0] or _last_name(file)
    return stem if len(stem) >= 4 else ""


def _is_name(name: str) -> bool:
    within = ".." not in name.split("/") and len(name.encode()) <= MOST_PATH_BYTES
    return within and not _NO_NAMES.match(name)
