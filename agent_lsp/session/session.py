"""One conversation: its entries, its running turn, its waiting prompts and questions."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

from agent_lsp.agent import Ending, Turn
from agent_lsp.agent.turn import run_turn
from agent_lsp.conversation.entries import Content, PromptTaken, Said, TurnBegan, TurnEnded
from agent_lsp.conversation.estimate import PastTurn
from agent_lsp.conversation.events import Event, EventEnvelope, TurnFinished, TurnStarted
from agent_lsp.conversation.messages import Message, Notice, StopReason, Usage, UserMessage
from agent_lsp.conversation.redact import cleaned
from agent_lsp.conversation.tree import Conversation
from agent_lsp.journal.journal import Journal, JournalError, Paid
from agent_lsp.models import ModelError
from agent_lsp.session import (
    Asked,
    Finished,
    Lifecycle,
    SessionError,
    SessionState,
    Spent,
    TurnContext,
    TurnRefused,
    TurnRequest,
)
from agent_lsp.session.approvals import Approvals
from agent_lsp.session.watchers import Watchers
from agent_lsp.undo.change_history import told_to_the_model

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Waiting:
    order: TurnRequest
    turn_id: str
    finished: asyncio.Future[Finished]


@dataclass(frozen=True, slots=True)
class _Running:
    turn_id: str
    task: asyncio.Task[Finished]
    finished: asyncio.Future[Finished]


class Session:
    """Runs one turn at a time; prompts that come meanwhile join it, or wait for their own turn."""

    def __init__(
        self,
        session_id: str,
        conversation: Conversation,
        journal: Journal,
        *,
        lifecycle: Lifecycle,
        watchers: Watchers,
        new_id: Callable[[str], str],
        now: Callable[[], float],
    ) -> None:
        self.id, self.conversation, self.approvals = session_id, conversation, Approvals(now)
        self._journal, self._watchers, self._new_id = journal, watchers, new_id
        self._lifecycle = lifecycle
        self._state: SessionState | None = None
        self._running: _Running | None = None
        self._note = ""
        self._joined: list[TurnRequest] = []
        self._joinable = False
        self._queue: list[_Waiting] = []
        self._at_work = asyncio.Lock()

    @property
    def turn_ids(self) -> tuple[str, ...]:
        """The running turn and those that wait."""
        running = (self._running.turn_id,) if self._running else ()
        return (*running, *(waiting.turn_id for waiting in self._queue))

    @property
    def can_be_closed(self) -> bool:
        """Whether nobody would notice: nothing runs or waits, all was said, and nothing was allowed for the session.

        A permission is not read from the journal, so that none is made there: it lasts as long as its session is open.
        """
        at_work = self.turn_ids or self.approvals.pending or self._at_work.locked()
        return not (at_work or self._joined or self._note or (self._state and self._state.policy.allows_for_session))

    def change_folders(self, folders: Sequence[str]) -> None:
        """The workspace's folders, as absolute paths, are others now, for a running turn too."""
        if self._state:
            self._state.policy.change_folders(folders)

    def ask(self, order: TurnRequest) -> Asked:
        """Takes a prompt."""
        if self._running and self._joinable and not order.queue:
            self._joined.append(order)
            return Asked(self._running.turn_id, self.id, joined=True, finished=self._running.finished)
        waiting = _Waiting(order, self._new_id("turn"), asyncio.get_running_loop().create_future())
        self._queue.append(waiting)
        self._start_next()
        return Asked(waiting.turn_id, self.id, joined=False, finished=waiting.finished)

    async def keep_joined(self, order: TurnRequest) -> None:
        """Puts a prompt that joined on disk: a kill before it is said must not lose it."""
        await self.append(PromptTaken(UserMessage(order.prompt, order.context)))

    def cancel(self, turn_id: str | None = None) -> tuple[str, ...]:
        """Cancels one turn, running or waiting, or all of them; their ids. A running one ends in its own time, soon."""
        ids = tuple(one for one in self.turn_ids if turn_id in {None, one})
        for one in [one for one in self._queue if one.turn_id in ids]:
            self._queue.remove(one)
            one.finished.set_result(_finished(one.turn_id, self.id, Ending(StopReason.CANCELLED)))
        if self._running and self._running.turn_id in ids and self._joinable:
            self._joinable = False
            self._running.task.cancel()
        return ids

    async def close(self) -> None:
        """Cancels, and waits until the turn has left its record in order."""
        running = self._running
        self.cancel()
        if running:
            await asyncio.wait([running.task])

    @property
    def messages(self) -> Sequence[Message]:
        return self.conversation.messages

    def has_call(self, call_id: str) -> bool:
        return self.conversation.has_call(call_id)

    async def append(self, *contents: Content, paid: Paid = Paid(), used: PastTurn | None = None) -> None:
        """Writes entries at the head. A cancellation waits for the write, so that memory and disk agree."""
        writing = asyncio.ensure_future(self._append(contents, paid, used))
        try:
            await asyncio.shield(writing)
        except asyncio.CancelledError:
            await asyncio.wait([writing])
            raise

    def take_joined(self) -> tuple[UserMessage, ...]:
        joined, self._joined = self._joined, []
        return tuple(UserMessage(order.prompt, order.context) for order in joined)

    async def refresh(self) -> None:
        """Reads again what another process has added since. Raises JournalError."""
        known, head = self.conversation, self.conversation.head
        if self._running or await self._journal.head(self.id) == head:
            return
        loaded = await self._journal.load(self.id)
        if loaded and not self._running and self.conversation is known and known.head == head:  # nothing of ours since
            self.conversation = loaded

    def must_be_idle(self) -> None:
        """Raises SessionError while a turn runs."""
        if self._running:
            raise SessionError("a turn of this session is running: cancel it, or wait for its end")

    @asynccontextmanager
    async def alone(self) -> AsyncIterator[None]:
        """Keeps turns out while files are brought back. Raises SessionError while one runs, JournalError."""
        self.must_be_idle()
        async with self._at_work:
            await self.refresh()
            with self._journal.hold(self.id):
                await self._close_open_turn()
                yield

    async def recover(self) -> None:
        """Ends the turn that a killed daemon left open: calls get results, the turn its end. Raises JournalError."""
        if self.conversation.open_turn is None:
            return
        with self._journal.hold(self.id):
            await self._close_open_turn()

    async def begin_branch(self) -> None:
        """Ends the turn in the middle of which this session branched off, if it did."""
        with self._journal.hold(self.id):
            await self._close_open_turn("the session was branched")

    async def _close_open_turn(self, what_happened: str = "the daemon stopped") -> None:
        """Ends a turn that a killed daemon, a full disk or a branch left open."""
        if (left := self.conversation.open_turn) is None:
            return
        lost = self.conversation.results_left_open(what_happened)
        results = (Said(lost),) if lost else ()
        words = tuple(Said(message) for message in self.conversation.words_after_a_kill())
        if lost and any("unknown" in result.text for result in lost.results):
            self._note = "The daemon stopped while a command ran: look what became of it, nobody knows."
        used = self.conversation.used_in_open_turn
        ended = TurnEnded(left.turn_id, StopReason.FAILED, used, None, f"{what_happened} in mid-turn")
        await self.append(*results, *words, ended)

    async def _append(self, contents: tuple[Content, ...], paid: Paid, used: PastTurn | None) -> None:
        head = self.conversation.head
        self.conversation.grow(await self._journal.append(self.id, head, contents, paid=paid, turn=used))

    def _start_next(self) -> None:
        if self._running is None and self._queue:
            waiting = self._queue.pop(0)
            self._joinable = True
            task = asyncio.create_task(self._run(waiting), name=waiting.turn_id)
            self._running = _Running(waiting.turn_id, task, waiting.finished)
            task.add_done_callback(lambda task: self._ended(waiting, task))

    def _ended(self, waiting: _Waiting, task: asyncio.Task[Finished]) -> None:
        # Here and not at the end of the task: one that is cancelled before its first step never runs.
        self._running = None
        if task.cancelled():
            self._joined.clear()  # with the turn, which never began: they are on record
            done = _finished(waiting.turn_id, self.id, Ending(StopReason.CANCELLED))
        elif error := task.exception():
            _log.error("turn %s broke at its border", waiting.turn_id, exc_info=error)
            done = _finished(waiting.turn_id, self.id, _failed("internal", _internal(error)))
            self._emit(waiting.turn_id, _event(done))
        else:
            done = task.result()
        self._queue_joined()
        waiting.finished.set_result(done)
        self._start_next()

    async def _run(self, waiting: _Waiting) -> Finished:
        """The turn's border: whatever happens inside, the turn ends with one line and the next may begin."""
        try:
            async with self._at_work:
                with self._journal.hold(self.id):
                    await self._close_open_turn()
                    return await self._turn(waiting)
        except JournalError as error:
            finished = _finished(waiting.turn_id, self.id, _failed("journal", str(error)))
            self._emit(waiting.turn_id, _event(finished))
            return finished

    async def _turn(self, waiting: _Waiting) -> Finished:
        order, turn_id = waiting.order, waiting.turn_id
        turn: Turn | None = None
        try:
            told = told_to_the_model(self.conversation.entries)
            said = (UserMessage(order.prompt, order.context), *((Notice(told),) if told else ()))
            await self.append(TurnBegan(turn_id, order.model or ""), *map(Said, said))
            self._state = self._state or self._lifecycle.begin()
            place = TurnContext(
                turn_id,
                self.id,
                self._state,
                self,
                lambda request: self.approvals.ask(request, order.ask_user),
                lambda event: self._emit(turn_id, event),
                self._spent(),
            )
            turn = await self._lifecycle.build(order, place)
            self._emit(turn_id, TurnStarted(order.prompt, turn.model.name, self._take_note(turn.model.note)))
            ending = await run_turn(turn)
        except asyncio.CancelledError:
            ending = Ending(StopReason.CANCELLED)
        except (ModelError, TurnRefused) as error:
            ending = _failed(error.kind, str(error))
        except JournalError as error:
            ending = _failed("journal", str(error))
        except Exception as error:
            _log.exception("turn %s failed", turn_id)
            ending = _failed("internal", _internal(error))
        self._joinable = False  # from here on a prompt is a turn of its own, and a cancel comes too late
        if turn is None:
            self._emit(turn_id, TurnStarted(order.prompt, order.model or ""))
        return await self._end(turn_id, ending, turn)

    async def _end(self, turn_id: str, ending: Ending, turn: Turn | None) -> Finished:
        budget = turn.budget if turn else None
        usage, cost = (budget.usage, budget.cost) if budget else (Usage(), 0.0)
        ending = cleaned(ending, self._watchers.clean)
        estimate = turn.estimate if turn and ending.stop_reason is StopReason.END_TURN else None
        finished = Finished(turn_id, self.id, ending, usage, cost, estimate)
        used = PastTurn(turn_id, self.id, turn.model.name, usage, cost, estimate) if turn else None
        if ending.stop_reason is not StopReason.CANCELLED:
            self._queue_joined()
        words = tuple(Said(prompt) for prompt in self.take_joined())  # a turn that was cancelled took them in no more
        await self.append(*words, TurnEnded(turn_id, ending.stop_reason, usage, cost, ending.error), used=used)
        self._emit(turn_id, _event(finished))
        return finished

    def _queue_joined(self) -> None:
        """What a turn that failed, or came to a limit, did not take in any more is asked in turns of their own."""
        loop = asyncio.get_running_loop()
        first = [_Waiting(order, self._new_id("turn"), loop.create_future()) for order in self._joined]
        self._joined, self._queue = [], first + self._queue

    def _take_note(self, note: str) -> str:
        """What the user should know at the beginning of a turn, what is said once among it."""
        told, self._note = " ".join(filter(None, (self._note, note))), ""
        return told

    def _spent(self) -> Spent:
        """What the session's finished turns have used."""
        ended = [entry.content for entry in self.conversation.entries if isinstance(entry.content, TurnEnded)]
        return Spent(sum((turn.usage for turn in ended), Usage()), sum(turn.cost or 0.0 for turn in ended))

    def _emit(self, turn_id: str, event: Event) -> None:
        self._watchers.show(EventEnvelope(self.id, turn_id, self.conversation.head or 0, event))


def _finished(turn_id: str, session_id: str, ending: Ending) -> Finished:
    return Finished(turn_id, session_id, ending, Usage(), 0.0)


def _failed(kind: str, message: str) -> Ending:
    return Ending(StopReason.FAILED, error_kind=kind, error=message)


def _event(finished: Finished) -> TurnFinished:
    ending, sums = finished.ending, (finished.usage, finished.cost)
    words = (ending.text, ending.error_kind, ending.error)
    return TurnFinished(ending.stop_reason, *sums, *words, finished.estimate)


def _internal(error: BaseException) -> str:
    return f"internal error ({_root_cause(error)}); the log has the details"


def _root_cause(error: BaseException) -> str:
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return type(error).__name__
