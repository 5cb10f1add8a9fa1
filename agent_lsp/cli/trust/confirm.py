"""The question that a user answers at a terminal."""

from __future__ import annotations

import sys

from agent_lsp import NAME


def says_yes(question: str) -> bool:
    """Whether the user says yes to it, here and now; without a terminal nobody does, and it says so."""
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        print(f"{NAME}: nobody could be asked, for there is no terminal", file=sys.stderr)
        return False
    return _line(f"{question} [y]es, [N]o: ").strip().lower() in {"y", "yes"}


def _line(prompt: str) -> str:
    """A line that is typed after the prompt is shown; empty at the end of input."""
    import termios  # only where there is a terminal

    termios.tcflush(sys.stdin.fileno(), termios.TCIFLUSH)  # what was typed before is no answer to this
    print(prompt, end="", flush=True)
    return sys.stdin.readline()
