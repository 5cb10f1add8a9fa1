"""Approval: how an action is put before the user, and what an answer is worth."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import replace

from agent_lsp.conversation.actions import Action, Command, Decision, FileChange, FileMove
from agent_lsp.conversation.diffs import unified, with_hunks

_NAMED = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}
_PADDING = re.compile(r" {9,}")


def visible(text: str, *, keep: str = "") -> str:
    """The text with every character escaped that could deceive a reader; `keep` names those that may stand.

    Controls, ANSI sequences, bidirectional marks, zero-width and tag characters, odd spaces and long padding
    become escapes. A backslash in the text is doubled only where it would look like one of these escapes.
    """
    text = re.sub(r"\\(?=[nrtxuU])", r"\\\\", text) if not keep else text
    shown = "".join(char if char in keep or _harmless(char) else _escaped(char) for char in text)
    return shown if keep else _PADDING.sub(lambda run: f" \\x20{{{len(run[0])}}} ", shown)


def _harmless(char: str) -> bool:
    if char == " ":
        return True
    if unicodedata.category(char) in {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp", "Zs"}:
        return False
    return char not in "\u115f\u1160\u3164\uffa0\u2800\u034f\u17b4\u17b5" and not "\ufe00" <= char <= "\ufe0f"


def _escaped(char: str) -> str:
    code = ord(char)
    if char in _NAMED:
        return _NAMED[char]
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def title(action: Action) -> str:
    """One line that names the tool and the resolved target or the whole command, escaped."""
    match action.effect:
        case FileChange(before=None):
            return f"{action.tool}: create {visible(action.effect.path)}"
        case FileChange(after=None):
            return f"{action.tool}: delete {visible(action.effect.path)}"
        case FileChange():
            return f"{action.tool}: change {visible(action.effect.path)}"
        case FileMove():
            return f"{action.tool}: move {visible(action.effect.path)} to {visible(action.effect.new_path)}"
        case Command():
            return f"{action.tool}: {visible(action.effect.line)}"


def detail(action: Action) -> str:
    """The whole action as text: a unified diff, a move, or a command with its folder; only line ends and tabs stand."""
    match action.effect:
        case FileChange():
            return visible(unified(action.effect), keep="\n\t")
        case FileMove():
            return f"move {visible(action.effect.path)}\n  to {visible(action.effect.new_path)}\n"
        case Command():
            seconds = f"at most {action.effect.timeout_seconds:g} s"
            return (
                f"{visible(action.effect.line, keep=chr(10) + chr(9))}\n  in {visible(action.effect.cwd)}, {seconds}\n"
            )


def narrowed(action: Action, decision: Decision) -> Action:
    """The action that was allowed: with fewer hunks where the user chose some. Raises ValueError for an unknown hunk."""
    if decision.hunks is None or not isinstance(action.effect, FileChange):
        return action
    return replace(action, effect=with_hunks(action.effect, decision.hunks))
