"""argv → settings → serve | ask | doctor | model. Little is imported here: `serve` must answer at once."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Callable, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from agent_lsp import NAME, PROTOCOL, __version__

if TYPE_CHECKING:
    from agent_lsp.lsp.server import Door
    from agent_lsp.lsp.transport import Server

_CANCELLED = 130
_FLAGS = {
    "model": "which model answers, as protocol:model",
    "baseUrl": "where it listens",
    "contextWindow": "tokens it can read, where no table knows it",
    "preset": "what need not be asked: plan or confirm",
    "maxSteps": "requests to the model",
    "maxToolCalls": "tool calls",
    "maxTokens": "tokens in and out",
    "maxSeconds": "seconds of work, waiting for you not counted",
    "maxCost": "USD",
    "maxTokensPerSession": "tokens of all turns of the session",
    "maxCostPerSession": "USD of all turns of the session",
    "maxCostPerDay": "USD of all sessions of a day",
    "approvalTimeoutSeconds": "seconds until a question counts as not answered",
    "maxRetries": "how often a model request is sent again",
    "maxResultCharacters": "characters of one tool result",
    "stateDir": "the folder of journal and log",
}
"""The settings that are flags of `ask`, all but the key: other users can see the flags of a process."""


class _Parser(argparse.ArgumentParser):
    """Names the nearest flag for one that is none."""

    def error(self, message: str) -> NoReturn:
        unknown = next((word for word in message.split() if word.startswith("--")), "")
        known = [f"--{_words(name)}" for name in _FLAGS] + ["--workspace", "--session", "--json", "--estimate"]
        near = get_close_matches(unknown.partition("=")[0], known, n=1) if "unrecognized" in message else []
        super().error(message + (f". Did you mean {near[0]}?" if near else ""))


def main(argv: Sequence[str] | None = None) -> None:
    """The `agent-lsp` script; it ends the process with the exit code."""
    words = list(sys.argv[1:] if argv is None else argv)
    if sys.platform == "win32":
        raise SystemExit("agent-lsp runs on Linux and macOS: on Windows use it inside WSL, or through VS Code Remote")
    if not words and not sys.stdin.isatty():
        words = ["serve"]
    arguments = _parser().parse_args(words)
    try:
        raise SystemExit(_run(arguments))
    except KeyboardInterrupt:
        raise SystemExit(_CANCELLED) from None


def _run(arguments: argparse.Namespace) -> int:
    if arguments.version:
        return _version(as_json=arguments.json_version)
    match arguments.command:
        case "serve":
            return _serve()
        case "ask":
            return _ask(arguments)
        case "usage":
            from agent_lsp.usage import usage

            return usage(_environment(), arguments.days)
        case "doctor":
            from agent_lsp.doctor import doctor  # each command imports its own room

            return doctor(_environment())
        case "model":
            from agent_lsp.doctor import model_command

            return model_command(arguments.action)
        case _:
            _parser().print_help()
            return 2


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog=NAME, description="A coding agent for any LSP editor.", allow_abbrev=False)
    parser.add_argument("--version", action="store_true", help="print name and version")
    parser.add_argument("--json", dest="json_version", action="store_true", help="with --version: as JSON")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND")
    serve = commands.add_parser("serve", help="speak LSP on standard input and output (what editors start)")
    serve.add_argument("--stdio", action="store_true", help="accepted for clients that add it; there is no other way")
    ask = commands.add_parser(
        "ask", help="run one turn here; '-' reads the prompt from standard input", allow_abbrev=False
    )
    ask.add_argument("prompt")
    ask.add_argument("--workspace", default=".", metavar="DIR", help="the folder to work in (default: this one)")
    ask.add_argument("--session", metavar="ID", help="go on with a session")
    ask.add_argument("--json", action="store_true", help="print one event a line")
    for name, meaning in _FLAGS.items():
        ask.add_argument(f"--{_words(name)}", dest=name, metavar="…", help=meaning)
    ask.add_argument("--estimate", action="store_true", help="say what the turn may cost, and do not run it")
    usage = commands.add_parser("usage", help="what turns have cost, by day, model and session")
    usage.add_argument("--days", type=int, default=30, metavar="N", help="how many days back (default: 30)")
    commands.add_parser("doctor", help="say what is configured, which model answers, and what is missing")
    model = commands.add_parser("model", help="fetch or drop the small bundled model")
    model.add_argument("action", choices=("install", "remove"))
    return parser


def _words(name: str) -> str:
    return "".join(f"-{char.lower()}" if char.isupper() else char for char in name)


def _version(*, as_json: bool) -> int:
    if as_json:
        print(json.dumps({"name": NAME, "version": __version__, "protocol": PROTOCOL}))
    else:
        print(f"{NAME} {__version__}")
    return 0


def _serve() -> int:
    from agent_lsp.lsp.server import serve

    return serve(_load_door)


def _load_door() -> Callable[[Server], Door]:
    """Called once the client is initialized: all that is ours is imported here and not before."""
    from agent_lsp.lsp.commands import open_door

    environment = _environment()
    return lambda server: open_door(server, environment)


def _ask(arguments: argparse.Namespace) -> int:
    import asyncio

    from agent_lsp.conversation.journal import JournalError
    from agent_lsp.session import SessionError
    from agent_lsp.settings import SettingsError
    from agent_lsp.terminal import Ask, ask
    from agent_lsp.workspace.roots import PathRefused

    prompt = sys.stdin.buffer.read().decode("utf-8", "replace") if arguments.prompt == "-" else arguments.prompt
    flags = {name: getattr(arguments, name) for name in _FLAGS}
    order = Ask(
        prompt, str(Path(arguments.workspace).absolute()), arguments.session, arguments.json, flags, arguments.estimate
    )
    try:
        return asyncio.run(ask(order, _environment()))
    except (JournalError, SessionError, SettingsError, PathRefused, FileNotFoundError) as error:
        print(f"{NAME}: {error}", file=sys.stderr)
        return 1


def _environment() -> dict[str, str]:
    """The environment as it was at the start; keys are taken out of it, so that no child inherits them."""
    from agent_lsp.settings import KEY_VARIABLES

    found = dict(os.environ)
    for name in KEY_VARIABLES:
        os.environ.pop(name, None)
    return found
