"""Questions about actions as values of the contract."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import assert_never

from agent_lsp.contract.approvals import Approval, DiffHunk, FileDiff, PendingApproval
from agent_lsp.contract.from_entries import moment
from agent_lsp.conversation.actions import (
    ApprovalRequest,
    Command,
    Effect,
    Fetch,
    FileChange,
    FileMove,
    Hunk,
    ServerUse,
    WebSearch,
)
from agent_lsp.conversation.uris import uri_of
from agent_lsp.permissions.approval import detail, title
from agent_lsp.permissions.policy import always_rule, session_rule


def approval(request: ApprovalRequest) -> Approval:
    """The params of `agent/requestApproval`. Blocks: call it in a thread.

    A long action has its `length` in characters and no `diff`: `detail` has both ends.
    """
    action = request.action
    shown = detail(action)
    asked = Approval(
        approval_id=request.id,
        session_id=request.session_id,
        turn_id=request.turn_id,
        tool=action.tool,
        kind=action.kind,
        title=title(action),
        detail=shown.text,
        reason=request.reason,
        digest=action.digest,
        expires_at=moment(request.expires_at),
        choices=request.choices,
        session_rule=session_rule(action),
        always_rule=always_rule(action),
        taint=request.taint,
        length=0 if shown.whole else shown.characters,
    )
    return _with_effect(asked, action.effect, whole=shown.whole)


def pending_approval(request: ApprovalRequest) -> PendingApproval:
    """One of `agent.status`'s open questions."""
    return PendingApproval(approval_id=request.id, turn_id=request.turn_id, title=title(request.action))


def file_diff(uri: str, hunks: Iterable[Hunk]) -> FileDiff:
    """What changes in one file."""
    return FileDiff(uri=uri, hunks=tuple(map(_hunk, hunks)))


def _with_effect(asked: Approval, effect: Effect, *, whole: bool) -> Approval:
    match effect:
        case FileChange(path=path) if not whole:
            return replace(asked, uri=uri_of(path))
        case FileChange():
            return replace(asked, diff=(file_diff(uri_of(effect.path), effect.hunks),))
        case FileMove():
            return replace(asked, uri=uri_of(effect.path), new_uri=uri_of(effect.new_path))
        case Command():
            return replace(asked, command=effect.line, cwd=effect.cwd)
        case ServerUse():
            return replace(asked, url=effect.base_url)
        case Fetch():
            return replace(asked, url=effect.url)
        case WebSearch():
            return replace(asked, query=effect.query, via=effect.via)
        case _:
            assert_never(effect)


def _hunk(hunk: Hunk) -> DiffHunk:
    return DiffHunk(id=hunk.id, old_start=hunk.old_start, old=hunk.old, new_start=hunk.new_start, new=hunk.new)
