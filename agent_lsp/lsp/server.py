"""Lifecycle and capabilities. Until `initialized`, of ours only transport and names of the contract are imported."""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import signal
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, BinaryIO, Protocol

from lsprotocol import types as lsp
from pygls.exceptions import JsonRpcException, JsonRpcInvalidParams

from agent_lsp import NAME, __version__
from agent_lsp.contract.names import REQUEST_ASK, CommandName
from agent_lsp.lsp import transport
from agent_lsp.lsp.transport import Server

_REQUEST_FAILED = -32803  # LSP 3.17, ErrorCodes
Json = dict[str, Any]  # Any: a JSON tree


class Handlers(Protocol):
    """What stands behind the server once the client is initialized. Params and answers are JSON."""

    async def command(self, name: str, params: object) -> object: ...
    async def ask(self, params: object) -> object: ...
    def code_actions(self) -> list[Json]: ...
    def document_changed(self, uri: str) -> None: ...
    def progress_cancelled(self, token: str | int) -> None: ...
    async def configuration_changed(self) -> None: ...
    def folders_changed(self) -> None: ...
    async def close(self) -> None: ...


class Refused(Exception):
    """The door cannot open; the message is one line with the remedy, `kind` the wire value of `error.kind`."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind


@dataclass(frozen=True, slots=True)
class LoadedHandlers:
    """What is imported once the client is initialized.

    `open` makes the handlers of a client and raises Refused; `refused_ask` is the answer to an ask that was refused.
    """

    open: Callable[[Server], Handlers]
    refused_ask: Callable[[Refused], object]


Load = Callable[[], LoadedHandlers]
"""Imports all that stands behind the door; called once the client is initialized, in a thread."""

_ASKS = {CommandName.ASK, CommandName.CONTINUE}


_SWITCH_SECONDS = 0.001
"""After which a thread that computes lets the event loop run: it waits so long, several times a message."""


def serve(load: Load) -> int:
    """Serve one client on standard input and output; end the process with the exit code."""
    for name in ("pygls", "agent_lsp"):  # to the log once there is one, and never to the client's terminal
        logging.getLogger(name).addHandler(logging.NullHandler())
    logging.getLogger("pygls").setLevel(logging.WARNING)
    sys.setswitchinterval(_SWITCH_SECONDS)
    code = asyncio.run(_until_a_signal(lambda: _loaded(load), transport.protected_stdout()))
    sys.stderr.flush()
    os._exit(code)  # the reader's thread may still wait for input


def _loaded(load: Load) -> LoadedHandlers:
    """Load without looking for garbage: nearly all of it lasts, and a look would stop the loop, now and ever after."""
    gc.disable()
    try:
        return load()
    finally:
        gc.freeze()
        gc.enable()


async def _until_a_signal(load: Load, out: BinaryIO) -> int:
    done = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, done.set)
    return await attend(load, sys.stdin.buffer, out, done)


async def attend(load: Load, stdin: BinaryIO, stdout: BinaryIO, done: asyncio.Event) -> int:
    """Serve one client on two streams, whatever they are, until it is gone or `done` is set. Return the exit code."""
    server = Server(
        NAME,
        __version__,
        text_document_sync_kind=lsp.TextDocumentSyncKind.Full,
        protocol_cls=transport.Protocol,
        converter_factory=transport.new_converter,
    )
    entrance = Entrance(server, load)
    entrance.register()
    return await transport.run(server, stdin, stdout, entrance.close, done)


class Entrance:
    """Opens the door on `initialized`, or at the next call if it could not be opened then."""

    def __init__(self, server: Server, load: Load) -> None:
        self._server, self._load = server, load
        self._loaded: LoadedHandlers | None = None
        self._opening: asyncio.Task[Handlers] | None = None

    def register(self) -> None:
        """Registers all handlers with pygls."""
        for name in CommandName:
            self._server.command(name.value)(_handler(self._command))
        handlers: dict[str, Callable[[Any], Any]] = {  # Any: each method has its own params
            REQUEST_ASK: self._ask,
            lsp.INITIALIZED: self._initialized,
            lsp.TEXT_DOCUMENT_DID_CHANGE: self._changed,
            lsp.TEXT_DOCUMENT_CODE_ACTION: self._code_actions,
            lsp.WINDOW_WORK_DONE_PROGRESS_CANCEL: self._progress_cancelled,
            lsp.WORKSPACE_DID_CHANGE_CONFIGURATION: self._configuration_changed,
            lsp.WORKSPACE_DID_CHANGE_WORKSPACE_FOLDERS: self._folders_changed,
        }
        for method, handler in handlers.items():
            self._server.feature(method)(_handler(handler))

    async def close(self) -> None:
        if handlers := self._handlers():
            await handlers.close()

    async def _initialized(self, _: object) -> None:
        try:
            await self._opened()
        except Refused as error:
            self._server.protocol.tell("window/logMessage", {"type": 1, "message": f"{NAME}: {error}"})

    async def _command(self, params: lsp.ExecuteCommandParams) -> object:
        arguments = params.arguments or [None]
        if len(arguments) != 1:
            raise JsonRpcInvalidParams(f"{params.command} takes one object, not {len(arguments)} arguments")
        try:
            handlers = await self._opened()
            return await handlers.command(params.command, arguments[0])
        except Refused as error:
            if params.command not in _ASKS:
                raise JsonRpcException(str(error), code=_REQUEST_FAILED) from error
            return self._refused(error)

    async def _ask(self, params: object) -> object:
        try:
            handlers = await self._opened()
            return await handlers.ask(params)
        except Refused as error:
            return self._refused(error)

    def _refused(self, error: Refused) -> object:
        """A turn that could not begin is answered as one that failed, and said in one line."""
        self._server.protocol.tell("window/showMessage", {"type": 1, "message": f"Agent: {error}"})
        assert self._loaded  # noqa: S101 - nothing else raises Refused
        return self._loaded.refused_ask(error)

    async def _code_actions(self, _: lsp.CodeActionParams) -> object:
        return handlers.code_actions() if (handlers := self._handlers()) else []

    async def _configuration_changed(self, _: object) -> None:
        if handlers := self._handlers():
            await handlers.configuration_changed()

    async def _folders_changed(self, params: lsp.DidChangeWorkspaceFoldersParams) -> None:
        for folder in params.event.added:  # pygls adds before it removes: what is in both, maybe spelled anew, is open
            self._server.workspace.add_folder(folder)
        if handlers := self._handlers():
            handlers.folders_changed()

    async def _changed(self, params: lsp.DidChangeTextDocumentParams) -> None:
        if handlers := self._handlers():
            handlers.document_changed(params.text_document.uri)

    async def _progress_cancelled(self, params: lsp.WorkDoneProgressCancelParams) -> None:
        if handlers := self._handlers():
            handlers.progress_cancelled(params.token)

    def _handlers(self) -> Handlers | None:
        opening = self._opening
        if opening is None or not opening.done() or opening.cancelled() or opening.exception():
            return None
        return opening.result()

    async def _opened(self) -> Handlers:
        failed = self._opening and self._opening.done() and not self._handlers()
        if self._opening is None or failed:
            self._opening = asyncio.create_task(self._open())
        return await asyncio.shield(self._opening)

    async def _open(self) -> Handlers:
        self._loaded = await asyncio.to_thread(self._load)
        return self._loaded.open(self._server)


def _handler(method: Callable[[Any], Any]) -> Callable[[Any], Any]:  # Any: each method has its own params
    """A function of its own for each handler: pygls puts marks on them, which bound methods do not take."""

    async def handler(params: Any) -> Any:  # Any: as above
        return await method(params)

    return handler
