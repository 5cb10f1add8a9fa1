"""Behind the server: each command structures its params, calls a session, and converts the answer."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from typing import Any

from pygls.exceptions import JsonRpcInvalidParams

from agent_lsp.app.composition import App
from agent_lsp.app.status import status
from agent_lsp.contract.answers import (
    AskAnswer,
    AskFinished,
    AskRefused,
    AskStarted,
    CancelAnswer,
    EmptyAnswer,
    EstimateAnswer,
    StatusAnswer,
)
from agent_lsp.contract.codec import InvalidParams, encode, parse
from agent_lsp.contract.handshake import ClientOptions
from agent_lsp.contract.methods import METHODS
from agent_lsp.contract.names import CommandName, Surface
from agent_lsp.contract.params import AskContext, AskParams, CancelParams, ContinueParams, DecideParams
from agent_lsp.contract.sums import TurnError
from agent_lsp.conversation.uris import path_of
from agent_lsp.files.location import PathRefused
from agent_lsp.journal.journal import JournalError
from agent_lsp.lsp.approver import ClientApprover, actions_for, decision_of
from agent_lsp.lsp.editing import ClientEditor
from agent_lsp.lsp.editor_context import beside
from agent_lsp.lsp.history_handlers import HistoryCommands
from agent_lsp.lsp.notifications import ClientView
from agent_lsp.lsp.server import Refused
from agent_lsp.lsp.transport import ClientError, Json, Server
from agent_lsp.lsp.trust_handlers import ClientTrust
from agent_lsp.models import ModelError
from agent_lsp.permissions import Preset
from agent_lsp.session import GO_ON, SessionError, TurnRequest
from agent_lsp.session.answers import ask_finished, estimate_answer
from agent_lsp.session.session import Asked, Session
from agent_lsp.settings import SettingsError

_CONFIGURATION_SECONDS = 5.0
_PRUNE_SECONDS = 3_600.0
_log = logging.getLogger(__name__)


def open_door(server: Server, environment: Mapping[str, str]) -> ClientDoor:
    """The door for an initialized client. Raises Refused when there is nothing to work on, or with."""
    try:
        return ClientDoor(server, environment)
    except (SettingsError, JournalError, PathRefused, InvalidParams) as error:
        kind = {SettingsError: "settings", JournalError: "journal", PathRefused: "workspace"}.get(type(error), "params")
        raise Refused(kind, str(error)) from error


def refused_ask(error: Refused) -> Json:
    """The answer to an ask whose turn could not begin."""
    problem = TurnError(kind=error.kind, message=str(error))
    answer: Json = encode(AskRefused(turn_id="", session_id="", error=problem))
    return answer


class ClientDoor:
    """One client: its editor, its view of the turns, and the commands it may call."""

    def __init__(self, server: Server, environment: Mapping[str, str]) -> None:
        self._server = server
        self._from_editor = _initial_options(server)
        self._options = parse(ClientOptions, self._from_editor)
        self._editor = ClientEditor(server)
        self.app = App(environment, _folders(server), self._editor, ask_editor=lambda: self._from_editor)
        self._approver = ClientApprover(server, self._options, self.app.state)
        self._trust = ClientTrust(server, self.app.trust, self._approver, environment)
        self._view = ClientView(server, self._options, self._go_on)
        self.app.watchers.add(self._view.show)
        self._commands: dict[str, Callable[[Any], Awaitable[object]]] = {  # Any: each takes its own params
            CommandName.ASK: self._ask,
            CommandName.CANCEL: self._cancel,
            CommandName.CONTINUE: self._continue,
            CommandName.DECIDE: self._decide,
            CommandName.ESTIMATE: self._estimate,
            CommandName.STATUS: self._status,
            CommandName.TRUST: self._trust.command,
            **HistoryCommands(self.app).all,
        }
        self._say_ignored()
        self._tending = asyncio.create_task(self._tend())

    async def command(self, name: str, params: object) -> object:
        """Runs a command. Raises JsonRpcInvalidParams, Refused."""
        try:
            return encode(await self._commands[name](parse(METHODS[name].params, params)))
        except (InvalidParams, SessionError) as error:
            raise JsonRpcInvalidParams(str(error)) from error

    async def ask(self, params: object) -> object:
        """`agent/ask`, which always waits. Raises JsonRpcInvalidParams, Refused."""
        try:
            return encode(await self._ask(replace(parse(AskParams, params), wait=True)))
        except (InvalidParams, SessionError) as error:
            raise JsonRpcInvalidParams(str(error)) from error

    async def _ask(self, params: AskParams) -> AskAnswer:
        self._ask_for_trust()
        try:
            session, asked = await self._asked(params)
        except SettingsError as error:
            raise Refused("settings", str(error)) from error
        except JournalError as error:
            raise Refused("journal", str(error)) from error
        if not params.wait:
            return AskStarted(turn_id=asked.turn_id, session_id=session.id, joined=asked.joined)
        return await self._waited(session, asked)

    async def _asked(self, params: AskParams) -> tuple[Session, Asked]:
        if not params.prompt.strip():
            raise SessionError("the prompt is empty: say what the agent should do")
        sessions = self.app.sessions
        session = await (sessions.get(params.session_id) if params.session_id else sessions.new(params.prompt))
        order = self._order(params)
        asked = session.ask(order)
        if asked.joined:
            await session.keep_joined(order)
        if not asked.joined:  # a turn has one progress; whose it is was said by the prompt that began it
            self._view.follow(asked.turn_id, params.work_done_token, params.partial_result_token)
        return session, asked

    def _order(self, params: AskParams) -> TurnRequest:
        return TurnRequest(
            params.prompt,
            self._approver.ask,
            context=self._beside(params.context),
            preset=self._preset(params.preset),
            model=params.model,
            queue=params.queue,
        )

    def _beside(self, context: AskContext | None) -> str:
        if context is None or context.uri is None or (path := path_of(context.uri)) is None:
            return ""
        if self.app.files.keeps(path):
            return "[The user is looking at a file that they keep from you]"
        return beside(context, path, self._editor.document(path))

    async def _waited(self, session: Session, asked: Asked) -> AskFinished:
        """The turn's end. A cancelled wait cancels the turn, and is answered with its result and not with an error."""
        try:
            done = await asyncio.shield(asked.finished)
        except asyncio.CancelledError:
            session.cancel(asked.turn_id)
            done = await asyncio.shield(asked.finished)
        return ask_finished(done)

    def _preset(self, wished: Preset | None) -> Preset | None:
        """A preset for one turn, if it is tighter than the one in force; a looser one has no effect."""
        if wished is None or wished.looser_than(self.app.settings().settings.preset):
            return None
        return wished

    async def _continue(self, params: ContinueParams) -> AskAnswer:
        return await self._ask(AskParams(prompt=GO_ON, session_id=params.session_id, wait=params.wait))

    async def _go_on(self, session_id: str) -> object:
        return await self._continue(ContinueParams(session_id=session_id))

    async def _estimate(self, params: AskParams) -> EstimateAnswer:
        session = await self.app.sessions.get(params.session_id) if params.session_id else None
        try:
            estimate = await self.app.turns.estimate(self._order(params), session.messages if session else ())
        except (ModelError, SettingsError) as error:
            raise SessionError(str(error)) from error
        return estimate_answer(estimate)

    async def _cancel(self, params: CancelParams) -> CancelAnswer:
        sessions = self.app.sessions.all()
        if params.session_id:
            sessions = tuple(session for session in sessions if session.id == params.session_id)
        if params.turn_id:
            sessions = tuple(session for session in sessions if params.turn_id in session.turn_ids)
        return CancelAnswer(cancelled=tuple(turn for one in sessions for turn in one.cancel(params.turn_id)))

    async def _decide(self, params: DecideParams) -> EmptyAnswer:
        self.app.sessions.decide(params.approval_id, decision_of(params.answer))
        return EmptyAnswer()

    async def _status(self, _: object) -> StatusAnswer:
        return await status(self.app)

    def code_actions(self) -> list[Json]:
        """The answers to open questions, for clients that do not show them in a view of their own."""
        if Surface.APPROVAL in self._options.renders:
            return []
        return actions_for(tuple(r for session in self.app.sessions.all() for r in session.approvals.pending))

    def document_changed(self, uri: str) -> None:
        self._editor.document_changed(uri)

    def progress_cancelled(self, token: str | int) -> None:
        turn_id = self._view.turn_of(token)
        if turn_id and (session := self.app.sessions.of_turn(turn_id)):
            session.cancel(turn_id)

    async def configuration_changed(self) -> None:
        """Reads the section `agent` again; what is wrong in it is said in one line."""
        capabilities = self._server.client_capabilities.workspace
        if not (capabilities and capabilities.configuration):
            return
        with contextlib.suppress(ClientError):
            answer = await self._server.protocol.request(
                "workspace/configuration", {"items": [{"section": "agent"}]}, seconds=_CONFIGURATION_SECONDS
            )
            if isinstance(answer, list) and answer and isinstance(answer[0], dict):
                self._from_editor = {**_initial_options(self._server), **answer[0]}
                self._say_ignored()

    def folders_changed(self) -> None:
        """Takes the folders that the client has open now; one that cannot be used is said in one line."""
        uris = _folder_uris(self._server)
        paths = {uri: path_of(uri) for uri in uris}
        missing = self.app.change_folders([path for path in paths.values() if path])
        for folder in (*(uri for uri, path in paths.items() if not path), *missing):
            message = f"the workspace folder {folder} is no folder of this machine: the agent does not see it"
            self._server.protocol.tell("window/showMessage", {"type": 2, "message": f"Agent: {message}"})
        self._ask_for_trust()

    async def close(self) -> None:
        self._tending.cancel()
        self._trust.close()
        await self.app.close()
        self._approver.close()

    async def _tend(self) -> None:
        await self.configuration_changed()
        self._ask_for_trust()
        await self.app.warm()
        while True:
            try:
                await self.app.prune()
            except (OSError, SettingsError):
                _log.exception("copies of changed files could not be pruned")
            await asyncio.sleep(_PRUNE_SECONDS)

    def _ask_for_trust(self) -> None:
        if Surface.TRUST not in self._options.renders:
            self._trust.ask()

    def _say_ignored(self) -> None:
        try:
            ignored = self.app.settings().ignored
        except SettingsError as error:
            ignored = (str(error),)
        for line in ignored:
            _log.warning("%s", line)
            self._server.protocol.tell("window/showMessage", {"type": 2, "message": f"Agent: {line}"})


def _initial_options(server: Server) -> dict[str, Any]:  # Any: JSON from the client
    options = server.protocol.initialization_options
    agent = options.get("agent") if isinstance(options, dict) else None
    return dict(agent) if isinstance(agent, dict) else {}


def _folders(server: Server) -> list[str]:
    """The folders that the client opened, as paths. Raises PathRefused where none of them is on this machine."""
    workspace = server.workspace
    uris = _folder_uris(server) or ([workspace.root_uri] if workspace.root_uri else [])
    paths = [path for uri in uris if (path := path_of(uri))]
    if uris and not paths:
        remedy = "open one by a file:/// URI, in which # is %23 and ? is %3F"
        raise PathRefused(f"no workspace folder is on this machine ({', '.join(uris)}): {remedy}")
    return paths


def _folder_uris(server: Server) -> list[str]:
    """The URIs as the client wrote them."""
    return [folder.uri for folder in server.workspace.folders.values()]
