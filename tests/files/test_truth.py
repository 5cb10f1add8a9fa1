"""Random interleavings of typing, saves, other programs, the agent's edits and undo, against a model of the text.

Every line that is ever written is another one, so that sets of lines say what an edit kept and what it made.
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Coroutine, Sequence, Set
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, TypeVar

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    MultipleResults,
    RuleBasedStateMachine,
    initialize,
    invariant,
    multiple,
    precondition,
    rule,
)

from agent_lsp.conversation.actions import Action, FileChange, ToolKind
from agent_lsp.conversation.entries import FileChanged
from agent_lsp.files.disk import ChangedMeanwhile
from agent_lsp.files.editor import EditorRefused
from agent_lsp.files.encodings import Encoding, decoded, encoded
from agent_lsp.files.files import Files, Performed
from agent_lsp.files.overlay import Buffer
from agent_lsp.files.roots import Roots
from agent_lsp.processes.run import Processes
from agent_lsp.search.search import Search
from agent_lsp.text.diffs import lines_of
from agent_lsp.undo.checkpoints import Checkpoints
from agent_lsp.undo.content_store import ContentStore
from agent_lsp.undo.snapshots import Snapshots
from agent_lsp.undo.undo import Undo
from agent_lsp.undo.undo_plan import Skipped, UndoPlan
from tests.files.lively_editor import LivelyEditor, Mood

T = TypeVar("T")
SPOTS = st.floats(0, 1)
COUNTS = st.sampled_from([0, 1, 4, 12])
HUNKS = st.lists(SPOTS, max_size=3)
MOODS = st.sampled_from([Mood.QUIET, *Mood])
ENDS = st.sampled_from(["\n", "\r\n", "\r"])


@dataclass(frozen=True, slots=True)
class Made:
    """What the agent, or an undo, has on record: the lines that came with it, and those that went."""

    changes: tuple[FileChanged, ...]
    came: frozenset[str]
    went: frozenset[str]


class Workspace(RuleBasedStateMachine):
    """One file, its buffer, and all who write it. `typed` are the user's lines that must not be lost."""

    changes = Bundle("changes")
    made = Bundle("made")

    @initialize(encoding=st.sampled_from(Encoding), count=COUNTS, end=ENDS, open_it=st.booleans())
    def begin(self, encoding: Encoding, count: int, end: str, open_it: bool) -> None:
        self.folder, self.copies = TemporaryDirectory(), TemporaryDirectory()
        self.path = Path(self.folder.name).resolve() / "a"
        self.numbers = itertools.count()
        self.encoding = encoding
        self.editor = LivelyEditor()
        self.editor.type = lambda: self._type(0.5, "\n")
        self.files = Files(Roots([self.folder.name]), self.editor)
        self.objects, self.processes = ContentStore(Path(self.copies.name)), Processes()
        snapshots = Snapshots(self.files, Search(self.files, self.processes, None), self.objects)
        self.checkpoints = Checkpoints(self.files, self.objects, snapshots)
        self.restoring = Undo(self.files, self.objects)
        self.runner = asyncio.Runner()
        self.typed: set[str] = set()
        self.last: Made | None = None
        self.disk = "".join(self._line(end) for _ in range(count))
        self._save(self.disk)
        if open_it:
            self.open()

    def teardown(self) -> None:
        if hasattr(self, "runner"):
            self._run(self.processes.close())
            self.runner.close()
            self.folder.cleanup()
            self.copies.cleanup()

    def _line(self, end: str) -> str:
        accent = "é" if self.encoding is Encoding.LATIN_1 else "日"
        return f"{accent} {next(self.numbers)}{end}"

    def _save(self, text: str) -> None:
        self.disk = text
        self.path.write_bytes(encoded(text, self.encoding))

    @property
    def text(self) -> str:
        return self.editor.buffer.text if self.editor.buffer else self.disk

    @precondition(lambda self: self.editor.buffer is None)
    @rule()
    def open(self) -> None:
        self.editor.buffer = Buffer(str(self.path), self.path.as_uri(), self.disk, 1)

    @precondition(lambda self: self.editor.buffer is not None)
    @rule()
    def save(self) -> None:
        self._save(self.text)

    @precondition(lambda self: self.editor.buffer is not None)
    @rule()
    def close_without_saving(self) -> None:
        self.editor.buffer = None
        self.typed &= _set(self.disk)

    @precondition(lambda self: self.editor.buffer is not None)
    @rule(spot=SPOTS, end=ENDS)
    def type(self, spot: float, end: str) -> None:
        self._type(spot, end)

    @precondition(lambda self: self.editor.buffer is not None)
    @rule(spot=SPOTS)
    def delete_a_line(self, spot: float) -> None:
        lines = lines_of(self.text)
        if lines:
            gone = lines.pop(int(spot * (len(lines) - 1)))
            self.typed.discard(gone.strip())
            self.editor.hold("".join(lines))

    @rule(spot=SPOTS)
    def another_program_writes(self, spot: float) -> None:
        line = self._line("\n")
        self._save(_inserted(self.disk, spot, line))
        if self.editor.buffer is None:
            self.typed.add(line.strip())

    def _type(self, spot: float, end: str) -> None:
        line = self._line(end)
        self.typed.add(line.strip())
        self.editor.hold(_inserted(self.text, spot, line))

    @rule(target=changes, spots=st.lists(st.tuples(SPOTS, st.booleans()), min_size=1, max_size=3))
    def the_agent_decides(self, spots: Sequence[tuple[float, bool]]) -> FileChange:
        document = self._run(self.files.read("a"))
        assert document.text == self.text
        lines = lines_of(document.text)
        for spot, replaces in spots:
            at = int(spot * len(lines))
            lines[at : at + replaces] = [self._line("\n")]
        after = "".join(lines)
        return self._run(self.files.change(document.location, document, after))

    @rule(target=made, change=changes, mood=MOODS)
    def the_agent_edits(self, change: FileChange, mood: Mood) -> Made | MultipleResults[Made]:
        self.editor.mood = mood
        before, disk, was_open = self.text, self.disk, self.editor.buffer is not None
        taken = self._run(self.checkpoints.take(Action("edit_file", ToolKind.EDIT, "", change)))
        done: Performed | None = None
        with suppress(ChangedMeanwhile, EditorRefused):
            done = self._run(self.files.perform(change))
        if done and not was_open:
            self._written_on_disk(done.made.after or "")
        base, after, now = _set(change.before or ""), _set(change.after or ""), _set(self.text)
        added = {line for line in self.typed if line not in _set(before)}
        if done:
            assert done.made.after == self.text or (was_open and mood is Mood.TYPES_AFTER)
            assert now == (_set(before) | added) - (base - after) | (after - base)
            self.typed -= base - after
            became = self._run(self.checkpoints.performed(taken, done.made))
        else:
            became = self._run(self.checkpoints.failed(taken))
            if now != _set(before) | added:  # made, and typed into before it could be verified: refused, and all there
                assert now == (_set(before) | added) - (base - after) | (after - base)
                self.typed -= base - after
        assert was_open is False or self.disk == disk
        for text in (before, change.after or ""):
            assert _in_order([line for line in lines_of(text) if line in lines_of(self.text)], lines_of(self.text))
        return self._made(became.changes, after - base, base - after)

    @rule(target=made, made=made, mood=MOODS, spots=HUNKS)
    def the_user_undoes(self, made: Made, mood: Mood, spots: Sequence[float]) -> Made | MultipleResults[Made]:
        return self._undone(made, mood, spots)

    @precondition(lambda self: self.last is not None)
    @rule(target=made, mood=MOODS, spots=HUNKS)
    def the_user_undoes_the_last(self, mood: Mood, spots: Sequence[float]) -> Made | MultipleResults[Made]:
        assert self.last
        return self._undone(self.last, mood, spots)

    def _undone(self, made: Made, mood: Mood, spots: Sequence[float]) -> Made | MultipleResults[Made]:
        """Of an edit, or of an undo, which is redo; all of it, or the hunks at some spots."""
        self.editor.mood = mood
        before = _set(self.text)
        plan = self._run(self._planned(made, spots))
        outcomes = self._run(self._restored(plan))
        steps = tuple(outcome for outcome in outcomes if isinstance(outcome, FileChanged))
        self._look_at_the_disk(steps)
        added = {line for line in self.typed if line not in before}
        now = _set(self.text)
        assert before - now <= made.came
        assert now - before - added <= made.went
        if not steps and mood is not Mood.TYPES_AFTER:
            assert now == before | added
        return self._made(steps, made.went, made.came)

    def _made(self, changes: tuple[FileChanged, ...], came: Set[str], went: Set[str]) -> Made | MultipleResults[Made]:
        if not changes:
            return multiple()
        self.last = Made(changes, frozenset(came), frozenset(went))
        return self.last

    async def _planned(self, made: Made, spots: Sequence[float]) -> UndoPlan:
        if not spots:
            return await self.restoring.plan([made.changes], unsure=False)
        hunks = [hunk.id for file in await self.restoring.hunks(made.changes) for hunk in file.hunks]
        chosen = {hunks[int(spot * (len(hunks) - 1))] for spot in spots if hunks}
        return await self.restoring.plan_hunks(made.changes, chosen)

    async def _restored(self, plan: UndoPlan) -> list[FileChanged | Skipped]:
        return [outcome async for outcome in self.restoring.perform(plan)]

    def _look_at_the_disk(self, steps: Sequence[FileChanged]) -> None:
        """It holds what it held, or what a step was to make of it, and nothing else."""
        data = self.path.read_bytes()
        if data != encoded(self.disk, self.encoding):
            assert data in [self.objects.find(step.after.digest) for step in steps if step.after]
            found = decoded(data)
            assert found
            assert self.editor.buffer is None or self.editor.buffer.text == found.text
            self.disk = found.text
            self.encoding = found.encoding if found.text else self.encoding

    def _written_on_disk(self, text: str) -> None:
        if not self.disk and self.encoding is Encoding.LATIN_1:
            self.encoding = Encoding.UTF_8  # an empty file has no encoding yet
        self.disk = text

    def _run(self, work: Coroutine[Any, Any, T]) -> T:
        return self.runner.run(work)

    @invariant()
    def no_keystroke_is_lost(self) -> None:
        if hasattr(self, "typed"):
            assert self.typed <= {line.strip() for line in lines_of(self.text)}

    @invariant()
    def the_disk_holds_what_was_written_last_and_nothing_half(self) -> None:
        if hasattr(self, "path"):
            assert self.path.read_bytes() == encoded(self.disk, self.encoding)
            assert [file.name for file in self.path.parent.iterdir()] == ["a"]


def _inserted(text: str, spot: float, line: str) -> str:
    lines = lines_of(text)
    at = int(spot * len(lines))
    return "".join([*lines[:at], line, *lines[at:]])


def _set(text: str) -> set[str]:
    return {line.strip() for line in lines_of(text)}


def _in_order(lines: Sequence[str], text: Sequence[str]) -> bool:
    places = [text.index(line) for line in lines]
    return places == sorted(places)


Workspace.TestCase.settings = settings(stateful_step_count=40, suppress_health_check=[*HealthCheck])
test_no_interleaving_loses_a_keystroke_or_leaves_half_a_file = Workspace.TestCase
