"""How ripgrep is called, and what it answers."""

from __future__ import annotations

import base64
import json
import os
import re
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

from agent_lsp.files.location import Location
from agent_lsp.search.found import MOST_MATCHES, Query, SearchLine, clipped


def program() -> str | None:
    """The ripgrep to use: on PATH, else the one beside this interpreter."""
    beside = Path(sys.executable).parent / "rg"
    return shutil.which("rg") or (str(beside) if beside.is_file() else None)


def find(ripgrep: str, query: Query) -> list[str]:
    """The call that searches below a place; it runs in the place's root."""
    place = query.place
    return [ripgrep, *_flags(query), *_globs(query), *_rules(place), "--", query.pattern, _below(place)]


def find_in_input(ripgrep: str, query: Query) -> list[str]:
    """The call that searches what it is given as its standard input."""
    return [ripgrep, *_flags(query), "--", query.pattern, "-"]


def listing(ripgrep: str, place: Location) -> list[str]:
    """The call that lists the files below a place, each ended by a NUL."""
    flags = ["--files", "--no-config", "--hidden", "--glob", "!.git", "--null"]
    return [ripgrep, *flags, *_rules(place), _below(place)]


def names(output: bytes) -> tuple[str, ...]:
    """The answer to `listing`: paths relative to the root."""
    return tuple(os.path.normpath(name) for name in os.fsdecode(output).split("\0") if name)


def lines(output: bytes, place: Location) -> Iterator[SearchLine]:
    """The answer to `find` and `find_in_input`; where it was cut, the line there is left out."""
    for raw in output.split(b"\n"):
        if not raw.startswith((b'{"type":"match"', b'{"type":"context"')):
            continue
        try:
            event = json.loads(raw)
        except ValueError:  # the line where the output was cut
            continue
        data = event["data"]
        path = os.path.normpath(os.fsdecode(_bytes(data["path"])))
        shown = path if place.shown == (place.relative or ".") else os.path.join(place.root.name, path)
        text = _text(data["lines"]).rstrip("\r\n")
        yield SearchLine(shown, data["line_number"] or 0, clipped(text), event["type"] == "match")


def _flags(query: Query) -> list[str]:
    flags = ["--json", "--no-config", "--no-messages", "--max-columns", "0", "--crlf"]
    flags += ["--hidden", "--max-count", str(MOST_MATCHES)]
    flags += [] if query.regex else ["--fixed-strings"]
    flags += [] if query.case_sensitive else ["--ignore-case"]
    return flags + (["--context", str(query.context_lines)] if query.context_lines else [])


def _globs(query: Query) -> list[str]:
    wanted = ["--glob", query.glob] if query.glob else []
    return [*wanted, "--glob", "!.git"]  # the last that matches decides


def _rules(place: Location) -> list[str]:
    """The flags for what the user keeps from the agent; what else decides over files may bring some back."""
    own = [flag for path in place.root.rules.own for flag in ("--glob", f"!/{_literally(path)}")]
    files = [flag for path in place.root.rules.paths for flag in ("--ignore-file", path)]
    return [*own, *files, "--ignore-file-case-insensitive"] if files else own


def _literally(path: str) -> str:
    """A path as a pattern that means just that."""
    return re.sub(r"([\\*?\[\]{}!])", r"\\\1", path)


def _below(place: Location) -> str:
    return f"./{place.relative or '.'}"


def _text(data: dict[str, str]) -> str:
    """A line; one that is no UTF-8 as `encodings` reads such files."""
    return data["text"] if "text" in data else base64.b64decode(data["bytes"]).decode("latin-1")


def _bytes(data: dict[str, str]) -> bytes:
    return data["text"].encode() if "text" in data else base64.b64decode(data["bytes"])
