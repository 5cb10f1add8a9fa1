"""The front door for terminals: `agent-lsp ask`."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, TextIO

from agent_lsp import NAME
from agent_lsp.app import approval_documents
from agent_lsp.app.agent import Agent, open_agent
from agent_lsp.app.refusals import AgentError
from agent_lsp.app.workspace_trust import waiting
from agent_lsp.contract.codec import encode
from agent_lsp.contract.from_events import agent_event
from agent_lsp.conversation import events
from agent_lsp.conversation.actions import ApprovalRequest, Choice, Decision, FileChange, Hunk
from agent_lsp.conversation.events import EventEnvelope
from agent_lsp.conversation.messages import ResultStatus, StopReason
from agent_lsp.files.editor import NoEditor
from agent_lsp.permissions.approval import Detail, detail, title
from agent_lsp.permissions.policy import always_rule, session_rule
from agent_lsp.session import GO_ON, Finished, TurnRequest
from agent_lsp.text.visible import visible, visible_lines

CANCELLED = 130
_MOST_SHOWN, _LINES_SHOWN = 4_000, 8
_COLOURS = {"dim": "2", "bold": "1", "red": "31", "green": "32", "yellow": "33", "cyan": "36"}
_ANSWERS = {
    "y": (Choice.ALLOW_ONCE, "[y]es"),
    "s": (Choice.ALLOW_SESSION, "[s]ession"),
    "a": (Choice.ALLOW_ALWAYS, "[a]lways"),
}
_WORDS = {"yes": "y", "session": "s", "always": "a"}
_LONG = 20
"""Lines of detail after which the question names its target again."""


@dataclass(frozen=True, slots=True)
class AskOptions:
    """The words of the command line."""

    prompt: str
    workspace: str
    session: str | None
    as_json: bool
    flags: Mapping[str, Any]  # Any: settings by name, unchecked
    estimate: bool = False


async def ask(order: AskOptions, environment: Mapping[str, str]) -> int:
    """Runs one turn and returns the exit code. Raises AgentError, SessionError, SettingsError."""
    agent = open_agent(environment, [order.workspace], NoEditor(), flags=order.flags)
    try:
        if order.estimate:
            return await _print_estimate(agent, order)
        _say_of_settings(agent)
        screen = _Json() if order.as_json else _Screen()
        agent.watch(screen.show)
        ask_user = partial(_at_the_prompt, agent.state) if _interactive() else _nobody
        asked = await agent.ask(TurnRequest(order.prompt, ask_user), order.session)
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, agent.cancel)
        done = await asked.finished
        screen.end(done)
        await agent.prune()
        return _exit_code(done)
    finally:
        await agent.close()


def _say_of_settings(agent: Agent) -> None:
    """A line on what of the workspace waits for trust, and one for each setting that was ignored."""
    if line := waiting(agent.trust.standing()):
        _say(f"{line} (`{NAME} trust` shows it and asks)", "yellow")
    for ignored in agent.settings().ignored:
        _say(visible(ignored), "yellow")


async def _print_estimate(agent: Agent, order: AskOptions) -> int:
    """What the turn may cost, from what it would send; nothing is sent."""
    try:
        guess = await agent.estimate(TurnRequest(order.prompt, _nobody), order.session)
    except AgentError as error:
        _say(f"{error.kind}: {error}", "red")
        return 1
    cost = guess.cost
    if order.as_json:
        print(json.dumps(encode(guess)))
    elif cost.likely is None:
        print(f"about {guess.input_tokens:,} tokens to begin with; {guess.basis}")
    else:
        print(f"likely ${cost.likely:.4f}, from ${cost.low:.4f} to ${cost.high:.4f} ({guess.basis})")
        print(f"about {guess.input_tokens:,} tokens to begin with")
    return 0


def _exit_code(done: Finished) -> int:
    match done.ending.stop_reason:
        case StopReason.END_TURN:
            return 0
        case StopReason.CANCELLED:
            return CANCELLED
        case _:
            return 1


def _interactive() -> bool:
    return sys.stdin.isatty() and sys.stderr.isatty()


async def _nobody(request: ApprovalRequest) -> Decision:
    _say(f"  not asked, for there is no terminal: {title(request.action)}", "yellow")
    return Decision(Choice.REJECT, "nobody could be asked, for there is no terminal", answered=False)


async def _at_the_prompt(state: Path, request: ApprovalRequest) -> Decision:
    shown = await asyncio.to_thread(detail, request.action)
    choosable = _hunks(request) if shown.whole and len(_hunks(request)) > 1 else ()
    _show_question(request, shown, choosable)
    if not shown.whole:
        _say(f"  all of it: {await asyncio.to_thread(approval_documents.write, request, state)}", "yellow")
    hunks = [hunk.id for hunk in choosable]
    offered = {key: words for key, words in _ANSWERS.items() if words[0] in request.choices}
    asked = ", ".join([*(words for _, words in offered.values()), *(["choose [h]unks"] if hunks else []), "[N]o"])
    while True:
        answer = (await _line(f"Allow? {asked}, or say what to do instead: ")).strip()
        key = _WORDS.get(answer.lower(), answer.lower())
        match key:
            case _ if key in offered:
                return Decision(offered[key][0])
            case "" | "n" | "no":
                return Decision(Choice.REJECT)
            case "h" if hunks:
                chosen = (await _line(f"Which of {' '.join(hunks)}? ")).replace(",", " ").split()
                if set(chosen) <= set(hunks):
                    return Decision(Choice.ALLOW_ONCE, hunks=tuple(chosen))
                _say(f"  there are hunks {' '.join(hunks)}", "yellow")
            case _ if len(answer) > 2:
                return Decision(Choice.REJECT, answer)
            case _:
                _say(f"  {', '.join(offered)}, n, or a few words", "yellow")


def _show_question(request: ApprovalRequest, shown: Detail, hunks: tuple[Hunk, ...]) -> None:
    _say(f"\n{title(request.action)}", "bold")
    lines = shown.text.splitlines()
    for line in lines:
        colour = {"+": "green", "-": "red", "@": "cyan"}.get(line[:1], "")
        _say(f"  {line}", colour)
    for hunk in hunks:
        first = (hunk.new or hunk.old).split("\n", 1)[0].strip()
        _say(f"  hunk {hunk.id}: line {hunk.old_start}, {visible(first)[:60]}", "cyan")
    if request.taint and request.taint not in request.reason:
        _say(f"  untrusted text was read before: {request.taint}", "yellow")
    _say(f"  {request.reason}{_rules(request)}", "dim")
    if len(lines) > _LONG:
        _say(title(request.action), "bold")


def _rules(request: ApprovalRequest) -> str:
    """What the yeses that reach further would cover."""
    session = f"; 'session' allows {session_rule(request.action)}" if Choice.ALLOW_SESSION in request.choices else ""
    always = f"; 'always' allows {always_rule(request.action)}" if Choice.ALLOW_ALWAYS in request.choices else ""
    return session + always


def _hunks(request: ApprovalRequest) -> tuple[Hunk, ...]:
    effect = request.action.effect
    return effect.hunks if isinstance(effect, FileChange) else ()


async def _line(prompt: str) -> str:
    """A line that is typed after the prompt is shown; empty at the end of input."""
    import termios  # only where there is a terminal

    termios.tcflush(sys.stdin.fileno(), termios.TCIFLUSH)  # what was typed before is no answer to this
    sys.stderr.write(_coloured(prompt, "bold", sys.stderr))
    sys.stderr.flush()
    loop, read = asyncio.get_running_loop(), asyncio.Event()
    loop.add_reader(sys.stdin.fileno(), read.set)
    try:
        await read.wait()
        return os.read(sys.stdin.fileno(), 4096).decode("utf-8", "replace")
    finally:
        loop.remove_reader(sys.stdin.fileno())


class _Json:
    """Every event as a line of JSON."""

    def show(self, seen: EventEnvelope) -> None:
        _write(json.dumps(encode(agent_event(seen))) + "\n")

    def end(self, done: Finished) -> None:
        """The last event said it all."""


@dataclass
class _Screen:
    """The answer on standard output, what happens on standard error."""

    at_line_start: bool = True
    titles: dict[str, str] = field(default_factory=dict)
    output: dict[str, str] = field(default_factory=dict)

    def show(self, seen: EventEnvelope) -> None:
        match seen.event:
            case events.TurnStarted():
                if seen.event.model:
                    _say(f"{visible(seen.event.model)}, session {seen.session_id}", "dim")
                if seen.event.note:
                    _say(visible(seen.event.note), "dim")
            case events.TextDelta():
                _write(_safe(seen.event.text))
                self.at_line_start = seen.event.text.endswith("\n")
            case events.ToolCallStarted():
                self._line_start()
                self.titles[seen.event.call_id] = seen.event.title
                _say(f"• {visible(seen.event.title)}", "cyan")
            case events.ToolCallFinished() if seen.event.status is not ResultStatus.DONE:
                _say(f"  {seen.event.status}: {visible(seen.event.text)}", "yellow")
            case events.Retrying():
                self._line_start()
                again = f"trying again in {seen.event.seconds:.1f} s ({seen.event.attempt} of {seen.event.attempts})"
                _say(f"  {visible(seen.event.reason)}; {again}", "yellow")
            case events.ToolCallOutput():
                self.output[seen.event.call_id] = (self.output.get(seen.event.call_id, "") + seen.event.text)[
                    -_MOST_SHOWN:
                ]
            case events.ToolCallFinished() if seen.event.call_id in self.output:
                self._show_output(self.output.pop(seen.event.call_id))
            case _:
                pass

    def end(self, done: Finished) -> None:
        self._line_start()
        ending = done.ending
        if ending.stop_reason is StopReason.BUDGET_SPENT:
            _say(f"stopped at a limit: {visible(ending.error)}", "yellow")
            _say(f"to go on: {NAME} ask --session {done.session_id} '{GO_ON}'", "dim")
        elif ending.error:
            _say(f"{ending.stop_reason}: {visible(ending.error)}", "red")
        elif ending.stop_reason is not StopReason.END_TURN:
            _say(f"stopped: {ending.stop_reason}", "yellow")
        if done.usage.steps or done.usage.tokens:
            _say(_sums(done), "dim")

    def _show_output(self, text: str) -> None:
        """The last lines that a command printed."""
        for line in text.splitlines()[-_LINES_SHOWN:]:
            _say(f"  {visible(line)}", "dim")

    def _line_start(self) -> None:
        if not self.at_line_start:
            _write("\n")
            self.at_line_start = True


def _sums(done: Finished) -> str:
    money = "cost unknown" if done.cost is None else f"${done.cost:.4f}" if done.cost else "free"
    counts = ((done.usage.steps, "step"), (done.usage.tool_calls, "call"))
    told = [f"{count} {word}{'' if count == 1 else 's'}" for count, word in counts]
    return ", ".join([*told, f"{done.usage.tokens:,} tokens", money + _scored(done)])


def _scored(done: Finished) -> str:
    guess = done.estimate
    if guess is None or guess.held(done.cost) is None:
        return ""
    return f" (estimated ${guess.low:.4f} to ${guess.high:.4f})"


def _safe(text: str) -> str:
    return visible_lines(text) if sys.stdout.isatty() else text


def _write(text: str) -> None:
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except BrokenPipeError:  # nobody reads on, as behind `| head`: the turn has no use any more
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        signal.raise_signal(signal.SIGINT)


def _say(text: str, colour: str = "") -> None:
    sys.stderr.write(_coloured(text, colour, sys.stderr) + "\n")
    sys.stderr.flush()


def _coloured(text: str, colour: str, stream: TextIO) -> str:
    if not colour or not stream.isatty() or "NO_COLOR" in os.environ:
        return text
    return f"\x1b[{_COLOURS[colour]}m{text}\x1b[0m"
