"""argv → settings → serve | ask | trust | …: a command each. Little is imported here: `serve` must answer at once."""

from __future__ import annotations

import argparse
import json
import math
import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from agent_lsp import NAME, PROTOCOL, __version__

if TYPE_CHECKING:
    from agent_lsp.lsp.server import LoadedHandlers

_CANCELLED = 130
_PROTOCOLS = ("openai-chat", "openai-responses", "anthropic")
"""Those of `models/model_factory.py`, which takes too long to import here."""


class _Parser(argparse.ArgumentParser):
    """Names the nearest flag of `ask` for one that is none."""

    flags: Sequence[str] = ()

    def error(self, message: str) -> NoReturn:
        unknown = next((word for word in message.split() if word.startswith("--")), "")
        known = [*self.flags, "--workspace", "--session", "--json", "--estimate"]
        near = get_close_matches(unknown.partition("=")[0], known, n=1) if "unrecognized" in message else []
        super().error(message + (f". Did you mean {near[0]}?" if near else ""))


def main(argv: Sequence[str] | None = None) -> None:
    """The `agent-lsp` script; it ends the process with the exit code."""
    words = list(sys.argv[1:] if argv is None else argv)
    if sys.platform == "win32":
        raise SystemExit("agent-lsp runs on Linux and macOS: on Windows use it inside WSL, or through VS Code Remote")
    if not words and not sys.stdin.isatty():
        words = ["serve"]
    arguments = _parser(_flags() if "ask" in words else ()).parse_args(words)
    try:
        raise SystemExit(_run(arguments))
    except KeyboardInterrupt:
        raise SystemExit(_CANCELLED) from None
    except BrokenPipeError:  # nobody reads on, as behind `| head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise SystemExit(1) from None


def _run(arguments: argparse.Namespace) -> int:
    if arguments.version:
        return _version(as_json=arguments.json_version)
    match arguments.command:
        case "serve":
            return _serve()
        case "ask":
            return _ask(arguments)
        case "usage":
            from agent_lsp.cli.usage import usage

            return usage(_environment(), arguments.days)
        case "conformance":
            return _conformance(arguments)
        case "doctor":
            from agent_lsp.cli.doctor import doctor  # each command imports its own room

            return doctor(_environment())
        case "model":
            from agent_lsp.cli.doctor import model_command

            return model_command(arguments.action)
        case "trust":
            return _trust(arguments)
        case "setup":
            return _setup(arguments)
        case _:
            _parser().print_help()
            return 2


@dataclass(frozen=True, slots=True)
class _Flag:
    """A setting that is a flag of `ask`."""

    setting: str
    words: str
    text: str


def _flags() -> tuple[_Flag, ...]:
    """Return the flags of `ask`; only for that command, as their table takes long to import."""
    from agent_lsp.settings.row import flag
    from agent_lsp.settings.settings import ROWS

    marks = {name: row.mark for name, row in ROWS.items() if row.mark.flag}
    return tuple(_Flag(name, flag(name), mark.described) for name, mark in marks.items())


def _parser(flags: Sequence[_Flag] = ()) -> argparse.ArgumentParser:
    parser = _Parser(prog=NAME, description="A coding agent for any LSP editor.", allow_abbrev=False)
    parser.flags = [flag.words for flag in flags]
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
    for flag in flags:
        ask.add_argument(flag.words, dest=flag.setting, metavar="…", help=flag.text.replace("%", "%%"))
    ask.add_argument("--estimate", action="store_true", help="say what the turn may cost, and do not run it")
    usage = commands.add_parser("usage", help="what turns have cost, by day, model and session")
    usage.add_argument("--days", type=int, default=30, metavar="N", help="how many days back (default: 30)")
    _add_conformance(commands.add_parser("conformance", help="try a server: what it does wrong, and what carries it"))
    commands.add_parser("doctor", help="say what is configured, which model answers, and what is missing")
    model = commands.add_parser("model", help="fetch or drop the small bundled model")
    model.add_argument("action", choices=("install", "remove"))
    trust = commands.add_parser(
        "trust", help="show what this workspace would set for the agent, and ask whether it may; or trust files"
    )
    looked = "what the agent wrote there after it read untrusted text, you have looked through"
    trust.add_argument("files", nargs="*", metavar="FILE", help=looked)
    folders = "the folder (default: this one); of a workspace of several, once for each"
    trust.add_argument("--workspace", action="append", metavar="DIR", help=folders)
    trust.add_argument("--forget", action="store_true", help="take the trust in its settings back")
    _add_setup(commands.add_parser("setup", help="what an editor needs: said, written, or taken back"))
    return parser


def _add_conformance(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--base-url", required=True, metavar="URL", help="where the server listens")
    parser.add_argument("--protocol", default=_PROTOCOLS[0], choices=_PROTOCOLS, help=f"default: {_PROTOCOLS[0]}")
    parser.add_argument("--model", metavar="NAME", help="its name there (default: the only one)")
    parser.add_argument("--max-cost", type=_usd, default=0.05, metavar="USD", help="the most to spend (default: 0.05)")
    parser.add_argument("--json", action="store_true", help="print what was found as JSON")


def _add_setup(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("client", choices=("neovim", "vscode"), help="the editor")
    wish = parser.add_mutually_exclusive_group()
    wish.add_argument("--write", dest="wish", action="store_const", const="write", default="say", help="write it")
    wish.add_argument("--remove", dest="wish", action="store_const", const="remove", help="take it back")
    parser.add_argument("--editor", metavar="PROGRAM", help="with vscode: which of several, as code or codium")


def _usd(text: str) -> float:
    value = float(text)
    if not 0 <= value < math.inf:
        raise ValueError
    return value


def _version(*, as_json: bool) -> int:
    if as_json:
        print(json.dumps({"name": NAME, "version": __version__, "protocol": PROTOCOL}))
    else:
        print(f"{NAME} {__version__}")
    return 0


def _serve() -> int:
    from agent_lsp.lsp.server import serve

    return serve(_load_handlers)


def _load_handlers() -> LoadedHandlers:
    """Called once the client is initialized: all that is ours is imported here and not before."""
    from agent_lsp.lsp.handlers import open_handlers, refused_ask
    from agent_lsp.lsp.server import LoadedHandlers

    environment = _environment()
    return LoadedHandlers(lambda server: open_handlers(server, environment), refused_ask)


def _ask(arguments: argparse.Namespace) -> int:
    import asyncio

    from agent_lsp.app.refusals import AgentError
    from agent_lsp.cli.ask import AskOptions, ask
    from agent_lsp.session import SessionError
    from agent_lsp.settings.settings import SettingsError

    prompt = sys.stdin.buffer.read().decode("utf-8", "replace") if arguments.prompt == "-" else arguments.prompt
    flags = {flag.setting: getattr(arguments, flag.setting) for flag in _flags()}
    order = AskOptions(
        prompt, str(Path(arguments.workspace).absolute()), arguments.session, arguments.json, flags, arguments.estimate
    )
    try:
        return asyncio.run(ask(order, _environment()))
    except (AgentError, SessionError, SettingsError, FileNotFoundError) as error:
        print(f"{NAME}: {error}", file=sys.stderr)
        return 1


def _conformance(arguments: argparse.Namespace) -> int:
    from agent_lsp.cli.conformance import ConformanceOptions, conformance

    asked = ConformanceOptions(
        arguments.base_url, arguments.protocol, arguments.model, arguments.max_cost, arguments.json
    )
    return conformance(_environment(), asked)


def _trust(arguments: argparse.Namespace) -> int:
    from agent_lsp.cli.trust.files import tell_marked, trust_files
    from agent_lsp.cli.trust.settings import trust_settings
    from agent_lsp.files.location import PathRefused
    from agent_lsp.journal.journal import JournalError
    from agent_lsp.settings.settings import SettingsError

    environment, folders = _environment(), [str(Path(folder).absolute()) for folder in arguments.workspace or ["."]]
    try:
        if arguments.files:
            return trust_files(environment, folders, arguments.files)
        trusted = trust_settings(environment, folders, forget=arguments.forget)
        tell_marked(environment, folders)
    except (SettingsError, PathRefused, JournalError, OSError) as error:
        print(f"{NAME}: {error}", file=sys.stderr)
        return 1
    return trusted


def _setup(arguments: argparse.Namespace) -> int:
    from agent_lsp.cli.setup import SetupRefused, Wish
    from agent_lsp.cli.setup.neovim import neovim
    from agent_lsp.cli.setup.vscode import vscode
    from agent_lsp.settings.settings import KEY_VARIABLES

    environment = {name: value for name, value in os.environ.items() if name not in KEY_VARIABLES}
    wish = Wish(arguments.wish)
    try:
        if arguments.client == "neovim":
            neovim(environment, wish)
        else:
            vscode(environment, wish, arguments.editor)
    except SetupRefused as error:
        print(f"{NAME}: {error}", file=sys.stderr)
        return 1
    return 0


def _environment() -> dict[str, str]:
    """The environment as it was at the start; keys are taken out of it, so that no child inherits them."""
    from agent_lsp.permissions.own_environment import taken
    from agent_lsp.settings.settings import KEY_VARIABLES

    return taken(KEY_VARIABLES)
