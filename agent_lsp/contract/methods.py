"""The table of all methods: who sends them, with which params, what is answered, and how they fail."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from agent_lsp.contract.answers import (
    AskAnswer,
    AskFinished,
    AskRefused,
    BranchAnswer,
    CancelAnswer,
    ChangesAnswer,
    EmptyAnswer,
    EstimateAnswer,
    RestoreAnswer,
    SessionAnswer,
    StatusAnswer,
    StoredSession,
    TrustAnswer,
)
from agent_lsp.contract.approvals import Approval, ApprovalAnswer
from agent_lsp.contract.events import AgentEvent
from agent_lsp.contract.names import NOTIFICATION_EVENT, REQUEST_APPROVAL, REQUEST_ASK, CommandName
from agent_lsp.contract.params import (
    AskParams,
    BranchParams,
    CancelParams,
    ChangesParams,
    ContinueParams,
    DecideParams,
    HistoryParams,
    NoParams,
    SessionParams,
    TrustParams,
)


class MethodForm(StrEnum):
    """How a method is sent, and by whom."""

    COMMAND = "command of `workspace/executeCommand`, sent by the client"
    CLIENT_REQUEST = "request, sent by the client"
    DAEMON_REQUEST = "request, sent by the daemon"
    DAEMON_NOTIFICATION = "notification, sent by the daemon"


@dataclass(frozen=True, slots=True, kw_only=True)
class Method:
    """One method. `params` is a class and `answer` a type of the contract; `errors` says when it fails with what."""

    form: MethodForm
    about: str
    params: type
    answer: Any  # Any: a class, a union or a tuple of classes; None for notifications
    errors: tuple[str, ...] = ()


INVALID, REFUSED = "-32602", "-32803"
_NO_SESSION = f"`{INVALID}`: there is no session of that id."
_BUSY = f"`{INVALID}`: a turn of the session runs, or there is nothing of that kind to do."
_UNREADABLE = f"`{REFUSED}`: the journal, or the copies of changed files, cannot be read or written."
_ASK_ERRORS = (f"`{INVALID}`: the prompt is empty, or there is no session of that id.",)
_ASK_ENDINGS = (
    "A cancelled turn is answered with `stopReason` `cancelled`, and one that failed with `failed` and `error`: neither"
    " is an LSP error. A turn that could not begin is answered so at once, also without `wait`."
)

METHODS: dict[str, Method] = {
    CommandName.ASK: Method(
        form=MethodForm.COMMAND,
        about=f"Start a turn. A prompt to a session whose turn runs joins it before its next step. {_ASK_ENDINGS}",
        params=AskParams,
        answer=AskAnswer,
        errors=_ASK_ERRORS,
    ),
    CommandName.BRANCH: Method(
        form=MethodForm.COMMAND,
        about="Make a new session that goes on from an entry of another one.",
        params=BranchParams,
        answer=BranchAnswer,
        errors=(
            _NO_SESSION,
            f"`{INVALID}`: the session has no such entry, or its turn runs while files are to be restored.",
            _UNREADABLE,
        ),
    ),
    CommandName.CANCEL: Method(
        form=MethodForm.COMMAND,
        about="Cancel a turn, the turns of a session, or all turns of this client.",
        params=CancelParams,
        answer=CancelAnswer,
    ),
    CommandName.CHANGES: Method(
        form=MethodForm.COMMAND,
        about="Show what an entry changed, hunk by hunk.",
        params=ChangesParams,
        answer=ChangesAnswer,
        errors=(_NO_SESSION, f"`{INVALID}`: the entry changed no files."),
    ),
    CommandName.CONTINUE: Method(
        form=MethodForm.COMMAND,
        about="Go on with a session whose last turn ended before it was done, with the turn's limits anew.",
        params=ContinueParams,
        answer=AskAnswer,
        errors=(_NO_SESSION,),
    ),
    CommandName.DECIDE: Method(
        form=MethodForm.COMMAND,
        about="Answer an open question, from wherever the user gave the answer. The first answer counts.",
        params=DecideParams,
        answer=EmptyAnswer,
        errors=(f"`{INVALID}`: no question of that id is open, or the answer was not among its choices.",),
    ),
    CommandName.ESTIMATE: Method(
        form=MethodForm.COMMAND,
        about="Estimate what a turn may cost. Nothing is sent to a model.",
        params=AskParams,
        answer=EstimateAnswer,
        errors=(f"`{INVALID}`: no model can answer, a setting is wrong, or there is no session of that id.",),
    ),
    CommandName.REDO: Method(
        form=MethodForm.COMMAND,
        about="Make again what the last undo took back.",
        params=HistoryParams,
        answer=RestoreAnswer,
        errors=(_NO_SESSION, _BUSY, _UNREADABLE),
    ),
    CommandName.SESSION: Method(
        form=MethodForm.COMMAND,
        about="Read the entries of a session.",
        params=SessionParams,
        answer=SessionAnswer,
        errors=(_NO_SESSION,),
    ),
    CommandName.SESSIONS: Method(
        form=MethodForm.COMMAND,
        about="List the sessions of this workspace, the newest first.",
        params=NoParams,
        answer=tuple[StoredSession, ...],
    ),
    CommandName.STATUS: Method(
        form=MethodForm.COMMAND,
        about="Say which model answers, what the agent may do, and what runs.",
        params=NoParams,
        answer=StatusAnswer,
    ),
    CommandName.TRUST: Method(
        form=MethodForm.COMMAND,
        about="Show the files of the workspace that would act on the agent; trust exactly what was shown, or nothing.",
        params=TrustParams,
        answer=TrustAnswer,
        errors=(
            f"`{INVALID}`: the files are not as they were shown.",
            f"`{REFUSED}`: what is trusted cannot be read or written.",
        ),
    ),
    CommandName.UNDO: Method(
        form=MethodForm.COMMAND,
        about="Undo what the last turn changed, or the turn or call of an entry.",
        params=HistoryParams,
        answer=RestoreAnswer,
        errors=(_NO_SESSION, _BUSY, _UNREADABLE),
    ),
    REQUEST_ASK: Method(
        form=MethodForm.CLIENT_REQUEST,
        about=f"Start a turn and wait for its end; `$/cancelRequest` cancels the turn. {_ASK_ENDINGS}",
        params=AskParams,
        answer=AskFinished | AskRefused,
        errors=_ASK_ERRORS,
    ),
    REQUEST_APPROVAL: Method(
        form=MethodForm.DAEMON_REQUEST,
        about="Ask the user about an action. It goes to clients that declare `approvals`.",
        params=Approval,
        answer=ApprovalAnswer,
        errors=(
            "`-32601` (method not found): the user is asked by `window/showMessageRequest`. Any other error rejects.",
            "When the question is settled elsewhere, or its turn ends, the daemon cancels the request.",
        ),
    ),
    NOTIFICATION_EVENT: Method(
        form=MethodForm.DAEMON_NOTIFICATION,
        about="Tell what happens in a turn. It goes to clients that declare `events`.",
        params=AgentEvent,
        answer=None,
    ),
}
"""Every method by its name on the wire, commands first."""
