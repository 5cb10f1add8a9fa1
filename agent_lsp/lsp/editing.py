"""The Editor over LSP: open documents as the client syncs them, edits by `applyEdit`, verified by `didChange`."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import suppress

from pygls.workspace import TextDocument

from agent_lsp.conversation.actions import FileChange, Hunk
from agent_lsp.conversation.uris import canonical, path_of
from agent_lsp.files.editor import EditorRefused
from agent_lsp.files.overlay import Buffer, Overlay
from agent_lsp.lsp.transport import ClientError, Json, Server
from agent_lsp.text.diffs import compared, lines_of
from agent_lsp.text.merge import differences, stands

_ANSWER_SECONDS, _SYNC_SECONDS = 30.0, 2.0
_TYPING_SECONDS = 0.5
"""Within which an editor tells of what was typed: Neovim and VS Code gather it for 150 and 250 ms."""


class ClientEditor:
    """What the client holds open is read from pygls' documents; an edit counts only once the client has synced it."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self.overlay = Overlay(self._buffers)
        self._waiting: set[tuple[str, asyncio.Event]] = set()

    def document(self, path: str) -> TextDocument | None:
        """Return the open document at a path, by whatever name the client has opened it."""
        buffer = self.overlay.find(path)
        return self._document(buffer) if buffer else None

    def document_changed(self, uri: str) -> None:
        """Wakes whoever waits to see an edit arrive."""
        for waited_for, changed in self._waiting:
            if waited_for == canonical(uri):
                changed.set()

    async def apply(self, change: FileChange, buffer: Buffer) -> None:
        """One versioned `workspace/applyEdit`, one undo step. Raises EditorRefused."""
        assert change.after is not None  # noqa: S101 - deletions do not come here
        waiting = (canonical(buffer.uri), asyncio.Event())
        self._waiting.add(waiting)
        try:
            await self._send(change, buffer)
            await self._seen(change, buffer, waiting[1])
        except EditorRefused:
            await self._told_of_typing(buffer, waiting[1])
            raise
        finally:
            self._waiting.discard(waiting)

    async def _send(self, change: FileChange, buffer: Buffer) -> None:
        try:
            answer = await self._server.protocol.request(
                "workspace/applyEdit", self._edit(change, buffer), seconds=_ANSWER_SECONDS
            )
        except ClientError as error:
            if error.code == 0:  # no answer is no refusal: what the document holds now decides
                return
            raise EditorRefused(f"the editor did not apply the edit to {change.shown}: {error}") from error
        if not isinstance(answer, dict) or answer.get("applied") is not True:
            why = answer.get("failureReason") if isinstance(answer, dict) else None
            raise EditorRefused(f"the editor refused the edit to {change.shown}" + (f": {why}" if why else ""))

    async def _told_of_typing(self, buffer: Buffer, changed: asyncio.Event) -> None:
        """Waits for the text that made the editor refuse, which it may tell after its refusal."""
        with suppress(TimeoutError):
            async with asyncio.timeout(_TYPING_SECONDS):
                while buffer in self._buffers():
                    changed.clear()
                    await changed.wait()

    async def _seen(self, change: FileChange, buffer: Buffer, changed: asyncio.Event) -> None:
        """Waits until the document's text is what was meant: `applied: true` alone proves nothing.

        What the user typed on elsewhere by then, or a plug-in wrote, may stand in it too.
        """
        try:
            async with asyncio.timeout(_SYNC_SECONDS):
                while True:
                    changed.clear()
                    text = self._text(buffer)
                    if text == change.after or (text is not None and await _stands(change, text)):
                        return
                    await changed.wait()
        except TimeoutError:
            if text == change.before:
                raise EditorRefused(
                    f"the editor says it changed {change.shown}, but as far as it has told the text is as it was:"
                    " read it again"
                ) from None
            raise EditorRefused(await asyncio.to_thread(_otherwise, change, text)) from None

    def _text(self, buffer: Buffer) -> str | None:
        document = self._document(buffer)
        return document.source if document else None

    def _document(self, buffer: Buffer) -> TextDocument | None:
        document: TextDocument | None = self._server.workspace.text_documents.get(canonical(buffer.uri))
        return document

    def _buffers(self) -> Iterator[Buffer]:
        for document in self._server.workspace.text_documents.values():
            if path := path_of(document.uri):
                yield Buffer(path, document.uri, document.source, document.version or 0)

    def _edit(self, change: FileChange, buffer: Buffer) -> Json:
        lines = lines_of(buffer.text)
        hunks = change.hunks or compared(buffer.text, change.after or "")
        edited = self._line_edits if _has_mixed_ends(buffer.text) else self._text_edits
        edits = [edit for hunk in hunks for edit in edited(hunk, lines)]
        document = {"uri": buffer.uri, "version": buffer.version}
        return {
            "label": f"agent: {change.shown}",
            "edit": {"documentChanges": [{"textDocument": document, "edits": edits}]},
        }

    def _text_edits(self, hunk: Hunk, lines: list[str]) -> list[Json]:
        first = hunk.old_start - 1
        start, end = self._position(first, lines), self._position(first + len(lines_of(hunk.old)), lines)
        return [{"range": {"start": start, "end": end}, "newText": hunk.new}]

    def _line_edits(self, hunk: Hunk, lines: list[str]) -> list[Json]:
        """What stands before the line ends alone, if that will do: Neovim makes all that it is sent alike."""
        old, new = lines_of(hunk.old), lines_of(hunk.new)
        if list(map(_end, old)) != list(map(_end, new)):
            return self._text_edits(hunk, lines)
        return [
            self._line_edit(number, *pair)
            for number, pair in enumerate(zip(old, new, strict=True), hunk.old_start - 1)
            if pair[0] != pair[1]
        ]

    def _line_edit(self, number: int, old: str, new: str) -> Json:
        units = self._server.workspace.position_codec.client_num_units(old.removesuffix(_end(old)))
        start, end = {"line": number, "character": 0}, {"line": number, "character": units}
        return {"range": {"start": start, "end": end}, "newText": new.removesuffix(_end(new))}

    def _position(self, line: int, lines: list[str]) -> Json:
        """The start of a line; behind the last one, the end of the text."""
        if line < len(lines) or not lines or lines[-1][-1] in "\r\n":
            return {"line": line, "character": 0}
        units = self._server.workspace.position_codec.client_num_units(lines[-1])
        return {"line": len(lines) - 1, "character": units}


def _has_mixed_ends(text: str) -> bool:
    return text.count("\r\n") not in {0, text.count("\n")}


def _end(line: str) -> str:
    return line[len(line.rstrip("\r\n")) :]


async def _stands(change: FileChange, text: str) -> bool:
    return await asyncio.to_thread(stands, change, text)


def _otherwise(change: FileChange, text: str | None) -> str:
    """What a model is told whose edit was made, if at all, together with another one of the same lines."""
    what = f"{change.shown} has another text now than was meant, for the user or a plug-in changed it meanwhile"
    advice = "read it again, and tell the user that undo takes back what looks wrong"
    return f"{what}: {advice}" + ("" if text is None else f".\n{differences(change.after or '', text)}")
