"""Approval: how an action is put before the user, and what an answer is worth."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import chain
from urllib.parse import urlsplit

from agent_lsp.conversation.actions import (
    Action,
    Command,
    Decision,
    Effect,
    Fetch,
    FileChange,
    FileMove,
    ServerUse,
    Target,
    WebSearch,
)
from agent_lsp.text.diffs import printed, with_hunks
from agent_lsp.text.visible import visible, visible_lines

_MOST_TITLE, _MOST_HEAD, _MOST_TAIL, _PIECE = 2_000, 96_000, 32_000, 4_096
"""Characters of a title, of the ends of a long detail, and of what is escaped at once."""


@dataclass(frozen=True, slots=True)
class Detail:
    """An action as text. `characters` is how long all of it is; `whole` is False where the middle was left out."""

    text: str
    characters: int
    whole: bool


def title(action: Action) -> str:
    """One line that names the tool and the resolved target or the command, escaped; of a long one both ends."""
    return _cut_line(f"{action.tool}{_title(action.effect)}")


def _title(effect: Effect) -> str:
    match effect:
        case FileChange(before=None):
            return f": create {_place(effect.path, effect.target)}"
        case FileChange(after=None):
            return f": delete {_place(effect.path, effect.target)}"
        case FileChange():
            return f": change {_place(effect.path, effect.target)}"
        case FileMove():
            source, target = _place(effect.path, effect.target), _place(effect.new_path, effect.new_target)
            return f": move {source} to {target}"
        case Command(confined=confined):
            return f"{'' if confined else ' outside the sandbox'}: {visible(effect.line)}"
        case ServerUse(program=program, base_url=url, model=model):
            return f": use {visible(model)} of {visible(program)} at {visible(url)}"
        case Fetch(url=url):
            return f": {visible(url)}"
        case WebSearch(query=query, via=via):
            return f": ask {visible(via)} for {visible(query)}"


def _place(path: str, target: Target | None) -> str:
    """A path, and where it leads if that is elsewhere."""
    return visible(path) if target is None or target.path == path else f"{visible(path)} → {visible(target.path)}"


def _cut_line(text: str) -> str:
    if len(text) <= _MOST_TITLE:
        return text
    left_out = len(text) - _MOST_TITLE
    return f"{text[: _MOST_TITLE * 2 // 3]} [… {left_out:,} characters …] {text[-_MOST_TITLE // 3 :]}"


def detail(action: Action) -> Detail:
    """The action as text: a unified diff, a move, or a folder and, below it, the command that runs there.

    Of a long one the head, the tail, how much was left out, and the digest. Blocks: call it in a thread when large.
    """
    head, tail, kept, characters = "", deque[str](), 0, 0
    for piece in whole(action):  # whole pieces, so that no escape is cut
        characters += len(piece)
        if not tail and len(head) + len(piece) <= _MOST_HEAD:
            head += piece
            continue
        tail.append(piece)
        kept += len(piece)
        while kept - len(tail[0]) >= _MOST_TAIL:
            kept -= len(tail.popleft())
    left_out = characters - len(head) - kept
    if not left_out:
        return Detail(head + "".join(tail), characters, whole=True)
    mark = f"[… {left_out:,} of {characters:,} characters left out; SHA-256 of the whole action {action.digest} …]"
    return Detail(f"{_ended(head)}{mark}\n{''.join(tail)}", characters, whole=False)


def _ended(text: str) -> str:
    return text if text.endswith("\n") else f"{text}\n"


def whole(action: Action) -> Iterator[str]:
    """All of the text that `detail` gives the ends of, in pieces."""
    match action.effect:
        case FileChange() as change:
            yield _led(change.path, change.target)
            yield from map(visible_lines, _pieces(printed(change)))
        case FileMove(path=path, new_path=new_path) as move:
            yield f"{_led(path, move.target)}{_led(new_path, move.new_target)}"
            yield f"move {visible(path)}\n  to {visible(new_path)}\n"
        case Command(line=line, cwd=cwd, timeout_seconds=seconds, confined=confined, reads=reads):
            where = (", where it can change nothing" if reads else "") if confined else ", outside the sandbox"
            yield f"in {visible(cwd)}, at most {seconds:g} s{where}:\n"
            yield from (f"  {visible(part)}\n" for part in line.split("\n"))
        case ServerUse(program=program, base_url=url, model=model):
            yield f"{visible(program)} listens on this machine. Your prompts, and what the agent reads for them,"
            yield f" go to\n  {visible(url)}, model {visible(model)}\n"
        case Fetch(url=url):
            yield f"ask {visible(urlsplit(url).netloc)} for the page at\n  {visible(url)}\n"
        case WebSearch(query=query, via=via, limit=limit):
            yield f"ask the search engine at {visible(via)} for at most {limit} results to\n  {visible(query)}\n"


def _led(path: str, target: Target | None) -> str:
    """A line on where a path leads, if that is elsewhere."""
    return "" if target is None or target.path == path else f"{visible(path)} leads to {visible(target.path)}\n"


def _pieces(lines: Iterable[str]) -> Iterator[str]:
    """The same text in pieces that are neither long nor many, whole lines where lines are short."""
    waiting, size = list[str](), 0
    for line in chain(lines, [None]):
        if line is not None:
            waiting.append(line)
            size += len(line)
        if size >= _PIECE or line is None:
            text = "".join(waiting)
            yield from (text[at : at + 2 * _PIECE] for at in range(0, len(text), 2 * _PIECE))
            waiting, size = [], 0


def narrowed(action: Action, decision: Decision) -> Action:
    """The action that was allowed: with fewer hunks where the user chose some.

    Raises ValueError for an unknown hunk.
    """
    if decision.hunks is None or not isinstance(action.effect, FileChange):
        return action
    return replace(action, effect=with_hunks(action.effect, decision.hunks))


class NotPermitted(Exception):
    """A permit does not hold: it was used, or is for another action."""


class Permit:
    """A yes to exactly one action, good for performing it once."""

    def __init__(self, action: Action) -> None:
        """Blocks: call it in a thread when the action is large."""
        self._digest, self._used = action.digest, False

    def use(self, action: Action) -> None:
        """To be called at the last moment before the action is performed. Raises NotPermitted. Blocks."""
        if self._used:
            raise NotPermitted("it was allowed once and was done already")
        if replace(action).digest != self._digest:  # of a copy, for an action keeps the digest that it was judged by
            raise NotPermitted("it is no longer what was allowed: where a path leads has changed meanwhile")
        self._used = True
