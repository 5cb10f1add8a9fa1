"""A protocol that cancels what it should and answers what it must, served until its client is gone.

pygls 2.1 is left with types, dispatch, capabilities and document sync. Each override of it has a test in
tests/lsp/test_transport.py, for they touch names that are not public.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
import re
import threading
import uuid
from collections.abc import Callable, Generator
from concurrent.futures import Future
from typing import Any, BinaryIO

import cattrs
from lsprotocol import converters
from lsprotocol import types as lsp
from pygls.exceptions import JsonRpcException, JsonRpcInvalidParams
from pygls.lsp.server import LanguageServer
from pygls.protocol import LanguageServerProtocol, language_server, lsp_method
from pygls.protocol.json_rpc import JsonRPCNotification, JsonRPCRequestMessage, JsonRPCResponseMessage
from pygls.workspace import TextDocument, Workspace
from pygls.workspace import workspace as documents_by_uri

from agent_lsp.contract.handshake import experimental
from agent_lsp.conversation.uris import canonical, uri_of
from agent_lsp.lsp.frames import BadFrame, Writer, read_frames

_CHECK_SECONDS = 5.0
_log = logging.getLogger(__name__)

Json = dict[str, Any]  # Any: a JSON tree
_LINE = re.compile(r"[^\r\n]*(?:\r\n|\n|\r)|[^\r\n]+\Z")  # as in text/diffs.py, not imported so early


class ClientError(Exception):
    """The client did not do what it was asked: an error answer, no answer in time, or it is gone."""

    def __init__(self, message: str, code: int = 0) -> None:
        super().__init__(message)
        self.code = code


METHOD_NOT_FOUND = -32601


class OpenDocument(TextDocument):
    """Splits lines on CR and LF only, as LSP has it; pygls splits on form feeds and others too."""

    @property
    def lines(self) -> tuple[str, ...]:
        return tuple(_LINE.findall(self.source))


class Documents(Workspace):
    """The open documents, each a `Document`."""

    def _create_text_document(
        self,
        doc_uri: str,
        source: str | None = None,
        version: int | None = None,
        language_id: str | None = None,
    ) -> TextDocument:
        return OpenDocument(
            doc_uri,
            source=source,
            version=version,
            language_id=language_id,
            sync_kind=self._sync_kind,
            position_codec=self._position_codec,
        )


documents_by_uri.unquote = canonical  # type: ignore[assignment, attr-defined]  # pygls' keys: one for each file
language_server.Workspace = Documents  # type: ignore[attr-defined]  # `initialize` looks the name up there


def new_converter() -> cattrs.Converter:
    """Messages that LSP does not know keep plain params, which may also be absent."""
    converter = converters.get_converter()
    for cls, key in (
        (JsonRPCRequestMessage, "params"),
        (JsonRPCNotification, "params"),
        (JsonRPCResponseMessage, "result"),
    ):
        converter.register_structure_hook(cls, lambda raw, to, key=key: to(**{key: None, **_known(raw, to)}))
    return converter


def _known(raw: Json, to: type) -> Json:
    names = {"id", "method", "jsonrpc", "params", "result"} & set(getattr(to, "__annotations__", {}))
    return {name: raw[name] for name in names if name in raw}


class Protocol(LanguageServerProtocol):
    """pygls' protocol with what it lacks: cancellation, error answers, requests that cannot hang."""

    writer: Writer
    initialized_once = False
    initialization_options: object = None

    @lsp_method(lsp.INITIALIZE)
    def lsp_initialize(self, params: lsp.InitializeParams) -> Generator[Any, Any, lsp.InitializeResult]:
        if params.root_uri is None and params.root_path and params.root_path.startswith("/"):
            params.root_uri = uri_of(params.root_path)  # pygls' own takes `/C:/a` for a drive
        result = yield from super().lsp_initialize(params)
        result.capabilities.experimental = experimental()
        self.initialized_once = True
        self.initialization_options = params.initialization_options
        return result

    @lsp_method(lsp.WORKSPACE_EXECUTE_COMMAND)
    async def lsp_workspace__execute_command(  # type: ignore[override]  # a coroutine, so that a cancel reaches it
        self, params: lsp.ExecuteCommandParams
    ) -> Any:
        handler = self.fm.commands.get(params.command)
        if handler is None:
            raise JsonRpcInvalidParams(f"unknown command {params.command!r}")
        return await handler(params)

    @lsp_method(lsp.SHUTDOWN)
    async def lsp_shutdown(self, *_: object) -> None:  # type: ignore[override]  # a coroutine; pygls changes a dict it walks
        self._shutdown = True
        current: object = asyncio.current_task()
        for future in list(self._request_futures.values()):
            if future is not current and not future.done():
                future.cancel()

    def structure_message(self, data: Any) -> Any:  # Any: pygls calls this for every nested object too
        return data

    def handle_message(self, message: Any) -> None:  # Any: whatever JSON the client sent
        if not isinstance(message, dict) or message.get("jsonrpc") != "2.0":
            self.send_error(None, -32600, 'a message is one JSON object with "jsonrpc": "2.0"')
            return
        if refusal := self._refusal(message):
            self.send_error(message["id"], *refusal)
            return
        try:
            structured = super().structure_message(message)
        except JsonRpcException as error:
            self._not_structured(message, error)
            return
        super().handle_message(structured)

    def _refusal(self, message: Json) -> tuple[int, str] | None:
        method = message.get("method")
        if method is None or "id" not in message:
            return None
        if self._shutdown:
            return -32600, "the server is shutting down"
        if not self.initialized_once and method != lsp.INITIALIZE:
            return -32002, "the server is not initialized"
        if self.initialized_once and method == lsp.INITIALIZE:
            return -32600, "the server is initialized already"
        return None

    def _not_structured(self, message: Json, error: JsonRpcException) -> None:
        if "method" in message and "id" in message:
            self.send_error(message["id"], -32602, f"invalid params for {message['method']}")
        elif "id" in message and (waiting := self._request_futures.pop(message["id"], None)) and not waiting.done():
            waiting.set_exception(error)
        else:
            _log.warning("a message from the client cannot be read: %s", message.get("method", "an answer"))

    def _handle_response(self, msg_id: Any, result: Any = None, error: Any = None) -> None:
        waiting = self._request_futures.get(msg_id)
        if waiting is not None and waiting.done():  # a late answer to a question that is settled
            self._request_futures.pop(msg_id, None)
            return
        super()._handle_response(msg_id, result, error)

    def _send_response(self, msg_id: Any, result: Any = None, error: Any = None) -> None:
        if error is not None:
            self.send_error(msg_id, error.code, _without_paths(error.message))
            return
        super()._send_response(msg_id, result, error)

    def send_error(self, msg_id: object, code: int, message: str) -> None:
        """Answers with an error, and nothing in it but code and message."""
        self._send_data({"jsonrpc": "2.0", "id": msg_id, "error": {"code": code, "message": message}})

    def tell(self, method: str, params: Json) -> None:
        """Sends a notification as it is."""
        self._send_data({"jsonrpc": "2.0", "method": method, "params": params})

    def _send_data(self, data: Any) -> None:  # Any: pygls' messages, and plain ones
        """Faster than pygls' own, and half surrogate pairs (names that are no UTF-8) leave as question marks."""
        text = json.dumps(data, default=self._serialize_message, ensure_ascii=False, separators=(",", ":"))
        body = text.encode("utf-8", "replace")
        self.writer.write(b"Content-Length: %d\r\n\r\n" % len(body) + body)

    async def request(self, method: str, params: Json, *, seconds: float) -> Any:  # Any: the client's JSON
        """Asks the client and waits for its plain answer. Raises ClientError.

        When the waiting ends early, by time or cancellation, the client is told by `$/cancelRequest`.
        """
        msg_id, answer = uuid.uuid4().hex, Future[Any]()
        self._request_futures[msg_id] = answer
        self._send_data({"jsonrpc": "2.0", "id": msg_id, "method": method, "params": params})
        try:
            async with asyncio.timeout(seconds):
                return await asyncio.wrap_future(answer)
        except TimeoutError as error:
            self.tell("$/cancelRequest", {"id": msg_id})
            raise ClientError(f"no answer to {method} within {seconds:g} s") from error
        except JsonRpcException as error:
            raise ClientError(f"{method}: {error.message}", error.code or 0) from error
        except asyncio.CancelledError:
            self.tell("$/cancelRequest", {"id": msg_id})
            raise
        finally:
            self._request_futures.pop(msg_id, None)


def _without_paths(message: str) -> str:
    """An internal error's message is for the log: the client is told that there was one."""
    return message.splitlines()[0][:500] if message else "internal error"


class Server(LanguageServer):
    """The pygls server; protocol noise goes to the log and never pops up in an editor."""

    protocol: Protocol

    def report_server_error(self, error: Exception, source: Any) -> None:  # noqa: ARG002 - Any: pygls' signature
        _log.error("%s", error, exc_info=error)


def protected_stdout() -> BinaryIO:
    """The stream to the client; what anybody prints goes to standard error from now on."""
    out = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    return out


async def run(server: Server, stdin: BinaryIO, stdout: BinaryIO, close: Callable[[], Any], done: asyncio.Event) -> int:
    """Serve until the client is gone (`exit`, the end of input, the death of its process), which sets `done`.

    The caller may set it too. Then every task is cancelled and `close` awaited. Return the exit code: 0 after
    `shutdown`, else 1.
    """
    loop, protocol = asyncio.get_running_loop(), server.protocol
    writer = Writer(stdout, deaf=done.set)
    protocol.set_writer(writer)

    def take(message: object) -> None:
        if isinstance(message, BadFrame):
            protocol.send_error(None, -32700, str(message))
            return
        try:
            protocol.handle_message(message)
        except SystemExit:  # pygls' way to say that `exit` came
            done.set()
        except Exception as error:
            server.report_server_error(error, type(error))
        if server.process_id is not None:
            _watch(server, loop, done)

    def on_loop(call: Callable[..., None], *arguments: object) -> None:
        with contextlib.suppress(RuntimeError):  # the loop is closed: the client sends on after the end
            loop.call_soon_threadsafe(call, *arguments)

    reader = threading.Thread(
        target=read_frames,
        args=(stdin, lambda message: on_loop(take, message), lambda: on_loop(done.set)),
        name="reader",
        daemon=True,
    )
    reader.start()
    watching = asyncio.create_task(_check_now_and_then(writer))
    await done.wait()
    watching.cancel()
    await _ended(close)
    writer.close()
    return 0 if protocol._shutdown else 1


async def _check_now_and_then(writer: Writer) -> None:
    while True:
        await asyncio.sleep(_CHECK_SECONDS)
        writer.check()


async def _ended(close: Callable[[], Any]) -> None:
    """Let the handlers end their turns, then cancel what is left."""
    try:
        async with asyncio.timeout(5):
            await close()
    except Exception:
        _log.exception("closing failed")
    tasks = asyncio.all_tasks() - {asyncio.current_task()}
    for task in tasks:
        task.cancel()
    if tasks:
        await asyncio.wait(tasks, timeout=2)


def _watch(server: Server, loop: asyncio.AbstractEventLoop, done: asyncio.Event) -> None:
    """Ends with the client's process (`processId` of initialize), if that lives in our sight."""
    pid, server.process_id = server.process_id, None
    if pid is None or not hasattr(os, "pidfd_open"):
        return
    with contextlib.suppress(OSError, OverflowError):  # not alive, or of another namespace: then nothing to watch
        loop.add_reader(os.pidfd_open(pid), done.set)
