"""Action × preset × what the user said before → ALLOW, ASK or DENY, with a reason."""

from __future__ import annotations

from collections.abc import Sequence

from agent_lsp.conversation.actions import Action, Command, FileChange, FileMove
from agent_lsp.permissions import Preset, Ruling, Verdict
from agent_lsp.permissions.blocklist import blocked


class Policy:
    """The rules of one session. It remembers what the user allowed for as long as the session is open."""

    def __init__(self, preset: Preset, roots: Sequence[str] = ()) -> None:
        """`roots` are the absolute paths of the workspace's folders."""
        self.preset, self._roots = preset, tuple(roots)
        self._allowed: set[str] = set()

    def decide(self, action: Action, preset: Preset | None = None) -> Verdict:
        """The verdict on an action; a turn may bring a preset of its own, if it is tighter."""
        if reason := self._never(action):
            return Verdict(Ruling.DENY, f"this command is never run: {reason}")
        in_force = preset if preset and self.preset.looser_than(preset) else self.preset
        if in_force is Preset.PLAN:
            return Verdict(Ruling.DENY, "the preset is 'plan', in which nothing is changed: describe what you would do")
        if _rule(action) in self._allowed:
            return Verdict(Ruling.ALLOW, "allowed for this session")
        return Verdict(Ruling.ASK, f"the preset '{in_force}' asks before every side effect")

    def _never(self, action: Action) -> str:
        match action.effect:
            case Command(line=line, cwd=cwd):
                return blocked(line, cwd=cwd, roots=self._roots)
            case _:
                return ""

    def remember(self, action: Action) -> None:
        """Allows what `session_rule` says for the rest of the session."""
        self._allowed.add(_rule(action))


def session_rule(action: Action) -> str:
    """What a yes for the session covers, in words for the prompt."""
    match action.effect:
        case FileChange() | FileMove():
            return f"{action.tool}: any file in the workspace"
        case Command():
            return f"{action.tool}: exactly this line in this folder"


def _rule(action: Action) -> str:
    match action.effect:
        case FileChange() | FileMove():
            return action.tool
        case Command(line=line, cwd=cwd):
            return f"{action.tool}\0{cwd}\0{line}"
