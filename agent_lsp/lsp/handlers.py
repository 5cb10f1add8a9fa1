"""Behind the server: each command parses its params, asks the agent, and encodes the answer."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from pygls.exceptions import JsonRpcInvalidParams

from agent_lsp.app.agent import open_agent
from agent_lsp.app.refusals import AgentError
from agent_lsp.app.to_contract import ask_finished
from agent_lsp.contract.answers import (
    AskAnswer,
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
from agent_lsp.contract.usage import TurnError
from agent_lsp.conversation.uris import path_of
from agent_lsp.lsp.approver import ClientApprover, actions_for, decision_of
from agent_lsp.lsp.editing import ClientEditor
from agent_lsp.lsp.editor_context import beside
from agent_lsp.lsp.history_handlers import HistoryCommands
from agent_lsp.lsp.notifications import ClientView
from agent_lsp.lsp.server import Refused
from agent_lsp.lsp.transport import ClientError, Json, Server
from agent_lsp.lsp.trust_handlers import ClientTrust
from agent_lsp.session import Asked, SessionError, TurnRequest
from agent_lsp.settings.settings import SettingsError

_CONFIGURATION_SECONDS = 5.0
_PRUNE_SECONDS = 3_600.0
_log = logging.getLogger(__name__)


def open_handlers(server: Server, environment: Mapping[str, str]) -> ClientHandlers:
    """Return the handlers of an initialized client. Raises Refused when there is nothing to work on, or with."""
    try:
        return ClientHandlers(server, environment)
    except AgentError as error:
        raise Refused(error.kind, str(error)) from error
    except InvalidParams as error:
        raise Refused("params", str(error)) from error


def refused_ask(error: Refused) -> Json:
    """The answer to an ask whose turn could not begin."""
    problem = TurnError(kind=error.kind, message=str(error))
    answer: Json = encode(AskRefused(turn_id="", session_id="", error=problem))
    return answer


class ClientHandlers:
    """One client: its editor, its view of the turns, and the commands it may call."""

    def __init__(self, server: Server, environment: Mapping[str, str]) -> None:
        self._server = server
        self._from_editor = _initial_options(server)
        self._options = parse(ClientOptions, self._from_editor)
        self._editor = ClientEditor(server)
        self._agent = open_agent(environment, _folders(server), self._editor, ask_editor=lambda: self._from_editor)
        self._approver = ClientApprover(server, self._options, self._agent.state)
        self._trust = ClientTrust(server, self._agent.trust, self._approver, environment)
        self._view = ClientView(server, self._options, self._go_on)
        self._agent.watch(self._view.show)
        self._commands: dict[str, Callable[[Any], Awaitable[object]]] = {  # Any: each takes its own params
            CommandName.ASK: self._ask,
            CommandName.CANCEL: self._cancel,
            CommandName.CONTINUE: self._continue,
            CommandName.DECIDE: self._decide,
            CommandName.ESTIMATE: self._estimate,
            CommandName.STATUS: self._status,
            CommandName.TRUST: self._trust.command,
            **HistoryCommands(self._agent).all,
        }
        self._say_ignored()
        self._tending = asyncio.create_task(self._tend())

    async def command(self, name: str, params: object) -> object:
        """Runs a command. Raises JsonRpcInvalidParams, Refused."""
        with _told():
            return encode(await self._commands[name](parse(METHODS[name].params, params)))

    async def ask(self, params: object) -> object:
        """`agent/ask`, which always waits. Raises JsonRpcInvalidParams, Refused."""
        with _told():
            return encode(await self._ask(replace(parse(AskParams, params), wait=True)))

    async def _ask(self, params: AskParams) -> AskAnswer:
        self._ask_for_trust()
        asked = await self._agent.ask(self._order(params), params.session_id)
        if not asked.joined:  # a turn has one progress; whose it is was said by the prompt that began it
            self._view.follow(asked, params.work_done_token, params.partial_result_token)
        return await self._answer(asked, wait=params.wait)

    async def _continue(self, params: ContinueParams) -> AskAnswer:
        self._ask_for_trust()
        asked = await self._agent.go_on(params.session_id, self._approver.ask)
        return await self._answer(asked, wait=params.wait)

    async def _go_on(self, session_id: str) -> object:
        return await self._continue(ContinueParams(session_id=session_id))

    async def _answer(self, asked: Asked, *, wait: bool) -> AskAnswer:
        """The turn's end, if it is waited for: a cancelled wait cancels the turn, and is answered with its result."""
        if not wait:
            return AskStarted(turn_id=asked.turn_id, session_id=asked.session_id, joined=asked.joined)
        try:
            done = await asyncio.shield(asked.finished)
        except asyncio.CancelledError:
            self._agent.cancel(asked.turn_id)
            done = await asyncio.shield(asked.finished)
        return ask_finished(done)

    def _order(self, params: AskParams) -> TurnRequest:
        return TurnRequest(
            params.prompt,
            self._approver.ask,
            context=self._beside(params.context),
            preset=params.preset,
            model=params.model,
            queue=params.queue,
        )

    def _beside(self, context: AskContext | None) -> str:
        if context is None or context.uri is None or (path := path_of(context.uri)) is None:
            return ""
        return self._agent.shown_beside(path, *beside(context, self._editor.document(path)))

    async def _estimate(self, params: AskParams) -> EstimateAnswer:
        try:
            return await self._agent.estimate(self._order(params), params.session_id)
        except AgentError as error:
            raise JsonRpcInvalidParams(str(error)) from error

    async def _cancel(self, params: CancelParams) -> CancelAnswer:
        return CancelAnswer(cancelled=self._agent.cancel(params.turn_id, params.session_id))

    async def _decide(self, params: DecideParams) -> EmptyAnswer:
        self._agent.decide(params.approval_id, decision_of(params.answer))
        return EmptyAnswer()

    async def _status(self, _: object) -> StatusAnswer:
        return await self._agent.status()

    def code_actions(self) -> list[Json]:
        """The answers to open questions, for clients that do not show them in a view of their own."""
        if Surface.APPROVAL in self._options.renders:
            return []
        return actions_for(self._agent.pending())

    def document_changed(self, uri: str) -> None:
        self._editor.document_changed(uri)

    def progress_cancelled(self, token: str | int) -> None:
        if turn_id := self._view.turn_of(token):
            self._agent.cancel(turn_id)

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
        missing = self._agent.change_folders([path for path in paths.values() if path])
        for folder in (*(uri for uri, path in paths.items() if not path), *missing):
            message = f"the workspace folder {folder} is no folder of this machine: the agent does not see it"
            self._server.protocol.tell("window/showMessage", {"type": 2, "message": f"Agent: {message}"})
        self._ask_for_trust()

    async def close(self) -> None:
        self._tending.cancel()
        self._trust.close()
        await self._agent.close()
        self._approver.close()

    async def _tend(self) -> None:
        await self.configuration_changed()
        self._ask_for_trust()
        await self._agent.warm()
        while True:
            try:
                await self._agent.prune()
            except (OSError, SettingsError):
                _log.exception("copies of changed files could not be pruned")
            await asyncio.sleep(_PRUNE_SECONDS)

    def _ask_for_trust(self) -> None:
        if Surface.TRUST not in self._options.renders:
            self._trust.ask()

    def _say_ignored(self) -> None:
        try:
            ignored = self._agent.settings().ignored
        except SettingsError as error:
            ignored = (str(error),)
        for line in ignored:
            _log.warning("%s", line)
            self._server.protocol.tell("window/showMessage", {"type": 2, "message": f"Agent: {line}"})


@contextlib.contextmanager
def _told() -> Iterator[None]:
    """Raise errors as the client is told them."""
    try:
        yield
    except (InvalidParams, SessionError) as error:
        raise JsonRpcInvalidParams(str(error)) from error
    except AgentError as error:
        raise Refused(error.kind, str(error)) from error


def _initial_options(server: Server) -> dict[str, Any]:  # Any: JSON from the client
    options = server.protocol.initialization_options
    agent = options.get("agent") if isinstance(options, dict) else None
    return dict(agent) if isinstance(agent, dict) else {}


def _folders(server: Server) -> list[str]:
    """The folders that the client opened, as paths. Raises Refused where none of them is on this machine."""
    workspace = server.workspace
    uris = _folder_uris(server) or ([workspace.root_uri] if workspace.root_uri else [])
    paths = [path for uri in uris if (path := path_of(uri))]
    if uris and not paths:
        remedy = "open one by a file:/// URI, in which # is %23 and ? is %3F"
        raise Refused("workspace", f"no workspace folder is on this machine ({', '.join(uris)}): {remedy}")
    return paths


def _folder_uris(server: Server) -> list[str]:
    """The URIs as the client wrote them."""
    return [folder.uri for folder in server.workspace.folders.values()]
