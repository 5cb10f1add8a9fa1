"""A session's changes taken back, made again, and branched from: what the journal tells of them, and how it is done."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from agent_lsp.conversation.entries import FileChanged, FilesChanged, Redone, TurnBegan, Undone
from agent_lsp.conversation.tree import Conversation
from agent_lsp.session import SessionError
from agent_lsp.session.session import Session
from agent_lsp.undo.change_history import ChangeSet, change_sets, origin_of, undone_entries
from agent_lsp.undo.snapshots import Snapshots
from agent_lsp.undo.undo import Undo
from agent_lsp.undo.undo_plan import SO_ALREADY, UNWATCHED, FileHunks, Skipped, UndoPlan

_NOTHING_LEFT = {SO_ALREADY, UNWATCHED}


@dataclass(frozen=True, slots=True)
class Restored:
    """What was brought back, as URIs, and what was left or not brought back as far as asked, with the reason."""

    restored: tuple[str, ...]
    kept: tuple[Skipped, ...]


class History:
    """Undo and redo for one workspace's sessions."""

    def __init__(self, restoring: Undo, snapshots: Snapshots, new_id: Callable[[str], str]) -> None:
        self._restoring, self._snapshots, self._new_id = restoring, snapshots, new_id

    async def undo(self, session: Session, entry_id: int | None = None, hunks: Sequence[str] = ()) -> Restored:
        """Takes back what a turn or call changed; by default the last turn that was not taken back yet.

        An undo that did not come to its end, because the daemon was killed, goes on before that.
        `entry_id` is the `seq` of a call's `filesChanged`, or of any other entry of a turn: then the whole turn is
        meant. `hunks` are of a call's. Raises SessionError, JournalError, NotKept.
        """
        async with session.alone():
            if hunks:
                call = _call(session.conversation, entry_id)
                plan = await self._plan_hunks(call, hunks)
                return await self._carry_out(session, plan, self._undone(call.seq, call.what.turn_id, plan, hunks))
            for aim in _aims(session.conversation, entry_id):
                links = [await self._changes(one) for one in aim.sets]
                plan = _with_unwatched(await self._restoring.plan(links, unsure=entry_id is not None), aim)
                if entry_id is not None or plan.steps or aim.says(plan):
                    return await self._carry_out(session, plan, self._undone(aim.of, aim.turn_id, plan))
            raise SessionError("nothing to undo: no turn of this session changed files that were not restored already")

    async def redo(self, session: Session, entry_id: int | None = None, hunks: Sequence[str] = ()) -> Restored:
        """Makes again what was taken back: the last time, or by that `undone` entry.

        Raises SessionError, JournalError, NotKept.
        """
        async with session.alone():
            undone = _to_redo(session.conversation, entry_id)
            if hunks:
                plan = await self._plan_hunks(undone, hunks)
            else:
                plan = await self._restoring.plan([undone.what.changes], unsure=True)
            record = Redone(self._new_id("redo"), undone.seq, undone.what.turn_id, plan.steps, tuple(hunks))
            return await self._carry_out(session, plan, record)

    async def hunks(self, conversation: Conversation, entry_id: int) -> tuple[FileHunks, ...]:
        """What a `filesChanged`, `undone` or `redone` entry changed in texts. Raises SessionError."""
        return await self._restoring.hunks(_set(conversation, entry_id).what.changes)

    async def restore_for_branch(self, source: Session, branch: Session, entry_id: int) -> Restored:
        """Brings files back to what they were at the entry of `source` from which `branch` goes on.

        The branch has it on record: its redo makes the changes again. Raises SessionError, JournalError, NotKept.
        """
        async with source.alone(), branch.alone():
            later = [one for one in change_sets(source.conversation.entries) if one.seq > entry_id]
            plan = await self._restoring.plan([await self._changes(one) for one in later], unsure=False)
            return await self._carry_out(branch, plan, self._undone(entry_id, "", plan))

    def _undone(self, of: int, turn_id: str, plan: UndoPlan, hunks: Sequence[str] = ()) -> Undone:
        return Undone(self._new_id("undo"), of, turn_id, plan.steps, tuple(hunks))

    async def _plan_hunks(self, one: ChangeSet, hunks: Sequence[str]) -> UndoPlan:
        try:
            return await self._restoring.plan_hunks(one.what.changes, hunks)
        except ValueError as error:
            raise SessionError(str(error)) from error

    async def _changes(self, one: ChangeSet) -> Sequence[FileChanged]:
        """Of a command that a kill cut off nobody has looked yet what it changed."""
        if isinstance(one.what, FilesChanged) and one.what.snapshot:
            return await self._snapshots.since(one.what.snapshot)
        return one.what.changes

    async def _carry_out(self, session: Session, plan: UndoPlan, record: Undone | Redone) -> Restored:
        """On record before anything is changed, and afterwards as it became."""
        kept = list(plan.kept)
        if not plan.steps:
            return Restored((), tuple(kept))
        await session.append(record)
        made: list[FileChanged] = []
        try:
            async for outcome in self._restoring.perform(plan):
                if isinstance(outcome, Skipped):
                    kept.append(outcome)
                else:
                    made.append(outcome)
        finally:
            if len(made) < len(plan.steps):
                await session.append(replace(record, changes=tuple(made)))
        return Restored(tuple(one.uri for one in made), tuple(kept))


def undoable(conversation: Conversation) -> int | None:
    """The first entry of the turn that the next undo would be about; what it finds in the files decides."""
    return next((aim.of for aim in _aims(conversation, None) if not aim.undone), None)


def redoable(conversation: Conversation) -> int | None:
    """The `undone` entry that the next redo would be about."""
    found = _undone_entries(conversation)
    return found[-1].seq if found else None


@dataclass(frozen=True, slots=True)
class _Aim:
    """The entry whose changes are meant, its turn, and all changes that belong to it; whether an undo is on record."""

    of: int
    turn_id: str
    sets: tuple[ChangeSet, ...]
    undone: bool = False

    def says(self, plan: UndoPlan) -> bool:
        """Whether the user is told of a plan without steps: what an undo left was told then."""
        return not self.undone and any(kept.why not in _NOTHING_LEFT for kept in plan.kept)


def _with_unwatched(plan: UndoPlan, aim: _Aim) -> UndoPlan:
    """Where there are changes that nobody saw is said once for each folder."""
    folders = {uri for one in aim.sets if isinstance(one.what, FilesChanged) for uri in one.what.unwatched}
    return replace(plan, kept=plan.kept + tuple(Skipped(uri, UNWATCHED) for uri in sorted(folders)))


def _aims(conversation: Conversation, entry_id: int | None) -> list[_Aim]:
    """What may be meant, the likeliest first: without an entry the turns that are not taken back, the last first."""
    sets, turns = change_sets(conversation.entries), _turns(conversation)
    if entry_id is None:
        gone = undone_entries(sets)
        calls = [one.what for one in sets if isinstance(one.what, FilesChanged) and one.seq not in gone]
        changing = {call.turn_id for call in calls if call.changes or call.snapshot}
        standing = [began for began in reversed(turns) if turns[began] in changing and began not in gone]
        return [*_cut_off(turns, sets), *(_of_turn(began, turns, sets) for began in standing)]
    for one in sets:
        if entry_id in {one.seq, one.last} and isinstance(one.what, FilesChanged):
            return [_Aim(one.seq, one.what.turn_id, tuple(s for s in sets if origin_of(s, sets) == one.seq))]
    return [_of_turn(_turn_around(conversation, entry_id), turns, sets)]


def _cut_off(turns: Mapping[int, str], sets: Sequence[ChangeSet]) -> list[_Aim]:
    """The turn that was undone last, if nothing was changed since: only its files tell whether all of it was."""
    match sets[-1].what if sets else None:
        case Undone(of=of, hunks=()) if of in turns:
            return [replace(_of_turn(of, turns, sets), undone=True)]
        case _:
            return []


def _of_turn(began: int, turns: Mapping[int, str], sets: Sequence[ChangeSet]) -> _Aim:
    return _Aim(began, turns[began], tuple(one for one in sets if one.what.turn_id == turns[began]))


def _set(conversation: Conversation, entry_id: int) -> ChangeSet:
    for one in change_sets(conversation.entries):
        if entry_id in {one.seq, one.last}:
            return one
    raise SessionError(f"entry {entry_id} is no change of files: agent.session tells the entries")


def _call(conversation: Conversation, entry_id: int | None) -> ChangeSet:
    if entry_id is None or not isinstance((one := _set(conversation, entry_id)).what, FilesChanged):
        raise SessionError("hunks are those of one call: name its filesChanged entry as entryId")
    return one


def _to_redo(conversation: Conversation, entry_id: int | None) -> ChangeSet:
    if entry_id is None:
        if found := _undone_entries(conversation):
            return found[-1]
        raise SessionError("nothing to redo: nothing was undone, or all of it was made again")
    one = _set(conversation, entry_id)
    if not isinstance(one.what, Undone):
        raise SessionError(f"nothing to redo: entry {entry_id} is no undo")
    return one


def _undone_entries(conversation: Conversation) -> list[ChangeSet]:
    """What was taken back and not made again, the last time last."""
    sets = change_sets(conversation.entries)
    again = {one.what.of for one in sets if isinstance(one.what, Redone) and one.what.changes and not one.what.hunks}
    return [one for one in sets if isinstance(one.what, Undone) and one.what.changes and one.seq not in again]


def _turns(conversation: Conversation) -> dict[int, str]:
    """The turns by the `seq` of their first entry."""
    return {e.seq: e.content.turn_id for e in conversation.entries if isinstance(e.content, TurnBegan)}


def _turn_around(conversation: Conversation, entry_id: int) -> int:
    if all(entry.seq != entry_id for entry in conversation.entries):
        raise SessionError(f"this session has no entry {entry_id}: agent.session tells its entries")
    began = [seq for seq in _turns(conversation) if seq <= entry_id]
    if not began:
        raise SessionError(f"entry {entry_id} lies before the first turn")
    return began[-1]
