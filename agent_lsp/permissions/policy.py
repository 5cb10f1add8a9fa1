"""Action × preset × rules × what the user said before → ALLOW, ASK or DENY, with a reason."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from threading import Lock
from urllib.parse import urlsplit

from agent_lsp.conversation.actions import (
    Action,
    Choice,
    Command,
    Fetch,
    FileChange,
    FileMove,
    ServerUse,
    Target,
    WebSearch,
)
from agent_lsp.permissions import Preset, Ruling, Verdict
from agent_lsp.permissions.blocklist import blocked
from agent_lsp.permissions.read_only_commands import IN_READ_ONLY, READERS, only_reads
from agent_lsp.permissions.remembered_rules import OfWorkspace
from agent_lsp.permissions.rules import NO_RULES, Reading, Rule, Rules, rule_for
from agent_lsp.permissions.shell_line import parses, plain_words
from agent_lsp.permissions.web_rules import NO_WEB_RULES, WebRules
from agent_lsp.text.visible import visible


@dataclass(frozen=True, slots=True)
class PolicyConfig:
    """What settings and system say for a turn; without a working sandbox, `confined`, `auto` lets nothing pass."""

    preset: Preset
    rules: Rules = NO_RULES
    web: WebRules = NO_WEB_RULES
    confined: bool = False


class Policy:
    """The rules of one session. It remembers what the user allowed for as long as the session is open.

    Nothing that a model, a peer or the history says is looked at: only the action, and what the user set and said.
    """

    def __init__(self, terms: PolicyConfig, roots: Sequence[str] = (), kept: OfWorkspace | None = None) -> None:
        """`roots` are the absolute paths of the workspace's folders; `kept` has what is allowed there for good."""
        self.terms, self.roots, self._kept = terms, tuple(roots), kept
        self._allowed: set[str] = set()
        self._changing = Lock()

    def decide(self, action: Action, preset: Preset | None = None, *, tainted: str = "") -> Verdict:
        """The verdict on an action; a turn may bring a preset of its own, if it is tighter.

        `tainted` says where untrusted text came from that was read, empty for none. Blocks: call it in a thread.
        Raises OSError when what is allowed for good cannot be read.
        """
        in_force = preset if preset and self.terms.preset.looser_than(preset) else self.terms.preset
        refused = self._refused(action, in_force)
        return refused or self._always_asked(action, tainted) or self._allowed_by(action, in_force) or _asked(in_force)

    def change_folders(self, roots: Sequence[str]) -> None:
        """The workspace is another now; what was allowed for this session was allowed in the one before."""
        with self._changing:
            self.roots = tuple(roots)
            self._allowed.clear()

    @property
    def allows_for_session(self) -> bool:
        """Whether the user allowed anything for as long as the session is open."""
        return bool(self._allowed)

    @property
    def rules_reading(self) -> bool:
        """Whether a rule could be against a call that only reads."""
        return bool(self.terms.rules.deny or self.terms.rules.ask)

    def refusal(self, reading: Reading) -> str:
        """Why a call that only reads is not made, in words for the model; empty when nothing is against it.

        A rule that asks refuses too, for a call without an effect is not put to the user.
        """
        rules = (*self.terms.rules.deny, *self.terms.rules.ask)
        rule = next((rule for rule in rules if rule.reaches(reading, self.roots)), None)
        return f"the user's rule {visible(str(rule))} keeps it from being read" if rule else ""

    def _refused(self, action: Action, preset: Preset) -> Verdict | None:
        if reason := self._never(action):
            return Verdict(Ruling.DENY, reason)
        if rule := self._touching(self.terms.rules.deny, action):
            return Verdict(Ruling.DENY, f"the user's rule {visible(str(rule))} refuses it", str(rule))
        if preset is Preset.PLAN and not self._changes_nothing(action):
            return Verdict(Ruling.DENY, _PLAN)
        return None

    def _changes_nothing(self, action: Action) -> bool:
        match action.effect:
            case Fetch() | WebSearch():
                return True
            case Command(reads=True) as command:
                return self._only_reads(command)
            case _:
                return False

    def _never(self, action: Action) -> str:
        match action.effect:
            case Command(line=line, cwd=cwd):
                reason = blocked(line, cwd=cwd, roots=self.roots)
                return f"this command is never run: {reason}" if reason else ""
            case Fetch(url=url):
                return self.terms.web.denied(url)
            case FileChange() | FileMove():
                return _refused_as_own(action)
            case _:
                return ""

    def _touching(self, rules: Iterable[Rule], action: Action) -> Rule | None:
        return next((rule for rule in rules if rule.touches(action, self.roots)), None)

    def _always_asked(self, action: Action, tainted: str) -> Verdict | None:
        """What no standing permission covers."""
        if target := _protected(action):
            return Verdict(Ruling.ASK, f"{visible(target.path)} is protected: {target.acts}")
        if isinstance(action.effect, Command) and not action.effect.confined:
            return Verdict(Ruling.ASK, "it is to run outside the sandbox")
        if tainted:
            return Verdict(Ruling.ASK, f"untrusted text was read before: {visible(tainted)}")
        if rule := self._touching(self.terms.rules.ask, action):
            return Verdict(Ruling.ASK, f"the rule {visible(str(rule))} asks every time", str(rule))
        return None

    def _allowed_by(self, action: Action, preset: Preset) -> Verdict | None:
        if _exactly(action) in self._allowed and _repeatable(action):
            return Verdict(Ruling.ALLOW, "allowed for this session", session_rule(action))
        kept = self._kept.rules() if self._kept else ()
        for rules, where in (
            (kept, "allowed in this workspace for good"),
            (self.terms.rules.allow, "allowed by a rule"),
        ):
            if rule := next((rule for rule in rules if rule.covers(action, self.roots)), None):
                return Verdict(Ruling.ALLOW, where, str(rule))
        if isinstance(action.effect, Fetch) and (site := self.terms.web.allowed_by(action.effect.url)):
            return Verdict(Ruling.ALLOW, f"your rule webAllow '{site}' covers it", site)
        if reason := self._passes(action, preset):
            return Verdict(Ruling.ALLOW, reason)
        return None

    def _passes(self, action: Action, preset: Preset) -> str:
        """Why a preset lets an action pass; empty where it does not."""
        match action.effect:
            case FileChange(after=str()) if preset is Preset.EDITS:
                return f"the preset is '{preset}'"
            case FileChange() | FileMove():
                return f"the preset is '{preset}'" if self._auto(preset) else ""
            case Command(line=line) as command:
                if self._only_reads(command):
                    return "it only reads, in the sandbox"
                return f"the preset is '{preset}'" if self._auto(preset) and parses(line) else ""
            case ServerUse() | Fetch() | WebSearch():
                return ""

    def _only_reads(self, command: Command) -> bool:
        words, table = plain_words(command.line), IN_READ_ONLY if command.reads else READERS
        return words is not None and only_reads(words, cwd=command.cwd, roots=self.roots, table=table)

    def _auto(self, preset: Preset) -> bool:
        return preset is Preset.AUTO and self.terms.confined

    def remember(self, action: Action, choice: Choice, workspace: tuple[str, ...]) -> None:
        """Keep what a yes covers besides this one call, in the `workspace` in which it was asked.

        Nothing is kept for the session if its folders have changed since. Blocks. Raises OSError when it cannot be
        written.
        """
        with self._changing:
            if choice is Choice.ALLOW_SESSION and self.roots == workspace:
                self._allowed.add(_exactly(action))
        if choice is Choice.ALLOW_ALWAYS and self._kept and (rule := rule_for(action)):
            self._kept.add(rule, workspace)


_PLAN = "the preset is 'plan', in which nothing is changed and only reading commands run: describe what you would do"


def choices(action: Action, verdict: Verdict) -> tuple[Choice, ...]:
    """The answers that are offered, the safe one first."""
    once = (Choice.REJECT, Choice.ALLOW_ONCE)
    if not verdict.standing:
        return once
    return (*once, Choice.ALLOW_SESSION, *((Choice.ALLOW_ALWAYS,) if rule_for(action) else ()))


def session_rule(action: Action) -> str:
    """What a yes for the session covers, in words for the prompt."""
    match action.effect:
        case FileChange() | FileMove():
            return f"{action.tool}: any file in the workspace that is not protected"
        case Command():
            return f"{action.tool}: exactly this line in this folder"
        case ServerUse():
            return always_rule(action)
        case Fetch(url=url):
            return f"{action.tool}: any page of {visible(_site(url))} whose address has no query (?…)"
        case WebSearch(via=via):
            return f"{action.tool}: any query to {visible(via)}"


def always_rule(action: Action) -> str:
    """What a yes for good covers: the rule, in full, and where it holds. Empty where there is no such yes."""
    match action.effect:
        case ServerUse(base_url=base_url):
            return f"{action.tool}: whatever listens at {visible(base_url)}"
        case _:
            rule = rule_for(action)
            return f"{rule} in this workspace" if rule else ""


def _asked(preset: Preset) -> Verdict:
    return Verdict(Ruling.ASK, f"the preset '{preset}' asks before {_ASKS_BEFORE[preset]}", standing=True)


_ASKS_BEFORE = {
    Preset.PLAN: "anything goes out to the web",
    Preset.CONFIRM: "every side effect",
    Preset.EDITS: "everything but edits in the workspace",
    Preset.AUTO: "what does not stay in the sandbox",
}


def _protected(action: Action) -> Target | None:
    """The target that something acts on by itself."""
    return next((target or _UNSEEN for target in _targets(action) if target is None or target.acts), None)


def _refused_as_own(action: Action) -> str:
    """Why agent-lsp itself is not changed, in words; empty for an action that does not."""
    own = next((target for target in _targets(action) if target and target.own), None)
    return f"{visible(own.path)} belongs to {own.own}: only the user changes it, by hand" if own else ""


def _targets(action: Action) -> tuple[Target | None, ...]:
    match action.effect:
        case FileChange(target=target):
            return (target,)
        case FileMove(target=source, new_target=target):
            return source, target
        case Command() | ServerUse() | Fetch() | WebSearch():
            return ()


_UNSEEN = Target("it", "nobody looked where its path leads")


def _exactly(action: Action) -> str:
    """What a yes for the session stands for."""
    match action.effect:
        case FileChange() | FileMove():
            return action.tool
        case Command(line=line, cwd=cwd, confined=confined):
            return f"{action.tool}\0{confined}\0{cwd}\0{line}"
        case ServerUse():
            return always_rule(action)
        case Fetch(url=url):
            return f"{action.tool}\0{_site(url)}"
        case WebSearch(via=via):
            return f"{action.tool}\0{via}"


def _repeatable(action: Action) -> bool:
    """Whether what was allowed before covers this too: a query can carry out what was read here."""
    return not (isinstance(action.effect, Fetch) and urlsplit(action.effect.url).query)


def _site(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"
