"""Confined by macOS' sandbox-exec. Written from its manual pages and public profiles; no test has run it yet."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from agent_lsp.sandbox import Launch, Level, SandboxView

PROGRAM = "/usr/bin/sandbox-exec"
_BEGIN = """(version 1)
(allow default)
(deny network*)
(deny file-write*)
(deny file-write-setugid)
(allow file-write* (literal "/dev/null") (literal "/dev/zero") (literal "/dev/tty") (subpath "/private/tmp"))
"""


class Seatbelt:
    """Starts commands under a profile made for each; of overlapping rules the last one holds."""

    level = Level.SEATBELT
    shows_buffers = False
    keeps_all = False

    @contextmanager
    def launch(self, argv: Sequence[str], *, cwd: str, view: SandboxView) -> Iterator[Launch]:  # noqa: ARG002 - the protocol's
        """As the protocol says."""
        yield Launch((PROGRAM, "-p", profile(view), *argv), variables={**view.variables, "TMPDIR": "/private/tmp"})


def profile(view: SandboxView) -> str:
    """The rules of a view in the language of sandbox profiles."""
    rules = [_BEGIN]
    rules += [f"(allow file-write* (subpath {_quoted(path)}))" for path in view.roots if view.writes]
    for path in (*view.protected, *view.fixed, *view.withheld):
        rules += [f"(deny file-write* (literal {_quoted(holder)}))" for holder in _holders(path, view.roots)]
        rules.append(f"(deny file-write* (subpath {_quoted(path)}))")
    rules += [f"(deny file-read* file-write* (subpath {_quoted(path)}))" for path in (*view.hidden, *view.withheld)]
    return "\n".join(rules) + "\n"


def _holders(path: str, roots: Sequence[str]) -> Iterator[str]:
    """The folders between a root and an entry: renaming one would carry the entry away."""
    holder = path.rpartition("/")[0]
    while any(holder.startswith(f"{root}/") for root in roots):
        yield holder
        holder = holder.rpartition("/")[0]


def _quoted(path: str) -> str:
    escaped = path.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
