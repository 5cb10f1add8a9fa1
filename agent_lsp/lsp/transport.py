"""Frames in and out, bounded and guarded; a protocol that cancels what it should and answers what it must.

pygls 2.1 is left with types, dispatch, capabilities and document sync. Each override of it has a test in
tests/lsp/test_transport.py, for they touch names that are not public.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
import queue
import re
import signal
import threading
import time
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

from agent_lsp.lsp import contract

MOST_FRAME_BYTES = 64 << 20
_MOST_WAITING_BYTES = 8 << 20
_DEAF_SECONDS, _CHECK_SECONDS = 30.0, 5.0
_log = logging.getLogger(__name__)

Json = dict[str, Any]  # Any: a JSON tree
_LINE = re.compile(r"[^\r\n]*(?:\r\n|\n|\r)|[^\r\n]+\Z")  # as in conversation/diffs.py, not imported so early


class ClientError(Exception):
    """The client did not do what it was asked: an error answer, no answer in time, or it is gone."""

    def __init__(self, message: str, code: int = 0) -> None:
        super().__init__(message)
        self.code = code


METHOD_NOT_FOUND = -32601


class Document(TextDocument):
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
        return Document(
            doc_uri,
            source=source,
            version=version,
            language_id=language_id,
            sync_kind=self._sync_kind,
            position_codec=self._position_codec,
        )


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
        result = yield from super().lsp_initialize(params)
        result.capabilities.experimental = contract.experimental()
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


class Writer:
    """Sends frames from a thread of its own, so that a client that does not read blocks nothing."""

    def __init__(self, raw: BinaryIO, deaf: Callable[[], None]) -> None:
        """`deaf` is called once when the client has read nothing for 30 seconds while much is waiting."""
        self._raw, self._deaf, self._left = raw, deaf, False
        self._queue: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        self._waiting, self._moved = 0, time.monotonic()
        self._lock = threading.Lock()
        self._thread = threading.Thread(target=self._pump, name="writer", daemon=True)
        self._thread.start()

    @property
    def full(self) -> bool:
        """Whether so much is waiting that what can be missed should be left out."""
        return self._waiting > _MOST_WAITING_BYTES

    def write(self, frame: bytes) -> None:
        with self._lock:
            if self._waiting == 0:
                self._moved = time.monotonic()
            self._waiting += len(frame)
        self._queue.put(frame)

    def check(self) -> None:
        """Leaves a client that has read nothing for 30 seconds while much is waiting; called every few seconds."""
        if self.full and not self._left and time.monotonic() - self._moved > _DEAF_SECONDS:
            self._left = True
            _log.warning("the client has read nothing for %g s: leaving it", _DEAF_SECONDS)
            self._deaf()

    def close(self, seconds: float = 2) -> None:
        """Sends what is waiting, for a while."""
        self._queue.put(None)
        self._thread.join(seconds)

    def _pump(self) -> None:
        while (frame := self._queue.get()) is not None:
            try:
                self._raw.write(frame)
                self._raw.flush()
            except (OSError, ValueError):
                return
            with self._lock:
                self._waiting -= len(frame)
                self._moved = time.monotonic()


class BadFrame(Exception):
    """A frame that is no message; `fatal` when the stream cannot be read on after it."""

    def __init__(self, message: str, *, fatal: bool = False) -> None:
        super().__init__(message)
        self.fatal = fatal


def read_frames(stream: BinaryIO, take: Callable[[object], None], end: Callable[[], None]) -> None:
    """Hands each message, or the BadFrame in its place, to `take`; at the end of the stream calls `end`."""
    while True:
        try:
            length = _read_header(stream)
            if length is None:
                break
            body = _read_body(stream, length)
            if body is None:
                break
            take(_parsed(body))
        except BadFrame as error:
            take(error)
            if error.fatal:
                break
        except OSError:
            break
    end()


def _read_header(stream: BinaryIO) -> int | None:
    """The length that a header announces; None at the end of the stream."""
    lengths: set[int] = set()
    while True:
        line = stream.readline(8192)
        if not line:
            return None
        if line in {b"\r\n", b"\n"}:
            if len(lengths) > 1:
                raise BadFrame("a header announces two lengths", fatal=True)
            if lengths:
                return lengths.pop()
            continue
        name, _, value = line.partition(b":")
        if name.strip().lower() == b"content-length":
            if not (value.strip().isdigit() and len(value.strip()) < 16):
                raise BadFrame("Content-Length is no number", fatal=True)
            lengths.add(int(value))


def _read_body(stream: BinaryIO, length: int) -> bytes | None:
    if length <= MOST_FRAME_BYTES:
        body = stream.read(length)
        return body if len(body) == length else None
    left = length
    while left > 0:
        piece = stream.read(min(left, 1 << 20))
        if not piece:
            return None
        left -= len(piece)
    raise BadFrame(f"a message of {length} bytes is too large; {MOST_FRAME_BYTES} are taken")


def _parsed(body: bytes) -> object:
    try:
        return json.loads(body)
    except (ValueError, RecursionError) as error:
        raise BadFrame(f"a message is no JSON: {error}") from error


def protected_stdout() -> BinaryIO:
    """The stream to the client; what anybody prints goes to standard error from now on."""
    out = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    return out


async def run(server: Server, stdin: BinaryIO, stdout: BinaryIO, close: Callable[[], Any]) -> int:
    """Serves until the client is gone: `exit`, end of input, a signal, or the death of its process.

    Then every task is cancelled and `close` awaited. Returns the exit code: 0 after `shutdown`, else 1.
    """
    loop, done, protocol = asyncio.get_running_loop(), asyncio.Event(), server.protocol
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

    reader = threading.Thread(
        target=read_frames,
        args=(
            stdin,
            lambda m: loop.call_soon_threadsafe(take, m),
            lambda: loop.call_soon_threadsafe(done.set),
        ),
        name="reader",
        daemon=True,
    )
    reader.start()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, done.set)
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
    """Lets the door end its turns, then cancels what is left."""
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
