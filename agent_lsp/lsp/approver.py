"""Asks the editor's user: by our own request where the client has it, else by a message with actions."""

from __future__ import annotations

import asyncio
import contextlib
import os
import time
from pathlib import Path
from typing import Any

from agent_lsp.conversation.actions import ApprovalRequest, Choice, Decision, FileChange
from agent_lsp.lsp import contract
from agent_lsp.lsp.transport import METHOD_NOT_FOUND, ClientError, Json, Server
from agent_lsp.permissions.approval import detail, title
from agent_lsp.session import wire

_SURFACE_SECONDS = 60.0
_OLD_SECONDS = 86_400.0
_TOO_QUICK_SECONDS = 0.5
_ERROR = 1  # some clients hide messages of lower severity
_MOST_TITLE = 280
_REJECT = "Reject"
_ANSWERS = {
    _REJECT: Choice.REJECT,
    "Allow once": Choice.ALLOW_ONCE,
    "Allow for this session": Choice.ALLOW_SESSION,
}


class ClientApprover:
    """The door of one client. One message box at a time; whatever is no clear yes is a no."""

    def __init__(self, server: Server, options: contract.ClientOptions, state: Path) -> None:
        self._server, self._options, self._folder = server, options, state / "questions"
        self._has_request, self._files = options.approvals, list[Path]()
        self._boxes = asyncio.Semaphore(1)  # a queue: a second box would cover the first in several clients

    def close(self) -> None:
        """Removes the documents of this client's questions, and old ones that a kill left behind."""
        old = time.time() - _OLD_SECONDS
        left = [file for file in self._folder.glob("approval_*") if file.stat().st_mtime < old]
        for file in (*self._files, *left):
            file.unlink(missing_ok=True)

    async def ask(self, request: ApprovalRequest) -> Decision | None:
        """The user's answer; None when the question stays open for code actions and `agent.decide`."""
        if self._has_request:
            try:
                return await self._by_request(request)
            except ClientError as error:
                if error.code != METHOD_NOT_FOUND:
                    return Decision(Choice.REJECT)
                self._has_request = False
        async with self._boxes:
            return await self._by_message(request)

    async def _by_request(self, request: ApprovalRequest) -> Decision | None:
        seconds = max(1.0, request.expires_at - time.time())
        question = await asyncio.to_thread(wire.question, request)  # a large diff takes its time
        try:
            answer = await self._server.protocol.request(contract.REQUEST_APPROVAL, question, seconds=seconds)
        except ClientError as error:
            if error.code == 0:  # nobody answered in time: that is not a no of the user's
                return None
            raise
        return _decision(answer)

    async def _by_message(self, request: ApprovalRequest) -> Decision | None:
        file = await asyncio.to_thread(self._written, request)
        await self._show(file)
        try:
            return await self._clear_answer(request, file)
        except ClientError as error:
            if error.code not in {0, METHOD_NOT_FOUND}:
                return Decision(Choice.REJECT)
        self._say_left_open(request)
        return None

    async def _clear_answer(self, request: ApprovalRequest, file: Path) -> Decision:
        """A yes that comes too quickly was typed for something else: it is asked again, once."""
        for _ in range(2):
            asked = time.monotonic()
            answer = await self._box(request, file)
            choice = _ANSWERS.get(str(answer.get("title"))) if isinstance(answer, dict) else None
            if choice is None or choice is Choice.REJECT:
                break
            if time.monotonic() - asked >= _TOO_QUICK_SECONDS:
                return Decision(choice)
        return Decision(Choice.REJECT)

    async def _box(self, request: ApprovalRequest, file: Path) -> Any:  # Any: the client's JSON
        shown = title(request.action)
        if len(shown) > _MOST_TITLE:
            shown = f"{shown[: _MOST_TITLE * 2 // 3]} […] {shown[-_MOST_TITLE // 3 :]}"
        params: Json = {
            "type": _ERROR,
            "message": f"Agent asks: {shown}\n(all of it: {file})",
            "actions": [{"title": words} for words in _ANSWERS],
        }
        return await self._server.protocol.request("window/showMessageRequest", params, seconds=_SURFACE_SECONDS)

    def _say_left_open(self, request: ApprovalRequest) -> None:
        words = f"Agent waits for an answer: {title(request.action)[:_MOST_TITLE]} (code actions have the choices)"
        self._server.protocol.tell("window/showMessage", {"type": 2, "message": words})

    async def _show(self, file: Path) -> None:
        """Opens the whole question beside what the user does, where the client can."""
        window = self._server.client_capabilities.window
        if window and window.show_document and window.show_document.support:
            params = {"uri": file.as_uri(), "external": False, "takeFocus": False}
            with contextlib.suppress(ClientError):
                await self._server.protocol.request("window/showDocument", params, seconds=5)

    def _written(self, request: ApprovalRequest) -> Path:
        """A file, mode 0600, with all that would be done. It stays while this client may still show it."""
        self._folder.mkdir(mode=0o700, exist_ok=True)
        ending = ".diff" if isinstance(request.action.effect, FileChange) else ".txt"
        file = self._folder / f"{request.id}{ending}"
        with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as stream:
            stream.write(detail(request.action))
        self._files.append(file)
        return file


def actions_for(pending: tuple[ApprovalRequest, ...]) -> list[Json]:
    """Code actions that settle open questions: the stock surface for clients that could not be asked."""
    return [
        {
            "title": f"Agent: {words.lower()}: {title(request.action)[:100]}",
            "command": {
                "title": words,
                "command": "agent.decide",
                "arguments": [{"approvalId": request.id, "decision": choice}],
            },
        }
        for request in pending
        for words, choice in _ANSWERS.items()
    ]


def _decision(answer: Any) -> Decision:  # Any: the client's JSON
    """What a client answered; everything that is not exactly an answer is a no."""
    if not isinstance(answer, dict):
        return Decision(Choice.REJECT)
    try:
        parsed = contract.parse(contract.DecideParams, {**answer, "approvalId": ""})
    except contract.InvalidParams:
        return Decision(Choice.REJECT)
    hunks = None if parsed.hunks is None else tuple(parsed.hunks)
    return Decision(Choice(parsed.decision), parsed.feedback, hunks, parsed.stop)
