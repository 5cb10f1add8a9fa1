"""Asks the editor's user: by our own request where the client has it, else by a message with actions."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from agent_lsp.app import approval_documents
from agent_lsp.contract.approvals import ApprovalAnswer
from agent_lsp.contract.codec import InvalidParams, encode, parse
from agent_lsp.contract.from_actions import approval
from agent_lsp.contract.handshake import ClientOptions
from agent_lsp.contract.names import REQUEST_APPROVAL, CommandName
from agent_lsp.contract.params import DecideParams
from agent_lsp.conversation.actions import ApprovalRequest, Choice, Decision
from agent_lsp.conversation.uris import uri_of
from agent_lsp.lsp.last_line import without_links
from agent_lsp.lsp.transport import METHOD_NOT_FOUND, ClientError, Json, Server
from agent_lsp.permissions.approval import title
from agent_lsp.permissions.policy import always_rule

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
    "Always allow": Choice.ALLOW_ALWAYS,
}


class ClientApprover:
    """The door of one client. One message box at a time; whatever is no clear yes is a no."""

    def __init__(self, server: Server, options: ClientOptions, state: Path) -> None:
        self._server, self._options, self._state = server, options, state
        self._has_request, self._files = options.approvals, list[Path]()
        self._boxes = asyncio.Semaphore(1)  # a queue: a second box would cover the first in several clients

    def close(self) -> None:
        """Removes the documents of this client's questions, and old ones that a kill left behind."""
        old = time.time() - _OLD_SECONDS
        for file in (self._state / approval_documents.FOLDER).glob("*_*"):
            with contextlib.suppress(FileNotFoundError):  # another daemon removes them too
                if file.stat().st_mtime < old:
                    file.unlink()
        for file in self._files:
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
        question = await asyncio.to_thread(self._question, request)  # a large diff takes its time
        try:
            answer = await self._server.protocol.request(REQUEST_APPROVAL, question, seconds=seconds)
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
        shown = title(request.action)
        if len(shown) > _MOST_TITLE:
            shown = f"{shown[: _MOST_TITLE * 2 // 3]} […] {shown[-_MOST_TITLE // 3 :]}"
        asked = without_links(f"{shown}{_why(request)}{_always(request)}")
        picked = await self._picked(asked, tuple(_answers(request)), file)
        return Decision(_ANSWERS[picked])

    async def agrees(self, asked: str, answers: tuple[str, str], name: str, text: str) -> bool:
        """Whether the user picks the second answer to what is asked, with all of it as a document of that name.

        The first answer is the safe one. Raises ClientError where nobody can be asked, or answers in time, and OSError.
        """
        file = self._state / approval_documents.FOLDER / name
        async with self._boxes:
            file.unlink(missing_ok=True)
            self._files.append(await asyncio.to_thread(approval_documents.put, file, [text]))
            await self._show(file)
            return await self._picked(asked, answers, file) == answers[1]

    async def _picked(self, asked: str, answers: Sequence[str], file: Path) -> str:
        """What the user picks, the first and safe answer in doubt.

        A yes that comes too quickly was typed for something else: it is asked again, once.
        """
        params: Json = {
            "type": _ERROR,
            "message": f"Agent asks: {asked}\n(all of it: {file})",
            "actions": [{"title": words} for words in answers],
        }
        for _ in range(2):
            begun = time.monotonic()
            answer = await self._server.protocol.request("window/showMessageRequest", params, seconds=_SURFACE_SECONDS)
            picked = answer.get("title") if isinstance(answer, dict) else None
            if picked not in answers[1:]:
                break
            if time.monotonic() - begun >= _TOO_QUICK_SECONDS:
                return str(picked)
        return answers[0]

    def _say_left_open(self, request: ApprovalRequest) -> None:
        shown = without_links(f"{title(request.action)[:_MOST_TITLE]}{_why(request)}")
        words = f"Agent waits for an answer: {shown} (code actions have the choices)"
        self._server.protocol.tell("window/showMessage", {"type": 2, "message": words})

    async def _show(self, file: Path) -> None:
        """Opens the whole question beside what the user does, where the client can."""
        window = self._server.client_capabilities.window
        if window and window.show_document and window.show_document.support:
            params = {"uri": uri_of(str(file)), "external": False, "takeFocus": False}
            with contextlib.suppress(ClientError):
                await self._server.protocol.request("window/showDocument", params, seconds=5)

    def _written(self, request: ApprovalRequest) -> Path:
        """All that would be done, as a document. It stays while this client may still show it."""
        file = approval_documents.document(request, self._state)
        if file not in self._files:
            self._files.append(approval_documents.write(request, self._state))
        return file

    def _question(self, request: ApprovalRequest) -> Json:
        """The params of our own request; what is too long for them comes as a document."""
        asked = approval(request)
        if asked.length:
            asked = replace(asked, document=uri_of(str(self._written(request))))
        params: Json = encode(asked)
        return params


def actions_for(pending: tuple[ApprovalRequest, ...]) -> list[Json]:
    """Code actions that settle open questions: the stock surface for clients that could not be asked."""
    return [
        {
            "title": f"Agent: {words.lower()}: {title(request.action)[:100]}",
            "command": {
                "title": words,
                "command": CommandName.DECIDE.value,
                "arguments": [
                    encode(DecideParams(approval_id=request.id, answer=ApprovalAnswer(decision=choice))),
                ],
            },
        }
        for request in pending
        for words, choice in _answers(request).items()
        if choice is not Choice.ALLOW_ALWAYS  # whose rule a code action could not show
    ]


def decision_of(answer: ApprovalAnswer) -> Decision:
    """The decision that an answer of the contract stands for."""
    return Decision(answer.decision, answer.feedback, answer.hunks, answer.stop)


def _why(request: ApprovalRequest) -> str:
    """Why nothing that the user allowed before could cover it, and what untrusted text was read."""
    why = "" if Choice.ALLOW_SESSION in request.choices else request.reason
    taint = f"untrusted text was read before: {request.taint}"
    more = taint if request.taint and request.taint not in why else ""
    return "".join(f"\n({words})" for words in (why, more) if words)


def _always(request: ApprovalRequest) -> str:
    """The rule that a yes for good writes, in full."""
    offered = Choice.ALLOW_ALWAYS in request.choices
    return f"\n(always allows {always_rule(request.action)})" if offered else ""


def _answers(request: ApprovalRequest) -> dict[str, Choice]:
    return {words: choice for words, choice in _ANSWERS.items() if choice in request.choices}


def _decision(answer: Any) -> Decision:  # Any: the client's JSON
    """What a client answered; everything that is not exactly an answer is a no."""
    if not isinstance(answer, dict):
        return Decision(Choice.REJECT)
    try:
        return decision_of(parse(ApprovalAnswer, answer))
    except InvalidParams:
        return Decision(Choice.REJECT)
